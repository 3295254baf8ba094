from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import ConfigError
from orchestrator.root_module import read_layer
from orchestrator.tf import sensitive
from tests.estate import backend_block

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.layer import Layer

HCL = """
variable "password" {
  sensitive = true
  default   = "by-the-default"
}
variable "once" {
  ephemeral = true
  type      = string
}
variable "logins" {
  sensitive = true
  type      = object({ user = string, keys = list(string), pin = number })
}
variable "name" {}
variable "handed" {}
module "db" {
  source = "./db"
  pass   = var.handed
  token  = "by-the-call"
  name   = "nothing-secret"
}
"""
MODULE = """
variable "pass" { sensitive = true }
variable "token" { sensitive = true }
variable "name" {}
variable "salt" {
  sensitive = true
  default   = "of-the-module"
}
"""


@pytest.fixture
def layer(tmp_path: Path) -> Layer:
    (tmp_path / "main.tf").write_text(backend_block() + HCL)
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "main.tf").write_text(MODULE)
    return read_layer("prod/db", tmp_path)


def learnt(layer: Layer, *files: Path, environ: dict[str, str] | None = None, **values: str) -> set[str]:
    return set(sensitive.values_of(layer, values=values, var_files=files, environ=environ or {}))


def test_what_the_hcl_itself_gives_is_learnt(layer: Layer) -> None:
    assert learnt(layer) == {"by-the-default", "by-the-call", "of-the-module"}


def test_a_variable_that_goes_into_a_sensitive_one_is_sensitive(layer: Layer) -> None:
    sensitive_ones = {name for name, variable in layer.variables.items() if variable.is_sensitive}

    assert sensitive_ones == {"password", "once", "logins", "handed"}


def test_files_of_the_layer_and_of_the_command_line_are_read(layer: Layer, tmp_path: Path) -> None:
    (tmp_path / "terraform.tfvars").write_text('password = "of-tfvars"\nname = "nothing-secret"\n')
    (tmp_path / "a.auto.tfvars").write_text('logins = { user = "appuser", keys = ["key-one"], pin = 837465 }\n')
    (tmp_path / "b.auto.tfvars.json").write_text(json.dumps({"handed": "of-json", "name": "nothing-secret"}))
    given = tmp_path / "given.tfvars"
    given.write_text("once = <<-EOT\n    first line\n    second line\n  EOT\n")

    found = learnt(layer, given) - learnt(replace(layer, path=tmp_path / "db"))

    assert found == {"of-tfvars", "appuser", "key-one", "837465", "of-json", "first line\nsecond line"}


def test_values_of_the_command_line_and_of_the_shell_are_learnt(layer: Layer) -> None:
    environ = {"TF_VAR_once": "of-the-shell", "TF_VAR_name": "nothing-secret"}
    text = '{ user = "appuser", keys = ["key-one"], pin = 12 }'

    found = learnt(layer, environ=environ, logins=text, handed='{"password": "in-json"}', name="nothing-secret")

    assert found >= {"of-the-shell", text, "appuser", "key-one", "in-json"}
    assert "nothing-secret" not in found


def test_a_file_that_cant_be_read_stops_the_run(layer: Layer, tmp_path: Path) -> None:
    (tmp_path / "terraform.tfvars").write_text("password = \n")

    with pytest.raises(ConfigError, match=r"terraform\.tfvars:1"):
        learnt(layer)


def test_an_override_of_a_default_leaves_a_variable_sensitive(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(backend_block() + 'variable "password" { sensitive = true }\n')
    (tmp_path / "override.tf").write_text('variable "password" { default = "overridden" }\n')
    layer = read_layer("prod/db", tmp_path)

    assert layer.variables["password"].is_sensitive
    assert learnt(layer) == {"overridden"}


def test_names_in_the_hcl_are_no_secrets(layer: Layer) -> None:
    assert {"prod/db", "prod", "ap-northeast-2", "password", "module", "db"} <= set(sensitive.names_of(layer))
