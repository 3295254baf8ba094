"""What a run leaves on disk: a private folder of its own.

Everything is below the target's `.wealist`, which keeps itself out of git. Plan files hold every value in clear and
Terraform writes them for all to read, so a run folder is 0700, what wealist writes in it is 0600, and plans and
variable files are gone when the run is over, however it ends. What stays (`events.jsonl`, `report.json`) is redacted.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchestrator import git_index, printable, private_folder
from orchestrator.events import VARIABLES
from orchestrator.private_folder import RUNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from orchestrator.redaction import Redactor

KEPT_RUNS = 50
_VOLATILE = "volatile"
# Whoever holds the lock on it is the run; a folder without it was not made by a run.
_ALIVE = "alive"
_RUN_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
EVENTS = "events.jsonl"
TRACE = "terraform.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """The folder of one run.

    Attributes:
        run_id: Sorts by time: `20260102T030405Z-1a2b3c`.
        path: 0700.
        redact: Stands on everything that is written here to stay.
    """

    run_id: str
    path: Path
    redact: Redactor

    def plan_file(self, layer: str) -> Path:
        """Where a layer's plan goes; removed when the run is over."""
        return self._volatile(layer) / "tfplan"

    def lock_log(self, layer: str) -> Path:
        """Where Terraform's own log of the locks that it takes goes; removed when the run is over."""
        return self._volatile(layer) / "locks.log"

    def variables_file(self, layer: str) -> Path:
        """Where values given on the command line go; removed when the run is over."""
        return self._volatile(layer) / VARIABLES

    def write(self, path: Path, text: str) -> None:
        """Write a file that nobody else can read, from the first byte on."""
        private_folder.replace(path, text)

    def log(self, line: str) -> None:
        """Add one line to the run's event log. A full disk costs the line and not the run."""
        self._append(EVENTS, line)

    def trace(self, text: str) -> None:
        """Keep what Terraform wrote to standard error: its trace log where one was asked for, a crash's last words."""
        self._append(TRACE, text)

    def _append(self, name: str, text: str) -> None:
        with suppress(OSError):
            fd = private_folder.open_file(self.path / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            with os.fdopen(fd, "a", encoding="utf-8") as file:
                file.write(self.redact.lines(text.rstrip("\n")) + "\n")

    def write_report(self, report: Mapping[str, Any]) -> None:
        text = printable.json(json.dumps(self.redact.data(report), indent=2, ensure_ascii=False))
        self.write(self.path / "report.json", f"{text}\n")

    def _volatile(self, layer: str) -> Path:
        folder = self.path / _VOLATILE / layer.replace("/", "--")
        private_folder.make(folder)
        return folder


@contextmanager
def run_folder(home: Path, redact: Redactor) -> Iterator[RunFolder]:
    """A new run folder; on the way out its secrets are removed and old runs thinned out.

    Raises:
        ConfigError: The home can't be trusted; nothing was changed.
    """
    now = datetime.now(UTC)
    run_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    path = prepare_home(home) / RUNS / run_id
    path.mkdir(mode=0o700)
    with _held(path):
        private_folder.make(path / _VOLATILE)
        try:
            yield RunFolder(run_id=run_id, path=path, redact=redact)
        finally:
            for folder in (path / _VOLATILE).iterdir():
                private_folder.remove(folder)
            for name in (EVENTS, TRACE):
                _scrub(path / name, redact)
            # The last to go: where it is still there, a run was killed before it had cleared up.
            private_folder.remove(path / _VOLATILE)
            _thin_out(home / RUNS)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold the run's own lock for as long as this process lives, so that others can see that it does."""
    fd = private_folder.open_file(path / _ALIVE, os.O_WRONLY | os.O_CREAT)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _scrub(path: Path, redact: Redactor) -> None:
    """Redact once more with all that was learnt since the first lines were written."""
    with suppress(FileNotFoundError):
        text = private_folder.read_text(path)
        clean = redact.lines(text)
        if clean != text:
            private_folder.replace(path, clean)


def _thin_out(runs: Path) -> None:
    for folder in _made(runs)[:-KEPT_RUNS]:
        if _is_held(folder) is False:
            private_folder.remove(folder)


def _clear_killed(runs: Path) -> None:
    """Do for runs that were killed what they could do no more.

    Their plans and variable files go, and so do their logs: what would have to be masked in those was known to them alone.
    How far they came stands in the ledger.
    """
    for folder in _made(runs):
        if private_folder.is_folder(folder / _VOLATILE) and _is_held(folder) is False:
            for name in (EVENTS, TRACE):
                with suppress(OSError):
                    (folder / name).unlink()
            private_folder.remove(folder / _VOLATILE)


def _made(runs: Path) -> list[Path]:
    """The folders that look as if runs had made them, oldest first."""
    return [path for path in sorted(runs.iterdir()) if _RUN_ID.fullmatch(path.name) and private_folder.is_folder(path)]


def runs_at_work(home: Path) -> list[str]:
    """The ids of runs whose processes still work.

    Raises:
        ConfigError: The home can't be trusted.
    """
    private_folder.check(home)
    runs = home / RUNS
    return [path.name for path in sorted(runs.iterdir()) if is_alive(home, path.name)] if runs.is_dir() else []


def is_alive(home: Path, run_id: str) -> bool:
    """Whether the process of that run still works."""
    # An id comes out of a file, and leads nowhere else.
    return _RUN_ID.fullmatch(run_id) is not None and _is_held(home / RUNS / run_id) is True


def _is_held(folder: Path) -> bool | None:
    """Whether a run holds its lock; None where there is none, so that no run has made the folder."""
    try:
        fd = private_folder.open_file(folder / _ALIVE, os.O_WRONLY)
    except OSError:
        return None
    try:
        # Shared: two that look at once must not take each other for the run.
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def check_home(home: Path, environ: Mapping[str, str]) -> None:
    """Refuse a home that can't be trusted, before anything is done.

    Args:
        environ: Where git is found, where the project is a repository of its.

    Raises:
        ConfigError: It is a link, holds one, belongs to somebody else, was not made by wealist, or is tracked by git.
    """
    private_folder.check(home, will_write=True)
    git_index.refuse_tracked(private_folder.top(home), environ)


def prepare_home(home: Path) -> Path:
    """Make the home that runs are kept in, and clear what runs that were killed have left in it.

    Raises:
        ConfigError: It can't be trusted; nothing was changed.
    """
    private_folder.prepare(home)
    _clear_killed(home / RUNS)
    return home
