from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.sandbox.replay import Replay

if TYPE_CHECKING:
    from collections.abc import Callable


class Aws:
    """An application that counts what it does."""

    def __init__(self, *statuses: str, wait: Callable[[], object] = lambda: None) -> None:
        self.calls = 0
        self._statuses = statuses or ("200 OK",)
        self._wait = wait
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        with self._lock:
            self.calls += 1
            number = self.calls
        self._wait()
        start_response(self._statuses[min(number, len(self._statuses)) - 1], [("Content-Type", "x")])
        return [f"answer {number}".encode()]


def call(replay: Replay, invocation: str, *, method: str = "POST") -> tuple[str, bytes]:
    seen: list[str] = []
    environ = {"PATH_INFO": "/", "REQUEST_METHOD": method, "HTTP_AMZ_SDK_INVOCATION_ID": invocation}

    def start_response(status: str, *_: Any) -> Any:
        seen.append(status)

    body = b"".join(replay(environ, start_response))
    return seen[-1], body


def test_a_repeated_call_gets_the_answer_that_was_lost() -> None:
    """A conditional write that is done twice would fail on what its own first attempt wrote."""
    aws = Aws()
    replay = Replay(aws)

    assert call(replay, "a") == ("200 OK", b"answer 1")
    assert call(replay, "a") == ("200 OK", b"answer 1")
    assert call(replay, "b") == ("200 OK", b"answer 2")
    assert aws.calls == 2


def test_a_repeated_call_waits_for_the_first_one_to_be_done() -> None:
    go_on = threading.Event()
    aws = Aws(wait=lambda: go_on.wait(10))
    replay = Replay(aws)

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(call, replay, "a") for _ in range(2)]
        assert not any(future.done() for future in both)
        go_on.set()
        assert [future.result(10) for future in both] == [("200 OK", b"answer 1")] * 2
    assert aws.calls == 1


def test_a_failure_is_not_repeated_for_ever() -> None:
    replay = Replay(Aws("503 Slow Down", "200 OK"))

    assert call(replay, "a") == ("503 Slow Down", b"answer 1")
    assert call(replay, "a") == ("200 OK", b"answer 2")


def test_a_call_that_raised_is_done_again() -> None:
    def fail_once() -> None:
        if aws.calls == 1:
            raise RuntimeError("moto failed")

    aws = Aws(wait=fail_once)
    replay = Replay(aws)

    with pytest.raises(RuntimeError):
        call(replay, "a")
    assert call(replay, "a") == ("200 OK", b"answer 2")


@pytest.mark.parametrize(("method", "invocation"), [("GET", "a"), ("HEAD", "a"), ("POST", "")])
def test_a_read_and_a_call_without_an_id_are_always_done(method: str, invocation: str) -> None:
    replay = Replay(Aws())

    assert call(replay, invocation, method=method)[1] == b"answer 1"
    assert call(replay, invocation, method=method)[1] == b"answer 2"


def test_only_the_latest_answers_are_kept() -> None:
    replay = Replay(Aws())
    for number in range(1000):
        call(replay, str(number))

    assert call(replay, "999")[1] == b"answer 1000"
    assert call(replay, "0")[1] == b"answer 1001"


def test_many_at_once_are_each_answered_with_their_own() -> None:
    aws = Aws()
    replay = Replay(aws)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: call(replay, str(number)), range(2000)))

    assert {status for status, _ in answers} == {"200 OK"}
    assert len({body for _, body in answers}) == aws.calls == 2000
