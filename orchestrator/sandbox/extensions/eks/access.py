"""Access entries and access policies: who may use a cluster's API, and as what. Missing in moto altogether.

A principal isn't looked up in IAM, as AWS does: a rehearsal would refuse the roles of the real account.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from moto.core.responses import ActionResult, EmptyResult
from moto.eks.exceptions import InvalidRequestException, ResourceInUseException
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
from orchestrator.sandbox.extensions.patch import extend

if TYPE_CHECKING:
    from moto.eks.models import Cluster

    from orchestrator.sandbox.extensions.eks.holding import Document

ACCESS_POLICIES = (
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSViewPolicy",
)

_PRINCIPAL = re.compile(r"arn:[a-z-]+:iam::(?P<account>\d{12}):(?P<kind>role|user)/(?:[^/]+/)*(?P<name>[^/]+)")
_NODE_TYPES = ("EC2_LINUX", "EC2_WINDOWS")
_NODE_USER = "system:node:{{EC2PrivateDNSName}}"
# What is in an entry that EKS made for the nodes of a group.
_BY_EKS = "byEks"


def create_access_entry(self: EKSResponse) -> ActionResult:
    """CreateAccessEntry. AWS makes up the user name where none is asked for, from the kind of principal."""
    cluster = _find_cluster(self)
    principal: str = self._get_param("principalArn")
    if principal in holding_of(cluster).access_entries:
        raise ResourceInUseException(
            clusterName=cluster.name, message="The specified access entry resource is already in use on this cluster."
        )
    entry = _add_entry(
        self,
        cluster,
        principal,
        kind=self._get_param("type") or "STANDARD",
        groups=self._get_param("kubernetesGroups"),
        username=self._get_param("username"),
        tags=self._get_param("tags"),
    )
    return ActionResult({"accessEntry": entry})


def describe_access_entry(self: EKSResponse) -> ActionResult:
    """DescribeAccessEntry."""
    return ActionResult({"accessEntry": _find(self, _find_cluster(self))})


def list_access_entries(self: EKSResponse) -> ActionResult:
    """ListAccessEntries: all of them, or those that a policy is associated with."""
    holding = holding_of(_find_cluster(self))
    policy: str | None = self._get_param("associatedPolicyArn")
    found = [arn for arn in holding.access_entries if not policy or policy in holding.access_policies.get(arn, {})]
    entries, token = one_page(self, found)
    return ActionResult({"accessEntries": entries, "nextToken": token})


def update_access_entry(self: EKSResponse) -> ActionResult:
    """UpdateAccessEntry."""
    entry = _find(self, _find_cluster(self))
    change(entry, kubernetesGroups=self._get_param("kubernetesGroups"), username=self._get_param("username"))
    return ActionResult({"accessEntry": entry})


def delete_access_entry(self: EKSResponse) -> ActionResult:
    """DeleteAccessEntry. Its policies go with it."""
    cluster = _find_cluster(self)
    _forget(cluster, _find(self, cluster)["principalArn"])
    return EmptyResult()


def associate_access_policy(self: EKSResponse) -> ActionResult:
    """AssociateAccessPolicy. A second time for the same policy changes where it holds."""
    cluster = _find_cluster(self)
    entry = _find(self, cluster)
    if entry["type"] in _NODE_TYPES:
        raise InvalidRequestException(
            clusterName=cluster.name, message=f"Access policies cannot be associated with an entry of {entry['type']}."
        )
    policy: str = self._get_param("policyArn")
    if policy not in [known["arn"] for known in _policies(self)]:
        raise invalid("The policyArn parameter format is not valid")
    scope = {"namespaces": [], **self._get_param("accessScope")}
    if (scope["type"] == "namespace") is not bool(scope["namespaces"]):
        raise invalid("The accessScope needs namespaces with the type namespace, and takes none with cluster")
    policies = holding_of(cluster).access_policies.setdefault(entry["principalArn"], {})
    made = born(policyArn=policy, accessScope=scope)
    made["associatedAt"] = policies.get(policy, {}).get("associatedAt", made.pop("createdAt"))
    policies[policy] = made
    names = {"clusterName": cluster.name, "principalArn": entry["principalArn"]}
    return ActionResult({**names, "associatedAccessPolicy": made})


def disassociate_access_policy(self: EKSResponse) -> ActionResult:
    """DisassociateAccessPolicy."""
    cluster = _find_cluster(self)
    principal = _find(self, cluster)["principalArn"]
    policy: str = self.uri_match["policyArn"]
    if holding_of(cluster).access_policies.get(principal, {}).pop(policy, None) is None:
        raise not_found("The specified policyArn could not be found.")
    return EmptyResult()


def list_associated_access_policies(self: EKSResponse) -> ActionResult:
    """ListAssociatedAccessPolicies."""
    cluster = _find_cluster(self)
    principal = _find(self, cluster)["principalArn"]
    policies = holding_of(cluster).access_policies.get(principal, {})
    arns, token = one_page(self, policies)
    names = {"clusterName": cluster.name, "principalArn": principal}
    return ActionResult({**names, "associatedAccessPolicies": [policies[arn] for arn in arns], "nextToken": token})


def list_access_policies(self: EKSResponse) -> ActionResult:
    """ListAccessPolicies: those for people; AWS has more, for its own services."""
    return ActionResult({"accessPolicies": _policies(self)})


def admit_nodes(response: EKSResponse, cluster: Cluster, role_arn: str) -> None:
    """Let the role of a node group into the cluster, as EKS does where access entries are used."""
    if _has_entries(cluster) and role_arn not in holding_of(cluster).access_entries:
        _add_entry(response, cluster, role_arn, kind="EC2_LINUX")[_BY_EKS] = True


def forget_nodes(cluster: Cluster) -> None:
    """Shut out the roles that no node group has any more, unless somebody else let them in."""
    roles = {group.node_role for group in cluster.nodegroups.values()}
    for principal, entry in list(holding_of(cluster).access_entries.items()):
        if entry.get(_BY_EKS) and principal not in roles:
            _forget(cluster, principal)


def install() -> None:
    extend(
        EKSResponse,
        create_access_entry,
        describe_access_entry,
        list_access_entries,
        update_access_entry,
        delete_access_entry,
        associate_access_policy,
        disassociate_access_policy,
        list_associated_access_policies,
        list_access_policies,
    )


def _has_entries(cluster: Cluster) -> bool:
    mode: str = vars(cluster)["accessConfig"]["authenticationMode"]
    return mode != "CONFIG_MAP"


def _find_cluster(response: EKSResponse) -> Cluster:
    cluster = find_cluster(response)
    if not _has_entries(cluster):
        raise InvalidRequestException(
            clusterName=cluster.name,
            message="The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] "
            "to perform this operation.",
        )
    return cluster


def _find(response: EKSResponse, cluster: Cluster) -> Document:
    try:
        return holding_of(cluster).access_entries[response.uri_match["principalArn"]]
    except KeyError:
        raise not_found(
            "The specified principalArn could not be found. You can view your available access entries with "
            "'list-access-entries'."
        ) from None


def _add_entry(
    response: EKSResponse,
    cluster: Cluster,
    principal: str,
    *,
    kind: str,
    groups: list[str] | None = None,
    username: str | None = None,
    tags: dict[str, str] | None = None,
) -> Document:
    match = _PRINCIPAL.fullmatch(principal)
    if match is None:
        raise invalid("The specified principalArn is invalid: invalid principal.")
    if kind in _NODE_TYPES:
        groups, username = ["system:nodes"], _NODE_USER
    elif username is None:
        username = principal
        if match["kind"] == "role":
            session = f"assumed-role/{match['name']}/{{{{SessionName}}}}"
            username = f"arn:{response.eks_backend.partition}:sts::{match['account']}:{session}"
    path = (cluster.name, match["kind"], match["account"], match["name"], str(mock_random.uuid4()))
    entry = born(
        clusterName=cluster.name,
        principalArn=principal,
        kubernetesGroups=groups or [],
        accessEntryArn=arn_of(response, "access-entry", *path),
        tags=tags or {},
        username=username,
        type=kind,
    )
    holding_of(cluster).access_entries[principal] = entry
    return entry


def _forget(cluster: Cluster, principal: str) -> None:
    holding = holding_of(cluster)
    del holding.access_entries[principal]
    holding.access_policies.pop(principal, None)


def _policies(response: EKSResponse) -> list[dict[str, str]]:
    prefix = f"arn:{response.eks_backend.partition}:eks::aws:cluster-access-policy"
    return [{"name": name, "arn": f"{prefix}/{name}"} for name in ACCESS_POLICIES]
