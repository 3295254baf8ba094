"""The root of the command line: `wealist` itself, on which every command is registered."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import options as o
from orchestrator.cli.invocation import Start
from orchestrator.cli.parameter import LightGroup

app = typer.Typer(
    name="wealist",
    cls=LightGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Options that choose nothing and confirm nothing can be given as WEALIST_<NAME>. What follows a lone -- goes to Terraform as it is.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from orchestrator.version import __version__

        print(f"wealist {__version__}")
        raise typer.Exit


@app.callback()
def wealist(
    ctx: typer.Context,
    chdir: o.Chdir = None,
    sandbox: o.UseSandbox = False,
    version: Annotated[  # noqa: ARG001 - answered by its callback
        bool,
        typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Bring layered Terraform estates up in the right order, safely."""
    ctx.obj = ctx.obj or Start()
    ctx.obj.chdir, ctx.obj.sandbox = chdir, sandbox
