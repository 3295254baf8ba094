"""The layers and their edges as text: for people, for Mermaid, for Graphviz, and as plain data."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from orchestrator.shared_state import named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from orchestrator.graph import Graph

_COLORS = {"applied": "#2da44e", "failed": "#cf222e", "locked": "#bf8700", "unreadable": "#cf222e"}
_OTHER = "#6e7781"


class Format(StrEnum):
    """How a graph is written."""

    TEXT = "text"
    MERMAID = "mermaid"
    DOT = "dot"
    JSON = "json"


def draw(graph: Graph, states: Mapping[str, str], form: Format) -> str:
    """The whole graph, dependencies first.

    Args:
        states: By layer id a word for where it stands; a layer without one is drawn without.

    Raises:
        LayerOrderError, DependencyCycleError: The edges make no sense.
    """
    order = graph.order(graph.ids)
    if form is Format.MERMAID:
        return _mermaid(graph, order, states)
    if form is Format.DOT:
        return _dot(graph, order, states)
    if form is Format.JSON:
        return json.dumps(to_json(graph, states), indent=2, ensure_ascii=False)
    return _text(graph, order, states)


def to_json(graph: Graph, states: Mapping[str, str]) -> dict[str, Any]:
    """Layers in order, and every edge with the file and line that it comes from."""
    order = graph.order(graph.ids)
    return {
        "layers": [
            {
                "id": id_,
                "state": states.get(id_),
                "needs": list(graph.needs(id_)),
                "shares_state_with": list(graph.shared.get(id_, ())),
            }
            for id_ in order
        ],
        "edges": [
            {
                "layer": edge.layer,
                "needs": edge.needs,
                "reason": edge.reason,
                "file": str(edge.location.path),
                "line": edge.location.line,
            }
            for id_ in order
            for edge in graph.edges(id_)
        ],
    }


def _text(graph: Graph, order: Sequence[str], states: Mapping[str, str]) -> str:
    longest = max(map(len, order), default=0)
    widest = max((len(word) for word in states.values()), default=0)
    lines = []
    for id_ in order:
        state = f"  {states.get(id_, ''):<{widest}}" if widest else ""
        needs = f"  needs {', '.join(graph.needs(id_))}" if graph.needs(id_) else ""
        shared = f"  {_sharing(graph, id_)}" if id_ in graph.shared else ""
        lines.append(f"{id_:<{longest}}{state}{needs}{shared}".rstrip())
    return "\n".join(lines)


def _mermaid(graph: Graph, order: Sequence[str], states: Mapping[str, str]) -> str:
    names = {id_: f"n{number}" for number, id_ in enumerate(order)}
    lines = ["graph TD"]
    for id_ in order:
        state = "".join(f"<br/>{word}" for word in _words(graph, id_, states))
        lines.append(f'  {names[id_]}["{id_}{state}"]')
        if id_ in states:
            lines.append(f"  style {names[id_]} stroke:{_COLORS.get(states[id_], _OTHER)}")
    lines += [f"  {names[needs]} --> {names[id_]}" for id_ in order for needs in graph.needs(id_)]
    return "\n".join(lines)


def _dot(graph: Graph, order: Sequence[str], states: Mapping[str, str]) -> str:
    lines = ["digraph layers {", "  rankdir=TB;", '  node [shape=box, fontname="sans-serif"];']
    for id_ in order:
        state = "".join(f"\\n{word}" for word in _words(graph, id_, states))
        color = f', color="{_COLORS.get(states[id_], _OTHER)}"' if id_ in states else ""
        lines.append(f'  "{id_}" [label="{id_}{state}"{color}];')
    lines += [f'  "{needs}" -> "{id_}";' for id_ in order for needs in graph.needs(id_)]
    return "\n".join([*lines, "}"])


def _words(graph: Graph, id_: str, states: Mapping[str, str]) -> Iterator[str]:
    """What is written below the name of a layer."""
    if id_ in states:
        yield states[id_]
    if id_ in graph.shared:
        yield _sharing(graph, id_)


def _sharing(graph: Graph, id_: str) -> str:
    return f"shares its state with {named(graph.shared[id_])}"
