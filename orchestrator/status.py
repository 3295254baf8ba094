"""Where every layer stands, read from state objects, lock table and ledger at once; Terraform is never started for it.

Three reads a layer, all under way at the same time. A layer that can't be read is a row that says why. What stops one read
of an identity on its way to AWS (no credentials, no network) would stop them all, so the ones that have not begun are not
made: an estate of 300 layers fails as fast as one of two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestrator import artifacts, data_folder, ledger
from orchestrator.aws.digest import find_mismatch, is_wrong, read_digest
from orchestrator.aws.gate import Gate, way_of
from orchestrator.aws.pool import threads
from orchestrator.aws.session import THREADS, Sessions
from orchestrator.aws.state import read_locks, read_object
from orchestrator.aws.workspace import list_keys, names, prefix_of
from orchestrator.errors import AwsError, WealistError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor

    from orchestrator.aws.digest import Mismatch
    from orchestrator.aws.state import StateObject
    from orchestrator.discovery import Estate
    from orchestrator.layer import Backend, Layer
    from orchestrator.lock import Lock
    from orchestrator.state import State
    from orchestrator.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSummary:
    """What is told of a state where its content is nobody's business.

    Attributes:
        is_empty: Whether nothing is left in it, as after `wealist down`.
    """

    serial: int
    resources: int
    terraform_version: str
    lineage: str
    is_empty: bool

    @classmethod
    def of(cls, state: State) -> StateSummary:
        return cls(
            serial=state.serial,
            resources=state.resource_count,
            terraform_version=state.terraform_version,
            lineage=state.lineage,
            is_empty=state.is_empty,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "serial": self.serial,
            "resources": self.resources,
            "terraform_version": self.terraform_version,
            "lineage": self.lineage,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LastApply:
    """How the last apply from this machine ended: `applied`, `failed`, `interrupted`, or `killed`, which left no end."""

    outcome: str
    time: datetime | None
    is_incomplete: bool

    def to_json(self) -> dict[str, Any]:
        return {"outcome": self.outcome, "time": self.time.isoformat() if self.time else None}


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerStatus:
    """Where one layer stands.

    Attributes:
        layer: Its id.
        state: None where it was never applied, or can't be read.
        modified: When the state object was last written, also where it can't be understood.
        error: Why the state can't be read.
        selected: The workspace that is selected in its folder, where that is not the default one.
        workspaces: Those that it has a state in, where there is nothing in the default one.
        shared_with: Ids of other layers that keep their state in the same object.
        lock_error: Why the lock, or the digest beside it, can't be seen.
    """

    layer: str
    state: StateSummary | None = None
    modified: datetime | None = None
    locks: tuple[Lock, ...] = ()
    mismatch: Mismatch | None = None
    last_apply: LastApply | None = None
    error: WealistError | None = None
    lock_error: WealistError | None = None
    selected: str | None = None
    workspaces: tuple[str, ...] = ()
    shared_with: tuple[str, ...] = ()

    @property
    def may_be_elsewhere(self) -> bool:
        """Whether there is nothing in the default workspace, so that there may be something in another."""
        return self.error is None and self.mismatch is None and (self.state is None or self.state.is_empty)

    @property
    def word(self) -> str:
        """One or two words, the first that fits.

        `unreadable`, `locked`, `failed` (the last apply from here is incomplete), `other workspace` (it lives in one that
        wealist does not work in), `never applied`, `taken down` (a state with nothing in it), `applied`.
        """
        if self.error is not None or (self.state is None and self.mismatch is not None):
            # What is gone and has a digest was applied, and Terraform refuses it.
            return "unreadable"
        if self.locks:
            return "locked"
        if self.last_apply is not None and self.last_apply.is_incomplete:
            return "failed"
        if self.selected or self.workspaces:
            return "other workspace"
        if self.state is None:
            return "never applied"
        return "taken down" if self.state.is_empty else "applied"

    def to_json(self) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "status": self.word,
            "state": self.state.to_json() if self.state else None,
            "modified": self.modified.isoformat() if self.modified else None,
            "selected_workspace": self.selected,
            "workspaces": list(self.workspaces),
            "shares_state_with": list(self.shared_with),
            "locks": [lock.to_json() for lock in self.locks],
            "digest_mismatch": self.mismatch.to_json() if self.mismatch else None,
            "last_apply": self.last_apply.to_json() if self.last_apply else None,
            "error": self.error.message if self.error else None,
            "lock_error": self.lock_error.message if self.lock_error else None,
        }


def read_statuses(estate: Estate, target: Target, layers: Sequence[Layer] | None = None) -> dict[str, LayerStatus]:
    """Where these layers stand, or all of the estate's, by id and in their order; a layer's trouble is in its status."""
    layers = estate.layers if layers is None else layers
    sessions = Sessions(target.aws)
    gate = Gate()
    some = {(way_of(layer.backend), bool(layer.backend.dynamodb_table)): layer.backend for layer in layers}
    for backend in some.values():
        try:
            sessions.prepare([backend])
        except AwsError as error:
            gate.close(way_of(backend), error)
    applies = _last_applies(target)
    with threads(THREADS) as pool:
        readings = {layer.id: _Reading.start(pool, gate, sessions, layer.backend) for layer in layers}
        # Whoever runs right now is between its two writes for a moment; it is looked at again before it is told.
        checks = {
            layer.id: pool.submit(find_mismatch, sessions.for_backend(layer.backend), layer.backend)
            for layer in layers
            if readings[layer.id].is_suspicious()
        }
        found = {
            layer.id: _status(target, layer.id, readings[layer.id], checks.get(layer.id), applies.get(layer.id))
            for layer in layers
        }
        elsewhere = [layer for layer in layers if found[layer.id].may_be_elsewhere]
        workspaces = _find_workspaces(pool, gate, sessions, estate, elsewhere)
        return {
            layer.id: replace(
                found[layer.id],
                selected=_selected(estate, target, layer),
                workspaces=workspaces.get(layer.id, ()),
                shared_with=estate.shared_states.get(layer.id, ()),
            )
            for layer in layers
        }


def _selected(estate: Estate, target: Target, layer: Layer) -> str | None:
    is_default = estate.config.settings(layer.id).workspace is not None
    return None if is_default else data_folder.read_workspace(target.folder(layer.path))


def _find_workspaces(
    pool: ThreadPoolExecutor, gate: Gate, sessions: Sessions, estate: Estate, layers: Sequence[Layer]
) -> dict[str, tuple[str, ...]]:
    """By layer id the workspaces that it has a state in; one listing for all that keep theirs in the same bucket."""
    listings: dict[Any, Future[tuple[str, ...]]] = {}
    found: dict[str, tuple[str, ...]] = {}
    for layer in layers:
        if estate.config.settings(layer.id).workspace is not None:
            continue
        backend = layer.backend
        place = (way_of(backend), backend.bucket, prefix_of(backend))
        if place not in listings:
            listings[place] = pool.submit(gate.call, backend, "s3", list_keys, sessions.for_backend(backend))
        keys, _ = _result(listings[place])
        found[layer.id] = names(keys or (), backend)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """The reads that are under way for one layer."""

    object: Future[StateObject | None]
    locks: Future[list[Lock]]
    digest: Future[str | None]

    @classmethod
    def start(cls, pool: ThreadPoolExecutor, gate: Gate, sessions: Sessions, backend: Backend) -> _Reading:
        session = sessions.for_backend(backend)
        locks = "dynamodb" if backend.dynamodb_table else "s3"
        return cls(
            object=pool.submit(gate.call, backend, "s3", read_object, session),
            locks=pool.submit(gate.call, backend, locks, read_locks, session),
            digest=pool.submit(gate.call, backend, "dynamodb", read_digest, session),
        )

    def is_suspicious(self) -> bool:
        if self.object.exception() or self.digest.exception():
            return False
        return is_wrong(self.digest.result(), self.object.result())


def _status(
    target: Target,
    layer_id: str,
    reading: _Reading,
    check: Future[Mismatch | None] | None,
    last_apply: LastApply | None,
) -> LayerStatus:
    found, error = _result(reading.object)
    locks, lock_error = _result(reading.locks)
    _, digest_error = _result(reading.digest)
    mismatch, check_error = _result(check) if check else (None, None)
    state: StateSummary | None = None
    if found is not None and not found.is_blank:
        try:
            state = StateSummary.of(found.state())
        except WealistError as unreadable:
            # An earlier version may be one that can be read.
            unreadable.hint = unreadable.hint or target.command("state", "history", layer_id)
            error = unreadable
    return LayerStatus(
        layer=layer_id,
        state=state,
        modified=found.modified if found else None,
        locks=tuple(locks or ()),
        mismatch=mismatch,
        last_apply=last_apply,
        error=error,
        lock_error=lock_error or digest_error or check_error,
    )


def _result(future: Future[Any]) -> tuple[Any, WealistError | None]:
    try:
        return future.result(), None
    except WealistError as error:
        return None, error


def _last_applies(target: Target) -> dict[str, LastApply]:
    """By layer, from one pass over the ledger."""
    entries: dict[str, list[Mapping[str, Any]]] = {}
    for entry in ledger.read(target.home):
        entries.setdefault(str(entry.get("layer")), []).append(entry)
    found = {id_: _last_apply(some, target, id_) for id_, some in entries.items()}
    return {id_: last for id_, last in found.items() if last is not None}


def _last_apply(entries: Iterable[Mapping[str, Any]], target: Target, layer_id: str) -> LastApply | None:
    last = ledger.last_apply(entries, target=target.name, layer=layer_id)
    if last is None:
        return None
    is_running = last.get("event") == "apply-started" and artifacts.is_alive(target.home, str(last.get("run_id")))
    outcome = str(last.get("outcome") or ("running" if is_running else "killed"))
    try:
        time = datetime.fromisoformat(str(last.get("time")))
    except ValueError:
        time = None
    return LastApply(outcome=outcome, time=time, is_incomplete=ledger.is_incomplete(last) and not is_running)
