"""`wealist bootstrap`: show the steps that are left, ask, take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.aws.bootstrap import Step, plan_bootstrap
from orchestrator.aws.identity import who_am_i
from orchestrator.aws.session import Session
from orchestrator.errors import GuardError, WealistError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.layer import Layer


def bootstrap(run: Invocation, names: Sequence[str], *, auto_approve: bool, non_interactive: bool) -> int:
    """Bring every bucket and table that these layers name to where they should be; returns the exit code."""
    layers = [run.estate.layer(name) for name in names] or run.estate.layers
    steps = [step for layer in _distinct(layers) for step in _steps(run, layer)]
    if not steps:
        run.say("nothing to do: bucket and table are there, and hardened")
        return 0
    for step in steps:
        run.say(f"  {step.subject}: {step.text}")
    if not auto_approve:
        run.must_be_asked("--auto-approve", non_interactive=non_interactive)
        if not run.ask(f"Do these {len(steps)} things in {run.target.name}? Only 'yes' will do:"):
            raise WealistError("nothing was done: not confirmed")
    for step in steps:
        step.run()
    run.say(f"done: {len(steps)} steps")
    return 0


def _distinct(layers: Sequence[Layer]) -> list[Layer]:
    """One layer for each pair of bucket and table."""
    seen = {
        (layer.backend.bucket, layer.backend.region, layer.backend.dynamodb_table): layer for layer in reversed(layers)
    }
    return list(reversed(seen.values()))


def _steps(run: Invocation, layer: Layer) -> list[Step]:
    session = Session(run.target.aws, backend=layer.backend)
    account = who_am_i(session, layer.backend.region).account
    pinned = run.estate.config.accounts.get(layer.environment)
    if pinned is not None and pinned != account:
        raise GuardError(
            f"these credentials are of account {account}, and {layer.environment} is pinned to {pinned}",
            hint=f"AWS_PROFILE=... {run.target.command('bootstrap')}",
        )
    return plan_bootstrap(session, layer.backend, account=account)
