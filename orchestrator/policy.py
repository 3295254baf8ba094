"""The guards: pure rules over a plan, that say what it must not do without being told to.

    guard.destroy     a resource with data in it would be destroyed or replaced     blocks, but for --allow-destroy ADDRESS
    guard.weaken      a protection would be turned off                              to be confirmed, or --allow-weaken ADDRESS
    protection.*      what stands between a resource and its destruction            told before a layer is taken down

What counts as data is a list of resource types in wealist.yaml (`guards.stateful`). Protections are known by the names of
their attributes in the AWS provider: on whatever resource where a name says it all, and by resource type and whole path where
it does not, as for the many things that are `enabled`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator import shell
from orchestrator.finding import Finding, Severity
from orchestrator.plan import UNKNOWN, Action
from orchestrator.protection import is_deletion_protected

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from orchestrator.plan import Plan, ResourceChange


def _was_on(before: Any, after: Any) -> bool:
    # Taken out of the HCL it is null, and what the provider then does is off.
    return before is True and (after is False or after is None)


def _goes_on(before: Any, after: Any) -> bool:
    # Where the HCL said nothing before, the state may hold null, and it was off.
    return not before and after is True


def _goes_to_nothing(before: Any, after: Any) -> bool:
    return isinstance(before, (int, float)) and before > 0 and not after


def _leaves(word: str) -> Callable[[Any, Any], bool]:
    return lambda before, after: before == word and after not in (word, UNKNOWN)


# Attribute, by the last part of its path -> what is lost, and when a change of it loses it.
_PROTECTIONS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "deletion_protection": ("deletion protection", _was_on),
    "deletion_protection_enabled": ("deletion protection", _was_on),
    "enable_deletion_protection": ("deletion protection", _was_on),
    "disable_api_termination": ("termination protection", _was_on),
    "skip_final_snapshot": ("the final snapshot", _goes_on),
    "force_destroy": ("the refusal to delete what is not empty", _goes_on),
    "force_delete": ("the refusal to delete what is not empty", _goes_on),
    "storage_encrypted": ("encryption", _was_on),
    "at_rest_encryption_enabled": ("encryption at rest", _was_on),
    "transit_encryption_enabled": ("encryption in transit", _was_on),
    "encrypted": ("encryption", _was_on),
    "enable_key_rotation": ("key rotation", _was_on),
    "backup_retention_period": ("automated backups", _goes_to_nothing),
    "snapshot_retention_limit": ("daily snapshots", _goes_to_nothing),
    "block_public_acls": ("a public-access block", _was_on),
    "block_public_policy": ("a public-access block", _was_on),
    "ignore_public_acls": ("a public-access block", _was_on),
    "restrict_public_buckets": ("a public-access block", _was_on),
}
# The same for what means something on one type only, by the whole path without the numbers in it.
_PROTECTIONS_OF_TYPE: dict[tuple[str, str], tuple[str, Callable[[Any, Any], bool]]] = {
    ("aws_cognito_user_pool", "deletion_protection"): ("deletion protection", _leaves("ACTIVE")),
    ("aws_kms_key", "is_enabled"): ("the key itself", _was_on),
    ("aws_kms_external_key", "enabled"): ("the key itself", _was_on),
    ("aws_kms_replica_key", "enabled"): ("the key itself", _was_on),
    ("aws_s3_bucket_versioning", "versioning_configuration.status"): ("versioning", _leaves("Enabled")),
    ("aws_dynamodb_table", "point_in_time_recovery.enabled"): ("point-in-time recovery", _was_on),
    ("aws_dynamodb_table", "server_side_encryption.enabled"): ("encryption with a key of its own", _was_on),
    ("aws_db_instance", "publicly_accessible"): ("isolation from the internet", _goes_on),
    ("aws_ecr_repository", "image_tag_mutability"): ("immutable tags", _leaves("IMMUTABLE")),
}
# Terraform's word for a resource that it marked itself, because making it did not end well.
TAINTED = "replace_because_tainted"
# Resources that are a protection themselves: gone is off.
_PROTECTING_TYPES = {
    "aws_s3_bucket_versioning": "versioning",
    "aws_s3_bucket_public_access_block": "the public-access block",
    "aws_s3_account_public_access_block": "the account's public-access block",
    "aws_s3_bucket_server_side_encryption_configuration": "encryption",
    "aws_backup_plan": "backups",
    "aws_db_instance_automated_backups_replication": "replicated backups",
}


def destructions(plan: Plan, *, stateful: Collection[str], allowed: Collection[str] = ()) -> list[Finding]:
    """Resources with data in them that the plan destroys or replaces, but for those whose address is allowed."""
    return [
        Finding(
            id="guard.destroy",
            severity=Severity.ERROR,
            subject=change.address,
            seen=f"holds data, and would be {_fate(change)}",
            remedy=f"--allow-destroy {shell.quoted(change.address)}, if that is what you want",
        )
        for change in plan.changes
        if change.action.is_destructive and change.type in stateful and change.address not in allowed
    ]


def weakenings(plan: Plan, *, allowed: Collection[str] = ()) -> list[Finding]:
    """Protections that the plan turns off, but for those on addresses that are allowed."""
    return [
        Finding(
            id="guard.weaken",
            severity=Severity.WARNING,
            subject=change.address,
            seen=f"would lose {lost}",
            remedy=f"--allow-weaken {shell.quoted(change.address)}, if that is what you want",
        )
        for change in plan.changes
        if change.address not in allowed
        for lost in dict.fromkeys(_lost(change))
    ]


def _fate(change: ResourceChange) -> str:
    refused = ", which AWS refuses while its deletion protection is on" if is_protected(change) else ""
    if change.action is Action.DELETE:
        return f"destroyed{refused}"
    if change.reason == TAINTED:
        return f"replaced, since an apply of it was cut short (tainted){refused}"
    forcing = [a.path for a in change.attribute_changes() if a.forces_replacement]
    return f"replaced ({', '.join(forcing)} can't be changed in place){refused}" if forcing else f"replaced{refused}"


def _lost(change: ResourceChange) -> Iterator[str]:
    if change.action is Action.DELETE and change.type in _PROTECTING_TYPES:
        yield _PROTECTING_TYPES[change.type]
    if change.action not in (Action.UPDATE, Action.REPLACE):
        return
    for attribute in change.attribute_changes():
        named = _names(attribute.path.split("."))
        for path, before, after in _single(named, attribute.before, attribute.after):
            # What is in a block that is taken out is mostly gone with it, as an encrypted volume: only one type's own counts.
            generic = _PROTECTIONS.get(path[-1]) if path == named else None
            rule = _PROTECTIONS_OF_TYPE.get((change.type, ".".join(path))) or generic
            if rule is not None and rule[1](before, after):
                yield rule[0]


def _names(path: Sequence[str]) -> tuple[str, ...]:
    """A path without the numbers in it."""
    return tuple(part for part in path if not part.isdecimal())


def _single(path: tuple[str, ...], before: Any, after: Any) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """A change by single attributes; a block that is taken out takes all of its own along."""
    if isinstance(before, list) and not after:
        for item in before:
            yield from _single(path, item, None)
    elif isinstance(before, dict) and not after:
        for name, value in before.items():
            yield from _single((*path, name), value, None)
    else:
        yield path, before, after


def is_protected(change: ResourceChange) -> bool:
    """Whether AWS refuses to delete it as it stands."""
    return change.action.is_destructive and is_deletion_protected(change.type, change.before)


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
