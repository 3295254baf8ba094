from __future__ import annotations

import threading

import pytest

from orchestrator.aws.pool import threads


def test_what_has_not_begun_when_the_block_ends_is_not_done() -> None:
    begun, go_on = threading.Event(), threading.Event()
    done: list[int] = []

    def work(number: int) -> None:
        begun.set()
        go_on.wait(5)
        done.append(number)

    def interrupted() -> None:
        with threads(1) as pool:
            for number in range(100):
                pool.submit(work, number)
            begun.wait(5)
            threading.Timer(0.1, go_on.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert len(done) < 100
