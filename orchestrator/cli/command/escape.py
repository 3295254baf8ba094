"""`wealist tf`: the escape hatch."""

from __future__ import annotations

from orchestrator.cli import options as o
from orchestrator.cli.invocation import Invocation, command
from orchestrator.cli.root import app


@command(app, panel="Other")
def tf(run: Invocation, layer: o.OneLayer, set_env: o.SetEnv = None, terraform_log: o.TerraformLog = False) -> int:
    """Run any Terraform command in a layer's clean environment.

    What follows `--` goes to Terraform as it is: `wealist tf foundation -- state list`
    """
    from orchestrator.cli import escape

    return escape.run_terraform(run, layer, set_env=set_env or (), keep_log=terraform_log)
