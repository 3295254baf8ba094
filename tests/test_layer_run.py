from __future__ import annotations

import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import artifacts, events, holder, ledger, task, timing
from orchestrator.aws.session import Sessions
from orchestrator.config import Config
from orchestrator.discovery import Estate
from orchestrator.errors import CommandError, CommandInterruptedError, ConfigError, GuardError, StateLockedError
from orchestrator.layer_run import LayerRun
from orchestrator.process import Cancellation, Command
from orchestrator.redaction import Redactor
from orchestrator.report import LayerResult, Outcome
from orchestrator.run import RunContext, RunOptions
from orchestrator.state import State
from orchestrator.target import AwsSettings
from orchestrator.tf.binary import Binary
from orchestrator.tf.env import child_environment
from tests.estate import BUCKET, KEY, TABLE, Store, target_of
from tests.fakes import CANARY, PLAN_FILE, VERSION, FakeRunner, InlineDesk, Reply, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.layer import Layer
    from orchestrator.plan import Plan
    from orchestrator.run import Confirm, Proposal

DIGEST = f"sha256:{hashlib.sha256(PLAN_FILE).hexdigest()}"


def yes(_: Proposal) -> bool:
    return True


def no(_: Proposal) -> bool:
    return False


@dataclass
class Rig:
    """A layer with everything around it that a run has."""

    estate: Estate
    store: Store
    runner: FakeRunner
    redact: Redactor = field(default_factory=Redactor)
    cancellation: Cancellation = field(default_factory=Cancellation)
    seen: list[events.Event] = field(default_factory=list)
    before: State | None = None
    is_watched: bool = True
    target_changes: dict[str, Any] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.estate.root / ".wealist"

    @property
    def folder(self) -> Path:
        return self.estate.root / "terraform" / "prod" / "foundation"

    @contextmanager
    def layer_run(self, options: RunOptions, yaml: str, confirm: Confirm | None) -> Iterator[LayerRun]:
        estate = Estate(self.estate.root, Config.parse(yaml))
        layer = estate.layer("foundation")
        target = replace(target_of(estate.root), **self.target_changes)
        with artifacts.run_folder(self.home, self.redact) as folder:
            context = RunContext(
                command="up" if confirm else "plan",
                ids=(layer.id,),
                estate=estate,
                target=target,
                options=options,
                environment=child_environment(target.environ),
                binary=Binary(path=estate.root / "bin" / "terraform", version=VERSION),
                states={layer.id: self.before},
                locks={},
                sessions=Sessions(AwsSettings()),
                folder=folder,
                redact=self.redact,
                runner=self.runner,
                cancellation=self.cancellation,
                emit=self.tell,
                confirm=confirm,
            )
            yield LayerRun(layer, context, InlineDesk())

    def tell(self, event: events.Event) -> bool:
        self.seen.append(event)
        return self.is_watched

    def up(self, confirm: Confirm | None = yes, *, yaml: str = "version: 1\n", **options: Any) -> LayerResult:
        with self.layer_run(RunOptions(**options), yaml, confirm) as run:
            return run.go(task.up if confirm else task.plan)

    def plan(self, **options: Any) -> LayerResult:
        return self.up(None, **options)

    def steps(self) -> list[str]:
        return [event.step for event in self.seen if isinstance(event, events.StepFinished)]

    def ledger(self) -> list[dict[str, Any]]:
        return ledger.read(self.home)

    def left_behind(self) -> dict[str, str]:
        """Every file below the home folder."""
        files = (path for path in self.home.rglob("*") if path.is_file())
        return {path.relative_to(self.home).as_posix(): path.read_text(errors="replace") for path in files}

    def saves_state(self, name: str = "state.json") -> Reply:
        """An apply that leaves a state behind."""
        return Reply(stdout=recorded("apply-create.jsonl"), does=lambda _command: self.store.put_state(recorded(name)))


@pytest.fixture
def rig(estate: Estate, store: Store, runner: FakeRunner) -> Rig:
    return Rig(estate, store, runner)


def test_a_first_run_goes_through_every_step(rig: Rig) -> None:
    rig.runner.answer("apply", rig.saves_state())

    result = rig.up()

    assert rig.runner.started == ["init", "plan", "show", "apply"]
    assert rig.steps() == ["init", "plan", "apply"]
    assert (result.outcome, result.error) == (Outcome.APPLIED, None)
    assert (result.serial_before, result.serial_after) == (None, 7)
    assert {output.name: output.shown for output in result.outputs}["password"] == "(redacted)"
    assert result.plan is not None
    assert result.plan.digest == DIGEST


