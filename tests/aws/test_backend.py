from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import ANY, Stubber

from orchestrator.aws import backend as look
from orchestrator.aws.session import Session
from orchestrator.errors import AwsError
from orchestrator.target import AwsSettings
from tests.estate import ACCOUNT, BUCKET, KEY, REGION, Store, backend

if TYPE_CHECKING:
    from collections.abc import Iterator

BACKEND = backend()


@pytest.fixture
def session() -> Session:
    return Session(AwsSettings())


@pytest.fixture
def stub() -> Iterator[tuple[Session, Stubber]]:
    """A session whose S3 answers what it is told to."""
    session = Session(AwsSettings(access_key="x", secret_key="x", endpoint_url="http://127.0.0.1:1"))
    with Stubber(session.client("s3", REGION)) as stubber:
        yield session, stubber
        stubber.assert_no_pending_responses()


def test_a_bucket_says_where_it_is(store: Store, session: Session) -> None:
    assert look.bucket_region(session, BACKEND) == REGION


def test_a_bucket_in_another_region_says_so(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    headers = {"HTTPHeaders": {"x-amz-bucket-region": "us-east-1"}}
    stubber.add_response("head_bucket", {"ResponseMetadata": headers}, {"Bucket": BUCKET})

    assert look.bucket_region(session, BACKEND) == "us-east-1"


@pytest.mark.parametrize("code", ["404", "403"])
def test_a_bucket_that_is_missing_or_denied_keeps_its_code(code: str, stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_client_error("head_bucket", code, http_status_code=int(code))

    with pytest.raises(AwsError, match=f"looking at bucket {BUCKET}") as caught:
        look.bucket_region(session, BACKEND)

    assert caught.value.code == code


def test_the_owner_is_asked_for_where_it_is_known(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    answer = {"BucketRegion": REGION, "ResponseMetadata": {"HTTPHeaders": {}}}
    stubber.add_response("head_bucket", answer, {"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT})

    assert look.bucket_region(session, BACKEND, owner=ACCOUNT) == REGION


def test_the_settings_of_a_bootstrapped_bucket_are_seen(store: Store, session: Session) -> None:
    assert look.is_versioned(session, BACKEND)
    assert look.is_encrypted(session, BACKEND)
    assert look.blocks_public_access(session, BACKEND)


def test_the_settings_of_a_bare_bucket_are_seen(store: Store, session: Session) -> None:
    bare = backend(bucket="bare")
    store.s3.create_bucket(Bucket="bare", CreateBucketConfiguration={"LocationConstraint": REGION})

    assert not look.is_versioned(session, bare)
    assert not look.blocks_public_access(session, bare)
    assert look.bucket_policy(session, bare) == {}
    assert look.lifecycle_rules(session, bare) == []


def test_suspended_versioning_is_off(store: Store, session: Session) -> None:
    store.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})

    assert not look.is_versioned(session, BACKEND)


def test_three_blocks_of_four_are_not_enough(store: Store, session: Session) -> None:
    blocks = {**look.PUBLIC_ACCESS_BLOCK, "BlockPublicPolicy": False}
    store.s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=blocks)

    assert not look.blocks_public_access(session, BACKEND)


@pytest.mark.parametrize(
    ("call", "operation", "absent", "empty"),
    [
        (look.is_encrypted, "get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError", False),
        (look.blocks_public_access, "get_public_access_block", "NoSuchPublicAccessBlockConfiguration", False),
        (look.bucket_policy, "get_bucket_policy", "NoSuchBucketPolicy", {}),
        (look.lifecycle_rules, "get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration", []),
    ],
)
def test_none_is_an_answer_and_denied_is_an_error(
    call: Any, operation: str, absent: str, empty: Any, stub: tuple[Session, Stubber]
) -> None:
    session, stubber = stub
    stubber.add_client_error(operation, absent)
    stubber.add_client_error(operation, "AccessDenied")

    assert call(session, BACKEND) == empty
    with pytest.raises(AwsError) as caught:
        call(session, BACKEND)
    assert caught.value.code == "AccessDenied"


def test_policy_and_lifecycle_come_as_data(store: Store, session: Session) -> None:
    policy = {"Version": "2012-10-17", "Statement": []}
    rule = {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 3}}
    store.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(policy))
    store.s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})

    assert look.bucket_policy(session, BACKEND) == policy
    assert [found["ID"] for found in look.lifecycle_rules(session, BACKEND)] == ["a"]


