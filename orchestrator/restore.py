"""Bringing an earlier version of a state back, as Terraform itself would write it.

The old bytes are written anew under a serial above every one that was seen, so that nobody takes an older plan or an older
copy for the newer one; no version is lost by it, and restoring the version that was replaced undoes it. All of it happens
under Terraform's own lock, and only if what is current is still what was shown.

A state of another lineage belongs to another estate, and is refused. What the resources themselves are is not touched:
the next plan shows what differs.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator import payload
from orchestrator.aws.backend import is_versioned
from orchestrator.aws.digest import write_digest
from orchestrator.aws.state import read_object
from orchestrator.aws.version import list_versions, put_state
from orchestrator.custody import Custody
from orchestrator.errors import AwsError, GuardError, StateError, UsageError, WealistError
from orchestrator.history import SHOWN, read_versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orchestrator.aws.version import Version
    from orchestrator.discovery import Estate
    from orchestrator.history import StateVersion
    from orchestrator.layer import Layer
    from orchestrator.redaction import Redactor
    from orchestrator.state import State
    from orchestrator.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """A version that is to come back; nothing is changed until `run` is called.

    Attributes:
        current: What stands there now, a delete marker too.
        wanted: What comes back.
        serial: The one that it comes back under.
    """

    layer: str
    current: StateVersion
    wanted: StateVersion
    serial: int
    _custody: Custody = field(repr=False)

    @property
    def is_locked(self) -> bool:
        """Whether others are kept out while it is written; only where the backend block asks for a lock."""
        return self._custody.has_lock

    @property
    def appearing(self) -> tuple[str, ...]:
        """Addresses of resources that Terraform will know again."""
        return _without(self._addresses(self.wanted), self._addresses(self.current))

    @property
    def disappearing(self) -> tuple[str, ...]:
        """Addresses of resources that Terraform will know no more, though they may well exist."""
        return _without(self._addresses(self.current), self._addresses(self.wanted))

    def run(self) -> None:
        """Bring it back.

        Raises:
            StateLockedError: Somebody else holds the lock; nothing was done.
            GuardError: The state is not the one that was shown any more; nothing was done.
            StateError: It was done in part, or could not be written down; the message says which part.
            AwsError: AWS said no; nothing was done.
        """
        custody, backend, session = self._custody, self._custody.backend, self._custody.session
        body = with_serial(self.wanted.body, self.serial)
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        custody.prepare()
        with custody.locked("restore"):
            newest = next(iter(list_versions(session, backend)), None)
            if newest is None or (newest.id, newest.is_current) != (self.current.id, True):
                raise custody.changed("the state")
            self._write(body, digest)
            replaced = {"version_id": self.current.id, "serial": _serial(self.current)}
            wanted = {"version_id": self.wanted.id, "serial": _serial(self.wanted)}
            with custody.recorded("restored", version=wanted, replaced=replaced, serial=self.serial):
                self._write_digest(digest)

    def _write_digest(self, digest: str) -> None:
        custody = self._custody
        try:
            write_digest(custody.session, custody.backend, digest)
        except WealistError as error:
            raise StateError(
                f"{self.layer}: the state was written (serial {self.serial}), but its digest in the lock table was "
                f"not, so Terraform will refuse it: {error.message}",
                hint=custody.command("state", "mend"),
            ) from error

    def _write(self, body: bytes, digest: str) -> None:
        custody = self._custody
        try:
            put_state(custody.session, custody.backend, body)
        except AwsError as error:
            if self._is_there(digest):
                # It was the answer that got lost.
                return
            message = f"{self.layer}: nothing was restored: {error.message}"
            raise AwsError(message, code=error.code, hint=error.hint) from error

    def _is_there(self, digest: str) -> bool:
        """Whether a write that failed has come through all the same.

        Raises:
            StateError: That can't be told.
        """
        try:
            found = read_object(self._custody.session, self._custody.backend)
        except WealistError as error:
            raise StateError(
                f"{self.layer}: AWS did not answer the write of the state, so it may have been written (serial "
                f"{self.serial}) or not; its digest was not: {error.message}",
                hint=self._custody.command("state", "history"),
            ) from error
        return found is not None and found.digest == digest

    @staticmethod
    def _addresses(version: StateVersion) -> tuple[str, ...]:
        return version.state.addresses if version.state else ()


def prepare_restore(
    estate: Estate, layer: Layer, version_id: str, target: Target, *, redact: Redactor | None = None
) -> Restoration:
    """Look at what would come back, and what it would replace; nothing is changed.

    Args:
        redact: Learns the secrets in both states, and stands on what is written to the ledger.

    Raises:
        UsageError: There is no such version, or it is the current one, or a delete marker.
        GuardError: It is of another lineage, or the bucket keeps no versions, so that what is replaced would be lost.
        LayerOrderError: Another layer keeps its state there too.
        PreflightError: The credentials are of another account than the one that is pinned.
        StateError: It is no state, or the versions can't be read.
        AwsError: AWS said no.
    """
    estate.refuse_shared_state(layer)
    custody = Custody.over(layer, target, estate.config, redact)
    session, backend = custody.session, custody.backend
    if not is_versioned(session, backend):
        raise GuardError(
            f"{layer.id}: the bucket {backend.bucket} keeps no versions, so what is replaced would be lost",
            hint=target.command("bootstrap"),
        )
    listed = list_versions(session, backend)
    _check_wanted(listed, version_id, custody)
    chosen = [version for index, version in enumerate(listed) if index < SHOWN or version.id == version_id]
    versions = read_versions(session, backend, chosen)
    for state in _states(versions):
        custody.redact.add(state.secrets)
        custody.redact.allow(state.public)
    current = versions[0]
    wanted = next(version for version in versions if version.id == version_id)
    if wanted.state is None:
        raise StateError(
            f"{layer.id}: version {version_id} can't be restored: {wanted.error}",
            hint=custody.command("state", "history"),
        )
    if current.state is not None and current.state.lineage != wanted.state.lineage:
        raise GuardError(
            f"{layer.id}: version {version_id} is of another lineage ({wanted.state.lineage}) than the state that is "
            f"there ({current.state.lineage}): it is the state of other resources",
            hint=custody.command("state", "history"),
        )
    serial = max(state.serial for state in _states(versions)) + 1
    return Restoration(layer=layer.id, current=current, wanted=wanted, serial=serial, _custody=custody)


def with_serial(body: bytes, serial: int) -> bytes:
    """A state under another serial, and otherwise the same to the byte.

    Raises:
        StateError: It can't be done; the result is checked by reading it.
    """
    expected = {**payload.load(body), "serial": serial}
    # An attribute of a resource may have the same name: the one that makes the difference is the state's own.
    for match in re.finditer(rb'"serial"\s*:\s*(\d+)', body):
        changed = body[: match.start(1)] + str(serial).encode() + body[match.end(1) :]
        if payload.load(changed) == expected:
            return changed
    raise StateError("the serial of this state can't be raised", hint="nothing was done")


def _check_wanted(listed: Sequence[Version], version_id: str, custody: Custody) -> None:
    layer, hint = custody.layer.id, custody.command("state", "history")
    wanted = next((version for version in listed if version.id == version_id), None)
    if wanted is None:
        raise UsageError(f"{layer}: its state has no version {version_id!r}", hint=hint)
    if wanted.is_delete_marker:
        raise UsageError(f"{layer}: version {version_id} is a delete marker, which holds no state", hint=hint)
    if wanted.is_current:
        raise UsageError(f"{layer}: version {version_id} is the current one", hint=hint)


def _states(versions: Iterable[StateVersion]) -> list[State]:
    return [version.state for version in versions if version.state is not None]


def _serial(version: StateVersion) -> int | None:
    return version.state.serial if version.state else None


def _without(some: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(some) - set(others)))
