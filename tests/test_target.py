from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.target import AwsSettings, Target, aws_target


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


def test_a_profile_is_for_wealist_and_for_terraform() -> None:
    target = aws_target(Path("/estate"), {"AWS_PROFILE": "old"}, profile="ops")

    assert target.aws.profile == "ops"
    assert target.environ["AWS_PROFILE"] == "ops"


def test_the_sandbox_is_worked_on_in_its_copy() -> None:
    folder = sandbox().folder(Path("/estate/terraform/prod/foundation"))

    assert folder == Path("/estate/.wealist/sandbox/work/terraform/prod/foundation")
    assert sandbox().aws.is_hermetic


@pytest.mark.parametrize(
    ("target", "shown"),
    [(aws_target(Path("/estate"), {}), "wealist up foundation"), (sandbox(), "wealist --sandbox up foundation")],
)
def test_commands_are_shown_as_they_have_to_be_typed(target: Target, shown: str) -> None:
    assert target.command("up foundation") == shown


def test_neither_keys_nor_environment_show_in_a_repr() -> None:
    shown = repr(sandbox())

    assert "hunter2-in-the-environment" not in shown
    assert "sandbox-secret-key" not in shown
