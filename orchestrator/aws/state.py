"""State objects, read straight from the bucket: milliseconds, where starting Terraform takes the better part of a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.aws.session import DENIED, translated
from orchestrator.errors import AwsError, StateError
from orchestrator.lock import Lock
from orchestrator.state import State

if TYPE_CHECKING:
    from orchestrator.aws.session import Session
    from orchestrator.layer import Backend

NOT_THERE = frozenset({"NoSuchKey", "404", "NotFound"})


def read_state(session: Session, backend: Backend) -> State | None:
    """The current state, or None where the layer was never applied.

    Raises:
        StateError: The bucket is missing or denied, or the object is no state.
        AwsError: Anything else that AWS says.
    """
    try:
        with translated(f"reading {backend.url}"):
            answer = session.client("s3", backend.region).get_object(Bucket=backend.bucket, Key=backend.key)
            text = answer["Body"].read()
    except AwsError as error:
        if error.code in NOT_THERE:
            return None
        if error.code == "NoSuchBucket":
            raise StateError(
                f"the state bucket {backend.bucket} does not exist", hint=session.settings.command("bootstrap")
            ) from error
        if error.code in DENIED:
            raise StateError(
                f"{backend.url}: this identity may not read it ({error.code})",
                hint=session.settings.command("preflight"),
                is_denied=True,
            ) from error
        raise
    return State.from_json(text, url=backend.url) if text.strip() else None


def read_locks(session: Session, backend: Backend) -> list[Lock]:
    """Every lock on a layer's state: the item in the table, the `.tflock` object, or both."""
    locks = []
    if backend.dynamodb_table:
        with translated(f"reading the lock table {backend.dynamodb_table}"):
            answer = session.client("dynamodb", backend.region).get_item(
                TableName=backend.dynamodb_table, Key={"LockID": {"S": backend.lock_id}}, ConsistentRead=True
            )
        info = answer.get("Item", {}).get("Info", {}).get("S")
        if info:
            locks.append(Lock.from_json(info, where=f"table {backend.dynamodb_table}"))
    if backend.use_lockfile:
        try:
            with translated(f"reading {backend.url}.tflock"):
                body = session.client("s3", backend.region).get_object(
                    Bucket=backend.bucket, Key=f"{backend.key}.tflock"
                )["Body"]
                locks.append(Lock.from_json(body.read().decode(errors="replace"), where=f"{backend.url}.tflock"))
        except AwsError as error:
            if error.code not in NOT_THERE:
                raise
    return locks
