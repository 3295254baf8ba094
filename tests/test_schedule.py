"""Layers at once, in order, with questions in the calling thread."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from orchestrator import schedule
from orchestrator.errors import LayerOrderError
from orchestrator.process import Cancellation
from orchestrator.report import LayerResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orchestrator.schedule import Desk

NEEDS: Mapping[str, frozenset[str]] = {
    "base": frozenset(),
    "left": frozenset({"base"}),
    "right": frozenset({"base"}),
    "top": frozenset({"base", "left", "right"}),
}


def result(id_: str, outcome: Outcome = Outcome.APPLIED) -> LayerResult:
    return LayerResult(layer=id_, outcome=outcome, seconds=0.0)


def run(
    work: Callable[[str, Desk], LayerResult],
    *,
    order: Sequence[str] = tuple(NEEDS),
    needs: Mapping[str, frozenset[str]] = NEEDS,
    parallelism: int = 4,
    cancellation: Cancellation | None = None,
    fail_fast: bool = False,
) -> dict[str, Outcome]:
    results = schedule.run(
        order,
        needs,
        work,
        parallelism=parallelism,
        cancellation=cancellation or Cancellation(),
        fail_fast=fail_fast,
    )
    assert [r.layer for r in results] == [*order]
    return {r.layer: r.outcome for r in results}


def test_a_layer_starts_when_those_it_needs_have_ended() -> None:
    ended: list[str] = []

    def work(id_: str, _: Desk) -> LayerResult:
        assert NEEDS[id_] <= set(ended)
        ended.append(id_)
        return result(id_)

    assert set(run(work).values()) == {Outcome.APPLIED}
    assert ended[0] == "base"
    assert ended[-1] == "top"


def test_layers_that_do_not_need_each_other_run_at_once() -> None:
    both = threading.Barrier(2, timeout=5)

    def work(id_: str, _: Desk) -> LayerResult:
        if id_ in ("left", "right"):
            both.wait()
        return result(id_)

    assert set(run(work).values()) == {Outcome.APPLIED}


def test_no_more_than_so_many_run_at_a_time() -> None:
    order = [f"layer-{number}" for number in range(12)]
    lock, now, most = threading.Lock(), 0, 0

    def work(id_: str, _: Desk) -> LayerResult:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1
        return result(id_)

    run(work, order=order, needs={id_: frozenset() for id_ in order}, parallelism=3)

    assert most == 3


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.INTERRUPTED, Outcome.DECLINED, Outcome.BLOCKED])
def test_a_layer_that_does_not_end_well_stops_those_on_it_and_nobody_else(outcome: Outcome) -> None:
    seen: list[str] = []

    def work(id_: str, _: Desk) -> LayerResult:
        seen.append(id_)
        return result(id_, outcome if id_ == "left" else Outcome.APPLIED)

    outcomes = run(work)

    assert outcomes == {
        "base": Outcome.APPLIED,
        "left": outcome,
        "right": Outcome.APPLIED,
        "top": Outcome.SKIPPED,
    }
    assert "top" not in seen


def test_each_that_is_left_out_names_the_culprit_and_not_the_one_between() -> None:
    def work(id_: str, _: Desk) -> LayerResult:
        return result(id_, Outcome.FAILED if id_ == "base" else Outcome.APPLIED)

    results = schedule.run([*NEEDS], NEEDS, work, parallelism=2, cancellation=Cancellation())

    messages = [str(r.error) for r in results if isinstance(r.error, LayerOrderError)]
    assert messages == [f"{id_} was skipped, because base failed" for id_ in ("left", "right", "top")]


def test_fail_fast_starts_nothing_new() -> None:
    order = ["a", "b", "c"]
    needs = {id_: frozenset[str]() for id_ in order}

    def work(id_: str, _: Desk) -> LayerResult:
        return result(id_, Outcome.FAILED if id_ == "a" else Outcome.APPLIED)

    slow = run(work, order=order, needs=needs, parallelism=1)
    fast = run(work, order=order, needs=needs, parallelism=1, fail_fast=True)

    assert slow == {"a": Outcome.FAILED, "b": Outcome.APPLIED, "c": Outcome.APPLIED}
    assert fast == {"a": Outcome.FAILED, "b": Outcome.SKIPPED, "c": Outcome.SKIPPED}


def test_questions_are_asked_in_the_calling_thread_one_at_a_time() -> None:
    here, asked, lock = threading.get_ident(), [], threading.Lock()

    def question(id_: str) -> str:
        assert lock.acquire(blocking=False)
        asked.append(threading.get_ident())
        time.sleep(0.01)
        lock.release()
        return f"answer for {id_}"

    def work(id_: str, desk: Desk) -> LayerResult:
        assert threading.get_ident() != here
        assert desk.ask(lambda: question(id_)) == f"answer for {id_}"
        return result(id_)

    assert set(run(work).values()) == {Outcome.APPLIED}
    assert asked == [here] * 4


def test_what_a_question_raises_belongs_to_the_layer_that_asked() -> None:
    def interrupt() -> bool:
        raise KeyboardInterrupt

    def work(id_: str, desk: Desk) -> LayerResult:
        try:
            desk.ask(interrupt)
        except KeyboardInterrupt:
            return result(id_, Outcome.INTERRUPTED)
        return result(id_)

    assert run(work, order=["base"], needs={"base": frozenset()}) == {"base": Outcome.INTERRUPTED}


def test_ctrl_c_while_nothing_is_asked_is_a_request_to_stop() -> None:
    import os
    import signal

    cancellation = Cancellation()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def work(id_: str, _: Desk) -> LayerResult:
        # By then the calling thread waits for this one.
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)
        deadline = time.monotonic() + 5
        while not cancellation.is_requested and time.monotonic() < deadline:
            time.sleep(0.01)
        return result(id_, Outcome.INTERRUPTED)

    try:
        outcomes = run(work, cancellation=cancellation)
    finally:
        signal.signal(signal.SIGINT, before)

    assert cancellation.requests == 1
    assert outcomes["base"] is Outcome.INTERRUPTED
    assert {outcomes[id_] for id_ in ("left", "right", "top")} == {Outcome.SKIPPED}


def test_a_bug_in_one_layer_stops_the_others_politely_and_is_raised_in_the_end() -> None:
    cancellation = Cancellation()

    def work(id_: str, _: Desk) -> LayerResult:
        if id_ == "left":
            raise ZeroDivisionError(id_)
        return result(id_)

    with pytest.raises(ZeroDivisionError, match="left"):
        run(work, cancellation=cancellation)

    assert cancellation.is_requested


def test_two_bugs_are_one_request_to_stop() -> None:
    """A second request ends what runs at once, and only a person may want that."""
    cancellation = Cancellation()
    both = threading.Barrier(2, timeout=5)

    def work(id_: str, _: Desk) -> LayerResult:
        if id_ in ("left", "right"):
            both.wait()
            raise ZeroDivisionError(id_)
        return result(id_)

    with pytest.raises(ZeroDivisionError):
        run(work, cancellation=cancellation)

    assert cancellation.requests == 1


def test_an_interrupt_at_a_question_stops_the_layers_that_are_under_way() -> None:
    cancellation = Cancellation()

    def interrupt() -> bool:
        raise KeyboardInterrupt

    def work(id_: str, desk: Desk) -> LayerResult:
        if id_ == "asks":
            with pytest.raises(KeyboardInterrupt):
                desk.ask(interrupt)
        else:
            deadline = time.monotonic() + 5
            while not cancellation.is_requested and time.monotonic() < deadline:
                time.sleep(0.01)
        return result(id_, Outcome.INTERRUPTED)

    outcomes = run(
        work, order=["asks", "applies"], needs={"asks": frozenset(), "applies": frozenset()}, cancellation=cancellation
    )

    assert cancellation.requests == 1
    assert set(outcomes.values()) == {Outcome.INTERRUPTED}
