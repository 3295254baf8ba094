"""Running a program: the one module that uses `subprocess`, and the seam at which tests stand.

The child has a process group of its own and no standard input but what it is given, so a Ctrl-C in the terminal reaches
wealist alone and the child can't stop to ask. It writes to files without a name, and threads read them while it runs: a pipe would end
Terraform in the middle of an apply when wealist is killed, with what it has made in no state. Like this it goes on, saves
its state and gives its lock back.
`spawn` starts a program that outlives this one, for the sandbox's server.

Stopping is polite and has three steps: SIGINT to the child (Terraform then saves its state and releases its lock), after
the grace or on a second request SIGTERM, and five seconds later SIGKILL to the whole group.

A run ends with its child. What the child started and left running is not waited for.
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from orchestrator import private_folder

_POLL = 0.1
_KILL_AFTER = 5.0
_READ = 0.05

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
        stdin: What it is given through a pipe, which nobody else sees: the way for a secret. Without it there is none.
    """

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str] = field(repr=False)
    grace: float = 60.0
    stdin: str | None = field(default=None, repr=False)


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
    told = _Guarded(on_stopping)
    with _output() as stdout, _output() as stderr:
        child = _start(command, stdout, stderr)
        _feed(child, command.stdin)
        out, err = _Tail(stdout, _Guarded(on_line)), _Tail(stderr, _Guarded(None))
        try:
            interrupted = _wait(child, command.grace, cancellation, told)
            if interrupted:
                # What the child started and did not end itself, a provisioner's script, say.
                _end(child)
        except BaseException:
            _end(child)
            child.wait()
            raise
        finally:
            out.finish()
            err.finish()
    for callback in (out.on_line, told):
        if callback.error is not None:
            raise callback.error
    return Completed(returncode=child.returncode, stdout=out.text, stderr=err.text, was_interrupted=interrupted)


def find_program(name: str, search_path: str) -> Path | None:
    """The absolute path of a program: one found by name in the absolute entries of a PATH, or the path itself.

    An entry that is empty or relative means the current folder: a project's, which may hold a program of that name.
    """
    found = shutil.which(name, path=absolute_entries(search_path))
    return None if found is None else Path(found).absolute()


def absolute_entries(search_path: str) -> str:
    """A PATH without the entries whose meaning depends on the current folder."""
    return os.pathsep.join(entry for entry in search_path.split(os.pathsep) if Path(entry).is_absolute())


def spawn(command: Command, *, log: Path) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, its output going to a file, and leave it running."""
    with os.fdopen(private_folder.open_file(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
        child = subprocess.Popen(
            list(command.argv),
            cwd=command.cwd,
            env=dict(command.env),
            stdin=subprocess.DEVNULL if command.stdin is None else subprocess.PIPE,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    _feed(child, command.stdin)
    return child


def _start(command: Command, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(command.argv),
            cwd=command.cwd,
            env=dict(command.env),
            stdin=subprocess.DEVNULL if command.stdin is None else subprocess.PIPE,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    except OSError as error:
        raise StartError(error.errno, error.strerror, error.filename) from error


def _feed(child: subprocess.Popen[bytes], text: str | None) -> None:
    """Write its standard input from a thread: a pipe holds little, and a child may end without reading it."""
    pipe = child.stdin
    if pipe is None or text is None:
        return

    def write() -> None:
        with suppress(BrokenPipeError), pipe:
            pipe.write(text.encode())

    threading.Thread(target=write, daemon=True).start()


@contextmanager
def _output() -> Iterator[int]:
    """Where a child writes: a file without a name, in memory where the system has such, that several may append to."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("output")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    try:
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_APPEND)
        yield fd
    finally:
        os.close(fd)


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


class _Tail(threading.Thread):
    """Reads what a child writes while it writes it, line by line."""

    def __init__(self, fd: int, on_line: _Guarded) -> None:
        super().__init__(daemon=True)
        self._fd = fd
        self._lines: list[str] = []
        self._has_ended = threading.Event()
        self.on_line = on_line
        self.start()

    @property
    def text(self) -> str:
        return "".join(self._lines)

    def finish(self) -> None:
        """Read what there still is. What somebody that the child left behind writes later is not waited for."""
        self._has_ended.set()
        while self.is_alive():
            with suppress(KeyboardInterrupt):
                self.join()

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
        offset = 0
        size: int | None = None
        while True:
            chunk = os.pread(self._fd, 1 << 16, offset)
            if chunk:
                offset += len(chunk)
                yield chunk
            if size is None and self._has_ended.is_set():
                size = os.fstat(self._fd).st_size
            if size is not None and offset >= size:
                return
            if not chunk:
                self._has_ended.wait(_READ)

    def _take(self, raw: bytes) -> None:
        line = raw.decode(errors="replace")
        self._lines.append(line)
        self.on_line(line)


class _End:
    """Waits for a child's end, and hears of it at once where the system tells."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        self._poll = select.poll()
        self._fd: int | None = None
        if hasattr(os, "pidfd_open"):
            with suppress(OSError):
                self._fd = os.pidfd_open(child.pid)
                self._poll.register(self._fd, select.POLLIN)

    def within(self, seconds: float) -> bool:
        """Whether it came within this time."""
        if self._fd is not None:
            self._poll.poll(1000 * seconds)
            return self._child.poll() is not None
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)


def _wait(
    child: subprocess.Popen[bytes],
    grace: float,
    cancellation: Cancellation,
    on_stopping: _Guarded,
) -> bool:
    """Wait for the child; returns whether it was asked to stop."""
    deadline: float | None = None
    ended = False
    end = _End(child)
    while True:
        try:
            if end.within(_POLL):
                end.close()
                return deadline is not None
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
