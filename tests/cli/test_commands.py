"""Each command, from words to text and exit code; stdout is data, stderr is talk."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from orchestrator.aws.secrets import Secret
from orchestrator.cli import options
from orchestrator.cli.boundary import run
from orchestrator.config import SecretConfig
from orchestrator.engine import Engine
from orchestrator.errors import SecretError
from orchestrator.sandbox import control, provider
from orchestrator.sandbox.control import Server
from orchestrator.sandbox.credential import Credential
from tests.estate import (
    ACCOUNT,
    BUCKET,
    KEY,
    REGION,
    TABLE,
    YAML,
    Store,
    backend_block,
    state_text,
    write_layer,
    write_program,
)
from tests.fakes import CANARY, PLAN_FILE, FakeRunner, Reply, recorded

if TYPE_CHECKING:
    from orchestrator.discovery import Estate
    from orchestrator.process import Command, Completed
    from orchestrator.target import Target
    from tests.cli.conftest import Terminal

    Capture = pytest.CaptureFixture[str]


class ReplacedError(Exception):
    """Stands for the moment in which this process becomes another program."""

    def __init__(self, program: str, argv: list[str], env: dict[str, str]) -> None:
        super().__init__(program)
        self.program = program
        self.argv = list(argv)
        self.env = env


@pytest.fixture
def arn(store: Store) -> str:
    text = json.dumps({"username": "admin", "password": CANARY})
    client = boto3.client("secretsmanager", region_name=REGION)
    arn: str = client.create_secret(Name="db", SecretString=text)["ARN"]
    outputs: dict[str, Any] = {
        "db_secret_arn": arn,
        "endpoint": "db.local",
        "ports": {"value": [5432], "type": "list"},
        "token": {"value": CANARY, "type": "string", "sensitive": True},
    }
    store.put_state(state_text(outputs=outputs))
    return arn


# bootstrap


def test_bootstrap_shows_asks_and_makes(shell: FakeRunner, aws: None, terminal: Terminal, capsys: Capture) -> None:
    terminal("yes\n")

    assert run(["bootstrap"]) == 0

    out, err = capsys.readouterr()
    assert out == ""
    assert f"  s3://{BUCKET}: create the bucket in {REGION}\n" in err
    assert "Do these 8 things in aws? Only 'yes' will do:" in err
    assert err.endswith("done: 8 steps\n")
    assert run(["bootstrap"]) == 0
    assert "nothing to do" in capsys.readouterr().err


@pytest.mark.parametrize("answer", ["no\n", "y\n", "YES\n", "\n", ""])
def test_bootstrap_that_is_not_confirmed_does_nothing(
    answer: str, shell: FakeRunner, aws: None, terminal: Terminal, capsys: Capture
) -> None:
    terminal(answer)

    assert run(["bootstrap"]) == 1
    assert "error: nothing was done: not confirmed" in capsys.readouterr().err
    assert boto3.client("s3", region_name=REGION).list_buckets()["Buckets"] == []


def test_bootstrap_shows_what_it_would_do_before_it_fails_for_want_of_a_terminal(
    shell: FakeRunner, aws: None, capsys: Capture
) -> None:
    assert run(["bootstrap"]) == 64

    err = capsys.readouterr().err
    assert "create the bucket" in err
    assert "this asks for a confirmation, and there is no terminal to ask on" in err
    assert "pass --auto-approve" in err


def test_bootstrap_without_a_question(shell: FakeRunner, aws: None, capsys: Capture) -> None:
    assert run(["bootstrap", "foundation", "--auto-approve"]) == 0
    assert TABLE in boto3.client("dynamodb", region_name=REGION).list_tables()["TableNames"]


def test_bootstrap_refuses_another_account(estate: Estate, shell: FakeRunner, aws: None, capsys: Capture) -> None:
    (estate.root / "wealist.yaml").write_text(f"{YAML}accounts:\n  prod: '210987654321'\n")

    assert run(["bootstrap", "-y"]) == 10
    assert f"of account {ACCOUNT}: prod is pinned to account 210987654321" in capsys.readouterr().err


# preflight


def test_preflight_is_for_people(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    assert run(["preflight"]) == 0

    out = capsys.readouterr().out
    assert "✓ state-bucket  s3://acme-state: in ap-northeast-2" in out
    assert "all passed" in out


def test_preflight_that_fails_is_10_and_names_what_mends_it(shell: FakeRunner, aws: None, capsys: Capture) -> None:
    assert run(["preflight", "foundation"]) == 10

    out = capsys.readouterr().out
    assert "✗ state-bucket.missing  s3://acme-state: does not exist\n    wealist bootstrap\n" in out
    assert "2 failed" in out


def test_preflight_is_for_scripts(shell: FakeRunner, aws: None, capsys: Capture) -> None:
    assert run(["preflight", "--json"]) == 10

    out, err = capsys.readouterr()
    data = json.loads(out)
    assert "state-bucket.missing" in [finding["id"] for finding in data["findings"]]
    assert isinstance(data["seconds"], float)
    assert err == ""


# plan


def test_plan_shows_the_summary_and_stops(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    shell.plans("mixed")

    assert run(["plan", "foundation"]) == 0

    out, err = capsys.readouterr()
    assert "prod/foundation: 1 to create, 2 to change, 1 to replace, 1 to destroy" in out
    assert "± terraform_data.replaced" in out
    assert "✓ plan" in err
    assert "apply" not in shell.started


@pytest.mark.parametrize(
    ("plan", "words", "code"),
    [
        ("create", [], 0),
        ("create", ["--detailed-exitcode"], 2),
        ("output", ["--detailed-exitcode"], 2),
        ("none", ["--detailed-exitcode"], 0),
    ],
)
def test_changes_are_exit_code_two_where_that_was_asked_for(
    plan: str, words: list[str], code: int, shell: FakeRunner, store: Store
) -> None:
    shell.plans(plan)

    assert run(["plan", "foundation", *words]) == code


def test_plan_is_for_scripts(shell: FakeRunner, store: Store, capsys: Capture, tmp_path: Path) -> None:
    report = tmp_path / "report.json"

    assert run(["plan", "foundation", "--json", "--log-format", "json", "--report-file", str(report)]) == 0

    data = json.loads(report.read_text())
    assert data["results"][0]["outcome"] == "planned"
    out, err = capsys.readouterr()
    assert json.loads(out) == data
    events = [json.loads(line)["event"] for line in err.splitlines()]
    assert events[0] == "PreflightDone"
    assert "PlanReady" in events


def test_json_on_stdout_is_json_and_nothing_else(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    assert run(["plan", "foundation", "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["exit_code"] == 0


def test_a_failed_plan_is_1_with_terraforms_own_words(
    shell: FakeRunner, store: Store, capsys: Capture, tmp_path: Path
) -> None:
    shell.answer("plan", Reply(returncode=1, stdout=recorded("plan-failed.jsonl")))
    report = tmp_path / "report.json"

    assert run(["plan", "foundation", "--report-file", str(report)]) == 1

    err = capsys.readouterr().err
    assert "error: Resource precondition failed\n  main.tf:44\n  The input is too short.\n" in err
    assert "✗ prod/foundation: failed after" in err
    assert json.loads(report.read_text())["results"][0]["outcome"] == "failed"


@pytest.mark.parametrize(
    "words",
    [
        ["-out=x"],
        ["-json"],
        ["--destroy"],
        ["-auto-approve"],
        ["-var", "a=b"],
        ["-var-file=x"],
        ["-lock=false"],
        ["-chdir=.."],
        ["-state=x"],
        ["-input=true"],
    ],
)
def test_flags_that_wealist_sets_itself_are_refused(words: list[str], shell: FakeRunner, capsys: Capture) -> None:
    assert run(["plan", "foundation", "--", *words]) == 64
    assert "wealist sets -" in capsys.readouterr().err
    assert shell.commands == []


def test_other_native_flags_go_to_terraform(shell: FakeRunner, store: Store) -> None:
    assert run(["plan", "foundation", "--", "-refresh=false", "-compact-warnings"]) == 0

    assert list(shell.last("plan").argv)[-2:] == ["-refresh=false", "-compact-warnings"]


def test_values_and_files_go_to_terraform(shell: FakeRunner, store: Store, estate: Estate) -> None:
    (estate.root / "prod.tfvars").touch()
    made = {"mode": "managed", "type": "c", "name": "d", "instances": [{"attributes": {}}]}
    store.put_state(state_text(resources=[made]))
    (estate.folders["prod/foundation"] / "more.tf").write_text('resource "a" "b" {}\n')
    words = [
        "--set",
        "name=x",
        "--set",
        'zones=["a"]',
        "--var-file",
        "prod.tfvars",
        "--target",
        "a.b",
        "--replace",
        "c.d",
    ]

    assert run(["plan", "foundation", *words, "--lock-timeout", "2m", "--terraform-parallelism", "3", "--upgrade"]) == 0

    argv = shell.last("plan").argv
    assert {"-target=a.b", "-replace=c.d", "-lock-timeout=2m", "-parallelism=3"} <= set(argv)
    assert f"-var-file={estate.root / 'prod.tfvars'}" in argv
    assert "-upgrade" in shell.last("init").argv


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "nmae=x"], "--set nmae: prod/foundation has no such variable\n next: did you mean name?"),
        (["--set", "name"], "--set name: no value given\n next: --set name=VALUE"),
        (["--var-file", "gone.tfvars"], "--var-file gone.tfvars: no such file"),
    ],
)
def test_values_that_make_no_sense_are_64(words: list[str], message: str, shell: FakeRunner, capsys: Capture) -> None:
    assert run(["plan", "foundation", *words]) == 64
    assert message in capsys.readouterr().err
    assert shell.commands == []


def test_a_layer_that_is_not_there_is_64_with_a_suggestion(shell: FakeRunner, capsys: Capture) -> None:
    assert run(["plan", "fundation"]) == 64
    assert " next: did you mean foundation?" in capsys.readouterr().err


# up


def test_up_without_a_terminal_fails_at_once_and_names_the_flag(shell: FakeRunner, capsys: Capture) -> None:
    assert run(["up", "foundation"]) == 64

    err = capsys.readouterr().err
    assert "this asks for a confirmation, and there is no terminal to ask on" in err
    assert "pass --auto-approve, once you have seen what it will do" in err
    assert shell.commands == []


def test_up_that_may_not_ask_fails_at_once(shell: FakeRunner, terminal: Terminal, capsys: Capture) -> None:
    terminal("yes\n")

    assert run(["up", "foundation", "--non-interactive"]) == 64
    assert "--non-interactive was given" in capsys.readouterr().err
    assert shell.commands == []


def test_up_asks_applies_and_ends_with_the_outputs(
    shell: FakeRunner, store: Store, terminal: Terminal, capsys: Capture
) -> None:
    terminal("yes\n")
    shell.answer(
        "apply",
        Reply(stdout=recorded("apply-create.jsonl"), does=lambda _: store.put_state(recorded("state.json"))),
    )

    assert run(["up", "foundation"]) == 0

    out, err = capsys.readouterr()
    assert "prod/foundation: 6 to create" in out
    assert "Apply this to prod/foundation (aws)? Only 'yes' will do:" in err
    assert "✓ created terraform_data.kept" in err
    assert "✓ prod/foundation: 6 created in" in err
    assert 'endpoint = "stays"' in out
    assert "password = (redacted)" in out
    assert CANARY not in out + err


@pytest.mark.parametrize("answer", ["no\n", "y\n", ""])
def test_up_that_is_not_confirmed_applies_nothing(
    answer: str, shell: FakeRunner, store: Store, terminal: Terminal, capsys: Capture
) -> None:
    terminal(answer)

    assert run(["up", "foundation"]) != 0
    assert "prod/foundation: not confirmed, so not applied" in capsys.readouterr().err
    assert "apply" not in shell.started


def test_up_that_is_not_confirmed_is_a_failed_operation(shell: FakeRunner, store: Store, terminal: Terminal) -> None:
    terminal("no\n")

    assert run(["up", "foundation"]) == 1


def test_what_was_typed_before_the_question_is_no_answer_to_it(
    shell: FakeRunner, store: Store, terminal: Terminal
) -> None:
    terminal("no\n", ahead="yes\n")

    assert run(["up", "foundation"]) == 1
    assert "apply" not in shell.started


def test_ctrl_c_at_the_question_is_130_and_applies_nothing(
    shell: FakeRunner, store: Store, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def readline() -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(terminal, "readline", readline)

    assert run(["up", "foundation"]) == 130
    assert "interrupted; nothing was applied" in capsys.readouterr().err
    assert "apply" not in shell.started


def test_a_plan_is_talk_where_stdout_is_json(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    assert run(["up", "foundation", "-y", "--json"]) == 0

    out, err = capsys.readouterr()
    assert json.loads(out)["results"][0]["outcome"] == "applied"
    assert "prod/foundation: 6 to create" in err


def test_up_without_a_question(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    assert run(["up", "foundation", "-y"]) == 0
    assert "Only 'yes' will do" not in capsys.readouterr().err
    assert shell.started == ["init", "plan", "show", "apply"]


def test_up_with_nothing_to_change_says_so(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    shell.plans("none")

    assert run(["up", "foundation", "-y"]) == 0
    assert "✓ prod/foundation: nothing to change" in capsys.readouterr().err
    assert "apply" not in shell.started


def test_an_interrupted_up_is_130(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    shell.answer("apply", Reply(returncode=1, was_interrupted=True, stops_after=60.0))

    assert run(["up", "foundation", "-y"]) == 130
    assert "stopping: Terraform has 60 s to finish" in capsys.readouterr().err


def test_ctrl_c_while_terraform_runs_asks_it_to_stop(
    shell: FakeRunner, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    before = signal.getsignal(signal.SIGINT)
    asked: list[int] = []

    class Stopping(FakeRunner):
        def __call__(self, command: Command, **given: Any) -> Completed:
            done = super().__call__(command, **given)
            if command.argv[1] != "apply":
                return done
            os.kill(os.getpid(), signal.SIGINT)
            # The signal is heard by the main thread, and the command runs in another.
            deadline = time.monotonic() + 5
            while not given["cancellation"].requests and time.monotonic() < deadline:
                time.sleep(0.01)
            asked.append(given["cancellation"].requests)
            return replace(done, returncode=1, was_interrupted=True)

    monkeypatch.setattr("orchestrator.engine.Engine", partial(Engine, runner=Stopping()))

    assert run(["up", "foundation", "-y"]) == 130
    assert asked == [1]
    assert "prod/foundation: terraform apply was interrupted and has stopped" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is before


def test_a_report_for_a_folder_that_is_not_there_stops_before_anything_is_done(
    shell: FakeRunner, store: Store, capsys: Capture
) -> None:
    assert run(["up", "foundation", "-y", "--report-file", "gone/report.json"]) == 64
    assert "--report-file gone/report.json: there is no such folder" in capsys.readouterr().err
    assert shell.commands == []


def test_a_locked_state_is_12(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    store.put_lock()
    shell.answer("plan", Reply(returncode=1))

    assert run(["up", "foundation", "-y"]) == 12
    assert "the state is locked by alice@laptop" in capsys.readouterr().err


def test_a_failed_preflight_is_10_and_starts_nothing(shell: FakeRunner, aws: None, capsys: Capture) -> None:
    assert run(["up", "foundation", "-y"]) == 10

    err = capsys.readouterr().err
    assert "✗ state-bucket.missing" in err
    assert "error: preflight: 2 checks failed; nothing was started\n" in err
    assert shell.started == []


def test_no_credentials_are_10_with_a_way_out(shell: FakeRunner, capsys: Capture) -> None:
    assert run(["up", "foundation", "-y"]) == 10
    assert "with no account: add --sandbox" in capsys.readouterr().err


def test_no_secret_is_shown_by_anything_that_up_writes(
    shell: FakeRunner, store: Store, estate: Estate, capsys: Capture, tmp_path: Path
) -> None:
    store.put_state(recorded("state.json"))
    shell.plans("mixed")
    noise = f'{{"type": "diagnostic", "diagnostic": {{"severity": "error", "summary": "bad {CANARY}"}}}}\n'
    shell.answer("apply", Reply(returncode=1, stdout=noise, stderr=CANARY))
    report = tmp_path / "report.json"

    code = run(["up", "foundation", "-y", "--set", f"password={CANARY}", "--json", "--report-file", str(report)])

    out, err = capsys.readouterr()
    assert code == 1
    assert CANARY not in out
    assert CANARY not in err
    assert CANARY not in report.read_text()
    home = estate.root / ".wealist"
    assert [path for path in home.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()] == []


def test_a_stray_variable_is_named(
    shell: FakeRunner, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("TF_CLI_ARGS_plan", "-destroy")

    assert run(["plan", "foundation"]) == 0
    assert "note: TF_CLI_ARGS_plan is left out of Terraform's environment" in capsys.readouterr().err
    assert "TF_CLI_ARGS_plan" not in shell.last("plan").env


# the environment, and where a command works


def test_flags_have_variables(shell: FakeRunner, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEALIST_TERRAFORM_PARALLELISM", "4")
    monkeypatch.setenv("WEALIST_LOCK_TIMEOUT", "9s")

    assert run(["up", "foundation", "-y"]) == 0
    assert {"-parallelism=4", "-lock-timeout=9s"} <= set(shell.last("plan").argv)


def test_no_variable_says_yes(
    shell: FakeRunner, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("WEALIST_AUTO_APPROVE", "1")

    assert run(["up", "foundation"]) == 64
    assert "--auto-approve" in capsys.readouterr().err
    assert shell.started == []


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (
            ["plan", "foundation"],
            ["--set", "--var-file", "--terraform-log", "--chdir", "--profile", "--target", "--replace"],
        ),
        (["up", "foundation"], ["--auto-approve", "--allow-destroy"]),
        (["diagnose", "db"], ["--from", "--ca-file"]),
        (["secrets", "db-password"], ["--field", "--version-stage", "--env"]),
    ],
)
def test_a_variable_that_would_choose_is_named_and_has_no_effect(
    words: list[str],
    options: list[str],
    shell: FakeRunner,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    without = run(words)
    capsys.readouterr()
    for option in options:
        monkeypatch.setenv(f"WEALIST_{option.removeprefix('--').replace('-', '_').upper()}", "/else/where=1")

    assert run(words) == without
    notes = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: WEALIST_")]
    assert sorted(note.split()[5] for note in notes) == sorted(options)


def test_no_guard_has_a_variable() -> None:
    declared = [info for kind in vars(options).values() for info in getattr(kind, "__metadata__", ())]
    guards = [info for info in declared if getattr(info, "rich_help_panel", None) == "Guards"]

    assert guards
    assert [info.param_decls for info in guards if info.envvar is not None] == []


def test_no_variable_chooses_what_a_command_works_on(
    shell: FakeRunner, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    for name in ("TARGET", "REPLACE", "ALL", "WITH_DEPENDENCIES"):
        monkeypatch.setenv(f"WEALIST_{name}", "1")

    assert run(["plan", "foundation"]) == 0
    assert not any("-target" in word or "-replace" in word for word in shell.last("plan").argv)
    monkeypatch.setenv("WEALIST_VERSION", "abc")
    assert run(["state", "restore", "foundation"]) == 64
    assert "--version" in capsys.readouterr().err


def test_a_flag_wins_over_its_variable_and_that_over_the_file(
    shell: FakeRunner, store: Store, monkeypatch: pytest.MonkeyPatch, estate: Estate
) -> None:
    (estate.root / "wealist.yaml").write_text(f"{YAML}terraform:\n  parallelism: 2\n  lock_timeout: 2s\n")
    monkeypatch.setenv("WEALIST_TERRAFORM_PARALLELISM", "3")
    monkeypatch.setenv("WEALIST_LOCK_TIMEOUT", "3s")

    assert run(["plan", "foundation", "--terraform-parallelism", "4"]) == 0
    assert {"-parallelism=4", "-lock-timeout=3s"} <= set(shell.last("plan").argv)


@pytest.mark.parametrize(
    "words", [["-C", "estate", "secrets"], ["secrets", "-C", "estate"], ["secrets", "--chdir", "estate"]]
)
def test_a_folder_can_be_given_before_and_after_the_command(
    words: list[str], estate: Estate, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(estate.root.parent)

    assert run(words) == 0
    assert capsys.readouterr().out == "db-password\n"


def test_a_terraform_can_be_named(shell: FakeRunner, store: Store, estate: Estate) -> None:
    program = estate.root / "bin" / "terraform-1.11"
    (estate.root / "bin" / "terraform").rename(program)

    assert run(["plan", "foundation"]) == 10
    assert run(["plan", "foundation", "--terraform-bin", str(program)]) == 0
    assert shell.last("plan").argv[0] == str(program)


def test_hcl_that_does_not_parse_is_64(shell: FakeRunner, estate: Estate, capsys: Capture) -> None:
    write_layer(estate.root, "prod/foundation", "terraform {")

    assert run(["plan", "foundation"]) == 64
    assert "main.tf:" in capsys.readouterr().err


def test_a_file_with_a_misspelt_key_is_64(shell: FakeRunner, estate: Estate, capsys: Capture) -> None:
    (estate.root / "wealist.yaml").write_text("version: 1\naccount: {}\n")

    assert run(["plan", "foundation"]) == 64
    err = capsys.readouterr().err
    assert err.startswith("error: wealist.yaml:2: account: unknown key\n")
    assert "did you mean accounts?" in err


# output


def test_outputs_are_data(shell: FakeRunner, arn: str, capsys: Capture) -> None:
    assert run(["output", "foundation"]) == 0

    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f'db_secret_arn = "{arn}"',
        'endpoint      = "db.local"',
        "ports         = [5432]",
        "token         = (redacted)",
    ]
    assert err == ""


def test_outputs_are_json(shell: FakeRunner, arn: str, capsys: Capture) -> None:
    assert run(["output", "foundation", "--json"]) == 0

    data = json.loads(capsys.readouterr().out)
    assert (data["endpoint"], data["ports"], data["token"]) == ("db.local", [5432], "(redacted)")


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (["endpoint"], "db.local\n"),
        (["endpoint", "--json"], '"db.local"\n'),
        (["ports"], "[\n  5432\n]\n"),
        (["token"], f"{CANARY}\n"),
    ],
)
def test_one_output_is_its_bare_value(words: list[str], out: str, shell: FakeRunner, arn: str, capsys: Capture) -> None:
    assert run(["output", "foundation", *words]) == 0
    assert capsys.readouterr().out == out


def test_an_output_that_is_not_there_is_64(shell: FakeRunner, arn: str, capsys: Capture) -> None:
    assert run(["output", "foundation", "endpiont"]) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert "did you mean endpoint?" in err


def test_outputs_of_a_layer_that_was_never_applied(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    assert run(["output", "foundation"]) == 1
    assert "was never applied" in capsys.readouterr().err


# secrets


def test_a_secret_is_its_value_alone(shell: FakeRunner, arn: str, capsys: Capture) -> None:
    assert run(["secrets", "db-password"]) == 0
    assert capsys.readouterr() == (f"{CANARY}\n", "")


def test_a_secret_as_json(shell: FakeRunner, arn: str, capsys: Capture) -> None:
    assert run(["secrets", "db-password", "--json"]) == 0

    data = json.loads(capsys.readouterr().out)
    assert (data["name"], data["value"], data["arn"]) == ("db-password", CANARY, arn)
    assert data["stages"] == ["AWSCURRENT"]


def test_another_field_of_a_secret(shell: FakeRunner, arn: str, capsys: Capture) -> None:
    assert run(["secrets", "db-password", "--field", "username"]) == 0
    assert capsys.readouterr().out == "admin\n"


def test_the_previous_version_of_a_secret(shell: FakeRunner, arn: str, capsys: Capture) -> None:
    client = boto3.client("secretsmanager", region_name=REGION)
    client.put_secret_value(SecretId=arn, SecretString='{"password": "rotated"}')

    assert run(["secrets", "db-password", "--version-stage", "AWSPREVIOUS"]) == 0
    assert capsys.readouterr().out == f"{CANARY}\n"


def test_secrets_alone_lists_the_names(shell: FakeRunner, capsys: Capture) -> None:
    assert run(["secrets"]) == 0
    assert capsys.readouterr().out == "db-password\n"

    assert run(["secrets", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "db-password": {"layer": "prod/foundation", "output": "db_secret_arn", "field": "password"}
    }


def test_no_secrets_are_said_to_be_none(shell: FakeRunner, estate: Estate, capsys: Capture) -> None:
    (estate.root / "wealist.yaml").write_text("version: 1\n")

    assert run(["secrets"]) == 0
    assert capsys.readouterr() == ("", "no secrets are declared in wealist.yaml\n")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["db-pasword"], 64, "did you mean db-password?"),
        (["db-password", "--field", "nope"], 14, "has no field 'nope'; it has password, username"),
        (["db-password", "--version-stage", "AWSPENDING"], 14, "has no version in stage AWSPENDING"),
        (["a", "b"], 64, "one secret at a time, not a b"),
        (["exec", "db-password"], 64, "exec needs a secret, a variable and a program"),
        (["exec", "db-password", "--env", "X"], 64, "wealist secrets exec NAME --env VARIABLE -- PROGRAM ..."),
        (["exec", "db-password", "--", "psql"], 64, "exec needs a secret, a variable and a program"),
        (["exec", "--env", "X", "--", "psql"], 64, "exec needs a secret, a variable and a program"),
        (["db-password", "--env", "X"], 64, "a program to run is given to `exec`"),
        (["db-password", "--", "psql"], 64, "a program to run is given to `exec`"),
    ],
)
def test_a_secret_that_can_not_be_had(
    words: list[str], code: int, message: str, shell: FakeRunner, arn: str, capsys: Capture
) -> None:
    assert run(["secrets", *words]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert CANARY not in err


def test_a_secret_of_a_layer_that_was_never_applied_is_14(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    assert run(["secrets", "db-password"]) == 14
    assert " next: wealist up foundation" in capsys.readouterr().err


def test_the_shell_commands_that_do_the_same(
    shell: FakeRunner, capsys: Capture, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["secrets", "db-password", "--show-command"]) == 0

    assert capsys.readouterr().out == (
        "cd terraform/prod/foundation\n"
        "aws secretsmanager get-secret-value \\\n"
        "  --region ap-northeast-2 \\\n"
        '  --secret-id "$(terraform output -raw db_secret_arn)" \\\n'
        "  --query SecretString --output text | jq -r .password\n"
    )


def test_the_shell_commands_of_an_earlier_version(shell: FakeRunner, capsys: Capture) -> None:
    assert run(["secrets", "db-password", "--show-command", "--version-stage", "AWSPREVIOUS"]) == 0
    assert "  --version-stage AWSPREVIOUS \\\n" in capsys.readouterr().out


def test_exec_hands_the_value_to_a_program_and_shows_it_to_nobody(
    shell: FakeRunner, arn: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def execve(program: Path, argv: list[str], env: dict[str, str]) -> None:
        raise ReplacedError(str(program), argv, env)

    psql = write_program(Path("bin"), "psql").absolute()
    write_program(Path(), "psql")
    monkeypatch.setenv("PATH", f".::{psql.parent}")
    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setenv("KEPT", "yes")
    seen: list[ReplacedError] = []
    monkeypatch.setattr("orchestrator.cli.boundary._keep_traceback", lambda: _remember(seen))

    run(["secrets", "exec", "db-password", "--env", "PGPASSWORD", "--", "psql", "-h", "db.local"])

    (became,) = seen
    assert (became.program, became.argv) == (str(psql), ["psql", "-h", "db.local"])
    assert (became.env["PGPASSWORD"], became.env["KEPT"]) == (CANARY, "yes")
    out, err = capsys.readouterr()
    assert CANARY not in out + err


def _remember(seen: list[ReplacedError]) -> str:
    import sys

    error = sys.exc_info()[1]
    assert isinstance(error, ReplacedError)
    seen.append(error)
    return "nowhere"


@pytest.mark.parametrize("character", ["\0", "\ud800"])
def test_exec_refuses_a_value_that_no_variable_can_hold(
    character: str, shell: FakeRunner, arn: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    secret = Secret(
        name="db-password", arn=arn, version_id="v1", stages=("AWSCURRENT",), created="now", text=f"ab{character}cd"
    )
    monkeypatch.setattr("orchestrator.lookup.find_secret", lambda *_, **__: secret)
    monkeypatch.setattr("orchestrator.lookup.secret_config", lambda *_: SecretConfig(layer="foundation", output="x"))

    assert run(["secrets", "exec", "db-password", "--env", "X", "--", "true"]) == 14
    err = capsys.readouterr().err
    assert "no environment variable can hold" in err
    assert "ab" not in err.replace("variable", "")


def test_exec_of_a_program_that_is_not_there(shell: FakeRunner, arn: str, capsys: Capture) -> None:
    assert run(["secrets", "exec", "db-password", "--env", "X", "--", "no-such-program"]) == 64
    out, err = capsys.readouterr()
    assert "no-such-program: can't be started: No such file or directory" in err
    assert CANARY not in out + err


# tf


def test_tf_becomes_terraform_in_the_layers_clean_environment(
    shell: FakeRunner, store: Store, estate: Estate, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def execve(program: str, argv: list[str], env: dict[str, str]) -> None:
        raise ReplacedError(str(program), argv, env)

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setattr("orchestrator.cli.escape.run_process", shell)
    monkeypatch.setenv("TF_WORKSPACE", "other")
    seen: list[ReplacedError] = []
    monkeypatch.setattr("orchestrator.cli.boundary._keep_traceback", lambda: _remember(seen))

    run(["tf", "foundation", "--", "state", "list", "-id=a b"])

    (became,) = seen
    program = str(estate.root / "bin" / "terraform")
    assert (became.program, became.argv) == (program, [program, "state", "list", "-id=a b"])
    assert became.env["TF_WORKSPACE"] == "default"
    assert became.env["TF_IN_AUTOMATION"] == "1"
    assert Path.cwd() == estate.root / "terraform" / "prod" / "foundation"
    assert "note: TF_WORKSPACE is left out" in capsys.readouterr().err


def test_tf_stops_at_the_guard_of_the_account(
    shell: FakeRunner, store: Store, estate: Estate, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (estate.root / "wealist.yaml").write_text(f"{YAML}accounts:\n  prod: '210987654321'\n")
    monkeypatch.setattr("orchestrator.cli.escape.run_process", shell)

    assert run(["tf", "foundation", "--", "state", "push", "x"]) == 10
    err = capsys.readouterr().err
    assert f"error: preflight: {ACCOUNT}: prod is pinned to account 210987654321" in err
    assert " next: use credentials of 210987654321" in err


def test_tf_leaves_a_state_alone_that_two_layers_keep(
    shell: FakeRunner, store: Store, estate: Estate, capsys: Capture
) -> None:
    write_layer(estate.root, "prod/copy", backend_block(KEY))

    assert run(["tf", "copy", "--", "apply"]) == 11
    assert "is the state of prod/copy and of prod/foundation" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["apply", "-auto-approve"], ["apply"], ["destroy", "--auto-approve"], ["apply", "x.plan"]]
)
def test_tf_changes_nothing_unasked_where_the_account_is_unknown(
    words: list[str], shell: FakeRunner, store: Store, estate: Estate, capsys: Capture
) -> None:
    (estate.root / "wealist.yaml").write_text(f"{YAML}accounts:\n  prod: '{ACCOUNT}'\n")
    write_layer(estate.root, "prod/foundation", backend_block(KEY) + 'provider "aws" {\n  profile = "ops"\n}\n')

    assert run(["tf", "foundation", "--", *words]) == 10
    assert "which can't be checked, and nobody is asked before it is applied" in capsys.readouterr().err


def test_tf_is_given_a_variable_from_the_environment(
    shell: FakeRunner, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def execve(program: str, argv: list[str], env: dict[str, str]) -> None:
        raise ReplacedError(str(program), argv, env)

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setattr("orchestrator.cli.escape.run_process", shell)
    monkeypatch.setenv("TF_VAR_password", CANARY)
    monkeypatch.setenv("TF_VAR_name", "dropped")
    seen: list[ReplacedError] = []
    monkeypatch.setattr("orchestrator.cli.boundary._keep_traceback", lambda: _remember(seen))

    run(["tf", "foundation", "--set-env", "password", "--", "validate"])

    assert seen[0].env["TF_VAR_password"] == CANARY
    assert "TF_VAR_name" not in seen[0].env
    err = capsys.readouterr().err
    assert "note: TF_VAR_name is left out of Terraform's environment: pass --set-env name to use it" in err
    assert "TF_VAR_password" not in err


@pytest.mark.parametrize("words", [["fmt"], ["validate"], ["version"], ["-help"]])
def test_tf_asks_nothing_of_aws_where_terraform_does_not(
    words: list[str], shell: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def execve(program: str, argv: list[str], env: dict[str, str]) -> None:
        raise ReplacedError(str(program), argv, env)

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.setattr("orchestrator.cli.escape.run_process", shell)
    seen: list[ReplacedError] = []
    monkeypatch.setattr("orchestrator.cli.boundary._keep_traceback", lambda: _remember(seen))

    run(["tf", "foundation", "--", *words])

    assert [error.argv[1:] for error in seen] == [words]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["-chdir=../compute", "plan"], "leave it out, and name the other layer: wealist tf --help"),
        (["--chdir=../compute"], "leave it out, and name the other layer: wealist tf --help"),
        (["init", "-reconfigure", "-backend-config=key=prod/other.tfstate"], "change the backend block at "),
        (["init", "-backend-config", "key=prod/other.tfstate"], "change the backend block at "),
        (["init", "--backend-config=other.hcl"], "change the backend block at "),
    ],
)
def test_tf_stays_on_the_state_that_was_checked(
    words: list[str], hint: str, shell: FakeRunner, capsys: Capture
) -> None:
    assert run(["tf", "foundation", "--", *words]) == 64
    assert f" next: {hint}" in capsys.readouterr().err
    assert shell.commands == []


@pytest.mark.parametrize("words", [["tf", "foundation"], ["tf", "foundation", "--"]])
def test_tf_with_nothing_to_run_is_64(words: list[str], shell: FakeRunner, capsys: Capture) -> None:
    assert run(words) == 64
    assert " next: wealist tf foundation -- state list" in capsys.readouterr().err


# sandbox


def test_no_sandbox_is_said_to_be_none(shell: FakeRunner, capsys: Capture) -> None:
    assert run(["sandbox", "status"]) == 1
    assert "it doesn't run: wealist sandbox start" in capsys.readouterr().err

    assert run(["sandbox", "status", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"running": False}

    assert run(["sandbox", "stop"]) == 0
    assert "it doesn't run" in capsys.readouterr().err


class Running:
    """A sandbox that is started on demand, and nothing behind it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server: Server | None = None
        monkeypatch.setattr(control, "find", lambda _home: self.server)
        monkeypatch.setattr(control, "start", self.start)
        monkeypatch.setattr(control, "stop", self.stop)
        monkeypatch.setattr(provider, "provider_source", lambda _: provider.ProviderSource(description="mirror /m"))
        monkeypatch.setattr(provider, "module_source", lambda _: provider.ModuleSource.STAND_INS)

    def start(self, _home: Path, **_: object) -> Server:
        self.server = Server(
            pid=4711,
            process_started=1.0,
            port=4566,
            credential=Credential(access_key="hunter2-access", secret_key="hunter2-secret"),
            account_id=ACCOUNT,
            started_at="2026-01-02T03:04:05+00:00",
            modules=(),
        )
        return self.server

    def stop(self, _home: Path) -> bool:
        was_running, self.server = self.server is not None, None
        return was_running


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Running:
    return Running(monkeypatch)


