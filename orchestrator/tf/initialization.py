"""Whether `terraform init` is needed: a fingerprint of everything that it reads.

Init costs seconds and the network, and most runs need none. A successful one leaves a fingerprint in the data folder of
the layer: backend, required providers, module calls (those of local modules too), lock file and Terraform version.
Where it still matches, and what init made is still there, init is left out. A fingerprint is dropped when the plan
after it fails, so that whatever it can't see mends itself on the next run.

What counts in the end is the backend that Terraform has kept, since that is where the state is written: where it is not
the HCL's, nothing is planned. One that somebody put there is forgotten, which copies no state; one that the HCL has moved
away from is a question for a person, since the state may have to move along.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from orchestrator import data_folder, payload, private_folder, project_file, shell
from orchestrator.errors import GuardError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from orchestrator.layer import Layer

_DATA = data_folder.NAME
_MARK = "wealist-init.json"
_LOCK_FILE = ".terraform.lock.hcl"


def is_initialized(layer: Layer, folder: Path, *, terraform_version: str, cli_config: str) -> bool:
    """Whether the last successful init in `folder` was for exactly this."""
    data = folder / _DATA
    kept = data_folder.read_backend(folder)
    if kept is None or not data_folder.is_for(kept, layer.backend):
        return False
    made = data / "providers", folder / _LOCK_FILE
    mark = _read_mark(folder)
    return all(path.exists() for path in made) and mark == _fingerprint(layer, folder, terraform_version, cli_config)


def prepare(layer: Layer, folder: Path, *, cli_config: str, command: Callable[..., str]) -> None:
    """Remove what an init would keep and must not.

    A backend that somebody else's init has put in place of the HCL's is forgotten: what stands in its state stays there,
    and a state beside the HCL is not copied either, since Terraform runs without a terminal.

    Args:
        command: Makes a wealist command for the target.

    Raises:
        GuardError: The backend was changed in the HCL, or there is no telling; nothing was removed.
    """
    drop_modules_of_another_source(folder, cli_config=cli_config)
    kept = data_folder.read_backend(folder)
    if kept is None or data_folder.is_for(kept, layer.backend):
        return
    if _is_same_state(kept, layer):
        # Another lock, or another encryption: the state stays where it is.
        _forget_backend(folder)
        return
    if _read_mark(folder).get("backend") != _place(layer):
        move = command("tf", layer.id, "--", "init", "-migrate-state")
        raise _moved(layer, folder, kept, otherwise=f"to move the state: {move}; ")
    _forget_backend(folder)


def remember(layer: Layer, folder: Path, *, terraform_version: str, cli_config: str) -> None:
    """Leave the fingerprint of an init that has just succeeded.

    Raises:
        GuardError: It has kept another backend than the HCL's.
    """
    kept = data_folder.read_backend(folder)
    if kept is not None and not data_folder.is_for(kept, layer.backend):
        raise _moved(layer, folder, kept)
    _write_mark(folder, _fingerprint(layer, folder, terraform_version, cli_config))


def forget(folder: Path) -> None:
    """Let the next run start with an init; where modules came from, and which backend it was for, is remembered."""
    mark = _read_mark(folder)
    kept = {name: mark.get(name) for name in ("cli_config", "backend")}
    with suppress(OSError):
        _write_mark(folder, kept)


def drop_modules_of_another_source(folder: Path, *, cli_config: str) -> None:
    """Remove modules that were installed under another CLI configuration: init keeps what it finds.

    Otherwise a rehearsal's stand-ins, installed by a shell that points at the sandbox, would serve a real plan.
    """
    mark = _read_mark(folder)
    if "cli_config" in mark and mark["cli_config"] != cli_config:
        _check_own(folder)
        shutil.rmtree(folder / _DATA / "modules", ignore_errors=True)


def _forget_backend(folder: Path) -> None:
    _check_own(folder)
    (folder / _DATA / data_folder.BACKEND).unlink()


def _write_mark(folder: Path, mark: Mapping[str, Any]) -> None:
    # Through a link it would lie in a place of somebody else's; without it, every run begins with an init.
    if not (folder / _DATA).is_symlink():
        private_folder.replace(folder / _DATA / _MARK, json.dumps(mark))


def _check_own(folder: Path) -> None:
    """Whether what is removed from a layer's `.terraform` is in the layer's folder.

    Raises:
        GuardError: It is a link.
    """
    data = folder / _DATA
    if data.is_symlink():
        raise GuardError(
            f"{data}: this is a link, and wealist removes nothing through it",
            hint=f"it has to be made again for this layer: {shell.command('rm', str(data))}",
        )


def _read_mark(folder: Path) -> dict[str, Any]:
    try:
        mark = payload.load(project_file.read_text(folder / _DATA / _MARK))
    except (OSError, ValueError):
        return {}
    return mark if isinstance(mark, dict) else {}


def _fingerprint(layer: Layer, folder: Path, terraform_version: str, cli_config: str) -> dict[str, str]:
    lock_file = folder / _LOCK_FILE
    return {
        "terraform": terraform_version,
        "configuration": hashlib.sha256("\0".join(sorted(layer.init_inputs)).encode()).hexdigest(),
        "lock_file": hashlib.sha256(project_file.read_bytes(lock_file) if lock_file.exists() else b"").hexdigest(),
        "cli_config": cli_config,
        "backend": _place(layer),
    }


def _is_same_state(kept: Mapping[str, Any], layer: Layer) -> bool:
    backend = layer.backend
    return (kept.get("bucket"), kept.get("key"), kept.get("region")) == (backend.bucket, backend.key, backend.region)


def _place(layer: Layer) -> str:
    backend = layer.backend
    return json.dumps([backend.bucket, backend.key, backend.region, backend.dynamodb_table])


def _moved(layer: Layer, folder: Path, kept: Mapping[str, Any], *, otherwise: str = "") -> GuardError:
    path, backend = folder / _DATA / data_folder.BACKEND, layer.backend
    return GuardError(
        f"{layer.id}: {path} is for {data_folder.url_of(kept)}, not for {backend.url} as {backend.location} says, or for "
        "other settings of it",
        hint=f"{otherwise}to leave it where it is: {shell.command('rm', str(path))}",
    )
