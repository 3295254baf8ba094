"""Breaking a lock that nobody holds any more, which only a person can decide.

What is broken is the very lock that was shown, and only while its holder does not run on this machine. Who broke whose lock
is in the ledger. Nothing in wealist ever does this by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.aws.lock import remove
from orchestrator.aws.session import Session
from orchestrator.aws.state import read_locks, read_object
from orchestrator.custody import Custody
from orchestrator.errors import GuardError, WealistError
from orchestrator.evidence import weigh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.discovery import Estate
    from orchestrator.evidence import LockEvidence
    from orchestrator.layer import Layer
    from orchestrator.redaction import Redactor
    from orchestrator.target import Target


def read_evidence(layer: Layer, target: Target) -> list[LockEvidence]:
    """Every lock on a layer's state, with its signs of life; empty where it is not locked.

    Raises:
        AwsError: AWS said no.
    """
    session = Session(target.aws, backend=layer.backend)
    locks = read_locks(session, layer.backend)
    if not locks:
        return []
    try:
        found = read_object(session, layer.backend)
    except WealistError:
        found = None
    return [weigh(layer, lock, target, state_written=found.modified if found else None) for lock in locks]


def check_unlock(
    estate: Estate, layer: Layer, target: Target, shown: Sequence[LockEvidence], *, redact: Redactor | None = None
) -> Custody:
    """Whether these locks may be broken by whoever runs this; nothing is changed.

    Raises:
        GuardError: A holder runs on this machine; the hint stops it politely.
        PreflightError: The credentials are of another account than the one that is pinned.
        AwsError: AWS said no.
    """
    for evidence in shown:
        now = weigh(layer, evidence.lock, target, state_written=evidence.state_written).holder
        if now.is_running:
            raise GuardError(f"{layer.id}: the lock's holder is alive: {now.why}", hint=f"kill -INT {now.pid}")
    return Custody.over(layer, target, estate.config, redact)


def break_lock(
    estate: Estate, layer: Layer, target: Target, shown: Sequence[LockEvidence], *, redact: Redactor | None = None
) -> None:
    """Break these locks, as `read_evidence` gave them.

    Raises:
        GuardError: A holder runs on this machine, or a lock is not the one that was shown any more.
        StateError: It was broken, and that could not be written down.
        PreflightError: The credentials are of another account than the one that is pinned.
        AwsError: AWS said no.
    """
    custody = check_unlock(estate, layer, target, shown, redact=redact)
    custody.prepare()
    for evidence in shown:
        lock = evidence.lock
        try:
            remove(custody.session, custody.backend, lock)
        except GuardError as error:
            raise GuardError(f"{layer.id}: {error.message}", hint=custody.command("locks")) from error
        custody.record("unlocked", lock=lock.to_json())
