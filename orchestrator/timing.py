"""What was measured: how long each resource, each plan and each whole apply took here, one JSON object a line.

    {"layer": "prod/foundation", "what": "resource", "address": "aws_db_instance.this", "action": "create", "seconds": 512}
    {"layer": "prod/foundation", "what": "plan", "seconds": 14.2}
    {"layer": "prod/foundation", "what": "apply", "shape": "5f0c2e...", "seconds": 871.9}

Of everything only the newest are kept. Lines are added under a lock on the file, in one write, so that any number of runs
can do so at once; when it has grown, a thinned one is put in its place under the same lock, and who waited for the lock
opens the new one. A line that can't be read is passed over. The history is a convenience: a full disk, a folder without
permission, a lock that can't be had within a second cost what would have been kept, and never the run.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import time
from collections import defaultdict
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from orchestrator import payload, printable, private_folder
from orchestrator.estimate import Measured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from orchestrator.estimate import Work

FILENAME = "durations.jsonl"
KEPT = 10
"""Of each action on each resource, and of a layer's plans: what was measured years ago says little of today."""
KEPT_APPLIES = 50
"""Of a layer; they are of many shapes."""

_RESOURCE = '"what": "resource"'
_SMALL = 256 * 1024
# A write takes milliseconds: who holds the lock for longer has been stopped, and an apply must not wait for that.
_TRIES, _PAUSE = 100, 0.01


def append(home: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    """Keep what was measured, if that can be done."""
    text = "".join(printable.json(json.dumps(entry, ensure_ascii=False)) + "\n" for entry in entries)
    if not text:
        return
    path = home / FILENAME
    with suppress(OSError), _alone(path) as fd:
        size = os.fstat(fd).st_size
        # A crash cut the last line short; it must not take the next one with it.
        is_cut = bool(size) and os.pread(fd, 1, size - 1) != b"\n"
        os.write(fd, (f"\n{text}" if is_cut else text).encode())
        grown = size + len(text)
        if grown > _SMALL and grown.bit_length() > size.bit_length():
            # It has doubled, more or less: never more than twice what is kept, and seldom written anew.
            _thin(path)


def read(home: Path, layer: str) -> Measured:
    """What was measured in a layer; nothing where the file can't be read.

    Raises:
        ConfigError: The home can't be trusted.
    """
    # An estate of hundreds of layers shares the file: lines of others are not parsed.
    mark = printable.json(json.dumps(layer, ensure_ascii=False))
    return _sorted(home, [layer], lambda line: mark in line)[layer]


def read_wholes(home: Path, layers: Iterable[str]) -> dict[str, Measured]:
    """The plans and applies of layers, without their resources.

    Raises:
        ConfigError: The home can't be trusted.
    """
    return _sorted(home, layers, lambda line: _RESOURCE not in line)


def _sorted(home: Path, layers: Iterable[str], is_wanted: Callable[[str], bool]) -> dict[str, Measured]:
    private_folder.check(home)
    resources: dict[str, dict[Work, list[float]]] = {layer: {} for layer in layers}
    plans: dict[str, list[float]] = defaultdict(list)
    applies: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for line in _lines(home / FILENAME):
        entry = _parse(line) if is_wanted(line) else None
        if entry is None or entry.get("layer") not in resources:
            continue
        layer, seconds = entry["layer"], entry["seconds"]
        if entry["what"] == "resource":
            work = (str(entry.get("address")), str(entry.get("action")))
            resources[layer].setdefault(work, []).append(seconds)
        elif entry["what"] == "plan":
            plans[layer].append(seconds)
        elif entry["what"] == "apply":
            applies[layer].append((str(entry.get("shape")), seconds))
    return {
        layer: Measured(
            resources={work: samples[-KEPT:] for work, samples in of_layer.items()},
            plans=plans[layer][-KEPT:],
            applies=applies[layer][-KEPT_APPLIES:],
        )
        for layer, of_layer in resources.items()
    }


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    """The file, open to append to, and locked; the lock ends with it.

    Raises:
        OSError: Among others, somebody else has had the lock all the time.
    """
    while True:
        fd = private_folder.open_file(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        try:
            _lock(fd)
            if os.fstat(fd).st_ino == _inode(path):
                yield fd
                return
            # Whoever had the lock put another file in its place.
        finally:
            os.close(fd)


def _lock(fd: int) -> None:
    for _ in range(_TRIES - 1):
        with suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_PAUSE)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _inode(path: Path) -> int | None:
    with suppress(FileNotFoundError):
        return path.lstat().st_ino
    return None


def _thin(path: Path) -> None:
    """Leave the newest of each key, in their order; the file is whole at every moment."""
    kept: dict[Any, list[tuple[int, str]]] = defaultdict(list)
    for number, line in enumerate(_lines(path)):
        entry = _parse(line)
        if entry is not None:
            key = tuple(str(entry.get(name)) for name in ("layer", "what", "address", "action"))
            most = KEPT_APPLIES if entry["what"] == "apply" else KEPT
            kept[key] = [*kept[key], (number, line)][-most:]
    lines = sorted(item for items in kept.values() for item in items)
    private_folder.replace(path, "".join(f"{line}\n" for _, line in lines))


def _lines(path: Path) -> list[str]:
    try:
        return private_folder.read_text(path, errors="replace").split("\n")
    except OSError:
        return []


def _parse(line: str) -> dict[str, Any] | None:
    try:
        entry = payload.load(line)
        is_whole = isinstance(entry["what"], str) and math.isfinite(entry["seconds"]) and entry["seconds"] >= 0
    except (ValueError, TypeError, KeyError):
        return None
    return entry if is_whole else None
