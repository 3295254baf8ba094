"""The answer to an AWS call, given again when the client sends the call a second time.

A client whose answer was lost repeats the call with the same invocation id. Done twice, a conditional write fails on what its
own first attempt wrote: Terraform then finds a lock that is its own. So a call that changes something is done once, and a
repeated attempt gets the first one's answer, or waits for it where the first is still being worked on.

A failure (5xx) is not kept: there the client repeats the call so that it is done again.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_KEPT_CALLS = 256
# A client gives up on an attempt long before.
_PATIENCE = 60.0
_READS = frozenset({"GET", "HEAD"})


@dataclass(slots=True)
class _Call:
    """One call, whatever the number of its attempts."""

    is_done: threading.Event = field(default_factory=threading.Event)
    status: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: list[bytes] = field(default_factory=list)

    @property
    def is_kept(self) -> bool:
        return bool(self.status) and not self.status.startswith("5")


class Replay:
    """WSGI middleware that does each call once."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._calls: dict[str, _Call] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        invocation = environ.get("HTTP_AMZ_SDK_INVOCATION_ID", "")
        if not invocation or environ.get("REQUEST_METHOD") in _READS:
            return self._application(environ, start_response)
        call, is_first = self._call(invocation)
        if not is_first and call.is_done.wait(_PATIENCE) and call.is_kept:
            start_response(call.status, call.headers)
            return call.body
        return self._work(call, environ, start_response)

    def _call(self, invocation: str) -> tuple[_Call, bool]:
        with self._lock:
            call = self._calls.get(invocation)
            if call is not None:
                return call, False
            call = self._calls[invocation] = _Call()
            while len(self._calls) > _KEPT_CALLS:
                del self._calls[next(iter(self._calls))]
            return call, True

    def _work(self, call: _Call, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def remember(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            call.status, call.headers = status, headers
            return start_response(status, headers, *rest)

        try:
            call.body = list(self._application(environ, remember))
        finally:
            call.is_done.set()
        return call.body
