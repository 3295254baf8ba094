"""What a layer was applied with, as one digest: its HCL, its modules' HCL, variable files and values.

Two runs with the same digest and the same state ask Terraform for the same thing. Values of sensitive variables are left
out: a digest of a short secret can be guessed, and this one is kept.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator import project_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from orchestrator.layer import Layer
    from orchestrator.tfvars import Piped

_PATTERNS = ("*.tf", "*.tf.json", "*.tfvars", "*.tfvars.json", ".terraform.lock.hcl")


def digest(layer: Layer, *, values: Mapping[str, str], var_files: Iterable[Path | Piped]) -> str:
    """`sha256:...` of everything that decides what a plan of this layer asks for, secrets left out."""
    total = hashlib.sha256()
    # What comes through a pipe is secret as well.
    files = (path for path in var_files if isinstance(path, Path))
    for path in (*_sources(layer), *files):
        total.update(f"{path.name}\0".encode())
        total.update(hashlib.sha256(project_file.read_bytes(path, most=project_file.MOST_OF_A_STATE)).digest())
    for name, value in sorted(public_values(layer, values).items()):
        total.update(f"{name}={value}\0".encode())
    return f"sha256:{total.hexdigest()}"


def public_values(layer: Layer, values: Mapping[str, str]) -> dict[str, str]:
    """The values that this layer has a variable for, those of sensitive ones left out."""
    return {
        name: value
        for name, value in values.items()
        if name in layer.variables and not layer.variables[name].is_sensitive
    }


def _sources(layer: Layer) -> Iterator[Path]:
    for folder in (layer.path, *layer.local_modules):
        yield from sorted({path for pattern in _PATTERNS for path in folder.glob(pattern) if path.is_file()})
