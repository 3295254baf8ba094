"""`wealist status` and `wealist locks`: where layers stand, and who holds them.

A layer that can't be read is a row or a note that says so, and no failure. Where nothing at all can be read, that is one:
exit code 1, and one error where all layers have the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.cli import plain
from orchestrator.cli.boundary import redact
from orchestrator.errors import AwsError, WealistError
from orchestrator.evidence import weigh
from orchestrator.status import read_statuses

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.layer import Layer


def show_status(run: Invocation, names: Sequence[str], *, json: bool) -> int:
    """Print a row a layer; returns the exit code."""
    from orchestrator.cli import render_state

    statuses = list(read_statuses(run.estate, run.target, _select(run, names)).values())
    if json:
        plain.print_json(redact.data({"layers": [status.to_json() for status in statuses]}))
    troubles = [(status.layer, error) for status in statuses for error in (status.error, status.lock_error) if error]
    is_nothing_seen = _is_nothing_seen(troubles, [status.error for status in statuses])
    if not json:
        render_state.print_statuses(run, statuses)
        render_state.print_troubles(run, _grouped(troubles))
    return WealistError.exit_code if is_nothing_seen else 0


def show_locks(run: Invocation, names: Sequence[str], *, json: bool) -> int:
    """Print every lock with its signs of life, and every wrong digest; returns the exit code."""
    from orchestrator.cli import render_state

    layers = _select(run, names)
    statuses = read_statuses(run.estate, run.target, layers)
    found = [
        weigh(layer, lock, run.target, state_written=statuses[layer.id].modified)
        for layer in layers
        for lock in statuses[layer.id].locks
    ]
    wrong = [status for status in statuses.values() if status.mismatch is not None]
    troubles = [(status.layer, status.lock_error) for status in statuses.values() if status.lock_error]
    if json:
        locks = [{"layer": evidence.layer, **evidence.to_json()} for evidence in found]
        digests = [{"layer": s.layer, **s.mismatch.to_json()} for s in wrong if s.mismatch]
        errors = {layer: error.message for layer, error in troubles}
        plain.print_json(redact.data({"locks": locks, "digest_mismatches": digests, "errors": errors}))
    is_nothing_seen = _is_nothing_seen(troubles, [status.lock_error for status in statuses.values()])
    if not json:
        render_state.print_locks(run, found)
        render_state.print_digest(run, wrong)
        if not found and len(troubles) < len(statuses):
            run.say("no layer is locked" if len(statuses) > 1 else f"{next(iter(statuses), 'nothing')} is not locked")
        render_state.print_troubles(run, _grouped(troubles))
        for layer in dict.fromkeys(evidence.layer for evidence in found):
            run.say(f"once its holder is surely gone: {run.target.command('unlock', layer)}")
    return WealistError.exit_code if is_nothing_seen else 0


def _select(run: Invocation, names: Sequence[str]) -> Sequence[Layer]:
    return list({layer.id: layer for layer in map(run.estate.layer, names)}.values()) if names else run.estate.layers


def _is_nothing_seen(troubles: Sequence[tuple[str, WealistError]], errors: Iterable[WealistError | None]) -> bool:
    """Whether every layer has one of these errors.

    Raises:
        WealistError: They are all the same: it stands for all of them.
    """
    if not troubles or not all(errors):
        return False
    if len(_grouped(troubles)) == 1:
        raise troubles[0][1]
    return True


def _grouped(troubles: Iterable[tuple[str, WealistError]]) -> dict[tuple[str, str | None], list[str]]:
    """The layers of each trouble: what AWS says of one bucket it says of the next with another name in it."""
    groups: dict[tuple[str, str | None], list[str]] = {}
    shown: dict[tuple[str, str | None], tuple[str, str | None]] = {}
    for layer, error in troubles:
        kind = (error.code if isinstance(error, AwsError) else error.message, error.hint)
        whole = shown.setdefault(kind, (error.message, error.hint))
        layers = groups.setdefault(whole, [])
        if layer not in layers:
            layers.append(layer)
    return groups
