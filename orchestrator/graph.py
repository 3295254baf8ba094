"""The order of layers: a layer comes after the ones whose state it reads.

An edge is a `terraform_remote_state` whose bucket and key are another layer's backend, or an entry of `depends_on` in
wealist.yaml; each keeps the file and line that it comes from. The order is total and stable: dependencies first,
alphabetical among peers.

What is wrong with one layer's edges is raised when that layer is asked for, so that a mistake in a layer that has nothing
to do with a run does not stop it. Who needs a layer can only be told when all the others can be read.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from orchestrator.errors import DependencyCycleError, LayerOrderError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.layer import Layer, Location, RemoteState


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One layer needs another.

    Attributes:
        layer, needs: Layer ids.
        state: The name of the `terraform_remote_state`; None where `depends_on` says so.
    """

    layer: str
    needs: str
    state: str | None
    location: Location

    @property
    def reason(self) -> str:
        """`data.terraform_remote_state.foundation`, or `depends_on`."""
        return f"data.terraform_remote_state.{self.state}" if self.state else "depends_on"


class Graph:
    """The edges between the layers of an estate.

    Args:
        declared: By layer id, what `depends_on` adds: ids, with where it is said.
        external: `s3://bucket/key` of states that no layer here owns, and that may be read all the same.
        shared: By layer id the others that keep their state in the same object: one that reads it needs them all.
    """

    def __init__(
        self,
        layers: Iterable[Layer],
        *,
        declared: Mapping[str, Sequence[tuple[str, Location]]] | None = None,
        external: Iterable[str] = (),
        shared: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self._layers = {layer.id: layer for layer in layers}
        self._declared = declared or {}
        self._external = frozenset(external)
        self.shared = dict(shared or {})
        self._owners: dict[tuple[str, str], tuple[str, ...]] = {}
        for layer in self._layers.values():
            place = layer.backend.bucket, layer.backend.key
            self._owners[place] = (*self._owners.get(place, ()), layer.id)
        self._edges: dict[str, tuple[Edge, ...]] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._layers)

    def edges(self, id_: str) -> tuple[Edge, ...]:
        """What this layer needs, by the id of what is needed.

        Raises:
            LayerOrderError: It reads its own state, one that no layer owns, or one that can't be told.
        """
        if id_ not in self._edges:
            found = [*self._read_edges(self._layers[id_]), *self._declared_edges(id_)]
            self._edges[id_] = tuple(sorted(found, key=lambda edge: (edge.needs, edge.reason)))
        return self._edges[id_]

    def needs(self, id_: str) -> tuple[str, ...]:
        """The ids of the layers that this one needs, sorted."""
        return tuple(dict.fromkeys(edge.needs for edge in self.edges(id_)))

    def dependents(self, id_: str) -> tuple[str, ...]:
        """The ids of the layers that need this one, sorted."""
        return tuple(other for other in sorted(self._layers) if id_ in self.needs(other))

    def closure(self, ids: Iterable[str]) -> frozenset[str]:
        """These layers, and all that they need, directly or not."""
        found: set[str] = set()
        waiting = [*ids]
        while waiting:
            id_ = waiting.pop()
            if id_ not in found:
                found.add(id_)
                waiting.extend(self.needs(id_))
        return frozenset(found)

    def above(self, ids: Iterable[str]) -> frozenset[str]:
        """All that need these layers, directly or not."""
        found: set[str] = set()
        waiting = [*ids]
        while waiting:
            above = set(self.dependents(waiting.pop())) - found
            found |= above
            waiting.extend(above)
        return frozenset(found)

    def order(self, ids: Iterable[str]) -> list[str]:
        """These layers, dependencies first, alphabetical among peers; layers that are left out still order the rest.

        Raises:
            DependencyCycleError: The message shows the circle, the hint where each of its edges stands.
        """
        wanted = set(ids)
        needed = self.closure(wanted)
        try:
            return [id_ for id_ in order({id_: self.needs(id_) for id_ in needed}) if id_ in wanted]
        except CycleError as error:
            # graphlib lists each before what it is needed by.
            circle: list[str] = list(reversed(error.args[1]))
            edges = [self._edge(one, other) for one, other in itertools.pairwise(circle)]
            raise DependencyCycleError(
                f"layers need each other in a circle: {' -> '.join(circle)}",
                hint="take one of these out: " + ", ".join(f"{edge.reason} at {edge.location}" for edge in edges),
            ) from error

    def within(self, ids: Iterable[str]) -> dict[str, frozenset[str]]:
        """For each of these layers those of the others that it needs, directly or through layers that are left out."""
        wanted = frozenset(ids)
        return {id_: (self.closure([id_]) - {id_}) & wanted for id_ in wanted}

    def _edge(self, layer: str, needs: str) -> Edge:
        return next(edge for edge in self.edges(layer) if edge.needs == needs)

    def _read_edges(self, layer: Layer) -> Iterable[Edge]:
        for state in layer.remote_states:
            owners = self._find_owners(layer, state)
            if owners == (layer.id,):
                raise LayerOrderError(
                    f"{state.location}: {layer.id} reads its own state through {state.name!r}",
                    hint="use the resources themselves, or the key of the layer that was meant",
                )
            for owner in owners:
                if owner != layer.id:
                    yield Edge(layer=layer.id, needs=owner, state=state.name, location=state.location)

    def _find_owners(self, layer: Layer, state: RemoteState) -> tuple[str, ...]:
        """The layers whose state it is; none where somebody outside owns it."""
        if state.bucket is None or state.key is None:
            if layer.id in self._declared:
                return ()
            raise LayerOrderError(
                f"{state.location}: bucket or key of {state.name!r} can't be read without running Terraform, so that "
                f"the order of {layer.id} is unknown",
                hint=f"write both as plain text, or name what it needs in wealist.yaml: depends_on: {layer.id}: [...]",
            )
        url = f"s3://{state.bucket}/{state.key}"
        owners = self._owners.get((state.bucket, state.key), ())
        if not owners and url not in self._external:
            raise LayerOrderError(
                f"{state.location}: {layer.id} reads {url}, and no layer here keeps its state there",
                hint=f"check bucket and key; where it is another estate's, name it in wealist.yaml: "
                f'layers: external: ["{url}"]',
            )
        return owners

    def _declared_edges(self, id_: str) -> Iterable[Edge]:
        for other, location in self._declared.get(id_, ()):
            if other == id_:
                raise LayerOrderError(f"{location}: {id_} can't depend on itself", hint="take the entry out")
            yield Edge(layer=id_, needs=other, state=None, location=location)


def order(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Every key, dependencies first, alphabetical among those that could come next.

    Raises:
        graphlib.CycleError: There is a circle; its second argument lists it.
    """
    sorter = TopologicalSorter({id_: tuple(others) for id_, others in needs.items()})
    sorter.prepare()
    ordered: list[str] = []
    ready = [*sorter.get_ready()]
    heapify(ready)
    while ready:
        id_ = heappop(ready)
        ordered.append(id_)
        sorter.done(id_)
        for freed in sorter.get_ready():
            heappush(ready, freed)
    return ordered
