"""The commands. Each turns words into a call of the library and its answer into text and an exit code.

Bodies import what they use when they run: start-up is measured, and `--help` needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli import options as o
from orchestrator.cli.invocation import Invocation, Start, command
from orchestrator.cli.parameter import LightGroup

if TYPE_CHECKING:
    from orchestrator.layer import Layer
    from orchestrator.plan import Plan

CHANGES = 2

app = typer.Typer(
    name="wealist",
    cls=LightGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Every option can be given as WEALIST_<NAME>. What follows a lone -- goes to Terraform as it is.",
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


@command(app)
def bootstrap(
    run: Invocation, layers: o.AnyLayers = None, auto_approve: o.Yes = False, non_interactive: o.NonInteractive = False
) -> int:
    """Create the state bucket and the lock table, hardened."""
    from orchestrator.cli import bootstrap as steps

    run.no_rest()
    return steps.bootstrap(run, layers or (), auto_approve=auto_approve, non_interactive=non_interactive)


@command(app)
def preflight(run: Invocation, layers: o.AnyLayers = None, json: o.Json = False) -> int:
    """Check credentials, bucket, lock table and Terraform, all at once."""
    from orchestrator.cli import plain, render
    from orchestrator.errors import PreflightError

    run.no_rest()
    with run.engine(is_stdout_data=json) as engine:
        checked = engine.preflight(layers or ())
    if json:
        plain.print_json({"seconds": round(checked.seconds, 3), "findings": [f.to_json() for f in checked.findings]})
    else:
        render.print_findings(run, checked.findings, seconds=checked.seconds)
    return PreflightError.exit_code if checked.errors else 0


@command(app)
def plan(
    run: Invocation,
    layers: o.Layers,
    set: o.Set = None,
    var_file: o.VarFile = None,
    target: o.Target = None,
    replace: o.Replace = None,
    lock_timeout: o.LockTimeout = None,
    parallelism: o.Parallelism = None,
    upgrade: o.Upgrade = False,
    detailed_exitcode: o.DetailedExitcode = False,
    json: o.Json = False,
    report_file: o.ReportFile = None,
    terraform_log: o.TerraformLog = False,
) -> int:
    """Show what `up` would do, and stop there."""
    from orchestrator.cli import running

    options = running.options(run, set, var_file, target, replace, lock_timeout, parallelism, upgrade, terraform_log)
    report = running.go(run, lambda engine: engine.plan(layers, options), json=json, report_file=report_file)
    return CHANGES if detailed_exitcode and report.has_changes else report.exit_code


@command(app)
def up(
    run: Invocation,
    layers: o.Layers,
    auto_approve: o.Yes = False,
    non_interactive: o.NonInteractive = False,
    set: o.Set = None,
    var_file: o.VarFile = None,
    target: o.Target = None,
    replace: o.Replace = None,
    lock_timeout: o.LockTimeout = None,
    parallelism: o.Parallelism = None,
    upgrade: o.Upgrade = False,
    json: o.Json = False,
    report_file: o.ReportFile = None,
    terraform_log: o.TerraformLog = False,
) -> int:
    """Plan, show, ask, and apply exactly what was shown."""
    from orchestrator.cli import running

    for name in layers:
        run.estate.resolve(name)
    if not auto_approve:
        # A question can only be about a plan that is shown.
        is_hidden = run.log_format is o.LogFormat.JSON
        run.must_be_asked("--auto-approve", non_interactive=non_interactive or is_hidden)

    def confirm(layer: Layer, _plan: Plan) -> bool:
        return auto_approve or run.ask(f"Apply this to {layer.id} ({run.target.name})? Only 'yes' will do:")

    options = running.options(run, set, var_file, target, replace, lock_timeout, parallelism, upgrade, terraform_log)
    report = running.go(
        run, lambda engine: engine.up(layers, options, confirm=confirm), json=json, report_file=report_file
    )
    return report.exit_code


@command(app)
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


@command(app, "secrets")
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
    secret.answer(run, request, show_command=show_command, json=json)


@command(app)
def tf(run: Invocation, layer: o.OneLayer, terraform_log: o.TerraformLog = False) -> int:
    """Run any Terraform command in a layer's clean environment.

    What follows `--` goes to Terraform as it is: `wealist tf foundation -- state list`
    """
    from orchestrator.cli import escape

    return escape.run_terraform(run, layer, keep_log=terraform_log)


sandbox_app = typer.Typer(cls=LightGroup, no_args_is_help=True, help="Start, stop and look at the embedded AWS.")
app.add_typer(sandbox_app, name="sandbox")


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
