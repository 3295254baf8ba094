"""What programs read: bare values and JSON, with never a colour or a wrapped line, and without the cost of rich."""

from __future__ import annotations

import json
from typing import Any


def print_json(data: Any) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False))


def print_value(value: Any, *, as_json: bool) -> None:
    """A bare value, as `terraform output -raw` would write it, but with its line ended; structures as JSON."""
    if isinstance(value, str) and not as_json:
        print(value)
    else:
        print_json(value)
