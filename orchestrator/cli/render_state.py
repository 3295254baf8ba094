"""Where layers stand, who holds them, and what their states were: values to text, beside `render`."""

from __future__ import annotations

import textwrap
from datetime import UTC
from typing import TYPE_CHECKING

from orchestrator import printable
from orchestrator.aws.workspace import listed, shown_name
from orchestrator.cli.render import console
from orchestrator.cli.terminal import Text
from orchestrator.moment import ago, utc, utc_and_ago
from orchestrator.shared_state import named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.terminal import Screen
    from orchestrator.evidence import LockEvidence
    from orchestrator.history import StateVersion
    from orchestrator.mend import Mending
    from orchestrator.restore import Restoration
    from orchestrator.status import LayerStatus

_STYLES = {"applied": "green", "locked": "yellow", "failed": "red", "unreadable": "red"}
_HEADINGS = ("LAYER", "STATUS", "SERIAL", "RES.", "TERRAFORM", "WRITTEN (UTC)")
_NUMBERS = ("SERIAL", "RES.")
_SHOWN_ADDRESSES = 20


def print_statuses(run: Invocation, statuses: Iterable[LayerStatus]) -> None:
    """A row a layer; below it what is wrong with it."""
    out = console(run)
    shown = list(statuses)
    rows = [_HEADINGS, *(_row(status) for status in shown)]
    if out.is_terminal and max(map(len, _lines(rows))) > out.width:
        # The whole time is in --json; how long ago it was is what people look for.
        rows = [_HEADINGS, *(_row(status, is_narrow=True) for status in shown)]
    heading, *lines = _lines(rows)
    out.print(Text(heading, "dim"))
    start = max(len(row[0]) for row in rows) + 2
    for status, line in zip(shown, lines, strict=True):
        text = Text(line)
        text.stylize(_STYLES.get(status.word, "dim"), start, start + len(status.word))
        out.print(text)
        for name, detail in _details(run, status):
            _print_pair(out, name, detail)


def print_locks(run: Invocation, found: Iterable[LockEvidence], *, stderr: bool = False) -> None:
    """Every lock, with its signs of life."""
    out = console(run, stderr=stderr)
    for evidence in found:
        out.print(Text.assemble((printable.line(evidence.layer), "bold"), " is locked"))
        for heading, text in evidence.lines:
            _print_pair(out, heading, text)


def print_digest(run: Invocation, statuses: Iterable[LayerStatus]) -> None:
    """Every digest that is wrong, with what mends it."""
    out = console(run)
    for status in statuses:
        if status.mismatch is not None:
            out.print(
                Text.assemble((printable.line(status.layer), "bold"), " has a wrong digest, which stops Terraform")
            )
            _print_pair(out, "digest", status.mismatch.cause)
            _print_pair(out, "remedy", status.mismatch.remedy(status.layer, run.target.command))


def print_history(run: Invocation, versions: Iterable[StateVersion]) -> None:
    """Two lines a version: what it is, and the id to restore it by."""
    out = console(run)
    for version in versions:
        mark, style = ("*", "green") if version.is_current else (" ", "")
        text = Text.assemble((f"{mark} ", style), _described(version))
        text.append(f"\n  {version.id}", style="cyan")
        out.print(text)


def print_restoration(run: Invocation, restoration: Restoration) -> None:
    """What is there, what would come back, and which resources Terraform would know again or no more."""
    out = console(run, stderr=True)
    out.print(Text.assemble((printable.line(restoration.layer), "bold"), ": an earlier state comes back"))
    _print_pair(out, "now", _described(restoration.current))
    _print_pair(out, "then", f"{_described(restoration.wanted)}, under serial {restoration.serial}")
    for mark, style, addresses in (("+", "green", restoration.appearing), ("-", "red", restoration.disappearing)):
        for address in addresses[:_SHOWN_ADDRESSES]:
            out.print(Text(f"  {mark} {printable.line(address)}", style))
        if len(addresses) > _SHOWN_ADDRESSES:
            out.print(Text(f"  {mark} and {len(addresses) - _SHOWN_ADDRESSES} more", style))
    if restoration.disappearing:
        _print_pair(out, "note", "what goes from the state is not destroyed; Terraform only knows of it no more")
    if not restoration.is_locked:
        _print_pair(out, "lock", "the backend block asks for none: see to it that nobody else writes this state")


