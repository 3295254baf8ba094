"""Finding Terraform, and asking which version it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from orchestrator import payload
from orchestrator.errors import ConfigError, OutputFormatError, TerraformNotFoundError
from orchestrator.process import Command, Runner, StartError, find_program
from orchestrator.tf import args

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SUPPORTED = ">= 1.11, < 2"
INSTALL = "install Terraform 1.11 or newer: https://developer.hashicorp.com/terraform/install"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """A Terraform that answered. `version` is as it prints it: `1.11.4`, `1.12.0-rc1`."""

    path: Path
    version: str

    def satisfies(self, constraint: str | None) -> bool:
        return constraint is None or satisfies(self.version, constraint)


def find(name: str, env: Mapping[str, str], *, runner: Runner, cwd: Path) -> Binary:
    """Find a Terraform by name in the absolute entries of the PATH of `env`, or by path, and ask its version.

    Raises:
        TerraformNotFoundError: There is none, or it can't be started.
        OutputFormatError: It answered, but not as Terraform does.
    """
    path = find_program(name, env.get("PATH", ""))
    if path is None:
        where = "is not a program" if "/" in name else "is not on PATH"
        raise TerraformNotFoundError(f"{name}: {where}", hint=f"{INSTALL}, or pass --terraform-bin")
    try:
        done = runner(Command(argv=[str(path), *args.version()[1:]], cwd=cwd, env=env))
    except StartError as error:
        raise TerraformNotFoundError(f"{path}: can't be started: {error.strerror}", hint=INSTALL) from error
    try:
        return Binary(path=path, version=str(payload.load(done.stdout)["terraform_version"]))
    except (ValueError, KeyError, TypeError):
        raise OutputFormatError(
            f"{path}: `version -json` did not answer as Terraform does (exit code {done.returncode})", hint=INSTALL
        ) from None


@lru_cache(maxsize=64)
def satisfies(version: str, constraint: str) -> bool:
    """Whether a version meets a constraint of Terraform's: `>= 1.11, < 2`, `~> 1.11.0`.

    A pre-release meets only a constraint that names it, as in Terraform.

    Raises:
        ConfigError: The constraint is none.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    parts = [_specifier(part.strip()) for part in constraint.split(",") if part.strip()]
    try:
        names_one = re.search(r"\d-?(a|b|rc|alpha|beta)", constraint) is not None
        return SpecifierSet(",".join(parts)).contains(version, prereleases=names_one)
    except InvalidSpecifier:
        raise ConfigError(
            f"required_version {constraint!r} is not a version constraint", hint='write, say, ">= 1.11, < 2"'
        ) from None


def _specifier(part: str) -> str:
    """One constraint in Python's notation: `~> 1.2` is `~=1.2`, a bare or `=` version is `==`."""
    match = re.fullmatch(r"(~>|>=|<=|!=|=|>|<)?\s*v?(\S+)", part)
    if match is None:
        return part
    operator, version = match[1] or "=", match[2]
    if operator == "~>":
        # Python's ~= wants two parts; Terraform's `~> 1` means any 1.x.
        return f"~={version}" if "." in version else f"~={version}.0"
    return f"{'==' if operator == '=' else operator}{version}"
