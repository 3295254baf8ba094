"""AWS's own price list, asked what the lines of a cost cost today.

An entry of the price book says which product it is. Products are told apart by their attributes, and an entry that fits
several with different prices gets no answer rather than the first one. Sources: "Price List Query API" in the AWS Billing
guide; the shape of a product is that of the bulk price list's files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator import payload, query
from orchestrator.aws.session import DENIED, NO_WAY, translated
from orchestrator.errors import AwsError
from orchestrator.inventory import with_address
from orchestrator.price import exact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orchestrator.aws.session import Session
    from orchestrator.cost import Line
    from orchestrator.price import Book, Listing

# The API has few regions, and in each of them the prices of all.
REGION = "us-east-1"
_Filters = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What AWS says of one line.

    Attributes:
        monthly: None where it does not say.
        reason: Why not.
    """

    line: Line
    monthly: float | None = None
    reason: str = ""

    @property
    def difference(self) -> float | None:
        """How much more than by the book; negative is less."""
        return None if self.monthly is None else exact(self.monthly - self.line.monthly)

    def to_json(self) -> dict[str, Any]:
        return {
            "item": self.line.entry.item,
            "address": self.line.resource.address,
            "book": exact(self.line.monthly),
            "aws": None if self.monthly is None else exact(self.monthly),
            "difference": self.difference,
            "reason": self.reason or None,
        }


def quotes(session: Session, lines: Sequence[Line], book: Book) -> tuple[Quote, ...]:
    """What AWS says of each line, in their order; a product is asked for once.

    Raises:
        AwsError: There is no way to the price list, or this identity may not ask it.
    """
    known: dict[tuple[str, _Filters], float | str] = {}
    return tuple(_quote(session, line, book, known) for line in lines)


def _quote(session: Session, line: Line, book: Book, known: dict[tuple[str, _Filters], float | str]) -> Quote:
    listing = line.entry.aws
    if listing is None:
        return Quote(line=line, reason="the price book does not say how AWS lists it")
    values = with_address(line.resource)
    try:
        filters = _filters(listing, values, book.region)
        quantity = query.search(listing.quantity, values) if listing.quantity else line.quantity
    except (query.NotKnownError, query.QueryError) as error:
        return Quote(line=line, reason=f"it can't be asked for: {error}")
    if isinstance(quantity, bool) or not isinstance(quantity, (int, float)):
        return Quote(line=line, reason=f"its quantity, {listing.quantity}, is {quantity!r}")
    key = (listing.service, filters)
    if key not in known:
        known[key] = _unit_price(session, listing.service, filters, book.currency)
    found = known[key]
    if isinstance(found, str):
        return Quote(line=line, reason=found)
    return Quote(line=line, monthly=found * listing.hours * quantity)


def _filters(listing: Listing, values: Mapping[str, Any], region: str) -> _Filters:
    asked = {name: query.search(expression, values) for name, expression in listing.filters.items()}
    return (("regionCode", region), *((name, str(value)) for name, value in asked.items()))


def _unit_price(session: Session, service: str, filters: _Filters, currency: str) -> float | str:
    """The one price of what the filters find, or why there isn't one."""
    asked = ", ".join(f"{name}={value}" for name, value in filters)
    try:
        client = session.client("pricing", REGION)
        with translated("asking AWS's price list"):
            answer = client.get_products(
                ServiceCode=service,
                Filters=[{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in filters],
                FormatVersion="aws_v1",
            )
    except AwsError as error:
        if error.code in NO_WAY | DENIED:
            raise
        return error.message
    try:
        prices = {price for text in answer["PriceList"] for price in _on_demand(payload.load(text), currency)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"AWS's answer is of an unexpected shape ({error!r})"
    if not prices:
        return f"{service} lists nothing in {currency} with {asked}"
    if len(prices) > 1 or answer.get("NextToken"):
        return f"{service} lists several prices with {asked}"
    return prices.pop()


def _on_demand(product: Mapping[str, Any], currency: str) -> Iterator[float]:
    for term in product["terms"].get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            if currency in dimension["pricePerUnit"]:
                yield float(dimension["pricePerUnit"][currency])
