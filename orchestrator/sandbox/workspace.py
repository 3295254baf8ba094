"""The copy of the estate that Terraform runs in.

A real layer's `.terraform` and lock file are never touched and never read: the copy has its own, kept from run to run so
that init is needed once. Files that did not change are left alone; files that are gone from the estate go from the copy.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.discovery import fixed_part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.discovery import Estate

_SKIPPED_FOLDERS = frozenset({".git", ".terraform", ".wealist", ".venv", "node_modules", "__pycache__", ".nox"})
_LOCK_FILE = ".terraform.lock.hcl"


def synchronize(estate: Estate, work: Path) -> None:
    """Bring the copy up to date with the estate's folders and every module that they call by path."""
    wanted: dict[Path, Path] = {}
    for folder in _folders(estate):
        for source in _files(folder):
            wanted[source.relative_to(estate.root)] = source
    for path in list(_files(work)):
        if path.relative_to(work) not in wanted:
            path.unlink()
    for relative, source in wanted.items():
        copy = work / relative
        if not _is_same(source, copy):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy)


def forget_init(work: Path) -> None:
    """Drop what earlier inits chose, so that the next takes modules and providers from where they come from now."""
    for data in work.rglob(".terraform"):
        shutil.rmtree(data, ignore_errors=True)
        data.with_name(_LOCK_FILE).unlink(missing_ok=True)


def _folders(estate: Estate) -> list[Path]:
    roots = {(estate.root / fixed_part(pattern)).resolve() for pattern in estate.config.layers.include}
    modules = {module for layer in estate.layers for module in layer.local_modules}
    inside = {folder for folder in roots | modules if folder.is_relative_to(estate.root) and folder.is_dir()}
    return sorted(inside)


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(set(folders) - _SKIPPED_FOLDERS)
        for name in sorted(names):
            if name != _LOCK_FILE and ".tfstate" not in name:
                yield Path(parent, name)


def _is_same(source: Path, copy: Path) -> bool:
    try:
        ours, theirs = source.stat(), copy.stat()
    except OSError:
        return False
    return (ours.st_size, ours.st_mtime_ns) == (theirs.st_size, theirs.st_mtime_ns)
