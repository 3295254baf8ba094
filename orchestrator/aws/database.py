"""What AWS knows of a database: an RDS instance or an ElastiCache replication group, as one value.

Statuses are AWS's own words. In those of `SERVING` a client is served; what the others mean stands in `reach`.
Sources: the RDS user guide, "Viewing Amazon RDS DB instance status"; the ElastiCache API, ReplicationGroup.Status.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.aws.replication_group import describe_group
from orchestrator.aws.session import translated
from orchestrator.errors import AwsError

if TYPE_CHECKING:
    from orchestrator.aws.session import Session

SERVING = frozenset(
    {
        *("available", "backing-up", "modifying", "snapshotting", "storage-optimization", "storage-config-upgrade"),
        *("configuring-enhanced-monitoring", "configuring-iam-database-auth", "configuring-log-exports"),
        *("configuring-associated-roles", "resetting-master-credentials", "delete-precheck"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """An instance or a replication group.

    Attributes:
        host, port: Its endpoint; None while it is being made.
        subnet_ids: Of its subnet group.
        takes_token: Whether AUTH is on, which only Redis has.
        is_encrypted_in_transit: Whether it speaks TLS at all.
    """

    id: str
    status: str
    host: str | None
    port: int | None
    vpc_id: str | None
    subnet_group: str | None
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]
    takes_token: bool = False
    is_encrypted_in_transit: bool = True

    @property
    def is_serving(self) -> bool:
        return self.status in SERVING


def read_instance(session: Session, region: str, identifier: str) -> Database | None:
    """An RDS instance, or None where there is none.

    Raises:
        AwsError: AWS said no.
    """
    try:
        with translated(f"looking at RDS instance {identifier}"):
            answer = session.client("rds", region).describe_db_instances(DBInstanceIdentifier=identifier)
    except AwsError as error:
        if error.code in ("DBInstanceNotFound", "DBInstanceNotFoundFault"):
            return None
        raise
    instance = answer["DBInstances"][0]
    endpoint = instance.get("Endpoint", {})
    group = instance.get("DBSubnetGroup", {})
    return Database(
        id=instance["DBInstanceIdentifier"],
        status=instance["DBInstanceStatus"],
        host=endpoint.get("Address"),
        port=endpoint.get("Port"),
        vpc_id=group.get("VpcId"),
        subnet_group=group.get("DBSubnetGroupName"),
        subnet_ids=tuple(subnet["SubnetIdentifier"] for subnet in group.get("Subnets", ())),
        security_group_ids=tuple(one["VpcSecurityGroupId"] for one in instance.get("VpcSecurityGroups", ())),
    )


def read_group(session: Session, region: str, identifier: str) -> Database | None:
    """A replication group, with the networks of its members, or None where there is none.

    Raises:
        AwsError: AWS said no.
    """
    group = describe_group(session, identifier, region)
    if group is None:
        return None
    client, endpoint = session.client("elasticache", region), _endpoint(group)
    member = _member(client, group)
    subnets = _subnet_group(client, member.get("CacheSubnetGroupName"))
    return Database(
        id=group["ReplicationGroupId"],
        status=group["Status"],
        host=endpoint.get("Address"),
        port=endpoint.get("Port"),
        vpc_id=subnets.get("VpcId"),
        subnet_group=member.get("CacheSubnetGroupName"),
        subnet_ids=tuple(subnet["SubnetIdentifier"] for subnet in subnets.get("Subnets", ())),
        security_group_ids=tuple(one["SecurityGroupId"] for one in member.get("SecurityGroups", ())),
        takes_token=bool(group.get("AuthTokenEnabled")),
        is_encrypted_in_transit=bool(group.get("TransitEncryptionEnabled")),
    )


def _endpoint(group: dict[str, Any]) -> dict[str, Any]:
    """Of the whole group in cluster mode, else of the primary."""
    found: dict[str, Any] = group.get("ConfigurationEndpoint") or {}
    if not found and group.get("NodeGroups"):
        found = group["NodeGroups"][0].get("PrimaryEndpoint") or {}
    return found


def _member(client: Any, group: dict[str, Any]) -> dict[str, Any]:
    """One of its cache clusters: the group itself doesn't say in which network it is."""
    names = group.get("MemberClusters") or [""]
    try:
        with translated(f"looking at cache cluster {names[0]}"):
            found = client.describe_cache_clusters(CacheClusterId=names[0])["CacheClusters"] if names[0] else []
    except AwsError as error:
        if error.code in ("CacheClusterNotFound", "CacheClusterNotFoundFault"):
            return {}
        raise
    return found[0] if found else {}


def _subnet_group(client: Any, name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    try:
        with translated(f"looking at cache subnet group {name}"):
            found = client.describe_cache_subnet_groups(CacheSubnetGroupName=name)["CacheSubnetGroups"]
    except AwsError as error:
        if error.code in ("CacheSubnetGroupNotFoundFault", "CacheSubnetGroupNotFound"):
            return {}
        raise
    return found[0] if found else {}
