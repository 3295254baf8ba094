"""The streams that people read: no secret goes out, no control sequence of another's, and no character ends a command.

Everything that a command prints passes here, since `sys.stdout` itself is one of these while a command runs: what is new needs
no thought. Styles and the cursor of the live display come from rich, whose text was escaped before (`terminal`).
"""

from __future__ import annotations

import codecs
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from orchestrator import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# For an encoding that has no such character, as EUC-KR has no check mark.
_MARKS = {
    "✓": "v",
    "✗": "x",
    "⋯": "~",
    "…": "...",
    "→": "->",
    "±": "-/+",
    "\u2013": "-",
    "\u2014": "-",
    **dict.fromkeys("─━", "-"),
    **dict.fromkeys("│┃", "|"),
    **dict.fromkeys("╭╮╰╯├┤┬┴┼", "+"),
}
_HANDLER = "wealist.marks"


class PrintableStream:
    """A text stream whose every write goes through a redactor and is made safe to look at; the rest is the stream's own.

    Args:
        is_styled: Its text was made safe before, and what is left are styles.
    """

    def __init__(self, stream: TextIO, redact: Callable[[str], str] = str, *, is_styled: bool = False) -> None:
        self.raw = stream
        self._redact = redact
        self._is_styled = is_styled

    def write(self, text: str) -> int:
        shown = self._redact(text)
        self.raw.write(shown if self._is_styled else printable.text(shown))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


def raw(stream: TextIO) -> TextIO:
    """The stream itself: for values that programs read."""
    return stream.raw if isinstance(stream, PrintableStream) else stream


@contextmanager
def guarded_stdout() -> Iterator[None]:
    """Make whatever is printed to standard output safe to look at."""
    before = sys.stdout
    sys.stdout = PrintableStream(before)
    try:
        yield
    finally:
        sys.stdout = before


def never_fail(*streams: TextIO) -> None:
    """Let streams write what their encoding lacks in other words, where Python would raise."""
    codecs.register_error(_HANDLER, _in_other_words)
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_HANDLER)


def can_write(stream: TextIO, text: str) -> bool:
    """Whether the stream's encoding has every character of a text."""
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _in_other_words(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    wanted = error.object[error.start : error.end]
    shown = (_MARKS.get(one) or one.encode("ascii", "backslashreplace").decode() for one in wanted)
    return "".join(shown), error.end
