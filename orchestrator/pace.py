"""One layer's run against the clock: what its apply is expected to take, what it took, and what takes far too long.

Everything that ended well is measured and kept, the resources of a failed apply as well; an apply that did not end well says
nothing of how long a whole one takes. A resource that is overdue is told of once, while it runs: Terraform says every ten
seconds that it still does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator import timing
from orchestrator.duration import NOTHING
from orchestrator.estimate import estimate, is_overdue, shape, whole_run
from orchestrator.events import Overdue, ResourceEvent
from orchestrator.plan import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from orchestrator.discovery import Estate
    from orchestrator.duration import Span
    from orchestrator.estimate import Estimate, Guide, Work
    from orchestrator.events import Event
    from orchestrator.plan import Plan

_WORK = {
    Action.CREATE: ("create",),
    Action.UPDATE: ("update",),
    Action.DELETE: ("delete",),
    Action.REPLACE: ("delete", "create"),
}


class Pace:
    """One layer of one run.

    Args:
        look: The command that shows where the layer stands, for a resource that is overdue.
    """

    def __init__(self, layer: str, home: Path, guide: Guide | None, *, look: str) -> None:
        self._layer = layer
        self._home = home
        self._guide = guide
        self._look = look
        self._estimate: Estimate | None = None
        self._shape = ""
        self._told: set[Work] = set()
        self._taken: list[dict[str, Any]] = []

    def expect(self, plan: Plan, *, from_nothing: bool) -> Estimate | None:
        """What the apply of this plan will take."""
        work = work_of(plan)
        self._shape = shape(work)
        self._estimate = estimate(work, self._guide, timing.read(self._home, self._layer), from_nothing=from_nothing)
        return self._estimate

    def see(self, event: Event) -> Overdue | None:
        """Take the time of a resource, and say if it is overdue."""
        if not isinstance(event, ResourceEvent):
            return None
        work = (event.address, event.action)
        if event.phase == "complete" and event.action in ("create", "update", "delete"):
            self._keep("resource", event.elapsed, address=event.address, action=event.action)
        span = self._estimate.spans.get(work) if self._estimate else None
        if event.phase != "progress" or span is None or work in self._told or not is_overdue(span, event.elapsed):
            return None
        self._told.add(work)
        return Overdue(
            layer=event.layer,
            address=event.address,
            action=event.action,
            elapsed=event.elapsed,
            expected=span,
            look=self._look,
        )

    def plan_ended(self, seconds: float) -> None:
        self._keep("plan", seconds)
        self.write()

    def apply_ended(self, seconds: float) -> None:
        """It ended well."""
        self._keep("apply", seconds, shape=self._shape)

    def write(self) -> None:
        """Keep what was measured so far; also after a failure."""
        taken, self._taken = self._taken, []
        timing.append(self._home, taken)

    def _keep(self, what: str, seconds: float, **more: str) -> None:
        self._taken.append({"layer": self._layer, "what": what, **more, "seconds": round(seconds, 1)})


def work_of(plan: Plan) -> list[Work]:
    """What Terraform will report the end of."""
    return [(change.address, action) for change in plan.changes for action in _WORK.get(change.action, ())]


def foresee(estate: Estate, ids: Sequence[str], home: Path) -> Span | None:
    """What a run over these layers will take, before there is a plan; None where nothing is known of any of them.

    A layer starts when those it needs have ended, so that layers beside each other count by the longest.
    """
    measured = timing.read_wholes(home, ids)
    spans = {id_: whole_run(estate.config.guide(id_), measured[id_]) for id_ in ids}
    if not any(spans.values()):
        return None
    needs = estate.graph.within(ids) if len(ids) > 1 else {}
    ends: dict[str, Span] = {}
    for id_ in estate.graph.order(ids) if len(ids) > 1 else ids:
        ends[id_] = _longest(ends[other] for other in needs.get(id_, ())) + (spans[id_] or NOTHING)
    return _longest(ends.values())


def _longest(spans: Iterable[Span]) -> Span:
    longest = NOTHING
    for span in spans:
        longest |= span
    return longest
