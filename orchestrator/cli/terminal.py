"""rich, with foreign text in it: what is written by others is shown as text, and neither as markup nor as control sequences.

`Text` escapes what it is made of, before it is measured and cut; `Screen` sees to what came there as a plain string. rich's own
control of the cursor passes.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import rich.text
from rich.console import Console
from rich.segment import Segment

from orchestrator import printable
from orchestrator.cli.stream import PrintableStream, raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.console import ConsoleOptions, RenderableType


class Text(rich.text.Text):
    """A styled text in which nothing is obeyed."""

    __slots__ = ()

    def __init__(self, text: str = "", style: Any = "", **more: Any) -> None:
        super().__init__(printable.text(text), style, **more)

    def append(self, text: Any, style: Any = None) -> Text:
        super().append(printable.text(text) if isinstance(text, str) else text, style)
        return self

    @classmethod
    def assemble(cls, *parts: Any, **more: Any) -> Text:
        """A text of strings, of strings with a style, and of other texts."""
        text = cls(**more)
        for part in parts:
            text.append(*part) if isinstance(part, tuple) else text.append(part)
        return text


class Screen(Console):
    """A console on which no markup is read, and that shows control characters."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable.text(segment.text), segment.style)


def screen(redact: Callable[[str], str], *, is_colored: bool, stderr: bool = False) -> Screen:
    """A console on one of the process's streams; plain where colours are not wanted or nobody would see them."""
    stream = raw(sys.stderr if stderr else sys.stdout)
    return Screen(
        file=PrintableStream(stream, redact, is_styled=True),  # type: ignore[arg-type]
        no_color=not is_colored,
        force_terminal=stream.isatty() and is_colored,
        highlight=False,
        markup=False,
        # A colon-word is no picture here: an ARN holds `:secret:`.
        emoji=False,
        soft_wrap=True,
    )
