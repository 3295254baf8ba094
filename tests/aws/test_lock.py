from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.aws import lock as subject
from orchestrator.aws.lock import lock_info, release, remove, take
from orchestrator.aws.session import Session
from orchestrator.aws.state import read_locks
from orchestrator.errors import AwsError, GuardError, StateLockedError
from orchestrator.target import AwsSettings
from tests.estate import BUCKET, KEY, TABLE, Store, backend

if TYPE_CHECKING:
    from orchestrator.layer import Backend

TABLE_ONLY = backend()
OBJECT_ONLY = backend(dynamodb_table=None, use_lockfile=True)
BOTH = backend(use_lockfile=True)
NOTHING = backend(dynamodb_table=None)
ITEM = f"{BUCKET}/{KEY}"
OBJECT = f"{KEY}.tflock"


@pytest.fixture
def session() -> Session:
    return Session(AwsSettings())


def info(where: Backend = BOTH, who: str = "me@here") -> str:
    return lock_info(where, who=who, operation="OperationTypeRestore", note="wealist, pid 1")


def denied(*_: object, **__: object) -> None:
    raise AwsError("no", code="AccessDenied")


def test_a_lock_is_written_as_terraform_writes_one() -> None:
    text = info()

    data = json.loads(text)
    assert list(data) == ["ID", "Operation", "Info", "Who", "Version", "Created", "Path"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", data["ID"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", data["Created"])
    assert (data["Who"], data["Operation"], data["Path"]) == ("me@here", "OperationTypeRestore", ITEM)
    assert data["Version"].startswith("wealist ")
    assert json.loads(info())["ID"] != data["ID"]


@pytest.mark.parametrize(("where", "count"), [(TABLE_ONLY, 1), (OBJECT_ONLY, 1), (BOTH, 2), (NOTHING, 0)])
def test_a_lock_is_taken_and_given_back(where: Backend, count: int, store: Store, session: Session) -> None:
    text = info(where)

    taken = take(session, where, text)

    assert [lock.text for lock in taken] == [text] * count
    assert read_locks(session, where) == list(reversed(taken))
    if where.dynamodb_table:
        assert store.item(ITEM) == {"LockID": ITEM, "Info": text}
    if where.use_lockfile:
        assert store.body(OBJECT) == text.encode()
    release(session, where, taken)
    assert read_locks(session, where) == []


@pytest.mark.parametrize("where", [TABLE_ONLY, OBJECT_ONLY, BOTH])
def test_a_lock_that_is_held_is_not_taken(where: Backend, store: Store, session: Session) -> None:
    held = take(session, where, info(who="alice@laptop"))

    with pytest.raises(StateLockedError, match="the state is locked by alice@laptop") as caught:
        take(session, where, info())

    assert caught.value.lock.holder == "alice@laptop"
    assert read_locks(session, where) == list(reversed(held))


def test_where_the_table_is_locked_the_object_is_given_back(store: Store, session: Session) -> None:
    store.put_lock()

    with pytest.raises(StateLockedError, match=f"locked by alice@laptop .*, in table {TABLE}"):
        take(session, BOTH, info())

    assert [lock.holder for lock in read_locks(session, BOTH)] == ["alice@laptop"]


def test_a_lock_that_can_not_be_taken_is_an_error_and_leaves_nothing(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "_put_item", denied)

    with pytest.raises(AwsError):
        take(session, BOTH, info())

    assert read_locks(session, BOTH) == []


@pytest.mark.parametrize("where", [TABLE_ONLY, OBJECT_ONLY])
def test_a_call_that_is_repeated_finds_the_lock_that_it_took_itself(
    where: Backend, store: Store, session: Session
) -> None:
    text = info(where)
    first = take(session, where, text)

    assert take(session, where, text) == first


@pytest.mark.parametrize("where", [TABLE_ONLY, OBJECT_ONLY])
def test_only_ones_own_lock_is_given_back(where: Backend, store: Store, session: Session) -> None:
    mine = take(session, where, info(where))
    release(session, where, mine)
    theirs = take(session, where, info(where, who="bob@ci"))

    with pytest.raises(GuardError, match="is not the one of me@here any more, so it was left alone"):
        release(session, where, mine)

    assert read_locks(session, where) == theirs


@pytest.mark.parametrize("where", [TABLE_ONLY, OBJECT_ONLY])
def test_a_lock_that_is_gone_needs_no_giving_back(where: Backend, store: Store, session: Session) -> None:
    mine = take(session, where, info(where))
    release(session, where, mine)

    release(session, where, mine)

    assert read_locks(session, where) == []


