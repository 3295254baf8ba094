"""What `graph` and `why` look up: where each layer stands, and where each edge comes from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from orchestrator.cli import plain
from orchestrator.errors import AwsError

if TYPE_CHECKING:
    from orchestrator.cli.invocation import Invocation
    from orchestrator.layer import Layer, Location


def states(run: Invocation) -> dict[str, str]:
    """A word for where each layer stands; empty, with a note, where AWS can't be asked."""
    from orchestrator.status import read_statuses

    found = read_statuses(run.estate, run.target, run.estate.layers)
    errors = [status.error for status in found.values() if isinstance(status.error, AwsError)]
    if errors and len(errors) == len(found):
        run.say(f"note: where the layers stand is not known: {errors[0].message}")
        return {}
    return {id_: status.word for id_, status in found.items()}


def explain(run: Invocation, layer: Layer, *, json: bool) -> None:
    """The edges of a layer with file and line, and the outputs that go over each."""
    edges = run.estate.graph.edges(layer.id)
    dependents = run.estate.graph.dependents(layer.id)
    outputs = {
        edge.state: sorted({read.output for read in layer.reads if read.state == edge.state})
        for edge in edges
        if edge.state
    }
    if json:
        needs = [
            {
                "layer": edge.needs,
                "reason": edge.reason,
                "file": str(edge.location.path),
                "line": edge.location.line,
                "outputs": outputs.get(edge.state or "", []),
            }
            for edge in edges
        ]
        plain.print_json({"layer": layer.id, "needs": needs, "needed_by": list(dependents)})
        return
    if not edges:
        print(f"{layer.id} needs no other layer")
    for edge in edges:
        print(f"{layer.id} needs {edge.needs}: {edge.reason}, {_short(edge.location)}")
        if outputs.get(edge.state or ""):
            print(f"  reads {', '.join(outputs[edge.state or ''])}")
    if dependents:
        print(f"needed by {', '.join(dependents)}")


def _short(location: Location) -> str:
    return f"{os.path.relpath(location.path)}:{location.line}"
