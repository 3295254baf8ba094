"""The price book: what a month of a resource costs, by somebody's word and as of a day.

It stands in `prices.yaml` beside `wealist.yaml`, so that the figures are the team's own: a list price, or what a contract
says. An entry is for one resource type and, where it has a condition, for those of them alone that meet it; the first that
fits counts. What no entry fits and what is not listed as free has no price here, which is not the same as a price of nothing.
Queries are JMESPath over one resource's attributes and its address.
"""

from __future__ import annotations

import math
import re
from datetime import date as day
from typing import TYPE_CHECKING

import msgspec

from orchestrator import document, query
from orchestrator.document import Section

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.document import Fail

FILENAME = "prices.yaml"
HOURS = 730.0
OTHERWISE = "otherwise"
_SMALLEST = "{version: 1, region: eu-west-1, currency: EUR, date: 2026-01-31, source: our contract}"
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "KRW": "₩"}


class Listing(Section, frozen=True):
    """How AWS's price list has it.

    Attributes:
        service: A service code of the Price List API: `AmazonRDS`.
        filters: By attribute of a product: a query whose answer it must have. The region is added.
        hours: Hours a month, or however many units of it AWS charges.
        quantity: Where AWS counts otherwise than the entry does.
    """

    service: str
    filters: dict[str, str]
    hours: float = HOURS
    quantity: str | None = None


class Entry(Section, frozen=True):
    """What one kind of resource costs.

    Attributes:
        item: The row that it is counted in.
        type: A resource type.
        when: A query that is true of the resources that are meant; all of the type where there is none.
        price: Of one of them a month.
        quantity: A query for how many of them a resource is.
        choice: A query for what was chosen, in words; where there is none, the number of such resources is the choice.
        tradeoffs: By choice, what was given up for it; `otherwise` is for every other choice.
    """

    item: str
    type: str
    price: float
    when: str | None = None
    quantity: str | None = None
    choice: str | None = None
    tradeoffs: dict[str, str] = msgspec.field(default_factory=dict)
    aws: Listing | None = None

    def tradeoff(self, choice: str) -> str:
        return self.tradeoffs.get(choice) or self.tradeoffs.get(OTHERWISE, "")


class Book(Section, frozen=True):
    """The whole file.

    Attributes:
        region: Where the prices hold, as AWS names it.
        currency: Three letters.
        date: The day the figures were looked up or agreed on.
        source: Where they are from.
        free: Resource types that nobody is charged for by themselves.
    """

    version: int
    region: str
    currency: str
    date: day
    source: str
    prices: tuple[Entry, ...] = ()
    free: tuple[str, ...] = ()

    @classmethod
    def load(cls, path: Path) -> Book:
        """Read and check a file.

        Raises:
            ConfigError: With `file:line: key: what is wrong`.
        """
        return document.load(path, cls, smallest=_SMALLEST)

    @classmethod
    def parse(cls, text: str, *, path: Path) -> Book:
        return document.parse(text, cls, path=path, smallest=_SMALLEST)

    def of_type(self, type_: str) -> tuple[Entry, ...]:
        """The entries of a resource type, in the book's order."""
        return tuple(entry for entry in self.prices if entry.type == type_)

    def check_values(self, fail: Fail) -> None:
        """What a type can't say of a value."""
        if self.version != 1:
            fail(("version",), f"this wealist reads version 1, not {self.version}")
        if not re.fullmatch(r"[A-Z]{3}", self.currency):
            fail(("currency",), f"{self.currency!r} is no currency", "three letters, as in USD")
        for number, entry in enumerate(self.prices):
            _check_entry(entry, ("prices", str(number)), fail)
            if entry.type in self.free:
                fail(("prices", str(number), "type"), f"{entry.type} is under free as well", "keep one of them")


def _check_entry(entry: Entry, key: tuple[str, ...], fail: Fail) -> None:
    if not (math.isfinite(entry.price) and entry.price >= 0):
        fail((*key, "price"), "must be 0 or more")
    expressions: dict[tuple[str, ...], str | None] = {
        ("when",): entry.when,
        ("quantity",): entry.quantity,
        ("choice",): entry.choice,
    }
    if entry.aws is not None:
        if not (math.isfinite(entry.aws.hours) and entry.aws.hours > 0):
            fail((*key, "aws", "hours"), "must be above 0")
        expressions |= {("aws", "filters", name): text for name, text in entry.aws.filters.items()}
        expressions[("aws", "quantity")] = entry.aws.quantity
    for path, expression in expressions.items():
        if expression is None:
            continue
        try:
            query.check(expression)
        except query.QueryError as error:
            fail(
                (*key, *path), f"{expression!r} is no JMESPath: {error}", "text stands in quotes of its own: \"'t4g'\""
            )


def money(amount: float, currency: str, *, is_change: bool = False, is_exact: bool = False) -> str:
    """An amount for people: whole from 10 up unless it has to be exact, and with its sign where it is a change."""
    shown = round(abs(amount)) if abs(amount) >= 10 and not is_exact else round(abs(amount), 2)
    figure = f"{shown:,.2f}" if shown % 1 else f"{shown:,.0f}"
    symbol = _SYMBOLS.get(currency)
    text = f"{symbol}{figure}" if symbol else f"{figure} {currency}"
    sign = "-" if amount < 0 and shown else "+" if is_change else ""
    return f"{sign}{text}"


def exact(amount: float) -> float:
    """An amount for programs, without what binary fractions add to it; whole ones as whole numbers."""
    rounded = round(amount, 6)
    return int(rounded) if rounded == int(rounded) else rounded
