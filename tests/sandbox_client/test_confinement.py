from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import ConfigError
from orchestrator.root_module import read_layer
from orchestrator.sandbox import confinement
from orchestrator.sandbox.credential import Credential
from tests.estate import backend_block

if TYPE_CHECKING:
    from pathlib import Path

OUT = [
    'access_key = "AKIA"',
    "secret_key = var.key",
    'token = "t"',
    'shared_credentials_files = ["/home/somebody/.aws/credentials"]',
    "shared_config_files = [local.file]",
    'ec2_metadata_service_endpoint = "http://127.0.0.1:1/"',
    'http_proxy = "http://proxy"',
    'https_proxy = "http://proxy"',
    'no_proxy = "*"',
    'custom_ca_bundle = "ca.pem"',
    "endpoints {\n    s3 = var.url\n  }",
    'dynamic "endpoints" {\n    for_each = [1]\n    content {\n      ssm = "http://127.0.0.1:1"\n    }\n  }',
    'assume_role_with_web_identity {\n    role_arn = "arn:aws:iam::1:role/r"\n  }',
]
ALLOWED = [
    'region = "eu-west-1"',
    "access_key = null",
    'profile = "team"',
    'assume_role {\n    role_arn = "arn:aws:iam::111122223333:role/deploy"\n  }',
    "default_tags {\n    tags = { token = 1 }\n  }",
    "skip_metadata_api_check = true",
]


def check(folder: Path, hcl: str = "", **modules: str) -> None:
    """Check a layer with these modules beside it, called by path."""
    layer = folder / "layer"
    calls = [f'module "{name}" {{\n  source = "../{name}"\n}}\n' for name in modules]
    for name, text in {"layer": "".join([backend_block(), *calls, hcl]), **modules}.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "main.tf").write_text(text)
    confinement.check(read_layer("dev/x", layer), layer)


def fetch(folder: Path, text: str, *, name: str = "main.tf") -> None:
    """Leave a module as an init does."""
    modules = folder / "layer" / ".terraform" / "modules"
    (modules / "vpc").mkdir(parents=True)
    (modules / "vpc" / name).write_text(text)
    listed = [{"Key": "", "Source": "", "Dir": "."}, {"Key": "vpc", "Source": "x/y", "Dir": ".terraform/modules/vpc"}]
    (modules / "modules.json").write_text(json.dumps({"Modules": listed}))


def provider(argument: str, name: str = "aws") -> str:
    return f'provider "{name}" {{\n  {argument}\n}}\n'


@pytest.mark.parametrize("argument", OUT)
def test_what_leads_out_is_refused_with_its_line(argument: str, tmp_path: Path) -> None:
    name = argument.split()[1 if argument.startswith("dynamic") else 0].strip('"')

    with pytest.raises(ConfigError, match=rf"layer/main\.tf:11: {name} of provider aws could lead") as refused:
        check(tmp_path, provider(argument))

    assert refused.value.exit_code == 64
    assert refused.value.hint is not None


@pytest.mark.parametrize("argument", ALLOWED)
def test_what_stays_inside_is_not(argument: str, tmp_path: Path) -> None:
    check(tmp_path, provider(argument))


@pytest.mark.parametrize(
    "text",
    [
        provider('alias = "dns"\n  access_key = "AKIA"'),
        provider('access_key = "AKIA"', "cloud")
        + 'terraform {\n  required_providers {\n    cloud = { source = "hashicorp/aws" }\n  }\n}\n',
        provider('access_key = "AKIA"', "awscc"),
    ],
)
def test_no_provider_of_aws_is_passed_over(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="access_key of provider aws"):
        check(tmp_path, text)


def test_another_providers_token_is_its_own(tmp_path: Path) -> None:
    check(tmp_path, provider('token = "t"', "github"))


def test_an_override_file_counts(tmp_path: Path) -> None:
    (tmp_path / "layer").mkdir()
    (tmp_path / "layer" / "override.tf").write_text(provider('token = "t"'))

    with pytest.raises(ConfigError, match=r"override\.tf:2: token"):
        check(tmp_path, provider('region = "eu-west-1"'))


def test_a_module_that_is_called_by_path_counts(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"dns/main\.tf:2: token of provider aws"):
        check(tmp_path, dns=provider('token = "t"'))


def test_a_module_that_an_init_has_fetched_counts(tmp_path: Path) -> None:
    fetch(tmp_path, provider('token = "t"'))

    with pytest.raises(ConfigError, match=r"modules/vpc/main\.tf:2: token of provider aws"):
        check(tmp_path)


