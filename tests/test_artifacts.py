from __future__ import annotations

import json
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import testinfra

from orchestrator import artifacts
from orchestrator.redaction import Redactor
from tests.fakes import CANARY

if TYPE_CHECKING:
    from pathlib import Path

HOST = testinfra.get_host("local://")


def mode(path: Path) -> int:
    found: int = HOST.file(str(path)).mode
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / ".wealist"


def test_everything_is_for_the_owner_alone(home: Path) -> None:
    with artifacts.run_folder(home, Redactor()) as run:
        run.write(run.variables_file("prod/foundation"), "password = 1")
        run.log("line\n")
        run.write_report({"exit_code": 0})
        plan = run.plan_file("prod/foundation")

        assert mode(home) == 0o700
        assert mode(home / "runs") == 0o700
        assert mode(run.path) == 0o700
        assert mode(plan.parent) == 0o700
        assert mode(run.variables_file("prod/foundation")) == 0o600
        assert mode(run.path / "events.jsonl") == 0o600
        assert mode(run.path / "report.json") == 0o600
    artifacts.append_to_ledger(home, {"event": "finished"}, Redactor())
    assert mode(home / "ledger.jsonl") == 0o600


def test_a_home_that_others_can_read_is_made_private(home: Path) -> None:
    home.mkdir(mode=0o755)

    artifacts.prepare_home(home)

    assert mode(home) == 0o700


def test_the_home_keeps_itself_out_of_git_and_leaves_a_changed_file_alone(home: Path) -> None:
    artifacts.prepare_home(home)
    assert (home / ".gitignore").read_text() == "*\n"

    (home / ".gitignore").write_text("*\n!ledger.jsonl\n")
    artifacts.prepare_home(home)

    assert (home / ".gitignore").read_text() == "*\n!ledger.jsonl\n"


def test_plans_and_variables_are_gone_when_the_run_is_over(home: Path) -> None:
    with artifacts.run_folder(home, Redactor()) as run:
        run.plan_file("prod/foundation").write_bytes(CANARY.encode())
        run.write(run.variables_file("prod/foundation"), CANARY)
        run.log("kept")

    assert sorted(path.name for path in run.path.iterdir()) == ["alive", "events.jsonl"]


def test_plans_are_gone_when_an_exception_ends_the_run(home: Path) -> None:
    def go() -> None:
        with artifacts.run_folder(home, Redactor()) as run:
            run.plan_file("prod/foundation").write_bytes(b"plan")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go()

    assert not list(home.rglob("tfplan"))


def test_the_plan_of_a_run_that_was_killed_is_removed_by_the_next(home: Path) -> None:
    killed = home / "runs" / "20260101T000000Z-000000" / "volatile" / "prod--foundation"
    killed.mkdir(parents=True)
    (killed / "tfplan").write_bytes(b"plan")
    (killed.parent.parent / "alive").touch()

    with artifacts.run_folder(home, Redactor()):
        pass

    assert not killed.parent.exists()
    assert killed.parent.parent.exists()


def test_the_plan_of_a_run_that_still_goes_on_stays(home: Path) -> None:
    with artifacts.run_folder(home, Redactor()) as first:
        plan = first.plan_file("prod/foundation")
        plan.write_bytes(b"plan")
        with artifacts.run_folder(home, Redactor()):
            pass

        assert plan.exists()


def test_old_runs_are_thinned_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "KEPT_RUNS", 3)
    runs = home / "runs"
    for day in range(1, 6):
        (runs / f"2026010{day}T000000Z-000000").mkdir(parents=True)

    with artifacts.run_folder(home, Redactor()) as run:
        pass

    assert sorted(path.name for path in runs.iterdir()) == [
        "20260104T000000Z-000000",
        "20260105T000000Z-000000",
        run.run_id,
    ]


def test_two_runs_never_share_a_folder(home: Path) -> None:
    with artifacts.run_folder(home, Redactor()) as one, artifacts.run_folder(home, Redactor()) as other:
        assert one.path != other.path


def test_two_layers_of_one_run_have_a_plan_each(home: Path) -> None:
    with artifacts.run_folder(home, Redactor()) as run:
        assert run.plan_file("prod/foundation") != run.plan_file("prod/compute")
        assert run.plan_file("prod/foundation").parent.parent == run.plan_file("prod/compute").parent.parent


