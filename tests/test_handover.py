"""Where a rotation stands, as AWS and the state tell it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from orchestrator.delivery import Phase
from orchestrator.discovery import Estate
from orchestrator.errors import GuardError, PreflightError, SecretError, UsageError
from orchestrator.redaction import Redactor
from tests.redis import GROUP, TOKENS, VERSION, YAML, Redis
from tests.test_rotation import prepare

if TYPE_CHECKING:
    from pathlib import Path

    from tests.estate import Store


@pytest.fixture
def redis(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Redis:
    return Redis.make(store, monkeypatch, tmp_path / "estate")


@pytest.fixture
def estate(redis: Redis, tmp_path: Path) -> Estate:
    return Estate.find(tmp_path / "estate")


def test_a_token_that_was_never_rotated_is_settled(redis: Redis, estate: Estate) -> None:
    rotation = prepare(estate)

    assert (rotation.phase, rotation.group.id, rotation.previous) == (Phase.SETTLED, GROUP, None)
    assert rotation.version == redis.versions["AWSCURRENT"]
    assert rotation.finish() is False
    assert redis.calls == []


def test_a_rotated_token_is_open_on_every_machine(redis: Redis, estate: Estate) -> None:
    redis.rotate()

    rotation = prepare(estate)

    assert rotation.phase is Phase.OPEN
    assert rotation.previous == redis.versions["AWSPREVIOUS"]
    assert not (estate.root / ".wealist").exists()


def test_a_token_that_the_state_does_not_have_was_not_delivered(redis: Redis, estate: Estate) -> None:
    redis.store_token(TOKENS[1])

    assert prepare(estate).phase is Phase.UNDELIVERED


def test_a_token_that_only_the_state_has_was_not_delivered(redis: Redis, estate: Estate) -> None:
    """The provider writes down what it was about to do, also where AWS refused it."""
    redis.store_token(TOKENS[1])
    redis.write_state(token=TOKENS[1])

    assert prepare(estate).phase is Phase.UNDELIVERED


def test_without_a_date_the_state_is_believed(redis: Redis, estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    redis.store_token(TOKENS[1])
    redis.write_state(token=TOKENS[1])
    group = prepare(estate).group
    undated = type(group)(**{**{name: getattr(group, name) for name in group.__slots__}, "token_changed": None})
    monkeypatch.setattr("orchestrator.handover.read_group", lambda *_: undated)

    assert prepare(estate).phase is Phase.OPEN


def test_a_group_that_was_made_anew_knows_no_older_token(redis: Redis, estate: Estate) -> None:
    redis.store_token(TOKENS[1])
    redis.write_state(token=TOKENS[1])
    redis.group.replication_group_create_time += timedelta(hours=2)
    redis.group.auth_token_last_modified_date += timedelta(hours=2)

    rotation = prepare(estate)

    assert rotation.phase is Phase.SETTLED
    assert rotation.finish() is False


def test_a_label_that_was_moved_back_cuts_nobody_off(redis: Redis, estate: Estate) -> None:
    """Both tokens are accepted, the clients are on the older one: a third would drop just that."""
    redis.rotate()
    old, new = redis.versions["AWSPREVIOUS"], redis.versions["AWSCURRENT"]
    redis.secrets.update_secret_version_stage(
        SecretId=redis.arn, VersionStage="AWSCURRENT", MoveToVersionId=old, RemoveFromVersionId=new
    )

    rotation = prepare(estate)

    assert (rotation.phase, rotation.is_single) == (Phase.UNDELIVERED, False)
    with pytest.raises(GuardError, match="is not finished"):
        rotation.check()
    with pytest.raises(GuardError, match="was not given the current value"):
        rotation.finish()


def test_a_value_stored_while_two_are_accepted_makes_them_no_fewer(redis: Redis, estate: Estate) -> None:
    redis.rotate()
    for version in redis.secret.versions.values():
        version["createdate"] -= 600
    redis.group.auth_token_last_modified_date -= timedelta(seconds=600)
    redis.store_token(TOKENS[2])

    rotation = prepare(estate)

    assert (rotation.phase, rotation.is_single) == (Phase.UNDELIVERED, False)


def test_a_value_that_somebody_stored_by_hand_was_not_delivered(redis: Redis, estate: Estate) -> None:
    redis.rotate()
    redis.store_token(TOKENS[2])

    rotation = prepare(estate)

    with pytest.raises(GuardError, match="would cut every client off"):
        rotation.finish()


def test_the_values_are_learnt_and_not_shown(redis: Redis, estate: Estate) -> None:
    redact = Redactor()

    rotation = prepare(estate, redact=redact)

    assert TOKENS[0] not in repr(rotation)
    assert TOKENS[0] not in redact(f"it is {TOKENS[0]}")


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("password", "password is rotated by RDS itself", "wealist secrets password is always the current value"),
        ("plain", "wealist.yaml does not say how plain is rotated", r"secrets.plain.rotation: { replace"),
        ("tokne", "there is no secret 'tokne'", "did you mean token?"),
    ],
)
def test_a_secret_that_wealist_does_not_rotate(
    name: str, message: str, hint: str, redis: Redis, estate: Estate
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        prepare(estate, name)

    assert caught.value.hint is not None
    assert hint in caught.value.hint


def test_an_address_that_is_not_in_the_state(redis: Redis, estate: Estate) -> None:
    (estate.root / "wealist.yaml").write_text(YAML.replace(VERSION, f"{VERSION}_x"))

    with pytest.raises(SecretError, match=f"prod/foundation has no {VERSION}_x in its state"):
        prepare(Estate.find(estate.root))


def test_a_group_that_is_gone(redis: Redis, estate: Estate) -> None:
    redis.write_state(id="gone")

    with pytest.raises(SecretError, match="the replication group gone is in the state"):
        prepare(estate)


def test_another_account_is_refused(redis: Redis, estate: Estate) -> None:
    (estate.root / "wealist.yaml").write_text(f"{YAML}accounts: {{ prod: '210987654321' }}\n")

    with pytest.raises(PreflightError, match="pinned"):
        prepare(Estate.find(estate.root))
