from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from orchestrator.aws import secrets
from orchestrator.aws.secrets import Secret
from orchestrator.aws.session import Session
from orchestrator.errors import AwsError, SecretError
from orchestrator.target import AwsSettings
from tests.estate import ACCOUNT, REGION
from tests.fakes import CANARY

if TYPE_CHECKING:
    from collections.abc import Iterator

ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:acme/db-AbCdEf"
IDS = tuple(f"terraform-2026112513302798740000000{n}" for n in range(3))


@pytest.fixture
def stub() -> Iterator[tuple[Session, Stubber]]:
    session = Session(AwsSettings(access_key="x", secret_key="x", endpoint_url="http://127.0.0.1:1"))
    with Stubber(session.client("secretsmanager", REGION)) as stubber:
        yield session, stubber


def make(text: str) -> str:
    arn: str = boto3.client("secretsmanager", region_name=REGION).create_secret(Name="acme/db", SecretString=text)[
        "ARN"
    ]
    return arn


def secret(text: str) -> Secret:
    return Secret(name="db", arn=ARN, version_id="v", stages=(), created="", text=text)


def refusal(session: Session, *, arn: str = ARN, stage: str = "AWSCURRENT") -> SecretError:
    with pytest.raises(SecretError) as caught:
        secrets.fetch(session, name="db", arn=arn, layer="prod/foundation", stage=stage)
    assert caught.value.exit_code == 14
    return caught.value


def test_a_secret_is_fetched_with_its_version(aws: None) -> None:
    arn = make(json.dumps({"username": "admin", "password": CANARY}))

    found = secrets.fetch(Session(AwsSettings()), name="db", arn=arn, layer="prod/foundation")

    assert found.value("password") == CANARY
    assert (found.arn, found.stages) == (arn, ("AWSCURRENT",))
    assert found.version_id
    assert datetime.fromisoformat(found.created).tzinfo is not None
    assert CANARY not in repr(found)


def test_an_earlier_version_is_fetched_by_its_stage(aws: None) -> None:
    arn = make("first")
    boto3.client("secretsmanager", region_name=REGION).put_secret_value(SecretId=arn, SecretString="second")
    session = Session(AwsSettings())

    assert secrets.fetch(session, name="db", arn=arn, layer="prod/foundation").text == "second"
    assert secrets.fetch(session, name="db", arn=arn, layer="prod/foundation", stage="AWSPREVIOUS").text == "first"


def test_the_region_is_the_arns(aws: None) -> None:
    client = boto3.client("secretsmanager", region_name="eu-west-1")
    arn = client.create_secret(Name="elsewhere", SecretString="found")["ARN"]

    assert secrets.fetch(Session(AwsSettings()), name="db", arn=arn, layer="prod/foundation").text == "found"


@pytest.mark.parametrize(
    "arn", ["", "db-password", "arn:aws:s3:::bucket", "arn:aws:rds:a:b:db:c:d", "arn:aws:secretsmanager:x"]
)
def test_what_is_no_arn_of_a_secret_points_to_the_output(arn: str, stub: tuple[Session, Stubber]) -> None:
    error = refusal(stub[0], arn=arn)

    assert error.message == f"secret db: the output holds {arn!r}, which is not the ARN of a secret"
    assert error.hint == "check secrets.db.output in wealist.yaml"


@pytest.mark.parametrize(
    ("code", "stage", "message", "hint"),
    [
        (
            "AccessDeniedException",
            "AWSCURRENT",
            "secret db: this identity may not read it (AccessDeniedException)",
            f"it needs secretsmanager:GetSecretValue on {ARN} and kms:Decrypt on its key",
        ),
        (
            "KMSAccessDeniedException",
            "AWSCURRENT",
            "secret db: this identity may not read it (KMSAccessDeniedException)",
            f"it needs secretsmanager:GetSecretValue on {ARN} and kms:Decrypt on its key",
        ),
        (
            "ResourceNotFoundException",
            "AWSCURRENT",
            f"secret db does not exist any more: {ARN}",
            "wealist --sandbox plan prod/foundation shows what would make it again",
        ),
        (
            "ResourceNotFoundException",
            "AWSPREVIOUS",
            "secret db has no version in stage AWSPREVIOUS, or is gone",
            f"aws secretsmanager list-secret-version-ids --secret-id {ARN}",
        ),
        (
            "InvalidRequestException",
            "AWSCURRENT",
            "secret db can't be read as it stands, most likely because it is marked for deletion",
            f"aws secretsmanager restore-secret --secret-id {ARN}",
        ),
        (
            "DecryptionFailure",
            "AWSCURRENT",
            "secret db: its KMS key can't decrypt it (DecryptionFailure)",
            f"aws secretsmanager describe-secret --secret-id {ARN} --query KmsKeyId",
        ),
    ],
)
def test_each_way_in_which_it_can_not_be_had_is_told_apart(
    code: str, stage: str, message: str, hint: str, stub: tuple[Session, Stubber]
) -> None:
    session, stubber = stub
    stubber.add_client_error("get_secret_value", code)

    error = refusal(session, stage=stage)

    assert (error.message, error.hint) == (message, hint)


