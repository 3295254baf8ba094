"""Work on many layers at once: each when those before it are done, and no more than so many at a time.

A layer that does not end well stops those after it and nobody else; each that is left out names the culprit. The work is
done by threads, but what has to be asked of a person is asked in the thread that called `run`, one question at a time:
that is the thread that owns the terminal and hears its signals.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from orchestrator.errors import LayerOrderError
from orchestrator.report import LayerResult, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orchestrator.process import Cancellation

_T = TypeVar("_T")


class _Question(Generic[_T]):
    def __init__(self, ask: Callable[[], _T]) -> None:
        self._ask = ask
        self.answer: Future[_T] = Future()

    def put(self, cancellation: Cancellation) -> None:
        try:
            self.answer.set_result(self._ask())
        except KeyboardInterrupt as interrupt:
            # It is meant for the whole run: layers that are under way stop as well.
            if not cancellation.is_requested:
                cancellation.request()
            self.answer.set_exception(interrupt)
        except BaseException as error:  # noqa: BLE001 - it belongs to the thread that asked
            self.answer.set_exception(error)


class Desk:
    """Where a working thread has something asked in the thread that waits for it."""

    def __init__(self, inbox: SimpleQueue[Any]) -> None:
        self._inbox = inbox

    def ask(self, question: Callable[[], _T]) -> _T:
        """The answer; whatever the question raises is raised here."""
        asked = _Question(question)
        self._inbox.put(asked)
        return asked.answer.result()


def run(
    order: Sequence[str],
    needs: Mapping[str, frozenset[str]],
    work: Callable[[str, Desk], LayerResult],
    *,
    parallelism: int,
    cancellation: Cancellation,
    fail_fast: bool = False,
) -> tuple[LayerResult, ...]:
    """Do the work for every id; returns the results in the order that was given.

    Args:
        order: Ids, each after those it needs.
        needs: For each id those of the others that must end well before it starts.
        fail_fast: Start nothing new once one has not ended well.

    A Ctrl-C while nothing is asked becomes a request to `cancellation`: what runs stops, what does not is left out.
    """
    inbox: SimpleQueue[Any] = SimpleQueue()
    desk = Desk(inbox)
    results: dict[str, LayerResult] = {}
    waiting = [*order]
    running: set[str] = set()
    bug: BaseException | None = None

    def start(id_: str) -> None:
        try:
            inbox.put((id_, work(id_, desk)))
        except BaseException as error:  # noqa: BLE001 - raised in the calling thread, once all others have ended
            inbox.put((id_, error))

    def fill(pool: ThreadPoolExecutor) -> None:
        """Start what may start, and leave out what must not."""
        for id_ in [*waiting]:
            culprit = _culprit(needs[id_], order, results, fail_fast=fail_fast)
            if culprit is not None or bug is not None:
                results[id_] = _skipped(id_, culprit)
            elif len(running) < parallelism and needs[id_] <= results.keys():
                pool.submit(start, id_)
                running.add(id_)
            else:
                continue
            waiting.remove(id_)

    # Whoever hears a signal meanwhile has somebody to pass it on to, also where no child runs just now.
    with cancellation.watching(), ThreadPoolExecutor(parallelism, thread_name_prefix="layer") as pool:
        try:
            fill(pool)
            while running:
                try:
                    item = inbox.get()
                except KeyboardInterrupt:
                    cancellation.request()
                    continue
                if isinstance(item, _Question):
                    item.put(cancellation)
                    continue
                id_, end = item
                running.discard(id_)
                if isinstance(end, LayerResult):
                    results[id_] = end
                else:
                    # A bug of ours: the others are stopped politely, and then it is raised. A second request would end
                    # them at once, and only a person may want that.
                    bug = bug or end
                    if not cancellation.is_requested:
                        cancellation.request()
                fill(pool)
        except BaseException:
            # Nobody is left to answer: what runs is stopped politely, and no thread waits for ever.
            if not cancellation.is_requested:
                cancellation.request()
            _close(inbox, len(running))
            raise
    if bug is not None:
        raise bug
    return tuple(results[id_] for id_ in order)


def _close(inbox: SimpleQueue[Any], running: int) -> None:
    """Wait for what runs; every question is answered with an interrupt."""
    while running:
        item = inbox.get()
        if isinstance(item, _Question):
            item.answer.set_exception(KeyboardInterrupt())
        else:
            running -= 1


def _culprit(
    needs: frozenset[str], order: Sequence[str], results: Mapping[str, LayerResult], *, fail_fast: bool
) -> LayerResult | None:
    """The layer because of which one must not start."""
    ended = [results[id_] for id_ in order if id_ in results and (fail_fast or id_ in needs)]
    bad = [result for result in ended if result.outcome.is_unfinished]
    return next((result for result in bad if result.outcome is not Outcome.SKIPPED), bad[0] if bad else None)


def _skipped(id_: str, culprit: LayerResult | None) -> LayerResult:
    because = f"because {culprit.layer} {culprit.outcome.phrase}" if culprit else "because of a bug in wealist"
    return LayerResult(
        layer=id_,
        outcome=Outcome.SKIPPED,
        seconds=0.0,
        error=LayerOrderError(f"{id_} was skipped, {because}"),
    )
