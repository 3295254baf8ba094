"""State objects, read straight from the bucket: milliseconds, where starting Terraform takes the better part of a second."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.aws.session import DENIED, translated
from orchestrator.errors import AwsError, StateError
from orchestrator.lock import Lock
from orchestrator.state import State

if TYPE_CHECKING:
    from datetime import datetime

    from orchestrator.aws.session import Session
    from orchestrator.layer import Backend

# Of bytes. Terraform's own states are a few MB, its locks a few hundred bytes; either may have been put there by anybody.
LONGEST_STATE = 256_000_000
_LONGEST_LOCK = 1_000_000

NOT_THERE = frozenset({"NoSuchKey", "404", "NotFound"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StateObject:
    """One version of a state object, unread.

    Attributes:
        url: For messages.
        modified: When it was written, by the store's clock.
        version_id: None in a bucket that never kept versions.
    """

    url: str
    body: bytes = field(repr=False)
    modified: datetime
    version_id: str | None
    etag: str

    @property
    def is_blank(self) -> bool:
        """Whether nothing is in it, which Terraform takes for no state."""
        return not self.body.strip()

    @property
    def digest(self) -> str | None:
        """What Terraform keeps of it in the lock table: the MD5 of its bytes; None where there are none."""
        return hashlib.md5(self.body, usedforsecurity=False).hexdigest() if self.body else None

    def state(self) -> State:
        """What is in it.

        Raises:
            StateError: It is no state.
        """
        return State.from_json(self.body, url=self.url)


def read_object(session: Session, backend: Backend, *, version_id: str | None = None) -> StateObject | None:
    """The current state object or one of its versions, or None where there is none.

    Raises:
        StateError: The bucket is missing or denied.
        AwsError: Anything else that AWS says.
    """
    version = {"VersionId": version_id} if version_id else {}
    try:
        with translated(f"reading {backend.url}"):
            answer = session.client("s3", backend.region).get_object(Bucket=backend.bucket, Key=backend.key, **version)
            if answer["ContentLength"] > LONGEST_STATE:
                raise StateError(f"{backend.url}: it is larger than {LONGEST_STATE // 1_000_000} MB")
            body = answer["Body"].read()
    except AwsError as error:
        if error.code in NOT_THERE:
            return None
        raise explained(error, session, backend) from error
    return StateObject(
        url=backend.url,
        body=body,
        modified=answer["LastModified"],
        version_id=answer.get("VersionId"),
        etag=answer["ETag"],
    )


def explained(error: AwsError, session: Session, backend: Backend, *, needs: str = "") -> AwsError | StateError:
    """What it means that a state object can't be had.

    Args:
        needs: The permission that the call takes, where reading the object is not all that it does.
    """
    if error.code == "NoSuchBucket":
        return StateError(
            f"the state bucket {backend.bucket} does not exist", hint=session.settings.command("bootstrap")
        )
    if error.code in DENIED:
        hint = f"this identity needs {needs}" if needs else session.settings.command("preflight")
        return StateError(f"{backend.url}: this identity may not read it ({error.code})", hint=hint, is_denied=True)
    return error


def read_state(session: Session, backend: Backend) -> State | None:
    """The current state, or None where the layer was never applied.

    Raises:
        StateError: The bucket is missing or denied, or the object is no state.
        AwsError: Anything else that AWS says.
    """
    found = read_object(session, backend)
    return None if found is None or found.is_blank else found.state()


def lock_key(backend: Backend) -> str:
    """The key of the `.tflock` object."""
    return f"{backend.key}.tflock"


def read_locks(session: Session, backend: Backend) -> list[Lock]:
    """Every lock on a layer's state: the item in the table, the `.tflock` object, or both."""
    locks = []
    if backend.dynamodb_table:
        with translated(f"reading the lock table {backend.dynamodb_table}"):
            answer = session.client("dynamodb", backend.region).get_item(
                TableName=backend.dynamodb_table, Key={"LockID": {"S": backend.lock_id}}, ConsistentRead=True
            )
        if item := answer.get("Item"):
            locks.append(Lock.from_item(item, where=f"table {backend.dynamodb_table}"))
    if backend.use_lockfile:
        key = lock_key(backend)
        url = f"s3://{backend.bucket}/{key}"
        try:
            with translated(f"reading {url}"):
                answer = session.client("s3", backend.region).get_object(Bucket=backend.bucket, Key=key)
                text = answer["Body"].read(_LONGEST_LOCK).decode(errors="replace")
        except AwsError as error:
            if error.code not in NOT_THERE:
                raise
        else:
            version_id = answer.get("VersionId")
            locks.append(Lock.from_json(text, where=url, etag=answer["ETag"], version_id=version_id))
    return locks
