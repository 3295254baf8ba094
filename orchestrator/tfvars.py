"""A file of values for variables, `*.tfvars` or `*.tfvars.json`, as far as it can be read without Terraform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator import hcl, payload
from orchestrator.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def read_values(path: Path) -> dict[str, Any]:
    """By the variable's name: plain data, or an `Expression`.

    Raises:
        ConfigError: It can't be read; with file and line.
    """
    if path.suffix != ".json":
        return {name: attribute.value for name, attribute in hcl.parse_file(path).attributes.items()}
    try:
        values = payload.load(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from error
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
    return [path for path in (*fixed, *sorted(found)) if path.is_file()]
