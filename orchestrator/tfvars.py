"""A file of values for variables, `*.tfvars` or `*.tfvars.json`, as far as it can be read without Terraform."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator import hcl, payload, project_file
from orchestrator.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Piped:
    """A file of values that came through a pipe, and can't be read a second time."""

    name: str
    text: str = field(repr=False)

    def __str__(self) -> str:
        return self.name

    @property
    def suffix(self) -> str:
        """The ending that tells Terraform how to read it; a pipe has none of its own."""
        return ".tfvars.json" if self.text.lstrip().startswith("{") else ".tfvars"


def read_values(source: Path | Piped) -> dict[str, Any]:
    """By the variable's name: plain data, or an `Expression`.

    Raises:
        ConfigError: It can't be read; with file and line.
    """
    path = Path(str(source))
    try:
        raw = project_file.read_bytes(source) if isinstance(source, Path) else source.text.encode()
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from error
    if not source.suffix.endswith(".json"):
        # What stands on the line that is wrong may be a secret.
        file = hcl.parse(raw, path, is_quoted=False)
        return {name: attribute.value for name, attribute in file.attributes.items()}
    try:
        values = payload.load(raw)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise ConfigError(f"{path}:{line}: this is not valid JSON: {getattr(error, 'msg', error)}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path}:1: a file of values is an object, with a variable's name for a key")
    return values


def automatic(folder: Path) -> list[Path]:
    """The files that Terraform reads by itself, later ones win. Source: its "Input Variables" page."""
    fixed = (folder / "terraform.tfvars", folder / "terraform.tfvars.json")
    found = {path for pattern in ("*.auto.tfvars", "*.auto.tfvars.json") for path in folder.glob(pattern)}
    return [path for path in (*fixed, *sorted(found)) if path.exists()]
