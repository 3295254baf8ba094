"""What Terraform has kept of the backend in a layer's `.terraform`: where its next command would read and write state.

`terraform init -backend-config=...` leaves another place there than the HCL's, and a later init without it keeps that
place, since Terraform compares the HCL with itself and not with what was kept. (internal/command/meta_backend.go,
Terraform 1.11.)
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from orchestrator import project_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.layer import Backend

NAME = ".terraform"
BACKEND = "terraform.tfstate"
_COMPARED = ("bucket", "key", "region", "dynamodb_table", "use_lockfile", "encrypt", "kms_key_id", "profile")


def read_backend(folder: Path) -> dict[str, Any] | None:
    """The arguments of the S3 backend that was kept; empty for one of another kind, None where none was.

    Raises:
        ConfigError: What stands there is no file.
    """
    try:
        kept = json.loads(project_file.read_text(folder / NAME / BACKEND, most=project_file.MOST_OF_A_STATE))["backend"]
        return dict(kept["config"]) if kept["type"] == "s3" else {}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_for(kept: Mapping[str, Any], backend: Backend) -> bool:
    """Whether what was kept is what the HCL says: the same state, locked and encrypted in the same way."""
    role = kept.get("role_arn") or (kept.get("assume_role") or {}).get("role_arn")
    wanted = [getattr(backend, name) or None for name in _COMPARED]
    return [kept.get(name) or None for name in _COMPARED] == wanted and (role or None) == backend.role_arn


def url_of(kept: Mapping[str, Any]) -> str:
    """The state's place, for messages."""
    bucket, key = kept.get("bucket"), kept.get("key")
    return f"s3://{bucket}/{key}" if bucket and key else "a backend of another kind"