def test_what_stays_is_redacted(home: Path) -> None:
    with artifacts.run_folder(home, Redactor([CANARY])) as run:
        run.log(f'{{"@message": "{CANARY}"}}\n')
        run.write_report({"error": CANARY})

    assert json.loads((run.path / "events.jsonl").read_text()) == {"@message": "(redacted)"}
    assert json.loads((run.path / "report.json").read_text()) == {"error": "(redacted)"}


def test_a_secret_learnt_late_is_taken_out_of_the_log_again(home: Path) -> None:
    redact = Redactor()
    with artifacts.run_folder(home, redact) as run:
        run.log(f"early {CANARY}")
        redact.add([CANARY])
        run.log("late")

    assert (run.path / "events.jsonl").read_text() == "early (redacted)\nlate\n"
    assert mode(run.path / "events.jsonl") == 0o600


def test_a_variables_file_is_private_even_where_one_was_there(home: Path) -> None:
    with artifacts.run_folder(home, Redactor()) as run:
        path = run.variables_file("prod/foundation")
        run.write(path, "a = 1, and more of it")
        run.write(path, "a = 2")

        assert path.read_text() == "a = 2"


def test_the_ledger_is_read_back_in_order_with_times(home: Path) -> None:
    artifacts.prepare_home(home)
    for number in range(3):
        artifacts.append_to_ledger(home, {"event": "finished", "number": number}, Redactor())

    entries = artifacts.read_ledger(home)
    assert [entry["number"] for entry in entries] == [0, 1, 2]
    assert [entry["time"] for entry in entries] == sorted(entry["time"] for entry in entries)


def test_the_ledger_holds_no_secret(home: Path) -> None:
    artifacts.prepare_home(home)
    artifacts.append_to_ledger(home, {"error": f"bad {CANARY}"}, Redactor([CANARY]))

    assert artifacts.read_ledger(home)[0]["error"] == "bad (redacted)"


def test_an_entry_is_on_the_disk_before_anything_else_happens(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr("os.fsync", lambda fd: synced.append(os.pread(fd, 1000, 0).decode()))
    artifacts.prepare_home(home)

    artifacts.append_to_ledger(home, {"event": "apply-started"}, Redactor())

    assert synced == [(home / "ledger.jsonl").read_text()]


def test_no_ledger_is_an_empty_one(home: Path) -> None:
    assert artifacts.read_ledger(home) == []


def test_a_last_line_that_a_crash_cut_short_is_left_out(home: Path) -> None:
    artifacts.prepare_home(home)
    artifacts.append_to_ledger(home, {"event": "finished"}, Redactor())
    with (home / "ledger.jsonl").open("a") as ledger:
        ledger.write('{"time": "2026-01-02", "ev')

    assert [entry["event"] for entry in artifacts.read_ledger(home)] == ["finished"]


def test_an_entry_after_a_line_that_was_cut_short_is_not_lost(home: Path) -> None:
    artifacts.prepare_home(home)
    (home / "ledger.jsonl").write_text('{"time": "2026-01-02", "ev')
    artifacts.append_to_ledger(home, {"event": "finished"}, Redactor())

    assert [entry["event"] for entry in artifacts.read_ledger(home)] == ["finished"]


def test_a_line_separator_inside_a_value_does_not_split_the_line(home: Path) -> None:
    artifacts.prepare_home(home)
    artifacts.append_to_ledger(home, {"error": "one\u2028two\x85three"}, Redactor())

    assert [entry["error"] for entry in artifacts.read_ledger(home)] == ["one\u2028two\x85three"]


def _append_many(home: Path, writer: int) -> None:
    for number in range(50):
        artifacts.append_to_ledger(home, {"writer": writer, "number": number, "text": "x" * 5000}, Redactor())


def _whole(entries: list[dict[str, Any]], writers: int) -> bool:
    return sorted((entry["writer"], entry["number"]) for entry in entries) == [
        (writer, number) for writer in range(writers) for number in range(50)
    ]


def test_lines_are_whole_however_many_threads_write(home: Path) -> None:
    artifacts.prepare_home(home)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda writer: _append_many(home, writer), range(4)))

    assert _whole(artifacts.read_ledger(home), 4)


def test_lines_are_whole_however_many_processes_write(home: Path) -> None:
    artifacts.prepare_home(home)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(home, writer)) for writer in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [writer.exitcode for writer in writers] == [0, 0]
    assert _whole(artifacts.read_ledger(home), 2)
