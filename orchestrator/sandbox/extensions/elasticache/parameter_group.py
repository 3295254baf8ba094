"""Cache parameter groups: missing in moto altogether.

Only the values that somebody set are kept. AWS also lists each family's hundred defaults in
DescribeCacheParameters; Terraform asks for `Source=user` alone, so they aren't reproduced, and for the
same reason a parameter's name and value aren't checked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from moto.core.responses import ActionResult, EmptyResult, PaginatedResult
from moto.elasticache.exceptions import ElastiCacheException
from moto.elasticache.models import ElastiCacheBackend
from moto.elasticache.responses import ElastiCacheResponse

from orchestrator.sandbox.extensions.patch import extend

FAMILIES = (
    "memcached1.4", "memcached1.5", "memcached1.6",
    "redis2.6", "redis2.8", "redis3.2", "redis4.0", "redis5.0", "redis6.x", "redis7",
    "valkey7", "valkey8",
)  # fmt: skip

_list_tags_for_resource = ElastiCacheBackend.list_tags_for_resource


class CacheParameterGroupNotFound(ElastiCacheException):
    code = "CacheParameterGroupNotFound"

    def __init__(self, name: str) -> None:
        super().__init__(f"CacheParameterGroup {name} not found.")


class CacheParameterGroupAlreadyExists(ElastiCacheException):
    code = "CacheParameterGroupAlreadyExists"

    def __init__(self, name: str) -> None:
        super().__init__(f"CacheParameterGroup {name} already exists.")


class InvalidCacheParameterGroupState(ElastiCacheException):
    code = "InvalidCacheParameterGroupState"


class InvalidParameterValue(ElastiCacheException):
    code = "InvalidParameterValue"


@dataclass(slots=True, kw_only=True)
class CacheParameterGroup:
    """One group as DescribeCacheParameterGroups shows it; `values` holds what was set in it."""

    name: str
    family: str
    description: str
    arn: str
    values: dict[str, str] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        return {
            "CacheParameterGroupName": self.name,
            "CacheParameterGroupFamily": self.family,
            "Description": self.description,
            "IsGlobal": False,
            "ARN": self.arn,
        }


def parameter_groups(backend: ElastiCacheBackend) -> dict[str, CacheParameterGroup]:
    """The backend's groups by name. Every account starts with AWS's own `default.<family>`."""
    groups: dict[str, CacheParameterGroup] | None = vars(backend).get("cache_parameter_groups")
    if groups is None:
        groups = {}
        for family in FAMILIES:
            for name in (f"default.{family}", f"default.{family}.cluster.on"):
                groups[name] = CacheParameterGroup(
                    name=name,
                    family=family,
                    description=f"Default parameter group for {family}",
                    arn=_arn(backend, name),
                )
        vars(backend)["cache_parameter_groups"] = groups
    return groups


def find_parameter_group(backend: ElastiCacheBackend, name: str) -> CacheParameterGroup:
    try:
        return parameter_groups(backend)[name.lower()]
    except KeyError:
        raise CacheParameterGroupNotFound(name) from None


def default_parameter_group_name(engine: str, version: str, *, is_sharded: bool) -> str:
    """The group that AWS gives a cluster where none is named, such as `default.redis7`."""
    major, minor = version.split(".")[:2]
    family = f"{engine}{major}"
    if engine == "redis" and int(major) < 7:
        family = "redis6.x" if major == "6" else f"redis{major}.{minor}"
    return f"default.{family}{'.cluster.on' if is_sharded else ''}"


def create_cache_parameter_group(self: ElastiCacheResponse) -> ActionResult:
    """CreateCacheParameterGroup. AWS keeps the name in lower case."""
    backend = self.elasticache_backend
    name: str = self._get_param("CacheParameterGroupName").lower()
    family: str = self._get_param("CacheParameterGroupFamily")
    groups = parameter_groups(backend)
    if name in groups:
        raise CacheParameterGroupAlreadyExists(name)
    if family not in FAMILIES:
        raise InvalidParameterValue(f"CacheParameterGroupFamily {family} is not a valid parameter group family.")
    group = CacheParameterGroup(
        name=name, family=family, description=self._get_param("Description"), arn=_arn(backend, name)
    )
    groups[name] = group
    if tags := self._get_param("Tags", []):
        backend.tagging_service.tag_resource(group.arn, tags)
    return ActionResult({"CacheParameterGroup": group.describe()})


def describe_cache_parameter_groups(self: ElastiCacheResponse) -> ActionResult:
    """DescribeCacheParameterGroups: one by name, or all with AWS's defaults among them."""
    backend = self.elasticache_backend
    name: str | None = self._get_param("CacheParameterGroupName")
    found = [find_parameter_group(backend, name)] if name else parameter_groups(backend).values()
    return PaginatedResult({"CacheParameterGroups": [group.describe() for group in found]})


