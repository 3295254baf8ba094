"""How long an apply will take: what wealist.yaml says of the first time, until enough was measured here to know better.

**One resource, one action.** From three measured on, the median of the newest is expected and the longest of them is the
worst. Before that, what its component is said to take, whatever is done to it: changing and destroying are taken to last as
long as making. Where no component has it, one or two measured are better than nothing; as they can't tell how far they spread,
the worst is twice the longest. Of any other nothing is known.

**The whole.** Terraform works on resources at the same time, so that the longest chain decides, and not the sum. A
component takes as long as the longest of its resources that the plan touches (a replacement is a destruction and a
creation). It starts when the components it comes `after` have ended; one the plan does not touch takes no time. A resource
of no component, of which something was measured, stands for itself. What nothing is known of adds nothing: a plan of only
such resources takes less than a minute where wealist.yaml names what takes long, and has no estimate where it doesn't.

Two things are better than the chain. If the very same set of actions was applied three times here, those applies are
measured, with everything between resources in them. And where a layer is made from nothing, it is what wealist.yaml says
of the whole `apply`, as long as the chain still rests on wealist.yaml.

**What is left.** While it runs, the whole less the time that has passed, or the chain of what isn't done yet, whichever is
longer: a database that started late is not forgotten. When all that takes long is done, it is less than a minute.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from orchestrator.duration import NOTHING, Span

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

Work = tuple[str, str]
"""A resource's address, and `create`, `update` or `delete`: what Terraform reports the start and the end of."""

QUICK = Span(low=0.0, high=60.0)
_ENOUGH = 3
_MAKING = "create"
_LAST = 10
_UNSURE = 2.0
_OVERDUE = 1.5
_OVERDUE_AT_LEAST = 60.0


