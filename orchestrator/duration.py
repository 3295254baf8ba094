"""How long something takes: a span of seconds, as people write it (`8m-12m`) and read it (`8-12 min`).

A span has two ends: what is to be expected at the least, and the worst that is still as it should be. One figure is a span
whose ends are the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_ONE = r"(\d+)(ms|s|m|h)"
_WRITTEN = re.compile(rf"{_ONE}(?:\s*-\s*{_ONE})?")
WAY_TO_WRITE = "write 90s, 2m or 8m-12m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Seconds: `low` is to be expected, and up to `high` nothing is wrong."""

    low: float
    high: float

    @classmethod
    def parse(cls, text: str) -> Span | None:
        """`2m` or `8m-12m`; None for what is neither, and for a range that runs backwards or has no length."""
        match = _WRITTEN.fullmatch(text.strip())
        if match is None:
            return None
        low = int(match[1]) * _SECONDS[match[2]]
        high = int(match[3]) * _SECONDS[match[4]] if match[3] else low
        return cls(low=low, high=high) if 0 < high >= low else None

    def __add__(self, other: Span) -> Span:
        return Span(low=self.low + other.low, high=self.high + other.high)

    def __or__(self, other: Span) -> Span:
        """Both at the same time: as long as the longer one."""
        return Span(low=max(self.low, other.low), high=max(self.high, other.high))

    def after(self, seconds: float) -> Span:
        """What is left of it then; nothing is left of an end that is over."""
        return Span(low=max(self.low - seconds, 0.0), high=max(self.high - seconds, 0.0))

    @property
    def text(self) -> str:
        """`8-12 min`, `1 min`, `40 s to 3 min`."""
        low, high = _words(self.low), _words(self.high)
        (first, unit), (last, other) = (words.rsplit(" ", 1) for words in (low, high))
        if low == high:
            return high
        if unit == other and first.isdigit() and last.isdigit():
            return f"{first}-{last} {unit}"
        return f"{low} to {high}"


NOTHING = Span(low=0.0, high=0.0)


def _words(seconds: float) -> str:
    """To what a person would say: nobody waits for 641 seconds."""
    if seconds <= 90 and round(seconds) != 60:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
