"""From a folder of `.tf` files to a `Layer`: backend, variables, outputs, and what it reads of other layers' states.

Nothing is evaluated. Where a bucket or key of a `terraform_remote_state` is a local or a variable with a literal value, or
a string made of such, it is followed; anything else is left open, for `graph` to complain of.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from orchestrator import hcl
from orchestrator.errors import ConfigError
from orchestrator.layer import Backend, Layer, OutputRead, RemoteState, Variable
from orchestrator.traversal import ANY, Traversal, traversals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_MODULE_DEPTH = 8
_REMOTE = "terraform_remote_state"


def read_layer(id_: str, folder: Path) -> Layer:
    """Read one root module.

    Raises:
        ConfigError: HCL that doesn't parse, or no usable `backend "s3"` block; with file and line.
    """
    files = _parse_all(folder)
    modules = tuple(dict.fromkeys(_local_modules(folder, files)))
    inside = [_parse_all(module) for module in modules]
    settings = [block for file in files for block in file.find("terraform")]
    versions = [block.attributes.get("required_version") for block in settings]
    return Layer(
        id=id_,
        path=folder,
        backend=_backend(id_, folder, settings),
        variables={v.name: v for file in files for v in _variables(file)},
        outputs={b.labels[0]: b.location for file in files for b in file.find("output") if b.labels},
        blocks=frozenset(_declared(files)),
        remote_states=(
            *_remote_states(files, folder),
            *(state for scope in inside for state in _remote_states(scope)),
        ),
        reads=tuple(read for scope in (files, *inside) for read in _reads(scope)),
        required_version=", ".join(str(v.value) for v in versions if v) or None,
        init_inputs=tuple(_init_inputs([*files, *(file for scope in inside for file in scope)])),
        local_modules=modules,
    )


def _sources(folder: Path) -> list[Path]:
    """`.tf` files in Terraform's own order: override files last, so that they win."""

    def is_override(path: Path) -> bool:
        return path.stem == "override" or path.stem.endswith("_override")

    return sorted(folder.glob("*.tf"), key=lambda path: (is_override(path), path.name))


def _backend(id_: str, folder: Path, settings: Iterable[hcl.Block]) -> Backend:
    blocks = [block for setting in settings for block in setting.blocks if block.type in ("backend", "cloud")]
    if not blocks:
        raise ConfigError(
            f'{folder}: layer {id_} has no backend "s3" block, so its state would stay on this machine',
            hint='add: terraform { backend "s3" { bucket = ... key = ... region = ... } }',
        )
    block = blocks[-1]
    kind = block.labels[0] if block.labels else block.type
    if kind != "s3":
        raise ConfigError(
            f'{block.location}: layer {id_} keeps its state in "{kind}"; wealist drives backend "s3" only',
            hint='change the block to backend "s3", or leave this folder out with layers.exclude in wealist.yaml',
        )

    def value(name: str, kind: type = str, *, required: bool = False) -> Any:
        attribute = block.attributes.get(name)
        if attribute is None:
            if required:
                raise ConfigError(
                    f'{block.location}: backend "s3" of layer {id_} has no {name}',
                    hint=f"write {name} in the block: what is in HCL is what wealist checks",
                )
            return None
        if isinstance(attribute.value, hcl.Expression):
            raise ConfigError(f"{attribute.location}: {name} = {attribute.text}: a backend takes literal values only")
        if not isinstance(attribute.value, kind):
            wanted = "true or false" if kind is bool else "a string"
            raise ConfigError(f"{attribute.location}: {name} = {attribute.text}: must be {wanted}")
        return attribute.value

    assume_role = block.attributes.get("assume_role")
    role = assume_role.value.get("role_arn") if assume_role and isinstance(assume_role.value, dict) else None
    return Backend(
        bucket=value("bucket", required=True),
        key=value("key", required=True),
        region=value("region", required=True),
        dynamodb_table=value("dynamodb_table"),
        use_lockfile=bool(value("use_lockfile", bool)),
        encrypt=bool(value("encrypt", bool)),
        kms_key_id=value("kms_key_id"),
        profile=value("profile"),
        role_arn=role or value("role_arn"),
        location=block.location,
    )


def _check_labels(block: hcl.Block, count: int) -> None:
    if len(block.labels) != count:
        raise ConfigError(
            f"{block.location}: a {block.type} block has {count} label{'s' if count > 1 else ''}, not {len(block.labels)}",
            hint=f"terraform -chdir={block.location.path.parent} validate",
        )


