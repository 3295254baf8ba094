"""The AUTH token of an ElastiCache replication group.

AWS keeps two tokens at most. ROTATE adds one and drops the oldest of three; SET, allowed only after a ROTATE, leaves one.
Both take minutes, in which the group is `modifying`; it goes on serving. Nothing tells how many tokens there are, only
when they were last changed. (ElastiCache User Guide, "Authenticating with the AUTH command"; API_ModifyReplicationGroup.)
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.aws.session import DENIED, EXPIRED, NO_CREDENTIALS, REJECTED, translated
from orchestrator.errors import AwsError, WealistError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from orchestrator.aws.session import Session

SETTING = "SETTING"
NOT_READY = "InvalidReplicationGroupState"
NOT_FOUND = frozenset({"ReplicationGroupNotFoundFault", "ReplicationGroupNotFound"})
"""botocore's model has the first, without the suffix that others of the service lack too: either is taken."""
WAIT = 40 * 60.0
"""Seconds that a change may take; Terraform's provider waits as long."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_NO_SIGN = 60.0
_MOST_FAILURES = 5
# What the next poll would say as well.
_FINAL = DENIED | EXPIRED | NO_CREDENTIALS | REJECTED


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


def describe_group(session: Session, id_: str, region: str) -> dict[str, Any] | None:
    """A group in AWS's own shape, or None where there is none.

    Raises:
        AwsError: AWS said no.
    """
    try:
        with translated(f"looking at replication group {id_}"):
            answer = session.client("elasticache", region).describe_replication_groups(ReplicationGroupId=id_)
    except AwsError as error:
        if error.code in NOT_FOUND:
            return None
        raise _explained(error, "elasticache:DescribeReplicationGroups", id_) from error
    found: dict[str, Any] = answer["ReplicationGroups"][0]
    return found


def read_group(session: Session, id_: str, region: str) -> ReplicationGroup | None:
    """A group as it is now, or None where there is none.

    Raises:
        AwsError: AWS said no.
    """
    found = describe_group(session, id_, region)
    if found is None:
        return None
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


def wait_until_changed(
    session: Session, group: ReplicationGroup, *, timeout: float = WAIT, on_wait: Callable[[str], None] | None = None
) -> None:
    """Return once a change of the token that was asked for has ended.

    Right after the call AWS may still answer as before it. So an end is one only after a sign that it began: a group at
    something, or a later date of the token. Where neither comes, it is over once the group was ready for a minute. One look is never enough.

    A poll that fails is made again, unless what it says stays true: that the credentials have ended.

    Args:
        group: As it was before the call, or in the midst of the change.
        timeout: Seconds.
        on_wait: Told what the group is at, each time that it is something else.

    Raises:
        WealistError: It takes longer than that; AWS goes on.
        AwsError: AWS said no, several times in a row or for good.
    """
    began = time.monotonic()
    pause, ready, failed, told, is_seen = _FIRST_PAUSE, 0, 0, "", group.changing is not None
    while True:
        waited = time.monotonic() - began
        try:
            found = read_group(session, group.id, group.region)
        except AwsError as error:
            failed += 1
            if error.code in _FINAL or failed > _MOST_FAILURES or waited >= timeout:
                raise
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            continue
        failed = 0
        if found is None:
            raise WealistError(f"the replication group {group.id} is gone")
        is_seen = is_seen or not found.is_ready or _is_later(found.token_changed, group.token_changed)
        ready = ready + 1 if found.is_ready and (is_seen or waited >= _NO_SIGN) else 0
        if ready > 1:
            return
        if not found.is_ready and found.doing != told:
            told = found.doing
            if on_wait is not None:
                on_wait(told)
        if not found.is_ready and waited >= timeout:
            raise WealistError(f"{group.id} is {found.doing} after {timeout / 60:.0f} minutes, and AWS goes on")
        time.sleep(pause)
        pause = _FIRST_PAUSE if found.is_ready and is_seen else min(pause * 2, _LONGEST_PAUSE)


def _is_later(now: datetime | None, before: datetime | None) -> bool:
    return now is not None and before is not None and now > before


def _explained(error: AwsError, permission: str, id_: str) -> AwsError:
    if error.code in DENIED:
        error.hint = f"this identity needs {permission} on {id_}"
    elif error.code == NOT_READY:
        error.hint = "AWS changes a group only while it is available: wait, and try again"
    return error
