"""`wealist cost`: what is deployed, what would be, and what AWS's price list says of it.

A layer that can't be read is a note, and no failure; where none can, that is one. A total never passes over a layer in
silence: what is not in it is named below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.bill import no_prices, read_deployed
from orchestrator.cli import plain, running
from orchestrator.cli.boundary import redact
from orchestrator.errors import AwsError, RunError
from orchestrator.price import exact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.aws.price_list import Quote
    from orchestrator.bill import Deployed
    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.options import RunWords
    from orchestrator.cost import Cost
    from orchestrator.price import Book
    from orchestrator.report import RunReport

    Quotes = Mapping[str, Sequence[Quote]]


def show_deployed(run: Invocation, names: Sequence[str], *, live: bool, json: bool) -> int:
    """Print what is deployed; returns the exit code.

    Raises:
        UsageError: Nothing here states prices.
        WealistError: No layer can be read.
    """
    from orchestrator.cli import render_cost

    book = _book(run)
    layers = list({layer.id: layer for layer in map(run.estate.layer, names)}.values()) if names else None
    found = read_deployed(run.estate, run.target, layers)
    errors = {id_: deployed.error for id_, deployed in found.items() if deployed.error}
    if errors and len(errors) == len(found):
        raise next(iter(errors.values()))
    costs = {id_: deployed.cost for id_, deployed in found.items() if deployed.cost}
    quotes = _quotes(run, costs, book) if live else {}
    if json:
        parts = {id_: {"deployed": _cost_json(d.cost, quotes.get(id_)), **_error(d)} for id_, d in found.items()}
        _print_json(book, parts, {"deployed": exact(sum(cost.total for cost in costs.values()))})
    else:
        render_cost.print_deployed(run, costs, book, quotes)
    for id_, error in errors.items():
        run.say(f"! {id_}: {error.message}; it is in no total here")
        if error.hint:
            run.say(f"    {error.hint}")
    for id_, deployed in found.items():
        if deployed.cost is None and not deployed.error:
            run.say(f"{id_}: nothing is deployed; what it would cost: {run.target.command('cost', id_, '--plan')}")
    return 0


def show_planned(run: Invocation, names: Sequence[str], words: RunWords, *, limit: float | None, live: bool) -> int:
    """Plan, and print what is deployed, what would be, and the difference; returns the exit code.

    Raises:
        UsageError: Nothing here states prices.
        RunError: A layer could not be planned, or would cost too much.
    """
    book = _book(run)
    ids = [run.estate.resolve(name) for name in names]
    options = running.options(run, words, max_monthly_delta=limit)
    try:
        with run.engine(is_stdout_data=words.json) as engine:
            report = engine.cost(ids, options)
    except RunError as error:
        _print_planned(run, error.report, book, live=live, json=words.json)
        raise
    _print_planned(run, report, book, live=live, json=words.json)
    return report.exit_code


def _print_planned(run: Invocation, report: RunReport, book: Book, *, live: bool, json: bool) -> None:
    from orchestrator.cli import render_cost

    deltas = {result.layer: result.cost for result in report.results if result.cost is not None}
    quotes = _quotes(run, {id_: delta.after for id_, delta in deltas.items()}, book) if live else {}
    if not json:
        render_cost.print_planned(run, deltas, book, quotes)
        return
    parts: dict[str, dict[str, Any]] = {}
    for result in report.results:
        told: dict[str, Any] = {"outcome": str(result.outcome)}
        if result.error is not None:
            told["error"] = result.error.message
        delta = result.cost
        if delta is not None:
            told["baseline"] = delta.baseline
            told["deployed" if delta.baseline == "deployed" else "without_set"] = delta.before.to_json()
            told["planned"] = _cost_json(delta.after, quotes.get(result.layer))
            told["delta"] = delta.to_json()
        parts[result.layer] = told
    sums = {
        "before": exact(sum(delta.before.total for delta in deltas.values())),
        "planned": exact(sum(delta.after.total for delta in deltas.values())),
        "difference": exact(sum(delta.total for delta in deltas.values())),
    }
    _print_json(book, parts, sums)


def _book(run: Invocation) -> Book:
    book = run.estate.prices
    if book is None:
        raise no_prices(run.estate)
    return book


def _quotes(run: Invocation, costs: Mapping[str, Cost], book: Book) -> Quotes:
    """What AWS says; nothing, with a note, where it can't be asked."""
    from orchestrator.aws.price_list import quotes
    from orchestrator.aws.session import Session

    kept = f"the figures are the price book's, of {book.date}"
    if run.target.aws.is_hermetic:
        run.say(f"note: the sandbox has no price list; {kept}")
        return {}
    session = Session(run.target.aws)
    try:
        return {id_: quotes(session, cost.lines, book) for id_, cost in costs.items()}
    except AwsError as error:
        run.say(f"note: {error.message}; {kept}")
        return {}


def _cost_json(cost: Cost | None, quotes: Sequence[Quote] | None) -> dict[str, Any] | None:
    if cost is None:
        return None
    if quotes is None:
        return cost.to_json()
    return {**cost.to_json(), "live": [quote.to_json() for quote in quotes]}


def _error(deployed: Deployed) -> dict[str, str]:
    return {"error": deployed.error.message} if deployed.error else {}


def _print_json(book: Book, layers: Mapping[str, Mapping[str, Any]], totals: Mapping[str, float]) -> None:
    data = {
        "schema": 1,
        "region": book.region,
        "currency": book.currency,
        "date": book.date.isoformat(),
        "source": book.source,
        "monthly": dict(totals),
        "layers": [{"layer": id_, **part} for id_, part in layers.items()],
    }
    plain.print_json(redact.data(data))
