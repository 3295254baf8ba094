"""Whether there is something in what would be destroyed: one call each, and nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.aws.session import translated
from orchestrator.errors import AwsError

if TYPE_CHECKING:
    from orchestrator.aws.session import Session


def object_keys(session: Session, bucket: str, region: str) -> set[str]:
    """Keys in a bucket, of old versions and delete markers too, at most a thousand; none of one that is gone."""
    try:
        with translated(f"looking into bucket {bucket}"):
            found = session.client("s3", region).list_object_versions(Bucket=bucket)
    except AwsError as error:
        if error.code == "NoSuchBucket":
            return set()
        raise
    return {item["Key"] for kind in ("Versions", "DeleteMarkers") for item in found.get(kind, ())}


def has_images(session: Session, repository: str, region: str) -> bool:
    """Whether an ECR repository holds an image; one that is gone holds none."""
    try:
        with translated(f"looking into repository {repository}"):
            found = session.client("ecr", region).list_images(repositoryName=repository, maxResults=1)
    except AwsError as error:
        if error.code == "RepositoryNotFoundException":
            return False
        raise
    return bool(found.get("imageIds"))
