"""When credentials end for good, for each source of credentials that botocore has; its cache files are those of the aws CLI."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.aws.expiry import Expiry, read_expiry
from orchestrator.aws.session import Session
from orchestrator.target import AwsSettings

if TYPE_CHECKING:
    from pathlib import Path

SOON = datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)
CONFIG = """
[profile legacy]
sso_start_url = https://acme.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 123456789012
sso_role_name = Admin

[profile modern]
sso_session = acme
sso_account_id = 123456789012
sso_role_name = Admin

[sso-session acme]
sso_start_url = https://acme.awsapps.com/start
sso_region = eu-west-1

[profile via-legacy]
role_arn = arn:aws:iam::123456789012:role/deploy
source_profile = legacy

[profile via-environment]
role_arn = arn:aws:iam::123456789012:role/deploy
credential_source = Environment

[profile program]
credential_process = /bin/true

[profile fixed]
aws_access_key_id = AKIA
aws_secret_access_key = x
aws_session_token = x
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".aws" / "sso" / "cache").mkdir(parents=True)
    (tmp_path / ".aws" / "config").write_text(CONFIG)
    # botocore takes its folder when it is imported.
    monkeypatch.setattr("botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR", str(tmp_path / ".aws/sso/cache"))
    return tmp_path


def leave_token(home: Path, key: str, **more: Any) -> None:
    token = {"accessToken": "x", "expiresAt": "2031-01-02T03:04:05Z", **more}
    path = home / ".aws" / "sso" / "cache" / f"{hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()}.json"
    path.write_text(json.dumps(token))


def expiry(profile: str | None = None, **environ: str) -> Expiry | None:
    return read_expiry(Session(AwsSettings(profile=profile)), environ)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("AWS_CREDENTIAL_EXPIRATION", "2031-01-02T03:04:05Z"),
        ("AWS_CREDENTIAL_EXPIRATION", "2031-01-02T12:04:05+09:00"),
        ("AWS_SESSION_EXPIRATION", "2031-01-02T03:04:05Z"),
    ],
)
def test_keys_of_the_environment_end_when_it_says(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    environ = {"AWS_ACCESS_KEY_ID": "ASIA", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "x", variable: text}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    found = expiry(**environ)
    assert found is not None
    assert found.at == SOON
    assert "export them again" in found.remedy


@pytest.mark.parametrize("more", [{}, {"AWS_SESSION_EXPIRATION": "tomorrow"}])
def test_keys_of_the_environment_without_an_end(
    home: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, str]
) -> None:
    environ = {"AWS_ACCESS_KEY_ID": "ASIA", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "x", **more}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert expiry(**environ) is None


def test_an_end_in_the_environment_says_nothing_of_a_profile(home: Path) -> None:
    assert expiry("fixed", AWS_CREDENTIAL_EXPIRATION="2031-01-02T03:04:05Z") is None


@pytest.mark.parametrize("profile", ["legacy", "via-legacy"])
def test_a_token_that_can_not_be_renewed_ends(home: Path, profile: str) -> None:
    leave_token(home, "https://acme.awsapps.com/start")

    assert expiry(profile) == Expiry(at=SOON, remedy="aws sso login --profile legacy")


def test_a_token_of_a_session_is_renewed(home: Path) -> None:
    leave_token(
        home, "acme", refreshToken="x", clientId="x", clientSecret="x", registrationExpiresAt="2031-01-01T00:00:00Z"
    )

    assert expiry("modern") is None


def test_one_without_a_refresh_token_is_not(home: Path) -> None:
    leave_token(home, "acme")

    assert expiry("modern") == Expiry(at=SOON, remedy="aws sso login --profile modern")


def test_role_credentials_that_outlive_their_token_count(home: Path) -> None:
    leave_token(home, "https://acme.awsapps.com/start")
    session = Session(AwsSettings(profile="legacy"))
    session.botocore.get_credentials()._expiry_time = SOON + timedelta(hours=1)

    found = read_expiry(session, {})
    assert found is not None
    assert found.at == SOON + timedelta(hours=1)


def test_a_role_that_is_assumed_with_the_environment_ends_with_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"AWS_ACCESS_KEY_ID": "ASIA", "AWS_SECRET_ACCESS_KEY": "x"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    found = expiry("via-environment", **environ, AWS_CREDENTIAL_EXPIRATION="2031-01-02T03:04:05Z")
    assert found is not None
    assert found.at == SOON


@pytest.mark.parametrize("profile", ["fixed", "legacy", "nobody"])
def test_what_has_no_end_that_can_be_told(home: Path, profile: str) -> None:
    assert expiry(profile) is None


def test_a_token_that_can_not_be_read_has_no_end(home: Path) -> None:
    leave_token(home, "https://acme.awsapps.com/start", expiresAt=None)

    assert expiry("legacy") is None


def test_fixed_credentials_are_not_looked_at(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "legacy")
    settings = AwsSettings(endpoint_url="http://127.0.0.1:1", access_key="sandbox", secret_key="sandbox")

    environ = {"AWS_CREDENTIAL_EXPIRATION": "2031-01-02T03:04:05Z"}
    assert read_expiry(Session(settings), environ) is None
