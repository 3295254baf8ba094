"""The ledger: every line whole, private, redacted and on the disk."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import artifacts, ledger
from orchestrator.redaction import Redactor
from tests.fakes import CANARY

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / ".wealist"


def test_the_ledger_is_read_back_in_order_with_times(home: Path) -> None:
    artifacts.prepare_home(home)
    for number in range(3):
        ledger.append(home, {"event": "finished", "number": number}, Redactor())

    entries = ledger.read(home)
    assert [entry["number"] for entry in entries] == [0, 1, 2]
    assert [entry["time"] for entry in entries] == sorted(entry["time"] for entry in entries)


def test_the_ledger_holds_no_secret(home: Path) -> None:
    artifacts.prepare_home(home)
    error = {"message": f"bad {CANARY}", "hint": f"try {CANARY}"}
    entry = {
        "error": error,
        "options": {"values": {"url": f"postgres://{CANARY}@db"}},
        "done": {"prod/foundation": {"error": error}},
    }
    ledger.append(home, entry, Redactor([CANARY]))

    masked = {"message": "bad (redacted)", "hint": "try (redacted)"}
    (kept,) = ledger.read(home)
    assert CANARY not in (home / "ledger.jsonl").read_text()
    assert (kept["error"], kept["done"]) == (masked, {"prod/foundation": {"error": masked}})
    assert kept["options"] == {"values": {"url": "postgres://(redacted)@db"}}


@pytest.mark.parametrize("secret", ["foundation", "failed", "finished", "sha256:abc", "aws_db_instance"])
def test_a_secret_that_is_a_word_of_ours_hides_nothing_that_is_read_again(home: Path, secret: str) -> None:
    artifacts.prepare_home(home)
    done = {"prod/foundation": {**FAILED, "inputs": "sha256:abc"}}
    entries = [
        {**STARTED, "plan_digest": "sha256:abc"},
        FAILED,
        {"event": "run-started", "layers": ["prod/foundation"], "options": {"replace": ["aws_db_instance.this"]}},
        {"event": "run-started", "done": done},
    ]
    for entry in entries:
        ledger.append(home, entry, Redactor([secret]))

    read = ledger.read(home)

    assert [{key: entry[key] for key in wrote} for entry, wrote in zip(read, entries, strict=True)] == entries
    assert ledger.is_incomplete(ledger.last_apply(read, target="aws", layer="prod/foundation"))


def test_an_entry_is_on_the_disk_before_anything_else_happens(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr("os.fsync", lambda fd: synced.append(os.pread(fd, 1000, 0).decode()))
    artifacts.prepare_home(home)

    ledger.append(home, {"event": "apply-started"}, Redactor())

    assert synced == [(home / "ledger.jsonl").read_text()]


def test_every_line_has_the_schema_that_it_was_written_in(home: Path) -> None:
    artifacts.prepare_home(home)
    ledger.append(home, {"event": "finished"}, Redactor())

    assert [entry["schema"] for entry in ledger.read(home)] == [1]


def test_a_line_that_is_not_written_whole_is_no_success(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up takes what fits, and only the next write fails."""
    artifacts.prepare_home(home)
    write = os.write
    with monkeypatch.context() as full:
        full.setattr("os.write", lambda fd, raw: write(fd, raw[:20]))
        with pytest.raises(OSError, match="only a part of the line") as caught:
            ledger.append(home, {"event": "apply-started"}, Redactor())
    ledger.append(home, {"event": "finished"}, Redactor())

    assert caught.value.filename == str(home / "ledger.jsonl")
    assert [entry["event"] for entry in ledger.read(home)] == ["finished"]


def test_no_ledger_is_an_empty_one(home: Path) -> None:
    assert ledger.read(home) == []