@pytest.mark.parametrize("where", [TABLE_ONLY, OBJECT_ONLY])
def test_the_lock_that_was_read_is_removed(where: Backend, store: Store, session: Session) -> None:
    take(session, where, info(where))

    remove(session, where, read_locks(session, where)[0])

    assert read_locks(session, where) == []


@pytest.mark.parametrize("where", [TABLE_ONLY, OBJECT_ONLY])
def test_a_lock_that_was_taken_anew_is_left_alone(where: Backend, store: Store, session: Session) -> None:
    shown = take(session, where, info(where))
    release(session, where, shown)
    newer = take(session, where, info(where, who="bob@ci"))

    with pytest.raises(GuardError, match="any more"):
        remove(session, where, shown[0])

    assert read_locks(session, where) == newer


@pytest.mark.parametrize("where", [TABLE_ONLY, OBJECT_ONLY])
def test_a_lock_that_is_gone_is_said_to_be_another(where: Backend, store: Store, session: Session) -> None:
    shown = take(session, where, info(where))
    release(session, where, shown)

    with pytest.raises(GuardError):
        remove(session, where, shown[0])


def test_exactly_the_version_that_was_shown_goes(store: Store, session: Session) -> None:
    release(session, OBJECT_ONLY, take(session, OBJECT_ONLY, info()))
    (lock,) = take(session, OBJECT_ONLY, info())
    assert lock.version_id

    remove(session, OBJECT_ONLY, lock)

    found = store.s3.list_object_versions(Bucket=BUCKET, Prefix=OBJECT)
    assert lock.version_id not in [version["VersionId"] for version in found["Versions"]]
    assert read_locks(session, OBJECT_ONLY) == []


def test_who_may_delete_no_versions_deletes_as_terraform_does(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lock,) = take(session, OBJECT_ONLY, info())
    real = subject._delete_object

    def delete(session: Session, where: Backend, **version: str) -> None:
        if version:
            denied()
        real(session, where)

    monkeypatch.setattr(subject, "_delete_object", delete)

    remove(session, OBJECT_ONLY, lock)

    assert read_locks(session, OBJECT_ONLY) == []


def test_what_aws_says_otherwise_is_passed_on(store: Store, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    (lock,) = take(session, OBJECT_ONLY, info())

    def slow(*_: Any, **__: Any) -> None:
        raise AwsError("later", code="SlowDown")

    monkeypatch.setattr(subject, "_delete_object", slow)

    with pytest.raises(AwsError, match="later"):
        remove(session, OBJECT_ONLY, lock)


def test_a_bucket_without_versions_is_compared_by_etag(store: Store, session: Session) -> None:
    store.s3.create_bucket(Bucket="plain", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    where = backend(bucket="plain", dynamodb_table=None, use_lockfile=True)
    shown = take(session, where, info(where))
    assert shown[0].version_id is None
    store.s3.put_object(Bucket="plain", Key=OBJECT, Body=info(where, who="bob@ci").encode())

    with pytest.raises(GuardError):
        remove(session, where, shown[0])
    remove(session, where, read_locks(session, where)[0])

    assert read_locks(session, where) == []


def test_an_item_that_says_nothing_of_itself_is_a_lock_that_can_be_removed(store: Store, session: Session) -> None:
    store.dynamodb.put_item(TableName=TABLE, Item={"LockID": {"S": ITEM}})
    (lock,) = read_locks(session, TABLE_ONLY)
    assert (lock.holder, lock.text) == ("unknown", "")

    remove(session, TABLE_ONLY, lock)

    assert read_locks(session, TABLE_ONLY) == []


def test_a_part_that_can_not_be_given_back_keeps_the_other_from_nothing(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = take(session, BOTH, info())
    monkeypatch.setattr(subject, "_delete_object", denied)

    with pytest.raises(AwsError, match="no"):
        release(session, BOTH, taken)

    assert store.item(ITEM) is None
    assert [lock.where for lock in read_locks(session, BOTH)] == [f"s3://{BUCKET}/{OBJECT}"]


def test_every_part_that_can_not_be_given_back_is_told(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = take(session, BOTH, info())
    monkeypatch.setattr(subject, "_delete_object", denied)
    store.put_lock()

    with pytest.raises(AwsError) as caught:
        release(session, BOTH, taken)

    assert (
        caught.value.message
        == f"no; the lock in table {TABLE} is not the one of me@here any more, so it was left alone"
    )
