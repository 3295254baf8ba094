"""Node groups: their own versions and sizes, launch templates, and changes one can wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends
from moto.eks.exceptions import InvalidRequestException
from moto.eks.responses import EKSResponse

from orchestrator.sandbox.extensions.eks.access import admit_nodes, forget_nodes
from orchestrator.sandbox.extensions.eks.holding import find_cluster, invalid
from orchestrator.sandbox.extensions.eks.update import record_update
from orchestrator.sandbox.extensions.eks.version import minor_of, release_version
from orchestrator.sandbox.extensions.patch import extend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moto.ec2.models.launch_templates import LaunchTemplate
    from moto.eks.models import Cluster, Nodegroup

_DEFAULT_AMI_TYPE = "AL2023_x86_64_STANDARD"
_DEFAULT_DISK_SIZE = 20
_DEFAULT_SCALING = {"minSize": 1, "maxSize": 2, "desiredSize": 2}
_OLDEST_KUBELET = 3

_create_nodegroup = EKSResponse.create_nodegroup
_delete_nodegroup = EKSResponse.delete_nodegroup
_update_nodegroup_config = EKSResponse.update_nodegroup_config


def create_nodegroup(self: EKSResponse) -> ActionResult:
    """CreateNodegroup: moto gives every group Kubernetes 1.19, a key for SSH and a disk, asked for or not.

    It also drops how updates go. AWS takes version and image from the cluster, leaves the disk to the
    launch template where there is one, and lets the nodes' role into the cluster.
    """
    cluster = find_cluster(self)
    scaling = {**_DEFAULT_SCALING, **(self._get_param("scalingConfig") or {})}
    _check_scaling(scaling)
    version: str = self._get_param("version") or cluster.version
    _check_version(cluster, version)
    asked: dict[str, Any] | None = self._get_param("launchTemplate")
    template = _resolve_template(self, asked) if asked else None
    _create_nodegroup(self)
    group = cluster.nodegroups[self._get_param("nodegroupName")]

    group.version = version
    group.release_version = self._get_param("releaseVersion") or release_version(version)
    group.scaling_config = scaling
    group.update_config = self._get_param("updateConfig") or {"maxUnavailable": 1}
    group.node_repair_config = self._get_param("nodeRepairConfig")
    group.ami_type = self._get_param("amiType") or _DEFAULT_AMI_TYPE
    group.instance_types = self._get_param("instanceTypes") or ([] if template else ["t3.medium"])
    group.health = {"issues": []}
    group.resources = {"autoScalingGroups": [{"name": f"eks-{group.nodegroup_name}-{group.uuid}"}]}
    # moto's own answer leaves out what is None.
    vars(group)["remote_access"] = self._get_param("remoteAccess")
    vars(group)["disk_size"] = None if template else self._get_int_param("diskSize", _DEFAULT_DISK_SIZE)
    vars(group)["launch_template"] = template
    admit_nodes(self, cluster, group.node_role)
    return ActionResult({"nodegroup": group})


def delete_nodegroup(self: EKSResponse) -> ActionResult:
    """DeleteNodegroup: AWS shuts the nodes' role out again once no other group has it."""
    answer = _delete_nodegroup(self)
    forget_nodes(find_cluster(self))
    return answer


def update_nodegroup_config(self: EKSResponse) -> ActionResult:
    """UpdateNodegroupConfig: moto's update can't be looked up, and sizes that contradict are taken."""
    cluster = find_cluster(self)
    group = _find(self)
    asked: Mapping[str, int] = self._get_param("scalingConfig") or {}
    _check_scaling({**group.scaling_config, **asked})
    _update_nodegroup_config(self)
    names = {
        "LabelsToAdd": "labels",
        "TaintsToAdd": "taints",
        "ScalingConfig": "scalingConfig",
        "UpdateConfig": "updateConfig",
        "NodeRepairConfig": "nodeRepairConfig",
    }
    params = {name: self._get_param(parameter) for name, parameter in names.items()}
    return record_update(cluster, "ConfigUpdate", {"nodegroupName": group.nodegroup_name}, **params)


def update_nodegroup_version(self: EKSResponse) -> ActionResult:
    """UpdateNodegroupVersion: missing in moto. Without a version AWS takes the cluster's and its newest image."""
    cluster = find_cluster(self)
    group = _find(self)
    asked: dict[str, Any] | None = self._get_param("launchTemplate")
    version: str = self._get_param("version") or (group.version if asked else cluster.version)
    _check_version(cluster, version)
    if asked:
        template = _resolve_template(self, asked)
        if group.launch_template is None or group.launch_template["id"] != template["id"]:
            raise invalid("You cannot specify a launch template other than the one that the node group has.")
        group.launch_template = template
    release: str | None = self._get_param("releaseVersion")
    if release or version != group.version or not asked:
        group.release_version = release or release_version(version)
    group.version = version
    group.modified_at = utcnow()
    return record_update(
        cluster,
        "VersionUpdate",
        {"nodegroupName": group.nodegroup_name},
        Version=group.version,
        ReleaseVersion=group.release_version,
        LaunchTemplateVersion=asked and asked.get("version"),
    )


def install() -> None:
    extend(EKSResponse, create_nodegroup, delete_nodegroup, update_nodegroup_config, update_nodegroup_version)


def _find(response: EKSResponse) -> Nodegroup:
    names = response.uri_match
    return response.eks_backend.describe_nodegroup(names["name"], names["nodegroupName"])


def _check_scaling(scaling: Mapping[str, int]) -> None:
    least, desired, most = (scaling[name] for name in ("minSize", "desiredSize", "maxSize"))
    if least > desired:
        raise invalid(f"Minimum capacity {least} can't be greater than desired size {desired}")
    if desired > most:
        raise invalid(f"Desired capacity {desired} can't be greater than max size {most}")


def _check_version(cluster: Cluster, version: str) -> None:
    behind = minor_of(cluster.version) - minor_of(version)
    if not 0 <= behind <= _OLDEST_KUBELET:
        raise InvalidRequestException(
            clusterName=cluster.name,
            message=f"Requested nodegroup version {version} is not supported with cluster version {cluster.version}",
        )


def _resolve_template(response: EKSResponse, asked: Mapping[str, str]) -> dict[str, str]:
    """A launch template by id or name, with both and with its version as AWS reports them."""
    backend = response.eks_backend
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    try:
        template: LaunchTemplate
        if asked.get("id"):
            template = ec2.get_launch_template(asked["id"])
        else:
            template = ec2.get_launch_template_by_name(asked.get("name", ""))
    except EC2ClientError as error:
        raise invalid(f"Launch template not found: {error.message}") from None
    version = str(asked.get("version") or template.default_version_number)
    if version not in ("$Latest", "$Default") and not any(str(known.number) == version for known in template.versions):
        raise invalid(f"Launch template {template.id} has no version {version}")
    return {"id": template.id, "name": template.name, "version": version}
