"""Every check that can be made before Terraform starts, all at once.

A run that would fail in its third minute for a reason that could be seen in the first second should not start. The
checks make their AWS calls concurrently, so that preflight takes about as long as its slowest call, and what they read
on the way (identity, state, lock, Terraform's version) is handed to the engine, which then need not read it again.

Each check answers with one or more findings. Nothing that is checked here changes anything.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.aws import backend as look
from orchestrator.aws.identity import Identity, who_am_i
from orchestrator.aws.session import DENIED, EXPIRED, NO_CREDENTIALS, REJECTED
from orchestrator.aws.state import read_locks, read_state
from orchestrator.errors import AwsError, StateError, TerraformError, WealistError
from orchestrator.finding import Finding, Severity
from orchestrator.tf import binary as tf_binary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orchestrator.aws.session import Sessions
    from orchestrator.config import Config
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
    will_write: bool = True,
) -> Preflight:
    """Make every check for these layers.

    Args:
        env: The environment that Terraform will run in.
        will_write: Whether state will be written. Where it won't, a missing permission to is only a warning.
    """
    started = time.monotonic()
    checks = _Checks(target, sessions, env, runner, will_write=will_write)
    # Clients are made here, one after the other: boto3 does not promise that making them is thread-safe.
    backends = {layer.backend: layer for layer in layers}
    try:
        for backend in backends:
            checks.prepare(backend)
    except AwsError as error:
        return Preflight(
            findings=(_credentials(error), *checks.terraform(layers)),
            seconds=time.monotonic() - started,
            identity=None,
            binary=checks.binary,
            states={},
            locks={},
        )
    with ThreadPoolExecutor(_THREADS) as pool:
        checks.pool = pool
        terraform = pool.submit(checks.terraform, layers)
        pending = [(layer, checks.start(layer.backend)) for layer in layers]
        findings: list[Finding] = []
        for layer, calls in pending:
            findings.extend(checks.findings(layer, calls, config))
        findings.extend(terraform.result())
    return Preflight(
        # Layers share buckets and tables; a finding that says the same twice says it once.
        findings=tuple(dict.fromkeys(findings)),
        seconds=time.monotonic() - started,
        identity=checks.identity,
        binary=checks.binary,
        states=checks.states,
        locks=checks.locks,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calls:
    """The AWS calls that are under way for one backend."""

    identity: Future[Identity]
    region: Future[str]
    versioned: Future[bool]
    encrypted: Future[bool]
    private: Future[bool]
    state: Future[State | None]
    write: Future[None]
    table: Future[look.Table] | None
    locks: Future[list[Lock]]


class _Checks:
    pool: ThreadPoolExecutor

    def __init__(
        self, target: Target, sessions: Sessions, env: Mapping[str, str], runner: Runner, *, will_write: bool
    ) -> None:
        self.target = target
        self.sessions = sessions
        self.env = env
        self.runner = runner
        self.will_write = will_write
        self.identity: Identity | None = None
        self.binary: Binary | None = None
        self.states: dict[str, State | None] = {}
        self.locks: dict[str, tuple[Lock, ...]] = {}
        self._shared: dict[Any, Future[Any]] = {}

    def prepare(self, backend: Backend) -> None:
        session = self.sessions.for_backend(backend)
        for service in ("sts", "s3", *(("dynamodb",) if backend.dynamodb_table else ())):
            session.client(service, backend.region)

    def start(self, backend: Backend) -> _Calls:
        session = self.sessions.for_backend(backend)

        def call(function: Callable[..., Any], *key: Any, **parameters: Any) -> Future[Any]:
            """Layers share buckets and tables; a call with the same key is made once."""
            shared = (function, backend.profile, backend.role_arn, *key)
            if shared not in self._shared:
                self._shared[shared] = self.pool.submit(function, session, **parameters)
            return self._shared[shared]

        bucket = (backend.bucket, backend.region)
        return _Calls(
            identity=call(who_am_i, region=backend.region),
            region=call(look.bucket_region, bucket, backend=backend),
            versioned=call(look.is_versioned, bucket, backend=backend),
            encrypted=call(look.is_encrypted, bucket, backend=backend),
            private=call(look.blocks_public_access, bucket, backend=backend),
            state=call(read_state, backend, backend=backend),
            write=call(look.probe_write, backend, backend=backend),
            table=call(look.lock_table, backend.dynamodb_table, backend.region, backend=backend)
            if backend.dynamodb_table
            else None,
            locks=call(read_locks, backend, backend=backend),
        )

    def findings(self, layer: Layer, calls: _Calls, config: Config) -> list[Finding]:
        backend = layer.backend
        try:
            self.identity = calls.identity.result()
        except AwsError as error:
            return [_credentials(error)]
        who = _ok("credentials", self.identity.arn, f"account {self.identity.account}")
        findings = [who, *self._account(layer, config, self.identity)]
        bucket = self._bucket(backend, calls)
        findings.extend(bucket)
        if not any(finding.is_error for finding in bucket):
            findings.extend(self._settings(backend, calls))
            findings.append(self._state(layer, calls))
            findings.append(self._write(backend, calls))
        findings.extend(self._table(layer, calls))
        return findings

    def terraform(self, layers: Sequence[Layer]) -> list[Finding]:
        name = self.target.terraform_bin
        try:
            self.binary = tf_binary.find(name, self.env, runner=self.runner, cwd=self.target.work_root)
            unhappy = [layer for layer in layers if not self.binary.satisfies(layer.required_version)]
        except TerraformError as error:
            return [_error("terraform.missing", name, error.message, error.hint)]
        except WealistError as error:
            return [_error("terraform.constraint", name, error.message, error.hint)]
        if unhappy:
            layer = unhappy[0]
            return [
                _error(
                    "terraform.version",
                    str(self.binary.path),
                    f"is {self.binary.version}, and {layer.id} wants {layer.required_version}",
                    f"{tf_binary.INSTALL}, or pass --terraform-bin",
                )
            ]
        return [_ok("terraform", str(self.binary.path), self.binary.version)]

    def _account(self, layer: Layer, config: Config, identity: Identity) -> list[Finding]:
        pinned = config.accounts.get(layer.environment)
        if pinned is None:
            return []
        if pinned == identity.account:
            return [_ok("account", pinned, f"the one that {layer.environment} is pinned to")]
        return [
            _error(
                "account.mismatch",
                identity.account,
                f"{layer.environment} is pinned to account {pinned} (accounts.{layer.environment} in wealist.yaml)",
                f"use credentials of {pinned}: AWS_PROFILE=... {self.target.command('preflight')}",
            )
        ]

    def _bucket(self, backend: Backend, calls: _Calls) -> list[Finding]:
        subject = f"s3://{backend.bucket}"
        try:
            region = calls.region.result()
        except AwsError as error:
            if error.code in ("404", "NoSuchBucket", "NotFound"):
                remedy = self.target.command("bootstrap")
                return [_error("state-bucket.missing", subject, "does not exist", remedy)]
            if error.code in DENIED:
                seen = "exists, but this identity may not see it, or it belongs to another account"
                return [
                    _error("state-bucket.forbidden", subject, seen, f"aws s3api head-bucket --bucket {backend.bucket}")
                ]
            return [_error("state-bucket.unreachable", subject, error.message, error.hint)]
        if region != backend.region:
            remedy = f'write region = "{region}" at {backend.location}'
            return [_error("state-bucket.wrong-region", subject, f"is in {region}, not in {backend.region}", remedy)]
        return [_ok("state-bucket", subject, f"in {region}")]

    def _settings(self, backend: Backend, calls: _Calls) -> list[Finding]:
        subject, remedy = f"s3://{backend.bucket}", self.target.command("bootstrap")
        findings = []
        for name, future, good, bad in (
            ("versioning", calls.versioned, "on", "off, so a lost state can't be brought back"),
            ("encryption", calls.encrypted, "on", "no default encryption"),
            ("public-access", calls.private, "blocked", "not blocked"),
        ):
            id_ = f"state-bucket-{name}"
            try:
                seen = future.result()
            except AwsError as error:
                findings.append(_warning(f"{id_}.unknown", subject, f"can't be seen: {error.code}", None))
                continue
            findings.append(_ok(id_, subject, good) if seen else _warning(f"{id_}.off", subject, bad, remedy))
        return findings

    def _state(self, layer: Layer, calls: _Calls) -> Finding:
        url = layer.backend.url
        try:
            state = calls.state.result()
        except StateError as error:
            id_ = "state-object.forbidden" if error.is_denied else "state-object.unreadable"
            return _error(id_, url, error.message, error.hint)
        except AwsError as error:
            return _error("state-object.unreadable", url, error.message, error.hint)
        self.states[layer.id] = state
        seen = f"serial {state.serial}, {state.resource_count} resources" if state else "not applied yet"
        return _ok("state-object", url, seen)

    def _write(self, backend: Backend, calls: _Calls) -> Finding:
        try:
            calls.write.result()
        except AwsError as error:
            make = _error if self.will_write else _warning
            remedy = f"this identity needs s3:PutObject on {backend.bucket}/{backend.key}"
            return make("state-write.forbidden", backend.url, f"can't be written: {error.code}", remedy)
        return _ok("state-write", backend.url, "this identity may write it")

    def _table(self, layer: Layer, calls: _Calls) -> list[Finding]:
        backend = layer.backend
        subject = f"table {backend.dynamodb_table}"
        findings = []
        if calls.table is None:
            if not backend.use_lockfile:
                remedy = f"add dynamodb_table or use_lockfile = true at {backend.location}"
                return [_warning("lock-table.none", backend.url, "nothing locks this state", remedy)]
        else:
            finding = self._usable_table(subject, backend, calls.table)
            findings.append(finding)
            if finding.is_error:
                return findings
        try:
            locks = tuple(calls.locks.result())
        except AwsError as error:
            return [*findings, _warning("state-lock.unknown", subject, f"can't be seen: {error.code}", None)]
        self.locks[layer.id] = locks
        findings.extend(
            _warning(
                "state-lock.held", backend.url, f"locked by {lock.describe()}", "wait for it, or pass --lock-timeout 5m"
            )
            for lock in locks
        )
        return findings

    def _usable_table(self, subject: str, backend: Backend, future: Future[look.Table]) -> Finding:
        try:
            table = future.result()
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                remedy = self.target.command("bootstrap")
                return _error("lock-table.missing", subject, f"does not exist in {backend.region}", remedy)
            if error.code in DENIED:
                # Terraform itself never describes the table; that it can't be described need not stop anyone.
                return _warning("lock-table.unknown", subject, f"can't be described: {error.code}", None)
            return _error("lock-table.unreachable", subject, error.message, error.hint)
        if not table.fits:
            remedy = f"a table's key can't be changed: name another table at {backend.location}"
            return _error("lock-table.wrong-key", subject, f"key {table.key}, not {look.LOCK_KEY}:S", remedy)
        if table.status not in ("ACTIVE", "UPDATING"):
            return _error("lock-table.not-active", subject, f"is {table.status}", "wait until it is ACTIVE")
        return _ok("lock-table", subject, f"key {table.key}")


def _credentials(error: AwsError) -> Finding:
    code = error.code
    if code in NO_CREDENTIALS:
        id_ = "credentials.missing"
    elif code in EXPIRED:
        id_ = "credentials.expired"
    elif code in REJECTED or code in DENIED:
        id_ = "credentials.rejected"
    else:
        id_ = "credentials.unusable"
    return _error(id_, "AWS credentials", error.message, error.hint)


def _ok(id_: str, subject: str, seen: str) -> Finding:
    return Finding(id=f"{id_}.ok", severity=Severity.OK, subject=subject, seen=seen)


def _warning(id_: str, subject: str, seen: str, remedy: str | None) -> Finding:
    return Finding(id=id_, severity=Severity.WARNING, subject=subject, seen=seen, remedy=remedy)


def _error(id_: str, subject: str, seen: str, remedy: str | None) -> Finding:
    return Finding(id=id_, severity=Severity.ERROR, subject=subject, seen=seen, remedy=remedy)
