"""`wealist state`: the versions of a state, bringing one back, and setting a stale digest right."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orchestrator.cli import plain
from orchestrator.cli.boundary import redact
from orchestrator.errors import WealistError
from orchestrator.history import read_history
from orchestrator.mend import prepare_mend
from orchestrator.restore import prepare_restore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.cli.invocation import Invocation


def show_history(run: Invocation, name: str, *, limit: int, json: bool) -> None:
    """Print the newest versions of a layer's state."""
    from orchestrator.cli import render_state

    layer = run.estate.layer(name)
    versions = read_history(layer, run.target, limit=limit)
    if json:
        plain.print_json({"layer": layer.id, "versions": [version.to_json() for version in versions]})
        return
    if not versions:
        run.say(f"{layer.id} was never applied: there is nothing at {layer.backend.url}")
    render_state.print_history(run, versions)


def restore(run: Invocation, name: str, version: str, *, confirm: str | None, non_interactive: bool) -> int:
    """Bring a version back; returns the exit code."""
    from orchestrator.cli import render_state

    layer = run.estate.layer(name)
    run.must_be_named(layer.id, confirm, non_interactive=non_interactive)
    restoration = prepare_restore(run.estate, layer, version, run.target, redact=redact)
    render_state.print_restoration(run, restoration)
    question = f"Bring this state of {layer.id} back ({run.target.name})?"
    if not run.confirm_by_name(layer.id, question, given=confirm):
        raise WealistError("nothing was done: not confirmed")
    with _to_the_end():
        restoration.run()
    plan = run.target.command("plan", layer.id)
    run.say(f"{layer.id} has its state back, as serial {restoration.serial}; {plan} shows what differs from the world")
    return 0


def mend(run: Invocation, name: str, *, confirm: str | None, non_interactive: bool) -> int:
    """Set the digest right; returns the exit code."""
    from orchestrator.cli import render_state

    layer = run.estate.layer(name)
    run.must_be_named(layer.id, confirm, non_interactive=non_interactive)
    mending = prepare_mend(run.estate, layer, run.target, redact=redact)
    if mending is None:
        run.say(f"{layer.id}: nothing to mend")
        return 0
    render_state.print_mending(run, mending)
    question = f"Let the state that is there count for {layer.id} ({run.target.name})?"
    if not run.confirm_by_name(layer.id, question, given=confirm):
        raise WealistError("nothing was done: not confirmed")
    with _to_the_end():
        mending.run()
    run.say(f"{layer.id}: the digest is right again; {run.target.command('plan', layer.id)}")
    return 0


@contextmanager
def _to_the_end() -> Iterator[None]:
    """Hold signals back: between writing a state and its digest there is no good moment to stop."""
    held: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda came, _frame: held.append(came)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if held:
        raise KeyboardInterrupt
