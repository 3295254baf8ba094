"""The digest that Terraform keeps of every state in the lock table, and what it means when it is wrong.

Terraform's S3 backend writes the state object first and then its MD5 to the item `BUCKET/KEY-md5`. Every read compares
the two, for ten seconds, and then gives up; an object that is gone counts as wrong as well, and a digest that is no MD5
as none. (internal/backend/remote-state/s3/client.go, Terraform 1.11.)

There are three ways to a wrong one: the object was replaced or deleted without Terraform, the digest was, or Terraform
was killed between its two writes. Which it was can be told from the versions that the bucket keeps.
"""

from __future__ import annotations

import re
import time
from collections import deque
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from orchestrator.aws.pool import threads
from orchestrator.aws.session import translated
from orchestrator.aws.state import NOT_THERE, read_object
from orchestrator.aws.version import list_versions
from orchestrator.errors import AwsError, StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from orchestrator.aws.session import Session
    from orchestrator.aws.state import StateObject
    from orchestrator.aws.version import Version
    from orchestrator.layer import Backend
    from orchestrator.state import State

SEARCHED = 100
"""Versions that are read, newest first, in search of the one that a digest belongs to."""

# A run that is writing right now is between its two writes for milliseconds.
_PAUSES = (0.5, 1.0)
_READERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A digest that is not that of the state object.

    Attributes:
        table: The lock table that holds it.
        recorded: The digest in the table.
        actual: The state object's own; None where there is no object.
        serial: The state's; None where there is no object, or it is no state.
        version_id, version_serial: The version that the digest belongs to, and its serial.
        is_newer: Whether the object is a later state of the same lineage than that version.
        is_searched: Whether the versions could be looked at.
    """

    table: str
    recorded: str
    actual: str | None
    serial: int | None = None
    version_id: str | None = None
    version_serial: int | None = None
    is_newer: bool = False
    is_searched: bool = True

    @property
    def cause(self) -> str:
        """What has happened, as far as it can be told."""
        if self.version_id is None:
            if not self.is_searched:
                here = "no state is there" if self.actual is None else "it is not that of the state"
                return f"the digest is wrong: {here}; its versions can't be seen"
            here = "no state is there, and no version fits" if self.actual is None else "no version of the state fits"
            return f"the digest is stale: {here}"
        which = f"version {self.version_id}"
        if self.version_serial is not None:
            which = f"{which} (serial {self.version_serial})"
        if self.actual is None:
            return f"the state was deleted behind Terraform's back: the digest is that of {which}"
        if self.is_newer:
            return (
                f"the state (serial {self.serial}) was written without its digest, by a Terraform that was killed in "
                f"between or by hand: the digest is that of {which}"
            )
        return f"the state was replaced behind Terraform's back: the digest is that of {which}"

    def remedy(self, layer_id: str, command: Callable[..., str]) -> str:
        """What to type.

        Args:
            command: Makes a wealist command for the target.
        """
        mend = command("state", "mend", layer_id)
        if self.version_id is None:
            return mend if self.is_searched else command("state", "history", layer_id)
        restore = command("state", "restore", layer_id, "--version", self.version_id)
        return f"keep the newer one: {mend}; go back: {restore}" if self.is_newer else restore

    def to_json(self) -> dict[str, Any]:
        return {
            "recorded": self.recorded,
            "actual": self.actual,
            "serial": self.serial,
            "version_id": self.version_id,
            "version_serial": self.version_serial,
            "is_newer": self.is_newer,
            "cause": self.cause,
        }


def digest_id(backend: Backend) -> str:
    """The `LockID` of the item that holds the digest."""
    return f"{backend.lock_id}-md5"


def read_digest(session: Session, backend: Backend) -> str | None:
    """The digest in the lock table; None where there is none, or one that Terraform takes no notice of.

    Raises:
        AwsError: AWS said no.
    """
    if backend.dynamodb_table is None:
        return None
    with translated(f"reading the digest in {backend.dynamodb_table}"):
        answer = session.client("dynamodb", backend.region).get_item(
            TableName=backend.dynamodb_table, Key={"LockID": {"S": digest_id(backend)}}, ConsistentRead=True
        )
    # Another type than text is no digest to Terraform either.
    text = answer.get("Item", {}).get("Digest", {}).get("S", "")
    return text.lower() if re.fullmatch(r"[0-9a-fA-F]{32}", text) else None


def write_digest(session: Session, backend: Backend, digest: str | None, *, instead_of: str | None = None) -> None:
    """Set the digest in the lock table, or remove it.

    Args:
        instead_of: Only where the table holds this one.

    Raises:
        AwsError: `ConditionalCheckFailedException` where the table holds another.
    """
    if backend.dynamodb_table is None:
        return
    condition = {}
    if instead_of is not None:
        # Terraform writes it in small letters, and reads it in any.
        values = {":small": {"S": instead_of.lower()}, ":great": {"S": instead_of.upper()}}
        condition = {"ConditionExpression": "Digest IN (:small, :great)", "ExpressionAttributeValues": values}
    dynamodb, table = session.client("dynamodb", backend.region), backend.dynamodb_table
    with translated(f"writing the digest in {table}"):
        if digest is None:
            dynamodb.delete_item(TableName=table, Key={"LockID": {"S": digest_id(backend)}}, **condition)
        else:
            item = {"LockID": {"S": digest_id(backend)}, "Digest": {"S": digest}}
            dynamodb.put_item(TableName=table, Item=item, **condition)


def is_wrong(recorded: str | None, current: StateObject | None) -> bool:
    """Whether Terraform would refuse this state."""
    return recorded is not None and recorded != (current.digest if current else None)


def find_mismatch(session: Session, backend: Backend) -> Mismatch | None:
    """Whether the digest is wrong, and why. Versions are listed and read only where it is.

    Raises:
        StateError: The bucket is missing or denied.
        AwsError: Anything else that AWS says.
    """
    recorded = read_digest(session, backend)
    if recorded is None or _etag(session, backend) == recorded:
        return None
    current = read_object(session, backend)
    for pause in _PAUSES:
        if not is_wrong(recorded, current):
            return None
        time.sleep(pause)
        recorded, current = read_digest(session, backend), read_object(session, backend)
    if recorded is None or not is_wrong(recorded, current):
        return None
    return _explain(session, backend, recorded, current)


def _etag(session: Session, backend: Backend) -> str | None:
    """The object's ETag, which is its MD5 where nothing but S3 itself encrypts it: a digest that is right costs no read."""
    try:
        with translated(f"looking at {backend.url}"):
            answer = session.client("s3", backend.region).head_object(Bucket=backend.bucket, Key=backend.key)
    except AwsError as error:
        if error.code in NOT_THERE:
            return None
        raise
    return str(answer["ETag"]).strip('"')


