from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.lock import Lock

INFO = {
    "ID": "0a1b2c3d",
    "Operation": "OperationTypeApply",
    "Info": "",
    "Who": "alice@laptop",
    "Version": "1.11.4",
    "Created": "2026-01-02T03:04:05.123456789Z",
    "Path": "acme-state/prod/foundation/terraform.tfstate",
}
CREATED = datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)


def read(**changes: object) -> Lock:
    return Lock.from_json(json.dumps({**INFO, **changes}), where="table acme-lock")


def test_terraforms_lock_info_is_read() -> None:
    lock = read()

    assert (lock.id, lock.holder, lock.operation) == ("0a1b2c3d", "alice@laptop", "OperationTypeApply")
    assert (lock.terraform_version, lock.created, lock.where) == ("1.11.4", CREATED, "table acme-lock")
    assert lock.verb == "apply"


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=5), "5 s"),
        (timedelta(minutes=3, seconds=59), "3 min"),
        (timedelta(hours=2, minutes=4), "2 h 4 min"),
        (timedelta(days=1), "24 h 0 min"),
        (timedelta(seconds=-90), "0 s"),
    ],
)
def test_a_lock_says_who_does_what_since_when(age: timedelta, text: str) -> None:
    assert read().describe(now=CREATED + age) == f"alice@laptop (apply, since 2026-01-02 03:04:05 UTC, {text} ago)"


@pytest.mark.parametrize(
    "created", ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.1Z", "2026-01-02T03:04:05.123456789Z"]
)
def test_every_precision_of_time_is_read(created: str) -> None:
    assert read(Created=created).describe(now=CREATED).startswith("alice@laptop (apply, since 2026-01-02 03:04:05 UTC")


@pytest.mark.parametrize("created", ["", "yesterday", None])
def test_an_unreadable_time_is_left_out(created: str | None) -> None:
    lock = read(Created=created)

    assert lock.created is None
    assert lock.describe() == "alice@laptop (apply)"


@pytest.mark.parametrize("text", ["", "not json", "[]", '"text"', "null", "{}"])
def test_anything_else_in_its_place_still_counts_as_a_lock(text: str) -> None:
    lock = Lock.from_json(text, where="s3://acme-state/key.tflock")

    assert (lock.id, lock.holder, lock.created) == ("unknown", "unknown", None)
    assert lock.where == "s3://acme-state/key.tflock"
