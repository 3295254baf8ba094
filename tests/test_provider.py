"""The provider blocks of a layer as Terraform puts them together, and the providers that its HCL requires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.errors import ConfigError
from orchestrator.root_module import read_layer
from tests.estate import backend_block, write_layer

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.layer import Layer, Provider

OTHER = "210987654321"
ROLE = f'assume_role {{\n    role_arn = "arn:aws:iam::{OTHER}:role/x"\n  }}'


def read(root: Path, text: str = "", **files: str) -> Layer:
    """A layer with this HCL, and with other files beside it; a name with two underscores is one of another folder."""
    folder = write_layer(root, "prod/foundation", backend_block() + text)
    for name, content in files.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".tf")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return read_layer("prod/foundation", folder)


def block(inner: str = "", name: str = "aws") -> str:
    return f'provider "{name}" {{\n  {inner}\n}}\n'


def only(root: Path, text: str, **files: str) -> Provider:
    (provider,) = read(root, text, **files).providers
    return provider


def sources(layer: Layer) -> set[str]:
    return {requirement.source.removeprefix("registry.terraform.io/") for requirement in layer.requirements}


# the blocks


def test_every_block_is_read_with_its_module_and_alias(tmp_path: Path) -> None:
    call = 'module "dns" {\n  source = "./zone"\n}\n'
    inner = 'module "deep" {\n  source = "../deep"\n}\n'

    found = read(
        tmp_path,
        block() + block('alias = "hub"') + call,
        zone__main=inner + block('region = "eu-west-1"'),
        deep__main=block('alias = "far"'),
    ).providers

    assert [(provider.module, provider.alias) for provider in found] == [
        ("", None),
        ("", "hub"),
        ("module.dns", None),
        ("module.dns.module.deep", "far"),
    ]
    assert all(provider.is_aws for provider in found)


def test_a_module_that_is_too_deep_to_be_read_is_refused(tmp_path: Path) -> None:
    inner = {f"m{n}__main": f'module "a" {{\n  source = "../m{n + 1}"\n}}\n' for n in range(18)}

    with pytest.raises(ConfigError, match=r"m15/main.tf:1: modules are nested more than 16 deep"):
        read(tmp_path, 'module "a" {\n  source = "./m0"\n}\n', **inner, m18__main="")


def test_a_provider_is_known_by_its_source_and_not_by_what_a_module_calls_it(tmp_path: Path) -> None:
    settings = 'terraform {\n  required_providers {\n    cloud = {\n      source = "hashicorp/AWS"\n    }\n'
    settings += '    aws = {\n      source = "example.com/acme/other"\n    }\n  }\n}\n'

    found = read(tmp_path, settings + block(name="cloud") + block(name="aws") + block(name="google")).providers

    assert [provider.source for provider in found] == [
        "registry.terraform.io/hashicorp/aws",
        "example.com/acme/other",
        "registry.terraform.io/hashicorp/google",
    ]
    assert [provider.is_aws for provider in found] == [True, False, False]


def test_its_arguments_are_told_with_where_they_stand(tmp_path: Path) -> None:
    found = only(tmp_path, block('profile = null\n  region = "x"\n  endpoints {}\n  dynamic "ignore_tags" {\n  }'))

    assert sorted(found.arguments) == ["endpoints", "ignore_tags", "region"]
    assert str(found.arguments["region"]).endswith("main.tf:12")


# override files


def test_an_override_changes_arguments_one_by_one(tmp_path: Path) -> None:
    found = only(tmp_path, block('profile = "a"\n  region = "x"'), z_override=block('profile = "b"\n  token = "t"'))

    assert sorted(found.arguments) == ["profile", "region", "token"]
    assert found.arguments["profile"].path.name == "z_override.tf"
    assert found.location is not None
    assert found.location.path.name == "main.tf"


def test_an_override_brings_a_role(tmp_path: Path) -> None:
    assert only(tmp_path, block(), override=block(ROLE)).account == OTHER


def test_override_files_are_taken_in_the_order_of_their_names(tmp_path: Path) -> None:
    def role(account: str) -> str:
        return block(ROLE.replace(OTHER, account))

    found = only(tmp_path, block(), override=role("1"), b_override=role("3"), a_override=role("2"))

    assert found.account == "1"


@pytest.mark.parametrize("dynamic", [True, False])
def test_nested_blocks_are_replaced_by_type(tmp_path: Path, dynamic: bool) -> None:
    again = 'dynamic "assume_role" {\n    for_each = []\n    content {}\n  }' if dynamic else ROLE
    found = only(tmp_path, block(again + "\n  endpoints {}"), override=block(ROLE.replace(OTHER, "123456789012")))

    assert found.account == "123456789012"
    assert "endpoints" in found.arguments


def test_an_override_of_one_alias_leaves_the_others_alone(tmp_path: Path) -> None:
    found = read(tmp_path, block() + block('alias = "hub"'), override=block(f'alias = "hub"\n  {ROLE}')).providers

    assert [provider.account for provider in found] == [None, OTHER]


def test_an_override_may_bring_a_block_that_was_not_there(tmp_path: Path) -> None:
    assert only(tmp_path, "", override=block(ROLE)).account == OTHER


# whose account


def test_a_provider_that_says_nothing_is_whoever_the_shell_is(tmp_path: Path) -> None:
    found = only(tmp_path, block("region = var.region\n  profile = null"))

    assert (found.role_arn, found.elsewhere, found.allowed_accounts, found.account) == (None, None, None, None)


@pytest.mark.parametrize(
    "arn",
    [
        *(f'"arn:aws:iam::{OTHER}:role/x"', '"arn:aws:iam::${local.account}:role/x"', "local.role"),
        f'"arn:aws:iam::{OTHER}:role/${{var.name}}"',
    ],
)
@pytest.mark.parametrize("type_", ["assume_role", "assume_role_with_web_identity"])
def test_the_role_of_a_provider_names_its_account(tmp_path: Path, arn: str, type_: str) -> None:
    more = f'locals {{\n  account = "{OTHER}"\n  role = "arn:aws:iam::{OTHER}:role/x"\n}}\n'

    found = only(tmp_path, more + block(f"{type_} {{\n    role_arn = {arn}\n  }}"))

    assert (found.account, found.elsewhere) == (OTHER, None)


def test_of_roles_in_a_chain_the_last_counts(tmp_path: Path) -> None:
    first = 'assume_role_with_web_identity {\n    role_arn = "arn:aws:iam::3:role/x"\n  }\n'
    roles = "".join(f'  assume_role {{\n    role_arn = "arn:aws:iam::{id_}:role/x"\n  }}\n' for id_ in (1, 2))

    assert only(tmp_path, block(roles + first)).account == "2"


@pytest.mark.parametrize(
    ("inner", "elsewhere"),
    [
        ('profile = "ops"', "profile"),
        ("access_key = var.key", "access_key"),
        ("assume_role {\n    role_arn = var.role\n  }", "assume_role"),
        ('assume_role {\n    role_arn = "arn:aws:iam::${var.account}:role/x"\n  }', "assume_role"),
        ('dynamic "assume_role" {\n    for_each = var.roles\n  }', "assume_role"),
        (ROLE + '\n  dynamic "assume_role" {\n    for_each = var.roles\n  }', "assume_role"),
        ("assume_role {}", "assume_role"),
        ('assume_role_with_web_identity {\n    web_identity_token_file = "x"\n  }', "assume_role_with_web_identity"),
    ],
)
def test_a_provider_that_is_somebody_else_is_said_to_be(tmp_path: Path, inner: str, elsewhere: str) -> None:
    more = 'variable "role" {\n  default = "arn:aws:iam::210987654321:role/x"\n}\n'

    found = only(tmp_path, more + block(inner))

    assert (found.role_arn, found.elsewhere) == (None, elsewhere)


def test_a_role_that_a_module_is_called_with_is_followed(tmp_path: Path) -> None:
    call = f'module "a" {{\n  source = "./a"\n  role = "arn:aws:iam::{OTHER}:role/x"\n}}\n'
    inner = 'variable "role" {}\n' + block("assume_role {\n    role_arn = var.role\n  }")

    assert only(tmp_path, call, a__main=inner).account == OTHER


@pytest.mark.parametrize(
    ("given", "accounts"),
    [
        ('["1", "2"]', ("1", "2")),
        ("[123456789012]", ("123456789012",)),
        ("[var.account]", None),
        ("var.accounts", None),
    ],
)
def test_the_accounts_that_a_provider_allows(tmp_path: Path, given: str, accounts: Any) -> None:
    assert only(tmp_path, block(f"allowed_account_ids = {given}")).allowed_accounts == accounts


# what is required


def test_what_a_module_requires_by_name_and_by_its_resources(tmp_path: Path) -> None:
    settings = 'terraform {\n  required_providers {\n    acme = {\n      source = "acme/tool"\n    }\n    old = "~> 1"\n  }\n}\n'
    text = settings + (
        'resource "aws_vpc" "a" {}\n'
        'resource "acme_thing" "a" {}\n'
        'resource "x_y" "a" {\n  provider = google.far\n}\n'
        'data "http" "a" {}\n'
        'ephemeral "random_password" "a" {}\n'
        'resource "terraform_data" "a" {}\n'
        'check "c" {\n  data "dns_a_record_set" "x" {}\n}\n'
    )

    layer = read(tmp_path, text + 'module "a" {\n  source = "./a"\n}\n', a__main='resource "tls_private_key" "a" {}\n')

    assert sources(layer) == {
        *("acme/tool", "hashicorp/old", "hashicorp/aws", "hashicorp/google", "hashicorp/http", "hashicorp/random"),
        *("terraform.io/builtin/terraform", "hashicorp/dns", "hashicorp/tls"),
    }


@pytest.mark.parametrize(
    "text",
    [
        "removed {\n  from = module.a[0].null_resource.b\n}\n",
        "moved {\n  from = null_resource.a\n  to   = module.b.null_resource.a\n}\n",
        'import {\n  to = null_resource.a["x.y"]\n  id = "1"\n}\n',
        'provider "null" {}\n',
    ],
)
def test_what_was_a_resource_requires_its_provider_too(tmp_path: Path, text: str) -> None:
    assert sources(read(tmp_path, text)) == {"hashicorp/null"}


def test_a_module_that_is_moved_requires_nothing(tmp_path: Path) -> None:
    assert not sources(read(tmp_path, "moved {\n  from = module.a\n  to = module.b\n}\n"))


def test_modules_from_elsewhere_are_named(tmp_path: Path) -> None:
    remote = 'module "vpc" {\n  source  = "terraform-aws-modules/vpc/aws"\n  version = "5.21.0"\n}\n'

    layer = read(tmp_path, remote + 'module "a" {\n  source = "./a"\n}\n', a__main=remote)

    assert layer.remote_modules == ("module.vpc", "module.a.module.vpc")
