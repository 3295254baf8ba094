"""Replication groups: the calls that create, change, scale and delete them.

Each call is answered with its final state. AWS takes minutes over most of them and says "modifying"
meanwhile; Terraform waits its own fixed time first and then asks, so a state in between would only add
to that wait. A change of the AUTH token is the exception: it says so, and SET, which is not Terraform's, takes its time.
"""

from __future__ import annotations

import re
import time
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.elasticache.exceptions import (
    CacheClusterNotFound,
    ElastiCacheException,
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    ReplicationGroupNotFound,
)
from moto.elasticache.models import CacheCluster, ElastiCacheBackend, ReplicationGroup
from moto.elasticache.responses import ElastiCacheResponse

from orchestrator.sandbox.extensions.elasticache.member import place_members, sync_members
from orchestrator.sandbox.extensions.elasticache.parameter_group import (
    default_parameter_group_name,
    find_parameter_group,
)
from orchestrator.sandbox.extensions.elasticache.subnet_group import find_subnet_group
from orchestrator.sandbox.extensions.patch import extend

MAXIMUM_REPLICAS = 5
_LATEST = {"redis": "7.1.0", "valkey": "8.1.0"}

# How long a change of the AUTH token takes, in seconds. Terraform makes the first, and asks again after 10 s or not at all.
CHANGES = {"ROTATE": 0.0, "SET": 1.0}
_TOKEN = re.compile(r"[!-~]{16,128}")

_create_replication_group = ElastiCacheBackend.create_replication_group
_describe_replication_groups = ElastiCacheBackend.describe_replication_groups

# What ModifyReplicationGroup changes by nothing more than remembering the new value.
_PLAIN = {
    "ReplicationGroupDescription": "description",
    "SnapshotRetentionLimit": "snapshot_retention_limit",
    "SnapshotWindow": "snapshot_window",
    "SnapshottingClusterId": "snapshotting_cluster_id",
    "PreferredMaintenanceWindow": "preferred_maintenance_window",
    "NotificationTopicArn": "notification_topic_arn",
    "AutoMinorVersionUpgrade": "auto_minor_version_upgrade",
    "CacheNodeType": "cache_node_type",
    "SecurityGroupIds": "security_group_ids",
    "IpDiscovery": "ip_discovery",
    "TransitEncryptionEnabled": "transit_encryption_enabled",
    "TransitEncryptionMode": "transit_encryption_mode",
    "ClusterMode": "cluster_mode",
    "Engine": "engine",
}


class InvalidCacheClusterState(ElastiCacheException):
    code = "InvalidCacheClusterState"


class InvalidReplicationGroupState(ElastiCacheException):
    code = "InvalidReplicationGroupState"


def create_replication_group(self: ElastiCacheBackend, **asked: Any) -> ReplicationGroup:
    """CreateReplicationGroup: moto makes one member whatever `NumCacheClusters` says, and no clusters.

    AWS makes a cache cluster for each member, spreads them over the subnet group's zones, takes the
    latest version and the engine's default parameter group where none is named, and refuses an AUTH
    token without encryption in transit and automatic failover without a replica.
    """
    asked = {**asked, "replication_group_id": asked["replication_group_id"].lower()}
    asked["engine"] = (asked["engine"] or "redis").lower()
    asked["engine_version"] = _full_version(asked["engine"], asked["engine_version"])
    asked["preferred_maintenance_window"] = (asked["preferred_maintenance_window"] or "sun:05:00-sun:06:00").lower()
    asked["snapshot_window"] = asked["snapshot_window"] or "03:00-04:00"
    is_sharded = bool(asked["num_node_groups"] and asked["num_node_groups"] > 1)
    is_sharded = is_sharded or asked["cluster_mode"] in ("enabled", "compatible")
    asked["cache_parameter_group_name"] = find_parameter_group(
        self,
        asked["cache_parameter_group_name"]
        or default_parameter_group_name(asked["engine"], asked["engine_version"], is_sharded=is_sharded),
    ).name
    if name := asked["cache_subnet_group_name"]:
        asked["cache_subnet_group_name"] = find_subnet_group(self, name).cache_subnet_group_name
    if asked["auth_token"] and not asked["transit_encryption_enabled"]:
        raise InvalidParameterCombinationException(
            "The AUTH token is only supported when encryption-in-transit is enabled."
        )
    count = asked["num_cache_clusters"] or 1 + (asked["replicas_per_node_group"] or 0)
    _check_failover(asked["automatic_failover_enabled"], asked["multi_az_enabled"], has_replica=is_sharded or count > 1)
    asked["auto_minor_version_upgrade"] = asked["auto_minor_version_upgrade"] is not False
    if asked["transit_encryption_enabled"]:
        asked["transit_encryption_mode"] = asked["transit_encryption_mode"] or "required"
    group = _create_replication_group(self, **asked)
    if not is_sharded:
        place_members(self, group, count)
    sync_members(self, group)
    return group


