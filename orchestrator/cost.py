"""Resources and a price book, and what comes of them: what a month costs, and what a change does to it.

A resource is priced, free, or unpriced with a reason. Unpriced ones are never counted as nothing: an estimate names them
beside its total, and a difference leaves out what was or becomes unpriced on either side, and names it as well.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from orchestrator import query
from orchestrator.finding import Finding, Severity
from orchestrator.inventory import Resource, with_address
from orchestrator.price import exact, money

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from orchestrator.plan import Plan
    from orchestrator.price import Book, Entry

_NAMED = 5
_NOTHING: tuple[Any, ...] = ("", [], {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A resource that has a price.

    Attributes:
        choice: In words; None where the number of such resources is the choice.
    """

    entry: Entry
    resource: Resource = field(repr=False)
    quantity: float
    choice: str | None

    @property
    def monthly(self) -> float:
        return self.entry.price * self.quantity

    def to_json(self) -> dict[str, Any]:
        return {
            "item": self.entry.item,
            "type": self.resource.type,
            "address": self.resource.address,
            "choice": self.choice,
            "price": exact(self.entry.price),
            "quantity": exact(self.quantity),
            "monthly": exact(self.monthly),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpriced:
    """A resource that may cost something, and nobody says how much."""

    address: str
    type: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {"address": self.address, "type": self.type, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The resources of one item that were chosen alike."""

    item: str
    choice: str
    monthly: float
    tradeoff: str
    lines: tuple[Line, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "item": self.item,
            "choice": self.choice,
            "monthly": exact(self.monthly),
            "tradeoff": self.tradeoff or None,
            "resources": [line.to_json() for line in self.lines],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What some resources cost a month.

    Attributes:
        free: How many resources nobody is charged for.
    """

    lines: tuple[Line, ...] = ()
    unpriced: tuple[Unpriced, ...] = ()
    free: int = 0

    @property
    def total(self) -> float:
        """Of what is priced."""
        return sum(line.monthly for line in self.lines)

    @property
    def rows(self) -> tuple[Row, ...]:
        """In the order in which the items come up."""
        groups: dict[tuple[str, str | None], list[Line]] = {}
        for line in self.lines:
            groups.setdefault((line.entry.item, line.choice), []).append(line)
        return tuple(_row(item, choice, lines) for (item, choice), lines in groups.items())

    def to_json(self) -> dict[str, Any]:
        return {
            "monthly": exact(self.total),
            "items": [row.to_json() for row in self.rows],
            "unpriced": [resource.to_json() for resource in self.unpriced],
            "free": self.free,
        }


def _row(item: str, choice: str | None, lines: Sequence[Line]) -> Row:
    number, entry = len(lines), lines[0].entry
    shown = str(number) if choice is None else choice if number == 1 else f"{number} × {choice}"
    return Row(
        item=item,
        choice=shown,
        monthly=sum(line.monthly for line in lines),
        tradeoff=entry.tradeoff(shown if choice is None else choice),
        lines=tuple(lines),
    )


def estimate(resources: Iterable[Resource], book: Book) -> Estimate:
    """Price resources, each by itself."""
    order = {id(entry): number for number, entry in enumerate(book.prices)}
    found = [_priced(resource, book) for resource in sorted(resources, key=lambda resource: resource.address)]
    lines = (line for line in found if isinstance(line, Line))
    return Estimate(
        lines=tuple(sorted(lines, key=lambda line: order[id(line.entry)])),
        unpriced=tuple(resource for resource in found if isinstance(resource, Unpriced)),
        free=found.count(None),
    )


def _priced(resource: Resource, book: Book) -> Line | Unpriced | None:
    """None is a resource that is free."""
    if resource.type in book.free:
        return None

    def unpriced(reason: str) -> Unpriced:
        return Unpriced(address=resource.address, type=resource.type, reason=reason)

    entries, values = book.of_type(resource.type), with_address(resource)
    if not entries:
        return unpriced("the price book has none for this type")
    try:
        entry = next((entry for entry in entries if _fits(entry, values)), None)
        if entry is None:
            return unpriced(f"the price book has none for {_asked(entries, values)}")
        number = 1 if entry.quantity is None else query.search(entry.quantity, values)
    except query.NotKnownError as error:
        return unpriced(f"{_attribute(error, resource)} is known after the apply")
    except query.QueryError as error:
        return unpriced(f"its entry does not work: {error}")
    if isinstance(number, bool) or not isinstance(number, (int, float)) or number < 0:
        return unpriced(f"its quantity, {entry.quantity}, is {number!r}")
    return Line(entry=entry, resource=resource, quantity=number, choice=_choice(entry, values))


def _fits(entry: Entry, values: Mapping[str, Any]) -> bool:
    if entry.when is None:
        return True
    answer = query.search(entry.when, values)
    # What JMESPath takes for true; 0 is, to it.
    return answer is not None and answer is not False and answer not in _NOTHING


def _asked(entries: Sequence[Entry], values: Mapping[str, Any]) -> str:
    """What the conditions looked at, and saw."""
    names = dict.fromkeys(name for entry in entries if entry.when for name in query.fields(entry.when))
    seen = []
    for name in names:
        value = values.get(name, None)
        seen.append(
            f"{name} {value if isinstance(value, (str, int, float)) else '(not set)' if value is None else '...'}"
        )
    return ", ".join(seen) or "this one"


def _choice(entry: Entry, values: Mapping[str, Any]) -> str | None:
    if entry.choice is None:
        return None
    try:
        answer = query.search(entry.choice, values)
    except query.NotKnownError:
        return "(known after apply)"
    except query.QueryError:
        return "?"
    return "?" if answer is None else str(answer)


def _attribute(error: query.NotKnownError, resource: Resource) -> str:
    return str(error).removeprefix(f"{resource.address}.")


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

    before: Estimate
    after: Estimate
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
        """Plain data, the whole estimates left out."""
        return {
            "currency": self.currency,
            "baseline": self.baseline,
            "before": exact(self.before.total),
            "after": exact(self.after.total),
            "difference": self.total,
            "items": [shift.to_json() for shift in self.shifts],
            "unpriced": [surprise.to_json() for surprise in self.surprises],
        }


def compare(before: Estimate, after: Estimate, currency: str, *, baseline: str = "deployed") -> Delta:
    """What the difference of two estimates is."""
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


def _surprises(before: Estimate, after: Estimate) -> Iterator[Surprise]:
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


def _shift(item: str, before: Estimate, after: Estimate, unclear: set[str]) -> Shift:
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
    return compare(estimate(existing(plan), book), estimate(resulting(plan), book), book.currency)


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


class Budget:
    """How much the plans of one run may add to the month, all layers together. Any thread may ask.

    Args:
        limit: In the price book's currency.
        spent: By layer: what a run that is gone on with had added.
    """

    def __init__(self, limit: float, spent: Mapping[str, float] | None = None) -> None:
        self.limit = limit
        self._parts = dict(spent or {})
        self._lock = threading.Lock()

    def judge(self, layer: str, delta: Delta) -> list[Finding]:
        """Book a layer's part where there is room for it; an error where there is none, a warning for what isn't counted."""
        with self._lock:
            parts = {**self._parts, layer: delta.total}
            total = exact(sum(parts.values()))
            is_over = total > self.limit
            if not is_over:
                self._parts = parts
        findings = [_over(parts, total, self.limit, delta)] if is_over else []
        return [*findings, *([_uncounted(delta.growing)] if delta.growing else [])]

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