def test_a_secret_that_is_marked_for_deletion_says_how_to_restore_it(aws: None) -> None:
    arn = make("x")
    boto3.client("secretsmanager", region_name=REGION).delete_secret(SecretId=arn, RecoveryWindowInDays=7)

    assert refusal(Session(AwsSettings()), arn=arn).hint == f"aws secretsmanager restore-secret --secret-id {arn}"


def test_a_stage_that_is_not_there_says_how_to_list_them(aws: None) -> None:
    arn = make("x")

    error = refusal(Session(AwsSettings()), arn=arn, stage="AWSPREVIOUS")

    assert error.message == "secret db has no version in stage AWSPREVIOUS, or is gone"


def test_what_aws_says_otherwise_is_passed_on(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_client_error("get_secret_value", "InternalServiceError")

    with pytest.raises(AwsError, match="fetching secret db: InternalServiceError"):
        secrets.fetch(session, name="db", arn=ARN, layer="prod/foundation")


def test_a_binary_secret_is_refused(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    answer: dict[str, Any] = {
        "ARN": ARN,
        "VersionId": "v" * 32,
        "SecretBinary": b"\x00",
        "CreatedDate": datetime(2026, 1, 2, tzinfo=UTC),
    }
    stubber.add_response("get_secret_value", answer)

    assert refusal(session).message == "secret db is binary, and wealist hands out text only"


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        ("plain", None, "plain"),
        ('{"a": "b"}', None, '{"a": "b"}'),
        ('{"a": "b"}', "a", "b"),
        ('{"port": 5432}', "port", "5432"),
        ('{"hosts": ["a", "b"]}', "hosts", '["a", "b"]'),
        ('{"empty": ""}', "empty", ""),
    ],
)
def test_a_value_is_the_whole_text_or_one_field(text: str, field: str | None, expected: str) -> None:
    assert secret(text).value(field) == expected


@pytest.mark.parametrize("text", [CANARY, f'"{CANARY}"', f'["{CANARY}"]', "", "12345678"])
def test_a_secret_that_is_no_object_has_no_fields(text: str) -> None:
    with pytest.raises(SecretError, match="secret db is plain text, so it has no field 'password'") as caught:
        secret(text).value("password")

    assert CANARY not in caught.value.message + str(caught.value.hint)
    assert caught.value.hint == "leave --field out, or remove `field` from secrets.db in wealist.yaml"


def test_a_field_that_is_not_there_is_answered_with_names_and_no_value() -> None:
    with pytest.raises(SecretError) as caught:
        secret(json.dumps({"password": CANARY, "username": "admin-name"})).value("pasword")

    assert caught.value.message == "secret db has no field 'pasword'; it has password, username"
    assert caught.value.hint == "name one of them with --field"
    assert "admin-name" not in caught.value.message


def test_an_empty_object_has_no_fields() -> None:
    with pytest.raises(SecretError, match="it has none"):
        secret("{}").value("a")


def test_every_page_of_versions_is_read_and_the_oldest_is_first(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    asked = {"SecretId": ARN, "IncludeDeprecated": True}
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    pages: list[list[dict[str, Any]]] = [
        [{"VersionId": IDS[2], "CreatedDate": days[2], "VersionStages": ["AWSCURRENT"]}],
        [
            {"VersionId": IDS[0], "CreatedDate": days[0]},
            {"VersionId": IDS[1], "CreatedDate": days[1], "VersionStages": ["x"]},
        ],
    ]
    stubber.add_response("list_secret_version_ids", {"Versions": pages[0], "NextToken": "more"}, asked)
    stubber.add_response("list_secret_version_ids", {"Versions": pages[1]}, {**asked, "NextToken": "more"})

    found = secrets.read_versions(session, secret("text"))

    assert [(version.id, version.stages) for version in found] == [
        (IDS[0], ()),
        (IDS[1], ("x",)),
        (IDS[2], ("AWSCURRENT",)),
    ]


@pytest.mark.parametrize("off", [None, IDS[0]])
def test_a_label_is_moved_from_where_it_is(off: str | None, stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    asked = {"SecretId": ARN, "VersionStage": "mine", "MoveToVersionId": IDS[1]}
    stubber.add_response("update_secret_version_stage", {}, {**asked, **({"RemoveFromVersionId": off} if off else {})})

    secrets.move_stage(session, secret("text"), "mine", to=IDS[1], off=off)

    stubber.assert_no_pending_responses()
