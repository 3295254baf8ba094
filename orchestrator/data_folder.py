"""What Terraform has kept of the backend in a layer's `.terraform`: where its next command would read and write state.

`terraform init -backend-config=...` leaves another place there than the HCL's, and a later init without it keeps that
place, since Terraform compares the HCL with itself and not with what was kept. (internal/command/meta_backend.go,
Terraform 1.11.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator import payload, project_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.layer import Backend

NAME = ".terraform"
BACKEND = "terraform.tfstate"
DEFAULT_WORKSPACE = "default"
_WORKSPACE = "environment"
_MODULES = "modules/modules.json"
_COMPARED = ("bucket", "key", "region", "dynamodb_table", "use_lockfile", "encrypt", "kms_key_id", "profile")


def workspace_file(folder: Path) -> Path:
    """Where the workspace that is selected in a layer's folder stands."""
    return folder / NAME / _WORKSPACE


def read_workspace(folder: Path) -> str | None:
    """The workspace that somebody has selected here; None where it is the default one."""
    try:
        name = project_file.read_bytes(workspace_file(folder)).decode(errors="replace").strip()
    except OSError:
        return None
    return None if name in ("", DEFAULT_WORKSPACE) else name


def read_backend(folder: Path) -> dict[str, Any] | None:
    """The arguments of the S3 backend that was kept; empty for one of another kind, None where none was.

    Raises:
        ConfigError: What stands there is no file.
    """
    try:
        text = project_file.read_text(folder / NAME / BACKEND, most=project_file.MOST_OF_A_STATE)
        kept = payload.load(text)["backend"]
        return dict(kept["config"]) if kept["type"] == "s3" else {}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_modules(folder: Path) -> tuple[Path, ...]:
    """The folders of the modules that an init has fetched; modules that are called by path stand where they are."""
    try:
        entries = payload.load(project_file.read_text(folder / NAME / _MODULES))["Modules"]
        found = [folder / str(entry["Dir"]) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    inside = (folder / NAME / "modules").resolve()
    return tuple(path for path in dict.fromkeys(found) if path.resolve().is_relative_to(inside))


def is_for(kept: Mapping[str, Any], backend: Backend) -> bool:
    """Whether what was kept is what the HCL says: the same state, locked and encrypted in the same way."""
    assumed = kept.get("assume_role")
    role = kept.get("role_arn") or (assumed.get("role_arn") if isinstance(assumed, dict) else None)
    wanted = [getattr(backend, name) or None for name in _COMPARED]
    return [kept.get(name) or None for name in _COMPARED] == wanted and (role or None) == backend.role_arn


def url_of(kept: Mapping[str, Any]) -> str:
    """The state's place, for messages."""
    bucket, key = kept.get("bucket"), kept.get("key")
    return f"s3://{bucket}/{key}" if bucket and key else "a backend of another kind"
