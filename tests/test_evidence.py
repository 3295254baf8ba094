from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from typing import TYPE_CHECKING

import pytest

from orchestrator.evidence import LockEvidence, weigh
from orchestrator.holder import Holder, Life, who
from orchestrator.lock import Lock
from tests.estate import layer, target_of

if TYPE_CHECKING:
    from pathlib import Path

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def evidence(written: datetime | None, *, created: datetime | None = CREATED, note: str = "") -> LockEvidence:
    lock = Lock(
        id="0a1b",
        holder="alice@laptop",
        operation="OperationTypeApply",
        terraform_version="1.11.4",
        created=created,
        where="table acme-lock",
        note=note,
    )
    holder = Holder(life=Life.GONE, why="no Terraform works on it", is_you=True)
    return LockEvidence(layer="prod/foundation", lock=lock, holder=holder, state_written=written)


@pytest.mark.parametrize(
    ("written", "created", "since", "text"),
    [
        (CREATED + timedelta(seconds=3), CREATED, True, "written 2026-01-02 03:04:08 UTC, * since the lock was taken"),
        (
            CREATED - timedelta(seconds=3),
            CREATED,
            False,
            "written 2026-01-02 03:04:02 UTC, * before the lock was taken",
        ),
        (None, CREATED, None, "none that can be seen"),
        (CREATED, None, None, "written 2026-01-02 03:04:05 UTC, *"),
    ],
)
def test_a_state_that_was_written_under_the_lock_is_a_sign_of_life(
    written: datetime | None, created: datetime | None, since: bool | None, text: str
) -> None:
    found = evidence(written, created=created)

    assert found.was_written_since is since
    assert fnmatch(dict(found.lines)["state"], text)


def test_everything_is_said_in_lines() -> None:
    lines = dict(evidence(None, note="wealist state restore, pid 1").lines)

    assert lines["holder"] == "alice@laptop, this is you"
    assert lines["doing"] == "apply, with Terraform 1.11.4 (wealist state restore, pid 1)"
    assert lines["since"].startswith("2026-01-02 03:04:05 UTC, ")
    assert lines["lock"] == "0a1b, in table acme-lock"
    assert lines["process"] == "no Terraform works on it"
    assert dict(evidence(None, created=None).lines)["since"] == "unknown"


def test_evidence_is_data_for_scripts() -> None:
    data = evidence(CREATED).to_json()

    assert (data["holder"], data["holder_life"], data["holder_is_you"]) == ("alice@laptop", "gone", True)
    assert (data["state_written"], data["was_written_since"]) == (CREATED.isoformat(), True)


def test_a_lock_is_weighed_on_this_machine(tmp_path: Path) -> None:
    target = target_of(tmp_path)
    path = tmp_path / "terraform" / "prod" / "foundation"
    path.mkdir(parents=True)
    lock = Lock.from_json(f'{{"Who": "{who()}", "Created": "2026-01-02T03:04:05Z"}}', where="here")

    found = weigh(layer(path=path), lock, target, state_written=None)

    assert (found.layer, found.holder.is_you) == ("prod/foundation", True)
    assert not found.holder.is_running
