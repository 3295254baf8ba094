from __future__ import annotations

import hashlib
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import events
from orchestrator.errors import CommandError, CommandInterruptedError, OutputFormatError, TerraformNotFoundError
from orchestrator.plan import Action
from orchestrator.process import Cancellation, StartError
from orchestrator.tf.args import PlanOptions
from orchestrator.tf.binary import Binary
from orchestrator.tf.client import TerraformClient
from tests.fakes import CANARY, PLAN_FILE, FakeRunner, Reply, recorded

if TYPE_CHECKING:
    from pathlib import Path


def client(folder: Path, runner: FakeRunner, **more: Any) -> TerraformClient:
    return TerraformClient(
        binary=Binary(path=folder / "terraform", version="1.11.4"),
        folder=folder,
        layer="prod/foundation",
        env={"PATH": "/bin", "PASSWORD": CANARY},
        runner=runner,
        **more,
    )


def test_commands_run_in_the_layers_folder_with_its_environment(tmp_path: Path, runner: FakeRunner) -> None:
    client(tmp_path, runner, grace=12.0).init(upgrade=True)

    (command,) = runner.commands
    assert list(command.argv) == [str(tmp_path / "terraform"), "init", "-json", "-input=false", "-upgrade"]
    assert (command.cwd, command.grace) == (tmp_path, 12.0)
    assert command.env["PATH"] == "/bin"


@pytest.mark.parametrize(("name", "has_changes"), [("create", True), ("none", False)])
def test_exit_code_two_is_an_answer(name: str, tmp_path: Path, runner: FakeRunner, *, has_changes: bool) -> None:
    runner.plans(name)

    assert client(tmp_path, runner).plan(PlanOptions(), out=tmp_path / "tfplan") is has_changes


def test_a_plan_is_read_with_the_digest_of_its_file(tmp_path: Path, runner: FakeRunner) -> None:
    terraform = client(tmp_path, runner)
    terraform.plan(PlanOptions(), out=tmp_path / "tfplan")

    plan = terraform.show(tmp_path / "tfplan")

    assert plan.digest == f"sha256:{hashlib.sha256(PLAN_FILE).hexdigest()}"
    assert plan.counts == {Action.CREATE: 6}


def test_a_plan_that_is_no_json_is_refused(tmp_path: Path, runner: FakeRunner) -> None:
    (tmp_path / "tfplan").write_bytes(PLAN_FILE)
    runner.answer("show", Reply(stdout="Terraform will perform the following actions"))

    with pytest.raises(OutputFormatError, match="wrote no JSON"):
        client(tmp_path, runner).show(tmp_path / "tfplan")


def test_apply_gets_the_plan_file_and_nothing_else(tmp_path: Path, runner: FakeRunner) -> None:
    client(tmp_path, runner).apply(tmp_path / "tfplan", lock_timeout="5m", parallelism=3)

    argv = list(runner.last("apply").argv)
    assert argv[2:] == ["-json", "-input=false", "-lock-timeout=5m", "-parallelism=3", str(tmp_path / "tfplan")]


def test_events_come_in_order_with_the_layers_name_and_every_line_is_logged(tmp_path: Path, runner: FakeRunner) -> None:
    seen: list[events.Event] = []
    lines: list[str] = []

    client(tmp_path, runner, on_event=seen.append, on_line=lines.append).apply(tmp_path / "tfplan")

    assert "".join(lines) == recorded("apply-create.jsonl")
    assert {event.layer for event in seen} == {"prod/foundation"}
    assert isinstance(seen[-1], events.OutputsKnown)
    assert sum(isinstance(e, events.ResourceEvent) and e.phase == "complete" for e in seen) == 6


def test_a_failure_is_told_with_terraforms_own_diagnostics(tmp_path: Path, runner: FakeRunner) -> None:
    runner.answer("apply", Reply(returncode=1, stdout=recorded("apply-failed.jsonl")))

    with pytest.raises(CommandError) as caught:
        client(tmp_path, runner).apply(tmp_path / "tfplan")

    error = caught.value
    assert error.message == ("prod/foundation: terraform apply failed (exit code 1): local-exec provisioner error")
    assert error.returncode == 1
    assert error.argv[:2] == ("terraform", "apply")
    assert [d.where for d in error.diagnostics] == ["main.tf:42"]