def _variables(file: hcl.Block) -> Iterator[Variable]:
    for block in file.find("variable"):
        _check_labels(block, 1)
        type_ = block.attributes.get("type")
        sensitive = block.attributes.get("sensitive")
        yield Variable(
            name=block.labels[0],
            type=type_.text if type_ else None,
            has_default="default" in block.attributes,
            is_sensitive=sensitive is not None and sensitive.value is not False,
            location=block.location,
        )


def _declared(files: Iterable[hcl.Block]) -> Iterator[str]:
    prefixes = {"resource": "", "data": "data.", "module": "module."}
    for file in files:
        for block in file.blocks:
            if block.type in prefixes and block.labels:
                yield prefixes[block.type] + ".".join(block.labels)


def _remote_states(files: Iterable[hcl.Block], folder: Path | None = None) -> Iterator[RemoteState]:
    """The remote states on S3 of one module; a root module's folder may hold values for its variables."""
    files = tuple(files)
    blocks = [block for file in files for block in file.find("data", _REMOTE)]
    known = _literals(files) | (_assigned(folder) if folder else {}) if blocks else {}
    for block in blocks:
        _check_labels(block, 2)
        backend, config = block.attributes.get("backend"), block.attributes.get("config")
        if backend is None or backend.value != "s3" or config is None:
            continue
        given = config.value if isinstance(config.value, dict) else {}
        yield RemoteState(
            name=block.labels[1],
            bucket=_resolve(given.get("bucket"), known),
            key=_resolve(given.get("key"), known),
            location=block.location,
        )


def _literals(files: Iterable[hcl.Block]) -> dict[str, str]:
    """The locals, and the variables' defaults, that are plain text."""
    found: dict[str, Any] = {}
    for file in files:
        for block in file.find("locals"):
            found |= {f"local.{name}": attribute.value for name, attribute in block.attributes.items()}
        for block in file.find("variable"):
            if block.labels and "default" in block.attributes:
                found[f"var.{block.labels[0]}"] = block.attributes["default"].value
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _assigned(folder: Path) -> dict[str, str]:
    """The values of files that Terraform reads by itself, later ones win."""
    paths = [folder / "terraform.tfvars", *sorted(folder.glob("*.auto.tfvars"))]
    given = (hcl.parse_file(path).attributes for path in paths if path.is_file())
    return {
        f"var.{name}": attribute.value
        for attributes in given
        for name, attribute in attributes.items()
        if isinstance(attribute.value, str)
    }


def _resolve(value: Any, known: Mapping[str, str]) -> str | None:
    """A text that is literal, or made of `known` references; None for any other."""
    if not isinstance(value, hcl.Expression):
        return value if isinstance(value, str) else None
    if value.text in known:
        return known[value.text]
    template = re.fullmatch(r'"([^"\\]*)"', value.text)
    if template is None:
        return None
    text = re.sub(r"\$\{\s*([\w.-]+)\s*\}", lambda match: known.get(match[1], match[0]), template[1])
    return None if "${" in text or "%{" in text else text


def _reads(files: Iterable[hcl.Block]) -> Iterator[OutputRead]:
    """Every output of another layer that one module reads by name, also through a local that stands for all of them."""
    files = [*files]
    forgiven = {name for file in files for name in _with_defaults(file)}
    aliases: dict[str, str] = {}
    for file in files:
        if not file.mentions(_REMOTE):
            continue
        for block in file.find("locals"):
            for name, attribute in block.attributes.items():
                whole = re.fullmatch(rf"data\.{_REMOTE}\.([\w-]+)(?:\[[^\]]*\])?\.outputs", attribute.text)
                if whole:
                    aliases[name] = whole[1]
        for found in traversals(file, "data"):
            if found.steps[1:2] == (_REMOTE,) and len(found.steps) > 2:
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
    for block in file.find("data", _REMOTE):
        if "defaults" in block.attributes and len(block.labels) == 2:
            yield block.labels[1]


def _init_inputs(files: Iterable[hcl.Block]) -> Iterator[str]:
    for file in files:
        for setting in file.find("terraform"):
            yield setting.text
        for module in file.find("module"):
            source, version = module.attributes.get("source"), module.attributes.get("version")
            yield f"{module.labels} {source and source.text} {version and version.text}"


def _local_modules(folder: Path, files: Iterable[hcl.Block], depth: int = 0) -> Iterator[Path]:
    """The folders of the modules that are called by path, theirs included."""
    for file in files:
        for module in file.find("module"):
            source = module.attributes.get("source")
            local = source.value if source else None
            if isinstance(local, str) and local.startswith(("./", "../")) and depth < _MODULE_DEPTH:
                child = (folder / local).resolve()
                yield child
                yield from _local_modules(child, _parse_all(child), depth + 1)


def _parse_all(folder: Path) -> list[hcl.Block]:
    return [hcl.parse_file(path) for path in _sources(folder)]
