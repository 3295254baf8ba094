from __future__ import annotations

import io
import json
import sys

import pytest

from orchestrator.cli import plain
from orchestrator.cli.stream import PrintableStream, guarded_stdout, never_fail, raw
from orchestrator.redaction import MASK, Redactor

HOSTILE = "\x1b[2K\x9b1A\u202ex\u200b"


def test_a_stream_writes_no_secret_and_is_otherwise_the_stream() -> None:
    stream = io.StringIO()
    guarded = PrintableStream(stream, Redactor(["hunter2"]))

    print("password is hunter2", file=guarded)

    assert stream.getvalue() == f"password is {MASK}\n"
    assert guarded.write("hunter2") == len("hunter2")
    assert guarded.isatty() is False


def test_a_stream_shows_control_characters() -> None:
    stream = io.StringIO()

    print(f"a{HOSTILE}b", file=PrintableStream(stream))

    assert stream.getvalue() == "a\\x1b[2K\\x9b1A\\u202ex\\u200bb\n"


def test_a_secret_with_a_control_character_is_masked_in_any_order() -> None:
    redact = Redactor(["pass\x1bword"])

    assert redact("is pass\x1bword") == redact("is pass\\x1bword") == f"is {MASK}"


def test_what_a_command_prints_is_guarded_without_its_doing(capsys: pytest.CaptureFixture[str]) -> None:
    with guarded_stdout():
        sys.stdout.write(f"{HOSTILE}\n")
        print(HOSTILE, file=raw(sys.stdout))

    assert capsys.readouterr().out == f"\\x1b[2K\\x9b1A\\u202ex\\u200b\n{HOSTILE}\n"


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "v x ~ ... -> \\xe9 \\ud55c"),
        ("latin-1", "v x ~ ... -> é \\ud55c"),
        ("euc-kr", "v x ~ … → \\xe9 한"),
        ("utf-8", "✓ ✗ ⋯ … → é 한"),
    ],
)
def test_an_encoding_without_our_marks_gets_others(encoding: str, shown: str) -> None:
    body = io.BytesIO()
    stream = io.TextIOWrapper(body, encoding=encoding)
    never_fail(stream)

    print("✓ ✗ ⋯ … → é 한", file=stream, flush=True)

    assert body.getvalue().decode(encoding) == f"{shown}\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "euc-kr", "utf-8"])
def test_json_is_the_same_in_every_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    body = io.BytesIO()
    stream = io.TextIOWrapper(body, encoding=encoding)
    never_fail(stream)
    monkeypatch.setattr(sys, "stdout", stream)

    plain.print_json({"한é✓": [HOSTILE, "\ud800"]})
    stream.flush()

    assert json.loads(body.getvalue().decode(encoding)) == {"한é✓": [HOSTILE, "\ud800"]}
    assert "\u202e" not in body.getvalue().decode(encoding)


@pytest.mark.parametrize(("is_terminal", "shown"), [(False, HOSTILE), (True, "\\x1b[2K\\x9b1A\\u202ex\\u200b")])
def test_a_bare_value_is_raw_but_for_a_terminal(
    is_terminal: bool, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    with guarded_stdout():
        plain.print_value(HOSTILE, as_json=False)

    assert capsys.readouterr().out == f"{shown}\n"
