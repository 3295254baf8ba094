"""The guards: pure rules over a plan, that say what it must not do without being told to.

    guard.destroy          a stateful resource would be destroyed or replaced    blocks, but for --allow-destroy ADDRESS
    guard.forget           a stateful resource would only leave the state        blocks, but for --allow-forget ADDRESS
    guard.weaken           a protection would be lost                            to be confirmed, or --allow-weaken ADDRESS
    guard.unknown-key      the plan holds something that no guard can judge      blocks
    guard.errored          Terraform could not finish the plan                   blocks
    guard.incomplete       the plan leaves something out, unasked                blocks
    guard.not-applicable   Terraform says that it can't be applied               blocks
    protection.*           what stands between a resource and its destruction    told before a layer is taken down

Which types are stateful and what protects them is in `guard_table`; how a protection is lost, in `loss`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator import shell
from orchestrator.finding import Finding, Severity
from orchestrator.guard_table import PROTECTING, STATEFUL_TYPES
from orchestrator.loss import losses
from orchestrator.plan import ACTIONS, Action
from orchestrator.protection import is_deletion_protected

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from orchestrator.plan import Plan, ResourceChange

# Terraform's word for a resource that it marked itself, because making it did not end well.
TAINTED = "replace_because_tainted"


def destructions(plan: Plan, *, stateful: Collection[str], allowed: Collection[str] = ()) -> list[Finding]:
    """Stateful resources that the plan destroys or replaces, but for those whose address is allowed."""
    return [
        Finding(
            id="guard.destroy",
            severity=Severity.ERROR,
            subject=change.address,
            seen=f"holds data, and {_fate(change)}",
            remedy=f"--allow-destroy {shell.quoted(change.address)}, if that is what you want",
        )
        for change in plan.changes
        if change.is_destroyed and change.type in stateful and change.address not in allowed
    ]


def forgettings(plan: Plan, *, stateful: Collection[str], allowed: Collection[str] = ()) -> list[Finding]:
    """Stateful resources that the plan takes out of the state and leaves in AWS, but for those whose address is allowed."""
    return [
        Finding(
            id="guard.forget",
            severity=Severity.ERROR,
            subject=change.address,
            seen="holds data, and would be forgotten: it stays in AWS, and no state has it any more"
            + (", while another one is created" if change.action is Action.REPLACE else ""),
            remedy=f"--allow-forget {shell.quoted(change.address)}, if that is what you want",
        )
        for change in plan.changes
        if change.is_forgotten and change.type in stateful and change.address not in allowed
    ]


def weakenings(plan: Plan, *, allowed: Collection[str] = ()) -> list[Finding]:
    """Protections that the plan takes away, but for those on addresses that are allowed; no value is in them.

    What protects a resource that goes in the same plan is no loss of its own: a bucket's versioning goes with the bucket, and the
    bucket's destruction is judged.
    """
    gone = {
        (change.type, value)
        for change in plan.changes
        if change.action is Action.DELETE and change.deposed is None and change.type in STATEFUL_TYPES
        for value in _names_of(change)
    }
    return [
        Finding(
            id="guard.weaken",
            severity=Severity.WARNING,
            subject=change.address,
            seen=str(loss),
            remedy=f"--allow-weaken {shell.quoted(change.address)}, if that is what you want",
        )
        for change in plan.changes
        if change.address not in allowed and not _goes_with(change, gone)
        for loss in losses(change)
    ]


def _names_of(change: ResourceChange) -> Iterator[str]:
    before = change.before if isinstance(change.before, dict) else {}
    yield from (value for value in (before.get("id"), before.get("arn")) if isinstance(value, str))


def _goes_with(change: ResourceChange, gone: Collection[tuple[str, str]]) -> bool:
    """Whether a resource that protects another, as `aws_s3_bucket_versioning` an `aws_s3_bucket`, is deleted together with it."""
    if change.action is not Action.DELETE or change.type not in PROTECTING or not isinstance(change.before, dict):
        return False
    values = {value for value in change.before.values() if isinstance(value, str)}
    return any(change.type.startswith(f"{type_}_") and value in values for type_, value in gone)


def unsound(plan: Plan, *, is_targeted: bool = False) -> list[Finding]:
    """Why a plan must not be applied, whatever is in it: no guard can judge all of it, or it is not whole.

    Args:
        is_targeted: Whether it was limited to some resources, so that it may leave out the others.
    """

    def found(id_: str, subject: str, seen: str, remedy: str) -> Finding:
        return Finding(id=f"guard.{id_}", severity=Severity.ERROR, subject=subject, seen=seen, remedy=remedy)

    findings = [
        found(
            "unknown-key",
            f"{key} of the plan",
            f"is not empty ({what}), and wealist can't judge what it does",
            "remove the `action_trigger` from the `lifecycle` blocks, or run the action with Terraform itself (its page "
            '"JSON Output Format" says what the key holds)'
            if key in ACTIONS
            else "upgrade wealist, or plan with Terraform 1.11 to 1.15 and without experiments",
        )
        for key, what in plan.unknown_keys.items()
    ]
    if plan.is_errored:
        remedy = "fix what Terraform reported, and plan again"
        findings.append(found("errored", "the plan", "is errored: Terraform could not finish it", remedy))
    elif not plan.is_complete and not is_targeted:
        seen = "is not complete, and this run has no --target: applying it would leave changes undone"
        remedy = "look at what Terraform leaves out (deferred changes?), and plan again"
        findings.append(found("incomplete", "the plan", seen, remedy))
    elif not plan.is_applicable and plan.has_changes and not plan.is_refresh_only:
        seen = "holds changes, and Terraform says that it can't be applied (applyable: false)"
        findings.append(found("not-applicable", "the plan", seen, "plan again"))
    return findings


def _fate(change: ResourceChange) -> str:
    refused = ", which AWS refuses while its deletion protection is on" if is_protected(change) else ""
    if change.deposed is not None:
        return f"its deposed object {change.deposed} would be destroyed{refused}"
    if change.action is Action.DELETE:
        return f"would be destroyed{refused}"
    if change.reason == TAINTED:
        return f"would be replaced, since an apply of it was cut short (tainted){refused}"
    forcing = [a.path for a in change.attribute_changes() if a.forces_replacement]
    cause = f" ({', '.join(forcing)} can't be changed in place)" if forcing else ""
    return f"would be replaced{cause}{refused}"


def is_protected(change: ResourceChange) -> bool:
    """Whether AWS refuses to delete it as it stands."""
    return change.is_destroyed and is_deletion_protected(change.type, change.before)


def is_lifted_by(change: ResourceChange) -> bool:
    """Whether AWS would delete it once the change is applied."""
    return change.action is Action.UPDATE and not is_deletion_protected(change.type, change.after)


def protections(plan: Plan) -> list[Finding]:
    """What the plan's destructions meet on their way, and what of them can be undone."""
    return [finding for change in plan.changes if change.action is Action.DELETE for finding in _protection(change)]


