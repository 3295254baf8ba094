"""The providers that a state names, held against those that the project asks for.

`terraform init` downloads and starts every provider that the state names, whatever the HCL says. So whoever can write the
state chooses a program, and the host that it comes from. What may be in a state is therefore what the project names itself:

- `required_providers`, provider blocks, resources and what was one (`moved`, `removed`), in the root module, in modules that
  are called by path, and in those that an init has fetched;
- what the lock file lists, with its hashes: that is how a provider is known which the HCL does not require any more;
- where modules from elsewhere are called, `hashicorp/` of the public registry: what they require is only known after the init;
- `layers.settings.LAYER.state_providers` in wealist.yaml.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from orchestrator import data_folder, hcl
from orchestrator.errors import ConfigError
from orchestrator.finding import Finding, Severity
from orchestrator.layer import DEFAULT_HOST
from orchestrator.provider import BUILTIN, required_providers, source_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from orchestrator.config import Config
    from orchestrator.layer import Layer
    from orchestrator.state import State

LOCK_FILE = ".terraform.lock.hcl"
_CONFIGURATION = re.compile(r'(?:^|\.)provider(?:\["(?P<source>[^"]*)"\]|\.(?P<legacy>[\w-]+))(?:\.[\w-]+)?$')
# A host, a namespace and a type, as Terraform takes them.
_SOURCE = re.compile(r"[\w.-]+(?::\d+)?/[\w-]+/[\w-]+")
# What Terraform before 0.13 had none of.
_NO_NAMESPACE = "-"
_TRADE = f"{DEFAULT_HOST}/hashicorp/"
_LONGEST = 120


def find_foreign(
    layer: Layer, state: State | None, *, folder: Path, config: Config, command: Callable[[str], str]
) -> Iterator[Finding]:
    """A finding for each provider that the state names and the project does not; nothing is read where there is none.

    Args:
        folder: Where Terraform runs for the layer.
        command: Makes a wealist command for the target.
    """
    named = state.providers if state else {}
    known = {requirement.source for requirement in layer.requirements} | {BUILTIN}
    known |= {source_address(source) for source in config.settings(layer.id).state_providers}
    foreign = {text: address for text, address in named.items() if not _is_known(_source(text), known)}
    if not foreign:
        return
    known |= {*_locked(folder), *_fetched(folder)}
    for text, address in foreign.items():
        source = _source(text)
        if _is_known(source, known) or (layer.remote_modules and source.startswith(_TRADE)):
            continue
        yield Finding(
            id="state-provider.foreign",
            severity=Severity.ERROR,
            subject=layer.backend.url,
            seen=f"{_shown(address)} is of provider {_shown(source)}, which nothing here requires: "
            "an init would download and run it",
            remedy=_remedy(layer, source, command),
        )


def _remedy(layer: Layer, source: str, command: Callable[[str], str]) -> str:
    history = f"who wrote it? {command(f'state history {layer.id}')}"
    if not _SOURCE.fullmatch(source):
        return history
    name = source.rpartition("/")[2]
    return (
        f'if it belongs there, require it: required_providers {{ {name} = {{ source = "{source}" }} }} '
        f"(or layers.settings.{layer.id}.state_providers in wealist.yaml); otherwise: {history}"
    )


def _source(text: str) -> str:
    """The source address in a state's `provider`; the text itself where it is none, which no project names."""
    found = _CONFIGURATION.search(text)
    if found is None:
        return text
    if found["legacy"] is not None:
        return f"{DEFAULT_HOST}/{_NO_NAMESPACE}/{found['legacy']}"
    return found["source"].lower()


def _is_known(source: str, known: set[str]) -> bool:
    host, _, rest = source.partition("/")
    if host == DEFAULT_HOST and rest.startswith(f"{_NO_NAMESPACE}/"):
        # Terraform looks for the one of that type.
        return any(other.startswith(f"{DEFAULT_HOST}/") and other.endswith(rest[1:]) for other in known)
    return source in known


def _locked(folder: Path) -> Iterator[str]:
    """What the lock file lists."""
    path = folder / LOCK_FILE
    if path.is_file():
        try:
            yield from (block.labels[0].lower() for block in hcl.parse_file(path).find("provider") if block.labels)
        except ConfigError:
            # Terraform will say what is wrong with it.
            return


def _fetched(folder: Path) -> Iterator[str]:
    """What the modules require that an init has fetched."""
    for module in data_folder.read_modules(folder):
        try:
            files = [hcl.parse_file(path) for path in sorted(module.glob("*.tf"))]
        except ConfigError:
            continue
        yield from (requirement.source for requirement in required_providers(files))


def _shown(text: str) -> str:
    """What somebody may have put there, on one line and not too long."""
    return text if text.isprintable() and len(text) <= _LONGEST else json.dumps(text[:_LONGEST])
