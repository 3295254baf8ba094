"""Where Terraform gets providers and modules from inside the sandbox: a generated CLI configuration.

Providers, first that fits: the mirror that `WEALIST_PROVIDER_MIRROR` names; the user's own CLI configuration; a folder of
Terraform's implied mirrors, or one level below the usual places for such things, that holds the AWS provider; the public
registry. Modules: the mirror that `WEALIST_MODULE_MIRROR` names, else the public registry where it can be reached, else
the stand-ins that come with wealist.
Source: Terraform's "CLI Configuration File" and "Provider Installation" pages.
"""

from __future__ import annotations

import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator import hcl, shell
from orchestrator.errors import ConfigError, SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REGISTRY = "registry.terraform.io"
AWS_PROVIDER = f"{REGISTRY}/hashicorp/aws"
PROVIDER_MIRROR = "WEALIST_PROVIDER_MIRROR"
MODULE_MIRROR = "WEALIST_MODULE_MIRROR"
MODULE_SOURCE = "WEALIST_MODULE_SOURCE"

_SHELVES = ("/opt", "/usr/share", "/usr/local/share", "/srv")
_REGISTRY_TIMEOUT = 2.0


class ModuleSource(StrEnum):
    """Where registry modules come from."""

    MIRROR = "mirror"
    REGISTRY = "registry"
    STAND_INS = "stand-ins"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSource:
    """Where providers come from: a `provider_installation` block, or nothing for the public registry."""

    description: str
    block: str = ""


def provider_source(environ: Mapping[str, str]) -> ProviderSource:
    """Look for a source of providers, best first.

    Raises:
        SandboxError: `WEALIST_PROVIDER_MIRROR` names a folder without the AWS provider.
        ConfigError: The user's CLI configuration can't be parsed.
    """
    explicit = environ.get(PROVIDER_MIRROR)
    if explicit:
        mirror = Path(explicit).absolute()
        if not _holds_provider(mirror):
            raise SandboxError(
                f"{PROVIDER_MIRROR}={explicit}: no {AWS_PROVIDER} in that folder",
                hint=f"fill it: {shell.command('terraform', 'providers', 'mirror', str(explicit))}",
            )
        return ProviderSource(description=f"mirror {mirror} ({PROVIDER_MIRROR})", block=_mirror_block(mirror))
    config = _user_config(environ)
    if config is not None:
        installation = next(hcl.parse_file(config).find("provider_installation"), None)
        if installation is not None:
            return ProviderSource(description=f"your CLI configuration {config}", block=installation.text)
    for folder in (*_implied_mirrors(environ), *_shelved()):
        if _holds_provider(folder):
            return ProviderSource(description=f"mirror {folder}", block=_mirror_block(folder))
    return ProviderSource(description=f"the public registry, {REGISTRY}")


def module_source(environ: Mapping[str, str]) -> ModuleSource:
    """Decide where registry modules come from; asks the public registry only where nothing else is said.

    Raises:
        SandboxError: `WEALIST_MODULE_SOURCE` or `WEALIST_MODULE_MIRROR` makes no sense.
    """
    wanted = environ.get(MODULE_SOURCE)
    if wanted and wanted not in tuple(ModuleSource):
        raise SandboxError(
            f"{MODULE_SOURCE}={wanted}: no such source", hint=f"one of: {', '.join(ModuleSource)}, or leave it out"
        )
    mirror = environ.get(MODULE_MIRROR)
    if mirror and not Path(mirror).is_dir():
        raise SandboxError(
            f"{MODULE_MIRROR}={mirror}: no such folder",
            hint="it holds NAMESPACE/NAME/PROVIDER/VERSION/*.tf, as in terraform-aws-modules/vpc/aws/5.21.0",
        )
    if wanted == ModuleSource.MIRROR and not mirror:
        raise SandboxError(f"{MODULE_SOURCE}={wanted} needs a folder", hint=f"{MODULE_MIRROR}=DIR")
    if wanted:
        return ModuleSource(wanted)
    if mirror:
        return ModuleSource.MIRROR
    return ModuleSource.REGISTRY if _registry_answers() else ModuleSource.STAND_INS


def cli_config(provider: ProviderSource, modules: ModuleSource, *, registry_url: str, plugin_cache: Path) -> str:
    """The text of the CLI configuration that Terraform runs with in the sandbox.

    Args:
        registry_url: Where the server's module registry is.
    """
    parts = ["disable_checkpoint = true\n"]
    if provider.block:
        parts.append(f"{provider.block}\n")
    else:
        parts.append(f"plugin_cache_dir = {hcl.quote(str(plugin_cache))}\n")
    if modules is not ModuleSource.REGISTRY:
        service = hcl.quote(f"{registry_url}/v1/")
        # Overriding the host's services switches off its discovery, so providers.v1 has to be named again.
        parts.append(
            f'host "{REGISTRY}" {{\n  services = {{\n    "modules.v1"   = {service}\n'
            f'    "providers.v1" = "https://{REGISTRY}/v1/providers/"\n  }}\n}}\n'
        )
    return "\n".join(parts)


def _mirror_block(folder: Path) -> str:
    """Take from the mirror what it has, and everything else from where it comes from."""
    held = [path.relative_to(folder).as_posix() for path in sorted(folder.glob("*.*/*/*")) if path.is_dir()]
    names = ", ".join(map(hcl.quote, held))
    return (
        f"provider_installation {{\n  filesystem_mirror {{\n    path    = {hcl.quote(str(folder))}\n"
        f"    include = [{names}]\n  }}\n  direct {{\n    exclude = [{names}]\n  }}\n}}"
    )


def _user_config(environ: Mapping[str, str]) -> Path | None:
    named = environ.get("TF_CLI_CONFIG_FILE")
    path = Path(named) if named else Path(environ.get("HOME", "/")) / ".terraformrc"
    if not path.is_file():
        return None
    try:
        path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from error
    return path


def _implied_mirrors(environ: Mapping[str, str]) -> Iterator[Path]:
    home = Path(environ.get("HOME", "/"))
    data_home = Path(environ.get("XDG_DATA_HOME") or home / ".local/share")
    data_dirs = (environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    yield home / ".terraform.d" / "plugins"
    yield data_home / "terraform" / "plugins"
    yield from (Path(folder) / "terraform" / "plugins" for folder in data_dirs if folder)


def _shelved() -> Iterator[Path]:
    for shelf in map(Path, _SHELVES):
        with suppress(OSError):
            yield from sorted(path for path in shelf.iterdir() if path.is_dir())


def _holds_provider(folder: Path) -> bool:
    try:
        return (folder / AWS_PROVIDER).is_dir()
    except OSError:
        return False


def _registry_answers() -> bool:
    try:
        with urllib.request.urlopen(f"https://{REGISTRY}/.well-known/terraform.json", timeout=_REGISTRY_TIMEOUT):
            return True
    except (OSError, ValueError):
        return False
