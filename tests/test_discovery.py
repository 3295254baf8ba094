from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.config import Config
from orchestrator.discovery import Estate, fixed_part
from orchestrator.errors import ConfigError, LayerNotFoundError
from orchestrator.root_module import read_layer
from tests.estate import BUCKET, KEY, REGION, TABLE, VARIABLES, backend_block, remote_state, write_estate, write_layer

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.layer import Layer


def read(root: Path, text: str) -> Layer:
    return read_layer("prod/foundation", write_layer(root, "prod/foundation", text))


def refusal(root: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(root, text)
    return caught.value


def test_an_estate_is_found_from_any_folder_inside(tmp_path: Path) -> None:
    root = write_estate(tmp_path)

    assert Estate.find(root / "terraform" / "prod" / "foundation").root == root


def test_no_estate_here_or_above_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no wealist\.yaml here or in any folder above") as caught:
        Estate.find(tmp_path)

    assert "echo 'version: 1' > wealist.yaml" in str(caught.value.hint)


def test_layers_are_the_folders_that_match_and_hold_hcl(tmp_path: Path) -> None:
    root = write_estate(tmp_path)
    write_layer(root, "modules/ecr")
    (root / "terraform" / "prod" / "empty").mkdir()

    assert list(Estate.find(root).folders) == ["prod/compute", "prod/foundation"]


def test_ids_are_paths_below_the_fixed_part_of_the_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "stacks" / "network"
    folder.mkdir(parents=True)
    (folder / "main.tf").write_text(backend_block())
    config = Config.parse('version: 1\nlayers:\n  include: ["stacks/*"]\n')

    (layer,) = Estate(tmp_path, config).layers

    assert (layer.id, layer.name, layer.environment) == ("network", "network", "")


@pytest.mark.parametrize(
    ("pattern", "fixed"),
    [("terraform/*/*", "terraform"), ("*", ""), ("a/b", "a"), ("a/b-[12]/c", "a"), ("a/?/c", "a"), ("**/x", "")],
)
def test_the_fixed_part_ends_before_the_first_wildcard(pattern: str, fixed: str) -> None:
    assert fixed_part(pattern) == fixed


def test_finding_a_layer_reads_no_other(tmp_path: Path) -> None:
    root = write_estate(tmp_path)
    write_layer(root, "prod/broken", "terraform {")

    assert Estate.find(root).layer("foundation").id == "prod/foundation"


@pytest.mark.parametrize("name", ["prod/foundation", "foundation", "prod/foundation/"])
def test_a_layer_is_found_by_id_and_by_short_name(estate: Estate, name: str) -> None:
    assert estate.layer(name).id == "prod/foundation"


def test_an_ambiguous_short_name_lists_what_it_could_be(tmp_path: Path) -> None:
    root = write_estate(tmp_path)
    write_layer(root, "dev/foundation")

    with pytest.raises(LayerNotFoundError, match="could be any of dev/foundation, prod/foundation") as caught:
        Estate.find(root).layer("foundation")

    assert caught.value.hint == "give the whole id: dev/foundation"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("fundation", "did you mean foundation?"),
        ("prod/fundation", "did you mean prod/foundation?"),
        ("zzzzz", "layers here: prod/compute, prod/foundation"),
    ],
)
def test_an_unknown_layer_is_answered_with_what_is_there(estate: Estate, name: str, hint: str) -> None:
    with pytest.raises(LayerNotFoundError, match=f"there is no layer '{name}'") as caught:
        estate.layer(name)

    assert caught.value.hint == hint


def test_an_estate_with_no_layers_points_to_the_patterns(tmp_path: Path) -> None:
    (tmp_path / "wealist.yaml").write_text("version: 1\n")

    with pytest.raises(LayerNotFoundError) as caught:
        Estate.find(tmp_path).layer("foundation")

    assert caught.value.hint == f"no folder matches layers.include in {tmp_path / 'wealist.yaml'}"


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


def test_variables_are_read_with_type_default_and_sensitivity(tmp_path: Path) -> None:
    layer = read(tmp_path, backend_block() + VARIABLES)

    assert set(layer.variables) == {"name", "zones", "password"}
    assert (layer.variables["name"].type, layer.variables["name"].has_default) == ("string", False)
    assert layer.variables["name"].is_primitive
    assert (layer.variables["zones"].type, layer.variables["zones"].has_default) == ("list(string)", True)
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
