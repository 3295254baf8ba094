"""Taking a state's lock as Terraform does, and giving it back: the item in the table, the `.tflock` object, or both.

The object comes first, as in Terraform; where the item can't be had the object is given back. Nothing is ever deleted but
the very lock that was read or taken: another text in its place is another lock, and stays.
"""

from __future__ import annotations

import json
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchestrator.aws.backend import LOCK_KEY, write_settings
from orchestrator.aws.session import DENIED, translated
from orchestrator.aws.state import lock_key, read_locks
from orchestrator.errors import AwsError, GuardError, StateLockedError, WealistError
from orchestrator.lock import Lock
from orchestrator.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.aws.session import Session
    from orchestrator.layer import Backend

_TAKEN = frozenset({"ConditionalCheckFailedException", "PreconditionFailed", "412"})


def lock_info(backend: Backend, *, who: str, operation: str, note: str) -> str:
    """What Terraform writes for a lock, in its order.

    Args:
        operation: Terraform's own are `OperationTypePlan`, `OperationTypeApply`, ...
        note: Kept in `Info`, which Terraform leaves empty.
    """
    seconds, rest = divmod(time.time_ns(), 1_000_000_000)
    created = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
    info = {
        "ID": str(uuid.uuid4()),
        "Operation": operation,
        "Info": note,
        "Who": who,
        "Version": f"wealist {__version__}",
        "Created": created,
        "Path": backend.lock_id,
    }
    return json.dumps(info, separators=(",", ":"), ensure_ascii=False)


def take(session: Session, backend: Backend, text: str) -> list[Lock]:
    """Take the lock that the backend block asks for; empty where it asks for none.

    Raises:
        StateLockedError: Somebody else holds it. Nothing is held then.
        AwsError: AWS said no. Nothing is held then, unless it was the answer that got lost.
    """
    taken: list[Lock] = []
    try:
        if backend.use_lockfile:
            taken.append(_put_object(session, backend, text))
        if backend.dynamodb_table:
            taken.append(_put_item(session, backend, text))
    except BaseException:
        # What stays is found by `locks`, and the reason why the lock could not be had matters more.
        with suppress(WealistError):
            release(session, backend, taken)
        raise
    return taken


def release(session: Session, backend: Backend, taken: Iterable[Lock]) -> None:
    """Give back a lock of one's own: every part of it that can be.

    Raises:
        GuardError: Another lock stands there by now; it stays.
        AwsError: AWS said no.
    """
    failed: list[WealistError] = []
    for lock in taken:
        try:
            _release(session, backend, lock)
        except WealistError as error:
            failed.append(error)
    if failed:
        failed[0].message = "; ".join(error.message for error in failed)
        raise failed[0]


def _release(session: Session, backend: Backend, lock: Lock) -> None:
    is_object = lock.etag is not None
    try:
        if is_object:
            _check_object(session, backend, lock)
            _delete_object(session, backend)
        else:
            _delete_item(session, backend, lock)
    except GuardError:
        # A call whose answer got lost is repeated, and finds that the lock is gone.
        if _read(session, backend, is_object=is_object) is not None:
            raise


def remove(session: Session, backend: Backend, lock: Lock) -> None:
    """Remove the very lock that was read.

    Raises:
        GuardError: It is gone, or another one stands there by now; that one stays.
        AwsError: AWS said no.
    """
    if lock.etag is None:
        _delete_item(session, backend, lock)
        return
    _check_object(session, backend, lock)
    if lock.version_id is None:
        _delete_object(session, backend)
        return
    try:
        # Exactly the version that was read: one that takes its place in between is not hit.
        _delete_object(session, backend, VersionId=lock.version_id)
    except AwsError as error:
        if error.code not in DENIED:
            raise
        # Terraform itself deletes no versions, and what it is documented to need does not allow it.
        _check_object(session, backend, lock)
        _delete_object(session, backend)


def _put_item(session: Session, backend: Backend, text: str) -> Lock:
    table = backend.dynamodb_table
    try:
        with translated(f"taking the lock in {table}"):
            session.client("dynamodb", backend.region).put_item(
                TableName=table,
                Item={LOCK_KEY: {"S": backend.lock_id}, "Info": {"S": text}},
                ConditionExpression=f"attribute_not_exists({LOCK_KEY})",
            )
    except AwsError as error:
        return _ours(session, backend, text, error, is_object=False)
    return Lock.from_json(text, where=f"table {table}")


def _put_object(session: Session, backend: Backend, text: str) -> Lock:
    key = lock_key(backend)
    try:
        with translated(f"taking the lock s3://{backend.bucket}/{key}"):
            answer = session.client("s3", backend.region).put_object(
                Bucket=backend.bucket,
                Key=key,
                Body=text.encode(),
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",
                IfNoneMatch="*",
                **write_settings(backend),
            )
    except AwsError as error:
        return _ours(session, backend, text, error, is_object=True)
    where = f"s3://{backend.bucket}/{key}"
    return Lock.from_json(text, where=where, etag=answer["ETag"], version_id=answer.get("VersionId"))


def _ours(session: Session, backend: Backend, text: str, error: AwsError, *, is_object: bool) -> Lock:
    """The lock that is there, if it is ours: a call whose answer got lost is repeated, and finds what it took itself."""
    if error.code not in _TAKEN:
        raise error
    found = _read(session, backend, is_object=is_object)
    if found is None:
        message = f"{backend.url}: the lock was held a moment ago, and is free by now"
        raise AwsError(message, code=error.code, hint="try again") from error
    if found.text != text:
        message = f"the state is locked by {found.describe()}, in {found.where}"
        raise StateLockedError(message, lock=found) from error
    return found


def _read(session: Session, backend: Backend, *, is_object: bool) -> Lock | None:
    return next((lock for lock in read_locks(session, backend) if (lock.etag is not None) is is_object), None)


def _delete_item(session: Session, backend: Backend, lock: Lock) -> None:
    where = backend.dynamodb_table
    condition: dict[str, Any] = {"ConditionExpression": f"attribute_exists({LOCK_KEY}) AND attribute_not_exists(Info)"}
    info = lock.attribute or ({"S": lock.text} if lock.text else None)
    if info is not None:
        values = {":info": info}
        condition = {"ConditionExpression": "Info = :info", "ExpressionAttributeValues": values}
    try:
        with translated(f"removing the lock in {where}"):
            session.client("dynamodb", backend.region).delete_item(
                TableName=where, Key={LOCK_KEY: {"S": backend.lock_id}}, **condition
            )
    except AwsError as error:
        if error.code in _TAKEN:
            raise _changed(lock) from error
        raise


def _check_object(session: Session, backend: Backend, lock: Lock) -> None:
    """Read the object again and compare."""
    now = _read(session, backend, is_object=True)
    if now is None or (now.etag, now.version_id, now.text) != (lock.etag, lock.version_id, lock.text):
        raise _changed(lock)


def _delete_object(session: Session, backend: Backend, **version: str) -> None:
    key = lock_key(backend)
    with translated(f"removing the lock s3://{backend.bucket}/{key}"):
        session.client("s3", backend.region).delete_object(Bucket=backend.bucket, Key=key, **version)


def _changed(lock: Lock) -> GuardError:
    return GuardError(f"the lock in {lock.where} is not the one of {lock.holder} any more, so it was left alone")
