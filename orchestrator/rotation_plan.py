"""What the plan of a rotation must do, and all that it may: a new version of the secret, and the group that is given it.

It targets the group with all that it needs, so that a forgotten `--set` would resize it along with a token. And Terraform says
no word where what is to be replaced is not below the target: one half alone is no rotation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.errors import GuardError
from orchestrator.plan import Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.config import RotationConfig
    from orchestrator.plan import Plan, ResourceChange

_TOKEN = "auth_token"  # noqa: S105 - an attribute's name
_TOKEN_ATTRIBUTES = frozenset({_TOKEN, "auth_token_update_strategy"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What holds for the plans of one secret's rotation.

    Attributes:
        name: What wealist.yaml calls the secret.
        layer: The id of its layer.
        command: Writes a wealist command for the target.
    """

    name: str
    layer: str
    addresses: RotationConfig
    command: Callable[..., str]

    def check(self, plan: Plan) -> None:
        """Refuse a plan that does more than a rotation, or one half of it.

        Raises:
            GuardError: It names what is too much, or what is missing.
        """
        beyond = [what for change in plan.changes if change.is_shown for what in self._beyond(change)]
        if beyond:
            raise GuardError(
                f"{self.layer}: the plan of the rotation changes more than the token: {', '.join(beyond)}",
                hint=f"first {self.command('up', self.layer)}, or give the values that it was last given",
            )
        shown = {change.address: change for change in plan.changes if change.is_shown}
        replace, target = self.addresses.replace, self.addresses.target
        if replace not in shown:
            raise GuardError(
                f"{self.layer}: the plan of the rotation makes no new value: {replace} is not in it",
                hint=self.unlinked,
            )
        given = shown[target].attribute_changes() if target in shown else ()
        if _TOKEN not in {attribute.path for attribute in given}:
            raise GuardError(
                f"{self.layer}: the plan of the rotation makes a new value, and {target} would not be given it",
                hint=self.unlinked,
            )

    @property
    def unlinked(self) -> str:
        """What to do where one half is missing."""
        return (
            f"in the HCL, auth_token of {self.addresses.target} has to come from {self.addresses.replace}; both addresses "
            f"stand in wealist.yaml, at secrets.{self.name}.rotation"
        )

    def _beyond(self, change: ResourceChange) -> tuple[str, ...]:
        """What a change is beyond a new token."""
        if change.address == self.addresses.replace and change.action is Action.REPLACE:
            return ()
        if change.address != self.addresses.target or change.action is not Action.UPDATE:
            return (change.address,)
        paths = (attribute.path for attribute in change.attribute_changes())
        return tuple(f"{change.address}.{path}" for path in paths if path not in _TOKEN_ATTRIBUTES)
