"""A folder of wealist's own inside a project: `.wealist`, and the homes below it.

A project comes from other people: an archive or a clone may bring a `.wealist` along, and a folder that several may write
to may hold somebody else's. So nothing in it is taken on trust:

* It is a folder and not a link, and so is everything directly in it; a link anywhere is refused, never followed.
* It belongs to whoever runs wealist, and nobody else can look into it (0700, its files 0600).
* It carries a mark. One without it that holds what an earlier version of wealist left there is marked once; one that
  holds anything else is not wealist's, and is left alone.

Below such a folder nobody else can put anything in place of what was checked. What stood there before is opened without
following links.
"""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from orchestrator.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

NAME = ".wealist"
MARK = ".made-by-wealist"
RUNS = "runs"
_IGNORE = ".gitignore"
# What every version has left there, so that a folder without a mark can be told from somebody else's.
_KNOWN = frozenset({RUNS, "sandbox", "ledger.jsonl", "durations.jsonl", "setup.json", _IGNORE})
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without waiting: a pipe in place of a file must not be able to hold anybody up.
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def check(home: Path, *, will_write: bool = False) -> None:
    """Refuse a home that can't be trusted; one that is not there is no danger. Nothing is changed.

    Args:
        will_write: Also one that is not wealist's at all.

    Raises:
        ConfigError: It, a folder of wealist's above it, or something directly in one of them is a link, no folder where one
            belongs, or somebody else's; or it is not wealist's.
    """
    for folder in _chain(home):
        try:
            fd = _open(folder)
        except FileNotFoundError:
            return
        try:
            names = _check_entries(folder, fd)
            if will_write and MARK not in names and names and not names & _KNOWN:
                raise ConfigError(
                    f"{folder}: this folder was not made by wealist: it holds {min(names)}",
                    hint=_aside(folder),
                )
            if RUNS in names:
                runs = os.open(RUNS, _FOLDER, dir_fd=fd)
                try:
                    _check_entries(folder / RUNS, runs)
                finally:
                    os.close(runs)
        finally:
            os.close(fd)


def prepare(home: Path) -> Path:
    """Make a home where there is none: private, marked, and ignored by git.

    Raises:
        ConfigError: As `check`; nothing was changed.
        OSError: It can't be made, or not be made private.
    """
    check(home, will_write=True)
    for folder in _chain(home):
        make(folder)
        for name, text in ((MARK, "wealist keeps its runs here.\n"), (_IGNORE, "*\n")):
            with suppress(FileExistsError):
                create(folder / name, text)
        make(folder / RUNS)
    return home


def make(folder: Path) -> None:
    """Make one folder, or make sure that the one that is there is private and not a link.

    Raises:
        ConfigError: It is a link, no folder, somebody else's, or its file system lets everybody in.
        OSError: It can't be made, or its mode can't be set.
    """
    with suppress(FileExistsError):
        # Those above it are a project's, and there already: only a program that names another home lacks some.
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    fd = _open(folder)
    try:
        if stat.S_IMODE(os.fstat(fd).st_mode) != 0o700:
            os.fchmod(fd, 0o700)
            if os.fstat(fd).st_mode & 0o077:
                raise ConfigError(
                    f"{folder}: it can't be made private: its file system keeps no permissions",
                    hint="work in a copy of the project on another one",
                )
    finally:
        os.close(fd)


def create(path: Path, text: str) -> None:
    """Write a new file that nobody else can read, from the first byte on.

    Raises:
        FileExistsError: Something is there already, be it a link that leads nowhere.
    """
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def replace(path: Path, text: str) -> None:
    """Put a new private file in place of whatever is there, whole at every moment; a link there is replaced itself."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    # Of one that was killed, with the same number.
    new.unlink(missing_ok=True)
    try:
        create(new, text)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def open_file(path: Path, flags: int) -> int:
    """A descriptor of a file of ours, made private where it is new; `flags` as for `os.open`.

    Raises:
        OSError: Among others, it is a link (ELOOP), or no regular file, or somebody else's.
    """
    fd = os.open(path, flags | _FILE, 0o600)
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
        return fd
    os.close(fd)
    raise PermissionError(1, "it is no file of yours", str(path))


def make_private(path: Path) -> None:
    """Take away from everybody else a file that another program has just written; a link or somebody else's is left alone.

    Raises:
        OSError: Its mode can't be set.
    """
    try:
        fd = open_file(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fchmod(fd, 0o600)
    finally:
        os.close(fd)


def read_text(path: Path, *, errors: str = "strict") -> str:
    """The text of a file of ours.

    Raises:
        OSError: As `open_file`.
    """
    with os.fdopen(open_file(path, os.O_RDONLY), encoding="utf-8", errors=errors) as file:
        return file.read()


def top(home: Path) -> Path:
    """The uppermost folder of wealist's on the way to a home: the `.wealist` that a sandbox's home is in."""
    return _chain(home)[0]


def is_folder(path: Path) -> bool:
    """Whether it is a folder itself, and no link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def remove(folder: Path) -> None:
    """Remove a folder and what is in it, as far as that can be done; nothing that a link leads to, and no link in its place."""
    if is_folder(folder):
        shutil.rmtree(folder, ignore_errors=True)


def _chain(home: Path) -> list[Path]:
    """The folders of wealist's on the way to a home, itself the last."""
    way = [home, *home.parents]
    uppermost = next((place for place, folder in enumerate(way) if folder.name == NAME), 0)
    return way[uppermost::-1]


def _open(folder: Path) -> int:
    try:
        fd = os.open(folder, _FOLDER)
    except FileNotFoundError:
        raise
    except OSError as error:
        found = folder.lstat()
        if stat.S_ISLNK(found.st_mode):
            raise _linked(folder) from None
        if found.st_uid != os.geteuid():
            raise _foreign(folder, found.st_uid) from None
        if isinstance(error, NotADirectoryError):
            raise ConfigError(
                f"{folder}: this is in the place of wealist's folder; nothing was done", hint=_aside(folder)
            ) from None
        raise
    owner = os.fstat(fd).st_uid
    if owner != os.geteuid():
        os.close(fd)
        raise _foreign(folder, owner)
    return fd


def _check_entries(folder: Path, fd: int) -> set[str]:
    """The names of what is directly in a folder: no link, and all of one owner."""
    names = set()
    with os.scandir(fd) as entries:
        for entry in entries:
            if entry.is_symlink():
                raise _linked(folder / entry.name)
            try:
                owner = entry.stat(follow_symlinks=False).st_uid
            except FileNotFoundError:
                # Another run's, gone meanwhile.
                continue
            if owner != os.geteuid():
                raise _foreign(folder / entry.name, owner)
            names.add(entry.name)
    return names


def _linked(path: Path) -> ConfigError:
    return ConfigError(
        f"{path}: this is a link, and wealist follows none in its own folder; nothing was done",
        hint=f"see where it leads (ls -l), then remove it: rm {shlex.quote(str(path))}",
    )


def _foreign(path: Path, owner: int) -> ConfigError:
    try:
        name = pwd.getpwuid(owner).pw_name
    except KeyError:
        name = f"user {owner}"
    return ConfigError(
        f"{path}: this belongs to {name} and not to you, who could read and change what a run keeps; nothing was done",
        hint=f"work as {name}, or in a copy of the project of your own",
    )


def _aside(path: Path) -> str:
    return f"move it away: mv {shlex.quote(str(path))} {shlex.quote(f'{path}.old')}"
