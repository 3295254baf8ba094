from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from orchestrator.moment import ago, utc, utc_and_ago

THEN = datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)


def test_a_moment_is_shown_in_utc_wherever_it_was_taken() -> None:
    seoul = timezone(timedelta(hours=9))

    assert utc(THEN) == "2026-01-02 03:04:05 UTC"
    assert utc(THEN.astimezone(seoul)) == "2026-01-02 03:04:05 UTC"


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=-90), "0 s ago"),
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(minutes=3, seconds=59), "3 min ago"),
        (timedelta(hours=2, minutes=4), "2 h 4 min ago"),
        (timedelta(hours=47, minutes=59), "47 h 59 min ago"),
        (timedelta(hours=48), "2 days ago"),
        (timedelta(days=400), "400 days ago"),
    ],
)
def test_an_age_is_short(age: timedelta, text: str) -> None:
    assert ago(THEN, now=THEN + age) == text


def test_both_at_once() -> None:
    assert utc_and_ago(THEN, now=THEN + timedelta(minutes=3)) == "2026-01-02 03:04:05 UTC, 3 min ago"
