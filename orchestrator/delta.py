"""What a change does to the month: two costs, and their difference item by item.

What was or becomes unpriced on either side is left out of the difference, and named beside it: a database that grows to a class
without a price is no saving. What a plan says nothing of, and what Terraform only forgets, goes on costing what it costs.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from orchestrator.cost import cost_of
from orchestrator.inventory import Resource
from orchestrator.price import exact, money

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.cost import Cost, Unpriced
    from orchestrator.plan import Plan
    from orchestrator.price import Book


class Turn(StrEnum):
    """What happens to a resource that has no price."""

    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surprise:
    """A resource whose part in a difference nobody can tell."""

    turn: Turn
    resource: Unpriced

    def to_json(self) -> dict[str, Any]:
        return {"change": str(self.turn), **self.resource.to_json()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What a change does to one item.

    Attributes:
        difference: Of the resources that are priced on both sides, or on one and not there on the other.
        is_whole: Whether that is all of it.
    """

    item: str
    before: float
    after: float
    difference: float
    is_whole: bool

    def to_json(self) -> dict[str, Any]:
        return {
            "item": self.item,
            "before": exact(self.before),
            "after": exact(self.after),
            "difference": exact(self.difference),
            "is_whole": self.is_whole,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """What a month costs before and after a change, and the difference.

    Attributes:
        shifts: Every item of either side.
        surprises: What can't be told.
        baseline: What `before` is: what is `deployed`, or a `plan` without the values that are asked about.
    """

    before: Cost
    after: Cost
    currency: str
    shifts: tuple[Shift, ...]
    surprises: tuple[Surprise, ...]
    baseline: str = "deployed"

    @property
    def total(self) -> float:
        """Of what is priced; negative is saved."""
        return exact(sum(shift.difference for shift in self.shifts))

    @property
    def sentence(self) -> str:
        """`≈ +$23 a month: RDS +$23`; empty where nothing that is priced changes."""
        shifts = [shift for shift in self.shifts if exact(shift.difference)]
        if not shifts:
            return ""
        parts = ", ".join(f"{shift.item} {self.money(shift.difference)}" for shift in shifts)
        return f"≈ {self.money(self.total)} a month: {parts}"

    @property
    def unknown(self) -> str:
        """`unpriced: new 2 aws_eip; gone 1 aws_s3_bucket`; empty where all is priced."""
        parts = []
        for turn in Turn:
            counts = Counter(surprise.resource.type for surprise in self.surprises if surprise.turn is turn)
            if counts:
                parts.append(f"{turn} {', '.join(f'{counts[type_]} {type_}' for type_ in sorted(counts))}")
        return f"unpriced: {'; '.join(parts)}" if parts else ""

    @property
    def growing(self) -> tuple[Unpriced, ...]:
        """What may make the month dearer without being counted."""
        return tuple(surprise.resource for surprise in self.surprises if surprise.turn is not Turn.GONE)

    def money(self, amount: float) -> str:
        """An amount of this difference, with its sign."""
        return money(amount, self.currency, is_change=True)

    def to_json(self) -> dict[str, Any]:
        """Plain data, the whole costs left out."""
        return {
            "currency": self.currency,
            "baseline": self.baseline,
            "before": exact(self.before.total),
            "after": exact(self.after.total),
            "difference": self.total,
            "items": [shift.to_json() for shift in self.shifts],
            "unpriced": [surprise.to_json() for surprise in self.surprises],
        }


def compare(before: Cost, after: Cost, currency: str, *, baseline: str = "deployed") -> Delta:
    """What the difference of two costs is."""
    surprises = tuple(_surprises(before, after))
    unclear = {surprise.resource.address for surprise in surprises}
    items = dict.fromkeys(line.entry.item for line in (*before.lines, *after.lines))
    return Delta(
        before=before,
        after=after,
        currency=currency,
        shifts=tuple(_shift(item, before, after, unclear) for item in items),
        surprises=surprises,
        baseline=baseline,
    )


def _surprises(before: Cost, after: Cost) -> Iterator[Surprise]:
    old, new = ({item.address: item for item in side.unpriced} for side in (before, after))
    was, will_be = ({line.resource.address for line in side.lines} for side in (before, after))
    for address, resource in new.items():
        if address not in old:
            yield Surprise(turn=Turn.CHANGED if address in was else Turn.NEW, resource=resource)
        elif old[address].reason != resource.reason:
            yield Surprise(turn=Turn.CHANGED, resource=resource)
    for address, resource in old.items():
        if address not in new:
            yield Surprise(turn=Turn.CHANGED if address in will_be else Turn.GONE, resource=resource)


def _shift(item: str, before: Cost, after: Cost, unclear: set[str]) -> Shift:
    sums, clear, is_whole = [], [], True
    for side in (before, after):
        lines = [line for line in side.lines if line.entry.item == item]
        known = [line for line in lines if line.resource.address not in unclear]
        is_whole = is_whole and len(known) == len(lines)
        sums.append(sum(line.monthly for line in lines))
        clear.append(sum(line.monthly for line in known))
    return Shift(item=item, before=sums[0], after=sums[1], difference=clear[1] - clear[0], is_whole=is_whole)


def of_plan(plan: Plan, book: Book) -> Delta:
    """What applying a plan does to the month."""
    return compare(cost_of(existing(plan), book), cost_of(resulting(plan), book), book.currency)


def existing(plan: Plan) -> tuple[Resource, ...]:
    """What there was when the plan was made, under the addresses that the plan gives it."""
    moved = {change.previous_address: change.address for change in plan.changes if change.previous_address}
    return tuple(
        Resource(address=moved.get(r.address, r.address), type=r.type, values=r.values) for r in plan.prior.resources
    )


def resulting(plan: Plan) -> tuple[Resource, ...]:
    """What there will be once it is applied.

    What Terraform only forgets goes on costing what it costs, and so does what a plan with targets says nothing of.
    """
    gone = {change.address for change in plan.changes if change.action == "delete"}
    told = gone | {resource.address for resource in plan.planned.resources}
    staying = (resource for resource in existing(plan) if resource.address not in told)
    return (*plan.planned.resources, *staying)
