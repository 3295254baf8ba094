from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import events, ledger
from orchestrator.discovery import Estate
from orchestrator.engine import Engine
from orchestrator.errors import (
    CommandError,
    ConfigError,
    DependencyCycleError,
    LayerNotFoundError,
    LayerOrderError,
    PreflightError,
    RunError,
    UsageError,
)
from orchestrator.process import Cancellation
from orchestrator.redaction import Redactor
from orchestrator.report import Outcome
from orchestrator.run import RunOptions
from tests.estate import (
    ACCOUNT,
    YAML,
    Store,
    backend_block,
    remote_state,
    state_text,
    target_of,
    write_estate,
    write_layer,
)
from tests.fakes import CANARY, PLAN_FILE, FakeRunner, Reply, recorded

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.run import Proposal


def yes(_: Proposal) -> bool:
    return True


def engine(estate: Estate, runner: FakeRunner, environ: dict[str, str] | None = None, **more: Any) -> Engine:
    return Engine(estate, target_of(estate.root, **(environ or {})), runner=runner, **more)


def folders(runner: FakeRunner, command: str) -> list[str]:
    """The layers whose folders a sub-command ran in, in order."""
    return [c.cwd.name for c in runner.commands if c.argv[1] == command]


def test_one_layer_comes_up(estate: Estate, store: Store, runner: FakeRunner) -> None:
    runner.answer("apply", Reply(does=lambda _: store.put_state(recorded("state.json"))))

    report = engine(estate, runner).up(["foundation"], confirm=yes)

    (result,) = report.results
    assert (result.layer, result.outcome, result.serial_after) == ("prod/foundation", Outcome.APPLIED, 7)
    assert (report.exit_code, report.command, report.target) == (0, "up", "aws")
    assert report.has_changes


def test_layers_are_taken_in_the_order_of_their_states(estate: Estate, store: Store, runner: FakeRunner) -> None:
    report = engine(estate, runner).up(["compute", "foundation"], confirm=yes)

    assert [result.layer for result in report.results] == ["prod/foundation", "prod/compute"]
    assert folders(runner, "apply") == ["foundation", "compute"]


def test_a_layer_that_is_named_twice_is_taken_once(estate: Estate, store: Store, runner: FakeRunner) -> None:
    report = engine(estate, runner).plan(["foundation", "prod/foundation"])

    assert len(report.results) == 1


def test_a_plan_applies_nothing(estate: Estate, store: Store, runner: FakeRunner) -> None:
    report = engine(estate, runner).plan(["foundation"])

    assert [result.outcome for result in report.results] == [Outcome.PLANNED]
    assert "apply" not in runner.started
    assert store.objects() == []


def test_a_failed_layer_skips_the_next_and_is_named_as_the_culprit(
    estate: Estate, store: Store, runner: FakeRunner
) -> None:
    runner.answer("apply", Reply(returncode=1, stdout=recorded("apply-failed.jsonl")))

    with pytest.raises(RunError, match="local-exec provisioner error") as caught:
        engine(estate, runner).up(["foundation", "compute"], confirm=yes)

    report = caught.value.report
    assert [result.outcome for result in report.results] == [Outcome.FAILED, Outcome.SKIPPED]
    skipped = report.results[1]
    assert isinstance(skipped.error, LayerOrderError)
    assert skipped.error.message == "prod/compute was skipped, because prod/foundation failed"
    assert folders(runner, "plan") == ["foundation"]
    assert caught.value.exit_code == 1
    assert isinstance(caught.value.__cause__, CommandError)


def test_an_interrupted_run_ends_with_130(estate: Estate, store: Store, runner: FakeRunner) -> None:
    runner.answer("apply", Reply(returncode=1, was_interrupted=True))

    with pytest.raises(RunError) as caught:
        engine(estate, runner, cancellation=Cancellation()).up(["foundation", "compute"], confirm=yes)

    assert [result.outcome for result in caught.value.report.results] == [Outcome.INTERRUPTED, Outcome.SKIPPED]
    assert caught.value.exit_code == 130
    assert caught.value.report.results[1].error is not None
    assert caught.value.report.results[1].error.message.endswith("because prod/foundation was interrupted")


def test_a_locked_state_ends_with_12(estate: Estate, store: Store, runner: FakeRunner) -> None:
    store.put_lock()
    runner.answer("plan", Reply(returncode=1))

    with pytest.raises(RunError) as caught:
        engine(estate, runner).plan(["foundation"])

    assert caught.value.exit_code == 12


def test_a_declined_layer_is_no_failure(estate: Estate, store: Store, runner: FakeRunner) -> None:
    report = engine(estate, runner).up(["foundation"], confirm=lambda _: False)

    assert [result.outcome for result in report.results] == [Outcome.DECLINED]


