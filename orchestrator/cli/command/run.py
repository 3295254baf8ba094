"""Commands that run Terraform over layers."""

from __future__ import annotations

from typing import Annotated

from orchestrator.cli import options as o
from orchestrator.cli.invocation import Invocation, command
from orchestrator.cli.root import app

PANEL = "Runs"


@command(app, panel=PANEL)
def plan(
    run: Invocation,
    words: o.RunWords,
    layers: o.Layers = None,
    all: o.All = False,
    with_dependencies: o.WithDependencies = False,
    allow_incomplete_dependencies: o.AllowIncomplete = False,
    max_monthly_delta: o.MaxMonthlyDelta = None,
    detailed_exitcode: o.DetailedExitcode = False,
) -> int:
    """Show what `up` would do, and stop there."""
    from orchestrator.cli import running

    names = running.names(run, layers, everything=all, with_dependencies=with_dependencies)
    options = running.options(
        run, words, allow_incomplete=allow_incomplete_dependencies, max_monthly_delta=max_monthly_delta
    )
    report = running.go(run, lambda engine: engine.plan(names, options), words, detailed=detailed_exitcode)
    return report.exit_code_for(detailed=detailed_exitcode)


@command(app, panel=PANEL)
def up(
    run: Invocation,
    words: o.RunWords,
    layers: o.Layers = None,
    all: o.All = False,
    with_dependencies: o.WithDependencies = False,
    auto_approve: o.Yes = False,
    non_interactive: o.NonInteractive = False,
    allow_destroy: o.AllowDestroy = None,
    allow_forget: o.AllowForget = None,
    allow_weaken: o.AllowWeaken = None,
    accept_contract_change: o.AcceptContract = None,
    allow_incomplete_dependencies: o.AllowIncomplete = False,
    max_monthly_delta: o.MaxMonthlyDelta = None,
) -> int:
    """Plan, show, ask, and apply exactly what was shown."""
    from orchestrator.cli import confirmation, running

    names = running.names(run, layers, everything=all, with_dependencies=with_dependencies)
    confirm = confirmation.for_up(run, auto_approve=auto_approve, non_interactive=non_interactive)
    options = running.options(
        run,
        words,
        non_interactive=non_interactive,
        allow_destroy=tuple(allow_destroy or ()),
        allow_forget=tuple(allow_forget or ()),
        allow_weaken=tuple(allow_weaken or ()),
        accept_contract=tuple(accept_contract_change or ()),
        allow_incomplete=allow_incomplete_dependencies,
        max_monthly_delta=max_monthly_delta,
        is_prompted=not auto_approve,
    )
    weakening = None if auto_approve else confirmation.of_weakening(run)
    return running.go(
        run, lambda engine: engine.up(names, options, confirm=confirm, confirm_weakening=weakening), words
    ).exit_code


@command(app, panel=PANEL)
def down(
    run: Invocation,
    words: o.RunWords,
    layers: o.Layers = None,
    all: o.All = False,
    confirm: o.Confirms = None,
    non_interactive: o.NonInteractive = False,
    lift_deletion_protection: o.LiftProtection = False,
    allow_forget: o.AllowForget = None,
) -> int:
    """Take layers down, the last first. What dies is shown, and each is confirmed by its name."""
    from orchestrator.cli import confirmation, running

    names = running.names(run, layers, everything=all)
    by_name = confirmation.for_down(run, names, given=confirm or (), non_interactive=non_interactive)
    options = running.options(
        run,
        words,
        non_interactive=non_interactive,
        lift_deletion_protection=lift_deletion_protection,
        allow_forget=tuple(allow_forget or ()),
        is_prompted=not confirm,
    )
    return running.go(run, lambda engine: engine.down(names, options, confirm=by_name), words).exit_code


@command(app, panel=PANEL)
def resume(
    run: Invocation,
    set: o.Set = None,
    set_env: o.SetEnv = None,
    var_file: o.VarFile = None,
    auto_approve: o.Yes = False,
    confirm: o.Confirms = None,
    non_interactive: o.NonInteractive = False,
    allow_destroy: o.AllowDestroy = None,
    allow_forget: o.AllowForget = None,
    allow_weaken: o.AllowWeaken = None,
    accept_contract_change: o.AcceptContract = None,
    json: o.Json = False,
    report_file: o.ReportFile = None,
) -> int:
    """Go on with the last run that did not end well; what it had done is left alone."""
    from orchestrator.cli import confirmation, given, running

    run.no_rest()
    unfinished = running.unfinished(run)
    if unfinished is None:
        return 0
    if unfinished.command == "down":
        ask = confirmation.for_down(run, unfinished.remaining, given=confirm or (), non_interactive=non_interactive)
    else:
        ask = confirmation.for_up(run, auto_approve=auto_approve, non_interactive=non_interactive)
    words = o.RunWords(json=json, report_file=report_file)
    more = {
        "allow_destroy": allow_destroy or (),
        "allow_forget": allow_forget or (),
        "allow_weaken": allow_weaken or (),
        "accept_contract": accept_contract_change or (),
    }
    files = tuple(var_file or ())
    values = given.values(set or (), set_env or (), run.environ, var_files=files, non_interactive=non_interactive)
    weakening = None if auto_approve else confirmation.of_weakening(run)
    is_prompted = not (confirm if unfinished.command == "down" else auto_approve)
    return running.go(
        run,
        lambda engine: engine.resume(
            unfinished,
            values=values,
            var_files=files,
            is_prompted=is_prompted,
            confirm=ask,
            confirm_weakening=weakening,
            **more,
        ),
        words,
    ).exit_code


@command(app, panel=PANEL)
def verify(
    run: Invocation,
    words: o.RunWords,
    layers: o.AnyLayers = None,
    plan: Annotated[bool, o.option("--plan", help="Judge what a plan would leave, not what is live.")] = False,
) -> int:
    """Hold layers against their contracts: every statement, checked."""
    from orchestrator.cli import running

    names = [run.estate.resolve(name) for name in layers or ()]
    options = running.options(run, words)
    return running.go(run, lambda engine: engine.verify(names, options, planned=plan), words).exit_code


@command(app, panel=PANEL)
def drift(
    run: Invocation, words: o.RunWords, layers: o.AnyLayers = None, detailed_exitcode: o.DetailedExitcode = False
) -> int:
    """Show what was changed outside Terraform, attribute by attribute."""
    from orchestrator.cli import running

    names = [run.estate.resolve(name) for name in layers or ()]
    options = running.options(run, words)
    report = running.go(run, lambda engine: engine.drift(names, options), words, detailed=detailed_exitcode)
    return report.exit_code_for(detailed=detailed_exitcode)
