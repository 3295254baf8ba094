"""Moments as people read them: in UTC, and how long ago."""

from __future__ import annotations

from datetime import UTC, datetime

_DAYS_AFTER = 48 * 60


def utc(moment: datetime) -> str:
    """`2026-01-02 03:04:05 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def ago(moment: datetime, *, now: datetime | None = None) -> str:
    """`5 s ago`, `3 min ago`, `2 h 4 min ago`, `12 days ago`; never in the future, since clocks differ."""
    seconds = max(int(((now or datetime.now(UTC)) - moment).total_seconds()), 0)
    minutes = seconds // 60
    if minutes >= _DAYS_AFTER:
        return f"{minutes // (24 * 60)} days ago"
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min ago"
    return f"{minutes} min ago" if minutes else f"{seconds} s ago"


def utc_and_ago(moment: datetime, *, now: datetime | None = None) -> str:
    """`2026-01-02 03:04:05 UTC, 3 min ago`."""
    return f"{utc(moment)}, {ago(moment, now=now)}"
