"""Many calls of one kind, of which the first show whether there is a way to AWS at all."""

from __future__ import annotations

from collections import Counter, defaultdict
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from orchestrator.aws.session import NO_WAY
from orchestrator.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.aws.session import Session
    from orchestrator.layer import Backend

FIRST = 2
"""Calls of a kind that do not wait for another's answer, so that an estate of two layers never waits."""


class Gate:
    """Lets calls through until one has shown that the others of its kind would fail in the same way.

    A few go first and the rest wait for the first answer: a resolver or a network that fails does not get hundreds of
    questions at once, of which each would wait for its own end.
    """

    def __init__(self) -> None:
        self._closed: dict[tuple[Any, ...], AwsError] = {}
        self._ahead: Counter[tuple[Any, ...]] = Counter()
        self._answered: defaultdict[tuple[Any, ...], Event] = defaultdict(Event)
        self._lock = Lock()

    def close(self, kind: tuple[Any, ...], error: AwsError) -> None:
        """Make no more calls of this kind: to one service, or to any."""
        self._closed.setdefault(kind, error)

    def call(self, backend: Backend, service: str, function: Callable[..., Any], session: Session) -> Any:
        """Make a call, or raise what has closed the gate."""
        identity = way_of(backend)
        kind = (*identity, service)
        queue = (*kind, function.__name__)
        with self._lock:
            self._ahead[queue] += 1
            goes_first, answered = self._ahead[queue] <= FIRST, self._answered[queue]
        try:
            if not goes_first:
                answered.wait()
            for each in (identity, kind):
                if each in self._closed:
                    raise self._closed[each]
            return function(session, backend)
        except AwsError as error:
            if error.code in NO_WAY:
                self.close(kind, error)
            raise
        finally:
            answered.set()


def way_of(backend: Backend) -> tuple[Any, ...]:
    """What backends share that are reached in the same way."""
    return (*backend.identity, backend.region)
