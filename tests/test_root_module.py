"""From a folder of `.tf` files to a layer, with nothing evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import ConfigError
from orchestrator.root_module import read_layer
from tests.estate import BUCKET, KEY, REGION, TABLE, VARIABLES, backend_block, remote_state, write_layer

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.layer import Layer


def read(root: Path, text: str) -> Layer:
    return read_layer("prod/foundation", write_layer(root, "prod/foundation", text))


def refusal(root: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(root, text)
    return caught.value


def test_the_backend_is_what_the_block_says(tmp_path: Path) -> None:
    more = f"""
    dynamodb_table = "{TABLE}"
    use_lockfile   = true
    encrypt        = true
    kms_key_id     = "alias/state"
    profile        = "ops"
    assume_role    = {{ role_arn = "arn:aws:iam::123456789012:role/state" }}
    """
    backend = read(tmp_path, backend_block(more=more)).backend

    assert (backend.bucket, backend.key, backend.region) == (BUCKET, KEY, REGION)
    assert (backend.dynamodb_table, backend.use_lockfile, backend.encrypt) == (TABLE, True, True)
    assert (backend.kms_key_id, backend.profile) == ("alias/state", "ops")
    assert backend.role_arn == "arn:aws:iam::123456789012:role/state"
    assert backend.url == f"s3://{BUCKET}/{KEY}"
    assert backend.lock_id == f"{BUCKET}/{KEY}"
    assert backend.location.line == 3


def test_a_backend_with_the_least_in_it_locks_nothing(tmp_path: Path) -> None:
    backend = read(tmp_path, backend_block(more="")).backend

    assert (backend.dynamodb_table, backend.use_lockfile, backend.encrypt) == (None, False, False)
    assert (backend.kms_key_id, backend.profile, backend.role_arn) == (None, None, None)


def test_an_old_style_role_is_read_as_well(tmp_path: Path) -> None:
    text = backend_block(more='role_arn = "arn:aws:iam::123456789012:role/old"')

    assert read(tmp_path, text).backend.role_arn == "arn:aws:iam::123456789012:role/old"


def test_a_layer_without_a_backend_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, "terraform {}\n")

    assert 'layer prod/foundation has no backend "s3" block' in error.message
    assert error.hint == 'add: terraform { backend "s3" { bucket = ... key = ... region = ... } }'


@pytest.mark.parametrize(("block", "kind"), [('backend "gcs" {\n}', "gcs"), ("cloud {\n}", "cloud")])
def test_a_backend_that_is_not_s3_is_refused(tmp_path: Path, block: str, kind: str) -> None:
    error = refusal(tmp_path, f"terraform {{\n  {block}\n}}\n")

    assert f'main.tf:2: layer prod/foundation keeps its state in "{kind}"' in error.message


@pytest.mark.parametrize("name", ["bucket", "key", "region"])
def test_a_backend_that_lacks_an_argument_is_refused(tmp_path: Path, name: str) -> None:
    lines = [line for line in backend_block().splitlines() if not line.strip().startswith(name)]
    error = refusal(tmp_path, "\n".join(lines) + "\n")

    assert error.message.endswith(f'main.tf:3: backend "s3" of layer prod/foundation has no {name}')
    assert error.hint == f"write {name} in the block: what is in HCL is what wealist checks"


def test_an_expression_in_a_backend_is_refused_at_its_line(tmp_path: Path) -> None:
    error = refusal(tmp_path, backend_block().replace(f'"{BUCKET}"', "var.bucket"))

    assert error.message.endswith("main.tf:4: bucket = var.bucket: a backend takes literal values only")


@pytest.mark.parametrize(
    ("name", "value"), [("bucket", '["a"]'), ("key", "{ a = 1 }"), ("region", "null"), ("dynamodb_table", '["a"]')]
)
def test_a_backend_argument_of_another_type_is_refused_at_its_line(tmp_path: Path, name: str, value: str) -> None:
    lines = [f"{name} = {value}" if line.strip().startswith(name) else line for line in backend_block().splitlines()]
    error = refusal(tmp_path, "\n".join(lines) + "\n")

    assert "main.tf:" in error.message
    assert name in error.message


def test_an_override_file_wins(tmp_path: Path) -> None:
    folder = write_layer(tmp_path, "prod/foundation")
    (folder / "backend_override.tf").write_text(backend_block("elsewhere/terraform.tfstate"))
    (folder / "zzz.tf").write_text('variable "later" {}\n')

    assert read_layer("prod/foundation", folder).backend.key == "elsewhere/terraform.tfstate"


def test_hcl_that_does_not_parse_is_named(tmp_path: Path) -> None:
    assert "main.tf:" in refusal(tmp_path, backend_block() + "resource {{{").message


def test_variables_are_read_with_type_and_sensitivity(tmp_path: Path) -> None:
    layer = read(tmp_path, backend_block() + VARIABLES)

    assert set(layer.variables) == {"name", "zones", "password"}
    assert layer.variables["name"].type == "string"
    assert layer.variables["name"].is_primitive
    assert layer.variables["zones"].type == "list(string)"
    assert not layer.variables["zones"].is_primitive
    assert layer.variables["password"].is_sensitive
    assert not layer.variables["name"].is_sensitive


def test_remote_states_on_s3_are_the_edges(tmp_path: Path) -> None:
    text = (
        backend_block("prod/compute/terraform.tfstate")
        + remote_state(KEY, "foundation")
        + 'data "terraform_remote_state" "local" {\n  backend = "local"\n  config = { path = "x" }\n}\n'
        + 'data "terraform_remote_state" "open" {\n  backend = "s3"\n  config = { bucket = var.b, key = "k" }\n}\n'
        + 'data "aws_region" "this" {}\n'
    )
    states = read(tmp_path, text).remote_states

    assert [(state.name, state.bucket, state.key) for state in states] == [
        ("foundation", BUCKET, KEY),
        ("open", None, "k"),
    ]


def test_version_constraints_are_joined(tmp_path: Path) -> None:
    folder = write_layer(tmp_path, "prod/foundation")
    (folder / "versions.tf").write_text('terraform {\n  required_version = "!= 1.11.2"\n}\n')

    assert read_layer("prod/foundation", folder).required_version == ">= 1.11, < 2, != 1.11.2"


def test_no_version_constraint_is_none(tmp_path: Path) -> None:
    text = "\n".join(line for line in backend_block().splitlines() if "required_version" not in line)

    assert read(tmp_path, text + "\n").required_version is None


def test_local_modules_are_followed_into_each_other(tmp_path: Path) -> None:
    inner, outer = tmp_path / "terraform/modules/inner", tmp_path / "terraform/modules/outer"
    for folder in (inner, outer):
        folder.mkdir(parents=True)
    (outer / "main.tf").write_text('module "inner" {\n  source = "../inner"\n}\n')
    (inner / "main.tf").write_text('module "vpc" {\n  source  = "acme/vpc/aws"\n  version = "1.0.0"\n}\n')
    layer = read(tmp_path, backend_block() + 'module "outer" {\n  source = "../../modules/outer"\n}\n')

    assert layer.local_modules == (outer, inner)
    assert any("acme/vpc/aws" in text and "1.0.0" in text for text in layer.init_inputs)


def test_modules_that_call_each_other_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    module = tmp_path / "terraform/modules/self"
    module.mkdir(parents=True)
    (module / "main.tf").write_text('module "self" {\n  source = "../self"\n}\n')
    layer = read(tmp_path, backend_block() + 'module "self" {\n  source = "../../modules/self"\n}\n')

    assert layer.local_modules == (module,)


def test_what_init_reads_is_what_its_inputs_hold(tmp_path: Path) -> None:
    before = read(tmp_path, backend_block()).init_inputs
    with_variable = read(tmp_path, backend_block() + 'variable "a" {}\n').init_inputs
    with_module = read(tmp_path, backend_block() + 'module "m" {\n  source = "acme/vpc/aws"\n}\n').init_inputs

    assert with_variable == before
    assert with_module != before


# outputs, and what is read of others


def reads(root: Path, text: str, *more: str) -> list[tuple[str, str]]:
    """What a layer reads: the name of the state, and of the output."""
    layer = read(root, "".join((backend_block(), remote_state(KEY, "net"), text, *more)))
    return [(read.state, read.output) for read in layer.reads]


def expression(text: str) -> str:
    return f"locals {{\n  it = {text}\n}}\n"


def test_outputs_are_read_with_their_lines(tmp_path: Path) -> None:
    folder = write_layer(tmp_path, "prod/foundation", backend_block() + 'output "here" {\n  value = 1\n}\n')
    (folder / "outputs.tf").write_text('# all of them\noutput "there" {\n  value     = 2\n  sensitive = true\n}\n')

    outputs = read_layer("prod/foundation", folder).outputs

    assert {name: str(location) for name, location in outputs.items()} == {
        "here": f"{folder / 'main.tf'}:10",
        "there": f"{folder / 'outputs.tf'}:2",
    }


@pytest.mark.parametrize(
    "text",
    [
        "data.terraform_remote_state.net.outputs.id",
        'data.terraform_remote_state.net.outputs["id"]',
        'data.terraform_remote_state.net["outputs"].id',
        "data.terraform_remote_state.net[0].outputs.id",
        'data.terraform_remote_state.net["blue"].outputs.id',
        "data.terraform_remote_state.net[each.key].outputs.id",
        "data.terraform_remote_state.net[*].outputs.id",
        "data.terraform_remote_state.net.*.outputs.id",
        "data.terraform_remote_state.net.outputs.id[*].arn",
        "data.terraform_remote_state.net.outputs.id[0].arn",
        '"vpc-${data.terraform_remote_state.net.outputs.id}-x"',
        "<<-EOT\n    vpc ${data.terraform_remote_state.net.outputs.id}\n  EOT",
        '"%{ if data.terraform_remote_state.net.outputs.id }a%{ endif }"',
        "[for subnet in data.terraform_remote_state.net.outputs.id : subnet.arn]",
        "{ for name in local.all : name => data.terraform_remote_state.net.outputs.id }",
        "[for name in local.all : name if name == data.terraform_remote_state.net.outputs.id]",
        "local.ready ? data.terraform_remote_state.net.outputs.id : null",
        "jsonencode({ vpc = [data.terraform_remote_state.net.outputs.id] })",
        "!data.terraform_remote_state.net.outputs.id",
        "coalesce(data.terraform_remote_state.net.outputs.id, 1)",
    ],
)
def test_an_output_is_read_wherever_its_reference_stands(tmp_path: Path, text: str) -> None:
    assert reads(tmp_path, expression(text)) == [("net", "id")]


@pytest.mark.parametrize(
    "text",
    [
        '"data.terraform_remote_state.net.outputs.id"',
        "1 # data.terraform_remote_state.net.outputs.id",
        "1 // data.terraform_remote_state.net.outputs.id",
        "1 /* data.terraform_remote_state.net.outputs.id */",
        '"$${data.terraform_remote_state.net.outputs.id}"',
        "data.terraform_remote_state.net.outputs",
        "data.terraform_remote_state.net.outputs[local.name]",
        "keys(data.terraform_remote_state.net.outputs)",
        'lookup(data.terraform_remote_state.net.outputs, "id", null)',
        "data.terraform_remote_state.net.config.bucket",
        "data.terraform_remote_state.net[0].config.bucket",
        "data.aws_vpc.net.outputs.id",
        "module.net.outputs.id",
    ],
)
def test_what_names_no_output_reads_none(tmp_path: Path, text: str) -> None:
    assert reads(tmp_path, expression(text)) == []


def test_every_read_keeps_its_line(tmp_path: Path) -> None:
    folder = write_layer(tmp_path, "prod/foundation", backend_block() + remote_state(KEY, "net"))
    lines = ["locals {", "  a = data.terraform_remote_state.net.outputs.id", "  b = [", "    # second"]
    lines += ["    data.terraform_remote_state.net.outputs.id,", "  ]", "}", ""]
    (folder / "locals.tf").write_text("\n".join(lines))

    found = read_layer("prod/foundation", folder).reads

    assert [str(read.location) for read in found] == [f"{folder / 'locals.tf'}:{line}" for line in (2, 5)]


def test_names_with_hyphens_are_names(tmp_path: Path) -> None:
    text = remote_state("b", "my-net") + expression("data.terraform_remote_state.my-net.outputs.vpc-id")

    assert reads(tmp_path, text) == [("my-net", "vpc-id")]


@pytest.mark.parametrize(
    "whole",
    [
        "data.terraform_remote_state.net.outputs",
        "data.terraform_remote_state.net[0].outputs",
        'data.terraform_remote_state.net["blue"].outputs',
    ],
)
def test_outputs_are_followed_through_a_local_that_stands_for_all_of_them(tmp_path: Path, whole: str) -> None:
    text = f"locals {{\n  net = {whole}\n  unrelated = {{ id = 1 }}\n}}\n"
    use = 'output "x" {\n  value = [local.net.id, local.net["zone"], local.unrelated.id, "${local.net.name}"]\n}\n'

    assert reads(tmp_path, text, use) == [("net", "id"), ("net", "zone"), ("net", "name")]


def test_such_a_local_is_followed_from_file_to_file(tmp_path: Path) -> None:
    folder = write_layer(tmp_path, "prod/foundation", backend_block() + remote_state(KEY, "my-net"))
    (folder / "zz_locals.tf").write_text("locals {\n  net = data.terraform_remote_state.my-net.outputs\n}\n")
    (folder / "a_use.tf").write_text('output "x" {\n  value = local.net.id\n}\n')

    (only,) = read_layer("prod/foundation", folder).reads

    assert (only.state, only.output, str(only.location)) == ("my-net", "id", f"{folder / 'a_use.tf'}:2")


@pytest.mark.parametrize(
    ("text", "is_optional"),
    [
        ("try(data.terraform_remote_state.net.outputs.id, null)", True),
        ("can(data.terraform_remote_state.net.outputs.id)", True),
        ("try(upper(data.terraform_remote_state.net.outputs.id), null)", True),
        ('"${try(data.terraform_remote_state.net.outputs.id, 1)}"', True),
        ("[try(1, 2), data.terraform_remote_state.net.outputs.id]", False),
        ("upper(data.terraform_remote_state.net.outputs.id)", False),
        ("retry(data.terraform_remote_state.net.outputs.id)", False),
    ],
)
def test_an_output_is_optional_where_the_hcl_can_do_without(tmp_path: Path, text: str, *, is_optional: bool) -> None:
    (only,) = read(tmp_path, backend_block() + remote_state(KEY, "net") + expression(text)).reads

    assert only.is_optional is is_optional


def test_outputs_through_a_local_can_be_optional_as_well(tmp_path: Path) -> None:
    text = (
        "locals {\n  net = data.terraform_remote_state.net.outputs\n  a = try(local.net.a, 1)\n  b = local.net.b\n}\n"
    )

    found = read(tmp_path, backend_block() + remote_state(KEY, "net") + text).reads

    assert [(read.output, read.is_optional) for read in found] == [("a", True), ("b", False)]


def test_all_outputs_of_a_state_with_defaults_are_optional(tmp_path: Path) -> None:
    defaults = remote_state(KEY, "net").replace('  backend = "s3"', '  backend  = "s3"\n  defaults = { id = 1 }')
    uses = [expression(f"data.terraform_remote_state.{name}.outputs.id") for name in ("net", "sure")]

    found = read(tmp_path, "".join((backend_block(), defaults, remote_state("b", "sure"), *uses))).reads

    assert [(read.state, read.is_optional) for read in found] == [("net", True), ("sure", False)]


# local modules


def config(bucket: str, key: str = '"k"') -> str:
    return f'data "terraform_remote_state" "net" {{\n  backend = "s3"\n  config = {{ bucket = {bucket}, key = {key} }}\n}}\n'


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A local module that reads a state by itself, with locals of its own."""
    text = remote_state(KEY, "net") + config("local.bucket").replace('"net"', '"other"')
    text += (
        'locals {\n  bucket = "of-module"\n  net = data.terraform_remote_state.net.outputs\n  id = local.net.id\n}\n'
    )
    return write_layer(tmp_path, "modules/m", text + 'output "inner" {\n  value = 1\n}\nvariable "inner" {}\n')