def modify_replication_group(self: ElastiCacheResponse) -> ActionResult:
    """ModifyReplicationGroup: moto changes six settings and drops the rest without a word.

    Engine version, parameter group, security groups, windows, log delivery, user groups, encryption
    mode and the AUTH token change here; the members follow, since they read from their group.
    """
    group = _find_group(self)
    _settle(group)
    if group.status != "available":
        raise InvalidReplicationGroupState(
            f"Replication group {group.replication_group_id} is not in a valid state to be modified: {group.status}."
        )
    asked = self._get_params()
    failover = self._get_bool_param("AutomaticFailoverEnabled", group.automatic_failover == "enabled")
    multi_az = self._get_bool_param("MultiAZEnabled", group.multi_az == "enabled")
    _check_failover(failover, multi_az, has_replica=len(group.member_clusters) > 1)
    group.automatic_failover = "enabled" if failover else "disabled"
    group.multi_az = "enabled" if multi_az else "disabled"
    if asked.get("CacheParameterGroupName"):
        name = find_parameter_group(self.elasticache_backend, asked["CacheParameterGroupName"]).name
        group.cache_parameter_group_name = name
    for parameter, attribute in _PLAIN.items():
        if asked.get(parameter) is not None:
            setattr(group, attribute, asked[parameter])
    if asked.get("EngineVersion"):
        group.engine_version = _full_version(group.engine, asked["EngineVersion"])
    removed = set(asked.get("UserGroupIdsToRemove") or [])
    kept = [user_group for user_group in group.user_group_ids if user_group not in removed]
    group.user_group_ids = kept + list(asked.get("UserGroupIdsToAdd") or [])
    _change_log_delivery(group, asked.get("LogDeliveryConfigurations") or [])
    _change_auth_token(group, asked.get("AuthToken"), asked.get("AuthTokenUpdateStrategy"))
    return ActionResult({"ReplicationGroup": group})


def describe_replication_groups(
    self: ElastiCacheBackend, replication_group_id: str | None = None
) -> list[ReplicationGroup]:
    """DescribeReplicationGroups: moto knows of no change that is still under way."""
    found: list[ReplicationGroup] = _describe_replication_groups(self, replication_group_id)
    for group in found:
        _settle(group)
    return found


def increase_replica_count(self: ElastiCacheResponse) -> ActionResult:
    """IncreaseReplicaCount: missing in moto. `NewReplicaCount` doesn't count the primary."""
    group = _find_group(self)
    replicas = self._get_int_param("NewReplicaCount", 0)
    if not len(group.member_clusters) <= replicas <= MAXIMUM_REPLICAS:
        raise InvalidParameterValueException(
            f"The number of replicas must be over {len(group.member_clusters) - 1} and at most {MAXIMUM_REPLICAS}."
        )
    return _scale(self, group, replicas)


def decrease_replica_count(self: ElastiCacheResponse) -> ActionResult:
    """DecreaseReplicaCount: missing in moto. The last replica stays while failover is automatic."""
    group = _find_group(self)
    replicas = self._get_int_param("NewReplicaCount", 0)
    if not 0 <= replicas < len(group.member_clusters) - 1:
        raise InvalidParameterValueException(f"The number of replicas must be under {len(group.member_clusters) - 1}.")
    is_automatic = group.automatic_failover == "enabled"
    _check_failover(is_automatic, group.multi_az == "enabled", has_replica=replicas > 0)
    return _scale(self, group, replicas)


def delete_replication_group(self: ElastiCacheResponse) -> ActionResult:
    """DeleteReplicationGroup: moto leaves the group "deleting" for ever.

    AWS deletes the group with its members (but for the primary when asked to retain it) after it has
    taken the final snapshot.
    """
    backend = self.elasticache_backend
    group = _find_group(self)
    if snapshot := self._get_param("FinalSnapshotIdentifier"):
        backend.create_snapshot(
            snapshot_name=snapshot,
            replication_group_id=group.replication_group_id,
            cache_cluster_id=None,
            kms_key_id=group.kms_key_id,
            tags=None,
        )
    del backend.replication_groups[group.replication_group_id]
    backend.tagging_service.delete_all_tags_for_resource(group.arn)
    is_primary_kept = self._get_bool_param("RetainPrimaryCluster", False)
    group.member_clusters = group.member_clusters[: 1 if is_primary_kept else 0]
    sync_members(backend, group)
    group.status = "deleting"
    return ActionResult({"ReplicationGroup": group})


