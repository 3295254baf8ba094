"""Going on with a run that did not end well."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import inputs, ledger, resume
from orchestrator.errors import GuardError, RunError, UsageError
from orchestrator.report import Outcome
from orchestrator.resume import Unfinished
from orchestrator.run import RunOptions
from orchestrator.state import State
from orchestrator.tfvars import Piped
from tests.estate import layer, state_text, variable
from tests.fakes import CANARY, Reply, recorded
from tests.test_engine import engine, yes

if TYPE_CHECKING:
    from orchestrator.discovery import Estate
    from orchestrator.layer import Layer
    from tests.estate import Store
    from tests.fakes import FakeRunner

LAYERS = ("prod/foundation", "prod/compute", "prod/edge")
SECRET = replace(variable("password"), is_sensitive=True)


def command(*words: str) -> str:
    return shlex.join(["wealist", "--sandbox", *words])


def kept(options: RunOptions | None = None, *layers: Layer) -> dict[str, Any]:
    return resume.describe(options or RunOptions(), layers)


def started(run_id: str = "r1", command: str = "up", **more: Any) -> dict[str, Any]:
    entry = {"event": "run-started", "run_id": run_id, "target": "aws", "command": command, "time": "2026-01-02"}
    return {**entry, "layers": list(LAYERS), "options": kept(), **more}


def finished(id_: str, outcome: str, run_id: str = "r1", **more: Any) -> dict[str, Any]:
    return {"event": "finished", "run_id": run_id, "target": "aws", "layer": id_, "outcome": outcome, **more}


def find(*entries: dict[str, Any], target: str = "aws") -> Unfinished:
    found = resume.find(entries, target=target, command=command)
    assert found is not None
    return found


def unfinished(**more: Any) -> Unfinished:
    given: dict[str, Any] = {
        "run_id": "r1",
        "command": "up",
        "started": "2026-01-02",
        "done": {},
        "remaining": ("prod/compute",),
        "failed": {},
        "options": RunOptions(),
    }
    return Unfinished(**{**given, **more})


# which run


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [finished("prod/foundation", "failed")],
        [started(), *(finished(id_, "applied") for id_ in LAYERS)],
        [started(), *(finished(id_, "no-changes") for id_ in LAYERS)],
        [started("r1"), started("r2", layers=["prod/edge"]), finished("prod/edge", "applied", "r2")],
        [started(command="plan"), finished("prod/foundation", "failed")],
        [started(command="drift")],
        [started(target="sandbox")],
    ],
    ids=["no ledger", "no run", "applied", "no changes", "a later one", "a plan", "drift", "another target"],
)
def test_there_is_nothing_to_go_on_with(entries: list[dict[str, Any]]) -> None:
    assert resume.find(entries, target="aws", command=command) is None


def test_what_failed_and_what_came_after_it_is_left() -> None:
    entries = [
        started(),
        finished("prod/foundation", "applied", serial_after=7),
        finished("prod/compute", "failed", serial_after=3),
        {"event": "run-finished", "run_id": "r1", "target": "aws", "exit_code": 1},
    ]

    found = find(*entries)

    assert (found.run_id, found.command, found.started) == ("r1", "up", "2026-01-02")
    assert found.remaining == ("prod/compute", "prod/edge")
    assert found.done == {"prod/foundation": entries[1]}
    assert found.failed == {"prod/compute": entries[2]}


@pytest.mark.parametrize("outcome", ["failed", "interrupted", "declined", "blocked"])
def test_whatever_did_not_end_well_is_left(outcome: str) -> None:
    found = find(started(), *(finished(id_, "applied") for id_ in LAYERS[:2]), finished(LAYERS[2], outcome))

    assert found.remaining == (LAYERS[2],)
    assert found.failed[LAYERS[2]]["outcome"] == outcome


def test_a_run_that_was_killed_has_no_end_for_the_layer_that_it_was_at() -> None:
    apply = {"event": "apply-started", "run_id": "r1", "target": "aws", "layer": "prod/compute"}
    found = find(started(), finished("prod/foundation", "applied"), apply)

    assert found.remaining == ("prod/compute", "prod/edge")
    assert found.failed == {}


def rotation(run_id: str = "r2") -> list[dict[str, Any]]:
    apply = {"event": "apply-started", "run_id": run_id, "target": "aws", "layer": "prod/foundation"}
    return [started(run_id, command="rotate", layers=["prod/foundation"], secret="token"), apply]


@pytest.mark.parametrize("end", [[], [finished("prod/foundation", "failed", "r2")]], ids=["killed", "failed"])
def test_a_rotation_is_not_gone_on_with(end: list[dict[str, Any]]) -> None:
    with pytest.raises(GuardError, match="run r2 was a rotation of token, which is not resumed") as caught:
        find(started("r1"), *rotation(), *end)

    assert caught.value.hint is not None
    assert caught.value.hint.startswith("wealist --sandbox secrets rotate token --finish tells where it stands")


def test_a_rotation_that_ended_is_in_nobodys_way() -> None:
    by_hand = {"event": "rotation-ended", "target": "aws", "secret": "token"}
    for end in (finished("prod/foundation", "applied", "r2"), by_hand):
        assert resume.find([*rotation(), end], target="aws", command=command) is None


def test_a_rotation_that_was_turned_down_hides_no_run_before_it() -> None:
    begun, _ = rotation()

    found = find(started("r1"), begun, finished("prod/foundation", "declined", "r2"))

    assert found.run_id == "r1"


def test_what_another_run_did_to_a_layer_is_not_this_runs() -> None:
    found = find(started("r1"), finished("prod/foundation", "applied", "r1"), started("r2"))

    assert found.run_id == "r2"
    assert found.remaining == LAYERS
    assert found.done == {}


def test_a_plan_in_between_changes_nothing() -> None:
    plan = started("r2", command="plan", layers=["prod/foundation"])
    found = find(started("r1"), finished("prod/foundation", "failed", "r1"), plan)

    assert found.run_id == "r1"


def test_a_resumed_run_remembers_what_the_first_had_done() -> None:
    first = finished("prod/foundation", "applied", serial_after=7)
    second = finished("prod/compute", "applied", "r2", serial_after=2)
    found = find(
        started("r1"),
        first,
        started("r2", layers=["prod/compute", "prod/edge"], resumes="r1", done={"prod/foundation": first}),
        second,
        finished("prod/edge", "failed", "r2"),
    )

    assert (found.run_id, found.remaining) == ("r2", ("prod/edge",))
    assert found.done == {"prod/foundation": first, "prod/compute": second}


def test_a_run_down_is_gone_on_with_as_such() -> None:
    assert find(started(command="down")).command == "down"


# what it was made with


def test_a_run_is_resumed_with_the_options_that_it_was_made_with() -> None:
    options = RunOptions(
        values={"name": "a"},
        var_files=(Path("/estate/prod.tfvars"),),
        targets=("a.b",),
        replace=("c.d",),
        lock_timeout="3m",
        parallelism=2,
        terraform_parallelism=3,
        fail_fast=True,
        allow_destroy=("e.f",),
        allow_weaken=("g.h",),
        allow_incomplete=True,
        lift_deletion_protection=True,
        extra=("-refresh=false",),
    )
    layers = [layer(variables={"name": variable("name")})]

    found = find(started(options=kept(options, *layers)))

    assert found.options == options
    assert found.secret_names == ()


def test_a_run_that_an_older_wealist_made_is_resumed_with_defaults() -> None:
    for name in kept():
        older = {key: value for key, value in kept().items() if key != name}
        assert find(started(options=older)).options == RunOptions()
    bare = started()
    del bare["options"], bare["time"]

    assert find(bare).options == RunOptions()
    assert find(bare).secret_names == ()


def test_a_run_that_a_newer_wealist_made_is_left_to_it() -> None:
    assert find(started(schema=ledger.SCHEMA)).run_id == "r1"
    with pytest.raises(GuardError, match="run r1 was made by a newer wealist") as caught:
        find(started(schema=ledger.SCHEMA + 1))

    assert caught.value.hint == "go on with it there, or start afresh"


def test_an_upgrade_or_a_trace_was_for_one_time() -> None:
    found = find(started(options=kept(RunOptions(upgrade=True, keep_terraform_log=True))))

    assert found.options == RunOptions()


def test_the_value_of_a_sensitive_variable_is_not_kept() -> None:
    layers = [layer(variables={"name": variable("name"), "password": SECRET})]
    options = RunOptions(values={"name": "a", "password": CANARY})

    described = kept(options, *layers)

    assert CANARY not in str(described)
    assert (described["values"], described["secret_names"]) == ({"name": "a"}, ["password"])


def test_a_value_that_is_sensitive_in_one_layer_is_not_kept_for_another() -> None:
    layers = [layer(variables={"password": variable("password")}), layer("prod/x", variables={"password": SECRET})]

    for order in (layers, layers[::-1]):
        assert CANARY not in str(kept(RunOptions(values={"password": CANARY}), *order))


def test_a_value_that_the_ledger_masked_is_asked_for_again() -> None:
    """One that is a secret elsewhere, and that no layer declares sensitive."""
    described = {**kept(), "values": {"name": "a", "token": "x-(redacted)"}}

    found = find(started(options=described))

    assert found.options.values == {"name": "a"}
    assert found.secret_names == ("token",)


def test_sensitive_values_are_given_again() -> None:
    run = unfinished(options=RunOptions(values={"name": "a"}), secret_names=("password",))

    assert resume.with_secrets(run, {"password": CANARY}, command=command) == {"name": "a", "password": CANARY}


def test_a_sensitive_value_that_is_not_given_again_is_asked_for() -> None:
    with pytest.raises(UsageError, match="run r1 was given password, which is secret and kept nowhere") as caught:
        resume.with_secrets(unfinished(secret_names=("password",)), {}, command=command)

    assert (
        caught.value.hint
        == "give it again: --set password=- asks for it, --set-env password=VARIABLE takes it from the environment"
    )


def test_a_run_is_not_resumed_with_other_values() -> None:
    run = unfinished(options=RunOptions(values={"name": "a"}))

    assert resume.with_secrets(run, {"name": "a"}, command=command) == {"name": "a"}
    for other in ({"name": "b"}, {"size": "1"}):
        with pytest.raises(UsageError) as caught:
            resume.with_secrets(run, other, command=command)
        (name,) = other
        assert caught.value.message == f"--set {name}: run r1 was made without it, and is resumed as it was"
        assert caught.value.hint == f"start afresh: wealist --sandbox up prod/compute --set {name}=..."


# has anything moved?


@pytest.fixture
def foundation(tmp_path: Path) -> Layer:
    (tmp_path / "main.tf").write_text("# foundation\n")
    return layer(path=tmp_path, variables={"name": variable("name")})


def done(of: Layer, **more: Any) -> Unfinished:
    entry = {"serial_after": 7, "inputs": inputs.digest(of, values={}, var_files=())}
    return unfinished(done={of.id: {**entry, **more}})


def check(run: Unfinished, layers: dict[str, Layer], states: dict[str, State | None]) -> None:
    resume.check_unmoved(run, layers, states, command="wealist up prod/compute")


def state(serial: int) -> State:
    return State.from_json(state_text(serial=serial), url="s3://x")


def refused(run: Unfinished, layers: dict[str, Layer], states: dict[str, State | None]) -> GuardError:
    with pytest.raises(GuardError) as caught:
        check(run, layers, states)
    assert caught.value.exit_code == 13
    assert caught.value.hint is not None
    assert "wealist up prod/compute" in caught.value.hint
    return caught.value


def test_nothing_has_moved(foundation: Layer) -> None:
    check(done(foundation), {foundation.id: foundation}, {foundation.id: state(7)})


def test_a_layer_that_is_gone_is_named(foundation: Layer) -> None:
    error = refused(done(foundation), {}, {foundation.id: state(7)})

    assert error.message == "prod/foundation, which was part of the run, is no layer any more"


def test_a_state_that_can_not_be_read_may_have_moved(foundation: Layer) -> None:
    error = refused(done(foundation), {foundation.id: foundation}, {})

    assert error.message.startswith("prod/foundation: its state can't be read")


@pytest.mark.parametrize(
    ("then", "now", "words"),
    [
        (7, 8, "state serial 7 then, 8 now"),
        (7, None, "state serial 7 then, none now"),
        (None, 1, "state serial none then, 1 now"),
    ],
)
def test_a_state_that_moved_is_named_with_both_serials(
    foundation: Layer, then: int | None, now: int | None, words: str
) -> None:
    states = {foundation.id: None if now is None else state(now)}
    error = refused(done(foundation, serial_after=then), {foundation.id: foundation}, states)

    assert error.message == f"prod/foundation has moved since run r1: {words}"


@pytest.mark.parametrize(
    "entry",
    [
        {"outcome": "failed", "is_state_known": False},
        {"outcome": "failed", "command": "down", "is_state_known": False},
        # As an older wealist wrote it.
        {"outcome": "applied", "command": "up"},
    ],
)
@pytest.mark.parametrize("now", [5, None])
def test_a_state_that_the_run_could_not_read_back_is_not_taken_for_none(
    foundation: Layer, entry: dict[str, Any], now: int | None
) -> None:
    run = unfinished(failed={foundation.id: {**entry, "serial_after": None}})
    error = refused(run, {foundation.id: foundation}, {foundation.id: None if now is None else state(now)})

    assert error.message == (
        "prod/foundation: its state could not be read back in run r1, so nobody can tell whether it moved since; its "
        f"serial is {now or 'none'} now"
    )


@pytest.mark.parametrize(
    "entry",
    [{"outcome": "failed", "command": "up"}, {"outcome": "applied", "command": "down"}, {"is_state_known": True}],
)
def test_no_state_then_and_none_now_is_no_move(foundation: Layer, entry: dict[str, Any]) -> None:
    run = unfinished(failed={foundation.id: {**entry, "serial_after": None}})

    check(run, {foundation.id: foundation}, {foundation.id: None})


def test_the_one_that_failed_may_not_have_moved_either(foundation: Layer) -> None:
    run = unfinished(failed={foundation.id: {"outcome": "failed", "serial_after": 7}})
    layers = {foundation.id: foundation}

    check(run, layers, {foundation.id: state(7)})
    assert "has moved since run r1" in refused(run, layers, {foundation.id: state(8)}).message


def test_hcl_that_was_changed_under_what_is_done_is_refused(foundation: Layer) -> None:
    run = done(foundation)
    (foundation.path / "main.tf").write_text("# changed\n")

    error = refused(run, {foundation.id: foundation}, {foundation.id: state(7)})

    assert error.message == "prod/foundation was done in run r1 with other HCL or values than it has now"


def test_hcl_of_the_one_that_failed_may_be_mended(foundation: Layer) -> None:
    entry = {"serial_after": 7, "inputs": "sha256:other"}

    check(unfinished(failed={foundation.id: entry}), {foundation.id: foundation}, {foundation.id: state(7)})
    refused(unfinished(done={foundation.id: entry}), {foundation.id: foundation}, {foundation.id: state(7)})


# the whole way


def fail_compute(estate: Estate, runner: FakeRunner, store: Store, options: RunOptions | None = None) -> None:
    """Foundation is applied, compute fails."""

    def save(_: object) -> None:
        store.put_state(recorded("state.json"))

    runner.answer("apply", Reply(does=save), Reply(returncode=1), Reply())
    with pytest.raises(RunError):
        engine(estate, runner).up(["foundation", "compute"], options, confirm=yes)
    runner.commands.clear()


def test_what_was_done_is_left_alone_and_the_rest_is_planned_afresh(
    estate: Estate, runner: FakeRunner, store: Store
) -> None:
    fail_compute(estate, runner, store)
    again = engine(estate, runner)
    run = again.unfinished()
    assert run is not None

    report = again.resume(run, confirm=yes)

    assert [(result.layer, result.outcome) for result in report.results] == [("prod/compute", Outcome.APPLIED)]
    assert {command.cwd.name for command in runner.commands if command.argv[1] == "plan"} == {"compute"}
    assert again.unfinished() is None


def test_a_first_init_that_writes_a_lock_file_moves_nothing(estate: Estate, runner: FakeRunner, store: Store) -> None:
    lock_file = estate.layer("foundation").path / ".terraform.lock.hcl"
    assert not lock_file.exists()
    fail_compute(estate, runner, store)
    assert lock_file.exists()
    again = engine(estate, runner)
    run = again.unfinished()
    assert run is not None

    assert again.resume(run, confirm=yes).exit_code == 0


def test_a_run_that_was_resumed_and_failed_again_can_be_resumed(
    estate: Estate, runner: FakeRunner, store: Store
) -> None:
    fail_compute(estate, runner, store)
    runner.answer("apply", Reply(returncode=1), Reply())
    again = engine(estate, runner)
    run = again.unfinished()
    assert run is not None
    with pytest.raises(RunError):
        again.resume(run, confirm=yes)

    second = again.unfinished()

    assert second is not None
    assert second.run_id != run.run_id
    assert list(second.done) == ["prod/foundation"]
    assert second.remaining == ("prod/compute",)
    assert again.resume(second, confirm=yes).exit_code == 0


def test_going_on_is_refused_where_somebody_applied_in_between(
    estate: Estate, runner: FakeRunner, store: Store
) -> None:
    fail_compute(estate, runner, store)
    store.put_state(recorded("state.json").replace('"serial": 7', '"serial": 8'))
    again = engine(estate, runner)
    run = again.unfinished()
    assert run is not None

    with pytest.raises(GuardError, match=r"prod/foundation has moved since run .*: state serial 7 then, 8 now"):
        again.resume(run, confirm=yes)
    assert runner.started == []


def test_a_secret_is_neither_kept_nor_left_out(estate: Estate, runner: FakeRunner, store: Store) -> None:
    fail_compute(estate, runner, store, RunOptions(values={"password": CANARY, "name": "a"}))
    again = engine(estate, runner)
    run = again.unfinished()
    assert run is not None

    assert CANARY not in (estate.root / ".wealist" / ledger.FILENAME).read_text()
    with pytest.raises(UsageError, match="was given password"):
        again.resume(run, confirm=yes)
    assert again.resume(run, values={"password": CANARY}, confirm=yes).exit_code == 0


def test_a_public_value_that_equals_a_secret_is_asked_for_and_not_made_up(
    estate: Estate, runner: FakeRunner, store: Store
) -> None:
    store.put_state(recorded("state.json"))
    fail_compute(estate, runner, store, RunOptions(values={"name": CANARY}))
    again = engine(estate, runner)
    run = again.unfinished()
    assert run is not None

    with pytest.raises(UsageError, match="was given name"):
        again.resume(run, confirm=yes)
    assert runner.started == []


def test_a_run_that_is_still_at_work_is_not_resumed(estate: Estate, runner: FakeRunner, store: Store) -> None:
    seen: list[str] = []
    other = engine(estate, runner)

    def look(*_: Any) -> bool:
        with pytest.raises(GuardError, match=r"run \S+ \(up\) is still at work") as caught:
            other.unfinished()
        seen.append(caught.value.message)
        return True

    engine(estate, runner).up(["foundation"], confirm=look)

    assert len(seen) == 1


# what it had added to the month


def test_what_is_done_has_spent_its_part() -> None:
    done = {"a": finished("a", "applied", monthly_delta=32), "b": finished("b", "no-changes")}

    assert resume.spent(unfinished(done=done)) == {"a": 32}
    assert resume.spent(None) == {}


def test_a_limit_is_resumed_with() -> None:
    run = find(started(options=kept(RunOptions(max_monthly_delta=50.0))), finished("a", "failed"))

    assert run.options.max_monthly_delta == 50.0


def test_what_came_through_a_pipe_is_not_kept_and_given_again(tmp_path: Path) -> None:
    piped = Piped(name="/dev/fd/63", text='password = "hunter2"')
    path = tmp_path / "a.tfvars"
    described = resume.describe(RunOptions(var_files=(path, piped)), [])

    found = find(started(options=described))

    assert "hunter2" not in str(described)
    assert (found.options.var_files, found.pipes) == ((path,), 1)
    assert resume.with_files(found, [piped]) == (path, piped)
    with pytest.raises(UsageError, match="run r1 was given values through a pipe") as caught:
        resume.with_files(found, [])
    assert caught.value.hint == "give them again: --var-file FILE"
    with pytest.raises(UsageError, match="--var-file /dev/fd/63: run r1 was made without it"):
        resume.with_files(unfinished(), [piped])
