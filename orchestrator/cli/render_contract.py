"""A contract's rows to text."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from orchestrator import printable
from orchestrator.cli.terminal import Text
from orchestrator.judgement import Status, words
from orchestrator.verification import count, difference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.judgement import Verdict

_SCREEN = 20
_MARKS = {
    Status.HOLDS: ("✓", "green"),
    Status.BROKEN: ("✗", "red"),
    Status.NOT_APPLICABLE: ("-", "dim"),
    Status.UNKNOWN: ("?", "yellow"),
}
_WORDS = {
    Status.HOLDS: "hold",
    Status.BROKEN: "broken",
    Status.NOT_APPLICABLE: "not applicable",
    Status.UNKNOWN: "unknown",
}


def verdicts_text(verdicts: Sequence[Verdict], layer: str) -> Text:
    """Every row under the section of the specification that states it, and a count."""
    text = Text.assemble("\n", (layer, "bold"), "\n")
    for section, rows in groupby(verdicts, key=lambda verdict: verdict.row.section):
        text.append(f"  {section}\n", style="bold")
        for verdict in rows:
            _append(text, verdict)
    broken = [verdict for verdict in verdicts if verdict.is_broken]
    if broken and len(verdicts) > _SCREEN:
        # Again, where the eye is: the list is longer than a screen.
        text.append("  broken:\n", style="bold red")
        for verdict in broken:
            _append(text, verdict)
    counts = ", ".join(f"{number} {_WORDS[status]}" for status, number in count(verdicts).items())
    text.append(f"{len(verdicts)} rows: {counts}")
    reasons = Counter(
        verdict.reason.partition(":")[0] for verdict in verdicts if verdict.status is Status.NOT_APPLICABLE
    )
    for reason, number in reasons.most_common():
        text.append(f"\n  {number} not applicable: {reason}", style="dim")
    return text


def _append(text: Text, verdict: Verdict) -> None:
    mark, style = _MARKS[verdict.status]
    text.append(f"  {mark} ", style=style)
    text.append(
        f"{verdict.row.id}  {verdict.row.statement}", style="dim" if verdict.status is Status.NOT_APPLICABLE else ""
    )
    if verdict.status is Status.BROKEN:
        text.append(f"\n      {difference(verdict)}", style="red")
        if verdict.row.why:
            text.append(f"\n      {verdict.row.why}", style="dim")
    elif verdict.status is Status.UNKNOWN:
        text.append(printable.indented(f"\n      {verdict.reason}", "      "), style="yellow")
    elif verdict.scaled_by:
        text.append(f"  (now {words(verdict.seen)}: {verdict.scaled_by})", style="dim")
    text.append("\n")