class Origin(StrEnum):
    """Where an estimate comes from."""

    DOCUMENT = "wealist.yaml"
    MEASURED = "measured"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """What takes its time in a layer.

    Attributes:
        match: Patterns for addresses; only `*` and `?` mean something, so that `this[0]` is what it says.
        after: Components of the same layer that are made first.
    """

    name: str
    match: tuple[str, ...]
    takes: Span
    after: tuple[str, ...] = ()

    def has(self, address: str) -> bool:
        return any(re.fullmatch(_expression(pattern), address) for pattern in self.match)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """What wealist.yaml says of a layer; an address belongs to the first component that matches it."""

    plan: Span | None = None
    apply: Span | None = None
    components: tuple[Component, ...] = ()

    def component(self, address: str) -> Component | None:
        return next((component for component in self.components if component.has(address)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured in a layer here, in seconds, the newest last.

    Attributes:
        applies: Whole applies that ended well, with the `shape` of what they did.
    """

    resources: Mapping[Work, Sequence[float]]
    plans: Sequence[float] = ()
    applies: Sequence[tuple[str, float]] = ()

    def applies_of(self, shape: str) -> list[float]:
        return [seconds for other, seconds in self.applies if other == shape]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A component, or a resource that stands for itself: what of it is worked on, and after which other steps."""

    name: str
    work: Mapping[Work, Span]
    after: tuple[str, ...] = ()

    def left(self, done: Collection[Work], under_way: Mapping[Work, float]) -> Span:
        by_address: dict[str, Span] = {}
        for work, span in self.work.items():
            if work not in done:
                so_far = by_address.get(work[0], NOTHING)
                by_address[work[0]] = so_far + span.after(under_way.get(work, 0.0))
        longest = NOTHING
        for span in by_address.values():
            longest |= span
        return longest


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """How long one plan's apply will take."""

    whole: Span
    origin: Origin
    steps: tuple[Step, ...] = ()

    @cached_property
    def spans(self) -> Mapping[Work, Span]:
        """What is known of single resources."""
        return {work: span for step in self.steps for work, span in step.work.items()}

    def left(self, elapsed: float, done: Collection[Work] = (), under_way: Mapping[Work, float] | None = None) -> Span:
        """What is left of it; nothing where it takes longer than was expected.

        Args:
            elapsed: Seconds since the apply began.
            under_way: For each the seconds since it began.
        """
        if self.spans and self.spans.keys() <= set(done):
            return QUICK
        return self.whole.after(elapsed) | _chain(self.steps, done, under_way or {})

    def to_json(self) -> dict[str, Any]:
        """Seconds."""
        return {
            "expected": self.whole.low,
            "worst": self.whole.high,
            "origin": str(self.origin),
            "resources": [
                {"address": address, "action": action, "expected": span.low, "worst": span.high}
                for (address, action), span in self.spans.items()
            ],
        }


def estimate(
    work: Iterable[Work], guide: Guide | None, measured: Measured, *, from_nothing: bool = False
) -> Estimate | None:
    """How long this will take; None where nothing is known that could tell.

    Args:
        from_nothing: The layer has nothing in it yet, and the plan is of all of it.
    """
    work = tuple(work)
    guide = guide or Guide()
    steps: dict[str, dict[Work, Span]] = {component.name: {} for component in guide.components}
    origins: set[Origin] = set()
    for one in work:
        component = guide.component(one[0])
        samples = measured.resources.get(one, ())
        # The document speaks of making; of a change it is a guess, which one measurement betters.
        said = component.takes if component and (one[1] == _MAKING or not samples) else None
        span = learned(samples, said)
        if span is not None:
            is_measured = said is None or len(samples) >= _ENOUGH
            origins.add(Origin.MEASURED if is_measured else Origin.DOCUMENT)
            steps.setdefault(component.name if component else one[0], {})[one] = span
    after = {component.name: component.after for component in guide.components}
    made = tuple(Step(name=name, work=spans, after=after.get(name, ())) for name, spans in steps.items())
    whole = _chain(made, (), {}) if origins else None
    origin = Origin.BOTH if len(origins) > 1 else next(iter(origins), Origin.DOCUMENT)
    applies = measured.applies_of(shape(work))
    if len(applies) >= _ENOUGH or (applies and whole is None):
        whole, origin = learned(applies), Origin.MEASURED
    elif from_nothing and guide.apply and origin is not Origin.MEASURED:
        whole, origin = guide.apply, Origin.DOCUMENT
    elif whole is None and guide.components and work:
        whole, origin = QUICK, Origin.DOCUMENT
    return Estimate(whole=whole, origin=origin, steps=made) if whole else None


def learned(samples: Sequence[float], said: Span | None = None) -> Span | None:
    """What was measured, or as long as that is too little what is said."""
    if len(samples) >= _ENOUGH:
        return Span(low=_median(samples), high=max(samples))
    if said is not None:
        return said
    return Span(low=_median(samples), high=_UNSURE * max(samples)) if samples else None


def whole_run(guide: Guide | None, measured: Measured) -> Span | None:
    """Plan and apply of a layer before there is a plan: the median of its last applies, or what wealist.yaml says."""
    guide = guide or Guide()
    applies = [seconds for _, seconds in measured.applies[-_LAST:]]
    apply = Span(low=_median(applies), high=_median(applies)) if len(applies) >= _ENOUGH else guide.apply
    if apply is None:
        return None
    return apply + (learned(measured.plans, guide.plan) or NOTHING)


def is_overdue(span: Span, elapsed: float) -> bool:
    """Whether this is no longer just slow: half as long again as the worst, and a minute more than it at the least."""
    return elapsed > max(_OVERDUE * span.high, span.high + _OVERDUE_AT_LEAST)


def shape(work: Iterable[Work]) -> str:
    """The same for the same set of actions on the same resources."""
    from hashlib import sha256

    return sha256("\n".join(sorted(" ".join(one) for one in work)).encode()).hexdigest()[:16]


def _median(samples: Sequence[float]) -> float:
    # Not the one of `statistics`: its import takes longer than a command has to start.
    ordered = sorted(samples)
    half = len(ordered) // 2
    return (ordered[half] + ordered[~half]) / 2


def _chain(steps: Sequence[Step], done: Collection[Work], under_way: Mapping[Work, float]) -> Span:
    """The longest way through steps that wait for each other; wealist.yaml is refused where they do so in a circle."""
    by_name = {step.name: step for step in steps}
    ends: dict[str, Span] = {}

    def end(name: str) -> Span:
        if name not in ends:
            begin = NOTHING
            for other in by_name[name].after:
                begin |= end(other)
            ends[name] = begin + by_name[name].left(done, under_way)
        return ends[name]

    longest = NOTHING
    for name in by_name:
        longest |= end(name)
    return longest


def _expression(pattern: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
