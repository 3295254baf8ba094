"""The states of other workspaces than `default`, which Terraform keeps in the same bucket below a prefix.

    default      KEY
    any other    PREFIX/WORKSPACE/KEY, with `env:` for a prefix unless the backend block names one

Source: Terraform, "Backend Type: s3", S3 State Storage and workspace_key_prefix.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from orchestrator.aws.session import translated

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orchestrator.aws.session import Session
    from orchestrator.layer import Backend

PREFIX = "env:"
_NAMED = 3
# Bytes. A new workspace's state, with nothing in it, has some 180; each resource adds more than a hundred.
_EMPTY = 200
_LONGEST = 90


def prefix_of(backend: Backend) -> str:
    """What the keys of other workspaces' states begin with."""
    return f"{backend.workspace_key_prefix or PREFIX}/"


def list_keys(session: Session, backend: Backend) -> tuple[str, ...]:
    """The key of every object below the prefix that is more than an empty state: one listing tells of all layers of a bucket.

    Raises:
        AwsError: AWS said no.
    """
    prefix = prefix_of(backend)
    with translated(f"listing s3://{backend.bucket}/{prefix}"):
        pages = session.client("s3", backend.region).get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=backend.bucket, Prefix=prefix)
        return tuple(item["Key"] for page in found for item in page.get("Contents", ()) if item["Size"] > _EMPTY)


def names(keys: Iterable[str], backend: Backend) -> tuple[str, ...]:
    """The workspaces that a layer has a state in."""
    prefix, ending = prefix_of(backend), f"/{backend.key}"
    around = len(prefix) + len(ending)
    cut = (key[len(prefix) : -len(ending)] for key in keys if key.endswith(ending) and len(key) > around)
    # The name of a workspace has no slash: what has one is another layer's, with a longer key.
    return tuple(sorted(name for name in cut if "/" not in name))


def listed(names: Sequence[str]) -> str:
    """Some of them, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(shown_name, names[:_NAMED])) + more


def shown_name(name: str) -> str:
    """A name that somebody may have put there, on one line and not too long."""
    return json.dumps(name[:_LONGEST], ensure_ascii=True)
