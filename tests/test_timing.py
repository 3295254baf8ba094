"""The history of durations: private, bounded, whole with several runs at once, and never in the way of a run."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import timing

if TYPE_CHECKING:
    from pathlib import Path


def resource(number: float, address: str = "aws_db_instance.this", layer: str = "prod/foundation") -> dict[str, Any]:
    return {"layer": layer, "what": "resource", "address": address, "action": "create", "seconds": number}


def samples(home: Path, address: str = "aws_db_instance.this") -> list[float]:
    return list(timing.read(home, "prod/foundation").resources.get((address, "create"), ()))


def test_what_was_measured_is_read_back_by_layer(tmp_path: Path) -> None:
    timing.append(tmp_path, [resource(512.0), {"layer": "prod/foundation", "what": "plan", "seconds": 14.2}])
    timing.append(tmp_path, [resource(498.0), resource(7.0, layer="prod/compute")])
    timing.append(tmp_path, [{"layer": "prod/foundation", "what": "apply", "shape": "5f", "seconds": 871.9}])

    measured = timing.read(tmp_path, "prod/foundation")
    assert dict(measured.resources) == {("aws_db_instance.this", "create"): [512.0, 498.0]}
    assert (measured.plans, measured.applies) == ([14.2], [("5f", 871.9)])
    wholes = timing.read_wholes(tmp_path, ["prod/foundation", "prod/new"])
    assert (wholes["prod/foundation"].plans, wholes["prod/foundation"].resources) == ([14.2], {})
    assert wholes["prod/new"].plans == []


def test_the_file_is_private(tmp_path: Path) -> None:
    timing.append(tmp_path, [resource(1.0)])

    assert [path.name for path in tmp_path.iterdir()] == ["durations.jsonl"]
    assert (tmp_path / "durations.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_line_that_was_cut_short_costs_that_line(tmp_path: Path) -> None:
    (tmp_path / "durations.jsonl").write_text(json.dumps(resource(1.0)) + '\n{"layer": "prod/foundation", "wh')

    assert samples(tmp_path) == [1.0]
    timing.append(tmp_path, [resource(2.0)])
    assert samples(tmp_path) == [1.0, 2.0]


@pytest.mark.parametrize("seconds", ['"soon"', "NaN", "-1", "null"])
def test_what_is_no_number_of_seconds_is_passed_over(tmp_path: Path, seconds: str) -> None:
    line = json.dumps(resource(1.0)).replace("1.0", seconds)
    (tmp_path / "durations.jsonl").write_text(f"{line}\n[]\n7\n{json.dumps(resource(2.0))}\n")

    assert samples(tmp_path) == [2.0]


def test_only_the_newest_count(tmp_path: Path) -> None:
    timing.append(tmp_path, [resource(float(number)) for number in range(30)])

    assert samples(tmp_path) == [float(number) for number in range(20, 30)]


def test_the_file_is_thinned_as_it_grows_and_stays_private(tmp_path: Path) -> None:
    timing.append(tmp_path, [resource(5.0, "aws_s3_bucket.rare")])
    for start in range(0, 20000, 100):
        timing.append(tmp_path, [resource(float(start + number)) for number in range(100)])

    path = tmp_path / "durations.jsonl"
    assert path.stat().st_size < 300_000
    assert path.stat().st_mode & 0o777 == 0o600
    assert samples(tmp_path) == [float(number) for number in range(19990, 20000)]
    assert samples(tmp_path, "aws_s3_bucket.rare") == [5.0]
    assert [path.name for path in tmp_path.iterdir()] == ["durations.jsonl"]


def _many(home: Path, who: int) -> None:
    for start in range(0, 3000, 50):
        timing.append(home, [resource(1.0, f"a.b[{start}]") for _ in range(49)])
        timing.append(home, [resource(float(start), f"by.{who}")])


def test_several_runs_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    runs = [context.Process(target=_many, args=(tmp_path, who)) for who in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()

    assert [run.exitcode for run in runs] == [0, 0, 0]
    for who in range(3):
        assert samples(tmp_path, f"by.{who}") == [float(start) for start in range(2500, 3000, 50)]
    for line in (tmp_path / "durations.jsonl").read_text().splitlines():
        json.loads(line)


def test_a_lock_that_is_held_for_good_costs_the_history_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "_PAUSE", 0.0001)
    timing.append(tmp_path, [resource(1.0)])

    with (tmp_path / "durations.jsonl").open("rb") as held:
        # Another open file is another holder, also in one process. A wait without an end would be a hanging test.
        fcntl.flock(held, fcntl.LOCK_EX)
        adding = multiprocessing.get_context("fork").Process(target=timing.append, args=(tmp_path, [resource(2.0)]))
        adding.start()
        adding.join(10.0)
        is_waiting = adding.is_alive()
        adding.kill()
        adding.join()

    assert not is_waiting
    assert samples(tmp_path) == [1.0]


def test_a_disk_that_is_full_costs_the_history_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timing.append(tmp_path, [resource(1.0)])

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("orchestrator.timing.os.write", full)
        timing.append(tmp_path, [resource(2.0)])

    assert samples(tmp_path) == [1.0]


def test_a_folder_that_is_not_there_is_no_history(tmp_path: Path) -> None:
    timing.append(tmp_path / "none", [resource(1.0)])

    assert samples(tmp_path / "none") == []
