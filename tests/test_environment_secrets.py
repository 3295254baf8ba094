from __future__ import annotations

import pytest

from orchestrator.environment_secrets import secrets_of

LONG = "0123456789abcdefABCDEF-long"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "TF_TOKEN_app_terraform_io",
        ),
        *("ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "GITHUB_TOKEN", "CI_JOB_TOKEN", "CI_JOB_JWT_V2"),
        *("DD_API_KEY", "ARM_CLIENT_SECRET", "PGPASSWORD", "MYSQL_PWD", "REDISCLI_AUTH", "TOKEN", "db_password"),
    ],
)
def test_what_is_named_as_a_secret_is_one(name: str) -> None:
    assert list(secrets_of({name: LONG})) == [LONG]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ACCESS_KEY_ID", LONG),
        ("AWS_SECRET_ACCESS_KEY", "testing"),
        ("PWD", "/home/somebody/somewhere"),
        ("OLDPWD", "/home/somebody/somewhere"),
        ("GOOGLE_CREDENTIALS", "/home/somebody/credentials.json"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/token"),
        ("HTTPS_PROXY", "http://proxy.example:3128"),
        ("TF_VAR_name", LONG),
    ],
)
def test_what_is_not_is_not(name: str, value: str) -> None:
    assert not list(secrets_of({name: value}))


def test_a_password_in_a_proxys_url_is_masked_and_not_the_url() -> None:
    assert list(secrets_of({"https_proxy": "http://me:hunter2@proxy.example:3128"})) == ["hunter2"]