def test_what_is_applied_is_the_file_that_was_shown(rig: Rig) -> None:
    shown: list[Plan] = []

    def look(proposal: Proposal) -> bool:
        plan = proposal.plan
        shown.append(plan)
        return True

    applied: list[bytes] = []
    rig.runner.answer("apply", Reply(does=lambda command: applied.append(Path(command.argv[-1]).read_bytes())))
    rig.up(look)

    (out,) = [word.removeprefix("-out=") for word in rig.runner.last("plan").argv if word.startswith("-out=")]
    assert rig.runner.last("show").argv.count(out) == 1
    assert rig.runner.last("apply").argv[-1] == out
    assert [f"sha256:{hashlib.sha256(content).hexdigest()}" for content in applied] == [shown[0].digest]


def test_a_plan_that_changed_after_it_was_shown_is_not_applied(rig: Rig) -> None:
    def tamper(_: Proposal) -> bool:
        (plan,) = rig.home.rglob("tfplan")
        plan.write_bytes(b"another plan")
        return True

    result = rig.up(tamper)

    assert isinstance(result.error, GuardError)
    assert result.error.message == ("prod/foundation: the plan file changed after it was shown, so it was not applied")
    assert result.error.exit_code == 13
    assert "apply" not in rig.runner.started
    assert [entry["event"] for entry in rig.ledger()] == ["finished"]


def test_a_plan_that_is_gone_after_it_was_shown_is_not_applied(rig: Rig) -> None:
    def remove(_: Proposal) -> bool:
        (plan,) = rig.home.rglob("tfplan")
        plan.unlink()
        return True

    result = rig.up(remove)

    assert result.outcome is Outcome.BLOCKED
    assert "apply" not in rig.runner.started


def test_no_changes_stop_it(rig: Rig) -> None:
    rig.runner.plans("none")
    rig.before = State.from_json(recorded("state.json"), url="s3://x")

    result = rig.up()

    assert rig.runner.started == ["init", "plan"]
    assert (result.outcome, result.plan) == (Outcome.NO_CHANGES, None)
    assert (result.serial_before, result.serial_after) == (7, 7)
    assert {output.name for output in result.outputs} == {"endpoint", "password", "ports"}


def test_a_plan_that_is_not_confirmed_is_not_applied(rig: Rig) -> None:
    result = rig.up(no)

    assert result.outcome is Outcome.DECLINED
    assert result.plan is not None
    assert rig.runner.started == ["init", "plan", "show"]


def test_plan_stops_after_the_plan(rig: Rig) -> None:
    result = rig.plan()

    assert result.outcome is Outcome.PLANNED
    assert rig.runner.started == ["init", "plan", "show"]


def test_a_second_run_needs_no_init(rig: Rig) -> None:
    rig.plan()
    rig.seen.clear()
    rig.plan()

    assert rig.runner.started.count("init") == 1
    (step,) = [event for event in rig.seen if isinstance(event, events.StepFinished) and event.step == "init"]
    assert (step.seconds, step.note) == (0.0, "not needed")


def test_changed_inputs_need_one_again(rig: Rig) -> None:
    rig.plan()
    (rig.folder / ".terraform.lock.hcl").write_text("# another lock\n")
    rig.plan()

    assert rig.runner.started.count("init") == 2


def test_an_upgrade_is_an_init_in_any_case(rig: Rig) -> None:
    rig.plan()
    rig.plan(upgrade=True)

    assert rig.runner.started.count("init") == 2
    assert "-upgrade" in rig.runner.last("init").argv


def test_an_init_alone_has_the_way_to_a_registry(rig: Rig) -> None:
    rig.target_changes["fetching"] = {"HTTPS_PROXY": "http://proxy"}

    rig.up()

    has_proxy = {command.argv[1]: "HTTPS_PROXY" in command.env for command in rig.runner.commands}
    assert (has_proxy["init"], has_proxy["plan"], has_proxy["apply"]) == (True, False, False)


def test_a_module_that_leads_elsewhere_stops_the_run_after_its_init(rig: Rig) -> None:
    def check(layer: Layer, folder: Path) -> None:
        assert (layer.id, folder) == ("prod/foundation", rig.folder)
        raise ConfigError("main.tf:1: token of provider aws could lead out")

    rig.target_changes["check"] = check

    result = rig.up()

    assert rig.runner.started == ["init"]
    assert result.outcome is Outcome.FAILED
    assert isinstance(result.error, ConfigError)


