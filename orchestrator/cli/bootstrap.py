"""`wealist bootstrap`: show the steps that are left, ask, take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.errors import WealistError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.cli.invocation import Invocation


def bootstrap(run: Invocation, names: Sequence[str], *, auto_approve: bool, non_interactive: bool) -> int:
    """Bring every bucket and table that these layers name to where they should be; returns the exit code."""
    with run.engine() as engine:
        steps = engine.bootstrap(names)
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
