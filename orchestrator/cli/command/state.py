"""Where layers stand, who holds their states, and what those were."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import options as o
from orchestrator.cli.invocation import Invocation, command
from orchestrator.cli.parameter import LightGroup
from orchestrator.cli.root import app

_PANEL = "State and locks"

state_app = typer.Typer(
    cls=LightGroup, no_args_is_help=True, help="Look at a layer's earlier states, and go back to one."
)

Version = Annotated[str, o.option("--version", help="The version's id, from `state history`.", metavar="ID")]
Limit = Annotated[int, o.option("--limit", help="So many of the newest versions.", min=1, metavar="N")]


@command(app, panel="Looking")
def status(run: Invocation, layers: o.AnyLayers = None, json: o.Json = False) -> int:
    """Show where every layer stands, without starting Terraform."""
    from orchestrator.cli import status

    run.no_rest()
    return status.show_status(run, layers or (), json=json)


@command(app, panel="Looking")
def locks(run: Invocation, layers: o.AnyLayers = None, json: o.Json = False) -> int:
    """Show who holds which state, and whether they are alive."""
    from orchestrator.cli import status

    run.no_rest()
    return status.show_locks(run, layers or (), json=json)


@command(app, panel=_PANEL)
def unlock(
    run: Invocation, layer: o.OneLayer, confirm: o.Confirm = None, non_interactive: o.NonInteractive = False
) -> int:
    """Break a lock that nobody holds any more."""
    from orchestrator.cli import unlock

    run.no_rest()
    return unlock.unlock(run, layer, confirm=confirm, non_interactive=non_interactive)


app.add_typer(state_app, name="state", rich_help_panel=_PANEL)


@command(state_app, "history")
def history(run: Invocation, layer: o.OneLayer, limit: Limit = 20, json: o.Json = False) -> None:
    """List the versions of a layer's state, the newest first; `*` marks the current one."""
    from orchestrator.cli import history

    run.no_rest()
    history.show_history(run, layer, limit=limit, json=json)


@command(state_app, "restore")
def restore(
    run: Invocation,
    layer: o.OneLayer,
    version: Version,
    confirm: o.Confirm = None,
    non_interactive: o.NonInteractive = False,
) -> int:
    """Bring an earlier version of a layer's state back."""
    from orchestrator.cli import history

    run.no_rest()
    return history.restore(run, layer, version, confirm=confirm, non_interactive=non_interactive)


@command(state_app, "mend")
def mend(
    run: Invocation, layer: o.OneLayer, confirm: o.Confirm = None, non_interactive: o.NonInteractive = False
) -> int:
    """Set a stale digest right, so that Terraform takes the state that is there."""
    from orchestrator.cli import history

    run.no_rest()
    return history.mend(run, layer, confirm=confirm, non_interactive=non_interactive)
