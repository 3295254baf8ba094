"""Where a layer keeps its state, from the HCL alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import ConfigError
from orchestrator.root_module import read_layer
from tests.estate import backend_block, write_layer

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.layer import Layer

ROLE = "arn:aws:iam::123456789012:role/state"


def read(root: Path, text: str) -> Layer:
    return read_layer("prod/foundation", write_layer(root, "prod/foundation", text))


def refusal(root: Path, more: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(root, backend_block(more=more))
    return caught.value


# the backend


def test_a_role_is_assumed_with_all_that_the_block_says_of_it(tmp_path: Path) -> None:
    more = f"""assume_role = {{
      role_arn            = "{ROLE}"
      external_id         = "partner"
      duration            = "1h30m"
      session_name        = "terraform"
      policy_arns         = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
      tags                = {{ team = "infra", area = "state" }}
      transitive_tag_keys = ["team"]
    }}"""

    backend = read(tmp_path, backend_block(more=more)).backend

    assert backend.role_arn == ROLE
    assert dict(backend.role_arguments) == {
        "ExternalId": "partner",
        "DurationSeconds": 5400,
        "RoleSessionName": "terraform",
        "PolicyArns": ("arn:aws:iam::aws:policy/ReadOnlyAccess",),
        "Tags": (("area", "state"), ("team", "infra")),
        "TransitiveTagKeys": ("team",),
    }
    assert hash(backend)


def test_what_stood_beside_an_old_style_role_is_read_as_well(tmp_path: Path) -> None:
    more = f'role_arn = "{ROLE}"\n    external_id = "partner"\n    assume_role_duration_seconds = 900'

    backend = read(tmp_path, backend_block(more=more)).backend

    assert backend.role_arguments == (("DurationSeconds", 900), ("ExternalId", "partner"))


def test_a_backend_without_a_role_has_no_arguments_for_one(tmp_path: Path) -> None:
    assert read(tmp_path, backend_block(more="assume_role = null")).backend.identity == (None, None, ())


def test_the_acl_is_read(tmp_path: Path) -> None:
    more = 'acl = "bucket-owner-full-control"'

    assert read(tmp_path, backend_block(more=more)).backend.acl == "bucket-owner-full-control"


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ('access_key = "AKIA"', "access_key"),
        ('shared_credentials_files = ["other"]', "shared_credentials_files"),
        ('sse_customer_key = "key"', "sse_customer_key"),
        ('endpoints = { s3 = "https://s3.example.com" }', "endpoints"),
        ('assume_role_with_web_identity = { role_arn = "r" }', "assume_role_with_web_identity"),
        ('assume_role = { role_arn = "r", serial_number = "mfa" }', "assume_role.serial_number"),
        ("endpoints {\n    }", "endpoints"),
    ],
)
def test_what_can_not_be_honoured_is_refused_at_its_line(tmp_path: Path, more: str, name: str) -> None:
    error = refusal(tmp_path, more)

    assert f'main.tf:7: wealist does not honour {name} of backend "s3"' in error.message


@pytest.mark.parametrize("more", ["max_retries = 5", 'workspace_key_prefix = "env"', "endpoints = null"])
def test_what_makes_no_difference_is_passed_over(tmp_path: Path, more: str) -> None:
    assert read(tmp_path, backend_block(more=more)).backend.bucket


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("assume_role = var.role", "assume_role = var.role: a backend takes literal values only"),
        ("assume_role = { role_arn = var.role }", "role_arn = var.role: a backend takes literal values only"),
        (f'assume_role = {{ role_arn = "{ROLE}", tags = {{ a = var.a }} }}', "tags = var.a: a backend takes literal"),
        (f'assume_role = {{ role_arn = "{ROLE}", duration = "long" }}', "duration = long: must be a duration"),
    ],
)
def test_a_role_that_is_not_literal_is_refused_at_its_line(tmp_path: Path, more: str, message: str) -> None:
    assert f"main.tf:7: {message}" in refusal(tmp_path, more).message
