"""Errors to a line, a hint and an exit code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator import errors
from orchestrator.cli.boundary import run
from orchestrator.finding import Finding, Severity
from orchestrator.lock import Lock
from tests.fakes import CANARY

if TYPE_CHECKING:
    from orchestrator.discovery import Estate
    from tests.fakes import FakeRunner

LOCK = Lock.from_json("{}", where="table acme-lock")


def fails_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let `wealist status` of any kind come to this; `preflight` stands for all commands."""

    def preflight(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("orchestrator.preflight.check", preflight)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.WealistError("m"), 1),
        (errors.ConfigError("m"), 64),
        (errors.UsageError("m"), 64),
        (errors.LayerNotFoundError("m"), 64),
        (errors.DependencyCycleError("m"), 11),
        (errors.LayerOrderError("m"), 11),
        (errors.PreflightError("m", findings=[Finding(id="a", severity=Severity.ERROR, subject="s", seen="x")]), 10),
        (errors.StateLockedError("m", lock=LOCK), 12),
        (errors.GuardError("m"), 13),
        (errors.SecretError("m"), 14),
        (errors.StateError("m"), 1),
        (errors.AwsError("m", code="AccessDenied"), 1),
        (errors.SandboxError("m"), 1),
        (errors.TerraformNotFoundError("m"), 10),
        (errors.OutputFormatError("m"), 1),
        (errors.CommandError("m", argv=["terraform"], returncode=1), 1),
        (errors.CommandInterruptedError("m", argv=["terraform"], returncode=1), 130),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_exit_codes_are_those_of_the_table(
    error: BaseException,
    code: int,
    shell: FakeRunner,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fails_with(monkeypatch, error)

    assert run(["preflight"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err


def test_an_error_is_a_line_and_a_hint(
    shell: FakeRunner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails_with(monkeypatch, errors.GuardError("this may not be", hint="do that instead"))

    run(["preflight"])

    assert capsys.readouterr().err == "error: this may not be\n next: do that instead\n"


def test_an_error_without_a_hint_is_a_line(
    shell: FakeRunner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails_with(monkeypatch, errors.GuardError("this may not be"))

    run(["preflight"])

    assert capsys.readouterr().err == "error: this may not be\n"


def test_ctrl_c_is_no_traceback(
    shell: FakeRunner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails_with(monkeypatch, KeyboardInterrupt())

    assert run(["preflight"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_bug_leaves_its_traceback_in_a_private_file_without_secrets(
    shell: FakeRunner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from orchestrator.cli.boundary import redact

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    redact.add([CANARY])
    fails_with(monkeypatch, ZeroDivisionError(f"while holding {CANARY}"))

    assert run(["preflight"]) == 3

    err = capsys.readouterr().err
    assert "this is a bug in wealist" in err
    assert "Traceback" not in err
    found = re.search(r"the traceback is in (\S+)", err)
    assert found is not None
    path = Path(found[1])
    text = path.read_text()
    assert "ZeroDivisionError: while holding (redacted)" in text
    assert CANARY not in text
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["uup"], "No such command", "wealist --help"),
        (["output"], "Missing argument", "wealist output --help"),
        (["up", "foundation", "--nonsense"], "No such option", "wealist up --help"),
        (["plan", "foundation", "--parallelism", "0"], "Invalid value for '--parallelism'", "wealist plan --help"),
        (["plan", "foundation", "--parallelism", "many"], "Invalid value for '--parallelism'", "wealist plan --help"),
        (["plan", "foundation", "--log-format", "loud"], "not one of", "wealist plan --help"),
        (["sandbox", "strat"], "No such command", "wealist sandbox --help"),
    ],
)
def test_words_that_make_no_sense_are_usage_errors(
    words: list[str], message: str, hint: str, shell: FakeRunner, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.endswith(f" next: {hint}\n")
    assert len(err.splitlines()) == 2


def test_colour_is_for_terminals_and_not_where_it_is_unwanted(
    shell: FakeRunner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails_with(monkeypatch, errors.GuardError("no"))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    run(["preflight"])
    colored = capsys.readouterr().err
    monkeypatch.setenv("NO_COLOR", "1")
    run(["preflight"])
    plain = capsys.readouterr().err

    assert colored == "\x1b[1;31merror:\x1b[0m no\n"
    assert plain == "error: no\n"


def test_errors_are_redacted(
    shell: FakeRunner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from orchestrator.cli.boundary import redact

    redact.add([CANARY])
    fails_with(monkeypatch, errors.GuardError(f"bad {CANARY}", hint=f"not {CANARY}"))

    run(["preflight"])

    assert capsys.readouterr().err == "error: bad (redacted)\n next: not (redacted)\n"


@pytest.mark.parametrize(
    ("words", "after"),
    [
        (["preflight", "--", "-x"], "-x"),
        (["output", "foundation", "--", "a", "b"], "a b"),
        (["bootstrap", "--", "-y"], "-y"),
    ],
)
def test_words_after_the_dashes_are_refused_where_they_mean_nothing(
    words: list[str], after: str, shell: FakeRunner, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 64
    assert f"-- {after} means nothing" in capsys.readouterr().err


def test_no_estate_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(["preflight"]) == 64
    assert "no wealist.yaml here or in any folder above" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(tmp_path / "gone"), "preflight"]) == 64
    assert "no such folder" in capsys.readouterr().err


def test_help_is_data_and_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out, err = capsys.readouterr()
    assert "Usage: wealist" in out
    assert err == ""
    for name in ("bootstrap", "preflight", "plan", "up", "output", "secrets", "sandbox", "tf"):
        assert name in out


@pytest.mark.parametrize("words", [["--version"], ["-C", ".", "--version"]])
def test_the_version_is_data(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    from orchestrator.version import __version__

    assert run(words) == 0
    assert capsys.readouterr().out == f"wealist {__version__}\n"


def start(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False, timeout=30
    )


def test_the_version_is_answered_before_anything_is_imported() -> None:
    program = """
import sys
before = set(sys.modules)
sys.argv = ["wealist", "--version"]
from orchestrator.cli import main
main()
new = set(sys.modules) - before
print(sorted(name for name in new if name.partition(".")[0] not in sys.stdlib_module_names))
print(sorted(new & {"argparse", "asyncio", "inspect", "json", "logging", "pathlib", "subprocess", "urllib"}))
"""
    done = start(program)

    version, loaded, heavy = done.stdout.splitlines()
    assert version.startswith("wealist ")
    assert loaded == "['orchestrator', 'orchestrator.cli', 'orchestrator.version']"
    assert heavy == "[]"


def test_help_imports_nothing_that_it_does_not_need() -> None:
    program = """
import sys
sys.argv = ["wealist", "up", "--help"]
from orchestrator.cli import main
try:
    main()
except SystemExit as stop:
    code = stop.code
heavy = {"boto3", "botocore", "moto", "yaml", "msgspec", "tree_sitter", "python_terraform", "packaging"}
print(sorted(heavy & set(sys.modules)), code)
"""
    assert start(program).stdout.splitlines()[-1] == "[] 0"


def test_a_reader_that_has_gone_is_no_traceback(estate: Estate) -> None:
    program = """
import os, sys
read, write = os.pipe()
os.close(read)
os.dup2(write, 1)
from orchestrator.cli.boundary import run
code = run(["secrets"])
print("code", code, file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=estate.root, capture_output=True, text=True, check=False, timeout=30
    )

    assert done.stderr == "code 141\n"
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (PermissionError(13, "Permission denied", "/estate/.wealist"), "/estate/.wealist: Permission denied"),
        (OSError(28, "No space left on device"), "this machine: No space left on device"),
        (OSError("odd"), "this machine: odd"),
    ],
)
def test_a_machine_that_says_no_is_a_line(
    error: OSError,
    shown: str,
    shell: FakeRunner,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fails_with(monkeypatch, error)

    assert run(["preflight"]) == 1
    assert capsys.readouterr().err == f"error: {shown}\n next: check permissions and free space\n"


@pytest.mark.parametrize(("words", "code"), [([], 64), (["secrets"], 0), (["plan"], 64)])
def test_the_console_script_exits_with_the_commands_code(
    words: list[str], code: int, shell: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestrator import cli

    monkeypatch.setattr(sys, "argv", ["wealist", *words])
    # Switched off for as long as the process lives, which here is longer than a command.
    monkeypatch.setattr("gc.disable", lambda: None)

    with pytest.raises(SystemExit) as caught:
        cli.main()

    assert caught.value.code == code


def test_the_console_script_answers_the_version_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from orchestrator import cli

    monkeypatch.setattr(sys, "argv", ["wealist", "--version"])

    cli.main()

    assert capsys.readouterr().out.startswith("wealist ")
