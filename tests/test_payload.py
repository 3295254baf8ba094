from __future__ import annotations

import json

import pytest

from orchestrator import payload


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is not JSON"),
        ("<html>", "it is not JSON"),
        (b"\xff\xfe\xff", "it is not UTF-8"),
        ("[" * 100_000, "levels deep"),
        ("[" * 200 + "]" * 200, "levels deep"),
        ('{"a":' * 200 + "1" + "}" * 200, "levels deep"),
        ("9" * 6000, "a number in it is too long"),
        ("NaN", "NaN is no number"),
        ("-Infinity", "-Infinity is no number"),
    ],
)
def test_what_can_not_be_read_says_why(text: str | bytes, reason: str) -> None:
    with pytest.raises(payload.PayloadError, match=reason):
        payload.load(text)


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, {"a": [1, {"b": None}]}])
def test_plain_data_is_read(value: object) -> None:
    assert payload.load(json.dumps(value)) == value
    assert payload.load(json.dumps(value).encode()) == value


def test_what_terraform_nests_is_not_too_deep() -> None:
    assert payload.load("[" * 100 + "]" * 100)
