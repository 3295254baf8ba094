"""The ledger: what was ever done to the layers from here, one JSON object a line, append-only.

    run-started      a run begins: its layers in order, and its options; with what it resumes or rotates, where it does
    apply-started    an apply begins: layer, plan digest, the state's serial
    finished         a layer's part of a run is over: its `LayerResult.summary()`, and the digest of its inputs
    run-finished     the run is over: its exit code
    restored         an earlier version of a layer's state was brought back: which, and in place of which
    mended           the digest in the lock table was set right: the new one, and the one before
    unlocked         a lock was broken: whose
    own-lock-released   a lock that Terraform took and left itself was removed: which
    rotated          a secret has a new value, accepted beside the one before: which, its version and the one before
    rotation-ended   the value before is accepted no more: which secret, its version, the version that was retired

It says what this machine did, not what others did; the state object says where a layer stands. An apply that was started
and never finished was killed. Every line is on the disk before the run goes on.

Every line has the schema that it was written in. A key that is new needs no other number: older lines lack it, and whoever
reads it has a default. What wealist could misunderstand needs one, and is refused where it matters.

What people wrote or will read is redacted: error messages, hints, the values of variables. What wealist reads again is not.
An id or an outcome with `(redacted)` in it would be no longer found, because a secret somewhere is the word `foundation`.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchestrator import payload, printable, private_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from orchestrator.redaction import Redactor

FILENAME = "ledger.jsonl"
SCHEMA = 1
# Keys below which there is free text, wherever they stand in an entry.
_FREE_TEXT = frozenset({"error", "values"})


def append(home: Path, entry: Mapping[str, Any], redact: Redactor) -> None:
    """Add one line to `ledger.jsonl`, in one write, on the disk before this returns.

    A line is written whole or not at all by any number of runs at once (O_APPEND, one write).

    Raises:
        OSError: It could not be written, or only a part of it: the disk is full.
    """
    stamped = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "schema": SCHEMA, **entry}
    line = printable.json(json.dumps(_redacted(stamped, redact), ensure_ascii=False)) + "\n"
    fd = private_folder.open_file(home / FILENAME, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    try:
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":
            # A crash cut the last line short; it must not take this one with it.
            line = f"\n{line}"
        raw = line.encode()
        if os.write(fd, raw) < len(raw):
            raise OSError(errno.ENOSPC, "only a part of the line could be written", str(home / FILENAME))
        os.fsync(fd)
    finally:
        os.close(fd)


def _redacted(value: Any, redact: Redactor) -> Any:
    if isinstance(value, (list, tuple)):
        return [_redacted(item, redact) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {key: redact.data(item) if key in _FREE_TEXT else _redacted(item, redact) for key, item in value.items()}


def read(home: Path) -> list[dict[str, Any]]:
    """Every entry, oldest first; a last line cut short by a crash is left out.

    Raises:
        ConfigError: The home can't be trusted.
    """
    private_folder.check(home)
    try:
        # Not splitlines(): it also splits at characters that JSON leaves as they are.
        lines = private_folder.read_text(home / FILENAME).split("\n")
    except FileNotFoundError:
        return []
    entries = []
    for line in lines:
        with suppress(ValueError):
            entry = payload.load(line)
            if isinstance(entry, dict):
                entries.append(entry)
    return entries


def last_apply(entries: Iterable[Mapping[str, Any]], *, target: str, layer: str) -> Mapping[str, Any] | None:
    """How the layer's last apply ended: its `finished` entry, or its `apply-started` where it never did.

    A plan is passed over, since it changes nothing. An `up` that found nothing to change left the layer whole, whatever was
    before; one of a part of the layer says nothing of the rest.
    """
    last: Mapping[str, Any] | None = None
    begun: Mapping[str, Any] | None = None
    for entry in entries:
        if entry.get("target") != target or entry.get("layer") != layer:
            continue
        if entry.get("event") == "apply-started":
            begun = entry
            last = last if entry.get("partial") and is_incomplete(last) else entry
        elif entry.get("event") == "finished":
            is_end = begun is not None and begun.get("run_id") == entry.get("run_id")
            is_whole = not entry.get("partial")
            if (is_end and (is_whole or is_incomplete(entry) or not is_incomplete(last) or last is begun)) or (
                last is not None and is_whole and (entry.get("command"), entry.get("outcome")) == ("up", "no-changes")
            ):
                last = entry
    return last


def is_incomplete(entry: Mapping[str, Any] | None) -> bool:
    """Whether that apply left the layer half-way: it failed, was interrupted, or was killed.

    Any other end is of a run that had applied one plan whole, and was stopped at the next.
    """
    return entry is not None and entry.get("outcome") in (None, "failed", "interrupted")