def test_nothing_is_started_where_preflight_fails(estate: Estate, aws: None, runner: FakeRunner) -> None:
    with pytest.raises(PreflightError, match="preflight: 2 checks failed; nothing was started") as caught:
        engine(estate, runner).up(["foundation"], confirm=yes)

    assert runner.started == []
    assert caught.value.exit_code == 10
    missing = {finding.id: finding.remedy for finding in caught.value.findings if finding.is_error}
    assert missing == {"state-bucket.missing": "wealist bootstrap", "lock-table.missing": "wealist bootstrap"}


def test_one_failed_check_is_told_in_the_singular(estate: Estate, store: Store, runner: FakeRunner) -> None:
    store.dynamodb.delete_table(TableName="acme-lock")

    with pytest.raises(PreflightError, match="preflight: 1 check failed"):
        engine(estate, runner).plan(["foundation"])


def test_another_account_than_the_one_pinned_is_not_touched(tmp_path: Path, store: Store, runner: FakeRunner) -> None:
    other = "210987654321" if ACCOUNT != "210987654321" else "123456789012"
    estate = Estate.find(write_estate(tmp_path / "estate", f"{YAML}accounts:\n  prod: '{other}'\n"))

    with pytest.raises(PreflightError) as caught:
        engine(estate, runner).up(["foundation"], confirm=yes)

    assert [f.id for f in caught.value.findings if f.is_error] == ["account.mismatch"]
    assert runner.started == []


def test_layers_that_share_a_bucket_are_bootstrapped_once(estate: Estate, aws: None, runner: FakeRunner) -> None:
    steps = engine(estate, runner).bootstrap([])
    for step in steps:
        step.run()

    assert [step.text for step in steps if "create" in step.text] == [
        "create the bucket in ap-northeast-2",
        "create the table in ap-northeast-2, on demand, key LockID, protected against deletion",
    ]
    assert engine(estate, runner).bootstrap(["foundation"]) == []


def test_bootstrap_is_guarded_by_the_account(tmp_path: Path, aws: None, runner: FakeRunner) -> None:
    estate = Estate.find(write_estate(tmp_path / "estate", f"{YAML}accounts:\n  prod: '210987654321'\n"))

    with pytest.raises(PreflightError, match="prod is pinned to account 210987654321"):
        engine(estate, runner).bootstrap([])


@pytest.mark.parametrize("call", ["preflight", "bootstrap"])
def test_an_estate_without_layers_says_so(call: str, tmp_path: Path, runner: FakeRunner) -> None:
    (tmp_path / "wealist.yaml").write_text("version: 1\n")

    with pytest.raises(ConfigError, match=r"there are no layers; layers\.include matches nothing \(terraform/\*/\*\)"):
        getattr(engine(Estate.find(tmp_path), runner), call)([])


def test_preflight_alone_checks_every_layer_and_starts_nothing(
    estate: Estate, store: Store, runner: FakeRunner
) -> None:
    checked = engine(estate, runner).preflight([])

    assert set(checked.states) == {"prod/compute", "prod/foundation"}
    assert checked.errors == ()
    assert runner.started == []


def test_preflight_of_one_layer_checks_that_layer(estate: Estate, store: Store, runner: FakeRunner) -> None:
    assert set(engine(estate, runner).preflight(["foundation"]).states) == {"prod/foundation"}


