"""Values to text. With `progress`, the only user of rich.

What people read goes through the functions here; what programs read is written by `plain`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from orchestrator import printable
from orchestrator.cli.terminal import Text, screen
from orchestrator.diagnosis import HopOutcome
from orchestrator.finding import Severity
from orchestrator.plan import UNKNOWN, Action
from orchestrator.redaction import MASK
from orchestrator.report import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.terminal import Screen
    from orchestrator.diagnosis import Diagnosis, Hop
    from orchestrator.finding import Finding
    from orchestrator.outputs import Output
    from orchestrator.plan import AttributeChange, Plan, ResourceChange
    from orchestrator.report import RunReport

SYMBOLS = {
    Action.CREATE: ("+", "green"),
    Action.UPDATE: ("~", "yellow"),
    Action.REPLACE: ("±", "bold red"),
    Action.DELETE: ("-", "red"),
    Action.FORGET: ("x", "magenta"),
    Action.NO_OP: (">", "cyan"),
}
_PHRASES = {
    Action.CREATE: "to create",
    Action.UPDATE: "to change",
    Action.REPLACE: "to replace",
    Action.DELETE: "to destroy",
    Action.FORGET: "to forget",
}
_DONE = {
    Action.CREATE: "created",
    Action.UPDATE: "changed",
    Action.REPLACE: "replaced",
    Action.DELETE: "destroyed",
    Action.FORGET: "forgotten",
}
_HOPS = {
    HopOutcome.OK: ("✓", "green"),
    HopOutcome.BROKEN: ("✗", "red"),
    HopOutcome.SKIPPED: ("-", "dim"),
    HopOutcome.UNDETERMINED: ("?", "yellow"),
}
_LONGEST_VALUE = 60
_BEFORE_DIFFERENCE = 20


def console(run: Invocation, *, stderr: bool = False) -> Screen:
    """A console on a redacted stream; plain where colours are not wanted or nobody would see them."""
    from orchestrator.cli.boundary import redact

    return screen(redact.lines, is_colored=run.is_colored, stderr=stderr)


def print_outputs(run: Invocation, outputs: Iterable[Output], *, stderr: bool = False) -> None:
    """One output a line, as HCL writes them; a map has a line for each of its keys."""
    out = console(run, stderr=stderr)
    known = sorted(outputs, key=lambda output: output.name)
    width = max((len(printable.line(output.name)) for output in known), default=0)
    for output in known:
        text = Text.assemble((f"{printable.line(output.name):<{width}}", "cyan"), " = ")
        if isinstance(output.shown, dict):
            longest = max((len(printable.line(key)) for key in output.shown), default=0)
            lines = (f"\n  {printable.line(key):<{longest}} = {_literal(value)}" for key, value in output.shown.items())
            text.append("{" + "".join(lines) + "\n}")
        else:
            text.append(output.shown if output.is_sensitive else _literal(output.shown))
        out.print(text)


def print_findings(run: Invocation, findings: Sequence[Finding], *, seconds: float) -> None:
    """Every finding, worst last, so that it stands above the prompt."""
    out = console(run)
    rank = {Severity.OK: 0, Severity.WARNING: 1, Severity.ERROR: 2}
    for finding in sorted(findings, key=lambda finding: rank[finding.severity]):
        out.print(finding_text(finding))
    bad = sum(finding.is_error for finding in findings)
    verdict = (f"{bad} failed", "red") if bad else ("all passed", "green")
    out.print(Text.assemble(f"{len(findings)} check{'s' if len(findings) != 1 else ''} in {seconds:.1f} s, ", verdict))


def finding_text(finding: Finding) -> Text:
    mark, style = {
        Severity.OK: ("✓", "green"),
        Severity.WARNING: ("!", "yellow"),
        Severity.ERROR: ("✗", "red"),
    }[finding.severity]
    text = Text.assemble(
        (f"{mark} ", style), (finding.id.removesuffix(".ok"), "bold"), _indented(f"  {finding.subject}: {finding.seen}")
    )
    if finding.remedy:
        text.append(_indented(f"\n    {finding.remedy}"), style="dim")
    return text


def hop_printer(run: Invocation) -> Callable[[Hop], None]:
    """Prints each hop as it is known."""
    out = console(run)
    return lambda hop: out.print(hop_text(hop))


def hop_text(hop: Hop) -> Text:
    """A line a hop; below a broken one what was expected, what to change and what to type."""
    mark, style = _HOPS[hop.outcome]
    text = Text.assemble((f"{mark} ", style), (hop.id, "bold"), _indented(f"  {hop.seen}"))
    told = (("expected", hop.expected), ("terraform", hop.address), ("change", hop.remedy), ("next", hop.command))
    for heading, line in told:
        if line:
            text.append(_indented(f"\n    {heading}: {line}"), style="dim")
    return text


def print_verdict(run: Invocation, diagnosis: Diagnosis) -> None:
    """The last line: what is broken and what mends it, or that nothing is."""
    mark, style = _HOPS[HopOutcome.BROKEN if diagnosis.broken else HopOutcome.OK]
    console(run).print(Text.assemble((f"{mark} ", style), diagnosis.verdict))


def plan_text(plan: Plan, layer: str) -> Text:
    """A plan as a person wants it before saying yes: counts, then a line a resource, with what differs below it."""
    if plan.is_refresh_only:
        return _drift_text(plan, layer)
    partial = ", only the targets (partial)" if not plan.is_complete else ""
    text = Text.assemble((layer, "bold"), ": ", counts(plan, _PHRASES), partial, "\n")
    order = [Action.CREATE, Action.NO_OP, Action.UPDATE, Action.FORGET, Action.REPLACE, Action.DELETE]
    shown = [change for change in plan.changes if change.is_shown]
    for change in sorted(shown, key=lambda c: (order.index(c.action), c.address)):
        _append_change(text, change)
    outputs = [output for output in plan.outputs if output.action.is_change]
    if outputs and all(output.action is Action.CREATE for output in outputs):
        text.append(f"  and {len(outputs)} new outputs\n", style="dim")
    else:
        for output in outputs:
            symbol, style = SYMBOLS.get(output.action, ("~", "yellow"))
            text.append(f"  {symbol} output {printable.line(output.name)}", style=style)
            before, after = _pair(output.before, output.after)
            text.append(
                f": {before} → {after}\n" if output.action is Action.UPDATE and not output.is_sensitive else "\n",
                style="dim",
            )
    return text


def _drift_text(plan: Plan, layer: str) -> Text:
    """What the world has that the state does not, a line an attribute: in the state -> in the world."""
    number = len(plan.drift)
    text = Text.assemble(
        (layer, "bold"), f": {number} resource{'s' if number != 1 else ''} changed outside Terraform\n"
    )
    for change in sorted(plan.drift, key=lambda change: change.address):
        if change.action is Action.DELETE:
            text.append(f"  - {printable.line(change.address)}  (gone)\n", style="red")
        else:
            text.append(f"  ~ {printable.line(change.address)}\n", style="yellow")
            for attribute in change.drifted_attributes():
                _append_attribute(text, attribute)
    return text


def counts(plan: Plan, words: dict[Action, str] = _DONE) -> str:
    """`2 to create, 1 to replace`, or that only outputs change."""
    parts = [f"{plan.counts[action]} {word}" for action, word in words.items() if action in plan.counts]
    imports = sum(change.import_id is not None for change in plan.changes)
    if imports:
        parts.insert(0, f"{imports} {'to import' if words is _PHRASES else 'imported'}")
    return ", ".join(parts) or "no resources, only outputs or addresses"


def print_ends(run: Invocation, report: RunReport, *, with_outputs: bool = True) -> None:
    """How each layer ended: one line, and after an apply its outputs."""
    out = console(run, stderr=True)

    def say(mark: str, style: str, layer: str, text: str) -> None:
        out.print(Text.assemble((mark, style), " ", (layer, "bold"), f": {text}"))

    for result in report.results:
        layer = printable.line(result.layer)
        if result.outcome is Outcome.NO_CHANGES:
            say("✓", "green", layer, f"nothing to change ({result.seconds:.1f} s)")
        elif result.outcome is Outcome.DRIFTED:
            command = run.target.command("plan", result.layer)
            say("!", "yellow", layer, f"has drifted; {command} shows what would bring it back")
        elif result.outcome is Outcome.WAITING:
            say("…", "yellow", layer, "not planned yet")
        elif result.outcome is Outcome.SKIPPED and result.error:
            out.print(Text.assemble(("-", "yellow"), f" {_indented(result.error.message)}"))
        elif result.outcome is Outcome.APPLIED and result.plan:
            partial = "" if result.plan.is_complete else ", only the targets (partial)"
            say("✓", "green", layer, f"{counts(result.plan)}{partial} in {duration(result.seconds)}\n")
            if result.outputs and with_outputs:
                print_outputs(run, result.outputs)
        elif any(verdict.is_broken for verdict in result.verdicts):
            broken = sum(verdict.is_broken for verdict in result.verdicts)
            say("✗", "red", layer, f"{broken} of {len(result.verdicts)} rows broken")
        elif result.outcome.is_failure:
            say("✗", "red", layer, f"{result.outcome} after {duration(result.seconds)}")
    planned = [result.layer for result in report.results if result.outcome is Outcome.PLANNED]
    if planned:
        command = run.target.command("up", *planned)
        out.print(Text(f"nothing was applied; {command} plans again, shows and asks", "dim"))


def duration(seconds: float) -> str:
    """`4.2 s`, `1 min 33 s`."""
    if round(seconds, 1) < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest:02d} s"


def _append_change(text: Text, change: ResourceChange) -> None:
    symbol, style = SYMBOLS.get(change.action, ("?", "white"))
    text.append(f"  {symbol} {printable.line(change.address)}", style=style)
    if change.deposed:
        text.append(f"  (deposed object {printable.line(change.deposed)})", style="red")
    if change.is_forgotten and change.action is Action.REPLACE:
        text.append("  (the old one is forgotten, not destroyed)", style="magenta")
    if change.previous_address:
        text.append(f"  (was {printable.line(change.previous_address)})", style="dim")
    if change.import_id:
        text.append(f"  (import of {printable.line(change.import_id)})", style="cyan")
    if change.action is Action.FORGET:
        # Terraform's reason for it is that of a destruction.
        text.append("  (stays in AWS)", style="dim")
    elif change.reason:
        text.append(f"  ({change.reason.replace('_', ' ')})", style="dim")
    text.append("\n")
    if change.action not in (Action.UPDATE, Action.REPLACE):
        return
    for attribute in change.attribute_changes():
        if change.action is Action.REPLACE and attribute.after == UNKNOWN and not attribute.forces_replacement:
            # What the provider works out anew whenever it makes one.
            continue
        _append_attribute(text, attribute)


def _append_attribute(text: Text, attribute: AttributeChange) -> None:
    before, after = _pair(attribute.before, attribute.after)
    # Two masks say nothing; that there is a change does.
    is_hidden = attribute.before == attribute.after == MASK
    shown = f"{MASK}, changes" if is_hidden else f"{before} → {after}"
    text.append(f"      {printable.line(attribute.path)}: {shown}", style="dim")
    if attribute.forces_replacement:
        text.append("  forces replacement", style="red")
    text.append("\n")


def _pair(before: Any, after: Any) -> tuple[str, str]:
    """Both sides; of long ones the part where they differ, so that what is confirmed can be seen."""
    one, other = _short(before), _short(after)
    start = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return _cut(one, start), _cut(other, start)


def _cut(text: str, start: int) -> str:
    if len(text) <= _LONGEST_VALUE:
        return text
    begin = max(0, min(start - _BEFORE_DIFFERENCE, len(text) - _LONGEST_VALUE))
    end = begin + _LONGEST_VALUE
    return f"{'…' if begin else ''}{text[begin:end]}{'…' if end < len(text) else ''}"


def _indented(text: str) -> str:
    """A foreign text whose further lines can't be taken for findings of their own."""
    return printable.indented(text, "      ")


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _short(value: Any) -> str:
    from orchestrator.cli.boundary import redact

    # Before it is cut: half a secret is no value that the stream's redactor knows.
    value = redact.data(value)
    return value if isinstance(value, str) and value.startswith("(") else json.dumps(value, ensure_ascii=False)
