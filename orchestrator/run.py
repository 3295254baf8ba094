"""A run over layers: what it is asked for, and what all of its layers share."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.artifacts import RunFolder
    from orchestrator.aws.session import Sessions
    from orchestrator.budget import Budget
    from orchestrator.discovery import Estate
    from orchestrator.events import Event
    from orchestrator.finding import Finding
    from orchestrator.layer import Layer
    from orchestrator.lock import Lock
    from orchestrator.plan import Plan
    from orchestrator.process import Cancellation, Runner
    from orchestrator.redaction import Redactor
    from orchestrator.state import State
    from orchestrator.target import Target
    from orchestrator.tf.binary import Binary
    from orchestrator.tf.env import ChildEnvironment
    from orchestrator.tfvars import Piped


# The command of a rotation's first step.
ROTATION = "rotate"


class Kind(StrEnum):
    """What a plan is for: bring a layer up, take it down, or lift the protection that stands against taking it down."""

    APPLY = "apply"
    LIFT = "lift"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A plan that was shown, and that is applied if it is confirmed.

    Attributes:
        findings: What the guards say of it and does not block it; those of `apply` were confirmed one by one.
    """

    layer: Layer
    plan: Plan
    kind: Kind
    findings: tuple[Finding, ...] = ()


Confirm = Callable[[Proposal], bool]
"""Whether to apply a plan. Called in the thread that called the engine, right after the plan was shown, one at a time."""

ConfirmWeakening = Callable[["Layer", "Finding"], bool]
"""Whether a resource (the finding's subject) may lose a protection. Called like `Confirm`, and before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a run is made with.

    Attributes:
        values: Values for variables, by name, as they stand on the command line.
        var_files: Later ones win, and `values` over all of them. A path that is a pipe is read once.
        parallelism: Layers that are worked on at once; None is wealist.yaml's, else the number of cores, at most 4.
        terraform_parallelism: Resources that Terraform works on at once.
        fail_fast: Start no other layer once one has failed. Otherwise only those that stand on it are left out.
        allow_destroy: Addresses of resources with data in them that may be destroyed or replaced; over several layers
            each with its layer, as in `prod/foundation:aws_s3_bucket.this`.
        allow_forget: The same for those that may leave the state and stay in AWS.
        allow_weaken: The same for those whose protections may be turned off without being asked about.
        accept_contract: Ids of rows of the layer's contract that the plan may break, over several layers each with its layer.
        allow_incomplete: Run on layers that are locked, or whose last apply did not end well.
        lift_deletion_protection: Before a layer is taken down, lift its deletion protection, as a step of its own.
        max_monthly_delta: How much the plans of the run may add to the month, in the price book's currency.
        upgrade: Run init even where it is not needed, and let it take newer providers and modules.
        is_prompted: Whether a person is asked about every plan before it is applied, and nothing confirms it for them. Where
            not, a layer whose account can't be told is refused.
        extra: Native Terraform flags for the plan.
        keep_terraform_log: Let `TF_LOG` through to Terraform.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    var_files: tuple[Path | Piped, ...] = ()
    targets: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    lock_timeout: str | None = None
    parallelism: int | None = None
    terraform_parallelism: int | None = None
    fail_fast: bool = False
    allow_destroy: tuple[str, ...] = ()
    allow_forget: tuple[str, ...] = ()
    allow_weaken: tuple[str, ...] = ()
    accept_contract: tuple[str, ...] = ()
    allow_incomplete: bool = False
    lift_deletion_protection: bool = False
    max_monthly_delta: float | None = None
    upgrade: bool = False
    is_prompted: bool = False
    extra: tuple[str, ...] = ()
    keep_terraform_log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What the layers of one run share.

    Attributes:
        command: `plan`, `up`, `rotate`, `down`, `drift`, `verify`, `verify-plan` or `cost`.
        ids: The layers of the run.
        locks: By layer id: the locks that were there before the run.
        states: By layer id: the state as it was last read, None where there is none, missing where it can't be read.
            A layer that was applied puts its new one here before those that stand on it start.
        confirm: None where nothing is to be applied.
        confirm_weakening: None where nobody confirms it, so that only `allow_weaken` lets a protection go.
        budget: What the plans may add to the month; None where nobody said.
        emit: Tells the watcher; returns whether it was told.
        init_lock: Held by an init: Terraform's plugin cache is not made for two at once.
    """

    command: str
    ids: tuple[str, ...]
    estate: Estate
    target: Target
    options: RunOptions
    environment: ChildEnvironment
    binary: Binary
    states: dict[str, State | None]
    locks: Mapping[str, tuple[Lock, ...]]
    sessions: Sessions
    folder: RunFolder
    redact: Redactor
    runner: Runner
    cancellation: Cancellation
    emit: Callable[[Event], bool]
    confirm: Confirm | None
    confirm_weakening: ConfirmWeakening | None = None
    budget: Budget | None = None
    init_lock: threading.Lock = field(default_factory=threading.Lock)
