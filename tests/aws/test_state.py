from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.stub import Stubber

from orchestrator.aws.session import Session
from orchestrator.aws.state import read_locks, read_state
from orchestrator.errors import AwsError, StateError
from orchestrator.target import AwsSettings
from tests.estate import BUCKET, KEY, REGION, TABLE, Store, backend
from tests.fakes import recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

BACKEND = backend()


@pytest.fixture
def session() -> Session:
    return Session(AwsSettings())


@pytest.fixture
def stub() -> Iterator[tuple[Session, Stubber]]:
    session = Session(AwsSettings(access_key="x", secret_key="x", endpoint_url="http://127.0.0.1:1"))
    with Stubber(session.client("s3", REGION)) as stubber:
        yield session, stubber


def test_the_state_is_read_from_its_object(store: Store, session: Session) -> None:
    store.put_state(recorded("state.json"))

    state = read_state(session, BACKEND)

    assert state is not None
    assert state.serial == 7


def test_a_layer_that_was_never_applied_has_none(store: Store, session: Session) -> None:
    assert read_state(session, BACKEND) is None


def test_an_empty_object_is_no_state(store: Store, session: Session) -> None:
    store.put_state(" \n")

    assert read_state(session, BACKEND) is None


def test_no_bucket_says_how_to_make_one(aws: None, session: Session) -> None:
    with pytest.raises(StateError, match=f"the state bucket {BUCKET} does not exist") as caught:
        read_state(session, BACKEND)

    assert caught.value.hint == "wealist bootstrap"
    assert not caught.value.is_denied


def test_a_state_that_is_denied_says_so(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_client_error("get_object", "AccessDenied")

    with pytest.raises(StateError, match=r"this identity may not read it \(AccessDenied\)") as caught:
        read_state(session, BACKEND)

    assert caught.value.is_denied


def test_what_aws_says_otherwise_is_passed_on(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_client_error("get_object", "SlowDown")

    with pytest.raises(AwsError, match=f"reading s3://{BUCKET}/{KEY}: SlowDown"):
        read_state(session, BACKEND)


def test_an_object_that_is_no_state_names_its_url(store: Store, session: Session) -> None:
    store.put_state("<html>")

    with pytest.raises(StateError, match=f"s3://{BUCKET}/{KEY}: this is not a Terraform state"):
        read_state(session, BACKEND)


def test_a_lock_in_the_table_is_seen(store: Store, session: Session) -> None:
    assert read_locks(session, BACKEND) == []

    store.put_lock()

    (lock,) = read_locks(session, BACKEND)
    assert (lock.holder, lock.verb, lock.where) == ("alice@laptop", "apply", f"table {TABLE}")


def test_the_digest_that_terraform_keeps_in_the_table_is_no_lock(store: Store, session: Session) -> None:
    item = {"LockID": {"S": f"{BUCKET}/{KEY}-md5"}, "Digest": {"S": "d41d8cd9"}}
    store.dynamodb.put_item(TableName=TABLE, Item=item)

    assert read_locks(session, BACKEND) == []


def test_a_lock_object_is_seen_where_it_is_used(store: Store, session: Session) -> None:
    where = backend(dynamodb_table=None, use_lockfile=True)
    assert read_locks(session, where) == []

    store.put_state('{"ID": "1", "Who": "bob@ci", "Operation": "OperationTypePlan"}', key=f"{KEY}.tflock")

    (lock,) = read_locks(session, where)
    assert (lock.holder, lock.where) == ("bob@ci", f"s3://{BUCKET}/{KEY}.tflock")
    assert read_locks(session, BACKEND) == []


def test_both_locks_are_seen_where_both_are_used(store: Store, session: Session) -> None:
    store.put_lock()
    store.put_state("{}", key=f"{KEY}.tflock")

    assert len(read_locks(session, backend(use_lockfile=True))) == 2


def test_a_lock_object_that_is_denied_is_an_error(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_client_error("get_object", "AccessDenied")

    with pytest.raises(AwsError, match="tflock: AccessDenied"):
        read_locks(session, backend(dynamodb_table=None, use_lockfile=True))


def test_a_table_that_is_gone_is_an_error(store: Store, session: Session) -> None:
    with pytest.raises(AwsError, match="reading the lock table gone") as caught:
        read_locks(session, backend(dynamodb_table="gone"))

    assert caught.value.code == "ResourceNotFoundException"
