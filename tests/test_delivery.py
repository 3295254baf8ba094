from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.aws.replication_group import ReplicationGroup
from orchestrator.aws.secrets import Version
from orchestrator.delivery import RETIRED, Delivery, Phase

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
UNSAID = None


def tell(
    hours: list[int],
    token_changed: float | None,
    *,
    retired: int | None = None,
    current: int = -1,
    written: int = -1,
    is_in_state: bool = True,
    made: int = -9,
) -> Delivery:
    """Versions by the hour in which they were made, as seen from noon; indices into them."""
    at = [NOON + timedelta(hours=hour) for hour in hours]
    marked = None if retired is None else range(len(hours))[retired]
    versions = [
        Version(id=f"v{n}", created=created, stages=(RETIRED,) if n == marked else ()) for n, created in enumerate(at)
    ]
    group = ReplicationGroup(
        id="redis",
        region="r",
        status="available",
        changing=None,
        has_token=True,
        made=NOON + timedelta(hours=made),
        token_changed=None if token_changed is None else NOON + timedelta(hours=token_changed),
    )
    ids = [version.id for version in versions]
    return Delivery.tell(versions, group, current_id=ids[current], written_id=ids[written], is_in_state=is_in_state)


@pytest.mark.parametrize(
    ("delivery", "phase", "is_single", "before"),
    [
        (tell([0], 0.1), Phase.SETTLED, True, None),
        (tell([0], UNSAID), Phase.SETTLED, True, None),
        (tell([0, 1], 1.1), Phase.OPEN, False, "v0"),
        (tell([0, 1], 1 - 1 / 3600), Phase.OPEN, False, "v0"),
        (tell([0, 1], 2, retired=0), Phase.SETTLED, True, "v0"),
        (tell([0, 1, 2], 2.1, retired=0), Phase.OPEN, False, "v1"),
        (tell([0, 1], 0.1), Phase.UNDELIVERED, True, None),
        (tell([0, 1], 0.1, is_in_state=False), Phase.UNDELIVERED, True, None),
        (tell([0, 1, 2], 1.1), Phase.UNDELIVERED, False, "v0"),
        (tell([0, 1, 2], 1.1, retired=0), Phase.UNDELIVERED, True, "v0"),
        (tell([0, 1, 2, 3], 3.1, retired=0), Phase.OPEN, False, "v2"),
        (tell([0, 1], 1.1, current=0), Phase.UNDELIVERED, False, "v0"),
        (tell([0, 1], 1.1, written=0), Phase.UNDELIVERED, False, "v0"),
        (tell([0, 1], 1.1, is_in_state=False), Phase.UNDELIVERED, False, "v0"),
        (tell([0, 1], 2, made=2), Phase.SETTLED, True, "v0"),
        (tell([0], -1), Phase.UNDELIVERED, False, None),
        (tell([0, 1], UNSAID), Phase.OPEN, False, "v0"),
        (tell([0, 1], UNSAID, is_in_state=False), Phase.UNDELIVERED, True, None),
    ],
    ids=[
        *("first", "first-undated", "rotated", "clocks-differ", "finished", "rotated-again"),
        *("only-in-the-state", "half-way", "half-way-of-three", "half-way-after-the-end", "after-one-that-failed"),
        *("label-moved-back", "not-the-layers", "set-by-hand", "group-made-anew", "older-than-all"),
        *("undated", "undated-half-way"),
    ],
)
def test_what_the_group_accepts(delivery: Delivery, phase: Phase, is_single: bool, before: str | None) -> None:
    found = delivery.before.id if delivery.before else None
    assert (delivery.phase, delivery.is_single, found) == (phase, is_single, before)
