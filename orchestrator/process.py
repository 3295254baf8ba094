"""Running a program: the one module that uses `subprocess`, and the seam at which tests stand.

The child has a process group of its own and no standard input, so a Ctrl-C in the terminal reaches wealist alone and
the child can't stop to ask. Both pipes are drained by threads while it runs, since a full pipe would stop it.
`spawn` starts a program that outlives this one, for the sandbox's server.

Stopping is polite and has three steps: SIGINT to the child (Terraform then saves its state and releases its lock), after
the grace or on a second request SIGTERM, and five seconds later SIGKILL to the whole group.

A run ends with its child. What the child started and left running may keep the pipes open; they are read for a moment more,
since last words may be on their way, and then let go.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

_POLL = 0.1
_KILL_AFTER = 5.0
# Seconds that a pipe is read on after the child has ended, and bytes: no pipe held more of the child's own.
_LINGER = 1.0
_LAST_WORDS = 1 << 20

OnLine = Callable[[str], None]


class Cancellation:
    """A request to stop, made from a signal handler or another thread.

    The first request asks the running child to stop, the second ends it. Where nobody watches there is nobody to ask, and
    whoever makes the request has to stop the program itself.
    """

    def __init__(self) -> None:
        self._requests = 0
        self._watchers = 0
        self._lock = threading.Lock()

    @property
    def is_watched(self) -> bool:
        """Whether somebody would hear of a request: a child that runs, or a loop over layers."""
        return self._watchers > 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Requests are heard for as long as the block lasts."""
        with self._lock:
            self._watchers += 1
        try:
            yield
        finally:
            with self._lock:
                self._watchers -= 1

    @property
    def requests(self) -> int:
        return self._requests

    @property
    def is_requested(self) -> bool:
        return self._requests > 0

    def request(self) -> None:
        self._requests += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run.

    Attributes:
        argv: The program is found by the caller; `argv[0]` is a path.
        env: The whole environment of the child.
        grace: Seconds between the polite request to stop and SIGTERM.
    """

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str] = field(repr=False)
    grace: float = 60.0


class StartError(OSError):
    """The program could not be started at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What came of it. `returncode` is negative where a signal ended it."""

    returncode: int
    stdout: str = field(repr=False)
    stderr: str = field(repr=False)
    was_interrupted: bool = False


class Runner(Protocol):
    """Runs a command to its end; `on_line` gets each line of its standard output as it comes."""

    def __call__(
        self,
        command: Command,
        *,
        on_line: OnLine | None = None,
        on_stopping: Callable[[float], None] | None = None,
        cancellation: Cancellation | None = None,
    ) -> Completed: ...


def run(
    command: Command,
    *,
    on_line: OnLine | None = None,
    on_stopping: Callable[[float], None] | None = None,
    cancellation: Cancellation | None = None,
) -> Completed:
    """The real runner.

    Args:
        on_stopping: Told once when the child is asked to stop, with the grace in seconds, and once more, with
            0.0, when it is being ended.

    A callback that fails never reaches the child: it runs to its end unheard, and the failure is raised after it.
    KeyboardInterrupt is a request to stop like any other.

    Raises:
        StartError: The program can't be started.
    """
    cancellation = cancellation or Cancellation()
    with _start(command) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        told = _Guarded(on_stopping)
        out, err = _Drain(child.stdout, _Guarded(on_line)), _Drain(child.stderr, _Guarded(None))
        try:
            interrupted = _wait(child, out, command.grace, cancellation, told)
            if interrupted:
                # What the child started and did not end itself, a provisioner's script, say.
                _end(child)
        except BaseException:
            _end(child)
            raise
        finally:
            _read_out((out, err), cancellation)
    for callback in (out.on_line, told):
        if callback.error is not None:
            raise callback.error
    return Completed(returncode=child.returncode, stdout=out.text, stderr=err.text, was_interrupted=interrupted)


def spawn(command: Command, *, log: Path) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, its output going to a file, and leave it running."""
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        return subprocess.Popen(
            list(command.argv),
            cwd=command.cwd,
            env=dict(command.env),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def _start(command: Command) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(command.argv),
            cwd=command.cwd,
            env=dict(command.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise StartError(error.errno, error.strerror, error.filename) from error


class _Guarded:
    """A callback that is called until it fails once; its failure is kept for later."""

    def __init__(self, callback: Callable[..., None] | None) -> None:
        self._callback = callback
        self.error: BaseException | None = None

    def __call__(self, *values: object) -> None:
        if self._callback is None or self.error is not None:
            return
        try:
            self._callback(*values)
        except BaseException as error:  # noqa: BLE001 - a display that exits must not take a running apply with it
            self.error = error


class _Drain(threading.Thread):
    """Reads a pipe to its end, since a full one would stop the child."""

    def __init__(self, pipe: IO[bytes], on_line: _Guarded) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe.fileno()
        self._lines: list[str] = []
        self._deadline: float | None = None
        self.on_line = on_line
        self.start()

    @property
    def text(self) -> str:
        return "".join(self._lines)

    def finish(self, *, within: float) -> None:
        """Read what there still is, and for no longer than these seconds wait for more."""
        self._deadline = time.monotonic() + within

    def run(self) -> None:
        begun: list[bytes] = []
        for chunk in self._chunks():
            *whole, rest = chunk.split(b"\n")
            for line in whole:
                self._take(b"".join((*begun, line, b"\n")))
                begun.clear()
            if rest:
                begun.append(rest)
        if begun:
            self._take(b"".join(begun))

    def _chunks(self) -> Iterator[bytes]:
        # Not with read(): nothing can wake a thread that waits in it, and a pipe that is read can't be closed.
        readable = select.poll()
        readable.register(self._pipe, select.POLLIN)
        left = _LAST_WORDS
        while True:
            is_late = self._deadline is not None and time.monotonic() > self._deadline
            if readable.poll(0 if is_late else 1000 * _POLL):
                chunk = os.read(self._pipe, 1 << 16)
                left -= len(chunk) if is_late else 0
                if not chunk or left < 0:
                    return
                yield chunk
            elif is_late:
                return

    def _take(self, raw: bytes) -> None:
        line = raw.decode(errors="replace")
        self._lines.append(line)
        self.on_line(line)


def _read_out(drains: Sequence[_Drain], cancellation: Cancellation) -> None:
    """Wait until everything that the child wrote is read; a request to stop meanwhile is obeyed at once."""
    asked = cancellation.requests
    for drain in drains:
        drain.finish(within=_LINGER)
    while any(drain.is_alive() for drain in drains):
        try:
            for drain in drains:
                drain.join(_POLL)
        except KeyboardInterrupt:
            cancellation.request()
        if cancellation.requests > asked:
            asked = cancellation.requests
            for drain in drains:
                drain.finish(within=0.0)


def _wait(
    child: subprocess.Popen[bytes],
    out: _Drain,
    grace: float,
    cancellation: Cancellation,
    on_stopping: _Guarded,
) -> bool:
    """Wait for the child; returns whether it was asked to stop."""
    deadline: float | None = None
    ended = False
    while True:
        try:
            # Its output ends with it: waiting for that is told at once, where waiting for a process means asking again.
            out.join(_POLL)
            child.wait(0 if out.is_alive() else _POLL)
            return deadline is not None
        except subprocess.TimeoutExpired:
            pass
        except KeyboardInterrupt:
            cancellation.request()
        now = time.monotonic()
        if deadline is None and cancellation.requests > 0:
            deadline = now + grace
            child.send_signal(signal.SIGINT)
            on_stopping(grace)
        elif deadline is not None and not ended and (cancellation.requests > 1 or now > deadline):
            ended = True
            deadline = now + _KILL_AFTER
            child.send_signal(signal.SIGTERM)
            on_stopping(0.0)
        elif deadline is not None and ended and now > deadline:
            _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the whole group: a provider plugin must not outlive its Terraform."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