def delete_cache_cluster(self: ElastiCacheBackend, cache_cluster_id: str) -> CacheCluster:
    """DeleteCacheCluster: moto leaves the cluster "deleting" for ever. AWS refuses the primary of a group."""
    cluster: CacheCluster | None = self.cache_clusters.get(cache_cluster_id)
    if cluster is None:
        raise CacheClusterNotFound(cache_cluster_id)
    group = self.replication_groups.get(getattr(cluster, "replication_group_id", None) or "")
    if group is not None and cache_cluster_id in group.member_clusters:
        raise InvalidCacheClusterState(
            f"Cache cluster {cache_cluster_id} is a member of replication group "
            f"{group.replication_group_id} and cannot be deleted on its own."
        )
    del self.cache_clusters[cache_cluster_id]
    self.tagging_service.delete_all_tags_for_resource(cluster.arn)
    cluster.cache_cluster_status = "deleting"
    return cluster


def install() -> None:
    extend(ElastiCacheBackend, create_replication_group, describe_replication_groups, delete_cache_cluster)
    extend(
        ElastiCacheResponse,
        modify_replication_group,
        increase_replica_count,
        decrease_replica_count,
        delete_replication_group,
    )


def _find_group(response: ElastiCacheResponse) -> ReplicationGroup:
    name: str = response._get_param("ReplicationGroupId")
    try:
        return response.elasticache_backend.replication_groups[name.lower()]
    except KeyError:
        raise ReplicationGroupNotFound(name) from None


def _scale(response: ElastiCacheResponse, group: ReplicationGroup, replicas: int) -> ActionResult:
    if len(group.node_groups) > 1:
        raise NotImplementedError("changing the replica count of a replication group in cluster mode")
    place_members(response.elasticache_backend, group, replicas + 1)
    sync_members(response.elasticache_backend, group)
    return ActionResult({"ReplicationGroup": group})


def _check_failover(is_automatic: bool | None, is_multi_az: bool | None, *, has_replica: bool) -> None:
    if is_multi_az and not is_automatic:
        raise InvalidParameterCombinationException("Multi-AZ can only be enabled when automatic failover is enabled.")
    if is_automatic and not has_replica:
        raise InvalidParameterCombinationException(
            "Automatic failover is not supported for replication groups with no replica."
        )


def _full_version(engine: str, asked: str | None) -> str:
    """AWS reports the patch level of a version that was asked for without one."""
    if not asked:
        return _LATEST.get(engine, "")
    return f"{asked}.0" if asked.count(".") == 1 and not asked.endswith("x") else asked


def _change_log_delivery(group: ReplicationGroup, asked: list[dict[str, Any]]) -> None:
    types = {change["LogType"] for change in asked}
    kept = [known for known in group.log_delivery_configurations if known["LogType"] not in types]
    wanted = [change for change in asked if change.get("Enabled", True)]
    group.log_delivery_configurations = kept + group._get_log_delivery_configurations(wanted)


def _change_auth_token(group: Any, token: str | None, strategy: str | None) -> None:
    """ROTATE accepts the new token beside the last one, SET the one that is named, DELETE none.

    As the API reference has it: ROTATE is the default, SET is allowed only after a ROTATE, and a token is 16 to 128
    printable characters without `/`, `"`, `@` and `%`. With which code AWS refuses them it does not say.
    """
    if strategy == "DELETE":
        group.auth_token_enabled = False
        return
    if token is None:
        if strategy:
            raise InvalidParameterCombinationException("AuthTokenUpdateStrategy must be specified with AuthToken.")
        return
    if not group.transit_encryption_enabled:
        raise InvalidParameterCombinationException(
            "The AUTH token modification is only supported when encryption-in-transit is enabled."
        )
    if not _TOKEN.fullmatch(token) or set(token) & set('/"@%'):
        raise InvalidParameterValueException("The AUTH token provided is not valid.")
    if strategy == "SET" and not getattr(group, "is_token_rotated", False):
        raise InvalidParameterValueException("The strategy SET is allowed only after ROTATE.")
    group.is_token_rotated = strategy != "SET"
    strategy = strategy or "ROTATE"
    group.auth_token_enabled = True
    group.auth_token_last_modified_date = utcnow()
    group.status = "modifying"
    group.pending_modified_values = {"AuthTokenStatus": "SETTING" if strategy == "SET" else "ROTATING"}
    group.token_changed_by = time.monotonic() + CHANGES[strategy]


def _settle(group: Any) -> None:
    """Let a change of the AUTH token end whose time has come."""
    until = getattr(group, "token_changed_by", None)
    if until is not None and time.monotonic() >= until:
        group.status = "available"
        group.pending_modified_values = {}
        group.token_changed_by = None