def _protection(change: ResourceChange) -> Iterator[Finding]:
    before = change.before if isinstance(change.before, dict) else {}

    def found(id_: str, severity: Severity, seen: str, remedy: str | None = None) -> Finding:
        return Finding(id=f"protection.{id_}", severity=severity, subject=change.address, seen=seen, remedy=remedy)

    if is_protected(change):
        seen = "is protected: AWS refuses to delete it"
        yield found("deletion", Severity.ERROR, seen, "--lift-deletion-protection lifts it first, as a step of its own")
    if change.type in ("aws_db_instance", "aws_rds_cluster"):
        if before.get("skip_final_snapshot") is False:
            name = before.get("final_snapshot_identifier") or "a final snapshot"
            yield found("final-snapshot", Severity.OK, f"is kept as {name}")
        else:
            yield found("final-snapshot.none", Severity.WARNING, "dies without a final snapshot")
    if change.type == "aws_elasticache_replication_group" and not before.get("final_snapshot_identifier"):
        yield found("final-snapshot.none", Severity.WARNING, "dies without a final snapshot")
    if change.type == "aws_kms_key":
        days = before.get("deletion_window_in_days") or 30
        yield found("pending", Severity.WARNING, f"can be brought back for {days} days; then all it encrypted is lost")
    if change.type == "aws_secretsmanager_secret":
        days = before.get("recovery_window_in_days")
        if days == 0:
            yield found("pending.none", Severity.WARNING, "is gone at once, and can't be brought back")
        else:
            yield found("pending", Severity.OK, f"can be brought back for {days or 30} days")
