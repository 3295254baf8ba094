from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import ANY, Stubber

from orchestrator.aws.session import Session
from orchestrator.aws.version import list_versions, put_state
from orchestrator.errors import AwsError, StateError
from orchestrator.target import AwsSettings
from tests.estate import BUCKET, KEY, REGION, Store, backend

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


def test_versions_and_deletions_are_listed_newest_first(store: Store, session: Session) -> None:
    first = store.put_version("one")
    second = store.put_version("three")
    store.s3.delete_object(Bucket=BUCKET, Key=KEY)

    versions = list_versions(session, BACKEND)

    assert [(version.is_current, version.is_delete_marker) for version in versions] == [
        (True, True),
        (False, False),
        (False, False),
    ]
    assert {version.id for version in versions[1:]} == {first, second}
    assert sorted(version.size for version in versions) == [0, 3, 5]


def test_objects_whose_keys_begin_alike_are_others(store: Store, session: Session) -> None:
    version = store.put_version("mine")
    store.put_state("lock", key=f"{KEY}.tflock")
    store.put_state("copy", key=f"{KEY}-backup")

    assert [found.id for found in list_versions(session, BACKEND)] == [version]


def test_a_state_that_never_was_has_no_versions(store: Store, session: Session) -> None:
    assert list_versions(session, BACKEND) == []


def test_no_bucket_says_how_to_make_one(aws: None, session: Session) -> None:
    with pytest.raises(StateError, match=f"the state bucket {BUCKET} does not exist"):
        list_versions(session, BACKEND)


def test_versions_that_may_not_be_listed_name_the_permission(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_client_error("list_object_versions", "AccessDenied")

    with pytest.raises(StateError, match="this identity may not read it") as caught:
        list_versions(session, BACKEND)

    assert caught.value.hint == f"this identity needs s3:ListBucketVersions on {BUCKET}"


def test_a_written_state_is_a_new_version(store: Store, session: Session) -> None:
    first = store.put_version("old")

    second = put_state(session, BACKEND, b'{"new": true}')

    assert store.body() == b'{"new": true}'
    assert next(version.id for version in list_versions(session, BACKEND)) == second
    assert store.s3.get_object(Bucket=BUCKET, Key=KEY, VersionId=first)["Body"].read() == b"old"


@pytest.mark.parametrize(
    ("changes", "encryption"),
    [
        ({}, {}),
        ({"encrypt": True}, {"ServerSideEncryption": "AES256"}),
        ({"encrypt": True, "kms_key_id": "key"}, {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "key"}),
    ],
)
def test_a_state_is_written_as_terraform_writes_it(
    changes: dict[str, Any], encryption: dict[str, str], stub: tuple[Session, Stubber]
) -> None:
    session, stubber = stub
    expected = {"Bucket": BUCKET, "Key": KEY, "Body": b"{}", "ContentType": "application/json", **encryption}
    stubber.add_response("put_object", {}, {**expected, "ChecksumAlgorithm": ANY})

    assert put_state(session, backend(**changes), b"{}") is None


def test_a_state_that_may_not_be_written_is_an_error(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_client_error("put_object", "AccessDenied")

    with pytest.raises(AwsError, match=f"writing s3://{BUCKET}/{KEY}: AccessDenied"):
        put_state(session, BACKEND, b"{}")
