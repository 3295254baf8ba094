"""Resources and a price book, and what comes of them: what a month costs.

A resource is priced, free, or unpriced with a reason. Unpriced ones are never counted as nothing: a cost names them
beside its total.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator import query
from orchestrator.inventory import Resource, with_address
from orchestrator.price import exact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.price import Book, Entry

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
class Cost:
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


def cost_of(resources: Iterable[Resource], book: Book) -> Cost:
    """Price resources, each by itself."""
    order = {id(entry): number for number, entry in enumerate(book.prices)}
    found = [_priced(resource, book) for resource in sorted(resources, key=lambda resource: resource.address)]
    lines = (line for line in found if isinstance(line, Line))
    return Cost(
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
    # A plain mapping, which lets what is pending be looked at.
    plain = dict(values)
    seen = (f"{name} {_shown(plain.get(name))}" for name in names)
    return ", ".join(seen) or "this one"


def _shown(value: Any) -> str:
    if isinstance(value, (str, int, float)):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return "(not set)" if value is None else "..."


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
