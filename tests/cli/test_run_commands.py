"""Runs from words to text and exit code: several layers, guards, `down`, `drift`, `resume`."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.cli.boundary import run
from tests.estate import ACCOUNT, KEY, YAML, Store, backend_block, remote_state, state_text, write_layer
from tests.fakes import CANARY, PLAN_FILE, Reply, recorded
from tests.plans import change, plan_json, script

if TYPE_CHECKING:
    from orchestrator.discovery import Estate
    from orchestrator.process import Command
    from tests.cli.conftest import Terminal
    from tests.fakes import FakeRunner

    Capture = pytest.CaptureFixture[str]

DATABASE = "aws_db_instance.this"
WEAKER = plan_json(change(DATABASE, "update", {"deletion_protection": True}, {"deletion_protection": False}))
DIES = plan_json(change(DATABASE, "delete", {"skip_final_snapshot": True}))
DRIFT = plan_json(drift=(change(DATABASE, "update", {"size": "small"}, {"size": "large"}),))
READS = "locals {\n  a = data.terraform_remote_state.other.outputs.vpc_id\n}\n"


@pytest.fixture
def applied(store: Store) -> Store:
    """Foundation is applied, compute is not."""
    store.put_state(state_text(outputs={"vpc_id": "vpc-1"}))
    return store


@pytest.fixture
def both(applied: Store) -> Store:
    applied.put_state(state_text(outputs={"a": "b"}), key="prod/compute/terraform.tfstate")
    return applied


def folders(shell: FakeRunner, command: str = "plan") -> list[str]:
    return [c.cwd.name for c in shell.commands if c.argv[1] == command]


def said(capsys: Capture) -> tuple[str, str]:
    """The error, and what to do next."""
    lines = capsys.readouterr().err.splitlines()
    last = max(index for index, line in enumerate(lines) if line.startswith("error: "))
    (error, *hints) = lines[last:]
    return error.removeprefix("error: "), "\n".join(hints).removeprefix(" next: ")


# which layers


@pytest.mark.parametrize("words", [["plan"], ["up", "-y"], ["down"]])
def test_no_layer_is_not_all_of_them(words: list[str], shell: FakeRunner, capsys: Capture) -> None:
    assert run(words) == 64

    error, hint = said(capsys)
    assert error == "no layer is named"
    assert hint == "name some of prod/compute, prod/foundation, or pass --all"
    assert shell.commands == []


@pytest.mark.parametrize("words", [["plan"], ["up", "-y"], ["down", "--confirm", "compute"]])
def test_all_and_a_name_contradict_each_other(words: list[str], shell: FakeRunner, capsys: Capture) -> None:
    assert run([*words, "compute", "--all"]) == 64

    error, hint = said(capsys)
    assert error == "--all and compute: one or the other"
    assert hint == ""
    assert shell.commands == []


def test_all_is_every_layer_in_order(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    assert run(["up", "--all", "-y"]) == 0

    assert folders(shell, "apply") == ["foundation", "compute"]


@pytest.mark.parametrize(
    "words", [["plan", "--all"], ["up", "--all", "-y"], ["up", "-y"], ["down", "--all"], ["drift"]], ids=" ".join
)
def test_an_estate_without_layers_says_so(
    words: list[str], shell: FakeRunner, estate: Estate, aws: None, capsys: Capture
) -> None:
    shutil.rmtree(estate.root / "terraform")

    assert run(words) == 64
    assert "there are no layers; layers.include matches nothing" in capsys.readouterr().err


def test_a_layer_brings_its_dependencies_where_that_is_asked_for(
    shell: FakeRunner, store: Store, capsys: Capture
) -> None:
    assert run(["up", "compute", "--with-dependencies", "-y"]) == 0
    assert folders(shell, "apply") == ["foundation", "compute"]


def test_a_layer_on_nothing_is_11_with_both_ways_out(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    assert run(["up", "compute", "-y"]) == 11

    error, hint = said(capsys)
    assert error == (
        "prod/compute stands on prod/foundation, which is not applied "
        "(data.terraform_remote_state.other at terraform/prod/compute/main.tf:11)"
    )
    assert hint == "wealist up prod/foundation, or both: wealist up prod/compute --with-dependencies"
    assert shell.started == []


def test_a_layer_on_one_that_is_being_changed_is_12(shell: FakeRunner, applied: Store, capsys: Capture) -> None:
    applied.put_lock()

    assert run(["up", "compute", "-y"]) == 12
    assert "prod/compute stands on prod/foundation, which is locked by alice@laptop (apply" in capsys.readouterr().err
    assert run(["up", "compute", "-y", "--allow-incomplete-dependencies"]) == 0


def test_a_layer_on_a_half_applied_one_is_11(shell: FakeRunner, applied: Store, capsys: Capture) -> None:
    shell.answer("apply", Reply(returncode=1), Reply())
    assert run(["up", "foundation", "-y"]) == 1

    assert run(["up", "compute", "-y"]) == 11
    assert "whose last apply failed" in capsys.readouterr().err
    assert run(["up", "compute", "-y", "--allow-incomplete-dependencies"]) == 0


def test_an_output_that_is_missing_is_11_with_the_line(
    shell: FakeRunner, estate: Estate, applied: Store, capsys: Capture
) -> None:
    text = backend_block("prod/compute/terraform.tfstate") + remote_state(KEY) + READS.replace("vpc_id", "vpc_ids")
    write_layer(estate.root, "prod/compute", text)

    assert run(["plan", "compute"]) == 11
    error, hint = said(capsys)
    assert error == (
        "terraform/prod/compute/main.tf:20: prod/compute reads output 'vpc_ids' of "
        "prod/foundation, which has none of that name"
    )
    assert hint == "did you mean vpc_id?"


def test_a_plan_of_layers_that_wait_for_each_other_says_so(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    assert run(["plan", "--all"]) == 0

    err = capsys.readouterr().err
    assert "prod/compute can be planned once prod/foundation is applied" in err
    assert "prod/compute: not planned yet" in err
    assert "wealist up prod/foundation plans again" in err


def test_layers_behind_one_that_failed_name_it(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    shell.answer("apply", Reply(returncode=1))

    assert run(["up", "--all", "-y"]) == 1

    err = capsys.readouterr().err
    assert "✗ prod/foundation: failed after" in err
    assert "- prod/compute was skipped, because prod/foundation failed" in err


# guards


def test_a_flag_that_approves_does_not_cover_a_weakening(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    script(shell, WEAKER)

    assert run(["up", "foundation", "-y"]) == 13

    out, err = capsys.readouterr()
    assert f"{DATABASE}: would lose deletion protection" in out
    assert f"error: prod/foundation: {DATABASE} would lose deletion protection (deletion_protection)" in err
    assert f" next: --allow-weaken 'prod/foundation:{DATABASE}'" in err
    assert "apply" not in shell.started


def test_a_weakening_that_is_named_is_applied(shell: FakeRunner, store: Store) -> None:
    script(shell, WEAKER)

    assert run(["up", "foundation", "-y", "--allow-weaken", DATABASE]) == 0
    assert "apply" in shell.started


def test_a_weakening_is_confirmed_by_its_address(shell: FakeRunner, store: Store, terminal: Terminal) -> None:
    script(shell, WEAKER)
    answers = iter([f"{DATABASE}\n", "yes\n"])
    terminal.readline = lambda: next(answers)  # type: ignore[method-assign]

    assert run(["up", "foundation"]) == 0
    assert "apply" in shell.started


def test_a_weakening_that_is_answered_with_yes_is_declined(
    shell: FakeRunner, store: Store, terminal: Terminal, capsys: Capture
) -> None:
    script(shell, WEAKER)
    terminal("yes\n")

    assert run(["up", "foundation"]) == 1
    assert "prod/foundation: not confirmed, so not applied" in capsys.readouterr().err
    assert "apply" not in shell.started


def test_data_that_would_go_is_13_and_names_the_flag(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    script(shell, DIES)

    assert run(["up", "foundation", "-y"]) == 13

    out, err = capsys.readouterr()
    assert f"{DATABASE}: holds data, and would be destroyed" in out
    assert f" next: --allow-destroy 'prod/foundation:{DATABASE}'" in err
    assert run(["up", "foundation", "-y", "--allow-destroy", DATABASE]) == 0


def test_an_output_that_is_read_elsewhere_does_not_go(
    shell: FakeRunner, estate: Estate, applied: Store, capsys: Capture
) -> None:
    text = backend_block("prod/compute/terraform.tfstate") + remote_state(KEY) + READS
    write_layer(estate.root, "prod/compute", text)
    script(shell, plan_json(outputs={"vpc_id": "delete"}))

    assert run(["up", "foundation", "-y"]) == 13
    error, hint = said(capsys)
    assert error == (
        "prod/foundation: the plan removes output 'vpc_id', which prod/compute reads at "
        "terraform/prod/compute/main.tf:20"
    )
    assert hint == "take it out of prod/compute first, apply that, and then remove the output"


# down


def test_down_takes_the_layers_name(shell: FakeRunner, applied: Store, terminal: Terminal, capsys: Capture) -> None:
    script(shell, DIES)
    terminal("prod/foundation\n")

    assert run(["down", "foundation"]) == 0

    out, err = capsys.readouterr()
    assert "1 to destroy" in out
    assert f"{DATABASE}: dies without a final snapshot" in out
    assert "All of this is destroyed in prod/foundation (aws). Type prod/foundation to go on:" in err
    assert "-destroy" in shell.last("plan").argv


@pytest.mark.parametrize("answer", ["yes\n", "prod/compute\n", ""])
def test_down_with_another_word_destroys_nothing(
    answer: str, shell: FakeRunner, applied: Store, terminal: Terminal, capsys: Capture
) -> None:
    script(shell, DIES)
    terminal(answer)

    assert run(["down", "foundation"]) == 1
    assert "prod/foundation: not confirmed, so not applied" in capsys.readouterr().err
    assert "apply" not in shell.started


def test_down_without_a_terminal_wants_every_name(shell: FakeRunner, both: Store, capsys: Capture) -> None:
    assert run(["down", "foundation", "compute", "--confirm", "compute"]) == 64

    error, hint = said(capsys)
    assert error == "this asks for a confirmation, and there is no terminal to ask on"
    assert hint == "pass --confirm prod/foundation, once you have seen what it will do"
    assert shell.commands == []
    script(shell, DIES)
    assert run(["down", "foundation", "compute", "--confirm", "compute", "--confirm", "foundation"]) == 0
    assert folders(shell, "apply") == ["compute", "foundation"]


def test_down_has_no_flag_that_approves_everything(shell: FakeRunner, capsys: Capture) -> None:
    assert run(["down", "foundation", "-y"]) == 64
    assert shell.commands == []


def test_down_below_a_layer_that_stands_is_13(shell: FakeRunner, both: Store, capsys: Capture) -> None:
    assert run(["down", "foundation", "--confirm", "foundation"]) == 13

    error, hint = said(capsys)
    assert error == "prod/foundation can't be taken down: prod/compute still stands on it"
    assert hint == "take them down together: wealist down prod/foundation prod/compute"
    assert shell.started == []


def test_down_lifts_a_protection_where_it_is_told_to(
    shell: FakeRunner, estate: Estate, applied: Store, capsys: Capture
) -> None:
    guards = 'guards: { deletion_protection: { foundation: { name: "open" } } }\n'
    (estate.root / "wealist.yaml").write_text(YAML + guards)
    before = {"deletion_protection": True, "skip_final_snapshot": True}
    protected = plan_json(change(DATABASE, "delete", before))
    lift = plan_json(change(DATABASE, "update", before, {**before, "deletion_protection": False}))
    words = ["down", "foundation", "--confirm", "foundation"]
    script(shell, protected)
    assert run(words) == 13
    assert "is protected: AWS refuses to delete it" in capsys.readouterr().err

    script(shell, protected, lift, DIES)
    assert run([*words, "--lift-deletion-protection"]) == 0
    assert shell.started.count("apply") == 2


# exit codes and reports


@pytest.mark.parametrize(("words", "code"), [([], 0), (["--detailed-exitcode"], 2)])
def test_drift_is_2_where_that_was_asked_for(
    words: list[str], code: int, shell: FakeRunner, applied: Store, capsys: Capture
) -> None:
    script(shell, DRIFT)

    assert run(["drift", "foundation", *words]) == code

    out, err = capsys.readouterr()
    assert "prod/foundation: 1 resource changed outside Terraform" in out
    assert 'size: "small" → "large"' in out
    assert "prod/foundation: has drifted; wealist plan prod/foundation shows what would bring it back" in err


def test_no_drift_is_0(shell: FakeRunner, applied: Store, capsys: Capture) -> None:
    script(shell, None)

    assert run(["drift", "--detailed-exitcode"]) == 0
    assert set(folders(shell)) == {"foundation", "compute"}
    assert capsys.readouterr().out == ""


def test_drift_asks_nothing_of_anybody(shell: FakeRunner, applied: Store, capsys: Capture) -> None:
    assert run(["drift", "foundation", "-y"]) == 64
    assert shell.commands == []


@pytest.mark.parametrize(("plan", "code"), [("create", 2), ("none", 0)])
def test_a_plan_of_several_layers_is_2_where_one_has_changes(
    plan: str, code: int, shell: FakeRunner, both: Store
) -> None:
    quiet, busy = Reply(), Reply(returncode=2, plan_file=PLAN_FILE)
    shell.answer("plan", quiet, busy if plan == "create" else quiet)

    assert run(["plan", "--all", "--detailed-exitcode", "--parallelism", "1"]) == code


def test_a_failure_beats_changes(shell: FakeRunner, both: Store) -> None:
    shell.answer("plan", Reply(returncode=2, plan_file=PLAN_FILE), Reply(returncode=1))

    assert run(["plan", "--all", "--detailed-exitcode"]) == 1


def test_the_report_says_where_every_layer_stands(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    script(shell, WEAKER)

    assert run(["up", "--all", "-y", "--json"]) == 13

    data = json.loads(capsys.readouterr().out)
    assert {key: data[key] for key in ("schema", "command", "target", "exit_code")} == {
        "schema": 1,
        "command": "up",
        "target": "aws",
        "exit_code": 13,
    }
    blocked, skipped = data["results"]
    assert (blocked["layer"], blocked["outcome"]) == ("prod/foundation", "blocked")
    assert blocked["findings"] == [
        {
            "id": "guard.weaken",
            "severity": "error",
            "subject": DATABASE,
            "seen": "would lose deletion protection (deletion_protection)",
            "remedy": f"--allow-weaken 'prod/foundation:{DATABASE}', if that is what you want",
        }
    ]
    lost = {"path": "deletion_protection", "before": True, "after": False, "forces_replacement": False}
    assert blocked["changes"] == [{"address": DATABASE, "action": "update", "reason": None, "attributes": [lost]}]
    assert (
        blocked["error"]["message"]
        == f"prod/foundation: {DATABASE} would lose deletion protection (deletion_protection)"
    )
    assert (skipped["layer"], skipped["outcome"]) == ("prod/compute", "skipped")
    assert skipped["error"]["message"] == "prod/compute was skipped, because prod/foundation was blocked"


def test_the_report_of_drift_has_each_attribute_on_both_sides(
    shell: FakeRunner, applied: Store, capsys: Capture
) -> None:
    script(shell, DRIFT)

    assert run(["drift", "foundation", "--json", "--detailed-exitcode"]) == 2

    data = json.loads(capsys.readouterr().out)
    (result,) = data["results"]
    assert (data["exit_code"], result["outcome"]) == (2, "drifted")
    assert result["drift"][0]["attributes"] == [{"path": "size", "in_state": "small", "in_the_world": "large"}]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["plan", "foundation", "--lock-timeout", "soon"], "--lock-timeout soon: this is no duration"),
        (["plan", "foundation", "--parallelism", "0"], "--parallelism"),
        (["up", "foundation", "-y", "--set", "password"], "--set password: no value given"),
    ],
)
def test_words_that_make_no_sense_are_64(words: list[str], message: str, shell: FakeRunner, capsys: Capture) -> None:
    assert run(words) == 64
    assert message in capsys.readouterr().err
    assert shell.commands == []


# resume


def fail_compute(shell: FakeRunner, store: Store, *words: str) -> None:
    """Foundation is applied, compute fails."""

    def save(_: Command) -> None:
        store.put_state(state_text(outputs={"vpc_id": "vpc-1"}))

    shell.answer("apply", Reply(does=save), Reply(returncode=1, stdout=recorded("apply-failed.jsonl")), Reply())
    assert run(["up", "--all", "-y", *words]) == 1
    shell.commands.clear()


def test_nothing_to_resume_is_no_failure(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    assert run(["resume"]) == 0
    assert capsys.readouterr() == ("", "nothing to resume: the last run ended well, or there was none\n")

    assert run(["up", "foundation", "-y"]) == 0
    capsys.readouterr()
    assert run(["resume"]) == 0
    assert "nothing to resume" in capsys.readouterr().err


def test_resume_says_what_it_goes_on_with(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    fail_compute(shell, store)
    capsys.readouterr()

    assert run(["resume", "-y"]) == 0

    err = capsys.readouterr().err
    assert err.startswith("resuming `up` of 20")
    assert "  prod/foundation: done, left alone if it has not moved since\n" in err
    assert "  prod/compute: failed, planned afresh\n" in err
    assert folders(shell, "apply") == ["compute"]
    assert run(["resume"]) == 0


def test_resume_asks_as_the_run_did(shell: FakeRunner, store: Store, terminal: Terminal, capsys: Capture) -> None:
    fail_compute(shell, store)
    terminal("no\n")

    assert run(["resume"]) == 1
    assert "Apply this to prod/compute (aws)?" in capsys.readouterr().err
    assert "apply" not in shell.started


def test_resume_without_a_terminal_names_the_flag(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    fail_compute(shell, store)

    assert run(["resume"]) == 64
    assert "pass --auto-approve" in capsys.readouterr().err
    assert shell.started == []


def test_resume_of_a_teardown_takes_the_names_that_are_left(shell: FakeRunner, both: Store, capsys: Capture) -> None:

    def empty(_: Command) -> None:
        both.put_state(state_text(serial=8), key="prod/compute/terraform.tfstate")

    script(shell, DIES)
    shell.answer("apply", Reply(does=empty), Reply(returncode=1), Reply())
    names = ["--confirm", "foundation", "--confirm", "compute"]
    assert run(["down", "--all", *names]) == 1
    shell.commands.clear()

    assert run(["resume", "-y"]) == 64
    assert "pass --confirm prod/foundation" in capsys.readouterr().err
    assert run(["resume", "--confirm", "foundation"]) == 0
    assert folders(shell, "apply") == ["foundation"]


def test_resume_after_something_moved_is_13(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    fail_compute(shell, store)
    store.put_state(state_text(serial=9, outputs={"vpc_id": "vpc-2"}))

    assert run(["resume", "-y"]) == 13

    error, hint = said(capsys)
    assert error.startswith("prod/foundation has moved since run ")
    assert error.endswith(": state serial 7 then, 9 now")
    assert hint == "look at what changed, then start afresh: wealist up prod/compute"
    assert shell.started == []


def test_resume_wants_a_secret_again(shell: FakeRunner, store: Store, estate: Estate, capsys: Capture) -> None:
    fail_compute(shell, store, "--set", f"password={CANARY}", "--set", "name=a")
    given: list[str] = []

    def look(command: Command) -> None:
        files = (Path(word.removeprefix("-var-file=")) for word in command.argv if "-var-file" in word)
        given.extend(file.read_text() for file in files)

    shell.answer("plan", Reply(returncode=2, plan_file=PLAN_FILE, does=look))

    assert run(["resume", "-y"]) == 64
    assert (
        " next: give it again: --set password=- asks for it, --set-env password=VARIABLE takes"
        in capsys.readouterr().err
    )
    assert run(["resume", "-y", "--set", f"password={CANARY}", "--set", "size=1"]) == 64
    assert run(["resume", "-y", "--set", f"password={CANARY}"]) == 0
    assert given == [f'name = "a"\npassword = "{CANARY}"\n']


def test_a_report_of_what_was_resumed_can_be_had(
    shell: FakeRunner, store: Store, tmp_path: Path, capsys: Capture
) -> None:
    fail_compute(shell, store)
    capsys.readouterr()
    file = tmp_path / "report.json"

    assert run(["resume", "-y", "--json", "--report-file", str(file)]) == 0

    data: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert data == json.loads(file.read_text())
    assert (data["command"], [result["layer"] for result in data["results"]]) == ("up", ["prod/compute"])


def test_resume_takes_no_words_for_terraform(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    assert run(["resume", "--", "-refresh=false"]) == 64
    assert "nothing is passed on here" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_at_the_question_is_a_no(
    number: signal.Signals, shell: FakeRunner, store: Store, terminal: Terminal, capsys: Capture
) -> None:
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def end() -> str:
        signal.raise_signal(number)
        return "yes\n"

    terminal.readline = end  # type: ignore[method-assign]

    assert run(["up", "foundation"]) == 130
    assert "prod/foundation: interrupted; nothing was applied" in capsys.readouterr().err
    assert "apply" not in shell.started
    assert {n: signal.getsignal(n) for n in before} == before


def test_what_was_applied_before_a_no_is_not_denied(
    shell: FakeRunner, applied: Store, estate: Estate, terminal: Terminal, capsys: Capture
) -> None:
    write_layer(estate.root, "prod/compute", backend_block("prod/compute/terraform.tfstate") + remote_state(KEY))
    answers = iter(["yes\n", "no\n"])
    terminal.readline = lambda: next(answers)  # type: ignore[method-assign]

    assert run(["up", "--all", "--parallelism", "1"]) == 1

    error, hint = said(capsys)
    assert error == "prod/compute: not confirmed, so not applied"
    assert hint == "wealist resume"
    assert shell.started.count("apply") == 1


# whose account


@pytest.fixture
def unknown(estate: Estate, store: Store) -> Store:
    """Foundation is pinned, and its provider is somebody else."""
    (estate.root / "wealist.yaml").write_text(f"{YAML}accounts:\n  prod: '{ACCOUNT}'\n")
    write_layer(estate.root, "prod/foundation", backend_block(KEY) + 'provider "aws" {\n  profile = "ops"\n}\n')
    store.put_state(state_text(outputs={"vpc_id": "vpc-1"}))
    return store


@pytest.mark.parametrize("words", [["up", "foundation", "-y"], ["down", "foundation", "--confirm", "foundation"]])
def test_a_flag_does_not_stand_for_somebody_who_knows_the_account(
    words: list[str], unknown: Store, shell: FakeRunner, capsys: Capture
) -> None:
    assert run(words) == 10

    err = capsys.readouterr().err
    assert "✗ account.unknown  prod/foundation: prod is pinned to account" in err
    assert shell.started == []


def test_a_person_at_the_prompt_may_know_it(
    unknown: Store, shell: FakeRunner, terminal: Terminal, capsys: Capture
) -> None:
    terminal("yes\n")

    assert run(["up", "foundation"]) == 0
    assert "! account.unknown" in capsys.readouterr().err
    assert "apply" in shell.started


def test_values_through_a_pipe_reach_terraform_and_no_file_that_stays(
    shell: FakeRunner, store: Store, estate: Estate, capsys: Capture
) -> None:
    reader, writer = os.pipe()
    os.write(writer, f'password = "{CANARY}"'.encode())
    os.close(writer)
    seen: list[str] = []

    def look(command: Command) -> None:
        paths = [Path(word.removeprefix("-var-file=")) for word in command.argv if "-var-file" in word]
        seen.extend(path.read_text() for path in paths)
        assert [path.stat().st_mode & 0o777 for path in paths] == [0o600]

    shell.answer("plan", Reply(returncode=0, does=look))

    assert run(["plan", "foundation", "--var-file", f"/dev/fd/{reader}"]) == 0

    os.close(reader)
    assert seen == [f'password = "{CANARY}"']
    assert not [
        path for path in estate.root.rglob("*") if path.is_file() and CANARY in path.read_text(errors="replace")
    ]


def test_a_value_of_the_environment_reaches_terraform(
    shell: FakeRunner, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("TF_VAR_password", CANARY)
    seen: list[str] = []

    def look(command: Command) -> None:
        files = (Path(word.removeprefix("-var-file=")) for word in command.argv if "-var-file" in word)
        seen.extend(path.read_text() for path in files)

    shell.answer("plan", Reply(returncode=0, does=look))

    assert run(["plan", "foundation"]) == 0
    assert "TF_VAR_password is left out of Terraform's environment: pass --set-env password" in capsys.readouterr().err
    assert run(["plan", "foundation", "--set-env", "password"]) == 0
    assert "TF_VAR_password" not in capsys.readouterr().err
    assert seen == [f'password = "{CANARY}"\n']
