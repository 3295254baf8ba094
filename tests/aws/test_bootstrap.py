from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import botocore.client
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from orchestrator.aws import backend as look
from orchestrator.aws.bootstrap import plan_bootstrap
from orchestrator.aws.session import Session
from orchestrator.errors import AwsError, ConfigError, GuardError
from orchestrator.target import AwsSettings
from tests.estate import ACCOUNT, BUCKET, REGION, TABLE, Store, backend

if TYPE_CHECKING:
    from orchestrator.layer import Backend

BACKEND = backend()


def bootstrap(where: Backend = BACKEND) -> list[str]:
    """Take every step that is left; returns what each said."""
    steps = plan_bootstrap(Session(AwsSettings()), where, account=ACCOUNT)
    for step in steps:
        step.run()
    return [f"{step.subject}: {step.text}" for step in steps]


@pytest.fixture
def stub() -> tuple[Session, Stubber]:
    session = Session(AwsSettings(access_key="x", secret_key="x", endpoint_url="http://127.0.0.1:1"))
    stubber = Stubber(session.client("s3", REGION))
    stubber.activate()
    return session, stubber


def test_from_nothing_everything_is_made_and_hardened(aws: None) -> None:
    said = bootstrap()

    assert said == [
        f"s3://{BUCKET}: create the bucket in {REGION}",
        f"s3://{BUCKET}: block all public access",
        f"s3://{BUCKET}: keep every version",
        f"s3://{BUCKET}: encrypt by default",
        f"s3://{BUCKET}: refuse plain HTTP",
        f"s3://{BUCKET}: let replaced versions expire after 90 days",
        f"table {TABLE}: create the table in {REGION}, on demand, key LockID, protected against deletion",
        f"table {TABLE}: turn on point-in-time recovery",
    ]
    session = Session(AwsSettings())
    assert look.bucket_region(session, BACKEND) == REGION
    assert look.blocks_public_access(session, BACKEND)
    assert look.is_versioned(session, BACKEND)
    assert look.is_encrypted(session, BACKEND)
    (statement,) = look.bucket_policy(session, BACKEND)["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    (rule,) = look.lifecycle_rules(session, BACKEND)
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}
    table = look.lock_table(session, BACKEND)
    assert table.fits
    assert table.has_deletion_protection
    assert look.has_point_in_time_recovery(session, BACKEND)
    described = boto3.client("dynamodb", region_name=REGION).describe_table(TableName=TABLE)["Table"]
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_nothing_is_changed_by_looking(aws: None) -> None:
    plan_bootstrap(Session(AwsSettings()), BACKEND, account=ACCOUNT)

    assert boto3.client("s3", region_name=REGION).list_buckets()["Buckets"] == []
    assert boto3.client("dynamodb", region_name=REGION).list_tables()["TableNames"] == []


def test_a_second_time_there_is_nothing_to_do(aws: None) -> None:
    bootstrap()

    assert bootstrap() == []


def test_a_backend_without_a_table_gets_none(aws: None) -> None:
    assert not any("table" in text for text in bootstrap(backend(dynamodb_table=None, use_lockfile=True)))


def test_in_us_east_1_there_is_no_location_to_name(aws: None) -> None:
    where = backend(region="us-east-1")
    bootstrap(where)

    assert look.bucket_region(Session(AwsSettings()), where) == "us-east-1"


@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_arns_are_those_of_the_partition(aws: None, region: str, partition: str) -> None:
    # moto knows no credentials for these partitions, so the step is looked at and not taken.
    session = Session(AwsSettings(access_key="x", secret_key="x"))
    with Stubber(session.client("s3", region)) as stubber:
        stubber.add_client_error("head_bucket", "404", http_status_code=404)
        stubber.add_response("put_bucket_policy", {}, None)
        steps = plan_bootstrap(session, backend(region=region, dynamodb_table=None), account=ACCOUNT)
        sent: list[Any] = []
        client = session.client("s3", region)
        client.meta.events.register("provide-client-params.s3.PutBucketPolicy", lambda params, **_: sent.append(params))
        next(step for step in steps if step.text == "refuse plain HTTP").run()

    (statement,) = json.loads(sent[0]["Policy"])["Statement"]
    assert statement["Resource"][0] == f"arn:{partition}:s3:::{BUCKET}"


def test_other_peoples_policy_and_rules_stay(store: Store) -> None:
    theirs = {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }
    rule = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}}
    store.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": [theirs]}))
    store.s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})

    bootstrap()

    session = Session(AwsSettings())
    assert [s["Sid"] for s in look.bucket_policy(session, BACKEND)["Statement"]] == ["Theirs", "DenyInsecureTransport"]
    assert [r["ID"] for r in look.lifecycle_rules(session, BACKEND)] == ["theirs", "wealist-noncurrent-state-versions"]
    assert bootstrap() == []


