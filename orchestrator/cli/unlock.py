"""`wealist unlock`: who holds the lock, what speaks for it, the layer's name, and the lock is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.cli.boundary import redact
from orchestrator.errors import WealistError
from orchestrator.unlock import break_lock, check_unlock, read_evidence

if TYPE_CHECKING:
    from orchestrator.cli.invocation import Invocation


def unlock(run: Invocation, name: str, *, confirm: str | None, non_interactive: bool) -> int:
    """Break the lock on a layer's state; returns the exit code."""
    from orchestrator.cli import render_state

    layer = run.estate.layer(name)
    run.must_be_named(layer.id, confirm, non_interactive=non_interactive)
    shown = read_evidence(layer, run.target)
    if not shown:
        run.say(f"{layer.id} is not locked")
        return 0
    render_state.print_locks(run, shown, stderr=True)
    check_unlock(run.estate, layer, run.target, shown)
    run.say("If its holder is alive after all, two of you write one state, and what one has made is lost from it.")
    question = f"Break the lock on {layer.id} ({run.target.name})?"
    if not run.confirm_by_name(layer.id, question, given=confirm):
        raise WealistError("nothing was done: not confirmed")
    break_lock(run.estate, layer, run.target, shown, redact=redact)
    run.say(f"{layer.id} is free; {run.target.command('plan', layer.id)} shows what was left undone")
    return 0
