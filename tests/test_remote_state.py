"""Which states a module reads, and what bucket and key were read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import ConfigError
from orchestrator.root_module import read_layer
from tests.estate import backend_block, write_layer

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.layer import Layer


def read(root: Path, text: str) -> Layer:
    return read_layer("prod/foundation", write_layer(root, "prod/foundation", text))


def config(bucket: str, key: str = '"k"') -> str:
    return f'data "terraform_remote_state" "net" {{\n  backend = "s3"\n  config = {{ bucket = {bucket}, key = {key} }}\n}}\n'


LOCALS = """
locals {
  bucket    = "from-local"
  my-bucket = "from-hyphens"
  computed  = upper("x")
  number    = 3
}
variable "bucket" {
  default = "from-variable"
}
variable "unset" {}
"""


@pytest.mark.parametrize(
    ("given", "bucket"),
    [
        ('"plain"', "plain"),
        ("local.bucket", "from-local"),
        ("local.my-bucket", "from-hyphens"),
        ("var.bucket", "from-variable"),
        ('"${local.bucket}"', "from-local"),
        ('"a-${local.bucket}-${ var.bucket }-z"', "a-from-local-from-variable-z"),
        ('"${local.my-bucket}-z"', "from-hyphens-z"),
        ("local.computed", None),
        ('"a-${local.computed}"', None),
        ("local.number", None),
        ("local.nowhere", None),
        ("var.unset", None),
        ('"${upper(local.bucket)}"', None),
        ('"%{ if true }a%{ endif }"', None),
        ('format("%s", local.bucket)', None),
    ],
)
def test_a_bucket_is_followed_as_far_as_text_goes(tmp_path: Path, given: str, bucket: str | None) -> None:
    (state,) = read(tmp_path, backend_block() + LOCALS + config(given)).remote_states

    assert (state.bucket, state.key) == (bucket, "k")


def test_a_key_is_followed_in_the_same_way(tmp_path: Path) -> None:
    (state,) = read(tmp_path, backend_block() + LOCALS + config('"b"', '"${var.bucket}/state"')).remote_states

    assert (state.bucket, state.key) == ("b", "from-variable/state")


def test_a_state_of_another_workspace_is_another_object(tmp_path: Path) -> None:
    def key(workspace: str, config: str = "") -> str | None:
        text = f"""
