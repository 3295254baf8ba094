"""From folders to layers: what an estate holds, read from `wealist.yaml` and from HCL.

An estate's root is the nearest folder, from here upwards, with a `wealist.yaml`. A layer is a folder that the
file's patterns match and that holds `.tf` files. Folders are listed at once; a layer's HCL is read when it is
asked for, since `wealist output one` in an estate of 300 must not read the other 299.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING

from orchestrator import price, shared_state
from orchestrator.config import FILENAME, Config
from orchestrator.document import line_of
from orchestrator.errors import ConfigError, LayerNotFoundError
from orchestrator.graph import Graph
from orchestrator.layer import CONTRACT_FILE, Location
from orchestrator.price import Book
from orchestrator.root_module import peek_backend, read_layer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from orchestrator.finding import Finding
    from orchestrator.graph import Edge
    from orchestrator.layer import Backend, Layer


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
            if (folder / FILENAME).exists():
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
                self._check_inside(folder, ("layers", "include"))
                id_ = folder.relative_to(base).as_posix()
                if found.setdefault(id_, folder) != folder:
                    raise ConfigError(
                        f"{self.root / FILENAME}: layers.include: {found[id_]} and {folder} would both be layer {id_}",
                        hint="make the patterns start higher up, so that the ids differ",
                    )
        self._check_environments(found)
        self._check_layer_names(found)
        return dict(sorted(found.items()))

    def _glob(self, pattern: str) -> list[Path]:
        try:
            return list(self.root.glob(pattern))
        except (ValueError, NotImplementedError) as error:
            raise ConfigError(
                f"{self.root / FILENAME}: layers: {pattern!r} is no usable pattern: {error}",
                hint="patterns are relative to this file, as in terraform/*/*",
            ) from error

    def _check_inside(self, path: Path, key: tuple[str, ...] = ()) -> None:
        """What is worked on lies in the project; a link may lead from one place in it to another.

        Args:
            key: Where the configuration names it, if it does.
        """
        if not path.resolve().is_relative_to(self.root):
            config = self.root / FILENAME
            named_by = f"{config}:{line_of(config, key)}: {'.'.join(key)}: " if key else ""
            raise ConfigError(
                f"{named_by}{path}: this leads out of {self.root}",
                hint=f"move it inside, or {FILENAME} to a folder above both",
            )

    def _check_layer_names(self, ids: Iterable[str]) -> None:
        """A guard for a layer that is not there guards nothing, and was meant for one that exists."""
        known = {name: id_ for id_ in ids for name in (id_, id_.rpartition("/")[2])}
        named: dict[tuple[str, ...], str] = {}
        named |= {("guards", "deletion_protection", name): name for name in self.config.guards.deletion_protection}
        named |= {("layers", "settings", name): name for name in self.config.layers.settings}
        named |= {("durations", name): name for name in self.config.durations}
        named |= {("secrets", name, "layer"): secret.layer for name, secret in self.config.secrets.items()}
        named |= {("diagnose", name, "layer"): one.layer for name, one in self.config.diagnose.items()}
        path = self.root / FILENAME
        for key, name in named.items():
            if known and not any(id_ == name or id_.endswith(f"/{name}") for id_ in known.values()):
                near = get_close_matches(name, known, n=1)
                raise ConfigError(
                    f"{path}:{line_of(path, key)}: {'.'.join(key)}: there is no layer {name!r}",
                    hint=f"did you mean {near[0]}?" if near else f"layers here: {', '.join(sorted(known.values()))}",
                )

    def _check_environments(self, ids: Iterable[str]) -> None:
        """A pin for an environment that no layer is in guards nothing, and was meant for one that exists."""
        environments = {id_.rpartition("/")[0] for id_ in ids}
        for name in self.config.accounts:
            holds = any(environment == name or environment.startswith(f"{name}/") for environment in environments)
            if environments and not holds:
                near = get_close_matches(name, environments, n=1)
                known = ", ".join(sorted(environments))
                raise ConfigError(
                    f"{self.root / FILENAME}: accounts.{name}: no layer is in that environment",
                    hint=f"did you mean {near[0]}?" if near else f"environments here: {known}",
                )

    @cached_property
    def prices(self) -> Book | None:
        """The price book, where there is one.

        Raises:
            ConfigError: It is wrong, or wealist.yaml names one that is not there.
        """
        named = self.config.prices
        path = self.root / (named or price.FILENAME)
        if path.exists():
            self._check_inside(path, ("prices",))
            return Book.load(path)
        if named is None:
            return None
        config = self.root / FILENAME
        raise ConfigError(
            f"{config}:{line_of(config, ('prices',))}: prices: there is no file {named}",
            hint=f"leave it out for {price.FILENAME} beside this file",
        )

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """Every layer, by id."""
        return tuple(self.layer(id_) for id_ in self.folders)

    @cached_property
    def graph(self) -> Graph:
        """Which layer needs which; reads the HCL of all of them.

        Raises:
            ConfigError: `depends_on` names a layer that is not there.
        """
        path = self.root / FILENAME
        declared: dict[str, list[tuple[str, Location]]] = {}
        for name, needs in self.config.depends_on.items():
            location = Location(path, line_of(path, ("depends_on", name)))
            try:
                # A layer may stand there by its id and by its short name.
                entries = declared.setdefault(self.resolve(name), [])
                entries.extend((self.resolve(other), location) for other in needs)
            except LayerNotFoundError as error:
                raise ConfigError(f"{location}: depends_on.{name}: {error.message}", hint=error.hint) from error
        return Graph(self.layers, declared=declared, external=self.config.layers.external, shared=self.shared_states)

    @cached_property
    def backends(self) -> dict[str, Backend]:
        """Where each layer keeps its state, by id; one whose HCL can't be read is left out."""
        found = {
            id_: self._read[id_].backend if id_ in self._read else peek_backend(id_, folder)
            for id_, folder in self.folders.items()
        }
        return {id_: backend for id_, backend in found.items() if backend is not None}

    @cached_property
    def shared_states(self) -> dict[str, tuple[str, ...]]:
        """By layer id the other layers that keep their state in the same object; mostly empty."""
        return shared_state.find_sharing({id_: self._identity(id_) for id_ in self.backends})

    def _identity(self, id_: str) -> tuple[str | None, ...]:
        """What tells the state of a layer from any other: layers that live in workspaces are apart by their prefix."""
        backend = self.backends[id_]
        is_in_default = self.config.settings(id_).workspace is not None
        return (backend.bucket, backend.key, None if is_in_default else backend.workspace_key_prefix)

    def find_shared_state(self, layer: Layer) -> Finding | None:
        """What there is to say of a layer whose state is another's as well."""
        return shared_state.find_problem(layer.id, self.shared_states.get(layer.id, ()), self.backends)

    def refuse_shared_state(self, layer: Layer) -> None:
        """Stop what could write the state of a layer that is another's as well.

        Raises:
            LayerOrderError: It is.
        """
        shared_state.refuse(layer.id, self.shared_states.get(layer.id, ()), self.backends)

    def edges(self, layer: Layer) -> tuple[Edge, ...]:
        """What a layer needs; the others' HCL is only read where it needs something."""
        return self.graph.edges(layer.id) if layer.remote_states or self.config.depends_on else ()

    def layer(self, name: str) -> Layer:
        """The layer with this id, or with this short name where only one has it.

        Raises:
            LayerNotFoundError: None has it, or several do; the message lists them.
            ConfigError: Its HCL can't be read.
        """
        id_ = self.resolve(name)
        if id_ not in self._read:
            self._check_inside(self.folders[id_] / CONTRACT_FILE)
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


def fixed_part(pattern: str) -> str:
    parts = pattern.split("/")
    wild = next((i for i, part in enumerate(parts) if set(part) & set("*?[")), len(parts) - 1)
    return "/".join(parts[:wild])
