from __future__ import annotations

import pytest

from orchestrator.duration import Span


def span(low: float, high: float | None = None) -> Span:
    return Span(low=low, high=low if high is None else high)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("90s", span(90)),
        ("2m", span(120)),
        ("8m-12m", span(480, 720)),
        ("40s - 3m", span(40, 180)),
        ("500ms-1h", span(0.5, 3600)),
        ("1m-1m", span(60)),
    ],
)
def test_what_people_write(written: str, read: Span) -> None:
    assert Span.parse(written) == read


@pytest.mark.parametrize("written", ["", "12", "8-12m", "12m-8m", "0s", "1m30s", "2 min", "-2m", "2m-", "1m-2m-3m"])
def test_what_is_no_duration(written: str) -> None:
    assert Span.parse(written) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (span(480, 720), "8-12 min"),
        (span(60), "1 min"),
        (span(0), "0 s"),
        (span(3, 8), "3-8 s"),
        (span(40, 180), "40 s to 3 min"),
        (span(641, 655), "11 min"),
        (span(5400, 7500), "90 min to 2 h 5 min"),
        (span(7200, 10800), "2 h 0 min to 3 h 0 min"),
    ],
)
def test_what_people_read(value: Span, text: str) -> None:
    assert value.text == text


def test_spans_after_and_beside_each_other() -> None:
    assert span(2, 3) + span(8, 12) == span(10, 15)
    assert span(2, 20) | span(8, 12) == span(8, 20)
    assert span(8, 12).after(10) == span(0, 2)
    assert span(8, 12).after(60) == span(0)
