"""What a layer was applied with, as one digest that gives no secret away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator import inputs
from orchestrator.root_module import read_layer
from tests.estate import VARIABLES, backend_block, write_layer
from tests.fakes import CANARY

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.layer import Layer

MODULE = 'module "m" {\n  source = "../../modules/m"\n}\n'


@pytest.fixture
def layer(tmp_path: Path) -> Layer:
    """A layer with a local module."""
    write_layer(tmp_path, "modules/m", "# the module\n")
    return read_layer("prod/app", write_layer(tmp_path, "prod/app", backend_block() + VARIABLES + MODULE))


def digest(layer: Layer, *, values: dict[str, str] | None = None, var_files: tuple[Path, ...] = ()) -> str:
    return inputs.digest(layer, values=values or {}, var_files=var_files)


def test_the_same_inputs_have_the_same_digest(layer: Layer) -> None:
    assert digest(layer, values={"name": "a", "zones": "[]"}) == digest(layer, values={"zones": "[]", "name": "a"})
    assert digest(layer).startswith("sha256:")


@pytest.mark.parametrize(
    "name",
    ["main.tf", "new.tf", "new.tf.json", "terraform.tfvars", "prod.auto.tfvars.json", ".terraform.lock.hcl"],
)
@pytest.mark.parametrize("folder", ["prod/app", "modules/m"])
def test_a_file_that_terraform_reads_counts(layer: Layer, name: str, folder: str) -> None:
    before = digest(layer)
    path = layer.path.parents[1] / folder / name
    path.write_text((path.read_text() if path.exists() else "") + "# changed\n")

    assert digest(layer) != before


def test_a_file_that_gets_another_name_counts(layer: Layer) -> None:
    before = digest(layer)
    (layer.path / "main.tf").rename(layer.path / "renamed.tf")

    assert digest(layer) != before


@pytest.mark.parametrize("name", ["README.md", "errored.tfstate", ".terraform/modules/modules.tf"])
def test_other_files_do_not_count(layer: Layer, name: str) -> None:
    before = digest(layer)
    (layer.path / name).parent.mkdir(parents=True, exist_ok=True)
    (layer.path / name).write_text("anything\n")

    assert digest(layer) == before


def test_the_content_of_a_variable_file_counts(layer: Layer, tmp_path: Path) -> None:
    file = tmp_path / "prod.tfvars"
    file.write_text('name = "a"\n')
    before = digest(layer, var_files=(file,))
    file.write_text('name = "b"\n')

    assert len({digest(layer), before, digest(layer, var_files=(file,))}) == 3


def test_a_value_counts_where_the_layer_has_a_variable_for_it(layer: Layer) -> None:
    assert len({digest(layer), digest(layer, values={"name": "a"}), digest(layer, values={"name": "b"})}) == 3
    assert digest(layer, values={"of_another_layer": "a"}) == digest(layer)


def test_a_sensitive_value_does_not_count(layer: Layer) -> None:
    assert digest(layer, values={"password": CANARY}) == digest(layer, values={"password": "other"}) == digest(layer)


def test_public_values_are_the_layers_own_and_no_secrets(layer: Layer) -> None:
    given = {"name": "a", "password": CANARY, "of_another_layer": "b"}

    assert inputs.public_values(layer, given) == {"name": "a"}
