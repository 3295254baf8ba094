from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from orchestrator.cli import given
from orchestrator.cli.boundary import redact
from orchestrator.errors import UsageError

HIDDEN = "hunter2-typed"


def pipe(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def refusal(*pairs: str, env: tuple[str, ...] = (), **more: object) -> tuple[str, str | None]:
    with pytest.raises(UsageError) as caught:
        given.values(pairs, env, {"SET": "value"}, **more)  # type: ignore[arg-type]
    return caught.value.message, caught.value.hint


@pytest.mark.parametrize("text", [f"{HIDDEN}\n", f"{HIDDEN}\r\n", HIDDEN])
def test_a_dash_reads_standard_input_where_that_is_no_terminal(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    pipe(monkeypatch, text)

    assert given.values(["a=1", "password=-"], [], {}) == {"a": "1", "password": HIDDEN}


def test_a_value_of_many_lines_is_taken_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, "first\nsecond\n\n")

    assert given.values(["key=-"], [], {}) == {"key": "first\nsecond\n"}


def test_a_dash_asks_at_a_terminal_and_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, "")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    asked: list[str] = []

    def getpass(prompt: str, stream: object) -> str:
        asked.append(prompt)
        return HIDDEN

    monkeypatch.setattr("getpass.getpass", getpass)

    assert given.values(["password=-", "other=-"], [], {}) == {"password": HIDDEN, "other": HIDDEN}
    assert asked == ["Value of password (not shown): ", "Value of other (not shown): "]
    assert redact(HIDDEN) == "(redacted)"


def test_nothing_is_asked_where_nobody_may_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, "")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)

    message, hint = refusal("password=-", non_interactive=True)

    assert message == "--set password=- asks for the value, and --non-interactive was given"
    assert hint == "--set-env password"


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, HIDDEN)

    assert refusal("a=-", "b=-")[0] == "--set a=- and --set b=-: standard input can be read once"
    message, _ = refusal("a=-", var_files=[Path("/dev/stdin")])
    assert message == "--set a=- and --var-file /dev/stdin: standard input can be read once"


def test_nothing_on_standard_input_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, "\n")

    assert refusal("a=-") == ("--set a=-: nothing came on standard input", "an empty value is --set a=")


def test_more_than_a_value_can_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, "x" * 1_048_577)

    assert refusal("a=-")[0].startswith("--set a=-: more than 1048576 characters")


@pytest.mark.parametrize(
    ("word", "environ"),
    [
        ("password=DB", {"DB": HIDDEN, "password": "other"}),
        ("password", {"password": HIDDEN, "TF_VAR_password": "other"}),
        ("password", {"TF_VAR_password": HIDDEN}),
    ],
)
def test_a_value_comes_from_the_environment(word: str, environ: dict[str, str]) -> None:
    assert given.values(["a=1"], [word], environ) == {"a": "1", "password": HIDDEN}


def test_an_empty_variable_is_a_value() -> None:
    assert given.values([], ["a=EMPTY"], {"EMPTY": ""}) == {"a": ""}


def test_a_variable_that_is_not_set_is_named() -> None:
    hint = "export it, or be asked for it: --set a=-"
    assert refusal(env=("a=NOT",)) == ("--set-env a=NOT: NOT is not set in the environment", hint)
    assert refusal(env=("a",)) == ("--set-env a: a and TF_VAR_a are not set in the environment", hint)
    assert refusal(env=("=SET",)) == ("--set-env =SET: no variable is named", "--set-env NAME=VARIABLE")


def test_a_value_is_given_once() -> None:
    assert refusal("a=1", env=("a=SET",)) == ("a is given by --set and by --set-env", "give one of them")
