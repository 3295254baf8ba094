"""What a sandbox leaves behind when it is stopped: nothing that holds a value, a key or a copy of the estate.

Gone are the copy of the estate with its variable files and provider caches, the home folder of its programs, the keys, the
server's log, the ledger, and of each run the plans, the trace logs and whatever events were never redacted. What stays are the provider
plugins, the durations and the reports of runs, which are redacted when they are written.

Everything is opened from the estate's root downward without following links: a link in the place of one of these is removed
itself, and one on the way to them stops it all.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from orchestrator.artifacts import EVENTS, TRACE
from orchestrator.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FILES = ("server.json", "setup.json", "terraform.rc", "aws-credentials", "copied.json", "server.log", "ledger.jsonl")
_FOLDERS = ("work", "home")
# What a process that was killed had not put in its place yet.
_DRAFT = re.compile(rf"\.(?:{'|'.join(map(re.escape, _FILES))})\.\d+(?:\.new)?")
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def opened(root: Path, home: Path) -> Iterator[int | None]:
    """A descriptor of a sandbox's home below an estate's root, or None where there is none.

    Raises:
        ConfigError: The home, or a folder on the way to it, is a link or no folder.
    """
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    path = root
    try:
        for name in home.relative_to(root).parts:
            path /= name
            below = os.open(name, _OPEN, dir_fd=fd)
            os.close(fd)
            fd = below
    except FileNotFoundError:
        os.close(fd)
        yield None
        return
    except OSError as error:
        os.close(fd)
        raise ConfigError(
            f"{path}: this is a link or no folder, and wealist removes nothing through it", hint=f"see: ls -ld {path}"
        ) from error
    try:
        yield fd
    finally:
        os.close(fd)


def dispose(home: int) -> None:
    """Remove what a stopped sandbox must not leave behind, from its home."""
    for name in os.listdir(home):
        if name in _FOLDERS or name in _FILES or _DRAFT.fullmatch(name):
            _remove(name, home)
    for runs in _folder("runs", home):
        for run_id in os.listdir(runs):  # noqa: PTH208 - of a descriptor
            for run in _folder(run_id, runs):
                names = set(os.listdir(run))  # noqa: PTH208 - the same
                # A run without a report was killed before it could redact its events with all that it had learnt.
                unredacted = {"volatile", TRACE, *({EVENTS} if "report.json" not in names else ())}
                for name in names & unredacted:
                    _remove(name, run)


def _folder(name: str, above: int) -> Iterator[int]:
    """A descriptor of a folder where there is one, and none of what a link leads to."""
    try:
        fd = os.open(name, _OPEN, dir_fd=above)
    except OSError:
        return
    try:
        yield fd
    finally:
        os.close(fd)


def _remove(name: str, above: int) -> None:
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
            shutil.rmtree(name, dir_fd=above)
        else:
            os.unlink(name, dir_fd=above)
