"""`wealist secrets`."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import options as o
from orchestrator.cli.invocation import Invocation, command
from orchestrator.cli.root import app

_ROTATE = "With rotate"


@command(app, "secrets", panel="Looking")
def secrets(
    run: Invocation,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            help="A name, `exec NAME` or `rotate NAME`; without one the names are listed.",
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
    finish: Annotated[
        bool, o.option("--finish", help="The value before is accepted no more.", rich_help_panel=_ROTATE)
    ] = False,
    drop_oldest: Annotated[
        bool,
        o.option(
            "--drop-oldest",
            help="Rotate although the last rotation isn't finished.",
            rich_help_panel=_ROTATE,
        ),
    ] = False,
    auto_approve: Annotated[
        bool, o.option("-y", "--auto-approve", help="Don't ask: what is shown is done.", rich_help_panel=_ROTATE)
    ] = False,
    non_interactive: Annotated[
        bool, o.option("--non-interactive", help="Never ask: fail where there is a question.", rich_help_panel=_ROTATE)
    ] = False,
    set: o.Set = None,
    set_env: o.SetEnv = None,
    var_file: o.VarFile = None,
    lock_timeout: o.LockTimeout = None,
    report_file: o.ReportFile = None,
    json: o.Json = False,
) -> int:
    """Print one secret, hand it to a program, or rotate it.

    Without a name the names are listed. To hand a value to a program's environment, so that it never touches a screen:
    `wealist secrets exec NAME --env PGPASSWORD -- psql ...`

    To rotate one, the one before accepted meanwhile: `wealist secrets rotate NAME`, let every client read it again, then
    `wealist secrets rotate NAME --finish`.
    """
    from orchestrator.cli import secret

    wants = secret.Rotate(finish=finish, drop_oldest=drop_oldest, yes=auto_approve, non_interactive=non_interactive)
    if words and words[0] == "rotate":
        from orchestrator.cli import rotation

        given = {"--field": field, "--env": env, "--show-command": show_command}
        name = secret.name_to_rotate(words, given, stage=version_stage)
        settings = o.RunWords(
            set=set,
            set_env=set_env,
            var_file=var_file,
            lock_timeout=lock_timeout,
            json=json,
            report_file=report_file,
        )
        return rotation.rotate(run, name, settings, wants)
    wants.refuse_elsewhere()
    request = secret.Request.from_words(words or [], field=field, stage=version_stage, env=env, after=run.after)
    secret.check(request, show_command=show_command, json=json)
    secret.answer(run, request, show_command=show_command, json=json)
    return 0