@pytest.mark.parametrize("text", ['resource "aws_vpc" "this" {}\n', provider('region = "eu-west-1"'), "# provider\n"])
def test_a_fetched_module_without_any_is_fine(text: str, tmp_path: Path) -> None:
    fetch(tmp_path, text)

    check(tmp_path)


@pytest.mark.parametrize(
    ("data", "is_refused"),
    [
        ({"provider": {"aws": {"token": "t"}}}, True),
        ({"data": {"terraform_remote_state": {"x": {}}}}, True),
        ({"data": [{"terraform_remote_state": {"x": {}}}]}, True),
        ({"resource": {"aws_vpc": {"this": {}}}}, False),
        ([], False),
    ],
)
def test_a_fetched_module_in_json_is_not_passed_over(data: object, is_refused: bool, tmp_path: Path) -> None:
    fetch(tmp_path, json.dumps(data), name="main.tf.json")

    if is_refused:
        with pytest.raises(ConfigError, match=r"main\.tf\.json:1"):
            check(tmp_path)
    else:
        check(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        '[{"provider": {"aws": {"region": "x"}}}]',
        '{"provider": {"aws": {"region": "x"}}, "provider": {}}',
        '{"provider": {"aws": {"region": "x"}}',
        r'{"pr\u006fvider": {"aws": {"region": "x"}}}',
    ],
    ids=["an array", "a key that comes twice", "no end", "an escape in a key"],
)
def test_a_module_in_json_is_not_taken_for_harmless_by_another_reader(text: str, tmp_path: Path) -> None:
    fetch(tmp_path, text, name="main.tf.json")

    with pytest.raises(ConfigError, match=r"main\.tf\.json:1"):
        check(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"Modules": [{"Key": "x"}]}', '{"Modules": [1]}'])
def test_a_list_of_modules_that_can_not_be_read_is_refused(text: str, tmp_path: Path) -> None:
    fetch(tmp_path, "")
    (tmp_path / "layer/.terraform/modules/modules.json").write_text(text)

    with pytest.raises(ConfigError, match="not known which modules"):
        check(tmp_path)


def state(config: str) -> str:
    return f'data "terraform_remote_state" "net" {{\n  backend = "s3"\n  config = {config}\n}}\n'


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (state('{ bucket = "b", key = "k", access_key = "AKIA" }'), "access_key"),
        (state('{ bucket = "b", key = "k", endpoints = { s3 = "http://127.0.0.1:1" } }'), "endpoints"),
        (state('{ bucket = "b", key = "k", shared_credentials_file = "f" }'), "shared_credentials_file"),
        ('locals {\n  to = { token = "t" }\n}\n' + state('merge(local.to, { bucket = "b", key = "k" })'), "token"),
    ],
)
def test_a_state_that_is_read_from_elsewhere_is_refused(text: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"{name} of terraform_remote_state net could lead"):
        check(tmp_path, text)


@pytest.mark.parametrize(
    "config",
    [
        '{ bucket = "b", key = "k", profile = "team", access_key = null }',
        'merge(local.common, { key = "k" })',
    ],
)
def test_a_state_of_the_sandbox_is_read(config: str, tmp_path: Path) -> None:
    check(tmp_path, 'locals {\n  common = { bucket = "b" }\n}\n' + state(config))


def test_profiles_are_the_sandboxs_own(tmp_path: Path) -> None:
    (tmp_path / "layer").mkdir()
    text = (
        backend_block(more='profile = "state"')
        + provider('profile = local.name\n  alias = "a"')
        + provider("profile = var.given")
        + 'locals {\n  name = "team"\n}\nvariable "given" {\n  default = "team"\n}\n'
        + state('{ bucket = "b", key = "k", profile = "net" }')
        + provider('profile = "bad]\\n[default"\n  alias = "b"')
        + provider('profile = "other"', "github")
    )
    (tmp_path / "layer" / "main.tf").write_text(text)
    layer = read_layer("dev/x", tmp_path / "layer")
    credential = Credential.create()

    names = confinement.profiles([layer, layer])
    written = confinement.credentials_file(names, credential)

    assert names == ("net", "state", "team")
    assert written.count(f"aws_access_key_id = {credential.access_key}\n") == 3
    assert written.count(f"aws_secret_access_key = {credential.secret_key}\n") == 3
    assert [line for line in written.splitlines() if line.startswith("[")] == ["[net]", "[state]", "[team]"]
