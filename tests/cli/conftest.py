from __future__ import annotations

import io
import os
import pty
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from orchestrator.cli import boundary
from orchestrator.engine import Engine
from tests.estate import write_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from orchestrator.discovery import Estate
    from tests.fakes import FakeRunner


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What one command learnt must not mask what the next prints; what a bug leaves stays with the test."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    boundary.redact._forms.clear()
    boundary.redact._public.clear()
    boundary.redact._known.clear()


@pytest.fixture
def shell(estate: Estate, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch) -> FakeRunner:
    """A shell in the estate's folder, with no terminal, and a Terraform on PATH that answers as recorded."""
    monkeypatch.chdir(estate.root)
    monkeypatch.setenv("PATH", str(write_program(estate.root / "bin").parent))
    monkeypatch.setattr("orchestrator.engine.Engine", partial(Engine, runner=runner))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return runner


class Terminal:
    """A real terminal with somebody at it, who answers when asked and not before."""

    def __init__(self) -> None:
        self._ours, theirs = pty.openpty()
        self._stdin = os.fdopen(theirs, "r")
        self._answer = ""

    def __call__(self, answer: str, *, ahead: str = "") -> None:
        """Type this: the answer once it is asked for, and what is typed ahead at once. Nothing is an end of file."""
        os.write(self._ours, ahead.encode())
        self._answer = answer or "\x04"

    def isatty(self) -> bool:
        return self._stdin.isatty()

    def fileno(self) -> int:
        return self._stdin.fileno()

    def readline(self) -> str:
        os.write(self._ours, self._answer.encode())
        return self._stdin.readline()

    def close(self) -> None:
        self._stdin.close()
        os.close(self._ours)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdin", terminal)
    yield terminal
    terminal.close()
