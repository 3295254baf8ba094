from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from orchestrator import private_folder
from orchestrator.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / ".wealist"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_home_is_made_private_whatever_the_umask(home: Path) -> None:
    before = os.umask(0)
    try:
        private_folder.prepare(home / "sandbox")
    finally:
        os.umask(before)

    for folder in (home, home / "runs", home / "sandbox", home / "sandbox" / "runs"):
        assert mode(folder) == 0o700
    assert mode(home / ".made-by-wealist") == mode(home / ".gitignore") == 0o600


def test_preparing_twice_is_preparing_once(home: Path) -> None:
    private_folder.prepare(home)
    (home / "ledger.jsonl").write_text("kept")

    private_folder.prepare(home)

    assert (home / "ledger.jsonl").read_text() == "kept"


def test_a_home_of_an_earlier_version_is_marked_once(home: Path) -> None:
    (home / "runs").mkdir(parents=True, mode=0o755)
    (home / "ledger.jsonl").write_text("kept")
    (home / "notes.txt").write_text("a person's own")

    private_folder.prepare(home)

    assert (home / ".made-by-wealist").is_file()
    assert (home / "ledger.jsonl").read_text() == "kept"
    assert mode(home / "runs") == 0o700


def test_a_folder_of_somebody_elses_that_has_the_name_is_left_alone(home: Path) -> None:
    home.mkdir(mode=0o755)
    (home / "thesis.txt").write_text("keep")

    with pytest.raises(ConfigError, match="not made by wealist"):
        private_folder.prepare(home)

    assert [path.name for path in home.iterdir()] == ["thesis.txt"]
    assert mode(home) == 0o755


@pytest.mark.parametrize(
    "place",
    [
        "",
        "runs",
        "runs/20260101T000000Z-000000",
        "ledger.jsonl",
        "sandbox",
        *(
            f"sandbox/{name}"
            for name in ("runs", "work", "home", "plugins", "server.json", "setup.json", "copied.json")
        ),
    ],
)
@pytest.mark.parametrize("leads_to", ["outside", "nowhere"])
def test_a_link_is_refused_before_anything_is_made(home: Path, tmp_path: Path, place: str, leads_to: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o755)
    (outside / "precious.txt").write_text("keep")
    link = home / place
    link.parent.mkdir(parents=True, exist_ok=True)
    for folder in (home, home / "runs"):
        if place not in ("", "runs"):
            folder.mkdir(exist_ok=True)
    if place.startswith("sandbox/"):
        (home / "sandbox" / ".gitignore").touch()
    link.symlink_to(tmp_path / leads_to)

    for act in (private_folder.check, private_folder.prepare):
        with pytest.raises(ConfigError, match="this is a link") as caught:
            act(home / "sandbox")
        assert str(caught.value).startswith(f"{link}: ")

    assert [path.name for path in outside.iterdir()] == ["precious.txt"]
    assert mode(outside) == 0o755
    assert not list(tmp_path.rglob(".made-by-wealist"))


def test_somebody_elses_home_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    somebody = os.getuid() + 12345
    monkeypatch.setattr(os, "geteuid", lambda: somebody)

    with pytest.raises(ConfigError, match=r"belongs to .* and not to you"):
        private_folder.prepare(home)

    assert not list(home.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("place", ["runs", "sandbox", "runs/20260101T000000Z-000000"])
def test_what_is_somebody_elses_in_a_home_is_refused(home: Path, place: str) -> None:
    private_folder.prepare(home)
    (home / place).mkdir(exist_ok=True)
    os.chown(home / place, 65534, 65534)

    with pytest.raises(ConfigError, match="not to you"):
        private_folder.check(home)


def test_a_file_in_the_place_of_a_home_is_refused(home: Path) -> None:
    home.write_text("keep")

    with pytest.raises(ConfigError, match="in the place of wealist's folder"):
        private_folder.prepare(home)

    assert home.read_text() == "keep"


def test_a_mode_that_can_not_be_set_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir(mode=0o755)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refuse)
    with pytest.raises(PermissionError):
        private_folder.prepare(home)


def test_a_file_system_without_permissions_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir(mode=0o755)
    monkeypatch.setattr(os, "fchmod", lambda *_: None)

    with pytest.raises(ConfigError, match="keeps no permissions"):
        private_folder.prepare(home)


def test_a_new_file_takes_the_place_of_nothing(home: Path, tmp_path: Path) -> None:
    private_folder.prepare(home)
    (home / "link").symlink_to(tmp_path / "outside")

    with pytest.raises(FileExistsError):
        private_folder.create(home / "link", "text")

    assert not (tmp_path / "outside").exists()


def test_a_replaced_link_is_replaced_itself(home: Path, tmp_path: Path) -> None:
    private_folder.prepare(home)
    (tmp_path / "outside").write_text("keep")
    (home / "link").symlink_to(tmp_path / "outside")

    private_folder.replace(home / "link", "text")

    assert (tmp_path / "outside").read_text() == "keep"
    assert private_folder.read_text(home / "link") == "text"
    assert mode(home / "link") == 0o600
    assert sorted(path.name for path in home.iterdir()) == [".gitignore", ".made-by-wealist", "link", "runs"]


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_RDWR | os.O_CREAT | os.O_APPEND])
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_only_a_file_itself_is_opened(home: Path, tmp_path: Path, flags: int, kind: str) -> None:
    private_folder.prepare(home)
    (tmp_path / "outside").write_text("keep")
    if kind == "link":
        (home / "file").symlink_to(tmp_path / "outside")
    else:
        os.mkfifo(home / "file")

    with pytest.raises(OSError, match=r"no file of yours|Too many levels|No such device"):
        private_folder.open_file(home / "file", flags)


def test_removing_follows_no_link(home: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.txt").write_text("keep")
    private_folder.prepare(home)
    (home / "work" / "deep").mkdir(parents=True)
    (home / "work" / "deep" / "link").symlink_to(outside)
    (home / "top").symlink_to(outside)

    private_folder.remove(home / "top")
    private_folder.remove(home / "work")

    assert not (home / "work").exists()
    assert (outside / "precious.txt").read_text() == "keep"
