"""The copy of the estate that Terraform runs in.

A real layer's `.terraform` and lock file are never touched and never read: the copy has its own, kept from run to run so
that init is needed once. Files that did not change are left alone; files that are gone from the estate go from the copy.

What was copied is written down, and nothing else is ever removed. The way to a file of the copy leads through folders
alone: a link on it is not followed, whoever put it there.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator import payload, private_folder
from orchestrator.discovery import fixed_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orchestrator.discovery import Estate

_SKIPPED_FOLDERS = frozenset(
    {".git", ".terraform", private_folder.NAME, ".venv", "node_modules", "__pycache__", ".nox"}
)
_LOCK_FILE = ".terraform.lock.hcl"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_SOURCE = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def synchronize(estate: Estate, work: Path) -> None:
    """Bring the copy up to date with the estate's folders and every module that they call by path."""
    links: dict[str, str] = {}
    files: dict[str, Path] = {}
    for folder in _folders(estate, links):
        for source in _files(folder):
            files[source.relative_to(estate.root).as_posix()] = source
    wanted = links.keys() | files.keys()
    before = _copied(work)
    if before is None:
        # An earlier version's, or one that came from elsewhere, with whatever is in it.
        private_folder.remove(work)
        private_folder.make(work)
        before = set()
    if before != wanted:
        _remember(work, before | wanted)
    for relative in sorted(before - wanted):
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError), _parent(work, relative) as (fd, name):
            os.unlink(name, dir_fd=fd)
    for relative, leads_to in links.items():
        _link(work, relative, leads_to)
    for parent in sorted({relative.rpartition("/")[0] for relative in files} - {""}):
        with _parent(work, f"{parent}/", make=True):
            pass
    for relative, source in files.items():
        if not _is_same(source, work / relative):
            _copy(source, work, relative)
    if before != wanted:
        _remember(work, wanted)


def forget_init(work: Path) -> None:
    """Drop what earlier inits chose, so that the next takes modules and providers from where they come from now."""
    for parent, folders, names in os.walk(work, followlinks=False):
        if ".terraform" in folders:
            folders.remove(".terraform")
            private_folder.remove(Path(parent, ".terraform"))
        if _LOCK_FILE in names:
            Path(parent, _LOCK_FILE).unlink(missing_ok=True)


def _folders(estate: Estate, links: dict[str, str]) -> list[Path]:
    """The folders to copy; a link to one of them, on the way to a layer or in such a folder, is added to `links`."""
    wanted = {(estate.root / fixed_part(pattern)).resolve() for pattern in estate.config.layers.include}
    wanted |= {module for layer in estate.layers for module in layer.local_modules}
    ways = {
        way for layer in estate.layers for way in (layer.path, *layer.path.parents) if way.is_relative_to(estate.root)
    }
    found: set[Path] = set()
    while wanted:
        folder = wanted.pop()
        if folder in found or not folder.is_relative_to(estate.root) or not folder.is_dir():
            continue
        found.add(folder)
        for parent, folders, _ in _walk(folder):
            ways |= {Path(parent, name) for name in folders}
        for way in [way for way in ways if way.is_symlink()]:
            end = way.resolve()
            if end.is_relative_to(estate.root) and end.is_dir():
                links[way.relative_to(estate.root).as_posix()] = os.path.relpath(end, way.parent.resolve())
                wanted.add(end)
        ways.clear()
    return sorted(found)


def _walk(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    for parent, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(set(folders) - _SKIPPED_FOLDERS)
        yield parent, folders, names


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in _walk(folder):
        for name in sorted(names):
            if name != _LOCK_FILE and ".tfstate" not in name:
                yield Path(parent, name)


def _copied(work: Path) -> set[str] | None:
    """What is in the copy because the estate has, or had, it; None where that was not written down for this very folder."""
    try:
        listed = payload.load(private_folder.read_text(_list_of(work)))
        return set(listed["files"]) if listed["folder"] == work.stat().st_ino else None
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def _remember(work: Path, copied: Iterable[str]) -> None:
    listed = {"folder": work.stat().st_ino, "files": sorted(copied)}
    private_folder.replace(_list_of(work), json.dumps(listed, indent=0))


def _list_of(work: Path) -> Path:
    return work.with_name("copied.json")


@contextmanager
def _parent(work: Path, relative: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
    """The folder of the copy that a path is in, open, and the last word of the path.

    Raises:
        FileNotFoundError: A folder on the way is not there, or the path leads out of the copy.
        NotADirectoryError: Something else than a folder is in the way, as a link.
    """
    *folders, name = relative.split("/")
    if {"", ".", ".."} & {*folders}:
        raise FileNotFoundError(relative)
    fd = os.open(work, _FOLDER)
    try:
        for folder in folders:
            if make:
                _make(folder, fd)
            inner = os.open(folder, _FOLDER, dir_fd=fd)
            os.close(fd)
            fd = inner
        yield fd, name
    finally:
        os.close(fd)


def _make(name: str, fd: int) -> None:
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(os.lstat(name, dir_fd=fd).st_mode):
            return
        # A link, or what was a file when it was last copied.
        os.unlink(name, dir_fd=fd)
    os.mkdir(name, 0o700, dir_fd=fd)


def _link(work: Path, relative: str, leads_to: str) -> None:
    with _parent(work, relative, make=True) as (fd, name):
        with suppress(OSError):
            if os.readlink(name, dir_fd=fd) == leads_to:
                return
        _clear(name, fd)
        os.symlink(leads_to, name, dir_fd=fd)


def _copy(source: Path, work: Path, relative: str) -> None:
    """Copy one file; what is no file is passed over."""
    try:
        given = os.open(source, _SOURCE)
    except OSError:
        if not source.is_file():
            # A link that leads nowhere, a socket: Terraform has no use for it either.
            return
        raise
    with os.fdopen(given, "rb") as original:
        found = os.fstat(given)
        if not stat.S_ISREG(found.st_mode):
            return
        with _parent(work, relative, make=True) as (fd, name):
            _clear(name, fd)
            mode = 0o700 if found.st_mode & stat.S_IXUSR else 0o600
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(name, flags, mode, dir_fd=fd), "wb") as copy:
                shutil.copyfileobj(original, copy, 1 << 20)
                copy.flush()
                os.utime(copy.fileno(), ns=(found.st_atime_ns, found.st_mtime_ns))


def _clear(name: str, fd: int) -> None:
    """Make room for a file in the copy."""
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(os.lstat(name, dir_fd=fd).st_mode):
            shutil.rmtree(name, dir_fd=fd)
        else:
            os.unlink(name, dir_fd=fd)


def _is_same(source: Path, copy: Path) -> bool:
    try:
        ours, theirs = source.stat(), copy.lstat()
    except OSError:
        return False
    return stat.S_ISREG(theirs.st_mode) and (ours.st_size, ours.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns)
