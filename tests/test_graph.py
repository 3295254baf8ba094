"""Edges from remote states and from wealist.yaml, and the order that follows from them."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from orchestrator import graph
from orchestrator.errors import DependencyCycleError, LayerOrderError
from orchestrator.graph import Graph
from orchestrator.layer import Location, RemoteState
from tests.estate import BUCKET, HERE, layer

DECLARED = Location(Path("wealist.yaml"), 7)


def test_an_edge_is_a_remote_state_that_another_layer_writes() -> None:
    found = Graph(
        [
            layer("prod/foundation"),
            layer("prod/compute", reads=("prod/foundation", "prod/foundation")),
            layer("prod/edge", reads=("prod/foundation", "prod/compute")),
        ]
    )

    assert {id_: found.needs(id_) for id_ in found.ids} == {
        "prod/foundation": (),
        "prod/compute": ("prod/foundation",),
        "prod/edge": ("prod/compute", "prod/foundation"),
    }
    assert found.dependents("prod/foundation") == ("prod/compute", "prod/edge")
    assert found.closure(["prod/edge"]) == {"prod/edge", "prod/compute", "prod/foundation"}
    assert found.edges("prod/compute")[0].reason == "data.terraform_remote_state.other"


def test_an_edge_can_be_declared_and_keeps_its_line() -> None:
    found = Graph([layer("a"), layer("b")], declared={"b": [("a", DECLARED)]})

    (edge,) = found.edges("b")
    assert (edge.needs, edge.reason, str(edge.location)) == ("a", "depends_on", "wealist.yaml:7")
    assert found.order(["b", "a"]) == ["a", "b"]


def test_layers_that_are_left_out_still_order_the_rest() -> None:
    found = Graph([layer("a", reads=("m",)), layer("m", reads=("z",)), layer("z")])

    assert found.order(["a", "z"]) == ["z", "a"]
    assert found.within(["a", "z"]) == {"a": {"z"}, "z": frozenset()}


def test_a_layer_that_reads_its_own_state_is_refused_with_the_line() -> None:
    found = Graph([layer("a", reads=("a",))])

    with pytest.raises(LayerOrderError, match=r"^terraform\.tf:1: a reads its own state through 'other'"):
        found.needs("a")


def test_a_declared_self_edge_is_refused_with_the_line() -> None:
    with pytest.raises(LayerOrderError, match=r"^wealist\.yaml:7: a can't depend on itself"):
        Graph([layer("a")], declared={"a": [("a", DECLARED)]}).needs("a")


def test_a_state_that_no_layer_owns_is_refused_with_the_line_and_the_way_out() -> None:
    lost = layer("a", reads=("gone",))

    with pytest.raises(LayerOrderError, match=r"^terraform\.tf:1: a reads s3://acme-state/gone/terraform") as caught:
        Graph([lost]).needs("a")
    assert caught.value.hint is not None
    assert 'external: ["s3://acme-state/gone/terraform.tfstate"]' in caught.value.hint
    assert caught.value.exit_code == 11
    assert Graph([lost], external=[f"s3://{BUCKET}/gone/terraform.tfstate"]).needs("a") == ()


def test_an_unreadable_edge_is_refused_unless_the_layers_needs_are_declared() -> None:
    vague = layer("a", remote_states=(RemoteState(name="x", bucket=None, key="k", location=HERE),))

    with pytest.raises(LayerOrderError, match="can't be read without running Terraform"):
        Graph([vague]).needs("a")
    assert Graph([vague, layer("b")], declared={"a": [("b", DECLARED)]}).needs("a") == ("b",)


def test_a_mistake_elsewhere_does_not_stop_a_layer() -> None:
    found = Graph([layer("a"), layer("b", reads=("a",)), layer("lost", reads=("gone",))])

    assert found.order(["a", "b"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ({}, []),
        ({"b": (), "a": (), "c": ()}, ["a", "b", "c"]),
        ({"a": ("z",), "z": ()}, ["z", "a"]),
        ({"a": ("c",), "b": (), "c": (), "d": ("b",)}, ["b", "c", "a", "d"]),
        (
            {"top": ("left", "right"), "left": ("base",), "right": ("base",), "base": ()},
            ["base", "left", "right", "top"],
        ),
    ],
)
def test_dependencies_come_first_and_peers_by_name(edges: dict[str, tuple[str, ...]], expected: list[str]) -> None:
    assert graph.order(edges) == expected
    assert graph.order(dict(reversed(edges.items()))) == expected


def test_a_circle_is_shown_with_the_line_of_each_edge() -> None:
    found = Graph(
        [layer("a", reads=("b",)), layer("b"), layer("c", reads=("a",)), layer("d")], declared={"b": [("c", DECLARED)]}
    )

    with pytest.raises(DependencyCycleError) as caught:
        found.order(["a"])

    circle = caught.value.message.removeprefix("layers need each other in a circle: ").split(" -> ")
    assert circle[0] == circle[-1]
    assert set(circle) == {"a", "b", "c"}
    needs = {"a": "b", "b": "c", "c": "a"}
    assert all(needs[one] == other for one, other in itertools.pairwise(circle))
    assert caught.value.hint is not None
    assert "depends_on at wealist.yaml:7" in caught.value.hint
    assert "data.terraform_remote_state.other at terraform.tf:1" in caught.value.hint
    assert caught.value.exit_code == 11


def test_what_reads_the_state_of_two_layers_needs_both() -> None:
    one = layer("a")
    found = Graph([one, layer("b", reads=("a",), backend=one.backend), layer("c", reads=("a",))], shared={"a": ("b",)})

    assert found.needs("c") == ("a", "b")
    assert found.needs("b") == ("a",)
    assert found.shared == {"a": ("b",)}


def test_above_a_layer_are_all_that_need_it_directly_or_not() -> None:
    found = Graph([layer("a"), layer("b", reads=("a",)), layer("c", reads=("b",)), layer("d")])

    assert found.above(["a"]) == {"b", "c"}
    assert found.above(["c", "d"]) == frozenset()
