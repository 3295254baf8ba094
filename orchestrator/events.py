"""What happens during a run, as one stream of values.

Terraform's part of it is read from its machine-readable UI (`-json`), a line an event; see Terraform's page of
that name. Kinds that wealist has no use for come back as None, as the page asks of every reader. The engine adds
its own kinds for the steps around Terraform. All are frozen and carry the layer they belong to.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from orchestrator import payload, printable
from orchestrator.outputs import Output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.delta import Delta
    from orchestrator.duration import Span
    from orchestrator.estimate import Estimate
    from orchestrator.finding import Finding
    from orchestrator.judgement import Verdict
    from orchestrator.plan import Plan


# The file that values given on the command line travel in.
VARIABLES = "set.tfvars"
PIPED = "piped-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events. `layer` is an id, or empty where the event concerns the whole run."""

    layer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic(Event):
    """An error or a warning of Terraform's.

    Attributes:
        severity: `error` or `warning`.
        address: The resource it is about, or empty.
        filename: Relative to the layer's folder; empty where it has no source.
        line: 1-based; 0 where it has no source.
    """

    severity: str
    summary: str
    detail: str = ""
    address: str = ""
    filename: str = ""
    line: int = 0

    @property
    def is_error(self) -> bool:
        return self.severity == "error"

    @property
    def where(self) -> str:
        """`rds.tf:12`, or empty."""
        if self.filename.endswith(VARIABLES):
            # A file that nobody wrote, and that is gone when the run is over.
            return "--set"
        if f"/{PIPED}" in self.filename:
            return "--var-file"
        return f"{self.filename}:{self.line}" if self.filename else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceEvent(Event):
    """One resource starts, goes on, ends or fails.

    Attributes:
        phase: `start`, `progress`, `complete` or `errored`.
        action: `create`, `update`, `delete`, `read`, ...
        id: The provider's id for it, once it is known.
        elapsed: Seconds since it started, by Terraform's clock.
    """

    phase: str
    address: str
    action: str
    id: str = ""
    elapsed: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSummary(Event):
    """Terraform's own count at the end of a plan or an apply."""

    operation: str
    added: int
    changed: int
    removed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputsKnown(Event):
    """The outputs after an apply; sensitive ones come without their value."""

    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted(Event):
    """The engine begins `preflight`, `init`, `plan` or `apply`."""

    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFinished(Event):
    """A step ended well. `note` says so in a few words; `seconds` is 0.0 for a step that was not needed."""

    step: str
    seconds: float
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightDone(Event):
    """The findings of a run's preflight, all of them."""

    findings: tuple[Finding, ...]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """Every check passed, and the layers start, in this order and no more than so many at a time."""

    layers: tuple[str, ...]
    parallelism: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReady(Event):
    """A plan was saved and read.

    Attributes:
        findings: What the guards say of it.
        cost: What it does to the month; None where nobody states prices.
    """

    plan: Plan
    findings: tuple[Finding, ...] = ()
    cost: Delta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified(Event):
    """A layer was held against its contract, row by row."""

    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated(Event):
    """How long the apply of the plan that was just shown is expected to take; comes before the question."""

    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue(Event):
    """A resource takes far longer than the worst that was expected; said once, while it still runs.

    Attributes:
        elapsed: Seconds since it started, by Terraform's clock.
        look: The wealist command that shows where its layer stands.
    """

    address: str
    action: str
    elapsed: float
    expected: Span
    look: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Event):
    """Something a person should know that is neither progress nor an error."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping(Event):
    """Terraform was asked to stop and has `grace` seconds for it; 0.0 means it is being ended now."""

    grace: float


def parse(line: str, *, layer: str = "") -> Event | None:
    """One line of Terraform's `-json` stream; None for a line that is not an event that wealist uses."""
    try:
        data = payload.load(line)
    except ValueError:
        return None
    if not isinstance(data, dict):
        return None
    try:
        event = _from_json(str(data.get("type", "")), data)
    except (ValueError, TypeError, AttributeError, OverflowError):
        # Of another shape than Terraform's.
        return None
    return replace(event, layer=layer) if event else None


def without_source(line: str) -> str:
    """The line without the piece of source that Terraform quotes in a diagnostic: it may be a line of variables."""
    if '"snippet"' not in line:
        return line
    try:
        data = payload.load(line)
        data["diagnostic"].pop("snippet", None)
    except (ValueError, KeyError, TypeError, AttributeError):
        return line
    return printable.json(json.dumps(data, ensure_ascii=False))


def _from_json(type_: str, data: Mapping[str, Any]) -> Event | None:
    operation, dash, phase = type_.partition("_")
    if dash and operation in ("apply", "refresh", "ephemeral_op") and isinstance(data.get("hook"), dict):
        return _resource(operation, phase, data["hook"])
    if type_ == "diagnostic":
        return _diagnostic(data.get("diagnostic") or {})
    if type_ == "change_summary":
        changes = data.get("changes") or {}
        return ChangeSummary(
            operation=str(changes.get("operation", "")),
            added=int(changes.get("add", 0)),
            changed=int(changes.get("change", 0)),
            removed=int(changes.get("remove", 0)),
        )
    if type_ == "outputs":
        values = (data.get("outputs") or {}).items()
        return OutputsKnown(outputs=tuple(Output.from_json(name, value) for name, value in values))
    return None


def _resource(operation: str, phase: str, hook: Mapping[str, Any]) -> ResourceEvent | None:
    if operation != "apply" or phase not in ("start", "progress", "complete", "errored"):
        return None
    return ResourceEvent(
        phase=phase,
        address=str((hook.get("resource") or {}).get("addr", "")),
        action=str(hook.get("action", "")),
        id=str(hook.get("id_value", "")),
        elapsed=float(hook.get("elapsed_seconds", 0)),
    )


def _diagnostic(data: Mapping[str, Any]) -> Diagnostic:
    source = data.get("range") or {}
    return Diagnostic(
        severity=str(data.get("severity", "error")),
        summary=str(data.get("summary", "")),
        detail=str(data.get("detail", "")),
        address=str(data.get("address", "")),
        filename=str(source.get("filename", "")),
        line=int((source.get("start") or {}).get("line", 0)),
    )