def test_a_failed_init_is_made_again(rig: Rig) -> None:
    rig.runner.answer("init", Reply(returncode=1), *rig.runner.replies["init"])

    assert rig.plan().outcome is Outcome.FAILED
    assert rig.plan().outcome is Outcome.PLANNED
    assert rig.runner.started.count("init") == 2


def test_a_plan_that_fails_without_an_init_brings_one_next_time(rig: Rig) -> None:
    good = rig.runner.replies["plan"][0]
    rig.runner.answer("plan", good, Reply(returncode=1), good)

    outcomes = [rig.plan().outcome for _ in range(3)]

    assert outcomes == [Outcome.PLANNED, Outcome.FAILED, Outcome.PLANNED]
    assert rig.runner.started.count("init") == 2


def test_options_reach_the_plan(rig: Rig, tmp_path: Path) -> None:
    var_file = tmp_path / "prod.tfvars"
    var_file.touch()
    rig.plan(
        values={"name": "it's ${literal}", "zones": '["a"]'},
        var_files=(var_file,),
        targets=("terraform_data.kept",),
        replace=("terraform_data.replaced",),
        lock_timeout="3m",
        terraform_parallelism=2,
        extra=("-refresh=false",),
    )

    argv = list(rig.runner.last("plan").argv)
    files = [word.removeprefix("-var-file=") for word in argv if word.startswith("-var-file=")]
    assert files[0] == str(var_file)
    assert files[1].endswith("set.tfvars")
    assert {"-target=terraform_data.kept", "-replace=terraform_data.replaced", "-refresh=false"} <= set(argv)
    assert {"-lock-timeout=3m", "-parallelism=2"} <= set(argv)


def test_values_go_into_a_private_file_and_never_into_an_argv(rig: Rig) -> None:
    written: list[tuple[str, int]] = []

    def look(command: Command) -> None:
        (path,) = [Path(w.removeprefix("-var-file=")) for w in command.argv if w.startswith("-var-file=")]
        written.append((path.read_text(), path.stat().st_mode & 0o777))

    rig.runner.answer("plan", Reply(returncode=0, does=look))
    rig.plan(values={"password": CANARY})

    assert written == [(f'password = "{CANARY}"\n', 0o600)]
    assert not any(CANARY in word for command in rig.runner.commands for word in command.argv)
    assert not list(rig.home.rglob("set.tfvars"))


def test_the_file_decides_where_nothing_else_is_said(rig: Rig) -> None:
    yaml = "version: 1\nterraform: {lock_timeout: 2m, parallelism: 5}\ninterrupt_grace: 7\n"
    rig.up(yaml=yaml)

    for name in ("plan", "apply"):
        assert {"-lock-timeout=2m", "-parallelism=5"} <= set(rig.runner.last(name).argv)
    assert rig.runner.last("apply").grace == 7.0


def test_a_failed_apply_is_told_with_its_diagnostic(rig: Rig) -> None:
    rig.runner.answer("apply", Reply(returncode=1, stdout=recorded("apply-failed.jsonl")))

    result = rig.up()

    assert result.outcome is Outcome.FAILED
    assert isinstance(result.error, CommandError)
    assert result.error.layer == "prod/foundation"
    assert result.error.diagnostics[0].address == "terraform_data.failing"


def test_a_lock_that_was_there_before_is_why_it_failed(rig: Rig) -> None:
    rig.store.put_lock()
    rig.runner.answer("plan", Reply(returncode=1, stderr="Error acquiring the state lock"))

    result = rig.up()

    assert isinstance(result.error, StateLockedError)
    assert result.error.exit_code == 12
    assert result.error.message.startswith(
        "prod/foundation: the state is locked by alice@laptop (apply, since 2026-01-02"
    )
    assert result.error.message.endswith(f"in table {TABLE}")
    assert result.error.hint is not None
    assert result.error.hint.startswith("wait for it (--lock-timeout 10m)")
    assert "wealist locks prod/foundation" in result.error.hint
    assert isinstance(result.error.__cause__, CommandError)


def test_a_lock_that_was_taken_later_is_not_why_it_failed(rig: Rig) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    rig.store.put_lock(created=later.isoformat().replace("+00:00", "Z"))
    rig.runner.answer("plan", Reply(returncode=1))

    assert isinstance(rig.up().error, CommandError)


PLANNED = Reply(returncode=2, stdout=recorded("plan-create.jsonl"), plan_file=PLAN_FILE)


