"""JSON that somebody else wrote: a lock, a state, an answer, a line of Terraform's.

Whatever is in it, reading it ends with plain data or with a `ValueError`. It is not nested deeper than what works on it may
recurse, and holds no numbers that Python refuses.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

# Terraform's own stay below 50. Python gives up at some 1,000 calls, and a level takes up to three.
DEEPEST = 128
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_HALF_IN_BYTES = re.compile(_HALF.pattern.encode())
_HALF_READ = re.compile("[\ud800-\udfff]")


class PayloadError(ValueError):
    """It can't be read as JSON; the message says why."""


def load(text: str | bytes) -> Any:
    """Plain data.

    Raises:
        PayloadError: It is no JSON, is nested too deeply, holds a number that is none, or does not fit into memory.
    """
    try:
        data = json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise PayloadError(_TOO_DEEP) from None
    except MemoryError:
        raise PayloadError("it does not fit into memory") from None
    except ValueError as error:
        raise PayloadError(_reason(error)) from error
    _check_depth(data)
    has_half = _HALF.search(text) if isinstance(text, str) else _HALF_IN_BYTES.search(text)
    return _whole(data) if has_half else data


_TOO_DEEP = f"it is nested more than {DEEPEST} levels deep"


def _reason(error: ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON: {error}"
    # Python's limit for digits, whose own words name a function of Python's.
    return "a number in it is too long" if "digits" in str(error) else f"it is not JSON: {error}"


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _whole(data: Any) -> Any:
    """Without halves of surrogate pairs, which Go, and so Terraform, reads as this character."""
    if isinstance(data, str):
        return _HALF_READ.sub("\ufffd", data)
    if isinstance(data, dict):
        return {_whole(key): _whole(value) for key, value in data.items()}
    return [_whole(item) for item in data] if isinstance(data, list) else data


def _check_depth(data: Any) -> None:
    level, depth = [data], 0
    while level := [
        item
        for value in level
        if type(value) in (dict, list)
        for item in (value.values() if type(value) is dict else value)
        if type(item) in (dict, list)
    ]:
        depth += 1
        if depth >= DEEPEST:
            raise PayloadError(_TOO_DEEP)
