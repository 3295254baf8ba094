"""Tags of everything that EKS has: moto knows those of clusters alone, and takes one away at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moto.core.responses import EmptyResult
from moto.eks.models import EKSBackend
from moto.eks.responses import EKSResponse

from orchestrator.sandbox.extensions.eks.holding import holding_of, not_found
from orchestrator.sandbox.extensions.patch import extend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moto.core.responses import ActionResult


def tag_resource(self: EKSBackend, resource_arn: str, tags: dict[str, str]) -> None:
    """TagResource: moto tags clusters alone."""
    _find(self, resource_arn).update(tags)


def untag_resource(self: EKSResponse) -> ActionResult:
    """UntagResource: moto takes the first of the named tags away, AWS all."""
    tags = _find(self.eks_backend, self._extract_arn_from_path())
    for key in self.querystring["tagKeys"]:
        tags.pop(key, None)
    return EmptyResult()


def list_tags_for_resource(self: EKSBackend, resource_arn: str) -> dict[str, str]:
    """ListTagsForResource: moto lists those of clusters alone."""
    return _find(self, resource_arn)


def install() -> None:
    extend(EKSBackend, tag_resource, list_tags_for_resource)
    extend(EKSResponse, untag_resource)


def _find(backend: EKSBackend, arn: str) -> dict[str, str]:
    for found, tags in _tags(backend):
        if found == arn:
            return tags
    raise not_found(f"Resource was not found: {arn}")


def _tags(backend: EKSBackend) -> Iterator[tuple[str, dict[str, str]]]:
    """The ARN and the tags, to be changed in place, of all that there is."""
    for cluster in backend.clusters.values():
        yield cluster.arn, cluster.tags
        for group in cluster.nodegroups.values():
            yield group.arn, group.tags
        for profile in cluster.fargate_profiles.values():
            yield profile.fargate_profile_arn, profile.tags
        holding = holding_of(cluster)
        for kind, documents in (
            ("addonArn", holding.addons),
            ("accessEntryArn", holding.access_entries),
            ("associationArn", holding.pod_identities),
        ):
            for document in documents.values():
                yield document[kind], document["tags"]