def takes_lock(rig: Rig, operation: str) -> Reply:
    """Terraform whose lock write was sent twice: it names the lock that it has just taken."""
    id_ = "0a1b2c3d-0000-1111-2222-333344445555"
    said = {
        "@level": "error",
        "@message": "Error: Error acquiring the state lock",
        "type": "diagnostic",
        "diagnostic": {
            "severity": "error",
            "summary": "Error acquiring the state lock",
            "detail": f"Lock Info:\n  ID:        {id_}",
        },
    }

    def take(command: Command) -> None:
        log = Path(command.env["TF_LOG_PATH"])
        log.write_text(
            f"[INFO]  backend-s3: Attempting to lock remote state (DynamoDB only)...: tf_backend.lock.id={id_} x\n"
        )
        created = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        rig.store.put_lock(created=created, who=holder.who(), operation=operation)

    return Reply(returncode=1, stdout=json.dumps(said) + "\n", does=take)


def test_a_plan_that_met_its_own_lock_is_made_once_more(rig: Rig) -> None:
    rig.runner.answer("plan", takes_lock(rig, "OperationTypePlan"), PLANNED)
    rig.runner.answer("apply", rig.saves_state())

    result = rig.up()

    assert result.outcome is Outcome.APPLIED
    assert rig.store.item(f"{BUCKET}/{KEY}") is None
    assert [entry["event"] for entry in rig.ledger()][:2] == ["own-lock-released", "apply-started"]


def test_a_plan_is_not_made_a_third_time(rig: Rig) -> None:
    rig.runner.answer("plan", takes_lock(rig, "OperationTypePlan"), takes_lock(rig, "OperationTypePlan"))

    assert rig.plan().outcome is Outcome.FAILED
    assert rig.runner.started.count("plan") == 2


def test_an_apply_that_met_its_own_lock_is_not_done_again(rig: Rig) -> None:
    rig.runner.answer("apply", takes_lock(rig, "OperationTypeApply"))

    result = rig.up()

    assert result.outcome is Outcome.FAILED
    assert result.error is not None
    assert "nothing was applied, and the lock is released" in result.error.message
    assert rig.store.item(f"{BUCKET}/{KEY}") is None
    assert rig.runner.started.count("apply") == 1


def test_a_failure_without_a_lock_is_a_failure(rig: Rig) -> None:
    rig.runner.answer("plan", Reply(returncode=1, stderr="Error acquiring the state lock"))

    assert isinstance(rig.up().error, CommandError)


def test_locks_that_can_not_be_read_change_nothing(rig: Rig) -> None:
    rig.store.dynamodb.delete_table(TableName=TABLE)
    rig.runner.answer("plan", Reply(returncode=1))

    assert isinstance(rig.up().error, CommandError)


def test_an_interrupted_apply_says_so(rig: Rig) -> None:
    rig.runner.answer("apply", Reply(returncode=1, was_interrupted=True, stops_after=60.0))

    result = rig.up()

    assert result.outcome is Outcome.INTERRUPTED
    assert isinstance(result.error, CommandInterruptedError)
    assert result.error.exit_code == 130
    assert events.Stopping(layer="prod/foundation", grace=60.0) in rig.seen


def test_a_request_to_stop_between_two_steps_starts_no_other(rig: Rig) -> None:
    def stop(_: Proposal) -> bool:
        rig.cancellation.request()
        return True

    result = rig.up(stop)

    assert result.outcome is Outcome.INTERRUPTED
    assert "apply" not in rig.runner.started


def test_a_run_that_was_stopped_before_its_apply_did_not_start_one_in_the_ledger(rig: Rig) -> None:
    def stop(_: Proposal) -> bool:
        rig.cancellation.request()
        return True

    rig.up(stop)

    assert [entry["event"] for entry in rig.ledger()] == ["finished"]


def test_a_state_that_could_not_be_saved_is_mentioned_and_kept_private(rig: Rig) -> None:
    unsaved = rig.folder / "errored.tfstate"

    def leave(_command: Command) -> None:
        unsaved.write_text("{}")
        # Its clock is the file system's, which ticks a little behind.
        later = datetime.now(UTC).timestamp() + 1
        os.utime(unsaved, (later, later))

    rig.runner.answer("apply", Reply(returncode=1, does=leave))

    error = rig.up().error

    assert error is not None
    assert f"The state could not be saved and is in {unsaved}: keep that file" in error.message
    assert error.hint == "wealist tf prod/foundation -- state push errored.tfstate"
    assert unsaved.stat().st_mode & 0o777 == 0o600


