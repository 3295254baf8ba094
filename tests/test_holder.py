from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from orchestrator.holder import Holder, Life, find_holder, note, who
from orchestrator.lock import Lock
from tests.estate import BUCKET, KEY, backend

if TYPE_CHECKING:
    from pathlib import Path

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LOCK = Lock(
    id="1",
    holder="me@laptop",
    operation="OperationTypeApply",
    terraform_version="1.11.4",
    created=CREATED,
    where="table acme-lock",
)
NONE_FOUND = "no Terraform process on this host works on this state, as far as can be seen"


class Machine:
    """A machine called laptop, and what runs on it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        self.folder = root / "terraform" / "prod" / "foundation"
        self.folder.mkdir(parents=True)
        self._processes: list[Any] = []
        monkeypatch.setattr("socket.gethostname", lambda: "laptop")
        monkeypatch.setattr("orchestrator.holder.who", lambda: "me@laptop")
        monkeypatch.setattr(psutil, "process_iter", lambda *_, **__: iter(self._processes))

    def runs(self, cwd: Path | str | None, *, pid: int = 4711, name: str = "terraform", **more: Any) -> None:
        info = {
            "name": name,
            "exe": more.get("exe", f"/usr/bin/{name}"),
            "cwd": None if cwd is None else str(cwd),
            "create_time": more.get("started", CREATED - timedelta(seconds=1)).timestamp(),
            "status": more.get("status", psutil.STATUS_SLEEPING),
        }
        self._processes.append(SimpleNamespace(pid=pid, info=info))

    def look(self, lock: Lock = LOCK, program: str = "terraform") -> Holder:
        return find_holder(lock, backend(), self.folder, program)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return Machine(monkeypatch, tmp_path.resolve())


def test_a_terraform_in_the_layers_folder_is_the_holder(machine: Machine) -> None:
    machine.runs(machine.folder)

    holder = machine.look()

    assert (holder.life, holder.pid, holder.is_running, holder.is_you) == (Life.RUNNING, 4711, True, True)
    assert holder.why == f"terraform runs in {machine.folder} since before the lock, pid 4711"


def test_where_none_is_found_that_is_evidence_and_no_proof(machine: Machine) -> None:
    holder = machine.look()

    assert (holder.life, holder.pid) == (Life.UNKNOWN, None)
    assert holder.why == NONE_FOUND


def test_a_folder_behind_a_link_is_the_same_folder(machine: Machine, tmp_path: Path) -> None:
    machine.runs(machine.folder)
    (tmp_path / "link").symlink_to(machine.folder)

    assert find_holder(LOCK, backend(), tmp_path / "link", "terraform").is_running


@pytest.mark.parametrize(
    "other",
    [
        {"name": "terraform-provider-aws_v5"},
        {"name": "bash"},
        {"status": psutil.STATUS_ZOMBIE},
        {"started": CREATED + timedelta(minutes=1)},
        {"cwd": "/elsewhere"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_what_can_not_be_the_holder_is_passed_over(other: dict[str, Any], machine: Machine) -> None:
    machine.runs(**{"cwd": machine.folder, **other})

    assert machine.look().why == NONE_FOUND


def test_clocks_that_differ_a_little_hide_nobody(machine: Machine) -> None:
    machine.runs(machine.folder, started=CREATED + timedelta(seconds=2))

    assert machine.look().is_running


def test_without_a_time_any_terraform_there_counts(machine: Machine) -> None:
    machine.runs(machine.folder, started=CREATED + timedelta(days=1))

    assert machine.look(replace(LOCK, created=None)).is_running


def test_a_terraform_by_another_name_is_found(machine: Machine) -> None:
    machine.runs(machine.folder, name="terraform-1.11")

    assert machine.look().why == NONE_FOUND
    assert machine.look(program="/opt/terraform-1.11").is_running


def test_a_terraform_in_another_clone_is_found_by_its_backend(machine: Machine, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    (clone / ".terraform").mkdir(parents=True)
    settings = {"backend": {"type": "s3", "config": {"bucket": BUCKET, "key": KEY}}}
    (clone / ".terraform" / "terraform.tfstate").write_text(json.dumps(settings))
    machine.runs(clone)

    assert machine.look().is_running

    settings["backend"]["config"] = {"bucket": BUCKET, "key": "another"}
    (clone / ".terraform" / "terraform.tfstate").write_text(json.dumps(settings))
    assert machine.look().why == NONE_FOUND


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"backend": {"config": {}}}'])
def test_a_folder_that_says_nothing_of_its_backend_is_another(text: str, machine: Machine, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    (clone / ".terraform").mkdir(parents=True)
    (clone / ".terraform" / "terraform.tfstate").write_text(text)
    machine.runs(clone)

    assert machine.look().why == NONE_FOUND


def test_a_rehearsal_holds_no_real_lock_although_it_names_the_same_state(machine: Machine, tmp_path: Path) -> None:
    copy = tmp_path / ".wealist" / "sandbox" / "work" / "terraform" / "prod" / "foundation"
    (copy / ".terraform").mkdir(parents=True)
    settings = {"backend": {"config": {"bucket": BUCKET, "key": KEY}}}
    (copy / ".terraform" / "terraform.tfstate").write_text(json.dumps(settings))
    machine.runs(copy)

    assert machine.look().why == NONE_FOUND
    assert find_holder(LOCK, backend(), copy, "terraform").is_running


def test_a_terraform_whose_folder_can_not_be_seen_is_not_taken_for_dead(machine: Machine) -> None:
    machine.runs(None)

    holder = machine.look()

    assert holder.life is Life.UNKNOWN
    assert holder.why == "1 Terraform runs on this host for somebody else: where can't be seen"


@pytest.mark.parametrize(("who_", "other"), [("me@desktop", "on desktop"), ("unknown", "somewhere")])
def test_of_another_machine_nothing_can_be_told(who_: str, other: str, machine: Machine) -> None:
    machine.runs(machine.folder)

    holder = machine.look(replace(LOCK, holder=who_))

    assert (holder.life, holder.is_you) == (Life.UNKNOWN, False)
    assert holder.why == f"it works {other}: can't be told from here (laptop)"


def test_a_lock_of_wealists_own_is_told_by_its_process(machine: Machine) -> None:
    mine = replace(LOCK, note=note("wealist state restore"), created=datetime.now(UTC))

    holder = machine.look(mine)

    assert (holder.life, holder.pid) == (Life.RUNNING, os.getpid())


@pytest.mark.parametrize("pid", [os.getpid(), 2147483646], ids=["came later", "not there"])
def test_a_process_that_came_later_or_is_gone_holds_nothing(pid: int, machine: Machine) -> None:
    here = note("wealist state mend").replace(str(os.getpid()), str(pid), 1)

    holder = machine.look(replace(LOCK, note=here))

    assert (holder.life, holder.why) == (Life.GONE, f"it was wealist with pid {pid}, which is gone")


@pytest.mark.parametrize("where", ["", " at 0123456789ab"], ids=["not said", "another start or container"])
def test_a_process_of_somewhere_else_is_not_taken_for_dead(where: str, machine: Machine) -> None:
    """A machine of the same name may be another one."""
    holder = machine.look(replace(LOCK, note=f"wealist state mend, pid 2147483646{where}"))

    assert holder.life is Life.UNKNOWN
    assert holder.why.startswith("wealist had pid 2147483646, which is not running here")


def test_this_user_is_written_as_terraform_writes_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "laptop")
    monkeypatch.setattr("pwd.getpwuid", lambda _: SimpleNamespace(pw_name="me"))
    assert who() == "me@laptop"

    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", nobody)
    assert who() == f"{os.getuid()}@laptop"


def test_the_holder_is_data_for_scripts(machine: Machine) -> None:
    machine.runs(machine.folder)

    assert machine.look().to_json() == {
        "life": "running",
        "why": f"terraform runs in {machine.folder} since before the lock, pid 4711",
        "is_you": True,
        "pid": 4711,
    }


def test_the_processes_of_this_very_machine_can_be_looked_through(tmp_path: Path) -> None:
    here = replace(LOCK, holder=who(), created=datetime.now(UTC))

    assert find_holder(here, backend(key="nobody/has/this"), tmp_path, "terraform").life is Life.UNKNOWN