def print_mending(run: Invocation, mending: Mending) -> None:
    """What the table holds, what is there, and why they may differ."""
    out = console(run, stderr=True)
    wrong, state = mending.mismatch, mending.state
    out.print(Text.assemble((printable.line(mending.layer), "bold"), " has a wrong digest, which stops Terraform"))
    _print_pair(out, "digest", wrong.cause)
    _print_pair(out, "table", f"{wrong.table} holds {wrong.recorded}")
    written = f", {utc_and_ago(mending.written)}" if mending.written else ""
    here = f"serial {state.serial}, {_resources(state.resource_count)}{written}" if state else "there is none"
    _print_pair(out, "state", here)
    _print_pair(out, "mend", f"the table gets {wrong.actual}" if wrong.actual else "the digest is removed")
    if wrong.version_id is not None:
        other = run.target.command("state", "restore", mending.layer, "--version", wrong.version_id)
        _print_pair(out, "or", f"{other} brings back the state that the digest belongs to")


def _row(status: LayerStatus, *, is_narrow: bool = False) -> tuple[str, ...]:
    state = status.state
    written = ""
    if status.modified is not None:
        minute = f"{status.modified.astimezone(UTC):%Y-%m-%d %H:%M}"
        written = ago(status.modified) if is_narrow else f"{minute}, {ago(status.modified)}"
    layer = printable.line(status.layer)
    if state is None:
        return (layer, status.word, "", "", "", written)
    return (layer, status.word, str(state.serial), str(state.resources), state.terraform_version, written)


def _lines(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows as lines; one that ends with its word may be as long as it likes."""
    whole = [row for row in rows if any(row[2:])]
    widths = [max(len(row[0]) for row in rows), *(max(len(row[n]) for row in whole) for n in range(1, len(_HEADINGS)))]
    return ["  ".join(_padded(row, widths)).rstrip() for row in rows]


def _padded(row: tuple[str, ...], widths: Sequence[int]) -> Iterable[str]:
    for heading, cell, width in zip(_HEADINGS, row, widths, strict=True):
        yield cell.rjust(width) if heading in _NUMBERS else cell.ljust(width)


def _details(run: Invocation, status: LayerStatus) -> Iterable[tuple[str, str]]:
    if status.selected:
        yield "selected", f"workspace {shown_name(status.selected)}; wealist works in the default workspace only"
    if status.workspaces:
        yield "applied", f"in workspace {listed(status.workspaces)}; wealist works in the default workspace only"
    if status.shared_with:
        yield "shared", f"this is also the state of {named(status.shared_with)}; wealist changes neither"
    for lock in status.locks:
        yield "lock", lock.describe()
    last = status.last_apply
    if last is not None and last.is_incomplete:
        when = f", {utc_and_ago(last.time)}" if last.time else ""
        yield "apply", f"the last one from here was {last.outcome}{when}".replace("was failed", "failed")
    if status.mismatch is not None:
        yield "digest", status.mismatch.cause
        yield "remedy", status.mismatch.remedy(status.layer, run.target.command)


def print_troubles(run: Invocation, troubles: Mapping[tuple[str, str | None], Sequence[str]]) -> None:
    """What can't be seen and what to do about it, each once, however many layers it concerns."""
    out = console(run, stderr=True)
    for (message, hint), layers in troubles.items():
        more = f" (and {len(layers) - 1} more)" if len(layers) > 1 else ""
        out.print(Text.assemble(("! ", "yellow"), printable.indented(f"{layers[0]}{more}: {message}")))
        if hint:
            out.print(Text(printable.indented(f"    {hint}", "    "), "dim"))


def _described(version: StateVersion) -> str:
    when = f"{utc(version.written)}, {ago(version.written)}"
    if version.is_delete_marker:
        return f"deleted      {when}"
    if version.state is None:
        return f"no state     {when}, {_bytes(version.size)}: {version.error}"
    state = version.state
    what = f"{_resources(state.resource_count)}, {state.terraform_version}, {_bytes(version.size)}"
    return f"serial {state.serial:<5} {when}, {what}"


def _resources(count: int) -> str:
    return f"{count} resource{'s' if count != 1 else ''}"


def _bytes(size: int) -> str:
    return f"{size} B" if size < 1000 else f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1e6:.1f} MB"


def _print_pair(out: Screen, heading: str, text: str) -> None:
    """A heading and a text; on a terminal the text keeps to its own column."""
    indent = f"  {heading:<8} "
    lines = text.split("\n")
    if out.is_terminal:
        width = max(out.width - len(indent), 20)
        lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
    out.print(Text.assemble((indent, "dim"), f"\n{' ' * len(indent)}".join(lines)))
