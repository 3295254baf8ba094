"""The AUTH token of an ElastiCache replication group.

AWS keeps two tokens at most. ROTATE adds one and drops the oldest of three; SET, allowed only after a ROTATE, leaves one.
Both take minutes, in which the group is `modifying`; it goes on serving. Nothing tells how many tokens there are, only
when they were last changed. (ElastiCache User Guide, "Authenticating with the AUTH command"; API_ModifyReplicationGroup.)
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.aws.session import DENIED, translated
from orchestrator.errors import AwsError, WealistError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from orchestrator.aws.session import Session

SETTING = "SETTING"
NOT_READY = "InvalidReplicationGroupState"
NOT_FOUND = "ReplicationGroupNotFoundFault"
WAIT = 40 * 60.0
"""Seconds that a change may take; Terraform's provider waits as long."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationGroup:
    """What AWS says of a group.

    Attributes:
        status: `available`, or what it is at: `modifying`, `snapshotting`.
        changing: `ROTATING` or `SETTING` while the token is changed, in AWS's words.
        made: When the group was.
        token_changed: When the token was last changed; None where AWS does not say.
    """

    id: str
    region: str
    status: str
    changing: str | None
    has_token: bool
    made: datetime | None
    token_changed: datetime | None

    @property
    def is_ready(self) -> bool:
        """Whether AWS would change it now."""
        return self.status == "available" and self.changing is None

    @property
    def doing(self) -> str:
        """What it is at, in AWS's own words."""
        return f"{self.status} ({self.changing})" if self.changing else self.status


def read_group(session: Session, id_: str, region: str) -> ReplicationGroup | None:
    """A group as it is now, or None where there is none.

    Raises:
        AwsError: AWS said no.
    """
    try:
        with translated(f"looking at the replication group {id_}"):
            answer = session.client("elasticache", region).describe_replication_groups(ReplicationGroupId=id_)
    except AwsError as error:
        if error.code == NOT_FOUND:
            return None
        raise _explained(error, "elasticache:DescribeReplicationGroups", id_) from error
    found: dict[str, Any] = answer["ReplicationGroups"][0]
    return ReplicationGroup(
        id=found["ReplicationGroupId"],
        region=region,
        status=found["Status"],
        changing=found.get("PendingModifiedValues", {}).get("AuthTokenStatus"),
        has_token=bool(found.get("AuthTokenEnabled")),
        made=found.get("ReplicationGroupCreateTime"),
        token_changed=found.get("AuthTokenLastModifiedDate"),
    )


def set_token(session: Session, group: ReplicationGroup, token: str) -> None:
    """Ask AWS to let this token be the only one; it is done when the group is ready again.

    Raises:
        AwsError: AWS said no; nothing was changed.
    """
    try:
        with translated(f"setting the AUTH token of {group.id}"):
            session.client("elasticache", group.region).modify_replication_group(
                ReplicationGroupId=group.id, AuthToken=token, AuthTokenUpdateStrategy="SET", ApplyImmediately=True
            )
    except AwsError as error:
        raise _explained(error, "elasticache:ModifyReplicationGroup", group.id) from error


def wait_until_ready(
    session: Session, group: ReplicationGroup, *, timeout: float = WAIT, on_wait: Callable[[str], None] | None = None
) -> None:
    """Return once the group has been ready twice in a row: right after a call it may still say that it is.

    Args:
        timeout: Seconds.
        on_wait: Told what the group is at, each time that it is something else.

    Raises:
        WealistError: It takes longer than that; AWS goes on.
        AwsError: AWS said no.
    """
    deadline, pause, seen, told = time.monotonic() + timeout, _FIRST_PAUSE, 0, ""
    while True:
        found = read_group(session, group.id, group.region)
        if found is None:
            raise WealistError(f"the replication group {group.id} is gone")
        seen = seen + 1 if found.is_ready else 0
        if seen > 1:
            return
        if not found.is_ready and found.doing != told:
            told = found.doing
            if on_wait is not None:
                on_wait(told)
        if not found.is_ready and time.monotonic() >= deadline:
            raise WealistError(f"{group.id} is {found.doing} after {timeout / 60:.0f} minutes, and AWS goes on")
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE) if not found.is_ready else _FIRST_PAUSE


def _explained(error: AwsError, permission: str, id_: str) -> AwsError:
    if error.code in DENIED:
        error.hint = f"this identity needs {permission} on {id_}"
    elif error.code == NOT_READY:
        error.hint = "AWS changes a group only while it is available: wait, and try again"
    return error
