"""Clusters: their place in a VPC, who is let in, and changes that merge with what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidSubnetIdError
from moto.ec2.models import ec2_backends
from moto.eks.exceptions import InvalidRequestException, ResourceInUseException
from moto.eks.models import EKSBackend
from moto.eks.responses import EKSResponse

from orchestrator.sandbox.extensions.eks.holding import find_cluster, invalid, random_id
from orchestrator.sandbox.extensions.eks.update import record_update
from orchestrator.sandbox.extensions.eks.version import (
    DEFAULT_KUBERNETES_VERSION,
    KUBERNETES_VERSIONS,
    PLATFORM_VERSION,
    minor_of,
)
from orchestrator.sandbox.extensions.patch import extend

if TYPE_CHECKING:
    from moto.eks.models import Cluster

_LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")

# What UpdateClusterConfig takes besides the network and the logs, by the kind of update that AWS makes of it.
_SETTINGS = {
    "accessConfig": "AccessConfigUpdate",
    "deletionProtection": "DeletionProtectionUpdate",
    "kubernetesNetworkConfig": "ConfigUpdate",
    "remoteNetworkConfig": "RemoteNetworkConfigUpdate",
    "upgradePolicy": "UpgradePolicyUpdate",
    "zonalShiftConfig": "ZonalShiftConfigUpdate",
}

_create_cluster = EKSResponse.create_cluster
_delete_cluster = EKSBackend.delete_cluster


def create_cluster(self: EKSResponse) -> ActionResult:
    """CreateCluster: moto drops how access is decided, the upgrade policy and the protection from deletion.

    AWS fills in what isn't asked for, gives each cluster an OpenID Connect issuer of its own (moto has
    one for all) and makes a security group in the VPC of the subnets, in which control plane and nodes
    reach one another.
    """
    version: str = self._get_param("version") or DEFAULT_KUBERNETES_VERSION
    if version not in KUBERNETES_VERSIONS:
        raise invalid(f"unsupported Kubernetes version: {version}")
    network = {**self._get_param("resourcesVpcConfig")}
    vpc_id = _vpc_of(self.eks_backend, network.get("subnetIds") or [])
    _create_cluster(self)
    cluster: Cluster = self.eks_backend.clusters[self._get_param("name")]

    is_public = network.get("endpointPublicAccess", True)
    cluster.version = version
    cluster.platformVersion = PLATFORM_VERSION
    cluster.resources_vpc_config = {
        "endpointPublicAccess": True,
        "endpointPrivateAccess": False,
        "publicAccessCidrs": ["0.0.0.0/0"] if is_public else [],
        "securityGroupIds": [],
        **network,
        "vpcId": vpc_id,
        "clusterSecurityGroupId": _create_security_group(self.eks_backend, cluster, vpc_id),
    }
    cluster.logging = _with_logging({}, self._get_param("logging"))
    cluster.kubernetes_network_config = {
        "ipFamily": "ipv4",
        "serviceIpv4Cidr": "172.20.0.0/16",
        **(self._get_param("kubernetesNetworkConfig") or {}),
    }
    issuer = f"https://oidc.eks.{self.eks_backend.region_name}.amazonaws.com/id/{random_id(32).upper()}"
    cluster.identity = {"oidc": {"issuer": issuer}}
    access: dict[str, Any] = self._get_param("accessConfig") or {}
    vars(cluster).update(
        {
            "accessConfig": {"authenticationMode": access.get("authenticationMode", "CONFIG_MAP")},
            "upgradePolicy": self._get_param("upgradePolicy") or {"supportType": "EXTENDED"},
            "zonalShiftConfig": self._get_param("zonalShiftConfig"),
            "deletionProtection": bool(self._get_param("deletionProtection")),
            "health": {"issues": []},
        }
    )
    return ActionResult({"cluster": cluster})


def delete_cluster(self: EKSBackend, name: str) -> Cluster:
    """DeleteCluster: AWS refuses it where deletion protection is on, and takes its security group along."""
    cluster = self.describe_cluster(name)
    if vars(cluster).get("deletionProtection"):
        raise InvalidRequestException(
            clusterName=name,
            message=f"Cannot delete cluster {name} because deletion protection is enabled. Disable it and retry.",
        )
    if cluster.fargate_profiles:
        raise ResourceInUseException(clusterName=name, message="Cluster has Fargate profiles attached")
    _delete_cluster(self, name)
    ec2 = ec2_backends[self.account_id][self.region_name]
    ec2.delete_security_group(group_id=cluster.resources_vpc_config["clusterSecurityGroupId"])
    cluster.status = "DELETING"
    return cluster


def update_cluster_config(self: EKSResponse) -> ActionResult:
    """UpdateClusterConfig: moto replaces the network as a whole and answers with the cluster.

    AWS changes what is named, leaves the rest, and answers with an update.
    """
    cluster = find_cluster(self)
    network: dict[str, Any] | None = self._get_param("resourcesVpcConfig")
    if network is not None:
        cluster.resources_vpc_config.update(network)
        is_access = any(name.startswith(("endpoint", "public")) for name in network)
        return record_update(
            cluster,
            "EndpointAccessUpdate" if is_access else "VpcConfigUpdate",
            EndpointPublicAccess=network.get("endpointPublicAccess"),
            EndpointPrivateAccess=network.get("endpointPrivateAccess"),
            PublicAccessCidrs=network.get("publicAccessCidrs"),
            SubnetIds=network.get("subnetIds"),
            SecurityGroups=network.get("securityGroupIds"),
        )
    logging = self._get_param("logging")
    if logging is not None:
        cluster.logging = _with_logging(cluster.logging, logging)
        return record_update(cluster, "LoggingUpdate", ClusterLogging=logging)
    for name, kind in _SETTINGS.items():
        value = self._get_param(name)
        if value is not None:
            _set(cluster, name, value)
            return record_update(cluster, kind, **{name[0].upper() + name[1:]: value})
    raise invalid("No changes needed for the cluster")


def update_cluster_version(self: EKSResponse) -> ActionResult:
    """UpdateClusterVersion: missing in moto. AWS goes up one version at a time."""
    cluster = find_cluster(self)
    version: str = self._get_param("version")
    if version not in KUBERNETES_VERSIONS or minor_of(version) != minor_of(cluster.version) + 1:
        raise invalid(f"Unsupported Kubernetes minor version update from {cluster.version} to {version}")
    cluster.version = version
    return record_update(cluster, "VersionUpdate", Version=version, PlatformVersion=PLATFORM_VERSION)


def associate_encryption_config(self: EKSResponse) -> ActionResult:
    """AssociateEncryptionConfig: missing in moto. A cluster can be given a key later, but only once."""
    cluster = find_cluster(self)
    if cluster.encryption_config:
        raise InvalidRequestException(clusterName=cluster.name, message="Cluster already has encryption configuration.")
    cluster.encryption_config = self._get_param("encryptionConfig")
    return record_update(cluster, "AssociateEncryptionConfig", EncryptionConfig=cluster.encryption_config)


def install() -> None:
    extend(EKSResponse, create_cluster, update_cluster_config, update_cluster_version, associate_encryption_config)
    extend(EKSBackend, delete_cluster)


def _vpc_of(backend: EKSBackend, subnet_ids: list[str]) -> str:
    """The VPC of these subnets, which AWS wants to be in two zones at least."""
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    try:
        subnets = [ec2.get_subnet(subnet_id) for subnet_id in subnet_ids]
    except InvalidSubnetIdError as error:
        raise invalid(f"One or more of the subnets does not exist: {error.message}") from None
    if len({subnet.availability_zone for subnet in subnets}) < 2:
        raise invalid("Subnets specified must be in at least two different AZs")
    vpc_ids = {subnet.vpc_id for subnet in subnets}
    if len(vpc_ids) > 1:
        raise invalid("Subnets specified must belong to the same VPC")
    return vpc_ids.pop()


def _create_security_group(backend: EKSBackend, cluster: Cluster, vpc_id: str) -> str:
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    name = f"eks-cluster-sg-{cluster.name}-{random_id(8)}"
    group = ec2.create_security_group(
        name,
        "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, "
        "as well as any managed workloads.",
        vpc_id=vpc_id,
        tags={"Name": name, f"kubernetes.io/cluster/{cluster.name}": "owned"},
    )
    ec2.authorize_security_group_ingress(
        group.id, "-1", "-1", "-1", [], source_groups=[{"GroupId": group.id, "OwnerId": backend.account_id}]
    )
    return group.id


def _with_logging(before: dict[str, Any], asked: dict[str, Any] | None) -> dict[str, Any]:
    """Which logs are sent: those that were, with the named ones switched on or off."""
    enabled = {kind for setup in before.get("clusterLogging", []) if setup["enabled"] for kind in setup["types"]}
    for setup in (asked or {}).get("clusterLogging", []):
        if setup.get("enabled"):
            enabled |= set(setup["types"])
        else:
            enabled -= set(setup["types"])
    setups = [
        {"types": [kind for kind in _LOG_TYPES if (kind in enabled) is is_enabled], "enabled": is_enabled}
        for is_enabled in (True, False)
    ]
    return {"clusterLogging": [setup for setup in setups if setup["types"]]}


def _set(cluster: Cluster, name: str, value: Any) -> None:
    # moto's own attributes have names of Python, the others those of the API.
    attribute = {
        "kubernetesNetworkConfig": "kubernetes_network_config",
        "remoteNetworkConfig": "remote_network_config",
    }.get(name, name)
    kept = getattr(cluster, attribute, None)
    setattr(cluster, attribute, {**(kept or {}), **value} if isinstance(value, dict) else value)
