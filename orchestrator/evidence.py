"""What speaks for and against the holder of a lock being alive: nothing here decides, and nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.holder import Holder, find_holder
from orchestrator.moment import utc_and_ago

if TYPE_CHECKING:
    from datetime import datetime

    from orchestrator.layer import Layer
    from orchestrator.lock import Lock
    from orchestrator.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class LockEvidence:
    """A lock, and its signs of life.

    Attributes:
        layer: The layer's id.
        state_written: When the state object was last written; None where there is none, or it can't be seen.
    """

    layer: str
    lock: Lock
    holder: Holder
    state_written: datetime | None

    @property
    def was_written_since(self) -> bool | None:
        """Whether the state was written while the lock was held; None where that can't be told."""
        if self.state_written is None or self.lock.created is None:
            return None
        return self.state_written >= self.lock.created

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """The same for people: a heading and a text each."""
        lock, holder = self.lock, self.holder
        written = f"written {utc_and_ago(self.state_written)}" if self.state_written else "none that can be seen"
        if self.was_written_since is not None:
            written += ", since the lock was taken" if self.was_written_since else ", before the lock was taken"
        return (
            ("holder", f"{lock.holder}{', this is you' if holder.is_you else ''}"),
            *((("content", f"unreadable: {lock.error}"),) if lock.error else ()),
            ("doing", f"{lock.verb}, with {lock.program}{f' ({lock.note})' if lock.note else ''}"),
            ("since", utc_and_ago(lock.created) if lock.created else "unknown"),
            ("lock", f"{lock.id}, in {lock.where}"),
            ("process", holder.why),
            ("state", written),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            **self.lock.to_json(),
            **{f"holder_{name}": value for name, value in self.holder.to_json().items()},
            "state_written": self.state_written.isoformat() if self.state_written else None,
            "was_written_since": self.was_written_since,
        }


def weigh(layer: Layer, lock: Lock, target: Target, *, state_written: datetime | None) -> LockEvidence:
    """Look for signs of life of one lock's holder."""
    holder = find_holder(lock, layer.backend, target.folder(layer.path), target.terraform_bin)
    return LockEvidence(layer=layer.id, lock=lock, holder=holder, state_written=state_written)