variable "stage" {{
  default = "blue"
}}
data "terraform_remote_state" "net" {{
  backend   = "s3"
  workspace = {workspace}
  config    = {{ bucket = "b", key = "k"{config} }}
}}
"""
        (state,) = read(tmp_path, backend_block() + text).remote_states
        return state.key

    assert key('"default"') == "k"
    # Every run is in that one.
    assert key("terraform.workspace") == "k"
    assert key("null") == "k"
    assert key('"blue"') == "env:/blue/k"
    assert key("var.stage") == "env:/blue/k"
    assert key('"blue"', ', workspace_key_prefix = "w"') == "w/blue/k"
    assert key("local.stage") is None
    assert key('"blue"', ", workspace_key_prefix = local.w") is None


@pytest.mark.parametrize(
    ("name", "text", "bucket"),
    [
        ("terraform.tfvars", 'bucket = "from-file"', "from-file"),
        ("terraform.tfvars.json", '{"bucket": "from-json"}', "from-json"),
        ("a.auto.tfvars.json", '{"bucket": "from-json"}', "from-json"),
        ("a.tfvars.json", '{"bucket": "not-read"}', "from-variable"),
        # What Terraform would make a text of is not the default.
        ("terraform.tfvars", "bucket = 3", None),
    ],
)
def test_files_of_values_that_terraform_reads_are_read(
    tmp_path: Path, name: str, text: str, bucket: str | None
) -> None:
    folder = write_layer(tmp_path, "prod/foundation", backend_block() + LOCALS + config("var.bucket"))
    (folder / name).write_text(text)

    assert read_layer("prod/foundation", folder).remote_states[0].bucket == bucket


def test_later_files_of_values_win(tmp_path: Path) -> None:
    folder = write_layer(tmp_path, "prod/foundation", backend_block() + LOCALS + config("var.bucket"))
    for name in ("b.auto.tfvars", "terraform.tfvars"):
        (folder / name).write_text(f'bucket = "{name}"')
    for name in ("a.auto.tfvars.json", "terraform.tfvars.json"):
        (folder / name).write_text(f'{{"bucket": "{name}"}}')

    assert read_layer("prod/foundation", folder).remote_states[0].bucket == "b.auto.tfvars"
    (folder / "b.auto.tfvars").unlink()
    assert read_layer("prod/foundation", folder).remote_states[0].bucket == "a.auto.tfvars.json"
    (folder / "a.auto.tfvars.json").unlink()
    assert read_layer("prod/foundation", folder).remote_states[0].bucket == "terraform.tfvars.json"


def test_the_variables_that_an_edge_rests_on_are_kept(tmp_path: Path) -> None:
    def variables(bucket: str, key: str = '"k"') -> dict[str, str]:
        (state,) = read(tmp_path, backend_block() + LOCALS + config(bucket, key)).remote_states
        return dict(state.variables)

    assert variables("local.bucket") == {}
    assert variables("var.bucket") == {"bucket": "from-variable"}
    assert variables('"b"', '"${var.bucket}/k"') == {"bucket": "from-variable"}
    # It tells nothing where the rest is open.
    assert variables("var.bucket", "local.nowhere") == {}


def test_a_state_whose_backend_is_no_plain_text_is_no_missing_edge(tmp_path: Path) -> None:
    def states(backend: str) -> list[tuple[str | None, str | None]]:
        text = config('"b"').replace('"s3"', backend) + 'variable "kind" {\n  default = "s3"\n}\n'
        return [(state.bucket, state.key) for state in read(tmp_path, backend_block() + text).remote_states]

    assert states("var.kind") == [("b", "k")]
    assert states("local.kind") == [(None, None)]
    assert states('"gcs"') == []


def test_an_override_file_moves_a_state_that_is_read(tmp_path: Path) -> None:
    folder = write_layer(tmp_path, "prod/foundation", backend_block() + config('"b"'))
    text = 'data "terraform_remote_state" "net" {\n  config = { bucket = "other", key = "k" }\n}\n'
    (folder / "net_override.tf").write_text(text)

    assert [state.bucket for state in read_layer("prod/foundation", folder).remote_states] == ["other"]


def test_a_local_of_another_file_is_followed(tmp_path: Path) -> None:
    folder = write_layer(tmp_path, "prod/foundation", backend_block() + config("local.bucket"))
    (folder / "zz.tf").write_text(LOCALS)

    assert read_layer("prod/foundation", folder).remote_states[0].bucket == "from-local"


@pytest.mark.parametrize("line", ['config = { bucket = "b" }', "config = local.config", "config = { key = var.k }"])
def test_a_state_that_is_not_said_is_left_open(tmp_path: Path, line: str) -> None:
    text = f'data "terraform_remote_state" "net" {{\n  backend = "s3"\n  {line}\n}}\n'

    (state,) = read(tmp_path, backend_block() + text).remote_states

    assert None in (state.bucket, state.key)


def test_a_remote_state_without_a_name_is_refused_at_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"main\.tf:10: a data block has 2 labels, not 1"):
        read(tmp_path, backend_block() + 'data "terraform_remote_state" {\n}\n')


# through the calls of modules


def parameterized(root: Path, *, default: str = 'default = "prod/a"') -> None:
    text = f'variable "key" {{\n  {default}\n}}\n' + config('"b"', '"${var.key}/state"')
    write_layer(root, "modules/p", text)


@pytest.mark.parametrize(
    ("argument", "key"),
    [
        ("", "prod/a/state"),
        ('key = "prod/b"', "prod/b/state"),
        ("key = local.key", "prod/c/state"),
        ("key = var.key", "prod/d/state"),
        ('key = "prod/${var.unset}"', None),
        ("key = upper(local.key)", None),
        ("key = null", None),
        ("key = each.key", None),
    ],
)
def test_a_module_reads_the_state_that_its_call_says(tmp_path: Path, argument: str, key: str | None) -> None:
    parameterized(tmp_path)
    outside = 'locals {\n  key = "prod/c"\n}\nvariable "key" {\n  default = "prod/d"\n}\nvariable "unset" {}\n'
    call = f'module "p" {{\n  source = "../../modules/p"\n  {argument}\n}}\n'
    (state,) = read(tmp_path, backend_block() + outside + call).remote_states

    assert state.key == key
    assert dict(state.variables) == ({"key": "prod/d"} if argument == "key = var.key" else {})


def test_every_call_of_a_module_reads_a_state_of_its_own(tmp_path: Path) -> None:
    parameterized(tmp_path, default="type = string")
    calls = [f'module "{n}" {{\n  source = "../../modules/p"\n  key = "prod/{n}"\n}}\n' for n in ("x", "y")]
    layer = read(tmp_path, backend_block() + "".join(calls))

    assert [state.key for state in layer.remote_states] == ["prod/x/state", "prod/y/state"]
    assert len(layer.local_modules) == 1


def test_an_argument_is_followed_through_calls_inside_of_calls(tmp_path: Path) -> None:
    parameterized(tmp_path)
    middle = 'variable "name" {}\nmodule "p" {\n  source = "../p"\n  key = "x/${var.name}"\n}\n'
    write_layer(tmp_path, "modules/middle", middle)
    call = 'module "m" {\n  source = "../../modules/middle"\n  name = var.env\n}\n'
    text = backend_block() + 'variable "env" {\n  default = "prod"\n}\n' + call
    (state,) = read(tmp_path, text).remote_states

    assert (state.key, dict(state.variables)) == ("x/prod/state", {"env": "prod"})
