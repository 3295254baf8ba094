from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote, quote_plus

import pytest

from orchestrator.redaction import MASK, Redactor, leaves
from tests.data.record import ESCAPED
from tests.fakes import recorded

SECRET = 'p@ss "word" / é+\\=?'
PRIVATE_KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
    ],
)
def test_every_form_in_which_a_secret_travels_is_masked(form: str) -> None:
    assert Redactor([SECRET])(f"before {form} after") == f"before {MASK} after"


def test_a_secret_is_masked_as_terraform_writes_it() -> None:
    """In a message, in a `jsonencode()` inside of one, and where the values of an expression are listed."""
    stream = recorded("plan-escaped.jsonl")
    assert stream.count("canary") == 3

    masked = Redactor([ESCAPED])(stream)

    assert masked.count(MASK) == 3
    assert "canary" not in masked
    assert "rd@db" not in masked
    assert all(json.loads(line) for line in masked.splitlines())


def test_a_line_of_a_secret_is_masked_as_terraform_writes_it() -> None:
    secret = 'first & "second"\n<third ${line}>\n'

    assert Redactor([secret])(r"first \u0026 \"second\"; \u003cthird ${line}\u003e") == f"{MASK}; {MASK}"
    assert Redactor([secret])(r"<third $${line}>") == MASK


def test_a_json_document_stays_one() -> None:
    text = json.dumps({"password": SECRET, "user": "admin"})

    assert json.loads(Redactor([SECRET])(text)) == {"password": MASK, "user": "admin"}


def test_a_secret_of_many_lines_is_masked_whole_and_line_by_line() -> None:
    redact = Redactor([PRIVATE_KEY])

    assert redact(f"<{PRIVATE_KEY}>") == f"<{MASK}>"
    assert redact("  MIIEvQIBADANBgkq") == f"  {MASK}"
    assert redact(json.dumps(PRIVATE_KEY)) == json.dumps(MASK)


@pytest.mark.parametrize("value", ["", "1", "prod", "12345"])
def test_short_values_are_not_masked(value: str) -> None:
    assert Redactor([value])(f"in prod 12345 times, {value}") == f"in prod 12345 times, {value}"


def test_six_characters_are_masked() -> None:
    assert Redactor(["abcdef"])("abcdef") == MASK


def test_a_secret_that_contains_another_is_masked_whole() -> None:
    redact = Redactor(["hunter2", "admin:hunter2@db"])

    assert redact("postgres://admin:hunter2@db/app") == f"postgres://{MASK}/app"
    assert redact("just hunter2") == f"just {MASK}"


def test_values_learnt_later_are_masked_too() -> None:
    redact = Redactor()
    assert redact("hunter2") == "hunter2"

    redact.add(["hunter2"])
    redact.add(["another-secret"])

    assert redact("hunter2 another-secret") == f"{MASK} {MASK}"


def test_characters_that_mean_something_in_a_pattern_are_taken_literally() -> None:
    assert Redactor(["a.c+(d)[e]"])("a.c+(d)[e] abccd") == f"{MASK} abccd"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": "one", "b": [1, True, None, {"c": "two"}], "d": {}}, ["one", "two"]),
        (["of six digits", 837465, -8374651, 12345, 1e6], ["of six digits", "837465", "8374651", "1000000"]),
        ([1234567.5, 0.1, float("inf")], ["1234567.5"]),
        (
            '{"user": "app", "password": "hunter2-value"}',
            ['{"user": "app", "password": "hunter2-value"}', "app", "hunter2-value"],
        ),
        ('"quoted"', ['"quoted"', "quoted"]),
        ("{not json", ["{not json"]),
        ("[" * 100_000, ["[" * 100_000]),
        ("mysql://app:p%40ss-word@db:3306/x", ["mysql://app:p%40ss-word@db:3306/x", "p%40ss-word", "p@ss-word"]),
    ],
)
def test_texts_and_long_numbers_are_found_at_any_depth(value: object, expected: list[str]) -> None:
    assert list(leaves(value)) == expected


def test_json_inside_of_json_is_looked_into() -> None:
    inner = json.dumps({"token": "hunter2-value"})

    assert "hunter2-value" in list(leaves([{"outer": json.dumps({"inner": inner})}]))


def test_a_long_number_is_masked_where_it_stands_alone() -> None:
    redact = Redactor(["837465"])

    assert redact("pin 837465, pin=837465.") == f"pin {MASK}, pin={MASK}."
    assert redact("18374650 1.837465 837465.1") == "18374650 1.837465 837465.1"
    assert redact.data({"pin": 837465, "other": 8374650, "yes": True}) == {"pin": MASK, "other": 8374650, "yes": True}


def test_a_line_of_json_stays_one_where_a_number_is_masked() -> None:
    redact = Redactor(["837465", "hunter2"])

    masked = redact.lines('{"pin": 837465, "text": "hunter2 837465"}\n{"pin": 1}\n')

    first, second, rest = masked.split("\n")
    assert json.loads(first) == {"pin": MASK, "text": f"{MASK} {MASK}"}
    assert json.loads(second) == {"pin": 1}
    assert rest == ""
    assert redact.lines("{837465") == "{" + MASK


@pytest.mark.parametrize(
    "word", ["string", "object", "postgres", "eu-west-1", "us-gov-west-1a", "PostgreSQL", "2012-10-17"]
)
def test_common_words_are_not_masked(word: str) -> None:
    assert Redactor([word])(f"aws_{word}.this of {word}") == f"aws_{word}.this of {word}"


def test_secrets_that_overlap_are_masked_whole() -> None:
    assert Redactor(["abcdefgh", "efghijkl"])("<abcdefghijkl>") == f"<{MASK}>"


def test_many_secrets_cost_no_more_than_few() -> None:
    """A trace log has megabytes; each secret more must not mean one more look at each of them."""
    text = "2026-01-02T03:04:05 [TRACE] vertex aws_db_instance.this: visit complete, with new state\n" * 2_000
    many = Redactor(f"secret-{number:06}-{'x' * (number % 40)}" for number in range(2_000))

    began = time.process_time()
    assert many(text) == text
    assert time.process_time() - began < 1


def test_what_the_estate_publishes_itself_is_not_masked() -> None:
    redact = Redactor(["vpc-0a1b2c3d", "hunter2"])
    redact.allow(["vpc-0a1b2c3d", "elsewhere"])

    assert redact("vpc-0a1b2c3d hunter2") == f"vpc-0a1b2c3d {MASK}"

    redact.add(["another-secret"])
    assert redact("vpc-0a1b2c3d another-secret") == f"vpc-0a1b2c3d {MASK}"


def test_where_everything_is_published_nothing_is_masked() -> None:
    redact = Redactor(["vpc-0a1b2c3d"])
    redact.allow(["vpc-0a1b2c3d"])

    assert redact("vpc-0a1b2c3d") == "vpc-0a1b2c3d"


def test_data_stays_well_formed_whatever_is_masked() -> None:
    """The lines of a secret that is itself pretty JSON look like the indentation of what it is printed in."""
    secret = json.dumps({"nested": {"key": "hunter2-value"}}, indent=4)
    redact = Redactor([secret])

    text = json.dumps({"a": {"b": {"c": [1]}}, "d": secret}, indent=2)

    assert json.loads(redact(json.dumps({"a": {"b": {"c": [1]}}}, indent=4))) == {"a": {"b": {"c": [1]}}}
    assert redact.data(json.loads(text)) == {"a": {"b": {"c": [1]}}, "d": MASK}
