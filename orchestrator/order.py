"""The order of one run: which layer waits for which, and whether the layers around them let it happen.

Going up, a layer waits for those it needs, and those that are not in the run must stand. Going down, a layer waits for
those that need it, and none of those may be left out while it stands. Looking at what is live, none waits for another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator import artifacts, dependency, ledger
from orchestrator.dependency import Standing
from orchestrator.errors import GuardError, StateLockedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.discovery import Estate
    from orchestrator.layer import Layer
    from orchestrator.preflight import Preflight
    from orchestrator.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The order of one run.

    Attributes:
        ids: In the order in which they are started.
        needs: For each the others that must end well before it.
        neighbours: The layers around them whose standing decides whether the run may start.
    """

    command: str
    estate: Estate
    ids: tuple[str, ...]
    needs: Mapping[str, frozenset[str]]
    neighbours: tuple[Layer, ...]

    @classmethod
    def of(cls, command: str, estate: Estate, layers: Sequence[Layer]) -> Order:
        """The order for layers that come with dependencies first.

        Raises:
            LayerOrderError, DependencyCycleError: A layer's edges make no sense.
        """
        ids = tuple(layer.id for layer in layers)
        free = {id_: frozenset[str]() for id_ in ids}
        if command in ("drift", "verify"):
            return cls(command=command, estate=estate, ids=ids, needs=free, neighbours=())
        if command == "down":
            within = estate.graph.within(ids)
            needs = {id_: frozenset(other for other in ids if id_ in within[other]) for id_ in ids}
            around, ids = set(estate.graph.above(ids)) - set(ids), tuple(reversed(ids))
        else:
            needs = estate.graph.within(ids) if len(ids) > 1 else free
            around = {edge.needs for layer in layers for edge in estate.edges(layer)} - set(ids)
        neighbours = tuple(estate.layer(id_) for id_ in sorted(around))
        return cls(command=command, estate=estate, ids=ids, needs=needs, neighbours=neighbours)

    def check(self, checked: Preflight, target: Target, *, allow_incomplete: bool) -> None:
        """Refuse a run that the layers around it don't allow.

        Raises:
            LayerOrderError: One that a layer stands on is not applied, not whole, or lacks an output that it reads.
            StateLockedError: One that a layer stands on, or that stands on one going down, is being changed.
            GuardError: One would be taken down that another still stands on.
        """
        if not self.neighbours:
            return
        if self.command == "down":
            self._check_above(checked, target)
        else:
            self._check_below(checked, target, allow_incomplete=allow_incomplete)

    def _check_below(self, checked: Preflight, target: Target, *, allow_incomplete: bool) -> None:
        entries = ledger.read(target.home)
        for layer in map(self.estate.layer, self.ids):
            edges = self.estate.edges(layer)
            outside = [edge for edge in edges if edge.needs not in self.ids]
            for edge in outside:
                last = ledger.last_apply(entries, target=target.name, layer=edge.needs)
                standing = Standing(
                    is_known=edge.needs in checked.states,
                    state=checked.states.get(edge.needs),
                    locks=tuple(checked.locks.get(edge.needs, ())),
                    incomplete=last if ledger.is_incomplete(last) else None,
                    is_running=_is_running(last, target),
                )
                dependency.check_standing(edge, standing, allow_incomplete=allow_incomplete, command=target.command)
            layers = {edge.needs: self.estate.layer(edge.needs) for edge in outside}
            dependency.check_outputs(layer, outside, checked.states, layers, command=target.command)

    def _check_above(self, checked: Preflight, target: Target) -> None:
        for layer in self.neighbours:
            # A first apply holds the lock before anything is in the state; a plan changes nothing.
            held = next((lock for lock in checked.locks.get(layer.id, ()) if lock.verb != "plan"), None)
            if held is not None:
                below = next(id_ for id_ in self.ids if layer.id in self.estate.graph.above([id_]))
                raise StateLockedError(
                    f"{below} can't be taken down: {layer.id} stands on it, and is locked by {held.describe()}",
                    lock=held,
                    hint=f"wait for it; is its holder alive? {target.command('locks', layer.id)}",
                )
        standing = [layer.id for layer in self.neighbours if _stands(layer, checked)]
        for id_ in self.ids:
            above = [other for other in self.estate.graph.dependents(id_) if other in standing]
            if above:
                together = self.estate.graph.order({*self.ids, *standing})
                raise GuardError(
                    f"{id_} can't be taken down: {', '.join(above)} still stand{'s' if len(above) == 1 else ''} on it",
                    hint=f"take them down together: {target.command('down', *together)}",
                )


def _is_running(last: Mapping[str, Any] | None, target: Target) -> bool:
    """Whether an apply that has no end yet is at work in another process."""
    return last is not None and "outcome" not in last and artifacts.is_alive(target.home, str(last["run_id"]))


def _stands(layer: Layer, checked: Preflight) -> bool:
    """Whether there is anything in it; what can't be read is taken to stand."""
    state = checked.states.get(layer.id)
    return layer.id not in checked.states or (state is not None and not state.is_empty)
