from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator import endpoint
from orchestrator.endpoint import Endpoint
from orchestrator.errors import PreflightError
from orchestrator.root_module import read_layer
from tests.estate import backend_block

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
[default]
region = eu-west-1

[profile local]
endpoint_url = http://localhost:4566

[profile services]
services = emulated

[services emulated]
s3 =
  endpoint_url = http://127.0.0.1:9000
dynamodb =
  endpoint_url = https://dynamodb.internal.example

[profile ignoring]
endpoint_url = http://localhost:4566
ignore_configured_endpoint_urls = true
"""


def at(url: str) -> Endpoint:
    return Endpoint(url=url, source="AWS_ENDPOINT_URL", remedy="unset AWS_ENDPOINT_URL")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(CONFIG)
    return tmp_path


def urls(environ: dict[str, str], profile: str | None = None) -> list[str]:
    return [found.url for found in endpoint.of_environment(environ, profile=profile)]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:4566",
        "http://127.8.9.10",
        "https://localhost:4566/",
        "http://LOCALHOST",
        "http://s3.localhost:4566",
        "http://localhost.:4566",
        "http://[::1]:4566",
        "http://[::ffff:127.0.0.1]",
        "http://0.0.0.0:4566",
        "http://127.1:4566",
        "http://2130706433",
        "127.0.0.1:4566",
        "http://user:password@127.0.0.1",
    ],
)
def test_this_machine_is_refused(url: str) -> None:
    with pytest.raises(PreflightError, match=r"AWS_ENDPOINT_URL: .* is this machine and not AWS") as refused:
        endpoint.refuse_local([at("https://s3.eu-west-1.amazonaws.com"), at(url)])

    assert refused.value.exit_code == 10
    assert [finding.id for finding in refused.value.findings] == ["endpoint.local"]
    assert refused.value.hint is not None
    for way in ("unset AWS_ENDPOINT_URL", "--sandbox", "--allow-local-endpoint"):
        assert way in refused.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.eu-west-1.amazonaws.com",
        "https://vpce-1.s3.eu-west-1.vpce.amazonaws.com",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://[2001:db8::1]",
        "http://[",
        "",
    ],
)
def test_other_places_are_not(url: str) -> None:
    endpoint.refuse_local([at(url)])


def test_every_variable_that_moves_aws_is_named() -> None:
    environ = {
        "AWS_ENDPOINT_URL": "http://a",
        "AWS_ENDPOINT_URL_S3": "http://b",
        "AWS_S3_ENDPOINT": "http://c",
        "TF_AWS_STS_ENDPOINT": "http://d",
        "AWS_ENDPOINT_URL_SQS": "",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1",
        "AWS_REGION": "http://x",
        "HOME": "/nonexistent",
    }

    assert sorted(urls(environ)) == ["http://a", "http://b", "http://c", "http://d"]


@pytest.mark.parametrize(
    ("environ", "profile", "found"),
    [
        ({}, None, []),
        ({"AWS_PROFILE": "local"}, None, ["http://localhost:4566"]),
        ({"AWS_DEFAULT_PROFILE": "local"}, None, ["http://localhost:4566"]),
        ({"AWS_PROFILE": "default", "AWS_DEFAULT_PROFILE": "local"}, None, []),
        ({"AWS_PROFILE": "local"}, "services", ["http://127.0.0.1:9000", "https://dynamodb.internal.example"]),
        ({}, "ignoring", []),
        ({"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "local", []),
        ({}, "unknown", []),
    ],
)
def test_the_configuration_is_read_as_botocore_reads_it(
    environ: dict[str, str], profile: str | None, found: list[str], home: Path
) -> None:
    assert sorted(urls({"HOME": str(home), **environ}, profile)) == found


def test_configuration_is_where_the_environment_says(home: Path) -> None:
    (home / "other").write_text("[default]\nendpoint_url = http://127.0.0.1:1\n")
    (home / ".aws" / "credentials").write_text("[default]\nendpoint_url = http://127.0.0.1:2\n")

    assert urls({"HOME": str(home), "AWS_CONFIG_FILE": "~/other"}) == ["http://127.0.0.1:1", "http://127.0.0.1:2"]
    assert urls({"HOME": "/nonexistent", "AWS_CONFIG_FILE": str(home / "other")}) == ["http://127.0.0.1:1"]


def test_a_configuration_that_can_not_be_read_is_botocores_to_complain_of(home: Path) -> None:
    (home / ".aws" / "config").write_text("endpoint_url\n[[")

    assert urls({"HOME": str(home)}) == []


def test_what_the_hcl_names_is_found(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "layer"
    folder.mkdir()
    (folder / "main.tf").write_text(
        backend_block(more='profile = "local"')
        + 'provider "aws" {\n  endpoints {\n    s3  = local.url\n    sqs = var.unknown\n  }\n}\n'
        + 'locals {\n  url = "http://localhost:1"\n}\n'
        + 'provider "aws" {\n  alias   = "other"\n  profile = "services"\n}\n'
    )
    layer = read_layer("dev/x", folder)

    found = [*endpoint.of_layer(layer, {"HOME": str(home)})]

    assert {one.url for one in found} == {
        "http://localhost:1",
        "http://localhost:4566",
        "http://127.0.0.1:9000",
        "https://dynamodb.internal.example",
    }
    assert found[0].source.endswith("main.tf:11: endpoints of the provider")


def test_one_that_is_set_is_told_whatever_it_is() -> None:
    (finding,) = endpoint.findings([at("https://vpce.example")])

    assert (finding.id, finding.is_error, finding.is_ok) == ("endpoint.custom", False, False)
    assert "https://vpce.example" in finding.seen
