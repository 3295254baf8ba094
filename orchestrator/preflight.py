"""Every check that can be made before Terraform starts, all at once.

A run that would fail in its third minute for a reason that could be seen in the first second should not start. The
checks make their AWS calls concurrently, so that preflight takes about as long as its slowest call, and what they read
on the way (identity, state, lock, Terraform's version) is handed to the engine, which then need not read it again.

Each check answers with one or more findings. Nothing that is checked here changes anything.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from orchestrator import endpoint, verdict
from orchestrator.aws import backend as look
from orchestrator.aws.digest import find_mismatch
from orchestrator.aws.expiry import read_expiry
from orchestrator.aws.identity import Identity, who_am_i
from orchestrator.aws.pool import threads
from orchestrator.aws.state import read_locks, read_state
from orchestrator.aws.version import list_versions
from orchestrator.aws.workspace import list_keys, prefix_of
from orchestrator.errors import AwsError, WealistError
from orchestrator.finding import Finding, Severity
from orchestrator.state_provider import find_foreign
from orchestrator.tf import binary as tf_binary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor

    from orchestrator.aws.digest import Mismatch
    from orchestrator.aws.session import Sessions
    from orchestrator.aws.version import Version
    from orchestrator.config import Config
    from orchestrator.duration import Span
    from orchestrator.layer import Backend, Layer
    from orchestrator.lock import Lock
    from orchestrator.process import Runner
    from orchestrator.state import State
    from orchestrator.target import Target
    from orchestrator.tf.binary import Binary

_THREADS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """What the checks found, and what they read on the way.

    Attributes:
        states: By layer id: its state, or None where it was never applied. A layer whose state could not be
            read is not in it.
        binary: None where there is no usable Terraform.
    """

    findings: tuple[Finding, ...]
    seconds: float
    identity: Identity | None
    binary: Binary | None
    states: Mapping[str, State | None]
    locks: Mapping[str, tuple[Lock, ...]]

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.is_error)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity is Severity.WARNING)


def check(
    layers: Sequence[Layer],
    *,
    config: Config,
    target: Target,
    sessions: Sessions,
    runner: Runner,
    env: Mapping[str, str],
    neighbours: Sequence[Layer] = (),
    known: Sequence[Finding] = (),
    will_write: bool = True,
    is_prompted: bool = True,
    expected: Span | None = None,
) -> Preflight:
    """Make every check for these layers.

    Args:
        env: The environment that Terraform will run in.
        neighbours: Layers that these stand on, or that stand on these: their states and locks are read meanwhile, and
            nothing is said of them but that they are not what Terraform wrote.
        known: What the HCL alone has told of these layers.
        will_write: Whether state will be written. Where it won't, a missing permission to is only a warning.
        is_prompted: Whether a person confirms what is written. Where not, an account that can't be told is an error.
        expected: What the run will take, where that can be told; credentials that end before it does are warned of.
    """
    started = time.monotonic()
    findings: list[Finding] = [*known]
    if not target.aws.is_hermetic:
        findings.extend(endpoint.findings(endpoint.of_environment(target.environ, profile=target.aws.profile)))
    seen = _Seen()
    with threads(_THREADS) as pool:
        binary = pool.submit(tf_binary.find, target.terraform_bin, env, runner=runner, cwd=target.work_root)
        try:
            calls = _Calls.start_all(pool, sessions, layers)
            readings = _Reading.start_all(pool, sessions, neighbours)
        except AwsError as error:
            calls, readings = {}, {}
            findings.append(verdict.no_credentials(error))
        for layer in layers:
            if layer.id in calls:
                findings.extend(
                    _findings(
                        layer,
                        calls[layer.id],
                        config,
                        target,
                        seen,
                        will_write=will_write,
                        needs_account=will_write and not is_prompted,
                    )
                )
        for layer in neighbours:
            if layer.id in readings:
                # A state that is gone or was replaced makes the layer look like another than it is.
                findings.extend(verdict.digest(layer, target, readings[layer.id].digest.result))
                seen.keep(layer.id, readings[layer.id])
        if will_write and expected is not None and calls:
            findings.extend(verdict.expiry(read_expiry(sessions.default, target.environ), expected))
        findings.append(verdict.terraform(layers, target.terraform_bin, binary.result))
    return Preflight(
        # Layers share buckets and tables; a finding that says the same twice says it once.
        findings=tuple(dict.fromkeys(findings)),
        seconds=time.monotonic() - started,
        identity=seen.identity,
        binary=None if binary.exception() else binary.result(),
        states=seen.states,
        locks=seen.locks,
    )


def _findings(
    layer: Layer, calls: _Calls, config: Config, target: Target, seen: _Seen, *, will_write: bool, needs_account: bool
) -> Iterator[Finding]:
    """What there is to say of one layer; what can't be answered after a failed check is left out."""
    backend = layer.backend
    try:
        identity = seen.identity = calls.identity.result()
    except AwsError as error:
        yield verdict.no_credentials(error)
        return
    yield verdict.credentials(identity)
    yield from verdict.account(layer, config, identity.account, target, is_needed=needs_account)
    bucket = verdict.bucket(backend, target, calls.region.result)
    yield from bucket
    if not any(finding.is_error for finding in bucket):
        yield from verdict.settings(
            backend,
            target,
            is_versioned=calls.versioned.result,
            is_encrypted=calls.encrypted.result,
            blocks_public_access=calls.private.result,
        )
        yield verdict.state(layer, target, calls.state.result)
        yield from _foreign_providers(layer, calls, config, target)
        yield from verdict.workspace(layer, config, target, calls.state.result, calls.workspace_keys)
        yield from verdict.lost(layer, target, calls.state.result, calls.versions, will_write=will_write)
        yield verdict.write(backend, calls.write.result, will_write=will_write)
    table = verdict.lock_table(backend, target, calls.table.result if calls.table else None)
    yield from table
    if not any(finding.is_error for finding in table):
        yield from verdict.lock(layer, target, calls.locks.result)
        yield from verdict.digest(layer, target, calls.digest.result)
    seen.keep(layer.id, calls)


