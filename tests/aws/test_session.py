from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import botocore.client
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from orchestrator.aws.identity import who_am_i
from orchestrator.aws.session import THREADS, Session, Sessions, remedy, translated
from orchestrator.errors import AwsError
from orchestrator.target import AwsSettings
from tests.estate import ACCOUNT, REGION, backend

if TYPE_CHECKING:
    from pathlib import Path

HERMETIC = AwsSettings(endpoint_url="http://127.0.0.1:1", access_key="sandbox", secret_key="sandbox")


def keys(client: Any) -> tuple[str, str | None]:
    found = client._request_signer._credentials.get_frozen_credentials()
    return found.access_key, found.token


@pytest.fixture
def real_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell that is full of keys."""
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text("[profile ops]\nregion = eu-west-1\nendpoint_url = https://example.com\n")
    credentials.write_text(
        "[default]\naws_access_key_id = FILE\naws_secret_access_key = x\n[ops]\naws_access_key_id = OPS\naws_secret_access_key = x\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))


def test_a_hermetic_session_knows_its_own_keys_and_endpoint_only(
    real_credentials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "ops")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "REAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://example.com")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/ca.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://192.0.2.1:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:3128")

    client = Session(HERMETIC, backend=backend(profile="ops", role_arn="arn:aws:iam::1:role/r")).client("s3", REGION)

    assert keys(client) == ("sandbox", None)
    assert client.meta.endpoint_url == "http://127.0.0.1:1"
    assert client.meta.config.proxies == {}
    assert client.meta.config.s3["addressing_style"] == "path"


def test_a_profile_that_is_not_there_does_not_stop_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "gone")

    assert keys(Session(HERMETIC).client("sts", REGION))[0] == "sandbox"


def test_the_keys_in_use_are_known_once_they_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = FILE\naws_secret_access_key = of-a-file-0123456789\n"
        "[ops]\naws_access_key_id = OPS\naws_secret_access_key = of-ops-0123456789\naws_session_token = token-0123456789\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    sessions = Sessions(AwsSettings())

    assert sessions.secrets() == set()
    sessions.default.client("s3", REGION)
    sessions.for_backend(backend(profile="ops")).client("s3", REGION)
    assert sessions.secrets() == {"of-a-file-0123456789", "of-ops-0123456789", "token-0123456789"}
    assert Session(HERMETIC).secrets() == ()


def test_credentials_that_are_not_there_are_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(AwsSettings())
    session.client("s3", REGION)

    assert session.secrets() == ()


def test_the_usual_sources_of_credentials_are_used_otherwise(real_credentials: None) -> None:
    assert keys(Session(AwsSettings()).client("s3", REGION)) == ("FILE", None)


def test_a_profile_is_taken_from_the_settings(real_credentials: None) -> None:
    assert keys(Session(AwsSettings(profile="ops")).client("s3", REGION)) == ("OPS", None)


def test_the_backends_profile_is_the_one_that_terraform_uses(real_credentials: None) -> None:
    assert keys(Session(AwsSettings(), backend=backend(profile="ops")).client("s3", REGION)) == ("OPS", None)


def test_the_backends_role_is_assumed(aws: None) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/state"

    identity = who_am_i(Session(AwsSettings(), backend=backend(role_arn=role)), REGION)

    assert identity.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/state/wealist"


ARGUMENTS = (
    ("DurationSeconds", 900),
    ("ExternalId", "partner"),
    ("PolicyArns", ("arn:aws:iam::aws:policy/ReadOnlyAccess",)),
    ("RoleSessionName", "terraform"),
    ("Tags", (("team", "infra"),)),
    ("TransitiveTagKeys", ("team",)),
)


def test_it_is_assumed_with_all_the_arguments_of_the_block(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, Any]] = []
    real: Any = vars(botocore.client.BaseClient)["_make_api_call"]

    def call(client: Any, operation: str, given: dict[str, Any]) -> Any:
        if operation == "AssumeRole":
            sent.append(given)
        return real(client, operation, given)

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", call)
    role = f"arn:aws:iam::{ACCOUNT}:role/state"

    Session(AwsSettings(), backend=backend(role_arn=role, role_arguments=ARGUMENTS)).client("s3", REGION)

    assert sent == [
        {
            "RoleArn": role,
            "RoleSessionName": "terraform",
            "ExternalId": "partner",
            "DurationSeconds": 900,
            "PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
            "Tags": [{"Key": "team", "Value": "infra"}],
            "TransitiveTagKeys": ["team"],
        }
    ]


def test_a_run_that_outlives_the_roles_credentials_gets_new_ones(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(AwsSettings(), backend=backend(role_arn=f"arn:aws:iam::{ACCOUNT}:role/state"))
    client = session.client("s3", REGION)
    first = keys(client)
    assert keys(client) == first

    def later() -> datetime:
        return datetime.now(UTC) + timedelta(minutes=50)

    monkeypatch.setattr("botocore.credentials._local_now", later)
    client._request_signer._credentials._time_fetcher = later

    assert keys(client) != first


def test_a_role_that_can_not_be_assumed_shows_before_any_other_call() -> None:
    with pytest.raises(AwsError, match="making the s3 client: Unable to locate credentials"):
        Session(AwsSettings(), backend=backend(role_arn="arn:aws:iam::1:role/r")).client("s3", REGION)


def test_threads_that_ask_at_once_get_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    session, under_way, most = Session(HERMETIC), 0, 0
    real = session._make

    def make(service: str, region: str) -> Any:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        time.sleep(0.05)
        made = real(service, region)
        under_way -= 1
        return made

    monkeypatch.setattr(session, "_make", make)
    with ThreadPoolExecutor(4) as pool:
        made = [pool.submit(session.client, service, REGION) for service in ("s3", "ecr", "s3", "ecr")]

    assert len({id(future.result()) for future in made}) == 2
    assert most == 1


def test_a_profile_that_does_not_exist_is_an_error_of_ours(real_credentials: None) -> None:
    with pytest.raises(AwsError, match="making the s3 client") as caught:
        Session(AwsSettings(profile="gone")).client("s3", REGION)

    assert (caught.value.code, caught.value.hint) == ("ProfileNotFound", "aws configure list-profiles")


def test_clients_are_kept() -> None:
    session = Session(HERMETIC)

    assert session.client("s3", REGION) is session.client("s3", REGION)
    assert session.client("s3", REGION) is not session.client("s3", "us-east-1")


def test_a_client_has_a_connection_for_each_of_the_calls_that_may_be_under_way() -> None:
    assert Session(HERMETIC).client("s3", REGION).meta.config.max_pool_connections == THREADS


def test_clients_are_made_ahead_of_the_calls() -> None:
    sessions = Sessions(HERMETIC)

    sessions.prepare([backend(), backend(dynamodb_table=None, region="eu-west-1", use_lockfile=True)])

    made = sessions.for_backend(backend())._clients
    assert set(made) == {("s3", REGION), ("dynamodb", REGION), ("s3", "eu-west-1")}


def test_there_is_one_session_for_each_identity() -> None:
    sessions = Sessions(AwsSettings())

    assert sessions.for_backend(backend(key="one")) is sessions.for_backend(backend(key="two"))
    assert sessions.for_backend(backend()) is sessions.default
    assert sessions.for_backend(backend()) is not sessions.for_backend(backend(profile="ops"))
    role = {"role_arn": "arn:aws:iam::1:role/r"}
    partner = backend(**role, role_arguments=(("ExternalId", "partner"),))
    assert sessions.for_backend(backend(**role)) is not sessions.for_backend(partner)


def test_who_is_calling(aws: None) -> None:
    assert who_am_i(Session(AwsSettings()), REGION).account == ACCOUNT


def test_no_credentials_at_all_is_an_error_of_ours() -> None:
    with pytest.raises(AwsError, match="asking AWS who is calling: Unable to locate credentials") as caught:
        who_am_i(Session(AwsSettings()), REGION)

    assert caught.value.code == "NoCredentialsError"
    assert "--sandbox" in str(caught.value.hint)


def test_an_error_of_a_service_keeps_its_code() -> None:
    answer = {"Error": {"Code": "AccessDenied", "Message": "no"}}

    with pytest.raises(AwsError) as caught, translated("reading the state"):
        raise ClientError(answer, "GetObject")  # type: ignore[arg-type]

    assert (caught.value.message, caught.value.code) == ("reading the state: AccessDenied: no", "AccessDenied")
    assert isinstance(caught.value.__cause__, ClientError)


def test_an_error_without_a_message_ends_neatly() -> None:
    with pytest.raises(AwsError) as caught, translated("looking at the bucket"):
        raise ClientError({"Error": {"Code": "404"}}, "HeadBucket")

    assert caught.value.message == "looking at the bucket: 404"


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), translated("counting"):
        raise ZeroDivisionError


def test_an_endpoint_that_can_not_be_reached_is_an_error_of_ours() -> None:
    with pytest.raises(AwsError) as caught, translated("asking"):
        raise EndpointConnectionError(endpoint_url="https://sts.example.com")

    assert caught.value.code == "EndpointConnectionError"
    assert caught.value.hint == "AWS can't be reached from here: check network, proxy and region"


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("ExpiredToken", "your credentials have expired: aws sso login, or fetch new ones"),
        ("ExpiredTokenException", "your credentials have expired: aws sso login, or fetch new ones"),
        ("SSOTokenLoadError", "your credentials have expired: aws sso login, or fetch new ones"),
        (
            NoCredentialsError.__name__,
            "no credentials: aws configure sso, or set AWS_PROFILE; with no account: add --sandbox",
        ),
        ("InvalidClientTokenId", "AWS does not know these keys: aws sts get-caller-identity"),
        ("SignatureDoesNotMatch", "AWS does not know these keys: aws sts get-caller-identity"),
        ("ProfileNotFound", "aws configure list-profiles"),
        ("ConnectTimeoutError", "AWS can't be reached from here: check network, proxy and region"),
        ("ThrottlingException", None),
    ],
)
def test_what_a_person_does_about_a_code(code: str, hint: str | None) -> None:
    assert remedy(code) == hint


def test_keys_do_not_show_in_a_repr() -> None:
    assert "hunter2" not in repr(AwsSettings(access_key="sandbox", secret_key="hunter2"))


def test_moto_is_what_answers_in_these_tests(aws: None) -> None:
    assert boto3.client("sts", region_name=REGION).get_caller_identity()["Account"] == ACCOUNT


def test_the_sandbox_trusts_no_certificate_of_the_shells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", "/nowhere/ca.pem")

    client = Session(HERMETIC).client("s3", REGION)

    assert client._endpoint.http_session._verify is True


def test_a_profile_of_a_config_file_is_not_looked_up_in_the_sandbox(
    real_credentials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "ops")

    session = Session(HERMETIC)

    assert session.client("s3", REGION).meta.endpoint_url == "http://127.0.0.1:1"
    assert session._boto3._session.full_config == {"profiles": {}}
