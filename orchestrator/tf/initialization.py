"""Whether `terraform init` is needed: a fingerprint of everything that it reads.

Init costs seconds and the network, and most runs need none. A successful one leaves a fingerprint in the data folder of
the layer: backend, required providers, module calls (those of local modules too), lock file and Terraform version.
Where it still matches, and what init made is still there, init is left out. A fingerprint is dropped when the plan
after it fails, so that whatever it can't see mends itself on the next run.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.layer import Layer

_DATA = ".terraform"
_MARK = "wealist-init.json"
_LOCK_FILE = ".terraform.lock.hcl"


def is_initialized(layer: Layer, folder: Path, *, terraform_version: str, cli_config: str) -> bool:
    """Whether the last successful init in `folder` was for exactly this."""
    data = folder / _DATA
    made = data / "terraform.tfstate", data / "providers", folder / _LOCK_FILE
    mark = _read_mark(folder)
    return all(path.exists() for path in made) and mark == _fingerprint(layer, folder, terraform_version, cli_config)


def remember(layer: Layer, folder: Path, *, terraform_version: str, cli_config: str) -> None:
    """Leave the fingerprint of an init that has just succeeded."""
    mark = json.dumps(_fingerprint(layer, folder, terraform_version, cli_config))
    (folder / _DATA / _MARK).write_text(mark, encoding="utf-8")


def forget(folder: Path) -> None:
    """Let the next run start with an init; where modules came from is remembered."""
    kept = {"cli_config": _read_mark(folder).get("cli_config")}
    with suppress(OSError):
        (folder / _DATA / _MARK).write_text(json.dumps(kept), encoding="utf-8")


def drop_modules_of_another_source(folder: Path, *, cli_config: str) -> None:
    """Remove modules that were installed under another CLI configuration: init keeps what it finds.

    Otherwise a rehearsal's stand-ins, installed by a shell that points at the sandbox, would serve a real plan.
    """
    mark = _read_mark(folder)
    if "cli_config" in mark and mark["cli_config"] != cli_config:
        shutil.rmtree(folder / _DATA / "modules", ignore_errors=True)


def _read_mark(folder: Path) -> dict[str, Any]:
    try:
        mark = json.loads((folder / _DATA / _MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return mark if isinstance(mark, dict) else {}


def _fingerprint(layer: Layer, folder: Path, terraform_version: str, cli_config: str) -> dict[str, str]:
    lock_file = folder / _LOCK_FILE
    return {
        "terraform": terraform_version,
        "configuration": hashlib.sha256("\0".join(sorted(layer.init_inputs)).encode()).hexdigest(),
        "lock_file": hashlib.sha256(lock_file.read_bytes() if lock_file.exists() else b"").hexdigest(),
        "cli_config": cli_config,
    }
