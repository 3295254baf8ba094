"""`--report-file`: the report, left where the caller wants it.

An ordinary file is written aside, for its owner alone, and put in place whole: a link in its place is replaced and not
followed. What is no file, and what lies in `/dev` or `/proc` as `/dev/stdout` does, is written to as it is.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from orchestrator import private_folder
from orchestrator.errors import UsageError

_SYSTEM = (Path("/dev"), Path("/proc"))


def check(path: Path) -> None:
    """Find out before anything is done whether the report can be written after it.

    Raises:
        UsageError: It can't.
    """
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"--report-file {path}: there is no such folder", hint="nothing was done")
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "Is a directory")
        if _is_stream(path):
            if not os.access(path, os.W_OK):
                raise PermissionError(13, "Permission denied")
            return
        probe = path.with_name(f".{path.name}.{os.getpid()}.probe")
        private_folder.create(probe, "")
        probe.unlink()
    except OSError as error:
        raise UsageError(f"--report-file {path}: {error.strerror}", hint="nothing was done") from error


def write(path: Path, text: str) -> None:
    """Leave the report.

    Raises:
        OSError: It can't be written, or nobody reads the pipe.
    """
    if not _is_stream(path):
        private_folder.replace(path, text)
        return
    # A pipe that nobody reads is an error, and not a wait without end after everything is done.
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    os.set_blocking(fd, True)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)


def _is_stream(path: Path) -> bool:
    if any(path.absolute().parent.resolve().is_relative_to(folder) for folder in _SYSTEM):
        return True
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
