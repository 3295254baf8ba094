"""What the layers cost."""

from __future__ import annotations

from typing import Annotated

from orchestrator.cli import options as o
from orchestrator.cli.invocation import Invocation, command
from orchestrator.cli.root import app


@command(app, panel="Looking")
def cost(
    run: Invocation,
    layers: o.AnyLayers = None,
    plan: Annotated[bool, o.option("--plan", help="Also what an apply would make of it.")] = False,
    set: o.Set = None,
    set_env: o.SetEnv = None,
    var_file: o.VarFile = None,
    max_monthly_delta: o.MaxMonthlyDelta = None,
    live: Annotated[bool, o.option("--live", help="Compare the price book with AWS's price list.")] = False,
    json: o.Json = False,
) -> int:
    """Show what a month costs, and what a switch would add: --set NAME=VALUE."""
    from orchestrator.cli import cost
    from orchestrator.errors import UsageError

    run.no_rest()
    if not (plan or set or set_env or var_file):
        if max_monthly_delta is not None:
            what = "--max-monthly-delta is about what a plan adds, and nothing is planned"
            if "WEALIST_MAX_MONTHLY_DELTA" not in run.environ:
                # Typed here it would be a check that checks nothing.
                raise UsageError(what, hint="add --plan")
            run.say(f"note: {what}")
        return cost.show_deployed(run, layers or (), live=live, json=json)
    words = o.RunWords(set=set, set_env=set_env, var_file=var_file, json=json)
    return cost.show_planned(run, layers or (), words, limit=max_monthly_delta, live=live)
