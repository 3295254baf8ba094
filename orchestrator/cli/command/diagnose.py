"""`wealist diagnose`."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import options as o
from orchestrator.cli.invocation import Invocation, command
from orchestrator.cli.root import app


@command(app, panel="Looking")
def diagnose(
    run: Invocation,
    name: Annotated[
        str | None,
        typer.Argument(
            help="A name under `diagnose` in wealist.yaml.", metavar="NAME", autocompletion=o.complete_diagnose
        ),
    ] = None,
    from_: Annotated[
        str | None,
        o.option("--from", help="Look from ssh://HOST, docker://NAME, kubectl://POD.", metavar="HOST"),
    ] = None,
    ca_file: o.CaFile = None,
    json: o.Json = False,
) -> int:
    """Follow the way to a database, and stop at the first broken hop.

    Without a name the names are listed. From outside its VPC a private database can't be reached, and that is no failure:
    `--from` looks at the network from a host inside.
    """
    from orchestrator.cli import diagnose

    run.no_rest()
    return diagnose.diagnose(run, name, from_host=from_, ca_file=ca_file, json=json)