def _explain(session: Session, backend: Backend, recorded: str, current: StateObject | None) -> Mismatch:
    assert backend.dynamodb_table is not None
    here = _state(current)
    wrong = Mismatch(
        table=backend.dynamodb_table,
        recorded=recorded,
        actual=current.digest if current else None,
        serial=here.serial if here else None,
    )
    try:
        found = _find(session, backend, recorded)
    except (AwsError, StateError):
        return replace(wrong, is_searched=False)
    if found is None:
        return wrong
    version, its_object = found
    there = _state(its_object)
    return replace(
        wrong,
        version_id=version.id,
        version_serial=there.serial if there else None,
        is_newer=here is not None
        and there is not None
        and here.lineage == there.lineage
        and here.serial > there.serial,
    )


def _find(session: Session, backend: Backend, recorded: str) -> tuple[Version, StateObject] | None:
    """The version that a digest belongs to: by its ETag, and where that says nothing by its bytes."""
    versions = [version for version in list_versions(session, backend) if not version.is_delete_marker]
    likely = [version for version in versions if version.etag == recorded]
    others = [version for version in versions[:SEARCHED] if version.etag != recorded]
    for some in (likely, others):
        for version, found in _search(session, backend, some, recorded):
            if found is not None:
                return version, found
    return None


def _search(
    session: Session, backend: Backend, versions: Iterable[Version], wanted: str
) -> Iterator[tuple[Version, StateObject | None]]:
    """Each version with its object where that has the digest; a few are read ahead, and no other body is kept."""

    def read(version: Version) -> StateObject | None:
        found = read_object(session, backend, version_id=version.id)
        return found if found is not None and found.digest == wanted else None

    rest = iter(versions)
    with threads(_READERS) as pool:
        ahead = deque((version, pool.submit(read, version)) for version in islice(rest, _READERS))
        while ahead:
            version, reading = ahead.popleft()
            yield version, reading.result()
            ahead.extend((later, pool.submit(read, later)) for later in islice(rest, 1))


def _state(found: StateObject | None) -> State | None:
    if found is None:
        return None
    try:
        return found.state()
    except StateError:
        return None