def test_a_last_line_that_a_crash_cut_short_is_left_out(home: Path) -> None:
    artifacts.prepare_home(home)
    ledger.append(home, {"event": "finished"}, Redactor())
    with (home / "ledger.jsonl").open("a") as file:
        file.write('{"time": "2026-01-02", "ev')

    assert [entry["event"] for entry in ledger.read(home)] == ["finished"]


def test_an_entry_after_a_line_that_was_cut_short_is_not_lost(home: Path) -> None:
    artifacts.prepare_home(home)
    (home / "ledger.jsonl").write_text('{"time": "2026-01-02", "ev')
    ledger.append(home, {"event": "finished"}, Redactor())

    assert [entry["event"] for entry in ledger.read(home)] == ["finished"]


def test_a_line_separator_inside_a_value_does_not_split_the_line(home: Path) -> None:
    artifacts.prepare_home(home)
    ledger.append(home, {"error": "one\u2028two\x85three"}, Redactor())

    assert [entry["error"] for entry in ledger.read(home)] == ["one\u2028two\x85three"]


def _append_many(home: Path, writer: int) -> None:
    for number in range(50):
        ledger.append(home, {"writer": writer, "number": number, "text": "x" * 5000}, Redactor())


def _whole(entries: list[dict[str, Any]], writers: int) -> bool:
    return sorted((entry["writer"], entry["number"]) for entry in entries) == [
        (writer, number) for writer in range(writers) for number in range(50)
    ]


def test_lines_are_whole_however_many_threads_write(home: Path) -> None:
    artifacts.prepare_home(home)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda writer: _append_many(home, writer), range(4)))

    assert _whole(ledger.read(home), 4)


def test_lines_are_whole_however_many_processes_write(home: Path) -> None:
    artifacts.prepare_home(home)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(home, writer)) for writer in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [writer.exitcode for writer in writers] == [0, 0]
    assert _whole(ledger.read(home), 2)


def _entry(event: str, run: str, **more: Any) -> dict[str, Any]:
    return {"event": event, "run_id": run, "target": "aws", "layer": "prod/foundation", **more}


STARTED = _entry("apply-started", "1")
FAILED = _entry("finished", "1", outcome="failed")
PART = _entry("apply-started", "2", partial=True)


@pytest.mark.parametrize(
    ("entries", "is_incomplete"),
    [
        ([], False),
        ([STARTED, _entry("finished", "1", outcome="applied")], False),
        ([STARTED, _entry("finished", "1", outcome="failed")], True),
        ([STARTED, _entry("finished", "1", outcome="interrupted")], True),
        ([STARTED], True),  # killed
        ([_entry("finished", "1", outcome="failed")], False),  # the plan failed; nothing was touched
        # A plan that finds nothing may have been made with other values.
        ([STARTED, FAILED, _entry("finished", "2", command="plan", outcome="no-changes")], True),
        ([STARTED, FAILED, _entry("finished", "2", command="up", outcome="no-changes")], False),
        ([STARTED, _entry("finished", "2", command="up", outcome="no-changes")], False),
        # A part of the layer says nothing of the rest.
        ([STARTED, FAILED, _entry("finished", "2", command="up", outcome="no-changes", partial=True)], True),
        ([STARTED, FAILED, PART, _entry("finished", "2", outcome="applied", partial=True)], True),
        ([PART, _entry("finished", "2", outcome="applied", partial=True)], False),
        ([PART, _entry("finished", "2", outcome="failed", partial=True)], True),
        ([PART], True),
        ([STARTED, _entry("apply-started", "2"), _entry("finished", "2", outcome="applied")], False),
        ([{**STARTED, "layer": "prod/other"}], False),
        ([{**STARTED, "target": "sandbox"}], False),
    ],
)
def test_an_apply_that_did_not_end_well_leaves_the_layer_incomplete(
    entries: list[dict[str, Any]], *, is_incomplete: bool
) -> None:
    last = ledger.last_apply(entries, target="aws", layer="prod/foundation")

    assert ledger.is_incomplete(last) is is_incomplete
