"""Pod Identity: which IAM role the pods of a service account have. Missing in moto altogether."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.core.responses import ActionResult
from moto.eks.exceptions import ResourceInUseException
from moto.eks.responses import EKSResponse
from moto.eks.utils import validate_role_arn

from orchestrator.sandbox.extensions.eks.holding import (
    arn_of,
    born,
    change,
    find_cluster,
    holding_of,
    not_found,
    one_page,
    random_id,
)
from orchestrator.sandbox.extensions.patch import extend

if TYPE_CHECKING:
    from moto.eks.models import Cluster

    from orchestrator.sandbox.extensions.eks.holding import Document

_SHOWN_IN_LISTS = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId", "ownerArn")


def associate(
    response: EKSResponse,
    cluster: Cluster,
    *,
    namespace: str,
    service_account: str,
    role_arn: str,
    owner_arn: str | None = None,
    tags: dict[str, str] | None = None,
) -> Document:
    """Give a service account a role; it has one at most. `owner_arn` is the add-on's that asked for it."""
    validate_role_arn(role_arn)
    associations = holding_of(cluster).pod_identities
    for other in associations.values():
        if (other["namespace"], other["serviceAccount"]) == (namespace, service_account):
            raise ResourceInUseException(
                clusterName=cluster.name,
                message=f"Association already exists: {other['associationId']}",
            )
    association_id = f"a-{random_id(17)}"
    association = born(
        clusterName=cluster.name,
        namespace=namespace,
        serviceAccount=service_account,
        roleArn=role_arn,
        associationArn=arn_of(response, "podidentityassociation", cluster.name, association_id),
        associationId=association_id,
        ownerArn=owner_arn,
        tags=tags or {},
    )
    associations[association_id] = association
    return association


def create_pod_identity_association(self: EKSResponse) -> ActionResult:
    """CreatePodIdentityAssociation."""
    association = associate(
        self,
        find_cluster(self),
        namespace=self._get_param("namespace"),
        service_account=self._get_param("serviceAccount"),
        role_arn=self._get_param("roleArn"),
        tags=self._get_param("tags"),
    )
    asked = {name: self._get_param(name) for name in ("disableSessionTags", "targetRoleArn", "policy")}
    change(association, **asked)
    return ActionResult({"association": association})


def describe_pod_identity_association(self: EKSResponse) -> ActionResult:
    """DescribePodIdentityAssociation."""
    return ActionResult({"association": _find(self)})


def list_pod_identity_associations(self: EKSResponse) -> ActionResult:
    """ListPodIdentityAssociations: all, or those of a namespace, of a service account, or of both."""
    associations = holding_of(find_cluster(self)).pod_identities
    asked = {name: self._get_param(name) for name in ("namespace", "serviceAccount")}
    wanted = {name: value for name, value in asked.items() if value}
    ids, token = one_page(self, [key for key, found in associations.items() if wanted.items() <= found.items()])
    shown = [{name: associations[key].get(name) for name in _SHOWN_IN_LISTS} for key in ids]
    return ActionResult({"associations": shown, "nextToken": token})


def update_pod_identity_association(self: EKSResponse) -> ActionResult:
    """UpdatePodIdentityAssociation: another role, or other limits of its use."""
    association = _find(self)
    names = ("roleArn", "disableSessionTags", "targetRoleArn", "policy")
    change(association, **{name: self._get_param(name) for name in names})
    return ActionResult({"association": association})


def delete_pod_identity_association(self: EKSResponse) -> ActionResult:
    """DeletePodIdentityAssociation."""
    association = _find(self)
    del holding_of(find_cluster(self)).pod_identities[association["associationId"]]
    return ActionResult({"association": association})


def install() -> None:
    extend(
        EKSResponse,
        create_pod_identity_association,
        describe_pod_identity_association,
        list_pod_identity_associations,
        update_pod_identity_association,
        delete_pod_identity_association,
    )


def _find(response: EKSResponse) -> Document:
    association_id: str = response.uri_match["associationId"]
    try:
        return holding_of(find_cluster(response)).pod_identities[association_id]
    except KeyError:
        raise not_found(f"No association found with id: {association_id}") from None
