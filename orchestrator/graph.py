"""The order of layers: a layer comes after the ones whose state it reads.

An edge is a `terraform_remote_state` whose bucket and key are another layer's backend. The order is total and stable:
dependencies first, alphabetical among peers.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from orchestrator.errors import DependencyCycleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orchestrator.layer import Layer


def dependencies(layers: Iterable[Layer]) -> dict[str, tuple[str, ...]]:
    """For each layer's id the ids of the layers that it reads from, sorted."""
    layers = tuple(layers)
    owners = {(layer.backend.bucket, layer.backend.key): layer.id for layer in layers}
    return {
        layer.id: tuple(
            sorted(
                {
                    owners[state.bucket, state.key]
                    for state in layer.remote_states
                    if (state.bucket, state.key) in owners
                }
            )
        )
        for layer in layers
    }


def order(edges: Mapping[str, Iterable[str]]) -> list[str]:
    """Every layer id, dependencies first, alphabetical among those that could come next.

    Raises:
        DependencyCycleError: The message shows the circle.
    """
    sorter = TopologicalSorter({id_: tuple(needs) for id_, needs in edges.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise DependencyCycleError(
            f"layers read each other's state in a circle: {circle}",
            hint="remove one of these terraform_remote_state blocks",
        ) from error
    ordered: list[str] = []
    ready = sorted(sorter.get_ready())
    while ready:
        id_ = ready.pop(0)
        ordered.append(id_)
        sorter.done(id_)
        ready = sorted((*ready, *sorter.get_ready()))
    return ordered