def test_a_sandbox_is_started_shown_and_stopped(
    shell: FakeRunner, sandbox: Running, estate: Estate, capsys: Capture
) -> None:
    assert run(["sandbox", "start"]) == 0
    out, err = capsys.readouterr()
    assert err == "started\n"
    assert out.splitlines() == [
        "url: http://127.0.0.1:4566",
        f"account: {ACCOUNT}",
        "pid: 4711",
        "since: 2026-01-02T03:04:05+00:00",
        "provider: mirror /m",
        "modules: wealist's stand-ins (the public registry does not answer)",
        f"copy of the estate: {estate.root / '.wealist/sandbox/work'}",
    ]
    assert "hunter2" not in out

    assert run(["sandbox", "start"]) == 0
    assert capsys.readouterr().err == "it runs already\n"

    assert run(["sandbox", "status"]) == 0
    assert "url: http://127.0.0.1:4566" in capsys.readouterr().out

    assert run(["sandbox", "stop"]) == 0
    assert capsys.readouterr().err == "stopped; everything in it is gone\n"
    assert run(["sandbox", "status"]) == 1


@pytest.mark.parametrize("command", ["start", "status"])
def test_a_sandbox_is_data_for_scripts(command: str, shell: FakeRunner, sandbox: Running, capsys: Capture) -> None:
    assert run(["sandbox", "start"]) == 0
    capsys.readouterr()

    assert run(["sandbox", command, "--json"]) == 0

    out = capsys.readouterr().out
    data = json.loads(out)
    assert (data["running"], data["url"], data["pid"]) == (True, "http://127.0.0.1:4566", 4711)
    assert data["provider"] == "mirror /m"
    assert data["module_source"].startswith("wealist's stand-ins")
    assert "hunter2" not in out


