"""Which of a secret's versions a replication group accepts, told from dates.

AWS does not say how many tokens a group accepts, nor which. It says when the group's token last changed, and when each
version of the secret was made. The group has the newest version that is older than its last change, and accepts the one
before that too, until that carries the label `wealist-retired`. A version that is younger never reached the group.

Terraform's state is not enough: where an apply fails between the two, the provider may have written down what it was about
to do. Where AWS gives no date, it is all that there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.aws.replication_group import ReplicationGroup
    from orchestrator.aws.secrets import Version

RETIRED = "wealist-retired"
# Two services' clocks; a change of the token alone takes longer.
_SLACK = timedelta(seconds=2)


class Phase(StrEnum):
    """Where a rotation stands.

    `settled`: the current value is accepted, and no other. `open`: the one before it as well. `undelivered`: the current
    one is not, as far as can be told, or is not the one that the layer wrote.
    """

    SETTLED = "settled"
    OPEN = "open"
    UNDELIVERED = "undelivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What the group has of the secret.

    Attributes:
        current: The secret's current version.
        before: The version before the newest that the group was given, where there is one.
        retired: The version that the label is on.
        is_single: Whether the group accepts one token, so that another cuts nobody off.
    """

    current: Version
    before: Version | None
    retired: Version | None
    is_single: bool
    phase: Phase

    @classmethod
    def tell(
        cls,
        versions: Sequence[Version],
        group: ReplicationGroup,
        *,
        current_id: str,
        written_id: str,
        is_in_state: bool,
    ) -> Delivery:
        """Tell it.

        Args:
            versions: Of the secret, the oldest first.
            written_id: The version that the layer wrote, by Terraform's state.
            is_in_state: Whether the group has the current value, by Terraform's state.
        """
        current = next(version for version in versions if version.id == current_id)
        if group.token_changed is not None:
            given = [version for version in versions if version.created <= group.token_changed + _SLACK]
        else:
            given = [version for version in versions if is_in_state or version.created < current.created]
        last = given[-1] if given else None
        before = given[-2] if len(given) > 1 else None
        # A group that is younger than the version was made with it, and never knew the one before.
        is_newborn = last is not None and group.made is not None and group.made > last.created
        is_single = last is not None and (before is None or RETIRED in before.stages or is_newborn)
        if last != current or current_id != written_id or not is_in_state:
            phase = Phase.UNDELIVERED
        else:
            phase = Phase.SETTLED if is_single else Phase.OPEN
        retired = next((version for version in versions if RETIRED in version.stages), None)
        return cls(current=current, before=before, retired=retired, is_single=is_single, phase=phase)
