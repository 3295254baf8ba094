"""What a failed command means, where Terraform's own words don't say it: somebody's lock, or a state that is not saved."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from orchestrator import holder
from orchestrator.aws.state import read_locks
from orchestrator.errors import CommandError, StateLockedError, WealistError
from orchestrator.tf.client import UNSAVED_STATE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from orchestrator.aws.session import Session
    from orchestrator.layer import Layer
    from orchestrator.lock import Lock

_CLOCK_SLACK = timedelta(minutes=2)


def locked(
    error: CommandError,
    layer: Layer,
    session: Session,
    *,
    began: datetime,
    known: Collection[str],
    command: Callable[..., str],
) -> StateLockedError | None:
    """Evidence that a plan or an apply failed on somebody's lock.

    The lock is there now, is not one that the command itself left behind, and Terraform blames no line of the configuration.

    Args:
        began: When the command began.
        known: Ids of locks that were there before.
        command: Makes a wealist command for the target.
    """
    blamed = any(diagnostic.is_error and diagnostic.where for diagnostic in error.diagnostics)
    if error.argv[1] not in ("plan", "apply") or blamed:
        return None
    try:
        locks = read_locks(session, layer.backend)
    except WealistError:
        return None
    held = [lock for lock in locks if lock.id in known or _is_older(lock, began)]
    if not held:
        return None
    found = StateLockedError(
        f"{layer.id}: the state is locked by {held[0].describe()}, in {held[0].where}",
        lock=held[0],
        hint=f"wait for it (--lock-timeout 10m); is its holder alive? {command('locks', layer.id)}",
    )
    found.__cause__ = error
    return found


def _is_older(lock: Lock, began: datetime) -> bool:
    """Whether a lock was taken before the command began; the clock of somebody else may be ahead of ours."""
    slack = timedelta() if lock.holder == holder.who() else _CLOCK_SLACK
    return lock.created is None or lock.created <= began + slack


def mention_unsaved_state(
    error: WealistError, layer: Layer, folder: Path, *, since: datetime, command: Callable[..., str]
) -> None:
    """Add to an error that Terraform left the state beside the HCL: it is all that knows what was made."""
    path = folder / UNSAVED_STATE
    if path.is_file() and not path.is_symlink() and path.stat().st_mtime >= since.timestamp():
        error.message = f"{error.message}. The state could not be saved and is in {path}: keep that file"
        error.hint = command("tf", layer.id, "--", "state", "push", UNSAVED_STATE)
