"""What a run leaves on disk: a private folder of its own.

Everything is below the target's `.wealist`, which keeps itself out of git. Plan files hold every value in clear and
Terraform writes them for all to read, so a run folder is 0700, what wealist writes in it is 0600, and plans and
variable files are gone when the run is over, however it ends. What stays (`events.jsonl`, `report.json`) is redacted.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchestrator import printable
from orchestrator.events import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from orchestrator.redaction import Redactor

KEPT_RUNS = 50
_VOLATILE = "volatile"
_ALIVE = "alive"
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

    def variables_file(self, layer: str) -> Path:
        """Where values given on the command line go; removed when the run is over."""
        return self._volatile(layer) / VARIABLES

    def write(self, path: Path, text: str) -> None:
        """Write a file that nobody else can read, from the first byte on."""
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)

    def log(self, line: str) -> None:
        """Add one line to the run's event log. A full disk costs the line and not the run."""
        self._append(EVENTS, line)

    def trace(self, text: str) -> None:
        """Keep what Terraform wrote to standard error: its trace log where one was asked for, a crash's last words."""
        self._append(TRACE, text)

    def _append(self, name: str, text: str) -> None:
        with suppress(OSError):
            fd = os.open(self.path / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(fd, "a", encoding="utf-8") as file:
                file.write(self.redact.lines(text.rstrip("\n")) + "\n")

    def write_report(self, report: Mapping[str, Any]) -> None:
        text = printable.json(json.dumps(self.redact.data(report), indent=2, ensure_ascii=False))
        self.write(self.path / "report.json", f"{text}\n")

    def _volatile(self, layer: str) -> Path:
        folder = self.path / _VOLATILE / layer.replace("/", "--")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder


@contextmanager
def run_folder(home: Path, redact: Redactor) -> Iterator[RunFolder]:
    """A new run folder; on the way out its secrets are removed and old runs thinned out."""
    now = datetime.now(UTC)
    run_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    path = prepare_home(home) / "runs" / run_id
    path.mkdir(mode=0o700)
    with _held(path):
        try:
            yield RunFolder(run_id=run_id, path=path, redact=redact)
        finally:
            shutil.rmtree(path / _VOLATILE, ignore_errors=True)
            for name in (EVENTS, TRACE):
                _scrub(path / name, redact)
            _tidy(home / "runs")


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Hold the run's own lock for as long as this process lives, so that others can see that it does."""
    fd = os.open(path / _ALIVE, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _scrub(path: Path, redact: Redactor) -> None:
    """Redact once more with all that was learnt since the first lines were written."""
    with suppress(FileNotFoundError):
        text = path.read_text(encoding="utf-8")
        clean = redact.lines(text)
        if clean != text:
            path.write_text(clean, encoding="utf-8")


def _tidy(runs: Path) -> None:
    """Thin out old runs, and remove the plans of runs that were killed before they could do it themselves."""
    folders = sorted(runs.iterdir())
    for old in folders[:-KEPT_RUNS]:
        if not _is_alive(old):
            shutil.rmtree(old, ignore_errors=True)
    for folder in folders[-KEPT_RUNS:]:
        if (folder / _VOLATILE).exists() and not _is_alive(folder):
            shutil.rmtree(folder / _VOLATILE, ignore_errors=True)


def runs_at_work(home: Path) -> list[str]:
    """The ids of runs whose processes still work."""
    runs = home / "runs"
    return [path.name for path in sorted(runs.iterdir()) if _is_alive(path)] if runs.is_dir() else []


def is_alive(home: Path, run_id: str) -> bool:
    """Whether the process of that run still works."""
    return _is_alive(home / "runs" / run_id)


def _is_alive(folder: Path) -> bool:
    try:
        fd = os.open(folder / _ALIVE, os.O_WRONLY)
    except OSError:
        return False
    try:
        # Shared: two that look at once must not take each other for the run.
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def prepare_home(home: Path) -> Path:
    """Make the `.wealist` folder, private and ignored by git."""
    for folder in (home, home / "runs"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(PermissionError):
            folder.chmod(0o700)
    ignore = home / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return home
