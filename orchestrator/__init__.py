"""wealist: layered Terraform estates, brought up in order, safely.

    >>> from pathlib import Path
    >>> import os
    >>> from orchestrator import Engine, Estate, aws_target
    >>> estate = Estate.find(Path("."))
    >>> engine = Engine(estate, aws_target(estate.root, os.environ))
    >>> report = engine.up(["foundation"], confirm=lambda proposal: proposal.plan.counts == {})

The command line can do nothing that this can't, but for `wealist tf`, which is Terraform itself. The library never prints
and never exits; it takes what it needs as values and returns values. (boto3 finds credentials where it always does.) Names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from orchestrator.version import __version__

if TYPE_CHECKING:
    from orchestrator.aws.bootstrap import Step
    from orchestrator.aws.digest import Mismatch
    from orchestrator.aws.secrets import Secret
    from orchestrator.bill import Deployed, read_deployed
    from orchestrator.config import Config
    from orchestrator.contract import Contract
    from orchestrator.cost import Cost
    from orchestrator.delivery import Delivery, Phase
    from orchestrator.delta import Delta
    from orchestrator.diagnosis import Diagnosis, Hop
    from orchestrator.discovery import Estate
    from orchestrator.duration import Span
    from orchestrator.engine import Engine
    from orchestrator.errors import (
        AwsError,
        CommandError,
        CommandInterruptedError,
        ConfigError,
        DependencyCycleError,
        GuardError,
        LayerNotFoundError,
        LayerOrderError,
        OutputFormatError,
        PreflightError,
        RunError,
        SandboxError,
        SecretError,
        StateError,
        StateLockedError,
        TerraformError,
        TerraformNotFoundError,
        UsageError,
        WealistError,
    )
    from orchestrator.estimate import Estimate
    from orchestrator.events import (
        ChangeSummary,
        Diagnostic,
        Estimated,
        Event,
        Notice,
        OutputsKnown,
        Overdue,
        PlanReady,
        PreflightDone,
        ResourceEvent,
        RunStarted,
        StepFinished,
        StepStarted,
        Stopping,
        Verified,
    )
    from orchestrator.evidence import LockEvidence
    from orchestrator.examination import examine
    from orchestrator.finding import Finding, Severity
    from orchestrator.history import StateVersion, read_history
    from orchestrator.holder import Holder, Life
    from orchestrator.judgement import Status, Verdict
    from orchestrator.layer import Backend, Layer
    from orchestrator.lock import Lock
    from orchestrator.lookup import find_output, find_secret, read_outputs
    from orchestrator.mend import Mending, prepare_mend
    from orchestrator.outputs import Output
    from orchestrator.plan import Action, Plan, ResourceChange
    from orchestrator.preflight import Preflight
    from orchestrator.price import Book
    from orchestrator.process import Cancellation
    from orchestrator.redaction import Redactor
    from orchestrator.report import LayerResult, Outcome, RunReport
    from orchestrator.restore import Restoration, prepare_restore
    from orchestrator.resume import Unfinished
    from orchestrator.rotation import Rotation, prepare_rotation
    from orchestrator.run import Kind, Proposal, RunOptions
    from orchestrator.sandbox.target import Sandbox, start_sandbox, stop_sandbox
    from orchestrator.status import LastApply, LayerStatus, StateSummary, read_statuses
    from orchestrator.target import AwsSettings, Target, aws_target
    from orchestrator.unlock import break_lock, check_unlock, read_evidence

_HOMES = {
    "orchestrator.aws.bootstrap": ("Step",),
    "orchestrator.aws.digest": ("Mismatch",),
    "orchestrator.aws.secrets": ("Secret",),
    "orchestrator.bill": ("Deployed", "read_deployed"),
    "orchestrator.config": ("Config",),
    "orchestrator.diagnosis": ("Diagnosis", "Hop"),
    "orchestrator.contract": ("Contract",),
    "orchestrator.judgement": ("Status", "Verdict"),
    "orchestrator.cost": ("Cost",),
    "orchestrator.delta": ("Delta",),
    "orchestrator.delivery": ("Delivery", "Phase"),
    "orchestrator.discovery": ("Estate",),
    "orchestrator.duration": ("Span",),
    "orchestrator.engine": ("Engine",),
    "orchestrator.errors": (
        "AwsError",
        "CommandError",
        "CommandInterruptedError",
        "ConfigError",
        "DependencyCycleError",
        "GuardError",
        "LayerNotFoundError",
        "LayerOrderError",
        "OutputFormatError",
        "PreflightError",
        "RunError",
        "SandboxError",
        "SecretError",
        "StateError",
        "StateLockedError",
        "TerraformError",
        "TerraformNotFoundError",
        "UsageError",
        "WealistError",
    ),
    "orchestrator.estimate": ("Estimate",),
    "orchestrator.events": (
        "ChangeSummary",
        "Diagnostic",
        "Estimated",
        "Event",
        "Notice",
        "OutputsKnown",
        "Overdue",
        "PlanReady",
        "PreflightDone",
        "ResourceEvent",
        "RunStarted",
        "StepFinished",
        "StepStarted",
        "Stopping",
        "Verified",
    ),
    "orchestrator.evidence": ("LockEvidence",),
    "orchestrator.examination": ("examine",),
    "orchestrator.finding": ("Finding", "Severity"),
    "orchestrator.history": ("StateVersion", "read_history"),
    "orchestrator.holder": ("Holder", "Life"),
    "orchestrator.layer": ("Backend", "Layer"),
    "orchestrator.lock": ("Lock",),
    "orchestrator.lookup": ("find_output", "find_secret", "read_outputs"),
    "orchestrator.mend": ("Mending", "prepare_mend"),
    "orchestrator.outputs": ("Output",),
    "orchestrator.plan": ("Action", "Plan", "ResourceChange"),
    "orchestrator.preflight": ("Preflight",),
    "orchestrator.price": ("Book",),
    "orchestrator.redaction": ("Redactor",),
    "orchestrator.report": ("LayerResult", "Outcome", "RunReport"),
    "orchestrator.resume": ("Unfinished",),
    "orchestrator.restore": ("Restoration", "prepare_restore"),
    "orchestrator.rotation": ("Rotation", "prepare_rotation"),
    "orchestrator.run": ("Kind", "Proposal", "RunOptions"),
    "orchestrator.sandbox.target": ("Sandbox", "start_sandbox", "stop_sandbox"),
    "orchestrator.status": ("LastApply", "LayerStatus", "StateSummary", "read_statuses"),
    "orchestrator.target": ("AwsSettings", "Target", "aws_target"),
    "orchestrator.unlock": ("break_lock", "check_unlock", "read_evidence"),
    "orchestrator.process": ("Cancellation",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]  # noqa: PLE0604 - one list of names, not two


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
