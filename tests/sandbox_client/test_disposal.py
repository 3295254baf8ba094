from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import ConfigError, SandboxError
from orchestrator.sandbox import control, target

if TYPE_CHECKING:
    from pathlib import Path

KEPT = {
    ".gitignore": "*",
    "durations.jsonl": "kept",
    "plugins/registry.terraform.io/hashicorp/aws/x": "kept",
    "runs/1/report.json": "kept",
    "runs/1/events.jsonl": "kept",
    "runs/2/alive": "",
    "mine.txt": "kept",
}
GONE = (
    "server.json",
    "setup.json",
    "terraform.rc",
    "aws-credentials",
    "copied.json",
    "server.log",
    ".setup.json.4711",
    ".terraform.rc.4711.new",
    "work/terraform/dev/x/x.auto.tfvars",
    "work/terraform/dev/x/.terraform/terraform.tfstate",
    "work/terraform/dev/x/errored.tfstate",
    "home/.netrc",
    "runs/1/volatile/dev--x/set.tfvars",
    "runs/1/volatile/dev--x/tfplan",
    "runs/1/terraform.log",
    "runs/2/volatile/dev--x/tfplan",
    "runs/2/events.jsonl",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "estate"
    for name, text in {**KEPT, **dict.fromkeys(GONE, "hunter2")}.items():
        path = root / ".wealist" / "sandbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(".lock")
    }


def test_a_stopped_sandbox_leaves_nothing_that_tells_of_it(root: Path) -> None:
    assert target.stop_sandbox(root) is False

    assert files(root / ".wealist" / "sandbox") == KEPT


def test_it_is_stopped_before_anything_is_removed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def stop(home: Path) -> bool:
        seen.append((home / "server.json").exists())
        return True

    monkeypatch.setattr(control, "stop", stop)

    assert target.stop_sandbox(root) is True
    assert seen == [True]


def test_nothing_is_removed_of_one_that_does_not_end(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_home: Path) -> bool:
        raise SandboxError("the sandbox (pid 1) does not stop")

    monkeypatch.setattr(control, "stop", stop)

    with pytest.raises(SandboxError):
        target.stop_sandbox(root)

    assert files(root / ".wealist" / "sandbox").keys() == {*KEPT, *GONE}


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """Somebody's folder, with names in it that a sandbox's folder has."""
    victim = tmp_path / "victim"
    (victim / "volatile").mkdir(parents=True)
    for path in ("volatile/tfplan", "events.jsonl", "terraform.log"):
        (victim / path).write_text("somebody's")
    return victim


@pytest.mark.parametrize("name", ["work", "home", "runs", "runs/1", "server.log"])
def test_a_link_in_place_of_one_is_refused(name: str, root: Path, victim: Path, tmp_path: Path) -> None:
    before = files(victim)
    link = root / ".wealist" / "sandbox" / name
    link.rename(tmp_path / "aside")
    link.symlink_to(victim)

    with pytest.raises(ConfigError, match=f"{name}: this is a link"):
        target.stop_sandbox(root)

    assert files(victim) == before


@pytest.mark.parametrize("name", ["work/terraform", "home/.netrc", "runs/1/volatile", "runs/1/volatile/dev--x"])
def test_a_link_further_down_is_removed_and_not_followed(name: str, root: Path, victim: Path, tmp_path: Path) -> None:
    before = files(victim)
    link = root / ".wealist" / "sandbox" / name
    link.rename(tmp_path / "aside")
    link.symlink_to(victim)

    target.stop_sandbox(root)

    assert files(victim) == before
    assert not link.is_symlink()


@pytest.mark.parametrize("name", [".wealist", ".wealist/sandbox"])
def test_nothing_is_done_through_a_link_on_the_way(name: str, root: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (root / name).rename(victim)
    (root / name).symlink_to(victim)
    before = files(victim)

    with pytest.raises(ConfigError, match=f"{name}: this is a link"):
        target.stop_sandbox(root)

    assert files(victim) == before


def test_where_there_is_none_nothing_is_made(tmp_path: Path) -> None:
    assert target.stop_sandbox(tmp_path) is False

    assert list(tmp_path.iterdir()) == []
