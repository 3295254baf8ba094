from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from orchestrator.config import Config
from orchestrator.discovery import Estate, fixed_part
from orchestrator.errors import ConfigError, LayerNotFoundError, LayerOrderError
from tests.estate import backend_block, remote_state, write_estate, write_layer

if TYPE_CHECKING:
    from pathlib import Path


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


# which layer needs which


def with_yaml(root: Path, more: str) -> Estate:
    (root / "wealist.yaml").write_text(f"version: 1\n{more}")
    return Estate.find(root)


def test_what_hcl_does_not_say_can_be_declared_by_short_name(estate: Estate) -> None:
    write_layer(estate.root, "prod/edge")
    found = with_yaml(estate.root, "depends_on:\n  foundation: []\n  edge: [compute, prod/foundation]\n")

    assert found.graph.needs("prod/edge") == ("prod/compute", "prod/foundation")
    assert found.graph.needs("prod/foundation") == ()
    edge = found.graph.edges("prod/edge")[0]
    assert (edge.reason, str(edge.location)) == ("depends_on", f"{estate.root / 'wealist.yaml'}:4")
    assert found.graph.order(["prod/edge", "prod/foundation"]) == ["prod/foundation", "prod/edge"]


def test_a_layer_that_stands_there_by_both_of_its_names_needs_both(estate: Estate) -> None:
    write_layer(estate.root, "prod/edge")
    write_layer(estate.root, "prod/dns")
    found = with_yaml(estate.root, "depends_on:\n  edge: [compute]\n  prod/edge: [dns]\n")

    assert found.graph.needs("prod/edge") == ("prod/compute", "prod/dns")


def test_a_declared_edge_stands_beside_those_of_the_hcl(estate: Estate) -> None:
    write_layer(estate.root, "prod/dns")
    found = with_yaml(estate.root, "depends_on:\n  compute: [dns]\n")

    assert found.graph.needs("prod/compute") == ("prod/dns", "prod/foundation")


@pytest.mark.parametrize(
    ("lines", "line", "message"),
    [
        ("  computr: [foundation]\n", 3, "depends_on.computr: there is no layer 'computr'"),
        ("  foundation: []\n  compute: [foundaton]\n", 4, "depends_on.compute: there is no layer 'foundaton'"),
    ],
)
def test_a_name_that_is_no_layer_is_refused_with_file_and_line(
    estate: Estate, lines: str, line: int, message: str
) -> None:
    found = with_yaml(estate.root, f"depends_on:\n{lines}")

    with pytest.raises(ConfigError) as caught:
        _ = found.graph

    assert caught.value.message.startswith(f"{estate.root / 'wealist.yaml'}:{line}: {message}")
    assert str(caught.value.hint).startswith("did you mean ")


def test_a_name_that_could_be_two_layers_is_refused_with_both(estate: Estate) -> None:
    write_layer(estate.root, "dev/foundation", backend_block("dev/foundation"))
    found = with_yaml(estate.root, "depends_on:\n  compute: [foundation]\n")

    with pytest.raises(
        ConfigError, match=r":3: depends_on\.compute: 'foundation' could be any of dev/foundation, prod/"
    ):
        _ = found.graph


def test_a_state_of_another_estate_may_be_read_where_it_is_named(estate: Estate) -> None:
    write_layer(estate.root, "prod/edge", backend_block("prod/edge") + remote_state("elsewhere"))
    yaml = 'layers: { external: ["s3://acme-state/elsewhere"] }\n'

    assert with_yaml(estate.root, yaml).graph.needs("prod/edge") == ()
    with pytest.raises(LayerOrderError, match="no layer here keeps its state there"):
        with_yaml(estate.root, "").graph.needs("prod/edge")


def test_the_edges_of_a_layer_that_reads_nothing_need_no_other_to_be_read(estate: Estate) -> None:
    write_layer(estate.root, "prod/broken", "terraform {")
    found = Estate.find(estate.root)

    assert found.edges(found.layer("foundation")) == ()
    with pytest.raises(ConfigError, match="prod/broken"):
        found.edges(found.layer("compute"))


def test_a_pin_holds_for_environments_below_it(tmp_path: Path) -> None:
    write_layer(tmp_path, "prod/eu/foundation")
    (tmp_path / "wealist.yaml").write_text(
        "version: 1\nlayers:\n  include: [terraform/*/*/*]\naccounts:\n  prod: '123456789012'\n"
    )

    assert list(Estate.find(tmp_path).folders) == ["prod/eu/foundation"]


