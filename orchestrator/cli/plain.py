"""What programs read: bare values and JSON, with never a colour or a wrapped line, and without the cost of rich."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from orchestrator import printable
from orchestrator.cli.stream import can_write, raw

if TYPE_CHECKING:
    from typing import TextIO


def json_text(data: Any, stream: TextIO, *, indent: int | None = 2) -> str:
    """JSON for a stream: what a terminal would obey, and what the stream's encoding lacks, is escaped as JSON does it."""
    text = printable.json(json.dumps(data, indent=indent, ensure_ascii=False))
    return text if can_write(stream, text) else json.dumps(data, indent=indent)


def print_json(data: Any) -> None:
    print(json_text(data, sys.stdout))


def print_bare(text: str) -> None:
    """A text to the letter where a program reads it; on a terminal its control characters are shown and not obeyed."""
    stream = raw(sys.stdout)
    print(text, file=sys.stdout if stream.isatty() else stream)


def print_value(value: Any, *, as_json: bool) -> None:
    """A bare value, as `terraform output -raw` would write it, but with its line ended; structures as JSON."""
    if isinstance(value, str) and not as_json:
        print_bare(value)
    else:
        print_json(value)
