"""From a folder of `.tf` files to a `Layer`: backend, variables, outputs, and what it reads of other layers' states.

Nothing is evaluated, and nothing is passed over: a file that can't be read may hold what the order of layers rests on. Which
states a module reads is told by `remote_state`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator import hcl
from orchestrator.access import read_backend
from orchestrator.errors import ConfigError
from orchestrator.layer import Layer, OutputRead, Variable
from orchestrator.provider import read_providers, required_providers
from orchestrator.remote_state import TYPE as REMOTE_STATE
from orchestrator.remote_state import Scope, merged, remote_states
from orchestrator.traversal import ANY, Traversal, traversals

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from orchestrator.layer import Backend

_MODULE_DEPTH = 16


def read_layer(id_: str, folder: Path) -> Layer:
    """Read one root module.

    Raises:
        ConfigError: HCL that doesn't parse, or no usable `backend "s3"` block; with file and line.
    """
    files = _parse_all(folder)
    outside = Scope(files, folder=folder)
    calls = [*_calls(folder, outside, {})]
    modules = {call.folder: call.scope.files for call in calls}
    inside = [*modules.values()]
    sensitive, literals = _sensitive([outside, *(call.scope for call in calls)])
    settings = [block for file in files for block in file.find("terraform")]
    versions = [block.attributes.get("required_version") for block in settings]
    return Layer(
        id=id_,
        path=folder,
        backend=read_backend(id_, folder, settings),
        providers=read_providers([("", outside), *((call.address, call.scope) for call in calls)]),
        requirements=tuple(dict.fromkeys(found for scope in (files, *inside) for found in required_providers(scope))),
        remote_modules=tuple(
            address
            for outer, scope in [("", outside), *((call.address, call.scope) for call in calls)]
            for address in _remote_calls(outer, scope)
        ),
        variables={v.name: v for v in _variables(files, sensitive)},
        outputs={b.labels[0]: b.location for file in files for b in file.find("output") if b.labels},
        blocks=frozenset(_declared(files)),
        remote_states=tuple(
            # A module that is called twice may read the same state twice.
            dict.fromkeys(
                state for scope in (outside, *(call.scope for call in calls)) for state in remote_states(scope)
            )
        ),
        reads=tuple(read for scope in (files, *inside) for read in _reads(scope)),
        required_version=", ".join(str(v.value) for v in versions if v) or None,
        init_inputs=tuple(_init_inputs([*files, *(file for scope in inside for file in scope)])),
        local_modules=tuple(modules),
        sensitive_literals=tuple(literals),
    )


def peek_backend(id_: str, folder: Path) -> Backend | None:
    """The backend alone, from the files that speak of one; None where the folder is no layer that could run."""
    try:
        sources = {path: hcl.source_of(path) for path in _sources(folder)}
        files = [hcl.parse(source, path) for path, source in sources.items() if b"backend" in source]
        return read_backend(id_, folder, [block for file in files for block in file.find("terraform")])
    except ConfigError:
        return None


def _sources(folder: Path) -> list[Path]:
    """`.tf` files in Terraform's own order: override files last, so that they win.

    Raises:
        ConfigError: There is a `.tf.json` as well, which Terraform would read and wealist would not.
    """

    def is_override(path: Path) -> bool:
        return path.stem == "override" or path.stem.endswith("_override")

    # Terraform passes over hidden files, an editor's locks mostly.
    files = [path for pattern in ("*.tf", "*.tf.json") for path in folder.glob(pattern) if path.name[0] != "."]
    for path in files:
        if path.suffix == ".json":
            raise ConfigError(
                f"{path}:1: wealist does not read .tf.json, and would not see what this file declares",
                hint=f"write it as HCL, in {path.name.removesuffix('.json')}",
            )
    return sorted(files, key=lambda path: (is_override(path), path.name))


def _variables(files: Iterable[hcl.Block], sensitive: Container[str]) -> Iterator[Variable]:
    for (name,), (given, location) in merged(files, "variable").items():
        type_ = given.get("type")
        yield Variable(name=name, type=type_.text if type_ else None, is_sensitive=name in sensitive, location=location)


def _sensitive(scopes: Sequence[Scope]) -> tuple[set[str], list[Any]]:
    """The root module's sensitive variables, and what the HCL itself gives to any sensitive variable.

    Args:
        scopes: The root module's first, each other after the one that calls it.
    """
    found: dict[Scope, set[str]] = {scope: set() for scope in scopes}
    literals: list[Any] = []
    # From the inside out: what is handed to a sensitive variable is sensitive itself.
    for scope in reversed(scopes):
        for (name,), (given, _) in merged(scope.files, "variable").items():
            marks = [given[mark].value for mark in ("sensitive", "ephemeral") if mark in given]
            if name not in found[scope] and all(mark is False for mark in marks):
                continue
            found[scope].add(name)
            literals += [given["default"].value] if "default" in given else []
            argument = scope.argument(name)
            if argument is None:
                continue
            source = re.fullmatch(r"var\.([\w-]+)", argument.text)
            if source is None:
                literals.append(argument.value)
            elif scope.outer is not None:
                found[scope.outer].add(source[1])
    return found[scopes[0]], literals


def _declared(files: Iterable[hcl.Block]) -> Iterator[str]:
    prefixes = {"resource": "", "data": "data.", "module": "module."}
    for file in files:
        for block in file.blocks:
            if block.type in prefixes and block.labels:
                yield prefixes[block.type] + ".".join(block.labels)


def _reads(files: Iterable[hcl.Block]) -> Iterator[OutputRead]:
    """Every output of another layer that one module reads by name, also through a local that stands for all of them."""
    files = [*files]
    forgiven = {name for file in files for name in _with_defaults(file)}
    aliases: dict[str, str] = {}
    for file in files:
        if not file.mentions(REMOTE_STATE):
            continue
        for block in file.find("locals"):
            for name, attribute in block.attributes.items():
                whole = re.fullmatch(rf"data\.{REMOTE_STATE}\.([\w-]+)(?:\[[^\]]*\])?\.outputs", attribute.text)
                if whole:
                    aliases[name] = whole[1]
        for found in traversals(file, "data"):
            if found.steps[1:2] == (REMOTE_STATE,) and len(found.steps) > 2:
                # An instance key may stand between the name and its outputs.
                rest = found.steps[3:] if found.steps[3:4] == ("outputs",) else found.steps[4:]
                yield from _read(found, found.steps[2], rest[1:] if rest[:1] == ("outputs",) else (), forgiven)
    for file in files if aliases else ():
        for found in traversals(file, "local"):
            if found.steps[1:2] and found.steps[1] in aliases:
                yield from _read(found, aliases[found.steps[1]], found.steps[2:], forgiven)


def _read(found: Traversal, state: str, rest: tuple[str, ...], forgiven: set[str]) -> Iterator[OutputRead]:
    if rest and rest[0] != ANY:
        is_optional = found.is_optional or state in forgiven
        yield OutputRead(state=state, output=rest[0], is_optional=is_optional, location=found.location)


def _with_defaults(file: hcl.Block) -> Iterator[str]:
    """Remote states that bring values for outputs that are not there."""
    for block in file.find("data", REMOTE_STATE):
        if "defaults" in block.attributes and len(block.labels) == 2:
            yield block.labels[1]


def _init_inputs(files: Iterable[hcl.Block]) -> Iterator[str]:
    for file in files:
        for setting in file.find("terraform"):
            yield setting.text
        for module in file.find("module"):
            source, version = module.attributes.get("source"), module.attributes.get("version")
            yield f"{module.labels} {source and source.text} {version and version.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """A module that is called by path: its folder, and what its references stand for in that call."""

    address: str
    folder: Path
    scope: Scope


def _calls(
    folder: Path, scope: Scope, parsed: dict[Path, list[hcl.Block]], outer: str = "", chain: tuple[Path, ...] = ()
) -> Iterator[_Call]:
    """The modules that are called by path, theirs included."""
    for (name,), (given, location) in merged(scope.files, "module").items():
        local = _local_source(given)
        if local is None:
            continue
        child = (folder / local).resolve()
        if child in chain:
            # A circle, which Terraform does not get out of; all that is in it was read.
            continue
        if len(chain) == _MODULE_DEPTH:
            raise ConfigError(
                f"{location}: modules are nested more than {_MODULE_DEPTH} deep",
                hint="call this one from further up: what is not read can't be checked",
            )
        if child not in parsed:
            parsed[child] = _parse_all(child)
        call = _Call(address=_joined(outer, name), folder=child, scope=Scope(parsed[child], call=given, outer=scope))
        yield call
        yield from _calls(child, call.scope, parsed, call.address, (*chain, child))


def _remote_calls(outer: str, scope: Scope) -> Iterator[str]:
    """The addresses of the modules that an init has to fetch."""
    for (name,), (given, _) in merged(scope.files, "module").items():
        if _local_source(given) is None:
            yield _joined(outer, name)


def _local_source(given: Mapping[str, hcl.Attribute]) -> str | None:
    source = given["source"].value if "source" in given else None
    return source if isinstance(source, str) and source.startswith(("./", "../")) else None


def _joined(outer: str, name: str) -> str:
    return f"{outer}.module.{name}" if outer else f"module.{name}"


def _parse_all(folder: Path) -> list[hcl.Block]:
    return [hcl.parse_file(path) for path in _sources(folder)]
