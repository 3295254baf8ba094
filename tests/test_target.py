from __future__ import annotations

import os
import shlex
from pathlib import Path

import botocore.session
import pytest

from orchestrator.aws.session import Session
from orchestrator.target import AwsSettings, Target, aws_target
from tests.estate import REGION


def sandbox() -> Target:
    return Target(
        name="sandbox",
        home=Path("/estate/.wealist/sandbox"),
        aws=AwsSettings(endpoint_url="http://127.0.0.1:1", access_key="sandbox", secret_key="sandbox-secret-key"),
        environ={"PASSWORD": "hunter2-in-the-environment"},
        source_root=Path("/estate"),
        work_root=Path("/estate/.wealist/sandbox/work"),
    )


def test_aws_is_worked_on_in_place() -> None:
    target = aws_target(Path("/estate"), {"PATH": "/bin"})

    assert target.name == "aws"
    assert target.home == Path("/estate/.wealist")
    assert target.folder(Path("/estate/terraform/prod/foundation")) == Path("/estate/terraform/prod/foundation")
    assert target.environ == {"PATH": "/bin"}
    assert not target.aws.is_hermetic


@pytest.fixture
def profiles(tmp_path: Path) -> dict[str, str]:
    """Two profiles, each with its own keys."""
    path = tmp_path / "credentials"
    path.write_text(
        "[ops]\naws_access_key_id = OPS\naws_secret_access_key = x\n"
        "[old]\naws_access_key_id = OLD\naws_secret_access_key = x\n"
    )
    return {"AWS_SHARED_CREDENTIALS_FILE": str(path), "AWS_CONFIG_FILE": "/dev/null"}


def identities(target: Target, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Whose keys sign wealist's own calls, and those of a program that is given the target's environment."""
    for name, value in target.environ.items():
        monkeypatch.setenv(name, value)
    ours = Session(target.aws).client("sts", REGION)._request_signer._credentials.access_key
    for name in [name for name in os.environ if name.startswith("AWS_") and name not in target.environ]:
        monkeypatch.delenv(name)
    theirs = botocore.session.Session().get_credentials()
    assert theirs is not None
    return ours, str(theirs.access_key)


@pytest.mark.parametrize(
    "shell",
    [
        {},
        {"AWS_PROFILE": "old"},
        {"AWS_DEFAULT_PROFILE": "old"},
        {"AWS_ACCESS_KEY_ID": "STAGING", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "token"},
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/ci"},
    ],
    ids=lambda shell: next(iter(shell), "nothing"),
)
def test_a_profile_is_who_wealist_and_terraform_are(
    profiles: dict[str, str], shell: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys that a shell is left with would win over it in Terraform, and only there."""
    for name, value in shell.items():
        monkeypatch.setenv(name, value)

    target = aws_target(Path("/estate"), {**profiles, **shell}, profile="ops")

    assert identities(target, monkeypatch) == ("OPS", "OPS")
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE"} & set(target.environ)


def test_of_two_profiles_in_the_shell_both_take_terraforms_choice(profiles: dict[str, str]) -> None:
    target = aws_target(Path("/estate"), {**profiles, "AWS_PROFILE": "ops", "AWS_DEFAULT_PROFILE": "old"})

    assert target.aws.profile == "ops"


def test_keys_in_the_shell_win_over_a_profile_there(profiles: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "KEYS", "AWS_SECRET_ACCESS_KEY": "x"}

    target = aws_target(Path("/estate"), {**profiles, **keys, "AWS_PROFILE": "ops"})

    assert identities(target, monkeypatch) == ("KEYS", "KEYS")


def test_the_sandbox_is_worked_on_in_its_copy() -> None:
    folder = sandbox().folder(Path("/estate/terraform/prod/foundation"))

    assert folder == Path("/estate/.wealist/sandbox/work/terraform/prod/foundation")
    assert sandbox().aws.is_hermetic


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        (aws_target(Path("/estate"), {}), "wealist up foundation"),
        (sandbox(), "wealist --sandbox up foundation"),
        (aws_target(Path("/estate"), {}, profile="ops team"), "wealist --profile 'ops team' up foundation"),
        (aws_target(Path("/estate"), {}, options=("-C", "there")), "wealist -C there up foundation"),
        (aws_target(Path("/estate"), {"AWS_PROFILE": "ops"}), "wealist up foundation"),
    ],
)
def test_commands_are_shown_as_they_have_to_be_typed(target: Target, shown: str) -> None:
    assert target.command("up", "foundation") == shown


def test_every_word_of_a_command_is_quoted_for_the_shell() -> None:
    shown = sandbox().command("tf", "y;touch X", "--", "untaint", 'a["it\'s"]', "")

    assert shlex.split(shown) == ["wealist", "--sandbox", "tf", "y;touch X", "--", "untaint", 'a["it\'s"]', ""]
    assert "'y;touch X'" in shown


def test_neither_keys_nor_environment_show_in_a_repr() -> None:
    shown = repr(sandbox())

    assert "hunter2-in-the-environment" not in shown
    assert "sandbox-secret-key" not in shown
