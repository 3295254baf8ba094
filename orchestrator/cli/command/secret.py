"""`wealist secrets`."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import options as o
from orchestrator.cli.invocation import Invocation, command
from orchestrator.cli.root import app


@command(app, "secrets", panel="Looking")
def secrets(
    run: Invocation,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help="A name, or `exec NAME`; without one the names are listed.",
            metavar="NAME",
            autocompletion=o.complete_secret,
        ),
    ] = None,
    field: Annotated[str | None, o.option("--field", help="A field of the secret's JSON.", metavar="NAME")] = None,
    version_stage: Annotated[
        str, o.option("--version-stage", help="AWSCURRENT, AWSPREVIOUS or a stage of yours.", metavar="STAGE")
    ] = "AWSCURRENT",
    env: Annotated[
        str | None, o.option("--env", help="With exec: the variable that holds the value.", metavar="VARIABLE")
    ] = None,
    show_command: Annotated[
        bool, o.option("--show-command", help="Print the shell commands that do the same, and do nothing.")
    ] = False,
    json: o.Json = False,
) -> None:
    """Print one secret, or hand it to a program.

    Without a name the names are listed. To hand a value to a program's environment, so that it never touches a screen:
    `wealist secrets exec NAME --env PGPASSWORD -- psql ...`
    """
    from orchestrator.cli import secret

    request = secret.Request.from_words(words or [], field=field, stage=version_stage, env=env, after=run.after)
    secret.check(request, show_command=show_command, json=json)
    secret.answer(run, request, show_command=show_command, json=json)