CALL = 'module "m" {\n  source = "../../modules/m"\n}\n'


def test_what_a_local_module_reads_the_layer_reads(tmp_path: Path, module: Path) -> None:
    layer = read(tmp_path, backend_block() + CALL)

    assert [(state.name, state.bucket) for state in layer.remote_states] == [("net", BUCKET), ("other", "of-module")]
    assert [(read.state, read.output, read.location.path) for read in layer.reads] == [
        ("net", "id", module / "main.tf")
    ]


def test_what_a_local_module_declares_is_its_own(tmp_path: Path, module: Path) -> None:
    layer = read(tmp_path, backend_block() + CALL)

    assert (layer.outputs, layer.variables) == ({}, {})


def test_locals_of_the_layer_are_none_of_its_module(tmp_path: Path, module: Path) -> None:
    (module / "main.tf").write_text(config("local.bucket"))
    layer = read(tmp_path, backend_block() + CALL + 'locals {\n  bucket = "of-layer"\n}\n')

    assert [state.bucket for state in layer.remote_states] == [None]


def test_a_module_that_is_called_twice_is_read_once(tmp_path: Path, module: Path) -> None:
    layer = read(tmp_path, backend_block() + CALL + CALL.replace('"m"', '"n"'))

    assert len(layer.reads) == 1
    assert len(layer.remote_states) == 2


# what is read, and what is not


@pytest.mark.parametrize("name", ["main.tf.json", "net_override.tf.json"])
def test_json_that_terraform_would_read_is_refused(tmp_path: Path, module: Path, name: str) -> None:
    folder = write_layer(tmp_path, "prod/foundation", backend_block() + CALL)
    for place in (folder, module):
        (place / name).write_text("{}")
        with pytest.raises(ConfigError, match=rf"{name}:1: wealist does not read .tf.json") as caught:
            read_layer("prod/foundation", folder)
        assert caught.value.hint == f"write it as HCL, in {name.removesuffix('.json')}"
        (place / name).unlink()


def test_what_terraform_passes_over_is_passed_over(tmp_path: Path) -> None:
    folder = write_layer(tmp_path, "prod/foundation")
    # An editor's lock leads nowhere.
    (folder / ".#main.tf").symlink_to("somebody@somewhere.4711")
    (folder / "main.tf~").write_text("not {")
    (folder / ".hidden.tf.json").write_text("not {")

    assert read_layer("prod/foundation", folder).id == "prod/foundation"