def _foreign_providers(layer: Layer, calls: _Calls, config: Config, target: Target) -> Iterator[Finding]:
    with suppress(WealistError):
        state = calls.state.result()
        folder = target.folder(layer.path)
        yield from find_foreign(layer, state, folder=folder, config=config, command=target.command)


@dataclass(slots=True)
class _Seen:
    """What was read on the way, for the engine."""

    identity: Identity | None = None
    states: dict[str, State | None] = field(default_factory=dict)
    locks: dict[str, tuple[Lock, ...]] = field(default_factory=dict)

    def keep(self, layer_id: str, reading: _Calls | _Reading) -> None:
        with suppress(WealistError):
            self.states[layer_id] = reading.state.result()
        with suppress(WealistError):
            self.locks[layer_id] = tuple(reading.locks.result())


def _make_clients(sessions: Sessions, layers: Sequence[Layer]) -> None:
    backends = {layer.backend for layer in layers}
    sessions.prepare(backends)
    for backend in backends:
        sessions.default.client("sts", backend.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """The state and the locks of a neighbour, under way."""

    state: Future[State | None]
    locks: Future[list[Lock]]
    digest: Future[Mismatch | None]

    @classmethod
    def start_all(cls, pool: ThreadPoolExecutor, sessions: Sessions, layers: Sequence[Layer]) -> dict[str, _Reading]:
        _make_clients(sessions, layers)
        return {
            layer.id: cls(
                state=pool.submit(read_state, sessions.for_backend(layer.backend), layer.backend),
                locks=pool.submit(read_locks, sessions.for_backend(layer.backend), layer.backend),
                digest=pool.submit(find_mismatch, sessions.for_backend(layer.backend), layer.backend),
            )
            for layer in layers
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calls:
    """The AWS calls that are under way for one backend."""

    identity: Future[Identity]
    region: Future[str]
    versioned: Future[bool]
    encrypted: Future[bool]
    private: Future[bool]
    state: Future[State | None]
    write: Future[AwsError | None]
    table: Future[look.Table] | None
    locks: Future[list[Lock]]
    digest: Future[Mismatch | None]
    versions: Callable[[], list[Version]]
    workspace_keys: Callable[[], tuple[str, ...]]

    @classmethod
    def start_all(cls, pool: ThreadPoolExecutor, sessions: Sessions, layers: Sequence[Layer]) -> dict[str, _Calls]:
        """The calls for every layer, by its id.

        Raises:
            AwsError: A client can't be made.
        """
        _make_clients(sessions, layers)
        shared: dict[Any, Future[Any]] = {}
        return {layer.id: cls._start(pool, sessions, layer.backend, shared) for layer in layers}

    @classmethod
    def _start(
        cls, pool: ThreadPoolExecutor, sessions: Sessions, backend: Backend, shared: dict[Any, Future[Any]]
    ) -> _Calls:
        session = sessions.for_backend(backend)

        def call(function: Callable[..., Any], *key: Any, **parameters: Any) -> Future[Any]:
            """Layers share buckets and tables; a call with the same key is made once."""
            whole = (function, backend.identity, *key)
            if whole not in shared:
                shared[whole] = pool.submit(function, session, **parameters)
            return shared[whole]

        bucket = (backend.bucket, backend.region)
        table = (backend.dynamodb_table, backend.region)
        return cls(
            identity=pool.submit(who_am_i, sessions.default, region=backend.region),
            region=call(look.bucket_region, bucket, backend=backend),
            versioned=call(look.is_versioned, bucket, backend=backend),
            encrypted=call(look.is_encrypted, bucket, backend=backend),
            private=call(look.blocks_public_access, bucket, backend=backend),
            state=call(read_state, backend, backend=backend),
            write=call(look.probe_write, backend, backend=backend),
            table=call(look.lock_table, table, backend=backend) if backend.dynamodb_table else None,
            locks=call(read_locks, backend, backend=backend),
            digest=call(find_mismatch, backend, backend=backend),
            versions=partial(list_versions, session, backend),
            workspace_keys=lambda: call(list_keys, bucket, prefix_of(backend), backend=backend).result(),
        )