def test_an_old_unsaved_state_is_not_this_runs(rig: Rig) -> None:
    unsaved = rig.folder / "errored.tfstate"
    unsaved.write_text("{}")
    os.utime(unsaved, (1, 1))
    rig.runner.answer("apply", Reply(returncode=1))

    error = rig.up().error

    assert error is not None
    assert "errored.tfstate" not in error.message


def test_an_apply_is_in_the_ledger_before_it_begins_and_after_it_ends(rig: Rig) -> None:
    seen_while_applying: list[dict[str, Any]] = []
    saves = rig.saves_state()

    def look(command: Command) -> None:
        seen_while_applying.extend(rig.ledger())
        assert saves.does is not None
        saves.does(command)

    rig.before = State.from_json(recorded("state.json").replace('"serial": 7', '"serial": 3'), url="s3://x")
    rig.runner.answer("apply", Reply(does=look))
    rig.up()

    (started,) = seen_while_applying
    assert (started["event"], started["layer"], started["serial"]) == ("apply-started", "prod/foundation", 3)
    assert started["plan_digest"] == DIGEST
    _, finished = rig.ledger()
    assert (finished["event"], finished["outcome"], finished["command"]) == ("finished", "applied", "up")
    assert (finished["serial_before"], finished["serial_after"]) == (3, 7)
    assert finished["run_id"] == started["run_id"]
    assert finished["counts"] == {"create": 6}


@pytest.mark.parametrize("answer", [yes, no, None])
def test_however_it_ends_it_ends_in_the_ledger(rig: Rig, answer: Confirm | None) -> None:
    rig.up(answer)

    assert rig.ledger()[-1]["event"] == "finished"


def test_no_secret_is_left_behind(rig: Rig) -> None:
    rig.runner.plans("mixed")
    noisy = recorded("apply-mixed.jsonl") + f'{{"@message": "connecting with {CANARY}"}}\n'
    state = recorded("state.json")
    rig.runner.answer("apply", Reply(stdout=noisy, does=lambda _: rig.store.put_state(state)))

    rig.up(values={"password": CANARY})

    left = rig.left_behind()
    assert any(name.endswith("events.jsonl") for name in left)
    assert [name for name, text in left.items() if CANARY in text] == []


def test_a_secret_that_only_the_new_state_holds_is_taken_out_of_the_log(rig: Rig) -> None:
    state = recorded("state.json").replace(CANARY, "made-while-applying")
    stream = '{"@message": "aws_x: made-while-applying"}\n'
    rig.runner.answer("apply", Reply(stdout=stream, does=lambda _: rig.store.put_state(state)))

    rig.up()

    assert [name for name, text in rig.left_behind().items() if "made-while-applying" in text] == []


def test_a_state_that_can_not_be_read_back_is_a_notice_and_no_failure(rig: Rig) -> None:
    rig.runner.answer("apply", Reply(does=lambda _: rig.store.put_state("<html>")))

    result = rig.up()

    assert result.outcome is Outcome.APPLIED
    assert result.serial_after is None
    (notice,) = [event.text for event in rig.seen if isinstance(event, events.Notice)]
    assert notice.startswith(f"the state can't be read back: s3://{BUCKET}/{KEY}")


