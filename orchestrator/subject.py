"""What is diagnosed: what wealist.yaml names, with the values that the layer's outputs have for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from orchestrator import lookup
from orchestrator.config import FILENAME
from orchestrator.database_layer import DatabaseLayer
from orchestrator.diagnosis import POSTGRESQL
from orchestrator.document import line_of
from orchestrator.errors import ConfigError, UsageError
from orchestrator.inventory import Inventory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from orchestrator.config import DiagnoseConfig
    from orchestrator.discovery import Estate
    from orchestrator.layer import Layer
    from orchestrator.outputs import Output
    from orchestrator.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A database, as an estate describes it.

    Attributes:
        identifier: Of the instance or the replication group.
        private_subnets: Ids of the subnets that must reach it.
        secret: The name of its password or token in `secrets`.
        outputs: All of the layer.
    """

    name: str
    layer: DatabaseLayer
    identifier: str
    private_subnets: tuple[str, ...]
    secret: str
    user: str | None
    database: str | None
    outputs: Mapping[str, Output] = field(repr=False)


def layer_of(estate: Estate, name: str) -> Layer:
    """The layer that what wealist.yaml has under a name belongs to.

    Raises:
        UsageError: No such name; the hint names the nearest.
    """
    return estate.layer(_config(estate, name).layer)


def read_subject(estate: Estate, name: str, target: Target) -> Subject:
    """What wealist.yaml has under a name, and the layer's state for it.

    Raises:
        UsageError: No such name; the hint names the nearest.
        ConfigError: An output that it names is not there, or of another shape.
        StateError: The layer was never applied.
    """
    config, layer = _config(estate, name), layer_of(estate, name)
    state, text = lookup.read_layer(layer, target)
    inventory = Inventory.of_state(text)

    def output(key: str, kind: type) -> Any:
        path = estate.root / FILENAME
        wanted = getattr(config, key)
        return _value(
            state.outputs, wanted, kind, where=(path, ("diagnose", name, key)), command=target.command, layer=layer
        )

    identifier = output("identifier", str)
    database_layer = DatabaseLayer(
        kind=config.kind,
        name=layer.name,
        region=_region(inventory, config.kind, identifier) or layer.backend.region,
        inventory=inventory,
        command=target.command,
        aws_options=_aws_options(target),
    )
    return Subject(
        name=name,
        layer=database_layer,
        identifier=identifier,
        private_subnets=tuple(output("private_subnets", list)),
        secret=config.secret,
        user=output("user", str) if config.user else None,
        database=output("database", str) if config.database else None,
        outputs=state.outputs,
    )


def _config(estate: Estate, name: str) -> DiagnoseConfig:
    declared = estate.config.diagnose
    if name not in declared:
        near = get_close_matches(name, declared, n=1)
        known = f"declared in {FILENAME}: {', '.join(declared) or 'none'}"
        raise UsageError(
            f"there is nothing to diagnose named {name!r}", hint=f"did you mean {near[0]}?" if near else known
        )
    return declared[name]


def _value(
    outputs: Mapping[str, Output],
    name: str,
    kind: type,
    *,
    where: tuple[Path, tuple[str, ...]],
    command: Callable[..., str],
    layer: Layer,
) -> Any:
    """The value of an output that wealist.yaml names at a place."""
    path, key = where
    place = f"{path}:{line_of(path, key)}: {'.'.join(key)}"
    if name not in outputs:
        near = get_close_matches(name, outputs, n=1)
        hint = f"did you mean {near[0]}?" if near else command("output", layer.name)
        raise ConfigError(f"{place}: layer {layer.id} has no output {name!r}", hint=hint)
    value = outputs[name].value
    if not isinstance(value, kind) or not value:
        shape = "list of ids" if kind is list else "text"
        raise ConfigError(f"{place}: output {name} is no {shape}", hint=command("output", layer.name, name))
    return value


def _aws_options(target: Target) -> tuple[str, ...]:
    settings = target.aws
    profile = ("--profile", settings.profile) if settings.profile else ()
    endpoint = ("--endpoint-url", settings.endpoint_url) if settings.endpoint_url else ()
    return (*profile, *endpoint)


def _region(inventory: Inventory, kind: str, identifier: str) -> str | None:
    """Where the database is, by its ARN: a provider may work in another region than the backend."""
    type_, name = (
        ("aws_db_instance", "identifier")
        if kind == POSTGRESQL
        else ("aws_elasticache_replication_group", "replication_group_id")
    )
    for one in inventory.resources:
        if one.type == type_ and one.values.get(name) == identifier:
            parts = str(one.values.get("arn", "")).split(":")
            return parts[3] if len(parts) > 4 else None
    return None
