from __future__ import annotations

import json

import pytest

from orchestrator import printable

UNSAFE = ["\x00", "\x07", "\x08", "\x0b", "\r", "\x1b", "\x7f", "\x85", "\x9b", "\u200b", "\u202e", "\u2066", "\ufeff"]
UNSAFE += ["\u2028", "\u3164", "\ud800", "\udfff", "\U000e0041"]


@pytest.mark.parametrize("character", UNSAFE)
def test_what_a_terminal_obeys_or_nobody_sees_is_shown_as_its_escape(character: str) -> None:
    for shown in (
        printable.text(f"a{character}b"),
        printable.line(f"a{character}b"),
        printable.indented(f"a{character}b"),
    ):
        assert character not in shown
        assert shown.startswith("a\\")
        assert shown.endswith("b")


def test_escapes_name_the_character() -> None:
    assert printable.text("\x1b\u202e\U000e0041") == "\\x1b\\u202e\\U000e0041"
    assert printable.line("a\nb\tc\rd") == "a\\nb\\tc\\rd"


@pytest.mark.parametrize("text", ["plain", "한국어 émigré 日本語", "✓ ✗ ⋯ → 😀", "two\n  lines\tand a tab"])
def test_characters_of_language_stay(text: str) -> None:
    assert printable.text(text) == text


def test_further_lines_of_a_text_are_indented() -> None:
    assert printable.indented("one\ntwo\n  three\r\nfour") == "one\n  two\n  three\n  four"


@pytest.mark.parametrize("character", UNSAFE)
def test_json_stays_the_same_to_its_reader(character: str) -> None:
    text = printable.json(json.dumps({character: f"x{character}y"}, ensure_ascii=False))

    assert character not in text
    assert json.loads(text) == {character: f"x{character}y"}