def describe_cache_parameters(self: ElastiCacheResponse) -> ActionResult:
    """DescribeCacheParameters: the values that were set (AWS's `Source=user`)."""
    group = find_parameter_group(self.elasticache_backend, self._get_param("CacheParameterGroupName"))
    if self._get_param("Source", "user") != "user":
        return PaginatedResult({"Parameters": []})
    parameters = [
        {
            "ParameterName": name,
            "ParameterValue": value,
            "Source": "user",
            "DataType": "string",
            "IsModifiable": True,
            "ChangeType": "immediate",
        }
        for name, value in sorted(group.values.items())
    ]
    return PaginatedResult({"Parameters": parameters})


def modify_cache_parameter_group(self: ElastiCacheResponse) -> ActionResult:
    """ModifyCacheParameterGroup. AWS's own groups can't be changed."""
    group = _own_group(self)
    for parameter in self._get_param("ParameterNameValues", []):
        group.values[parameter["ParameterName"]] = parameter["ParameterValue"]
    return ActionResult({"CacheParameterGroupName": group.name})


def reset_cache_parameter_group(self: ElastiCacheResponse) -> ActionResult:
    """ResetCacheParameterGroup: the named parameters, or all, go back to the family's defaults."""
    group = _own_group(self)
    if self._get_bool_param("ResetAllParameters"):
        group.values.clear()
    for parameter in self._get_param("ParameterNameValues", []):
        group.values.pop(parameter["ParameterName"], None)
    return ActionResult({"CacheParameterGroupName": group.name})


def delete_cache_parameter_group(self: ElastiCacheResponse) -> ActionResult:
    """DeleteCacheParameterGroup. AWS refuses it while a cache cluster uses the group."""
    backend = self.elasticache_backend
    group = _own_group(self)
    for cluster in backend.cache_clusters.values():
        if cluster.cache_parameter_group_name == group.name:
            raise InvalidCacheParameterGroupState(
                f"One or more cache clusters are still members of this parameter group {group.name}, "
                "so the group cannot be deleted."
            )
    del parameter_groups(backend)[group.name]
    backend.tagging_service.delete_all_tags_for_resource(group.arn)
    return EmptyResult()


def list_tags_for_resource(self: ElastiCacheBackend, arn: str) -> dict[str, list[dict[str, str]]]:
    """ListTagsForResource: moto takes the ARN of a parameter group for an invalid one."""
    if ":parametergroup:" in arn:
        return self.tagging_service.list_tags_for_resource(arn)
    return _list_tags_for_resource(self, arn)


def install() -> None:
    extend(
        ElastiCacheResponse,
        create_cache_parameter_group,
        describe_cache_parameter_groups,
        describe_cache_parameters,
        modify_cache_parameter_group,
        reset_cache_parameter_group,
        delete_cache_parameter_group,
    )
    extend(ElastiCacheBackend, list_tags_for_resource)


def _own_group(response: ElastiCacheResponse) -> CacheParameterGroup:
    name: str = response._get_param("CacheParameterGroupName")
    if name.lower().startswith("default."):
        raise InvalidParameterValue(f"The parameter group {name} is a default group and cannot be modified.")
    return find_parameter_group(response.elasticache_backend, name)


def _arn(backend: ElastiCacheBackend, name: str) -> str:
    place = f"{backend.region_name}:{backend.account_id}"
    return f"arn:{backend.partition}:elasticache:{place}:parametergroup:{name}"