@pytest.mark.parametrize(
    "words",
    [["preflight"], ["plan", "foundation"], ["secrets", "db-password"], ["status"], ["tf", "foundation", "--", "plan"]],
)
def test_an_endpoint_on_this_machine_is_not_taken_for_aws(
    words: list[str], shell: FakeRunner, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    # Only the command line may say that it is meant.
    monkeypatch.setenv("WEALIST_ALLOW_LOCAL_ENDPOINT", "1")

    assert run(words) == 10

    err = capsys.readouterr().err
    assert "error: AWS_ENDPOINT_URL: http://127.0.0.1:4566 is this machine and not AWS" in err
    assert " next: unset AWS_ENDPOINT_URL; to rehearse: add --sandbox" in err
    assert shell.commands == []


def test_a_provider_that_names_this_machine_is_not_run(
    shell: FakeRunner, store: Store, estate: Estate, capsys: Capture
) -> None:
    main = estate.root / "terraform" / "prod" / "foundation" / "main.tf"
    main.write_text(f'{main.read_text()}\nprovider "aws" {{\n  endpoints {{\n    s3 = "http://localhost:1"\n  }}\n}}\n')

    assert run(["plan", "foundation"]) == 10
    assert "endpoints of the provider: http://localhost:1 is this machine" in capsys.readouterr().err

    assert run(["plan", "foundation", "--allow-local-endpoint"]) == 0


def test_an_endpoint_that_is_set_is_named_by_preflight(
    shell: FakeRunner, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:4566")

    run(["preflight", "--allow-local-endpoint"])

    assert "endpoint.custom  AWS_ENDPOINT_URL_SQS" in capsys.readouterr().out


def test_a_shell_is_pointed_at_the_sandbox(shell: FakeRunner, sandbox: Running, capsys: Capture) -> None:
    assert run(["sandbox", "env"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert "refuses this endpoint" in err
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:4566" in lines
    assert {"export AWS_ACCESS_KEY_ID=hunter2-access", "export AWS_SECRET_ACCESS_KEY=hunter2-secret"} <= {*lines}
    assert all(line.startswith("export ") for line in lines)

    assert run(["sandbox", "env", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert sorted(f"export {name}" for name in data) == sorted(line.partition("=")[0] for line in lines)


def test_a_source_that_is_asked_for_too_late_is_named(
    shell: FakeRunner, sandbox: Running, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def find_secret(*_: object, **__: object) -> None:
        raise SecretError("not yet")

    monkeypatch.setattr("orchestrator.lookup.find_secret", find_secret)
    assert run(["sandbox", "start"]) == 0
    monkeypatch.setenv("WEALIST_MODULE_SOURCE", "registry")
    capsys.readouterr()

    assert run(["--sandbox", "secrets", "db-password"]) == 14
    assert "note: WEALIST_MODULE_SOURCE has changed; it counts when the sandbox starts" in capsys.readouterr().err


def test_a_profile_that_the_hcl_names_is_said_to_be_the_sandboxs(
    shell: FakeRunner, sandbox: Running, estate: Estate, capsys: Capture
) -> None:
    main = estate.root / "terraform" / "prod" / "foundation" / "main.tf"
    main.write_text(f'{main.read_text()}\nprovider "aws" {{\n  profile = "team"\n}}\n')

    run(["--sandbox", "secrets", "db-password"])

    assert "note: the HCL names the profile team; in the sandbox it stands for" in capsys.readouterr().err


def test_a_layer_that_could_leave_the_sandbox_is_not_run(
    shell: FakeRunner, sandbox: Running, estate: Estate, capsys: Capture
) -> None:
    main = estate.root / "terraform" / "prod" / "foundation" / "main.tf"
    main.write_text(f'{main.read_text()}\nprovider "aws" {{\n  access_key = "AKIA"\n}}\n')

    for words in (["plan", "foundation"], ["preflight"], ["tf", "foundation", "--", "plan"]):
        assert run(["--sandbox", *words]) == 64
        assert ": access_key of provider aws could lead a rehearsal out" in capsys.readouterr().err
    assert shell.commands == []


@pytest.mark.parametrize("words", [["--sandbox", "secrets", "db-password"], ["secrets", "db-password", "--sandbox"]])
def test_any_command_goes_to_the_sandbox(
    words: list[str], shell: FakeRunner, sandbox: Running, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    seen: list[tuple[str, str | None]] = []

    def find_secret(_estate: object, name: str, target: Target, **_: object) -> Secret:
        seen.append((target.name, target.aws.endpoint_url))
        return Secret(name=name, arn="a", version_id="v", stages=(), created="", text='{"password": "rehearsed"}')

    monkeypatch.setattr("orchestrator.lookup.find_secret", find_secret)

    assert run(words) == 0
    out, err = capsys.readouterr()
    assert out == "rehearsed\n"
    assert "sandbox started at http://127.0.0.1:4566" in err
    assert seen == [("sandbox", "http://127.0.0.1:4566")]


def test_the_plan_file_never_holds_what_stays(shell: FakeRunner, store: Store, estate: Estate) -> None:
    assert run(["plan", "foundation"]) == 0

    left = [path for path in (estate.root / ".wealist").rglob("*") if path.is_file() and PLAN_FILE in path.read_bytes()]
    assert left == []


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("wealist pl", ["plan"]),
        ("wealist plan fo", ["foundation"]),
        ("wealist plan prod/", ["prod/compute", "prod/foundation"]),
        ("wealist output co", ["compute"]),
        ("wealist secrets db", ["db-password"]),
    ],
)
def test_the_shell_completes_commands_layers_and_secrets(
    words: str, offered: list[str], shell: FakeRunner, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("_WEALIST_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))

    assert run([]) == 0
    assert capsys.readouterr().out.split() == offered
