"""Commands that look at what there is, and never start Terraform."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import options as o
from orchestrator.cli.invocation import Invocation, command
from orchestrator.cli.root import app


@command(app, panel="Looking")
def output(
    run: Invocation,
    layer: o.OneLayer,
    name: Annotated[str | None, typer.Argument(help="One output; its bare value is printed.")] = None,
    json: o.Json = False,
) -> None:
    """Print a layer's outputs, read straight from its state."""
    from orchestrator import lookup
    from orchestrator.cli import plain

    run.no_rest()
    found = run.estate.layer(layer)
    if name is not None:
        plain.print_value(lookup.find_output(found, name, run.target).value, as_json=json)
        return
    outputs = lookup.read_outputs(found, run.target)
    if json:
        plain.print_json({output.name: output.shown for output in outputs.values()})
    else:
        from orchestrator.cli import render

        render.print_outputs(run, outputs.values())
