r"""A redactor that knows the actual secret values, and stands on every stream that wealist writes.

Terraform hides what is *marked* sensitive; providers, modules and shells do not always. Matching by value
catches what matching by name misses: a token in an error message, a password inside a connection URL.
Each value is also matched base64-encoded, URL-encoded and as a JSON string, the forms in which it travels.
JSON is written in two ways: Go, and so Terraform, also escapes `<`, `>` and `&`, in a `jsonencode()` twice.
Values shorter than `SHORTEST` are not masked: masking every "1" or "prod" would destroy the text and hide nothing.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from orchestrator import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MASK = "(redacted)"
SHORTEST = 6

# Marked sensitive by the AWS provider's schema. Terraform before 1.9 does not record schema marks in the state.
SENSITIVE_ATTRIBUTES = frozenset(
    {"auth_token", "master_password", "password", "private_key", "private_key_pem", "secret_string", "secret_binary"}
)

_NOT_IN_GO = re.compile("[<>&\u2028\u2029]")


class Redactor:
    """Replaces every known secret value in a text by `MASK`."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._public: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        # Layers learn secrets in threads of their own; a pattern that is older must not replace one that knows more.
        self._lock = threading.Lock()
        self.add(values)

    def add(self, values: Iterable[str]) -> None:
        """Mask these from now on, in all their forms."""
        with self._lock:
            known = len(self._forms)
            for value in values:
                self._forms.update(_forms(value))
            if len(self._forms) > known:
                self._compile()

    def allow(self, values: Iterable[str]) -> None:
        """Never mask these: the estate itself publishes them as outputs that are not sensitive.

        A provider marks attributes by kind, not by content: a parameter store entry that holds a VPC's id is as
        sensitive to it as one that holds a password.
        """
        with self._lock:
            self._public.update(values)
            self._compile()

    def _compile(self) -> None:
        # Longest first, so that a value which contains another is masked whole.
        ordered = sorted(self._forms - self._public, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text

    def data(self, value: Any) -> Any:
        """The same for plain data, string by string, so that what it is written as stays well-formed."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {key: self.data(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.data(item) for item in value]
        return value


def strings(value: Any) -> Iterator[str]:
    """Every string inside a JSON value, mapping keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def _is_telling(line: str) -> bool:
    """Whether a single line of a longer secret is worth masking: a lone bracket with its indentation is not."""
    return sum(character.isalnum() for character in line) >= SHORTEST


def _forms(value: str) -> set[str]:
    forms = {quote(value, safe=""), quote(value), quote_plus(value)}
    for text in (value, *(line.strip() for line in value.splitlines() if _is_telling(line))):
        forms |= {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], _in_hcl(text)}
        # What is shown of a control character is its escape.
        forms |= {printable.text(text), printable.line(text)}
        # Terraform's messages are JSON themselves, and quote values as `jsonencode()` and as HCL do.
        forms |= {_in_go(text), _in_go(_in_go(text)), _in_go(_in_hcl(text))}
    raw = value.encode()
    forms |= {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    forms |= {form.rstrip("=") for form in forms if form.endswith("=")}
    return {form for form in forms if len(form) >= SHORTEST}


def _in_go(text: str) -> str:
    """Inside a string of JSON, as Go's encoder writes it: safe to stand in HTML and in JavaScript."""
    return _NOT_IN_GO.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False)[1:-1])


def _in_hcl(text: str) -> str:
    """Inside a string of HCL, as Terraform shows a value in a message."""
    quoted = json.dumps(text, ensure_ascii=False)[1:-1].replace("${", "$${").replace("%{", "%%{")
    return quoted.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