def diagnostic(severity: str, summary: str) -> str:
    return f'{{"type": "diagnostic", "diagnostic": {{"severity": "{severity}", "summary": "{summary}"}}}}\n'


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (
            Reply(
                returncode=1, stdout=diagnostic("warning", "old") + diagnostic("error", "a") + diagnostic("error", "b")
            ),
            "prod/foundation: terraform init failed (exit code 1): a (and 1 more)",
        ),
        (
            Reply(returncode=1, stderr="╷\n│ Error: no such flag\n╵\n"),
            "prod/foundation: terraform init failed (exit code 1): Error: no such flag",
        ),
        (Reply(returncode=1), "prod/foundation: terraform init failed (exit code 1): no reason given"),
        (Reply(returncode=-9), "prod/foundation: terraform init failed (ended by signal 9): no reason given"),
        (Reply(returncode=2), "prod/foundation: terraform init failed (exit code 2): no reason given"),
    ],
)
def test_a_failure_is_one_line(reply: Reply, message: str, tmp_path: Path, runner: FakeRunner) -> None:
    runner.answer("init", reply)

    with pytest.raises(CommandError) as caught:
        client(tmp_path, runner).init()

    assert caught.value.message == message


def test_an_interrupted_command_says_so(tmp_path: Path, runner: FakeRunner) -> None:
    seen: list[events.Event] = []
    runner.answer("apply", Reply(returncode=1, was_interrupted=True, stops_after=60.0))

    with pytest.raises(CommandInterruptedError, match="terraform apply was interrupted and has stopped") as caught:
        client(tmp_path, runner, on_event=seen.append).apply(tmp_path / "tfplan")

    assert caught.value.exit_code == 130
    assert seen == [events.Stopping(layer="prod/foundation", grace=60.0)]


def test_a_command_that_ended_well_before_it_could_be_stopped_ended_well(tmp_path: Path, runner: FakeRunner) -> None:
    runner.answer("apply", Reply(returncode=0, was_interrupted=True))

    client(tmp_path, runner).apply(tmp_path / "tfplan")

    assert runner.started == ["apply"]


def test_the_cancellation_reaches_the_runner(tmp_path: Path) -> None:
    seen: list[object] = []
    cancellation = Cancellation()

    class Watching(FakeRunner):
        def __call__(self, command: Any, **given: Any) -> Any:
            seen.append(given["cancellation"])
            return super().__call__(command, **given)

    client(tmp_path, Watching(), cancellation=cancellation).init()

    assert seen == [cancellation]


def test_a_terraform_that_is_gone_says_so(tmp_path: Path, runner: FakeRunner) -> None:
    runner.answer("init", Reply(error=StartError(2, "No such file or directory")))

    with pytest.raises(TerraformNotFoundError, match="can't be started: No such file or directory"):
        client(tmp_path, runner).init()


def test_no_environment_shows_in_a_repr(tmp_path: Path, runner: FakeRunner) -> None:
    assert CANARY not in repr(client(tmp_path, runner))


@pytest.mark.parametrize("returncode", [0, 1])
def test_a_state_that_could_not_be_saved_is_nobody_elses_as_soon_as_terraform_ends(
    tmp_path: Path, runner: FakeRunner, returncode: int
) -> None:
    (tmp_path / "errored.tfstate").write_text(CANARY)
    (tmp_path / "errored.tfstate").chmod(0o644)
    runner.answer("apply", Reply(returncode=returncode))

    with nullcontext() if returncode == 0 else pytest.raises(CommandError):
        client(tmp_path, runner).apply(tmp_path / "tfplan")

    assert (tmp_path / "errored.tfstate").stat().st_mode & 0o777 == 0o600


def test_a_link_in_its_place_is_not_followed(tmp_path: Path, runner: FakeRunner) -> None:
    (tmp_path / "public.txt").touch(0o644)
    (tmp_path / "public.txt").chmod(0o644)
    (tmp_path / "errored.tfstate").symlink_to("public.txt")

    client(tmp_path, runner).apply(tmp_path / "tfplan")

    assert (tmp_path / "public.txt").stat().st_mode & 0o777 == 0o644
