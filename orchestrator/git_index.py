"""What git tracks of a folder that must not be in a repository at all."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from orchestrator import process
from orchestrator.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# For git to find its own configuration, in which a person may have said that a folder is safe.
_KEPT = ("HOME", "XDG_CONFIG_HOME", "LANG")
# The repository's configuration may name a program for it, and comes from whoever the repository comes from.
_NO_PROGRAMS = ("-c", "core.fsmonitor=false")


def refuse_tracked(folder: Path, environ: Mapping[str, str], *, runner: process.Runner = process.run) -> None:
    """Refuse a folder of which git tracks anything: it came with the repository, and not from here.

    Where there is no repository, no folder or no git, or git has no answer, there is nothing to refuse.

    Raises:
        ConfigError: Git tracks something in it.
    """
    if not folder.is_dir() or not any(os.path.lexists(parent / ".git") for parent in folder.parents):
        return
    git = process.find_program("git", environ.get("PATH", ""))
    if git is None:
        return
    env = {"PATH": environ["PATH"], **{name: environ[name] for name in _KEPT if name in environ}}
    argv = [str(git), *_NO_PROGRAMS, "ls-files", "-z", "--", folder.name]
    try:
        done = runner(process.Command(argv=argv, cwd=folder.parent, env=env))
    except process.StartError:
        return
    if done.returncode == 0 and done.stdout:
        first = done.stdout.split("\0", 1)[0]
        name = shlex.quote(str(folder))
        raise ConfigError(
            f"{folder.parent / first}: git tracks this, and wealist trusts nothing in its own folder that came with a "
            "repository; nothing was done",
            hint=f"see what it is, then: git rm -r --cached -- {name} && mv -- {name} {shlex.quote(f'{folder}.old')}",
        )