@pytest.mark.parametrize(
    ("yaml", "key"),
    [
        (
            "guards:\n  deletion_protection:\n    prod/fundation: { a: 'b' }\n",
            "guards.deletion_protection.prod/fundation",
        ),
        ("secrets:\n  pw:\n    layer: fundation\n    output: arn\n", "secrets.pw.layer"),
        (
            (
                "diagnose:\n  db:\n    layer: fundation\n    kind: redis\n    identifier: id\n    private_subnets: ids\n"
                "    secret: pw\nsecrets:\n  pw:\n    layer: foundation\n    output: arn\n"
            ),
            "diagnose.db.layer",
        ),
    ],
)
def test_a_layer_that_is_not_there_is_named_wherever_the_file_names_it(tmp_path: Path, yaml: str, key: str) -> None:
    estate = Estate.find(write_estate(tmp_path / "estate", f"version: 1\n{yaml}"))

    with pytest.raises(ConfigError, match=rf"wealist\.yaml:4: {key}: there is no layer") as caught:
        _ = estate.folders
    assert caught.value.hint is not None
    assert "foundation" in caught.value.hint


# prices


BOOK = "version: 1\nregion: eu-west-1\ncurrency: USD\ndate: 2026-01-31\nsource: here\n"


def test_the_price_book_lies_beside_the_file_or_where_the_file_says(estate: Estate) -> None:
    assert estate.prices is None
    (estate.root / "prices.yaml").write_text(BOOK)
    (estate.root / "seoul.yaml").write_text(BOOK.replace("eu-west-1", "ap-northeast-2"))

    regions = [book.region for more in ("", "prices: seoul.yaml\n") if (book := with_yaml(estate.root, more).prices)]

    assert regions == ["eu-west-1", "ap-northeast-2"]


def test_a_price_book_that_is_named_and_not_there_is_an_error(estate: Estate) -> None:
    found = with_yaml(estate.root, "prices: sold.yaml\n")

    with pytest.raises(ConfigError) as caught:
        found.prices  # noqa: B018

    assert caught.value.message == f"{estate.root / 'wealist.yaml'}:2: prices: there is no file sold.yaml"


@pytest.mark.parametrize("way", ["dots", "folder", "above"])
def test_a_layer_outside_the_project_is_refused(tmp_path: Path, way: str) -> None:
    write_layer(tmp_path / "outside", "prod/foundation")
    root = tmp_path / "estate"
    root.mkdir()
    include = "../outside/terraform/*/*" if way == "dots" else "terraform/*/*"
    (root / "wealist.yaml").write_text(f'version: 1\nlayers:\n  include: ["{include}"]\n')
    if way == "folder":
        (root / "terraform" / "prod").mkdir(parents=True)
        (root / "terraform" / "prod" / "foundation").symlink_to(tmp_path / "outside/terraform/prod/foundation")
    if way == "above":
        (root / "terraform").symlink_to(tmp_path / "outside/terraform")

    with pytest.raises(ConfigError, match="leads out of") as caught:
        _ = Estate.find(root).folders

    assert caught.value.message.startswith(f"{root / 'wealist.yaml'}:3: layers.include: ")


def test_a_layer_that_a_link_leads_to_inside_the_project_is_one(tmp_path: Path) -> None:
    root = write_estate(tmp_path)
    (root / "terraform/prod/linked").symlink_to("foundation")

    assert "prod/linked" in Estate.find(root).folders


@pytest.mark.parametrize("named", ["../book.yaml", "linked.yaml"])
def test_a_price_book_outside_the_project_is_refused(tmp_path: Path, named: str) -> None:
    root = write_estate(tmp_path / "estate", f"version: 1\nprices: {named}\n")
    (tmp_path / "book.yaml").write_text("version: 1\n")
    (root / "linked.yaml").symlink_to("../book.yaml")

    with pytest.raises(ConfigError, match=r"wealist.yaml:2: prices: .* leads out of"):
        _ = Estate.find(root).prices


def test_a_contract_outside_the_project_is_refused(tmp_path: Path) -> None:
    root = write_estate(tmp_path / "estate")
    (tmp_path / "contract.yaml").write_text("version: 1\n")
    (root / "terraform/prod/foundation/contract.yaml").symlink_to(tmp_path / "contract.yaml")

    with pytest.raises(ConfigError, match=r"contract\.yaml: this leads out of"):
        Estate.find(root).layer("foundation")


def test_a_pipe_in_the_place_of_the_configuration_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "wealist.yaml")

    with pytest.raises(ConfigError, match=r"wealist.yaml: can't be read: this is a pipe"):
        Estate.find(tmp_path)
