from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import ledger
from orchestrator.delivery import RETIRED, Phase
from orchestrator.discovery import Estate
from orchestrator.engine import Engine
from orchestrator.errors import (
    AwsError,
    GuardError,
    PreflightError,
    RunError,
    SecretError,
    StateError,
    StateLockedError,
    WealistError,
)
from orchestrator.rotation import Rotation, prepare_rotation
from orchestrator.run import RunOptions
from orchestrator.sandbox.extensions.elasticache import replication_group
from tests.estate import KEY, Store, target_of
from tests.fakes import FakeRunner, Reply, recorded
from tests.plans import change, plan_json, script
from tests.redis import GROUP, TARGET, TOKENS, VERSION, YAML, Redis

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.redaction import Redactor
    from orchestrator.run import Proposal


def yes(_: Proposal) -> bool:
    return True


@pytest.fixture
def redis(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Redis:
    return Redis.make(store, monkeypatch, tmp_path / "estate")


@pytest.fixture
def runner(runner: FakeRunner) -> FakeRunner:
    """One that plans a rotation."""
    script(runner, Redis.plan())
    return runner


@pytest.fixture
def estate(redis: Redis, tmp_path: Path) -> Estate:
    return Estate.find(tmp_path / "estate")


def prepare(estate: Estate, name: str = "token", redact: Redactor | None = None) -> Rotation:
    return prepare_rotation(estate, name, target_of(estate.root), redact=redact)


def engine(estate: Estate, runner: FakeRunner) -> Engine:
    return Engine(estate, target_of(estate.root), runner=runner)


def entries(estate: Estate, event: str) -> list[dict[str, Any]]:
    return [entry for entry in ledger.read(target_of(estate.root).home) if entry["event"] == event]


def everything_left(estate: Estate) -> str:
    files = (path for path in (estate.root / ".wealist").rglob("*") if path.is_file())
    return "".join(path.read_text(errors="replace") for path in files)


# Rotate


def test_rotating_replaces_the_version_and_changes_the_group_alone(
    redis: Redis, estate: Estate, runner: FakeRunner
) -> None:
    runner.answer("apply", Reply(stdout=recorded("apply-create.jsonl"), does=lambda _: redis.rotate()))
    rotation = prepare(estate)

    report = rotation.rotate(engine(estate, runner), RunOptions(values={"name": "x"}), confirm=yes)

    assert report.exit_code == 0
    plan = runner.last("plan").argv
    assert f"-replace={VERSION}" in plan
    assert f"-target={TARGET}" in plan
    assert redis.calls == [("ROTATE", TOKENS[1])]
    assert prepare(estate).phase is Phase.OPEN
    (entry,) = entries(estate, "rotated")
    assert (entry["secret"], entry["layer"]) == ("token", "prod/foundation")
    assert (entry["version"], entry["previous"]) == (redis.versions["AWSCURRENT"], redis.versions["AWSPREVIOUS"])
    assert not any(token in everything_left(estate) for token in TOKENS)


@pytest.mark.parametrize(
    ("planned", "beyond"),
    [
        (Redis.plan(node_type="cache.t4g.micro"), f"{TARGET}.node_type"),
        (plan_json(change("aws_security_group.redis", "update", {}, {"a": 1})), "aws_security_group.redis"),
        (plan_json(change(VERSION, "create", None, {})), VERSION),
    ],
)
def test_a_plan_that_changes_more_than_the_token_is_refused(
    planned: dict[str, Any], beyond: str, redis: Redis, estate: Estate, runner: FakeRunner
) -> None:
    script(runner, planned)

    with pytest.raises(RunError, match="changes more than the token") as caught:
        prepare(estate).rotate(engine(estate, runner), confirm=yes)

    assert caught.value.exit_code == 13
    assert caught.value.message.endswith(f": {beyond}")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("first wealist up prod/foundation")
    assert "apply" not in runner.started


@pytest.mark.parametrize(
    ("left_out", "message"),
    [
        (TARGET, f"makes a new value, and {TARGET} would not be given it"),
        (VERSION, f"makes no new value: {VERSION} is not in it"),
    ],
)
def test_a_plan_that_does_one_half_alone_is_refused(
    left_out: str, message: str, redis: Redis, estate: Estate, runner: FakeRunner
) -> None:
    planned = Redis.plan()
    planned["resource_changes"] = [one for one in planned["resource_changes"] if one["address"] != left_out]
    script(runner, planned)

    with pytest.raises(RunError, match=re.escape(message)) as caught:
        prepare(estate).rotate(engine(estate, runner), confirm=yes)

    assert caught.value.exit_code == 13
    assert caught.value.hint is not None
    assert f"auth_token of {TARGET} has to come from {VERSION}" in caught.value.hint
    assert "apply" not in runner.started


def test_a_plan_that_changes_nothing_is_no_rotation(redis: Redis, estate: Estate, runner: FakeRunner) -> None:
    """Terraform says no word where what is to be replaced is not below the target."""
    script(runner, None)

    with pytest.raises(SecretError, match="token was not rotated: the plan changes nothing") as caught:
        prepare(estate).rotate(engine(estate, runner), confirm=yes)

    assert caught.value.hint is not None
    assert "secrets.token.rotation" in caught.value.hint
    assert entries(estate, "rotated") == []


def test_a_token_in_a_field_of_the_secret(redis: Redis, estate: Estate) -> None:
    (estate.root / "wealist.yaml").write_text(YAML.replace("token_secret_arn", "token_secret_arn\n    field: auth", 1))
    redis.secrets.put_secret_value(SecretId=redis.arn, SecretString=json.dumps({"auth": TOKENS[1]}))
    redis.write_state(token=TOKENS[1])
    redis.elasticache.modify_replication_group(
        ReplicationGroupId=GROUP, AuthToken=TOKENS[1], AuthTokenUpdateStrategy="ROTATE"
    )

    rotation = prepare(Estate.find(estate.root))
    assert rotation.phase is Phase.OPEN
    redis.elasticache.describe_replication_groups()
    assert prepare(Estate.find(estate.root)).finish() is True

    assert redis.calls[-1] == ("SET", TOKENS[1])


def test_a_plan_that_is_turned_down_rotates_nothing(redis: Redis, estate: Estate, runner: FakeRunner) -> None:
    prepare(estate).rotate(engine(estate, runner), confirm=lambda _: False)

    assert "apply" not in runner.started
    assert entries(estate, "rotated") == []


def test_a_second_rotation_waits_for_the_end_of_the_first(redis: Redis, estate: Estate) -> None:
    redis.rotate()
    rotation = prepare(estate)

    with pytest.raises(GuardError, match="the last rotation of token is not finished") as caught:
        rotation.check()

    assert caught.value.hint is not None
    assert "wealist secrets rotate token --finish" in caught.value.hint
    rotation.check(drop_oldest=True)


def test_an_apply_that_fails_half_way_says_what_a_plan_does_not(
    redis: Redis, estate: Estate, runner: FakeRunner
) -> None:

    def half(_: object) -> None:
        redis.store_token(TOKENS[1])
        redis.write_state(token=TOKENS[1])

    runner.answer("apply", Reply(returncode=1, stdout=recorded("apply-failed.jsonl"), does=half))

    with pytest.raises(RunError) as caught:
        prepare(estate).rotate(engine(estate, runner), confirm=yes)

    assert caught.value.hint is not None
    assert caught.value.hint.startswith("wealist secrets rotate token makes another")
    again = prepare(estate)
    runner.answer("apply", Reply(stdout=recorded("apply-create.jsonl"), does=lambda _: redis.rotate(TOKENS[2])))
    again.rotate(engine(estate, runner), confirm=yes)
    assert redis.calls == [("ROTATE", TOKENS[2])]
    assert prepare(estate).phase is Phase.OPEN


def test_an_apply_that_fails_before_anything_keeps_its_own_hint(
    redis: Redis, estate: Estate, runner: FakeRunner
) -> None:
    runner.answer("apply", Reply(returncode=1, stdout=recorded("apply-failed.jsonl")))

    with pytest.raises(RunError) as caught:
        prepare(estate).rotate(engine(estate, runner), confirm=yes)

    assert caught.value.hint is not None
    assert caught.value.hint.endswith("once its reason is mended: wealist secrets rotate token")


def test_an_apply_that_fails_after_the_token_arrived_is_not_resumed(
    redis: Redis, estate: Estate, runner: FakeRunner
) -> None:
    """A third token would drop the first, which the clients still use."""
    failed = Reply(returncode=1, stdout=recorded("apply-failed.jsonl"), does=lambda _: redis.rotate())
    runner.answer("apply", failed)

    with pytest.raises(RunError) as caught:
        prepare(estate).rotate(engine(estate, runner), confirm=yes)

    assert caught.value.hint is not None
    assert "acme-redis accepts both" in caught.value.hint
    assert caught.value.hint.endswith("then wealist secrets rotate token --finish")
    assert len(entries(estate, "rotated")) == 1
    with pytest.raises(GuardError, match="was a rotation of token, which is not resumed"):
        engine(estate, runner).unfinished()
    with pytest.raises(GuardError, match="is not finished"):
        prepare(estate).rotate(engine(estate, runner), confirm=yes)
    assert prepare(estate).finish() is True
    assert redis.calls == [("ROTATE", TOKENS[1]), ("SET", TOKENS[1])]
    assert engine(estate, runner).unfinished() is None


def test_an_apply_that_stops_while_aws_is_at_it_says_to_wait(
    redis: Redis, estate: Estate, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(replication_group.CHANGES, "ROTATE", 60)

    def begin(_: object) -> None:
        redis.store_token(TOKENS[1])
        redis.elasticache.modify_replication_group(
            ReplicationGroupId=GROUP, AuthToken=TOKENS[1], AuthTokenUpdateStrategy="ROTATE", ApplyImmediately=True
        )

    runner.answer("apply", Reply(returncode=1, stdout=recorded("apply-failed.jsonl"), does=begin))

    with pytest.raises(RunError) as caught:
        prepare(estate).rotate(engine(estate, runner), confirm=yes)

    assert caught.value.hint is not None
    assert caught.value.hint.startswith("AWS took the new value and is still at it: acme-redis is modifying (ROTATING)")
    assert caught.value.hint.endswith("then wealist secrets rotate token --finish")


def test_an_apply_after_which_aws_can_not_be_asked_says_who_tells(
    redis: Redis, estate: Estate, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotation = prepare(estate)

    def expired(*_: object, **__: object) -> None:
        raise AwsError("expired", code="ExpiredToken")

    def lose(_: object) -> None:
        redis.rotate()
        monkeypatch.setattr("orchestrator.rotation.prepare_rotation", expired)

    runner.answer("apply", Reply(returncode=1, stdout=recorded("apply-failed.jsonl"), does=lose))

    with pytest.raises(RunError) as caught:
        rotation.rotate(engine(estate, runner), confirm=yes)

    assert caught.value.hint is not None
    assert caught.value.hint.endswith(
        "wealist secrets rotate token --finish tells whether the new value reached acme-redis"
    )
    assert "resume" not in caught.value.hint


def test_a_rotation_that_somebody_else_made_meanwhile_is_not_followed_by_a_third_token(
    redis: Redis, estate: Estate, runner: FakeRunner
) -> None:
    rotation = prepare(estate)
    redis.rotate()

    with pytest.raises(RunError, match="the last rotation of token is not finished"):
        rotation.rotate(engine(estate, runner), confirm=yes)

    assert "apply" not in runner.started
    assert entries(estate, "rotated") == []


def test_a_refused_plan_keeps_its_hint_where_an_earlier_value_was_lost(
    redis: Redis, estate: Estate, runner: FakeRunner
) -> None:
    redis.store_token(TOKENS[1])
    script(runner, Redis.plan(node_type="cache.t4g.micro"))

    with pytest.raises(RunError, match="changes more than the token") as caught:
        prepare(estate).rotate(engine(estate, runner), confirm=yes)

    assert caught.value.hint is not None
    assert caught.value.hint.startswith("first wealist up prod/foundation")


def test_an_apply_that_ended_well_and_can_not_be_looked_at(
    redis: Redis, estate: Estate, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def expired(*_: object, **__: object) -> None:
        raise AwsError("it has expired", code="ExpiredToken", hint="fetch new ones")

    def lose(_: object) -> None:
        redis.rotate()
        monkeypatch.setattr("orchestrator.rotation.prepare_rotation", expired)

    runner.answer("apply", Reply(stdout=recorded("apply-create.jsonl"), does=lose))
    rotation = prepare(estate)

    with pytest.raises(WealistError, match=r"the apply ended well, but .*: it has expired") as caught:
        rotation.rotate(engine(estate, runner), confirm=yes)

    assert caught.value.hint is not None
    assert caught.value.hint.startswith("fetch new ones; then wealist secrets rotate token --finish tells")


def test_an_apply_that_gives_the_group_nothing_is_no_success(redis: Redis, estate: Estate, runner: FakeRunner) -> None:
    does = Reply(stdout=recorded("apply-create.jsonl"), does=lambda _: redis.store_token(TOKENS[1]))
    runner.answer("apply", does)

    with pytest.raises(SecretError, match="was not given the new value"):
        prepare(estate).rotate(engine(estate, runner), confirm=yes)

    assert entries(estate, "rotated") == []


def test_a_group_that_is_at_something_is_not_rotated(
    redis: Redis, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(replication_group.CHANGES, "ROTATE", 60)
    redis.elasticache.modify_replication_group(
        ReplicationGroupId=GROUP, AuthToken=TOKENS[0], AuthTokenUpdateStrategy="ROTATE", ApplyImmediately=True
    )

    with pytest.raises(PreflightError, match=r"acme-redis is modifying \(ROTATING\)") as caught:
        prepare(estate).check()

    assert caught.value.exit_code == 10


def test_a_group_without_a_token_is_not_opened_to_everybody(redis: Redis, estate: Estate) -> None:
    redis.elasticache.modify_replication_group(ReplicationGroupId=GROUP, AuthTokenUpdateStrategy="DELETE")

    with pytest.raises(PreflightError, match="asks for no AUTH token"):
        prepare(estate).check()


# Finish


def test_finishing_leaves_the_new_token_alone(redis: Redis, estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    redis.rotate()
    monkeypatch.setitem(replication_group.CHANGES, "SET", 1)
    previous = redis.versions["AWSPREVIOUS"]
    told: list[str] = []

    assert prepare(estate).finish(on_wait=told.append) is True

    assert redis.calls[-1] == ("SET", TOKENS[1])
    assert told == ["modifying (SETTING)"]
    after = prepare(estate)
    assert (after.phase, after.group.is_ready) == (Phase.SETTLED, True)
    assert redis.versions[RETIRED] == previous
    assert redis.token("AWSPREVIOUS") == TOKENS[0]
    assert redis.store.item(f"acme-state/{KEY}") is None, "the lock was left behind"
    (entry,) = entries(estate, "rotation-ended")
    assert (entry["secret"], entry["group"], entry["retired"]) == ("token", GROUP, previous)
    assert not any(token in everything_left(estate) for token in TOKENS)


def test_finishing_twice_does_nothing(redis: Redis, estate: Estate) -> None:
    redis.rotate()
    assert prepare(estate).finish() is True
    calls = len(redis.calls)

    assert prepare(estate).finish() is False

    assert len(redis.calls) == calls
    assert len(entries(estate, "rotation-ended")) == 1


def test_a_second_rotation_is_finished_as_the_first(redis: Redis, estate: Estate) -> None:
    redis.rotate()
    prepare(estate).finish()
    redis.rotate(TOKENS[2])
    assert prepare(estate).phase is Phase.OPEN

    assert prepare(estate).finish() is True

    assert redis.versions[RETIRED] == redis.versions["AWSPREVIOUS"]
    assert prepare(estate).phase is Phase.SETTLED


def test_a_token_that_redis_does_not_have_is_never_left_alone(redis: Redis, estate: Estate) -> None:
    redis.store_token(TOKENS[1])

    with pytest.raises(GuardError, match="was not given the current value of token") as caught:
        prepare(estate).finish()

    assert caught.value.hint is not None
    assert "wealist secrets rotate token" in caught.value.hint
    assert redis.calls == []


def test_an_end_that_was_interrupted_is_waited_for(
    redis: Redis, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis.rotate()
    monkeypatch.setitem(replication_group.CHANGES, "SET", 1)

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("orchestrator.rotation.wait_until_changed", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepare(estate).finish()
    calls = len(redis.calls)
    told: list[str] = []

    rotation = prepare(estate)
    assert (rotation.phase, rotation.group.changing) == (Phase.SETTLED, "SETTING")
    assert rotation.finish(on_wait=told.append) is True

    assert len(redis.calls) == calls, "AWS was asked a second time"
    assert told == ["modifying (SETTING)"]


def test_a_token_that_aws_is_still_at_is_waited_for_and_not_taken_for_lost(
    redis: Redis, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS need not date the change before it has ended."""
    monkeypatch.setitem(replication_group.CHANGES, "ROTATE", 60)
    redis.store_token(TOKENS[1])
    before = redis.group.auth_token_last_modified_date
    redis.elasticache.modify_replication_group(
        ReplicationGroupId=GROUP, AuthToken=TOKENS[1], AuthTokenUpdateStrategy="ROTATE", ApplyImmediately=True
    )
    redis.group.auth_token_last_modified_date = before

    with pytest.raises(PreflightError, match=r"acme-redis is modifying \(ROTATING\)"):
        prepare(estate).finish()


def test_nothing_is_finished_while_somebody_changes_the_layer(redis: Redis, estate: Estate) -> None:
    redis.rotate()
    redis.store.put_lock()

    with pytest.raises(StateLockedError):
        prepare(estate).finish()

    assert redis.calls == [("ROTATE", TOKENS[1])]


def test_what_changed_after_it_was_shown_is_not_finished(redis: Redis, estate: Estate) -> None:
    redis.rotate()
    shown = prepare(estate)
    redis.rotate(TOKENS[2])

    with pytest.raises(GuardError, match="secret token changed after it was shown"):
        shown.finish()

    assert redis.calls[-1] == ("ROTATE", TOKENS[2])
    assert entries(estate, "rotation-ended") == []


def test_a_refusal_of_aws_changes_nothing(redis: Redis, estate: Estate) -> None:
    redis.rotate()
    redis.give_token("SET")

    with pytest.raises(AwsError, match="SET is allowed only after ROTATE") as caught:
        prepare(estate).finish()

    assert caught.value.hint is not None
    assert f"--version-stage {RETIRED} --move-to-version-id {redis.versions['AWSPREVIOUS']}" in caught.value.hint
    assert RETIRED not in redis.versions
    assert entries(estate, "rotation-ended") == []


def test_an_end_that_could_not_be_marked_is_told_and_written_down(
    redis: Redis, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis.rotate()

    def denied(*_: object, **__: object) -> None:
        raise AwsError("no: AccessDenied", code="AccessDenied")

    monkeypatch.setattr("orchestrator.rotation.move_stage", denied)
    with pytest.raises(StateError, match=r"left with the new token alone, but .* could not be marked") as caught:
        prepare(estate).finish()

    assert caught.value.hint is not None
    assert f"--version-stage {RETIRED}" in caught.value.hint
    assert redis.calls[-1] == ("SET", TOKENS[1])
    assert len(entries(estate, "rotation-ended")) == 1


def test_a_change_that_takes_too_long_is_left_to_aws(
    redis: Redis, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis.rotate()
    monkeypatch.setitem(replication_group.CHANGES, "SET", 60)

    with pytest.raises(WealistError, match=r"acme-redis is modifying \(SETTING\) after 0 minutes, and AWS goes on"):
        prepare(estate).finish(timeout=0)


def test_credentials_that_end_during_the_wait_leave_no_doubt_of_what_was_done(
    redis: Redis, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    redis.rotate()

    def expired(*_: object, **__: object) -> None:
        raise AwsError("ExpiredToken", code="ExpiredToken", hint="your credentials have expired")

    monkeypatch.setattr("orchestrator.aws.replication_group.read_group", expired)

    with pytest.raises(WealistError, match=r"\(SET\), and took it, but its end was not seen: ExpiredToken") as caught:
        prepare(estate).finish()

    assert caught.value.hint == (
        "your credentials have expired; then wealist secrets rotate token --finish waits for its end"
    )
    assert redis.calls[-1] == ("SET", TOKENS[1])
    assert len(entries(estate, "rotation-ended")) == 1
