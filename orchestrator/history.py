"""The versions of a layer's state that its bucket keeps, each as far as it can be understood."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.aws.pool import threads
from orchestrator.aws.session import THREADS, Session
from orchestrator.aws.state import LONGEST_STATE, read_object
from orchestrator.aws.version import list_versions
from orchestrator.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from orchestrator.aws.state import StateObject
    from orchestrator.aws.version import Version
    from orchestrator.layer import Backend, Layer
    from orchestrator.state import State
    from orchestrator.target import Target

SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StateVersion:
    """One version of a state object.

    Attributes:
        id: The store's own id of it.
        written: When, by the store's clock, in whole seconds.
        size: Bytes.
        is_delete_marker: Whether it stands for a deletion, and holds nothing.
        state: What is in it; None for a delete marker, and where that can't be told.
        error: Why it can't.
        body: Its bytes, to the letter; empty where they could not be read.
    """

    id: str
    written: datetime
    size: int
    is_current: bool
    is_delete_marker: bool = False
    state: State | None = None
    error: str | None = None
    body: bytes = field(default=b"", repr=False)

    def to_json(self) -> dict[str, Any]:
        state = self.state
        return {
            "version_id": self.id,
            "written": self.written.isoformat(),
            "size": self.size,
            "is_current": self.is_current,
            "is_delete_marker": self.is_delete_marker,
            "serial": state.serial if state else None,
            "resources": state.resource_count if state else None,
            "terraform_version": state.terraform_version if state else None,
            "lineage": state.lineage if state else None,
            "error": self.error,
        }


def read_history(layer: Layer, target: Target, *, limit: int = SHOWN) -> list[StateVersion]:
    """The newest versions of a layer's state, newest first; empty where it was never applied.

    Raises:
        StateError: The bucket is missing, or may not be listed.
        AwsError: AWS said no.
    """
    session = Session(target.aws, backend=layer.backend)
    return read_versions(session, layer.backend, list_versions(session, layer.backend)[:limit])


def read_versions(session: Session, backend: Backend, versions: Sequence[Version]) -> list[StateVersion]:
    """These versions, with what is in them; all are read at once."""
    with threads(THREADS) as pool:
        readings = [
            None if _is_unread(version) else pool.submit(read_object, session, backend, version_id=version.id)
            for version in versions
        ]
        return [
            _understand(version, None if reading is None else reading.result())
            for version, reading in zip(versions, readings, strict=True)
        ]


def _is_unread(version: Version) -> bool:
    return version.is_delete_marker or version.size > LONGEST_STATE


def _understand(version: Version, found: StateObject | None) -> StateVersion:
    state: State | None = None
    error: str | None = None
    if version.size > LONGEST_STATE:
        error = f"it is larger than {LONGEST_STATE // 1_000_000} MB"
    elif found is None:
        error = None if version.is_delete_marker else "it is gone"
    elif found.is_blank:
        error = "it is empty"
    else:
        try:
            state = found.state()
        except StateError as unreadable:
            error = unreadable.message.removeprefix(f"{found.url}: ")
    return StateVersion(
        id=version.id,
        written=version.modified,
        size=version.size,
        is_current=version.is_current,
        is_delete_marker=version.is_delete_marker,
        state=state,
        error=error,
        body=found.body if found else b"",
    )
