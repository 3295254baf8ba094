"""What stands behind the layers' backends: making it, checking it."""

from __future__ import annotations

from orchestrator.cli import options as o
from orchestrator.cli.invocation import Invocation, command
from orchestrator.cli.root import app


@command(app, panel="Before a run")
def bootstrap(
    run: Invocation, layers: o.AnyLayers = None, auto_approve: o.Yes = False, non_interactive: o.NonInteractive = False
) -> int:
    """Create the state bucket and the lock table, hardened."""
    from orchestrator.cli import bootstrap as steps

    run.no_rest()
    return steps.bootstrap(run, layers or (), auto_approve=auto_approve, non_interactive=non_interactive)


@command(app, panel="Before a run")
def preflight(run: Invocation, layers: o.AnyLayers = None, json: o.Json = False) -> int:
    """Check credentials, bucket, lock table and Terraform, all at once."""
    from orchestrator.cli import plain, render
    from orchestrator.errors import PreflightError

    run.no_rest()
    with run.engine(is_stdout_data=json) as engine:
        checked = engine.preflight(layers or ())
    if json or run.log_format is o.LogFormat.JSON:
        plain.print_json({"seconds": round(checked.seconds, 3), "findings": [f.to_json() for f in checked.findings]})
    else:
        render.print_findings(run, checked.findings, seconds=checked.seconds)
    return PreflightError.exit_code if checked.errors else 0
