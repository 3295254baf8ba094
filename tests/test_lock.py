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


@pytest.mark.parametrize(
    ("who", "host"), [("alice@laptop", "laptop"), ("alice@corp@laptop", "laptop"), ("somebody", ""), ("", "")]
)
def test_the_holders_machine_is_what_comes_after_the_user(who: str, host: str) -> None:
    assert read(Who=who).host == host


@pytest.mark.parametrize(("version", "program"), [("1.11.4", "Terraform 1.11.4"), ("wealist 0.2.0", "wealist 0.2.0")])
def test_what_took_the_lock_is_named(version: str, program: str) -> None:
    assert read(Version=version).program == program


def test_what_stands_there_is_kept_to_the_letter_and_shown_to_nobody() -> None:
    text = json.dumps({**INFO, "Extra": "canary-hunter2"})
    lock = Lock.from_json(text, where="here")

    assert lock.text == text
    assert "canary-hunter2" not in repr(lock) + json.dumps(lock.to_json())


def test_a_lock_is_data_for_scripts() -> None:
    assert read().to_json() == {
        "id": "0a1b2c3d",
        "holder": "alice@laptop",
        "operation": "apply",
        "version": "1.11.4",
        "created": CREATED.isoformat(),
        "where": "table acme-lock",
        "error": None,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        "[]",
        "[" * 100_000,
        '{"Who": ' + "9" * 6000 + "}",
        json.dumps({"Who": "x" * 200_000}),
        '{"Who": NaN}',
        '{"a":' * 500 + "1" + "}" * 500,
    ],
)
def test_a_lock_that_can_not_be_read_is_still_a_lock(text: str) -> None:
    lock = Lock.from_json(text, where="table acme-lock")

    assert (lock.id, lock.holder, lock.text) == ("unknown", "unknown", text)
    assert lock.error is not None
    assert lock.describe() == f"somebody unknown (the lock is unreadable: {lock.error})"


def test_what_is_shown_of_a_lock_keeps_to_its_line() -> None:
    lock = read(Who="bob\x1b[2K\nprod/b is not locked", Info="\u202ex\x9b1A", Operation=["a"], ID={"a": 1}, Version=7)

    assert lock.holder == "bob\\x1b[2K\\nprod/b is not locked"
    assert lock.note == "\\u202ex\\x9b1A"
    assert (lock.operation, lock.id, lock.terraform_version) == ("unknown", "unknown", "unknown")
    assert len(read(Who="x" * 5000).holder) < 300


@pytest.mark.parametrize("created", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "yesterday", "1" * 5000])
def test_a_time_that_is_no_clocks_is_none(created: str) -> None:
    assert read(Created=created).created is None
