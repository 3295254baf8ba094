"""How far one layer has come, and the words for it: what a resource has taken of what was expected, what is left of the whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.cli import render
from orchestrator.duration import Span
from orchestrator.estimate import QUICK

if TYPE_CHECKING:
    from orchestrator.estimate import Estimate, Work

_NARROWEST = 24


@dataclass(slots=True)
class Track:
    """How far one layer has come.

    Attributes:
        step: Its name, and when it began, by the monotonic clock; None between two steps.
        under_way: By address: what is done to the resource, and since when.
        estimate: Of the plan that was shown last.
    """

    step: tuple[str, float] | None = None
    under_way: dict[str, tuple[str, float]] = field(default_factory=dict)
    finished: int = 0
    expected: int = 0
    estimate: Estimate | None = None
    done: set[Work] = field(default_factory=set)

    @property
    def is_applying(self) -> bool:
        return self.step is not None and self.step[0] == "apply"

    def taken(self, address: str, now: float) -> str:
        """`3 min 10 s of 8-12 min`: how long a resource has been under way, of what was expected."""
        action, since = self.under_way[address]
        span = self.estimate.spans.get((address, action)) if self.estimate else None
        return render.duration(now - since) + (f" of {span.text}" if span else "")

    def left(self, now: float) -> str:
        """What is left of the apply, in words; empty where that can't be told."""
        if self.step is None or self.estimate is None:
            return ""
        under_way = {(address, action): now - since for address, (action, since) in self.under_way.items()}
        left = self.estimate.left(now - self.step[1], self.done, under_way)
        if left.high <= 0:
            return f"over the {self.estimate.whole.text} expected"
        if left.high <= QUICK.high:
            return "less than a minute left"
        return f"about {left.text} left" if left.low > 0 else f"at most {Span(low=left.high, high=left.high).text} left"


def takes(whole: Span) -> str:
    """`15-20 min`; seconds are not worth telling apart before anything has begun."""
    return "less than a minute" if whole.high <= QUICK.high else whole.text


def shortened(address: str, most: int) -> str:
    """An address that leaves room for the figures: what it ends in tells most, the module it is in comes next."""
    most = max(most, _NARROWEST)
    if len(address) <= most:
        return address
    parts = address.split(".")
    for head in (".".join(parts[:2]), ""):
        for count in range(len(parts) - 2, 1, -1):
            short = f"{head}…{'.'.join(parts[-count:])}"
            if len(short) <= most:
                return short
    return f"…{address[-most + 1 :]}"
