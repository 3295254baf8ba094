r"""Foreign text made safe to look at: what a terminal would obey, and what nobody can see, is shown as its escape.

A lock, a state, a provider's error and a file's name are written by others. A control character in one of them can erase the
line above it, a bidirectional mark can turn a name around, a line break can add a line that looks like wealist's own.
Characters of language pass as they are; `\x1b` and `\u202e` stand for those that do not.
"""

from __future__ import annotations

import re
from functools import cache

# Control characters but for line break and tab; format characters of Unicode (bidirectional marks, zero width, fillers, tags);
# line and paragraph separators; halves of surrogate pairs, which no stream can write.
_UNSAFE = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Most text is ASCII, and the expression for all of Unicode takes longer to make than a short command's output to print.
_ASCII = "\x00-\x08\x0b-\x1f\x7f"
_NAMED = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def text(value: str) -> str:
    """A text of several lines: line breaks and tabs stay."""
    return _unsafe(value.isascii(), "").sub(_escape, value.replace("\r\n", "\n"))


def line(value: str) -> str:
    """A name, or whatever else has to keep to its line."""
    return _unsafe(value.isascii(), "\n\t").sub(_escape, value)


def indented(value: str, by: str = "  ") -> str:
    """A text whose further lines can't be taken for lines of wealist's own."""
    return re.sub(r"\n(?=\S)", f"\n{by}", text(value))


def json(value: str) -> str:
    """A text of JSON, in which these characters are escaped as JSON does it: to its reader it is the same."""
    return _unsafe(value.isascii(), "").sub(lambda found: _in_json(found[0]), value)


@cache
def _unsafe(is_ascii: bool, more: str) -> re.Pattern[str]:
    return re.compile(f"[{more}{_ASCII if is_ascii else _UNSAFE}]")


def _in_json(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    if found[0] in _NAMED:
        return _NAMED[found[0]]
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
