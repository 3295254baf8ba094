"""`wealist sandbox ...`."""

from __future__ import annotations

import typer

from orchestrator.cli import options as o
from orchestrator.cli.invocation import Invocation, command
from orchestrator.cli.parameter import LightGroup
from orchestrator.cli.root import app

sandbox_app = typer.Typer(cls=LightGroup, no_args_is_help=True, help="Start, stop and look at the embedded AWS.")
app.add_typer(sandbox_app, name="sandbox", rich_help_panel="Other")


@command(sandbox_app, "start")
def sandbox_start(run: Invocation, json: o.Json = False) -> None:
    """Start the sandbox, where it doesn't run."""
    from orchestrator.cli import sandbox

    sandbox.start(run, json=json)


@command(sandbox_app, "stop")
def sandbox_stop(run: Invocation) -> None:
    """Stop the sandbox; everything in it is gone."""
    from orchestrator.cli import sandbox

    sandbox.stop(run)


@command(sandbox_app, "status")
def sandbox_status(run: Invocation, json: o.Json = False) -> int:
    """Say whether the sandbox runs, where, and where providers and modules come from."""
    from orchestrator.cli import sandbox

    return sandbox.status(run, json=json)


@command(sandbox_app, "env")
def sandbox_env(run: Invocation, json: o.Json = False) -> None:
    """Print the variables that point a shell at the sandbox.

    Use it as `eval "$(wealist sandbox env)"`; terraform and aws then talk to the sandbox.
    """
    from orchestrator.cli import sandbox

    sandbox.env(run, json=json)
