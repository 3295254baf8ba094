"""The cache clusters of which a replication group is made, one a node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.core.common_models import BaseModel

if TYPE_CHECKING:
    from moto.elasticache.models import ElastiCacheBackend, ReplicationGroup


class MemberCluster(BaseModel):
    """A cache cluster that belongs to a replication group.

    It holds what is its own (name, zone, ARN). Everything else is its group's and is read from there,
    so a change of the group shows in every member at once, as in AWS.
    """

    cache_cluster_status = "available"
    num_cache_nodes = 1
    # The group's, by the same name, but AWS doesn't show them on a member.
    configuration_endpoint = None
    pending_modified_values = None

    def __init__(self, backend: ElastiCacheBackend, group: ReplicationGroup, cache_cluster_id: str, zone: str) -> None:
        self.group = group
        self.cache_cluster_id = cache_cluster_id
        self.preferred_availability_zone = zone
        self.cache_cluster_create_time = group.replication_group_create_time
        place = f"{backend.region_name}:{backend.account_id}"
        self.arn = f"arn:{backend.partition}:elasticache:{place}:cluster:{cache_cluster_id}"

    def __getattr__(self, name: str) -> Any:
        if name == "group":  # not yet there: without this the look-up would never end
            raise AttributeError(name)
        return getattr(self.group, name)

    @property
    def cache_parameter_group(self) -> dict[str, str]:
        return {
            "CacheParameterGroupName": self.group.cache_parameter_group_name or "",
            "ParameterApplyStatus": "in-sync",
        }

    @property
    def security_groups(self) -> list[dict[str, str]]:
        ids = self.group.security_group_ids or []
        return [{"SecurityGroupId": group_id, "Status": "active"} for group_id in ids]

    @property
    def notification_configuration(self) -> dict[str, str] | None:
        topic = self.group.notification_topic_arn
        return {"TopicArn": topic, "TopicStatus": "active"} if topic else None

    @property
    def replication_group_log_delivery_enabled(self) -> bool:
        return bool(self.group.log_delivery_configurations)


def place_members(backend: ElastiCacheBackend, group: ReplicationGroup, count: int) -> None:
    """Give a group with one shard `count` nodes: those that it has stay, in their zones.

    moto puts every node in us-east-1a or us-east-1b; AWS spreads them over the subnet group's zones.
    """
    [shard] = group.node_groups
    domain: str = shard["primary_endpoint"]["address"].removeprefix("master.")
    domain = domain.replace(".use1.", f".{_short_region(backend.region_name)}.")
    shard["primary_endpoint"] = {"address": f"master.{domain}", "port": group.port}
    shard["reader_endpoint"] = {"address": f"replica.{domain}", "port": group.port}
    zones = _zones(backend, group)
    members = shard["node_group_members"][:count]
    for number in range(1, count + 1):
        cluster_id = f"{group.replication_group_id}-{number:03}"
        if cluster_id not in backend.cache_clusters:
            members[number - 1 :] = [
                {
                    "cache_cluster_id": cluster_id,
                    "cache_node_id": "0001",
                    "current_role": "primary" if number == 1 else "replica",
                    "preferred_availability_zone": zones[(number - 1) % len(zones)],
                    "read_endpoint": {"address": f"{cluster_id}.{domain}", "port": group.port},
                }
            ]
    shard["node_group_members"] = members
    group.member_clusters = [member["cache_cluster_id"] for member in members]


def sync_members(backend: ElastiCacheBackend, group: ReplicationGroup) -> None:
    """Make the cache clusters that the backend knows agree with the group's list of members."""
    wanted = set(group.member_clusters)
    for cluster_id, cluster in list(backend.cache_clusters.items()):
        if getattr(cluster, "group", None) is group and cluster_id not in wanted:
            del backend.cache_clusters[cluster_id]
            backend.tagging_service.delete_all_tags_for_resource(cluster.arn)
    for shard in group.node_groups:
        for member in shard["node_group_members"]:
            cluster_id = member["cache_cluster_id"]
            if cluster_id in wanted and cluster_id not in backend.cache_clusters:
                zone = member["preferred_availability_zone"]
                cluster = MemberCluster(backend, group, cluster_id, zone)
                backend.cache_clusters[cluster_id] = cluster
                backend.tagging_service.tag_resource(cluster.arn, group.tags or [])


def _zones(backend: ElastiCacheBackend, group: ReplicationGroup) -> list[str]:
    subnet_group = backend.cache_subnet_groups.get(group.cache_subnet_group_name or "")
    subnets = subnet_group.subnets if subnet_group else []
    # Without a known subnet moto makes the group up, and leaves the zone out.
    zones = {subnet["subnet_availability_zone"]["Name"] for subnet in subnets if "subnet_availability_zone" in subnet}
    return sorted(zones) or [f"{backend.region_name}a"]


def _short_region(name: str) -> str:
    """AWS's abbreviation in cache addresses: `us-east-1` is `use1`; Seoul alone lacks a letter."""
    if name == "ap-northeast-2":
        return "apn2"
    area, direction, number = name.rsplit("-", 2)
    words = {"north": "n", "south": "s", "east": "e", "west": "w", "central": "c"}
    for word, letter in words.items():
        direction = direction.replace(word, letter)
    return f"{area}{direction}{number}"
