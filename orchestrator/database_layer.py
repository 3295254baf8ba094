"""The layer that a database belongs to: where its resources stand in Terraform, and the commands that lead there."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.diagnosis import POSTGRESQL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from orchestrator.inventory import Inventory


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseLayer:
    """The layer that a database belongs to.

    Attributes:
        kind: `postgresql` or `redis`.
        command: A wealist command that goes to the same place, from its words.
        aws_options: What the AWS CLI needs for that.
    """

    kind: str
    name: str
    region: str
    inventory: Inventory = field(repr=False)
    command: Callable[..., str] = field(repr=False)
    aws_options: tuple[str, ...] = ()

    def address(self, *types: str, **attributes: Any) -> str | None:
        """The address of the one resource of these types that has all these attributes."""
        return next((one for one, _ in self.resources(*types, **attributes)), None)

    def resources(self, *types: str, **attributes: Any) -> list[tuple[str, Mapping[str, Any]]]:
        return [
            (one.address, one.values)
            for one in self.inventory.resources
            if one.type in types and all(one.values.get(name) == value for name, value in attributes.items())
        ]

    @property
    def plan(self) -> str:
        return self.command("plan", self.name)

    def aws(self, *words: str) -> str:
        """A command of the AWS CLI that goes to the same place, from its words."""
        return shlex.join(["aws", *words, "--region", self.region, *self.aws_options])

    def database_address(self, id_: str) -> str | None:
        if self.kind == POSTGRESQL:
            return self.address("aws_db_instance", identifier=id_)
        return self.address("aws_elasticache_replication_group", replication_group_id=id_)
