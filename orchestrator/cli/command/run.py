"""Commands that run Terraform over layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.cli import options as o
from orchestrator.cli.invocation import Invocation, command
from orchestrator.cli.root import app

if TYPE_CHECKING:
    from orchestrator.layer import Layer
    from orchestrator.plan import Plan

CHANGES = 2


@command(app, panel="Runs")
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


@command(app, panel="Runs")
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
