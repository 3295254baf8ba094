from __future__ import annotations

import itertools

import pytest

from orchestrator import graph
from orchestrator.errors import DependencyCycleError
from tests.estate import layer


def test_an_edge_is_a_remote_state_that_another_layer_writes() -> None:
    layers = [
        layer("prod/foundation"),
        layer("prod/compute", reads=("prod/foundation", "prod/foundation")),
        layer("prod/edge", reads=("prod/foundation", "prod/compute", "elsewhere/network")),
    ]

    assert graph.dependencies(layers) == {
        "prod/foundation": (),
        "prod/compute": ("prod/foundation",),
        "prod/edge": ("prod/compute", "prod/foundation"),
    }


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


def test_a_circle_is_shown() -> None:
    with pytest.raises(DependencyCycleError) as caught:
        graph.order({"a": ("b",), "b": ("c",), "c": ("a",), "d": ()})

    circle = caught.value.message.removeprefix("layers read each other's state in a circle: ").split(" -> ")
    assert circle[0] == circle[-1]
    assert set(circle) == {"a", "b", "c"}
    edges = {"a": "b", "b": "c", "c": "a"}
    assert all(edges[one] == other for one, other in itertools.pairwise(circle))
    assert caught.value.hint == "remove one of these terraform_remote_state blocks"
    assert caught.value.exit_code == 11
