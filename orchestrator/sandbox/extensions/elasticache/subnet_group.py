"""Cache subnet groups: moto creates and describes them; AWS also changes and deletes them."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.elasticache.exceptions import CacheSubnetGroupNotFound, ElastiCacheException
from moto.elasticache.models import CacheSubnetGroup, ElastiCacheBackend
from moto.elasticache.responses import ElastiCacheResponse

from orchestrator.sandbox.extensions.patch import extend

_create_cache_subnet_group = ElastiCacheBackend.create_cache_subnet_group


class CacheSubnetGroupInUse(ElastiCacheException):
    code = "CacheSubnetGroupInUse"

    def __init__(self, name: str, cluster_id: str) -> None:
        super().__init__(f"Cache subnet group {name} is currently in use by cache cluster {cluster_id}.")


def find_subnet_group(backend: ElastiCacheBackend, name: str) -> CacheSubnetGroup:
    """The group of that name, which AWS compares in lower case."""
    try:
        return backend.cache_subnet_groups[name.lower()]
    except KeyError:
        raise CacheSubnetGroupNotFound(name) from None


def create_cache_subnet_group(self: ElastiCacheBackend, **asked: Any) -> CacheSubnetGroup:
    """CreateCacheSubnetGroup: moto reports no zone of a subnet. AWS lowers the name's case."""
    asked["cache_subnet_group_name"] = asked["cache_subnet_group_name"].lower()
    return _with_zones(_create_cache_subnet_group(self, **asked))


def modify_cache_subnet_group(self: ElastiCacheResponse) -> ActionResult:
    """ModifyCacheSubnetGroup: missing in moto. AWS replaces description and subnets where given."""
    backend = self.elasticache_backend
    name: str = self._get_param("CacheSubnetGroupName")
    current = find_subnet_group(backend, name)
    changed = CacheSubnetGroup(
        account_id=backend.account_id,
        region_name=backend.region_name,
        cache_subnet_group_name=current.cache_subnet_group_name,
        cache_subnet_group_description=self._get_param(
            "CacheSubnetGroupDescription", current.cache_subnet_group_description
        ),
        subnet_ids=self._get_param("SubnetIds") or current.subnet_ids,
        tags=current.tags,
    )
    backend.cache_subnet_groups[current.cache_subnet_group_name] = _with_zones(changed)
    return ActionResult({"CacheSubnetGroup": changed})


def delete_cache_subnet_group(self: ElastiCacheResponse) -> ActionResult:
    """DeleteCacheSubnetGroup: missing in moto. AWS refuses it while a cache cluster is in the group."""
    backend = self.elasticache_backend
    group = find_subnet_group(backend, self._get_param("CacheSubnetGroupName"))
    name = group.cache_subnet_group_name
    for cluster in backend.cache_clusters.values():
        if cluster.cache_subnet_group_name == name:
            raise CacheSubnetGroupInUse(name, cluster.cache_cluster_id)
    del backend.cache_subnet_groups[name]
    backend.tagging_service.delete_all_tags_for_resource(group.arn)
    return EmptyResult()


def install() -> None:
    extend(ElastiCacheBackend, create_cache_subnet_group)
    extend(ElastiCacheResponse, modify_cache_subnet_group, delete_cache_subnet_group)


def _with_zones(group: CacheSubnetGroup) -> CacheSubnetGroup:
    for subnet in group.subnets:
        zone = subnet.get("subnet_availability_zone")
        if isinstance(zone, str):
            subnet["subnet_availability_zone"] = {"Name": zone}
    return group
