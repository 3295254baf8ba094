"""What a month costs, to text that fits 80 columns."""

from __future__ import annotations

import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

from orchestrator.cli.render import console
from orchestrator.cli.terminal import Text
from orchestrator.delta import Turn
from orchestrator.price import exact, money

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.aws.price_list import Quote
    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.terminal import Screen
    from orchestrator.cost import Cost, Unpriced
    from orchestrator.delta import Delta, Shift
    from orchestrator.price import Book

    Quotes = Mapping[str, Sequence[Quote]]

_WIDTH = 80
_LEAST = 24
_NAMED = 3
_GAP = "  "


def delta_text(delta: Delta) -> Text:
    """What a plan does to the month, in a few lines; empty where there is nothing to tell."""
    changed = [surprise.resource for surprise in delta.surprises if surprise.turn is Turn.CHANGED]
    lines = [(delta.sentence, "bold"), (delta.unknown, "dim")]
    lines += [(f"{_GAP}{resource.address}: {resource.reason}", "dim") for resource in changed[:_NAMED]]
    text = Text()
    for line, style in lines:
        if line:
            text.append("\n" if text else "").append(line, style)
    return text


def print_deployed(run: Invocation, costs: Mapping[str, Cost], book: Book, quotes: Quotes) -> None:
    """A table a layer, and what is in no table."""
    out = console(run)
    for id_, cost in costs.items():
        _heading(out, f"{id_}: deployed", book)
        total = [("total", "", _about(cost.total, book), "")] if cost.rows else []
        rows = [(row.item, row.choice, _about(row.monthly, book), row.tradeoff) for row in cost.rows]
        _table(out, [("ITEM", "CHOICE", "A MONTH", "TRADE-OFF"), *rows, *total], right=(2,))
        _rest(out, cost)
        _print_quotes(out, quotes.get(id_, ()), book)
        out.print()
    if len(costs) > 1:
        everything = sum(cost.total for cost in costs.values())
        out.print(Text(f"all layers: {_about(everything, book)} a month, without what is unpriced", "bold"))


def print_planned(run: Invocation, deltas: Mapping[str, Delta], book: Book, quotes: Quotes) -> None:
    """Both sides and the difference, a table a layer."""
    out = console(run)
    for id_, delta in deltas.items():
        out.print()
        is_deployed = delta.baseline == "deployed"
        what = "deployed and planned" if is_deployed else "not applied; planned without and with the given values"
        _heading(out, f"{id_}: {what}", book)
        left = "DEPLOYED" if is_deployed else "WITHOUT"
        right = "PLANNED" if is_deployed else "WITH"
        rows = [_shift_row(shift, delta, book) for shift in delta.shifts]
        sums = [_about(side.total, book) if side.rows else "-" for side in (delta.before, delta.after)]
        total = [("total", "", sums[0], "", sums[1], _difference(delta))] if rows else []
        _table(out, [("ITEM", left, "", right, "", "DIFFERENCE"), *rows, *total], right=(2, 4, 5))
        _tradeoffs(out, delta)
        _rest(out, delta.after)
        if delta.surprises:
            for line in _wrapped(f"in the difference, {delta.unknown}"):
                out.print(Text(line, "dim"))
        _print_quotes(out, quotes.get(id_, ()), book)
    if len(deltas) > 1:
        everything = exact(sum(delta.total for delta in deltas.values()))
        change = money(everything, book.currency, is_change=True)
        out.print(Text(f"\nall layers: {change} a month, without what is unpriced", "bold"))


def _heading(out: Screen, what: str, book: Book) -> None:
    out.print(Text(what, "bold"))
    for line in _wrapped(f"{book.region}, prices of {book.date}: {book.source}"):
        out.print(Text(line, "dim"))
    out.print()


def _about(amount: float, book: Book) -> str:
    return f"~{money(amount, book.currency)}"


def _shift_row(shift: Shift, delta: Delta, book: Book) -> tuple[str, ...]:
    def side(cost: Cost, amount: float) -> tuple[str, str]:
        rows = [row for row in cost.rows if row.item == shift.item]
        nothing = "-" if shift.is_whole else "unpriced"
        return (", ".join(row.choice for row in rows) or nothing, _about(amount, book) if rows else "")

    difference = delta.money(shift.difference) if exact(shift.difference) or shift.is_whole else ""
    difference = difference if shift.is_whole else f"{difference} ?".strip()
    if shift.is_whole and not exact(shift.difference):
        difference = "same"
    return (shift.item, *side(delta.before, shift.before), *side(delta.after, shift.after), difference)