def test_a_policy_of_one_statement_that_is_no_list_is_read_as_one(store: Store) -> None:
    statement = {
        "Sid": "Theirs",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    store.s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": statement}))

    assert f"s3://{BUCKET}: refuse plain HTTP" not in bootstrap()


def test_their_own_rule_for_old_versions_is_enough(store: Store) -> None:
    rule = {
        "ID": "theirs",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 365},
    }
    store.s3.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})

    assert not any("expire" in text for text in bootstrap())


def test_a_bucket_of_somebody_else_is_refused(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_client_error(
        "head_bucket",
        "403",
        http_status_code=403,
        expected_params={"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT},
    )

    with pytest.raises(GuardError, match=f"bucket {BUCKET} exists and belongs to another account") as caught:
        plan_bootstrap(session, BACKEND, account=ACCOUNT)

    assert caught.value.exit_code == 13
    assert str(BACKEND.location) in str(caught.value.hint)


def test_a_bucket_in_another_region_is_refused(store: Store) -> None:
    with pytest.raises(ConfigError, match=f"bucket {BUCKET} is in {REGION}, and the block says us-east-1") as caught:
        plan_bootstrap(Session(AwsSettings()), backend(region="us-east-1"), account=ACCOUNT)

    assert caught.value.hint == f'write region = "{REGION}" in the block'


def test_a_table_with_another_key_is_refused_and_nothing_is_done(store: Store) -> None:
    store.dynamodb.delete_table(TableName=TABLE)
    store.make_table("ID")

    with pytest.raises(ConfigError, match=f"table {TABLE} has the key ID:S, and Terraform locks with LockID:S only"):
        plan_bootstrap(Session(AwsSettings()), BACKEND, account=ACCOUNT)


def test_what_aws_says_otherwise_is_passed_on(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_client_error("head_bucket", "ExpiredToken", http_status_code=400)

    with pytest.raises(AwsError) as caught:
        plan_bootstrap(session, BACKEND, account=ACCOUNT)

    assert caught.value.code == "ExpiredToken"


def test_a_table_that_can_not_be_looked_at_is_passed_on(store: Store) -> None:
    session = Session(AwsSettings())
    with Stubber(session.client("dynamodb", REGION)) as stubber:
        stubber.add_client_error("describe_table", "AccessDeniedException")
        with pytest.raises(AwsError) as caught:
            plan_bootstrap(session, BACKEND, account=ACCOUNT)

    assert caught.value.code == "AccessDeniedException"


def test_a_step_that_fails_says_what_it_was_doing(store: Store) -> None:
    session = Session(AwsSettings())
    store.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    step = next(step for step in plan_bootstrap(session, BACKEND, account=ACCOUNT) if step.text == "keep every version")

    with Stubber(session.client("s3", REGION)) as stubber:
        stubber.add_client_error("put_bucket_versioning", "AccessDenied", "no")
        with pytest.raises(AwsError) as caught:
            step.run()

    assert caught.value.message == f"bucket {BUCKET}: keep every version: AccessDenied: no"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, which take no time."""
    made: list[float] = []
    monkeypatch.setattr("orchestrator.aws.bootstrap.time.sleep", made.append)
    return made


def refuse(monkeypatch: pytest.MonkeyPatch, operation: str, code: str, times: int) -> None:
    """Let AWS say this the first times that it is asked."""
    real: Any = vars(botocore.client.BaseClient)["_make_api_call"]
    left = [times]

    def call(client: Any, name: str, given: dict[str, Any]) -> Any:
        if name == operation and left[0]:
            left[0] -= 1
            raise ClientError({"Error": {"Code": code, "Message": "not yet"}}, name)
        return real(client, name, given)

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", call)


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("UpdateContinuousBackups", "ContinuousBackupsUnavailableException"),
        ("PutBucketVersioning", "NoSuchBucket"),
        ("PutPublicAccessBlock", "OperationAborted"),
    ],
)
def test_what_was_made_a_moment_ago_is_given_time_to_settle(
    aws: None, monkeypatch: pytest.MonkeyPatch, pauses: list[float], operation: str, code: str
) -> None:
    refuse(monkeypatch, operation, code, 3)

    bootstrap()

    assert pauses == [1.0, 2.0, 3.0]
    assert bootstrap() == []


def test_what_never_settles_comes_to_an_end(aws: None, monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    refuse(monkeypatch, "UpdateContinuousBackups", "ContinuousBackupsUnavailableException", 99)

    with pytest.raises(AwsError, match="turn on point-in-time recovery: ContinuousBackupsUnavailableException"):
        bootstrap()

    assert sum(pauses) < 60


def test_a_no_is_a_no_at_once(aws: None, monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> None:
    refuse(monkeypatch, "PutBucketVersioning", "AccessDenied", 1)

    with pytest.raises(AwsError, match="keep every version: AccessDenied"):
        bootstrap()

    assert pauses == []


def test_a_step_that_does_not_take_effect_is_not_passed_over(
    aws: None, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    monkeypatch.setattr(look, "is_versioned", lambda *_: False)

    with pytest.raises(AwsError, match="keep every version: AWS took it, and it is not so yet"):
        bootstrap()
