"""RDS: databases that differ from one another, and groups that remember and can't be pulled away.

Every instance of moto has the same resource id and, where RDS manages the password, the same master
user "admin" with the same password, which would make a rehearsal prove nothing.
"""

from __future__ import annotations

import json
import secrets
import string
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult, PaginatedResult
from moto.rds.exceptions import (
    DBParameterGroupNotFoundError,
    DBSubnetGroupNotFoundError,
    RDSClientError,
)
from moto.rds.models import (
    DBInstance,
    DBParameterGroup,
    DBSubnetGroup,
    MasterUserSecret,
    RDSBackend,
)
from moto.rds.responses import RDSResponse

from orchestrator.sandbox.extensions.patch import extend, extend_with_property

if TYPE_CHECKING:
    from moto.ec2.models.subnets import Subnet

# What RDS leaves out of the passwords that it makes: / @ " and the space.
_PASSWORD_CHARACTERS = string.ascii_letters + string.digits + "!#$%&()*+,-.:;<=>?[]^_{|}~"
_RESOURCE_ID_CHARACTERS = string.ascii_uppercase + "234567"
_PERFORMANCE_INSIGHTS_DAYS = 7

_create_db_instance = RDSBackend.create_db_instance
_delete_db_parameter_group = RDSBackend.delete_db_parameter_group
_delete_subnet_group = RDSBackend.delete_subnet_group


def create_db_instance(self: RDSBackend, db_kwargs: dict[str, Any]) -> DBInstance:
    """CreateDBInstance: moto gives every instance one resource id and drops Performance Insights.

    Terraform keeps the resource id as the instance's id and finds the instance by it, so two instances
    would be taken for one another.
    """
    instance = _create_db_instance(self, db_kwargs)
    instance.dbi_resource_id = "db-" + "".join(secrets.choice(_RESOURCE_ID_CHARACTERS) for _ in range(26))
    wanted = {
        name: db_kwargs.get(name)
        for name in (
            "enable_performance_insights",
            "performance_insights_kms_key_id",
            "performance_insights_retention_period",
        )
    }
    if wanted["enable_performance_insights"]:
        wanted["performance_insights_retention_period"] = (
            wanted["performance_insights_retention_period"] or _PERFORMANCE_INSIGHTS_DAYS
        )
        for name, value in wanted.items():
            setattr(instance, name, value)
    return instance


def performance_insights_enabled(self: DBInstance) -> bool:
    """PerformanceInsightsEnabled in DescribeDBInstances; calls spell it EnablePerformanceInsights."""
    return bool(getattr(self, "enable_performance_insights", False))


def _generate_secret_string(self: MasterUserSecret) -> str:
    """The managed master user secret: RDS stores the real user name with a password of its own making."""
    password = "".join(secrets.choice(_PASSWORD_CHARACTERS) for _ in range(32))
    return json.dumps({"username": self.resource.master_username, "password": password})


def modify_db_subnet_group(
    self: RDSBackend, subnet_name: str, description: str | None, subnets: list[Subnet]
) -> DBSubnetGroup:
    """ModifyDBSubnetGroup: moto takes the group out of its list and doesn't put it back."""
    group: DBSubnetGroup | None = self.subnet_groups.get(subnet_name)
    if group is None:
        raise DBSubnetGroupNotFoundError(subnet_name)
    vars(group)["_subnets"] = subnets
    if description is not None:
        group.description = description
    return group


def delete_subnet_group(self: RDSBackend, subnet_name: str) -> DBSubnetGroup:
    """DeleteDBSubnetGroup: moto deletes a group that is in use; AWS refuses."""
    for instance in self.databases.values():
        if getattr(instance, "_db_subnet_group_name", None) == subnet_name:
            raise RDSClientError(
                "InvalidDBSubnetGroupStateFault",
                f"Cannot delete the subnet group '{subnet_name}' because at least one database instance: "
                f"{instance.db_instance_identifier} is still using it.",
            )
    return _delete_subnet_group(self, subnet_name)


def delete_db_parameter_group(self: RDSBackend, db_parameter_group_name: str) -> DBParameterGroup:
    """DeleteDBParameterGroup: moto deletes a group that is in use; AWS refuses."""
    for instance in self.databases.values():
        if instance.db_parameter_group_name == db_parameter_group_name:
            raise RDSClientError(
                "InvalidDBParameterGroupState",
                "One or more database instances are still members of this parameter group "
                f"{db_parameter_group_name}, so the group cannot be deleted.",
            )
    return _delete_db_parameter_group(self, db_parameter_group_name)


def update_parameters(self: DBParameterGroup, new_parameters: list[dict[str, Any]]) -> None:
    """ModifyDBParameterGroup: AWS marks a value that was set with the source "user", moto with none.

    Terraform passes over parameters with no source, so every plan would set them again.
    """
    for parameter in new_parameters:
        self.parameters[parameter["ParameterName"]].update({"IsModifiable": True, **parameter, "Source": "user"})


def describe_db_parameters(self: RDSResponse) -> ActionResult:
    """DescribeDBParameters: moto ignores `Source`. It knows no defaults, so only "user" has any."""
    group = _find_parameter_group(self)
    source = self.params.get("Source")
    found = [value for value in group.parameters.values() if source in (None, value["Source"])]
    return PaginatedResult({"Parameters": found})


def reset_db_parameter_group(self: RDSResponse) -> ActionResult:
    """ResetDBParameterGroup: missing in moto. The named parameters, or all, lose what was set."""
    group = _find_parameter_group(self)
    names = [parameter["ParameterName"] for parameter in self.params.get("Parameters", [])]
    if self.params.get("ResetAllParameters"):
        names = list(group.parameters)
    for name in names:
        group.parameters.pop(name, None)
    return ActionResult({"DBParameterGroupName": group.name})


def install() -> None:
    extend(RDSBackend, create_db_instance, modify_db_subnet_group, delete_subnet_group, delete_db_parameter_group)
    extend(RDSResponse, describe_db_parameters, reset_db_parameter_group)
    extend(MasterUserSecret, _generate_secret_string)
    extend(DBParameterGroup, update_parameters)
    extend_with_property(DBInstance, performance_insights_enabled)


def _find_parameter_group(response: RDSResponse) -> DBParameterGroup:
    name: str = response.params["DBParameterGroupName"]
    try:
        return response.backend.db_parameter_groups[name]
    except KeyError:
        raise DBParameterGroupNotFoundError(name) from None
