"""Whether there is something in what would be destroyed: one call each, and nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.aws.session import translated
from orchestrator.errors import AwsError

if TYPE_CHECKING:
    from orchestrator.aws.session import Session


def is_bucket_empty(session: Session, bucket: str, region: str) -> bool:
    """Whether a bucket holds no version of any object, and no delete marker; one that is gone is empty."""
    try:
        with translated(f"looking into bucket {bucket}"):
            found = session.client("s3", region).list_object_versions(Bucket=bucket, MaxKeys=1)
    except AwsError as error:
        if error.code == "NoSuchBucket":
            return True
        raise
    return not found.get("Versions") and not found.get("DeleteMarkers")


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
