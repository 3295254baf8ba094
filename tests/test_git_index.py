from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from orchestrator import git_index
from orchestrator.errors import ConfigError
from tests.fakes import FakeRunner

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.process import Command, Completed


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A `.wealist` in a folder of a repository."""
    subprocess.run(["git", "init", "-q", tmp_path / "repository"], check=True)
    home = tmp_path / "repository" / "infra" / ".wealist"
    home.mkdir(parents=True)
    return home


def add(home: Path) -> None:
    subprocess.run(["git", "add", "-f", "."], cwd=home.parent, check=True)


def test_a_tracked_file_is_named_with_the_way_out(home: Path, environ: dict[str, str]) -> None:
    (home / "planted").symlink_to("/")
    add(home)

    with pytest.raises(ConfigError, match="git tracks this") as caught:
        git_index.refuse_tracked(home, environ)

    assert str(home / "planted") in caught.value.message
    assert f"git rm -r --cached -- {home}" in (caught.value.hint or "")


def test_what_git_does_not_track_is_no_matter(home: Path, environ: dict[str, str]) -> None:
    (home.parent / "main.tf").touch()
    add(home)
    (home / "ledger.jsonl").touch()

    git_index.refuse_tracked(home, environ)


def test_git_starts_no_program_that_the_repository_names(home: Path, environ: dict[str, str]) -> None:
    (home / "planted").touch()
    add(home)
    script = home.parent / "monitor.sh"
    script.write_text(f"#!/bin/sh\ntouch {home.parent / 'was-run'}\n")
    script.chmod(0o755)
    subprocess.run(["git", "config", "core.fsmonitor", str(script)], cwd=home.parent, check=True)

    with pytest.raises(ConfigError):
        git_index.refuse_tracked(home, environ)

    assert not (home.parent / "was-run").exists()


def test_a_git_of_the_projects_own_is_not_run(
    home: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (home.parent / "git").write_text(f"#!/bin/sh\ntouch {home.parent / 'was-run'}\n")
    (home.parent / "git").chmod(0o755)
    monkeypatch.chdir(home.parent)

    for path in ("", ".", ":", f".:{environ['PATH']}"):
        git_index.refuse_tracked(home, {"PATH": path})

    assert not (home.parent / "was-run").exists()


class NoRunner(FakeRunner):
    def __call__(self, command: Command, **_: object) -> Completed:
        raise AssertionError(command)


def test_git_is_not_started_where_there_is_no_repository_or_no_folder(
    tmp_path: Path, home: Path, environ: dict[str, str]
) -> None:
    (tmp_path / ".wealist").mkdir()
    home.rmdir()

    for folder in (tmp_path / ".wealist", home):
        git_index.refuse_tracked(folder, environ, runner=NoRunner())
