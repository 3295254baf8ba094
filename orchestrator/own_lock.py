"""Terraform's own lock, which it took, never learnt of and left: an answer of AWS was lost on the way.

The SDK sends a lock write again when its answer does not arrive. The second write meets the first one's lock; Terraform names
its own id as the holder, ends with 1 and leaves the lock. Any broken connection does this, with the table and with the lock
file.

Such a lock is released without a person's word, since its id is one that this run's Terraform made up: Terraform logs the id
before it writes the lock, into a file of the run's own. That it names the id as the one in its way proves nothing, since it names
whoever's is there. The rest has to agree: the lock was taken after that Terraform was started, by this user on this host, for the
same operation, and that Terraform has ended. What is removed is the lock that was read, to the letter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator import holder
from orchestrator.aws.lock import remove
from orchestrator.aws.state import read_locks, read_state
from orchestrator.errors import WealistError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from orchestrator.aws.session import Session
    from orchestrator.errors import CommandError
    from orchestrator.layer import Layer
    from orchestrator.lock import Lock
    from orchestrator.state import State

_ID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
# Terraform 1.11 to 1.15; where another one words it differently, nothing is released.
_ATTEMPT = re.compile(rf"\bbackend-s3: Attempting to lock remote state\b.*\btf_backend\.lock\.id=({_ID.pattern})")
# What Terraform writes into the lock for each of its commands. An init takes no lock but for a migration, and wealist makes none.
_OPERATIONS = {"plan": "OperationTypePlan", "apply": "OperationTypeApply"}
# A shell's 128 + n, or Terraform's own end by a signal, may have come in the middle of its work.
_FIRST_SIGNAL = 128


@dataclass(frozen=True, slots=True)
class OwnLock:
    """What is done about a lock of this kind on one layer's state.

    Attributes:
        log: What Terraform logs of its locks.
        tell: Says a thing to whoever watches the run.
        record: Writes a line into the ledger.
        command: Makes a wealist command for the target.
    """

    layer: Layer
    session: Session
    log: Path
    tell: Callable[[str], None]
    record: Callable[..., None]
    command: Callable[..., str]

    def release_after(self, error: CommandError, *, began: datetime) -> bool:
        """Whether such a lock was in the way of a plan, and is gone: the plan can be made once more.

        Args:
            error: How Terraform ended.
            began: Just before it was started, by this host's clock.
        """
        lock = self._find(error, began)
        if lock is None or not self._release(lock):
            return False
        self.tell(
            f"{self.layer.id}: an answer of AWS was lost, and Terraform met the lock {lock.id} that it had taken itself; "
            "it is released, and the plan is made once more"
        )
        return True

    def explain_apply(self, error: CommandError, *, began: datetime, before: State | None) -> None:
        """Say so in the error of an apply, which is never done again; the lock is released where the state is as it was.

        Args:
            before: The state that the plan was made for.
        """
        lock = self._find(error, began)
        if lock is None:
            return
        met = (
            f"{self.layer.id}: an answer of AWS was lost, and Terraform met the lock {lock.id} that it had taken itself"
        )
        if not self._is_unchanged(before):
            error.message = f"{met}; the state has changed since the plan, so the lock was left alone"
            error.hint = self.command("locks", self.layer.id)
        elif self._release(lock):
            error.message = f"{met}; nothing was applied, and the lock is released"
            error.hint = self.command("up", self.layer.id)
        else:
            error.message = f"{met}; nothing was applied"
            error.hint = self.command("unlock", self.layer.id)

    def _find(self, error: CommandError, began: datetime) -> Lock | None:
        operation = _OPERATIONS.get(error.argv[1]) if len(error.argv) > 1 else None
        if operation is None or not 0 < error.returncode < _FIRST_SIGNAL:
            return None
        said = "\n".join(f"{each.summary}\n{each.detail}" for each in error.diagnostics if each.is_error)
        ours = set(_ID.findall(said)) & self._made_up()
        if not ours:
            return None
        try:
            locks = read_locks(self.session, self.layer.backend)
        except WealistError:
            # The error is what Terraform said; that the lock can't be looked at is not another one.
            return None
        return next((lock for lock in locks if lock.id in ours and _is_own(lock, operation, began)), None)

    def _made_up(self) -> set[str]:
        """The ids of the locks that this run's Terraform has tried to take."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return set()
        return {found[1] for line in text.splitlines() if (found := _ATTEMPT.search(line))}

    def _release(self, lock: Lock) -> bool:
        try:
            remove(self.session, self.layer.backend, lock)
        except WealistError as error:
            self.tell(f"{self.layer.id}: the lock {lock.id}, which Terraform left, can't be released: {error.message}")
            return False
        self.record("own-lock-released", lock=lock.to_json())
        return True

    def _is_unchanged(self, before: State | None) -> bool:
        try:
            now = read_state(self.session, self.layer.backend)
        except WealistError:
            return False
        if now is None or before is None:
            return now is before
        return (now.lineage, now.serial) == (before.lineage, before.serial)


def logging(env: Mapping[str, str], log: Path) -> dict[str, str]:
    """An environment in which Terraform logs its locks to a file; as it is where somebody asked for a log themselves."""
    is_asked_for = any(name.startswith("TF_LOG") for name in env)
    return dict(env) if is_asked_for else {**env, "TF_LOG_CORE": "INFO", "TF_LOG_PATH": str(log)}


def _is_own(lock: Lock, operation: str, began: datetime) -> bool:
    is_since = lock.created is not None and lock.created >= began
    return is_since and lock.operation == operation and lock.holder == holder.who()
