from __future__ import annotations

import fcntl
import json
from typing import TYPE_CHECKING

import pytest
import testinfra

from orchestrator import artifacts, ledger, private_folder
from orchestrator.errors import ConfigError
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
    ledger.append(home, {"event": "finished"}, Redactor())
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


def test_what_a_killed_run_left_in_the_clear_is_removed_by_the_next_command_that_writes_here(home: Path) -> None:
    killed = home / "runs" / "20260101T000000Z-000000" / "volatile" / "prod--foundation"
    killed.mkdir(parents=True)
    (killed / "tfplan").write_bytes(b"plan")
    for name in ("alive", "events.jsonl", "terraform.log"):
        (killed.parent.parent / name).write_text(CANARY)

    artifacts.prepare_home(home)

    assert [path.name for path in killed.parent.parent.iterdir()] == ["alive"]


def test_the_log_of_a_run_that_ended_stays(home: Path) -> None:
    with artifacts.run_folder(home, Redactor()) as run:
        run.log("line")

    artifacts.prepare_home(home)

    assert (run.path / "events.jsonl").read_text() == "line\n"


@pytest.mark.parametrize("place", ["", "runs", "runs/20260101T000000Z-000000", "ledger.jsonl"])
def test_a_run_starts_in_no_folder_that_a_link_leads_out_of(home: Path, tmp_path: Path, place: str) -> None:
    outside = tmp_path / "outside"
    for number in range(60):
        (outside / f"project{number}").mkdir(parents=True)
    outside.chmod(0o755)
    if place:
        artifacts.prepare_home(home)
        private_folder.remove(home / "runs")
        (home / place).parent.mkdir(exist_ok=True)
    (home / place).symlink_to(outside)

    with pytest.raises(ConfigError, match="this is a link") as caught, artifacts.run_folder(home, Redactor()):
        pass

    assert str(home / place) in str(caught.value)
    assert caught.value.exit_code == 64
    assert len(list(outside.iterdir())) == 60
    assert mode(outside) == 0o755


def test_a_link_in_place_of_a_killed_runs_secrets_is_not_followed(home: Path, tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("keep")
    killed = artifacts.prepare_home(home) / "runs" / "20260101T000000Z-000000"
    killed.mkdir()
    (killed / "alive").touch()
    (killed / "volatile").symlink_to(tmp_path)

    with artifacts.run_folder(home, Redactor()):
        pass

    assert (tmp_path / "precious.txt").read_text() == "keep"


def test_an_id_from_a_file_leads_to_no_other_folder(home: Path, tmp_path: Path) -> None:
    artifacts.prepare_home(home)
    with (tmp_path / "alive").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        assert not artifacts.is_alive(home, "../..")


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
        (runs / f"2026010{day}T000000Z-000000" / "alive").touch()

    with artifacts.run_folder(home, Redactor()) as run:
        pass

    assert sorted(path.name for path in runs.iterdir()) == [
        "20260104T000000Z-000000",
        "20260105T000000Z-000000",
        run.run_id,
    ]


def test_only_what_a_run_has_made_is_thinned_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "KEPT_RUNS", 1)
    runs = artifacts.prepare_home(home) / "runs"
    others = ["20260101T000000Z-000000", "notes", "0000"]
    for name in others:
        (runs / name).mkdir()
        (runs / name / "precious.txt").write_text("keep")
    (runs / "notes" / "alive").touch()

    with artifacts.run_folder(home, Redactor()):
        pass

    assert sorted(path.parent.name for path in runs.glob("*/precious.txt")) == sorted(others)


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


def test_two_that_look_at_once_do_not_take_each_other_for_the_run(tmp_path: Path) -> None:
    run_id = "20260101T000000Z-000000"
    folder = artifacts.prepare_home(tmp_path) / "runs" / run_id
    folder.mkdir()
    (folder / "alive").touch()
    with (folder / "alive").open("r") as other:
        fcntl.flock(other, fcntl.LOCK_SH)

        assert not artifacts.is_alive(tmp_path, run_id)
