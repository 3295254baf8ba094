"""What a run came to: one result a layer, and the exit code that follows from them.

Error beats changes beats clean, over however many layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from orchestrator.redaction import Redactor

if TYPE_CHECKING:
    from datetime import datetime

    from orchestrator.delta import Delta
    from orchestrator.errors import WealistError
    from orchestrator.finding import Finding
    from orchestrator.judgement import Verdict
    from orchestrator.outputs import Output
    from orchestrator.plan import Plan, ResourceChange

# What is made or destroyed as a whole is told by its address.
_IN_PLACE = ("update", "replace")
SCHEMA = 1
CHANGES = 2


class Outcome(StrEnum):
    """Where one layer stands at the end of a run.

    `waiting` is a layer that can't be planned before the one that it reads from is applied, `blocked` one that a guard
    stopped.
    """

    NO_CHANGES = "no-changes"
    PLANNED = "planned"
    DRIFTED = "drifted"
    VERIFIED = "verified"
    PRICED = "priced"
    WAITING = "waiting"
    APPLIED = "applied"
    DECLINED = "declined"
    BLOCKED = "blocked"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"

    @property
    def is_failure(self) -> bool:
        return self in (Outcome.BLOCKED, Outcome.FAILED, Outcome.INTERRUPTED, Outcome.SKIPPED)

    @property
    def phrase(self) -> str:
        """The end of a sentence about the layer: "failed", "was interrupted"."""
        return str(self) if self in (Outcome.FAILED, Outcome.DRIFTED) else f"was {self}"

    @property
    def is_unfinished(self) -> bool:
        """Whether what stands on the layer must not be touched now: it failed, or its plan was turned down."""
        return self.is_failure or self is Outcome.DECLINED


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerResult:
    """One layer's part of a run.

    Attributes:
        seconds: Wall time of the layer's steps, waiting for an answer left out.
        plan: What was planned last; None where nothing was, or where there were no changes.
        findings: What the guards said of its plans.
        verdicts: The rows of its contract, where it was held against them.
        cost: What its last plan does to the month; None where nobody states prices.
        serial_before, serial_after: The state's serial; None where there is no state.
        outputs: After an apply or when nothing changed.
    """

    layer: str
    outcome: Outcome
    seconds: float
    plan: Plan | None = None
    findings: tuple[Finding, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    serial_before: int | None = None
    serial_after: int | None = None
    outputs: tuple[Output, ...] = ()
    cost: Delta | None = None
    error: WealistError | None = None

    def summary(self) -> dict[str, Any]:
        """Plain data, without the single changes and outputs: what the ledger keeps for ever."""
        return {
            "layer": self.layer,
            "outcome": str(self.outcome),
            "seconds": round(self.seconds, 3),
            "plan_digest": self.plan.digest if self.plan else None,
            "counts": {str(action): count for action, count in self.plan.counts.items()} if self.plan else {},
            "serial_before": self.serial_before,
            "serial_after": self.serial_after,
            **({"monthly_delta": self.cost.total} if self.cost else {}),
            "error": None if self.error is None else {"message": self.error.message, "hint": self.error.hint},
        }

    def to_json(self) -> dict[str, Any]:
        """Plain data, all of it; sensitive outputs are masked, and the plan's secrets wherever else they stand."""
        changes = [
            {
                "address": change.address,
                "action": str(change.action),
                "reason": change.reason or None,
                "attributes": _attributes(change),
            }
            for change in (self.plan.changes if self.plan else ())
            if change.is_shown
        ]
        drift = [
            {
                "address": change.address,
                "action": str(change.action),
                "attributes": [
                    {"path": attribute.path, "in_state": attribute.before, "in_the_world": attribute.after}
                    for attribute in change.drifted_attributes()
                ],
            }
            for change in (self.plan.drift if self.plan and self.outcome is Outcome.DRIFTED else ())
        ]
        outputs = {output.name: output.shown for output in self.outputs}
        findings = [finding.to_json() for finding in self.findings]
        redact = Redactor(self.plan.secrets if self.plan else ())
        told: dict[str, Any] = {
            "changes": redact.data(changes),
            "drift": redact.data(drift),
            "findings": findings,
            "outputs": outputs,
        }
        if self.plan is not None and not self.plan.is_complete:
            # It was limited to targets: what is left of the layer may still have changes.
            told["partial"] = True
        if self.verdicts:
            told["contract"] = [verdict.to_json() for verdict in self.verdicts]
        if self.cost is not None:
            told["cost"] = redact.data(self.cost.to_json())
        return {**self.summary(), **told}


def _attributes(change: ResourceChange) -> list[dict[str, Any]]:
    """What differs, attribute by attribute, secrets masked."""
    if change.action not in _IN_PLACE:
        return []
    return [
        {"path": a.path, "before": a.before, "after": a.after, "forces_replacement": a.forces_replacement}
        for a in change.attribute_changes()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """A whole run, in the order in which its layers were taken."""

    run_id: str
    command: str
    target: str
    started: datetime
    seconds: float
    results: tuple[LayerResult, ...]

    @property
    def has_changes(self) -> bool:
        """Whether any layer had something to change, applied or not."""
        return any(result.plan is not None for result in self.results)

    @property
    def first_failure(self) -> LayerResult | None:
        """The first layer that failed by itself, and was not left out because of another."""
        failed = (result for result in self.results if result.outcome.is_failure)
        return next((result for result in failed if result.outcome is not Outcome.SKIPPED), None)

    @property
    def exit_code(self) -> int:
        """0, or the code of the first layer that failed; a plan that was turned down is no success either."""
        first = self.first_failure
        if first is not None and first.error is not None:
            return first.error.exit_code
        return 1 if any(result.outcome.is_unfinished for result in self.results) else 0

    def exit_code_for(self, *, detailed: bool) -> int:
        """The exit code, where changes have one of their own if they are to be told apart."""
        return CHANGES if detailed and not self.exit_code and self.has_changes else self.exit_code

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "run_id": self.run_id,
            "command": self.command,
            "target": self.target,
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "exit_code": self.exit_code,
            "results": [result.to_json() for result in self.results],
        }