def test_the_time_for_an_answer_does_not_count(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("orchestrator.step.time.monotonic", lambda: clock[0])

    def ponder(_: Proposal) -> bool:
        clock[0] += 1000.0
        return True

    def take(seconds: float) -> Any:
        def does(_command: Command) -> None:
            clock[0] += seconds

        return does

    rig.runner.answer("plan", Reply(returncode=2, plan_file=PLAN_FILE, does=take(3)))
    rig.runner.answer("apply", Reply(does=take(40)))

    assert rig.up(ponder).seconds == 43.0


def test_terraform_gets_the_clean_environment(rig: Rig) -> None:
    rig.up()

    for command in rig.runner.commands:
        assert command.cwd == rig.folder
        assert command.env["TF_IN_AUTOMATION"] == "1"


def test_ctrl_c_at_the_question_applies_nothing_and_is_in_the_ledger(rig: Rig) -> None:
    def interrupt(_: Proposal) -> bool:
        raise KeyboardInterrupt

    result = rig.up(interrupt)

    assert result.outcome is Outcome.INTERRUPTED
    assert result.error is not None
    assert result.error.exit_code == 130
    assert result.error.message == "prod/foundation: interrupted; nothing was applied"
    assert "apply" not in rig.runner.started
    assert [entry["outcome"] for entry in rig.ledger()] == ["interrupted"]


def test_a_plan_that_could_not_be_shown_is_not_applied(rig: Rig) -> None:
    """A full disk behind standard output, or a reader that has gone."""
    rig.is_watched = False

    result = rig.up()

    assert result.outcome is Outcome.BLOCKED
    assert isinstance(result.error, GuardError)
    assert "could not be shown" in result.error.message
    assert "apply" not in [command.argv[1] for command in rig.runner.commands]


DURATIONS = """\
version: 1
durations:
  foundation:
    apply: 15m-20m
    components:
      all: { match: "terraform_data.*", takes: 2m-3m }
"""


def measured(rig: Rig) -> dict[tuple[str, str], list[float]]:
    return {work: list(samples) for work, samples in timing.read(rig.home, "prod/foundation").resources.items()}


@pytest.mark.parametrize(("before", "low"), [(None, 15 * 60.0), (recorded("state.json"), 120.0)])
def test_what_the_apply_will_take_is_told_between_plan_and_question(rig: Rig, before: str | None, low: float) -> None:
    rig.before = State.from_json(before, url="s3://x") if before else None
    known: list[str] = []

    def confirm(_: Proposal) -> bool:
        known.extend(type(event).__name__ for event in rig.seen)
        return True

    rig.up(confirm, yaml=DURATIONS)

    assert known[-2:] == ["PlanReady", "Estimated"]
    (estimated,) = [event for event in rig.seen if isinstance(event, events.Estimated)]
    assert (estimated.layer, estimated.estimate.whole.low) == ("prod/foundation", low)


def test_part_of_a_new_layer_does_not_take_as_long_as_all_of_it(rig: Rig) -> None:
    rig.up(yaml=DURATIONS, targets=("terraform_data.kept",))

    (estimated,) = [event for event in rig.seen if isinstance(event, events.Estimated)]
    assert estimated.estimate.whole.high == 180.0


def test_where_nothing_is_known_nothing_is_told(rig: Rig) -> None:
    rig.up()

    assert not [event for event in rig.seen if isinstance(event, events.Estimated)]


def test_an_apply_is_measured(rig: Rig) -> None:
    rig.up()

    assert set(measured(rig)) == {
        (f"terraform_data.{name}", "create")
        for name in ("kept", "old_name", "replaced", "updated", "deleted", "secret")
    }
    found = timing.read(rig.home, "prod/foundation")
    assert (len(found.plans), len(found.applies)) == (1, 1)


def test_of_an_apply_that_failed_what_was_done_is_measured_and_the_whole_is_not(rig: Rig) -> None:
    lines = [*recorded("apply-create.jsonl").splitlines(keepends=True)[:-2], recorded("apply-failed.jsonl")]
    rig.runner.answer("apply", Reply(returncode=1, stdout="".join(lines)))

    assert rig.up().outcome is Outcome.FAILED

    assert ("terraform_data.kept", "create") in measured(rig)
    assert ("terraform_data.failing", "create") not in measured(rig)
    assert timing.read(rig.home, "prod/foundation").applies == []


def test_a_history_that_can_not_be_written_does_not_change_the_run(rig: Rig) -> None:
    (rig.home / "durations.jsonl").mkdir(parents=True)

    assert rig.up().outcome is Outcome.APPLIED
    assert measured(rig) == {}


def test_a_resource_that_is_overdue_is_told_of_while_it_runs(rig: Rig) -> None:
    hook = {"resource": {"addr": "terraform_data.kept"}, "action": "create"}
    lines = [{"type": "apply_start", "hook": hook}]
    lines += [{"type": "apply_progress", "hook": {**hook, "elapsed_seconds": elapsed}} for elapsed in (270, 280, 290)]
    lines += [{"type": "apply_complete", "hook": {**hook, "elapsed_seconds": 300}}]
    rig.runner.answer("apply", Reply(stdout="".join(json.dumps(line) + "\n" for line in lines)))

    rig.up(yaml=DURATIONS)

    (told,) = [event for event in rig.seen if isinstance(event, events.Overdue)]
    assert (told.address, told.elapsed, told.look) == ("terraform_data.kept", 280.0, "wealist status prod/foundation")
    after = rig.seen[rig.seen.index(told) + 1]
    assert isinstance(after, events.ResourceEvent)
    assert after.phase == "progress"
