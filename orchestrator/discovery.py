"""From folders to layers: what an estate holds, read from `wealist.yaml` and from HCL.

An estate's root is the nearest folder, from here upwards, with a `wealist.yaml`. A layer is a folder that the
file's patterns match and that holds `.tf` files. Folders are listed at once; a layer's HCL is read when it is
asked for, since `wealist output one` in an estate of 300 must not read the other 299.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any

from orchestrator import hcl
from orchestrator.config import FILENAME, Config
from orchestrator.errors import ConfigError, LayerNotFoundError
from orchestrator.layer import Backend, Layer, RemoteState, Variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_MODULE_DEPTH = 8


class Estate:
    """All layers below one `wealist.yaml`.

    Attributes:
        root: The folder that holds the file.
        config: The file, checked.
    """

    def __init__(self, root: Path, config: Config) -> None:
        self.root = root
        self.config = config
        self._read: dict[str, Layer] = {}

    @classmethod
    def find(cls, start: Path) -> Estate:
        """Open the estate that a folder is in.

        Raises:
            ConfigError: No `wealist.yaml` there or above, or it is wrong.
        """
        start = start.resolve()
        for folder in (start, *start.parents):
            if (folder / FILENAME).is_file():
                return cls(folder, Config.load(folder / FILENAME))
        raise ConfigError(
            f"{start}: no {FILENAME} here or in any folder above",
            hint=f"wealist -C DIR ..., or start an estate here: echo 'version: 1' > {FILENAME}",
        )

    @cached_property
    def folders(self) -> dict[str, Path]:
        """Layer ids, sorted, with their folders; nothing is parsed for it."""
        excluded = {path for pattern in self.config.layers.exclude for path in self._glob(pattern)}
        found: dict[str, Path] = {}
        for pattern in self.config.layers.include:
            base = self.root / fixed_part(pattern)
            for folder in self._glob(pattern):
                if not folder.is_dir() or folder in excluded or not any(folder.glob("*.tf")):
                    continue
                id_ = folder.relative_to(base).as_posix()
                if found.setdefault(id_, folder) != folder:
                    raise ConfigError(
                        f"{self.root / FILENAME}: layers.include: {found[id_]} and {folder} would both be layer {id_}",
                        hint="make the patterns start higher up, so that the ids differ",
                    )
        self._check_environments(found)
        return dict(sorted(found.items()))

    def _glob(self, pattern: str) -> list[Path]:
        try:
            return list(self.root.glob(pattern))
        except (ValueError, NotImplementedError) as error:
            raise ConfigError(
                f"{self.root / FILENAME}: layers: {pattern!r} is no usable pattern: {error}",
                hint="patterns are relative to this file, as in terraform/*/*",
            ) from error

    def _check_environments(self, ids: Iterable[str]) -> None:
        """A pin for an environment that no layer is in guards nothing, and was meant for one that exists."""
        environments = {id_.rpartition("/")[0] for id_ in ids}
        for name in self.config.accounts:
            if environments and name not in environments:
                near = get_close_matches(name, environments, n=1)
                known = ", ".join(sorted(environments))
                raise ConfigError(
                    f"{self.root / FILENAME}: accounts.{name}: no layer is in that environment",
                    hint=f"did you mean {near[0]}?" if near else f"environments here: {known}",
                )

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Every layer, by id."""
        return tuple(self.layer(id_) for id_ in self.folders)

    def layer(self, name: str) -> Layer:
        """The layer with this id, or with this short name where only one has it.

        Raises:
            LayerNotFoundError: None has it, or several do; the message lists them.
            ConfigError: Its HCL can't be read.
        """
        id_ = self.resolve(name)
        if id_ not in self._read:
            self._read[id_] = read_layer(id_, self.folders[id_])
        return self._read[id_]

    def resolve(self, name: str) -> str:
        """The id that a name stands for; reads no HCL."""
        name = name.strip("/")
        if name in self.folders:
            return name
        matches = [id_ for id_ in self.folders if id_.endswith(f"/{name}")]
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise LayerNotFoundError(
                f"{name!r} could be any of {', '.join(matches)}", hint=f"give the whole id: {matches[0]}"
            )
        known = {short: id_ for id_ in self.folders for short in (id_, id_.rpartition("/")[2])}
        near = get_close_matches(name, known, n=1)
        if near:
            hint = f"did you mean {near[0]}?"
        elif known:
            hint = f"layers here: {', '.join(self.folders)}"
        else:
            hint = f"no folder matches layers.include in {self.root / FILENAME}"
        raise LayerNotFoundError(f"there is no layer {name!r} in {self.root}", hint=hint)


def read_layer(id_: str, folder: Path) -> Layer:
    """Read one root module.

    Raises:
        ConfigError: HCL that doesn't parse, or no usable `backend "s3"` block; with file and line.
    """
    files = _parse_all(folder)
    settings = [block for file in files for block in file.find("terraform")]
    versions = [block.attributes.get("required_version") for block in settings]
    return Layer(
        id=id_,
        path=folder,
        backend=_backend(id_, folder, settings),
        variables={v.name: v for file in files for v in _variables(file)},
        remote_states=tuple(state for file in files for state in _remote_states(file)),
        required_version=", ".join(str(v.value) for v in versions if v) or None,
        init_inputs=tuple(_init_inputs(folder, files)),
        local_modules=tuple(dict.fromkeys(_local_modules(folder, files))),
    )


def _sources(folder: Path) -> list[Path]:
    """`.tf` files in Terraform's own order: override files last, so that they win."""

    def is_override(path: Path) -> bool:
        return path.stem == "override" or path.stem.endswith("_override")

    return sorted(folder.glob("*.tf"), key=lambda path: (is_override(path), path.name))


def fixed_part(pattern: str) -> str:
    parts = pattern.split("/")
    wild = next((i for i, part in enumerate(parts) if set(part) & set("*?[")), len(parts) - 1)
    return "/".join(parts[:wild])


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


def _remote_states(file: hcl.Block) -> Iterator[RemoteState]:
    for block in file.find("data", "terraform_remote_state"):
        _check_labels(block, 2)
        backend, config = block.attributes.get("backend"), block.attributes.get("config")
        if backend is None or backend.value != "s3" or config is None or not isinstance(config.value, dict):
            continue
        bucket, key = config.value.get("bucket"), config.value.get("key")
        if isinstance(bucket, str) and isinstance(key, str):
            yield RemoteState(name=block.labels[1], bucket=bucket, key=key, location=block.location)


def _init_inputs(folder: Path, files: Iterable[hcl.Block]) -> Iterator[str]:
    inside = (_parse_all(module) for module in _local_modules(folder, files))
    for file in (*files, *(file for module in inside for file in module)):
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