def test_probing_writes_nothing_at_all(store: Store, session: Session) -> None:
    look.probe_write(session, BACKEND)

    assert store.objects() == []
    assert "Uploads" not in store.s3.list_multipart_uploads(Bucket=BUCKET)


def test_probing_leaves_a_state_as_it_is(store: Store, session: Session) -> None:
    store.put_state("the state")

    look.probe_write(session, BACKEND)

    assert store.s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == b"the state"
    assert store.objects() == [KEY]


@pytest.mark.parametrize(
    ("changes", "encryption"),
    [
        ({}, {}),
        ({"encrypt": True}, {"ServerSideEncryption": "AES256"}),
        ({"kms_key_id": "key"}, {}),
        ({"acl": "private"}, {"ACL": "private"}),
        ({"encrypt": True, "kms_key_id": "key"}, {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "key"}),
    ],
)
def test_probing_asks_for_the_encryption_of_the_state(
    changes: dict[str, Any], encryption: dict[str, str], stub: tuple[Session, Stubber]
) -> None:
    session, stubber = stub
    stubber.add_response("create_multipart_upload", {"UploadId": "u"}, {"Bucket": BUCKET, "Key": KEY, **encryption})
    stubber.add_response("abort_multipart_upload", {}, {"Bucket": BUCKET, "Key": KEY, "UploadId": "u"})

    look.probe_write(session, backend(**changes))


def test_a_probe_that_is_denied_is_an_error(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_client_error("create_multipart_upload", "AccessDenied", expected_params={"Bucket": ANY, "Key": ANY})

    with pytest.raises(AwsError, match=f"preparing to write s3://{BUCKET}/{KEY}"):
        look.probe_write(session, BACKEND)


def test_a_probe_that_can_not_be_ended_has_shown_what_it_should(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_response("create_multipart_upload", {"UploadId": "u"})
    stubber.add_client_error("abort_multipart_upload", "AccessDenied")

    left = look.probe_write(session, BACKEND)

    assert left is not None
    assert left.message == f"ending the upload that showed that s3://{BUCKET}/{KEY} can be written: AccessDenied"


def test_a_lock_table_fits_with_the_key_that_terraform_uses(store: Store, session: Session) -> None:
    table = look.lock_table(session, BACKEND)

    assert (table.status, table.key, table.fits) == ("ACTIVE", "LockID:S", True)
    assert not table.has_deletion_protection
    assert not look.has_point_in_time_recovery(session, BACKEND)


@pytest.mark.parametrize(("key", "type_"), [("ID", "S"), ("LockID", "N")])
def test_a_table_with_another_key_does_not_fit(key: str, type_: str, store: Store, session: Session) -> None:
    store.dynamodb.delete_table(TableName="acme-lock")
    store.make_table(key, type_)

    table = look.lock_table(session, BACKEND)

    assert (table.key, table.fits) == (f"{key}:{type_}", False)


def test_a_table_with_a_sort_key_does_not_fit(store: Store, session: Session) -> None:
    store.dynamodb.create_table(
        TableName="sorted",
        AttributeDefinitions=[
            {"AttributeName": "LockID", "AttributeType": "S"},
            {"AttributeName": "At", "AttributeType": "N"},
        ],
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}, {"AttributeName": "At", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
    )

    table = look.lock_table(session, backend(dynamodb_table="sorted"))

    assert (table.key, table.fits) == ("LockID:S At:N", False)


def test_no_table_keeps_the_code_of_aws(store: Store, session: Session) -> None:
    with pytest.raises(AwsError, match="looking at lock table gone") as caught:
        look.lock_table(session, backend(dynamodb_table="gone"))

    assert caught.value.code == "ResourceNotFoundException"
