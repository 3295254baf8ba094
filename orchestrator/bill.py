"""What is deployed, priced: the part of the month that is known beforehand, read from state objects alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.aws.pool import threads
from orchestrator.aws.session import THREADS, Sessions
from orchestrator.aws.state import read_object
from orchestrator.cost import Cost, cost_of
from orchestrator.errors import UsageError, WealistError
from orchestrator.inventory import Inventory
from orchestrator.price import FILENAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.discovery import Estate
    from orchestrator.layer import Layer
    from orchestrator.price import Book
    from orchestrator.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What one layer has.

    Attributes:
        cost: None where nothing is deployed, or where the state can't be read.
        error: Why it can't.
    """

    layer: str
    cost: Cost | None = None
    error: WealistError | None = None


def read_deployed(estate: Estate, target: Target, layers: Sequence[Layer] | None = None) -> dict[str, Deployed]:
    """What these layers have, or all of the estate's, by id and in their order; a layer's trouble is its own.

    Raises:
        UsageError: Nothing here states prices.
    """
    book = estate.prices
    if book is None:
        raise no_prices(estate)
    layers = estate.layers if layers is None else layers
    sessions = Sessions(target.aws)
    with threads(THREADS) as pool:
        found = {layer.id: pool.submit(_read, sessions, layer, book) for layer in layers}
        return {id_: future.result() for id_, future in found.items()}


def no_prices(estate: Estate) -> UsageError:
    """What is missing where a price is asked for."""
    return UsageError(
        f"nothing here states prices: there is no {estate.root / FILENAME}",
        hint="write one; docs/commands.md, under wealist cost, shows it",
    )


def _read(sessions: Sessions, layer: Layer, book: Book) -> Deployed:
    try:
        found = read_object(sessions.for_backend(layer.backend), layer.backend)
        if found is None or found.is_blank or found.state().is_empty:
            return Deployed(layer=layer.id)
        resources = Inventory.of_state(found.body).resources
    except WealistError as error:
        return Deployed(layer=layer.id, error=error)
    return Deployed(layer=layer.id, cost=cost_of(resources, book))
