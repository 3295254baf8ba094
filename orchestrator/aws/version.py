"""The versions of a state object that its bucket keeps, and writing one more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.aws.backend import write_settings
from orchestrator.aws.session import translated
from orchestrator.aws.state import explained
from orchestrator.errors import AwsError

if TYPE_CHECKING:
    from datetime import datetime

    from orchestrator.aws.session import Session
    from orchestrator.layer import Backend


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of an object, or a delete marker, which stands for its deletion.

    Attributes:
        id: `null` for what was written while the bucket kept no versions.
        modified: By the store's clock, in whole seconds.
        etag: The MD5 of the bytes, unless a KMS key encrypts them or they came in parts; empty for a delete marker.
    """

    id: str
    modified: datetime
    size: int = 0
    etag: str = ""
    is_current: bool
    is_delete_marker: bool = False


def list_versions(session: Session, backend: Backend) -> list[Version]:
    """Every version of the state object and every delete marker, newest first.

    Raises:
        StateError: The bucket is missing, or may not be listed.
        AwsError: Anything else that AWS says.
    """
    found: list[Version] = []
    try:
        with translated(f"listing the versions of {backend.url}"):
            pages = session.client("s3", backend.region).get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=backend.bucket, Prefix=backend.key):
                items = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
                found.extend(_version(item) for item in items if item["Key"] == backend.key)
                if any(item["Key"] != backend.key for item in items):
                    # Keys come in order; what follows is the `.tflock` object and other neighbours.
                    break
    except AwsError as error:
        raise explained(error, session, backend, needs=f"s3:ListBucketVersions on {backend.bucket}") from error
    return sorted(found, key=lambda version: (version.is_current, version.modified), reverse=True)


def put_state(session: Session, backend: Backend, body: bytes) -> str | None:
    """Write the state object, as Terraform does; returns the new version's id where the bucket keeps versions.

    Raises:
        AwsError: AWS said no, or did not answer; in that case it may have been written all the same.
    """
    with translated(f"writing {backend.url}"):
        answer = session.client("s3", backend.region).put_object(
            Bucket=backend.bucket,
            Key=backend.key,
            Body=body,
            ContentType="application/json",
            ChecksumAlgorithm="SHA256",
            **write_settings(backend),
        )
    version_id: str | None = answer.get("VersionId")
    return version_id


def _version(item: dict[str, Any]) -> Version:
    return Version(
        id=item["VersionId"],
        modified=item["LastModified"],
        size=item.get("Size", 0),
        etag=item.get("ETag", "").strip('"'),
        is_current=item["IsLatest"],
        is_delete_marker="ETag" not in item,
    )