def _difference(delta: Delta) -> str:
    is_whole = all(shift.is_whole for shift in delta.shifts)
    return f"{delta.money(delta.total)}{'' if is_whole else ' ?'}"


def _tradeoffs(out: Screen, delta: Delta) -> None:
    """What is given up for, or gained by, each choice that is new."""
    known = {(row.item, row.choice) for row in delta.before.rows}
    new = [row for row in delta.after.rows if row.tradeoff and (row.item, row.choice) not in known]
    if new:
        out.print()
    for row in new:
        lead = f"{row.item}, {row.choice}: "
        for line in textwrap.wrap(lead + row.tradeoff, _WIDTH, subsequent_indent=_GAP):
            out.print(line)


def _rest(out: Screen, cost: Cost) -> None:
    """What is not in the total, and why."""
    out.print()
    if cost.unpriced:
        out.print(Text(f"unpriced, so in no total: {_resources(len(cost.unpriced))}", "yellow"))
        for (type_, reason), some in groupby(sorted(cost.unpriced, key=_kind), _kind):
            _print_unpriced(out, type_, reason, list(some))
    if cost.free:
        out.print(Text(f"free of charge by themselves: {_resources(cost.free)}", "dim"))


def _kind(resource: Unpriced) -> tuple[str, str]:
    return resource.type, resource.reason


def _print_unpriced(out: Screen, type_: str, reason: str, some: Sequence[Unpriced]) -> None:
    for line in _wrapped(f"{_GAP}{len(some)} {type_}: {reason}", indent=_GAP * 2):
        out.print(line)
    for resource in some[:_NAMED]:
        out.print(Text(f"{_GAP * 2}{resource.address}", "dim"))
    if len(some) > _NAMED:
        out.print(Text(f"{_GAP * 2}and {len(some) - _NAMED} more; all of them: --json", "dim"))


def _print_quotes(out: Screen, quotes: Sequence[Quote], book: Book) -> None:
    """Where AWS's list differs from the book."""
    if not quotes:
        return
    out.print()
    out.print(Text(f"AWS's price list now, beside the price book of {book.date}", "bold"))
    lines: dict[tuple[str, str], list[Quote]] = {}
    for quote in quotes:
        lines.setdefault((quote.line.entry.item, quote.reason), []).append(quote)
    rows, reasons = [], []
    for (item, reason), some in lines.items():
        mine = sum(quote.line.monthly for quote in some)
        if reason:
            reasons.append(f"{item}: {reason}")
            continue
        theirs = sum(quote.monthly or 0.0 for quote in some)
        change = exact(theirs - mine)
        difference = money(change, book.currency, is_change=True) if change else "same"
        rows.append((item, money(mine, book.currency), money(theirs, book.currency), difference))
    if rows:
        _table(out, [("ITEM", "BOOK", "AWS", "DIFFERENCE"), *rows], right=(1, 2, 3))
    for reason in reasons:
        for line in _wrapped(reason, indent=_GAP):
            out.print(Text(line, "yellow"))


def _table(out: Screen, rows: Sequence[Sequence[str]], *, right: Iterable[int]) -> None:
    """Columns as wide as they have to be; the last one is wrapped where it is text."""
    if len(rows) == 1:
        out.print("nothing that the price book has a price for")
        return
    right = set(right)
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    last = len(widths) - 1
    if last not in right:
        widths[last] = max(_LEAST, _WIDTH - sum(width + len(_GAP) for width in widths[:-1]))
    for number, row in enumerate(rows):
        cells = [cell.rjust(widths[n]) if n in right else cell.ljust(widths[n]) for n, cell in enumerate(row)]
        head = _GAP.join(cells[:-1]) + _GAP
        tail = [cells[-1]] if last in right else textwrap.wrap(row[-1], widths[last]) or [""]
        style = "dim" if number == 0 else "bold" if row[0] == "total" else ""
        for n, part in enumerate(tail):
            out.print(Text(f"{head if n == 0 else ' ' * len(head)}{part}".rstrip(), style))


def _wrapped(text: str, *, indent: str = "") -> list[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _resources(number: int) -> str:
    return f"{number} resource{'s' if number != 1 else ''}"
