"""Whether the holder of a lock is still at work, as far as this machine can tell.

Terraform writes `user@host` into a lock and no process id. On the holder's own machine its process can be found by where
it works: in the layer's folder, or in another clone's, whose `.terraform` names the same state. Only one that was there
when the lock was taken can hold it. On any other machine nothing can be told.

A process whose folder may not be seen (another user's) leaves it open; it is never taken for dead.

Two machines can have one name, as containers mostly do. That none is found here is evidence, and no proof. wealist's own
locks name the process and where its id holds: there a process that is not there is gone.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.data_folder import read_backend
from orchestrator.target import HOME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.layer import Backend
    from orchestrator.lock import Lock

# A lock is taken within moments of a start; the start of a process is known to about a second.
_SLACK = timedelta(seconds=5)
_PID = re.compile(r"\bpid (\d{1,10})\b(?: at ([0-9a-f]{12})\b)?")


class Life(StrEnum):
    """Whether the holder's process runs: `running`, `gone`, or `unknown`."""

    RUNNING = "running"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What can be told of a lock's holder from here.

    Attributes:
        is_you: Whether it is this user on this machine.
        why: Where `life` comes from, in words.
        pid: The process that runs.
    """

    life: Life
    why: str
    is_you: bool
    pid: int | None = None

    @property
    def is_running(self) -> bool:
        return self.life is Life.RUNNING

    def to_json(self) -> dict[str, Any]:
        return {"life": str(self.life), "why": self.why, "is_you": self.is_you, "pid": self.pid}


def who() -> str:
    """This user on this machine, as Terraform writes it into a lock."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def note(doing: str) -> str:
    """What wealist writes into a lock of its own, so that its process can be found."""
    return f"{doing}, pid {os.getpid()} at {_place()}"


def _place() -> str:
    """What process ids hold in: this start of this machine, and in it this container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        known = [boot, str(Path("/proc/self/ns/pid").readlink())]
    except OSError:
        import psutil

        # To the minute: it is reckoned from a clock that is set now and then.
        known = [socket.gethostname(), str(int(psutil.boot_time() // 60))]
    return hashlib.sha256("\0".join(known).encode()).hexdigest()[:12]


def find_holder(lock: Lock, backend: Backend, folder: Path, program: str) -> Holder:
    """Look for the process that holds a lock.

    Args:
        folder: Where Terraform runs for the layer.
        program: The Terraform that is run here, by name or path.
    """
    is_you = lock.holder == who()
    host = socket.gethostname()
    if lock.host != host:
        other = f"on {lock.host}" if lock.host else "somewhere"
        return Holder(life=Life.UNKNOWN, why=f"it works {other}: can't be told from here ({host})", is_you=is_you)
    if own := _PID.search(lock.note):
        return _of_wealist(int(own[1]), lock, is_here=own[2] == _place(), is_you=is_you)
    hidden = 0
    for process in _terraforms(program):
        if lock.created is not None and _started(process) > lock.created + _SLACK:
            continue
        cwd = process.info["cwd"]
        if not cwd:
            hidden += 1
        elif _works_on(Path(cwd), backend, folder):
            why = f"{process.info['name']} runs in {cwd} since before the lock, pid {process.pid}"
            return Holder(life=Life.RUNNING, why=why, is_you=is_you, pid=process.pid)
    if hidden:
        why = f"{hidden} Terraform run{'s' if hidden == 1 else ''} on this host for somebody else: where can't be seen"
        return Holder(life=Life.UNKNOWN, why=why, is_you=is_you)
    why = "no Terraform process on this host works on this state, as far as can be seen"
    return Holder(life=Life.UNKNOWN, why=why, is_you=is_you)


def _terraforms(program: str) -> Iterator[Any]:
    """Every Terraform on this machine, the plugins that it starts left out."""
    import psutil

    names = {"terraform", Path(program).name}
    for process in psutil.process_iter(["name", "exe", "cwd", "create_time", "status"], ad_value=None):
        called = {process.info["name"], Path(process.info["exe"] or "").name}
        if called & names and process.info["status"] != psutil.STATUS_ZOMBIE:
            yield process


def _of_wealist(pid: int, lock: Lock, *, is_here: bool, is_you: bool) -> Holder:
    import psutil

    try:
        started = datetime.fromtimestamp(psutil.Process(pid).create_time(), UTC)
    except psutil.Error:
        started = None
    if started is None or (lock.created is not None and started > lock.created + _SLACK):
        if is_here:
            return Holder(life=Life.GONE, why=f"it was wealist with pid {pid}, which is gone", is_you=is_you)
        why = f"wealist had pid {pid}, which is not running here; it may have been before a restart, or on another machine"
        return Holder(life=Life.UNKNOWN, why=f"{why} of this name", is_you=is_you)
    return Holder(life=Life.RUNNING, why=f"wealist runs on this host, pid {pid}", is_you=is_you, pid=pid)


def _started(process: Any) -> datetime:
    return datetime.fromtimestamp(process.info["create_time"], UTC)


def _works_on(cwd: Path, backend: Backend, folder: Path) -> bool:
    if cwd == folder.resolve():
        return True
    if HOME in folder.parts or HOME in cwd.parts:
        # A rehearsal works on a copy, and names the same bucket: one of the two is real, or they are two rehearsals.
        return False
    kept = read_backend(cwd) or {}
    return (kept.get("bucket"), kept.get("key")) == (backend.bucket, backend.key)
