"""The layers and their edges as text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator import diagram
from orchestrator.diagram import Format
from orchestrator.errors import DependencyCycleError
from orchestrator.graph import Graph
from orchestrator.layer import Location
from tests.estate import layer

DECLARED = Location(Path("wealist.yaml"), 7)


@pytest.fixture
def graph() -> Graph:
    """Edge needs compute and foundation, compute needs foundation."""
    layers = [
        layer("prod/edge", reads=("prod/compute",)),
        layer("prod/compute", reads=("prod/foundation",)),
        layer("prod/foundation"),
    ]
    return Graph(layers, declared={"prod/edge": [("prod/foundation", DECLARED)]})


STATES = {"prod/foundation": "applied", "prod/compute": "never applied", "prod/edge": "locked"}


def test_for_people_it_is_a_line_a_layer_with_dependencies_first(graph: Graph) -> None:
    assert diagram.draw(graph, {}, Format.TEXT).splitlines() == [
        "prod/foundation",
        "prod/compute     needs prod/foundation",
        "prod/edge        needs prod/compute, prod/foundation",
    ]


def test_for_people_it_says_where_each_stands(graph: Graph) -> None:
    assert diagram.draw(graph, STATES, Format.TEXT).splitlines() == [
        "prod/foundation  applied",
        "prod/compute     never applied  needs prod/foundation",
        "prod/edge        locked         needs prod/compute, prod/foundation",
    ]


def test_for_mermaid_arrows_go_from_what_is_needed(graph: Graph) -> None:
    assert diagram.draw(graph, {"prod/foundation": "applied", "prod/edge": "locked"}, Format.MERMAID).splitlines() == [
        "graph TD",
        '  n0["prod/foundation<br/>applied"]',
        "  style n0 stroke:#2da44e",
        '  n1["prod/compute"]',
        '  n2["prod/edge<br/>locked"]',
        "  style n2 stroke:#bf8700",
        "  n0 --> n1",
        "  n1 --> n2",
        "  n0 --> n2",
    ]


def test_for_graphviz_arrows_go_from_what_is_needed(graph: Graph) -> None:
    drawn = diagram.draw(graph, {"prod/foundation": "failed", "prod/compute": "never applied"}, Format.DOT)

    assert drawn.splitlines() == [
        "digraph layers {",
        "  rankdir=TB;",
        '  node [shape=box, fontname="sans-serif"];',
        '  "prod/foundation" [label="prod/foundation\\nfailed", color="#cf222e"];',
        '  "prod/compute" [label="prod/compute\\nnever applied", color="#6e7781"];',
        '  "prod/edge" [label="prod/edge"];',
        '  "prod/foundation" -> "prod/compute";',
        '  "prod/compute" -> "prod/edge";',
        '  "prod/foundation" -> "prod/edge";',
        "}",
    ]


def test_for_programs_every_edge_has_its_file_and_line(graph: Graph) -> None:
    data = json.loads(diagram.draw(graph, {"prod/foundation": "applied"}, Format.JSON))

    assert data["layers"] == [
        {"id": "prod/foundation", "state": "applied", "needs": [], "shares_state_with": []},
        {"id": "prod/compute", "state": None, "needs": ["prod/foundation"], "shares_state_with": []},
        {"id": "prod/edge", "state": None, "needs": ["prod/compute", "prod/foundation"], "shares_state_with": []},
    ]
    remote = {"reason": "data.terraform_remote_state.other", "file": "terraform.tf", "line": 1}
    assert data["edges"] == [
        {"layer": "prod/compute", "needs": "prod/foundation", **remote},
        {"layer": "prod/edge", "needs": "prod/compute", **remote},
        {"layer": "prod/edge", "needs": "prod/foundation", "reason": "depends_on", "file": "wealist.yaml", "line": 7},
    ]


@pytest.mark.parametrize("form", list(Format))
def test_a_circle_is_not_drawn(form: Format) -> None:
    circle = Graph([layer("a", reads=("b",)), layer("b", reads=("a",))])

    with pytest.raises(DependencyCycleError):
        diagram.draw(circle, {}, form)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (Format.TEXT, ""),
        (Format.MERMAID, "graph TD"),
        (Format.DOT, 'digraph layers {\n  rankdir=TB;\n  node [shape=box, fontname="sans-serif"];\n}'),
        (Format.JSON, '{\n  "layers": [],\n  "edges": []\n}'),
    ],
)
def test_no_layers_are_drawn_as_none(form: Format, expected: str) -> None:
    assert diagram.draw(Graph([]), {}, form) == expected