def test_a_layer_that_is_not_there_is_refused_first(estate: Estate, runner: FakeRunner) -> None:
    with pytest.raises(LayerNotFoundError):
        engine(estate, runner).plan(["fundation"])

    assert runner.commands == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (RunOptions(values={"nmae": "x"}), "--set nmae: prod/foundation has no such variable"),
        (RunOptions(values={"zones": "a,b"}), "--set zones: the value is not an expression"),
    ],
)
def test_values_are_refused_before_anything_is_started(
    estate: Estate, runner: FakeRunner, options: RunOptions, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        engine(estate, runner).plan(["foundation"], options)

    assert runner.commands == []


def test_a_variable_file_that_is_not_there_is_refused_first(estate: Estate, runner: FakeRunner, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        engine(estate, runner).plan(["foundation"], RunOptions(var_files=(tmp_path / "gone.tfvars",)))

    assert runner.commands == []


def test_layers_in_a_circle_are_refused(tmp_path: Path, runner: FakeRunner) -> None:
    root = write_estate(tmp_path / "estate")
    write_layer(root, "prod/a", backend_block("a") + remote_state("b"))
    write_layer(root, "prod/b", backend_block("b") + remote_state("a"))

    with pytest.raises(DependencyCycleError):
        engine(Estate.find(root), runner).plan(["a", "b"])


def test_one_layer_alone_reads_no_other(tmp_path: Path, store: Store, runner: FakeRunner) -> None:
    root = write_estate(tmp_path / "estate")
    write_layer(root, "prod/broken", "terraform {")

    assert engine(Estate.find(root), runner).plan(["foundation"]).exit_code == 0


def test_a_stray_destroy_does_not_reach_terraform_and_is_named(
    estate: Estate, store: Store, runner: FakeRunner
) -> None:
    seen: list[events.Event] = []
    environ = {"TF_CLI_ARGS_plan": "-destroy", "TF_WORKSPACE": "other", "AWS_MAX_ATTEMPTS": "5"}

    engine(estate, runner, environ, on_event=seen.append).plan(["foundation"])

    for command in runner.commands:
        assert "TF_CLI_ARGS_plan" not in command.env
        assert command.env["TF_WORKSPACE"] == "default"
        assert command.env["AWS_MAX_ATTEMPTS"] == "5"
    notices = [event.text for event in seen if isinstance(event, events.Notice)]
    assert notices == [
        "TF_CLI_ARGS_plan is left out of Terraform's environment: it would change the command; pass flags after -- instead",
        "TF_WORKSPACE is left out of Terraform's environment: it would change what Terraform does",
    ]


def test_terraforms_log_goes_through_where_it_is_asked_for(estate: Estate, store: Store, runner: FakeRunner) -> None:
    engine(estate, runner, {"TF_LOG": "TRACE"}).plan(["foundation"], RunOptions(keep_terraform_log=True))

    assert runner.last("plan").env["TF_LOG"] == "TRACE"


def test_the_events_of_a_run_tell_its_story(estate: Estate, store: Store, runner: FakeRunner) -> None:
    seen: list[events.Event] = []
    engine(estate, runner, on_event=seen.append).up(["foundation"], confirm=yes)

    assert [
        f"{type(e).__name__} {getattr(e, 'step', '')}".strip()
        for e in seen
        if isinstance(e, (events.PreflightDone, events.StepStarted, events.StepFinished, events.PlanReady))
    ] == [
        "PreflightDone",
        "StepStarted init",
        "StepFinished init",
        "StepStarted plan",
        "StepFinished plan",
        "PlanReady",
        "StepStarted apply",
        "StepFinished apply",
    ]


def test_the_report_is_left_in_the_run_folder(estate: Estate, store: Store, runner: FakeRunner) -> None:
    report = engine(estate, runner).plan(["foundation"])

    path = estate.root / ".wealist" / "runs" / report.run_id / "report.json"
    assert json.loads(path.read_text()) == report.to_json()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_report_of_a_failed_run_is_left_there_too(estate: Estate, store: Store, runner: FakeRunner) -> None:
    runner.answer("plan", Reply(returncode=1))

    with pytest.raises(RunError) as caught:
        engine(estate, runner).plan(["foundation"])

    path = estate.root / ".wealist" / "runs" / caught.value.report.run_id / "report.json"
    assert json.loads(path.read_text())["exit_code"] == 1


def test_a_run_leaves_no_plan_and_no_secret(estate: Estate, store: Store, runner: FakeRunner) -> None:
    store.put_state(recorded("state.json"))
    runner.plans("mixed")
    noise = recorded("plan-mixed.jsonl") + json.dumps({"@message": f"drift: {CANARY}"}) + "\n"
    runner.answer("plan", Reply(returncode=2, stdout=noise, plan_file=PLAN_FILE))
    runner.answer(
        "apply", Reply(returncode=1, stdout=f'{{"type":"diagnostic","diagnostic":{{"summary":"bad {CANARY}"}}}}\n')
    )
    redact = Redactor()

    with pytest.raises(RunError):
        engine(estate, runner, redact=redact).up(["foundation"], RunOptions(values={"password": CANARY}), confirm=yes)

    home = estate.root / ".wealist"
    left = {path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert {name.rpartition("/")[2] for name in left} == {
        ".gitignore",
        ".made-by-wealist",
        "alive",
        "events.jsonl",
        "report.json",
        "ledger.jsonl",
        "durations.jsonl",
    }
    assert [name for name, content in left.items() if CANARY.encode() in content] == []
    assert redact(CANARY) == "(redacted)"


def test_every_layers_end_is_in_the_ledger(estate: Estate, store: Store, runner: FakeRunner) -> None:
    runner.answer("apply", runner.replies["apply"][0], Reply(returncode=1))

    with pytest.raises(RunError):
        engine(estate, runner).up(["foundation", "compute"], confirm=yes)

    entries = ledger.read(estate.root / ".wealist")
    assert [(e["event"], e.get("layer"), e.get("outcome")) for e in entries] == [
        ("run-started", None, None),
        ("apply-started", "prod/foundation", None),
        ("finished", "prod/foundation", "applied"),
        ("apply-started", "prod/compute", None),
        ("finished", "prod/compute", "failed"),
        ("run-finished", None, None),
    ]
    assert entries[0]["layers"] == ["prod/foundation", "prod/compute"]
    assert entries[-1]["exit_code"] == 1


def test_the_real_runner_is_the_default(estate: Estate) -> None:
    from orchestrator.process import run

    assert Engine(estate, target_of(estate.root))._runner is run


def test_what_a_layer_publishes_is_not_masked_in_what_stays(estate: Estate, store: Store, runner: FakeRunner) -> None:
    parameter = {
        "mode": "managed",
        "type": "aws_ssm_parameter",
        "name": "vpc_id",
        "instances": [
            {
                "attributes": {"value": "vpc-0a1b2c3d", "other": "hunter2-secret"},
                "sensitive_attributes": [
                    [{"type": "get_attr", "value": "value"}],
                    [{"type": "get_attr", "value": "other"}],
                ],
            }
        ],
    }
    store.put_state(state_text(outputs={"vpc_id": "vpc-0a1b2c3d"}, resources=[parameter]))
    runner.answer("plan", Reply(returncode=0, stdout='{"@message": "vpc-0a1b2c3d and hunter2-secret"}\n'))

    report = engine(estate, runner).plan(["foundation"])

    log = estate.root / ".wealist" / "runs" / report.run_id / "events.jsonl"
    assert json.loads(log.read_text().splitlines()[-1])["@message"] == "vpc-0a1b2c3d and (redacted)"


@pytest.mark.parametrize(
    ("minutes", "is_warned", "command"),
    [(9, True, "preflight"), (9, True, "up"), (30, False, "preflight"), (9, False, "plan")],
)
def test_a_run_that_applies_is_warned_of_credentials_that_end_too_soon(
    estate: Estate, store: Store, runner: FakeRunner, minutes: int, command: str, *, is_warned: bool
) -> None:
    yaml = estate.root / "wealist.yaml"
    yaml.write_text(f"{YAML}durations:\n  foundation: {{ plan: 2m, apply: 15m-20m }}\n")
    ends = datetime.now(UTC) + timedelta(minutes=minutes, seconds=5)
    seen: list[events.Event] = []
    environ = {"AWS_CREDENTIAL_EXPIRATION": ends.isoformat()}
    running = engine(Estate.find(estate.root), runner, environ, on_event=seen.append)

    if command == "preflight":
        findings = running.preflight(["foundation"]).findings
    else:
        running.up(["foundation"], confirm=yes) if command == "up" else running.plan(["foundation"])
        (findings,) = [event.findings for event in seen if isinstance(event, events.PreflightDone)]

    warned = [finding.seen for finding in findings if finding.id == "credentials.expiring"]
    assert bool(warned) is is_warned
    if warned:
        assert warned[0].endswith("UTC, in 9 min; the run is expected to take 17-22 min")


@pytest.mark.usefixtures("store")
def test_a_terraform_that_was_killed_may_have_left_its_lock(estate: Estate, runner: FakeRunner) -> None:
    runner.answer("apply", Reply(returncode=-9))
    with pytest.raises(RunError) as caught:
        engine(estate, runner).up(["foundation"], confirm=yes)
    assert str(caught.value.hint).startswith("wealist locks prod/foundation shows whether its lock was left behind")


def test_what_a_failed_first_plan_says_of_a_secret_is_kept_nowhere(
    estate: Estate, store: Store, runner: FakeRunner
) -> None:
    """No plan was read and no state is there that would tell which values are secret."""
    files = estate.root / "terraform/prod/foundation"
    (files / "terraform.tfvars").write_text('password = "canary-of-tfvars"\n')
    token = "canary-of-terraform-cloud"
    said = {"severity": "error", "summary": "Failed", "detail": f"got canary-of-tfvars, {token}"}
    line = json.dumps({"type": "diagnostic", "@level": "error", "@message": said["detail"], "diagnostic": said})
    runner.answer("plan", Reply(returncode=1, stdout=f"{line}\n", stderr=f"{said['detail']}\n"))

    with pytest.raises(RunError):
        engine(estate, runner, {"TF_TOKEN_app_terraform_io": token}).plan(["foundation"])

    kept = "".join(path.read_text() for path in (estate.root / ".wealist").rglob("*") if path.is_file())
    assert "got (redacted), (redacted)" in kept
    assert "canary-of" not in kept
