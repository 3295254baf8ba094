"""What must hold between a layer and those that it stands on: pure rules, over what was read of them.

Below: each was applied, is whole, is not being changed right now, and has every output that is read of it.
Above: a plan must not take away an output that a layer reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from orchestrator.errors import GuardError, LayerOrderError, StateLockedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from orchestrator.graph import Edge
    from orchestrator.layer import Layer, OutputRead
    from orchestrator.lock import Lock
    from orchestrator.plan import Plan
    from orchestrator.state import State

# A plan holds the lock too, and changes nothing.
_HARMLESS_OPERATIONS = frozenset({"OperationTypePlan"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a layer stands, as far as it was read.

    Attributes:
        is_known: False where its state could not be read.
        incomplete: The ledger's entry of a last apply that did not end well, or None.
        is_running: Whether that apply has not ended because it still runs.
    """

    is_known: bool
    state: State | None
    locks: tuple[Lock, ...] = ()
    incomplete: Mapping[str, Any] | None = None
    is_running: bool = False


def check_standing(edge: Edge, standing: Standing, *, allow_incomplete: bool, command: Callable[..., str]) -> None:
    """Refuse to run a layer on one that isn't there, isn't whole, or is being changed.

    Args:
        allow_incomplete: Pass over a half-applied or locked one; one that was never applied is refused all the same.

    Raises:
        LayerOrderError: It was never applied, its last apply did not end well, or its state can't be read.
        StateLockedError: Somebody is changing it.
    """
    needed = edge.needs
    if not standing.is_known:
        raise LayerOrderError(
            f"{edge.layer} stands on {needed}, whose state can't be read", hint=command("preflight", needed)
        )
    if standing.state is None or standing.state.is_empty:
        raise LayerOrderError(
            f"{edge.layer} stands on {needed}, which is not applied ({edge.reason} at {edge.location})",
            hint=f"{command('up', needed)}, or both: {command('up', edge.layer, '--with-dependencies')}",
        )
    if allow_incomplete:
        return
    changing = [lock for lock in standing.locks if lock.operation not in _HARMLESS_OPERATIONS]
    if changing:
        raise StateLockedError(
            f"{edge.layer} stands on {needed}, which is locked by {changing[0].describe()}",
            lock=changing[0],
            hint=f"wait for it, look at it with {command('locks', needed)}, or pass --allow-incomplete-dependencies",
        )
    if standing.incomplete is not None and standing.is_running:
        raise LayerOrderError(
            f"{edge.layer} stands on {needed}, which is being applied from here (since {standing.incomplete.get('time')})",
            hint="wait until that run has ended",
        )
    if standing.incomplete is not None:
        how = standing.incomplete.get("outcome") or "killed"
        raise LayerOrderError(
            f"{edge.layer} stands on {needed}, whose last apply {_ended(how)} ({standing.incomplete.get('time')})",
            hint=f"{command('up', needed)} first, or pass --allow-incomplete-dependencies",
        )


def missing_outputs(
    layer: Layer, edges: Iterable[Edge], states: Mapping[str, State | None]
) -> list[tuple[OutputRead, str]]:
    """What the HCL reads and no state has, with the layer that it is read of."""
    # A root module and its local modules may give one name to different states: enough that one of them has the output.
    owners: dict[str, list[str]] = {}
    for edge in edges:
        if edge.state is not None:
            owners.setdefault(edge.state, []).append(edge.needs)
    return [
        (read, owners[read.state][0])
        for read in layer.reads
        if not read.is_optional
        and read.state in owners
        and not any(_has_output(states.get(owner), read.output) for owner in owners[read.state])
    ]


def check_outputs(
    layer: Layer,
    edges: Iterable[Edge],
    states: Mapping[str, State | None],
    layers: Mapping[str, Layer],
    *,
    command: Callable[..., str],
) -> None:
    """Refuse a layer whose HCL reads an output that is not in the state of the layer it is read of.

    Raises:
        LayerOrderError: The first one, with the line that reads it; the hint says whether it was never declared or only
            not applied yet.
    """
    missing = missing_outputs(layer, edges, states)
    if not missing:
        return
    read, needed = missing[0]
    names = sorted({other.output for other, owner in missing if owner == needed} - {read.output})
    more = f" (nor {', '.join(names)})" if names else ""
    state = states.get(needed)
    near = get_close_matches(read.output, state.outputs if state else (), n=1)
    if read.output in layers[needed].outputs:
        hint = f"it is declared at {layers[needed].outputs[read.output]}, and not applied yet: {command('up', needed)}"
    elif near:
        hint = f"did you mean {near[0]}?"
    else:
        hint = f"declare it in {layers[needed].path}, then: {command('up', needed)}"
    raise LayerOrderError(
        f"{read.location}: {layer.id} reads output {read.output!r} of {needed}, which has none of that name{more}",
        hint=hint,
    )


def check_removed_outputs(plan: Plan, layer_id: str, readers: Iterable[tuple[Layer, OutputRead]]) -> None:
    """Refuse a plan that takes away an output which another layer reads.

    Raises:
        GuardError: With the file and line of every place that reads it.
    """
    removed = plan.removed_outputs
    broken = [(layer, read) for layer, read in readers if read.output in removed and not read.is_optional]
    if not broken:
        return
    output = broken[0][1].output
    places: dict[str, list[str]] = {}
    for layer, read in broken:
        if read.output == output:
            places.setdefault(layer.id, []).append(str(read.location))
    where = ", and ".join(f"{id_} reads at {', '.join(lines)}" for id_, lines in places.items())
    raise GuardError(
        f"{layer_id}: the plan removes output {output!r}, which {where}",
        hint=f"take it out of {' and '.join(places)} first, apply that, and then remove the output",
    )


def _has_output(state: State | None, name: str) -> bool:
    return state is not None and name in state.outputs


def _ended(outcome: str) -> str:
    return outcome if outcome == "failed" else f"was {outcome}"
