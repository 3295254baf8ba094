"""The hop of the database itself: whether it exists and serves, and what mends each state that it may be in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.diagnosis import POSTGRESQL, Hop, broken, ok

if TYPE_CHECKING:
    from orchestrator.aws.database import Database
    from orchestrator.database_layer import DatabaseLayer

_STOPPED = frozenset({"stopped", "stopping"})
_MOVING = frozenset(
    {
        *("creating", "starting", "rebooting", "renaming", "upgrading", "maintenance", "converting-to-vpc"),
        *("moving-to-vpc", "storage-initialization", "restore"),
    }
)


def database_hop(id_: str, layer: DatabaseLayer, identifier: str, found: Database | None) -> Hop:
    """Whether the database exists and serves."""
    address = layer.database_address(identifier)
    what = "RDS instance" if layer.kind == POSTGRESQL else "replication group"
    expected = f"{what} {identifier}, available"
    if found is None:
        return broken(
            id_,
            f"{what} {identifier} does not exist",
            expected=expected,
            remedy="the state has it and AWS has not: Terraform makes it again",
            address=address,
            command=layer.plan,
        )
    if not found.is_serving or found.host is None:
        return broken(
            id_,
            f"{what} {identifier} is {found.status}",
            expected=expected,
            remedy=_status_remedy(found.status),
            address=address,
            command=_status_command(layer, identifier, found.status),
        )
    if layer.kind != POSTGRESQL and not (found.is_encrypted_in_transit and found.takes_token):
        missing = "encryption in transit" if not found.is_encrypted_in_transit else "an AUTH token"
        return broken(
            id_,
            f"{what} {identifier} is {found.status}, without {missing}",
            expected="encryption in transit and an AUTH token: the token is what is logged in with",
            remedy="set transit_encryption_enabled and auth_token",
            address=address,
            command=layer.plan,
        )
    return ok(id_, f"{what} {identifier} is {found.status}")


def _status_remedy(status: str) -> str:
    if status in _STOPPED:
        return "start it; RDS itself starts a stopped instance after seven days"
    if status == "storage-full":
        return "raise allocated_storage, or max_allocated_storage"
    if status == "inaccessible-encryption-credentials":
        return "its KMS key is disabled or denied: enable the key and start the instance"
    if status in _MOVING or status.startswith("configuring"):
        return "wait until it is available"
    return "see what AWS says happened to it"


def _status_command(layer: DatabaseLayer, identifier: str, status: str) -> str:
    if layer.kind != POSTGRESQL:
        if status in _MOVING:
            return layer.aws("elasticache", "wait", "replication-group-available", "--replication-group-id", identifier)
        return layer.aws(
            "elasticache", "describe-events", "--source-type", "replication-group", "--source-identifier", identifier
        )
    if status in _STOPPED:
        return layer.aws("rds", "start-db-instance", "--db-instance-identifier", identifier)
    if status in _MOVING or status.startswith("configuring"):
        return layer.aws("rds", "wait", "db-instance-available", "--db-instance-identifier", identifier)
    return layer.aws(
        "rds",
        "describe-events",
        "--source-type",
        "db-instance",
        "--source-identifier",
        identifier,
        "--duration",
        "1440",
    )
