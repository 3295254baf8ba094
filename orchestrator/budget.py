"""How much the plans of one run may add to the month, all layers together.

What a plan adds takes room as soon as it is judged. What it saves makes room only once its layer has ended well: an apply that
is declined, or that fails half-way, saves nothing, and what others spent of it would stay.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

from orchestrator.finding import Finding, Severity
from orchestrator.price import exact, money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.cost import Unpriced
    from orchestrator.delta import Delta

_NAMED = 5


class Budget:
    """How much the plans of one run may add to the month, all layers together. Any thread may ask.

    Args:
        limit: In the price book's currency.
        spent: By layer: what a run that is gone on with had added.
    """

    def __init__(self, limit: float, spent: Mapping[str, float] | None = None) -> None:
        self.limit = limit
        self._parts = dict(spent or {})
        self._settled = set(self._parts)
        self._lock = threading.Lock()

    def judge(self, layer: str, delta: Delta) -> list[Finding]:
        """Book a layer's part where there is room for it; an error where there is none, a warning for what isn't counted."""
        with self._lock:
            others = {id_: part for id_, part in self._parts.items() if part > 0 or id_ in self._settled}
            parts = {**others, layer: delta.total}
            total = exact(sum(parts.values()))
            is_over = total > self.limit
            if not is_over:
                self._parts[layer] = delta.total
        findings = [_over(parts, total, self.limit, delta)] if is_over else []
        return [*findings, *([_uncounted(delta.growing)] if delta.growing else [])]

    def settle(self, layer: str) -> None:
        """The layer has ended well: what it saves may be spent."""
        with self._lock:
            self._settled.add(layer)

    def give_back(self, layer: str) -> None:
        """The layer's plan is not applied."""
        with self._lock:
            self._parts.pop(layer, None)


def _over(parts: Mapping[str, float], total: float, limit: float, delta: Delta) -> Finding:
    # Exact: two amounts that round to the same would make no sense of it.
    more, most = (money(amount, delta.currency, is_exact=True) for amount in (total, limit))
    others = f" ({', '.join(f'{id_} {delta.money(part)}' for id_, part in parts.items())})" if len(parts) > 1 else ""
    return Finding(
        id="guard.cost",
        severity=Severity.ERROR,
        subject="a month",
        seen=f"would cost {more} more{others}, and --max-monthly-delta is {most}",
        remedy=f"--max-monthly-delta {math.ceil(total)}, if that is what you want",
    )


def _uncounted(resources: Sequence[Unpriced]) -> Finding:
    names = ", ".join(resource.address for resource in resources[:_NAMED])
    more = f" and {len(resources) - _NAMED} more" if len(resources) > _NAMED else ""
    return Finding(
        id="guard.cost.unpriced",
        severity=Severity.WARNING,
        subject=f"{len(resources)} new or changed",
        seen=f"without a price, which --max-monthly-delta can't count: {names}{more}",
        remedy="price them in the price book, or name their types under free there",
    )
