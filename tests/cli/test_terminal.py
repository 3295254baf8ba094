from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from rich.live import Live

from orchestrator.cli.terminal import Screen, Text, screen

if TYPE_CHECKING:
    import pytest

HOSTILE = "\x1b[2K\x07\x9b1A\u202e[bold red]x[/b]"
SHOWN = "\\x1b[2K\\x07\\x9b1A\\u202e[bold red]x[/b]"


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def made(monkeypatch: pytest.MonkeyPatch) -> tuple[Screen, Tty]:
    monkeypatch.setenv("TERM", "xterm")
    out = Tty()
    monkeypatch.setattr(sys, "stdout", out)
    return screen(str, is_colored=True), out


def test_foreign_text_is_neither_markup_nor_control(monkeypatch: pytest.MonkeyPatch) -> None:
    console, out = made(monkeypatch)

    console.print(Text.assemble((HOSTILE, "bold"), HOSTILE, Text(HOSTILE)))
    console.print(HOSTILE.replace("\x07", ""))

    text = out.getvalue()
    assert text.count(SHOWN) == 3
    assert text.count(SHOWN.replace("\\x07", "")) == 1
    assert text.startswith("\x1b[1m")
    assert text.replace("\x1b[1m", "").replace("\x1b[0m", "").isascii()
    assert "\x1b[2K" not in text


def test_the_live_display_still_moves_the_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    console, out = made(monkeypatch)

    with Live(console=console, get_renderable=lambda: Text(f"one\n{HOSTILE}"), transient=True) as live:
        live.refresh()

    assert "\x1b[1A" in out.getvalue()
    assert SHOWN in out.getvalue()


def test_a_text_is_as_wide_as_what_is_shown() -> None:
    assert Text("\x1b\u202e").cell_len == len("\\x1b\\u202e")
    assert Text("a").append("\x1b").append(Text("b")).plain == "a\\x1bb"
