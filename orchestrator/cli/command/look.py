"""Commands that look at what there is, and never start Terraform."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator import diagram
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


@command(app, panel="Looking")
def graph(
    run: Invocation,
    format: Annotated[diagram.Format, o.option("--format", help="How it is written.")] = diagram.Format.TEXT,
    no_state: Annotated[bool, o.option("--no-state", help="Only the HCL: AWS is not asked where each stands.")] = False,
) -> None:
    """Draw the layers in order, with what each needs and where it stands."""
    from orchestrator.cli import looking, plain

    run.no_rest()
    states = {} if no_state else looking.states(run)
    if format is diagram.Format.JSON:
        plain.print_json(diagram.to_json(run.estate.graph, states))
    else:
        print(diagram.draw(run.estate.graph, states, format))


@command(app, panel="Looking")
def why(run: Invocation, layer: o.OneLayer, json: o.Json = False) -> None:
    """Show which layers this one needs, and the line of HCL that says so."""
    from orchestrator.cli import looking

    run.no_rest()
    looking.explain(run, run.estate.layer(layer), json=json)
