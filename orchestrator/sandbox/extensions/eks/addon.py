"""Add-ons: what EKS installs in a cluster and keeps up to date. Missing in moto altogether.

Nothing runs, so an add-on is active as soon as it is there; in AWS coredns stays degraded until there are
nodes. A version is taken if it has the form of one, since the catalogue (`version`) is only a sample.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.eks.exceptions import ResourceInUseException
from moto.eks.responses import EKSResponse
from moto.moto_api._internal import mock_random

from orchestrator.sandbox.extensions.eks.holding import (
    arn_of,
    born,
    change,
    find_cluster,
    holding_of,
    invalid,
    not_found,
    one_page,
)
from orchestrator.sandbox.extensions.eks.pod_identity import associate
from orchestrator.sandbox.extensions.eks.update import record_update
from orchestrator.sandbox.extensions.eks.version import ADDONS, KUBERNETES_VERSIONS, default_build, minor_of
from orchestrator.sandbox.extensions.patch import extend

if TYPE_CHECKING:
    from moto.eks.models import Cluster

    from orchestrator.sandbox.extensions.eks.holding import Document
    from orchestrator.sandbox.extensions.eks.version import AddonProduct

_BUILD = re.compile(r"v\d+\.\d+\.\d+-eksbuild\.\d+")
_OLDEST_PROXY = 3


def create_addon(self: EKSResponse) -> ActionResult:
    """CreateAddon. AWS takes its default version where none is asked for."""
    cluster = find_cluster(self)
    name: str = self._get_param("addonName")
    if name not in ADDONS:
        raise invalid(f"Addon {name} specified is not supported in {cluster.version} kubernetes version")
    if name in holding_of(cluster).addons:
        raise ResourceInUseException(clusterName=cluster.name, addonName=name, message="Addon already exists.")
    version: str = self._get_param("addonVersion") or default_build(ADDONS[name], cluster.version)
    _check_version(cluster, name, version)
    arn = arn_of(self, "addon", cluster.name, name, str(mock_random.uuid4()))
    addon = born(
        addonName=name,
        clusterName=cluster.name,
        status="ACTIVE",
        addonVersion=version,
        health={"issues": []},
        addonArn=arn,
        serviceAccountRoleArn=self._get_param("serviceAccountRoleArn"),
        configurationValues=self._get_param("configurationValues"),
        namespaceConfig={"namespace": ADDONS[name].namespace},
        tags=self._get_param("tags") or {},
    )
    addon["podIdentityAssociations"] = _associate(self, cluster, addon)
    holding_of(cluster).addons[name] = addon
    return ActionResult({"addon": addon})


def describe_addon(self: EKSResponse) -> ActionResult:
    """DescribeAddon."""
    return ActionResult({"addon": _find(self, find_cluster(self))})


def list_addons(self: EKSResponse) -> ActionResult:
    """ListAddons."""
    names, token = one_page(self, holding_of(find_cluster(self)).addons)
    return ActionResult({"addons": names, "nextToken": token})


def update_addon(self: EKSResponse) -> ActionResult:
    """UpdateAddon. Pod Identity associations are replaced as a whole, where they are named at all."""
    cluster = find_cluster(self)
    addon = _find(self, cluster)
    version: str | None = self._get_param("addonVersion")
    if version:
        _check_version(cluster, addon["addonName"], version)
    asked = {
        "addonVersion": version,
        "serviceAccountRoleArn": self._get_param("serviceAccountRoleArn"),
        "configurationValues": self._get_param("configurationValues"),
    }
    change(addon, **asked)
    identities: list[dict[str, str]] | None = self._get_param("podIdentityAssociations")
    if identities is not None:
        _disassociate(cluster, addon)
        addon["podIdentityAssociations"] = _associate(self, cluster, addon)
    params = {name[0].upper() + name[1:]: value for name, value in asked.items()}
    return record_update(
        cluster,
        "AddonUpdate",
        {"addonName": addon["addonName"]},
        ResolveConflicts=self._get_param("resolveConflicts"),
        PodIdentityAssociations=identities,
        **params,
    )


def delete_addon(self: EKSResponse) -> ActionResult:
    """DeleteAddon. Its Pod Identity associations go with it."""
    cluster = find_cluster(self)
    addon = _find(self, cluster)
    _disassociate(cluster, addon)
    del holding_of(cluster).addons[addon["addonName"]]
    return ActionResult({"addon": {**addon, "status": "DELETING"}})


def describe_addon_versions(self: EKSResponse) -> ActionResult:
    """DescribeAddonVersions: what there is, newest first, and with which Kubernetes versions it goes."""
    wanted: str | None = self._get_param("addonName")
    kubernetes: str | None = self._get_param("kubernetesVersion")
    names, token = one_page(self, [name for name in ADDONS if wanted in (None, name)])
    offers = [_offer(name, ADDONS[name], kubernetes) for name in names]
    return ActionResult({"addons": [offer for offer in offers if offer["addonVersions"]], "nextToken": token})


def install() -> None:
    extend(EKSResponse, create_addon, describe_addon, list_addons, update_addon, delete_addon, describe_addon_versions)


def _find(response: EKSResponse, cluster: Cluster) -> Document:
    name: str = response.uri_match["addonName"]
    try:
        return holding_of(cluster).addons[name]
    except KeyError:
        raise not_found(f"No addon: {name} found in cluster: {cluster.name}") from None


def _check_version(cluster: Cluster, name: str, version: str) -> None:
    is_known = _BUILD.fullmatch(version) is not None
    if is_known and name == "kube-proxy":
        is_known = 0 <= minor_of(cluster.version) - minor_of(version) <= _OLDEST_PROXY
    if not is_known:
        raise invalid(f"Addon version specified is not supported: {name} {version} with {cluster.version}")


def _associate(response: EKSResponse, cluster: Cluster, addon: Document) -> list[str]:
    """The ARNs of the associations that the call asks for, made."""
    asked: list[dict[str, str]] = response._get_param("podIdentityAssociations") or []
    return [
        associate(
            response,
            cluster,
            namespace=addon["namespaceConfig"]["namespace"],
            service_account=one["serviceAccount"],
            role_arn=one["roleArn"],
            owner_arn=addon["addonArn"],
        )["associationArn"]
        for one in asked
    ]


def _disassociate(cluster: Cluster, addon: Document) -> None:
    associations = holding_of(cluster).pod_identities
    for key in [key for key, found in associations.items() if found.get("ownerArn") == addon["addonArn"]]:
        del associations[key]


def _offer(name: str, product: AddonProduct, kubernetes: str | None) -> Document:
    compatible: dict[str, list[dict[str, Any]]] = {}
    for version in KUBERNETES_VERSIONS:
        if kubernetes not in (None, version):
            continue
        for build in product.builds[version]:
            is_default = build == default_build(product, version)
            compatible.setdefault(build, []).append(
                {"clusterVersion": version, "platformVersions": ["*"], "defaultVersion": is_default}
            )
    return {
        "addonName": name,
        "type": product.kind,
        "publisher": "eks",
        "owner": "aws",
        "defaultNamespace": product.namespace,
        "addonVersions": [
            {
                "addonVersion": build,
                "architecture": ["amd64", "arm64"],
                "computeTypes": ["ec2"],
                "compatibilities": compatible[build],
                "requiresConfiguration": False,
            }
            for build in sorted(compatible, key=_order, reverse=True)
        ],
    }


def _order(build: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", build)]
