r"""A redactor that knows the actual secret values, and stands on every stream that wealist writes.

Terraform hides what is *marked* sensitive; providers, modules and shells do not always. Matching by value
catches what matching by name misses: a token in an error message, a password inside a connection URL.
Each value is also matched base64-encoded, URL-encoded and as a JSON string, the forms in which it travels.
JSON is written in two ways: Go, and so Terraform, also escapes `<`, `>` and `&`, in a `jsonencode()` twice.

What is not masked, because masking it would destroy the text and hide nothing: values shorter than `SHORTEST`, and common
words (`is_common`): names of types, regions and engines. A secret's JSON holds such words next to the password.

A run learns thousands of values, and a trace log has megabytes. So forms are found by their first `SHORTEST` characters, in
one pass over the text whose time does not depend on how many there are. Forms that overlap are masked as one.
"""

from __future__ import annotations

import base64
import json
import math
import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote

from orchestrator import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MASK = "(redacted)"
SHORTEST = 6

# Marked sensitive by the AWS provider's schema. Terraform before 1.9 does not record schema marks in the state.
SENSITIVE_ATTRIBUTES = frozenset(
    {"auth_token", "master_password", "password", "private_key", "private_key_pem", "secret_string", "secret_binary"}
)

# Terraform's types, and what stands next to the password in the JSON that RDS and other services write.
_COMMON = frozenset(
    {
        *("string", "number", "object", "dynamic", "default", "enabled", "disabled", "localhost", "required"),
        *(
            "aurora",
            "docdb",
            "mariadb",
            "memcached",
            "mongodb",
            "oracle",
            "postgres",
            "postgresql",
            "sqlserver",
            "valkey",
        ),
        *("aurora-mysql", "aurora-postgresql", "oracle-ee", "oracle-se2", "sqlserver-ee", "sqlserver-se"),
        *("2012-10-17", "2008-10-17", "production", "staging", "development", "password", "secret", "username"),
    }
)
_REGION = re.compile(r"[a-z]{2,3}(-[a-z]+)+-\d[a-z]?")
_NOT_IN_GO = re.compile("[<>&\u2028\u2029]")
_URL_PASSWORD = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#@\s:]*:([^/?#@\s]+)@")


class Redactor:
    """Replaces every known secret value in a text by `MASK`."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._forms: dict[str, tuple[str, ...]] = {}
        """By their first `SHORTEST` characters, the longest first."""
        self._known: set[str] = set()
        self._public: set[str] = set()
        # Layers learn secrets in threads of their own.
        self._lock = threading.Lock()
        self.add(values)

    def add(self, values: Iterable[str]) -> None:
        """Mask these from now on, in all their forms; common words are left out."""
        with self._lock:
            for value in values:
                if value in self._known:
                    continue
                self._known.add(value)
                for form in () if is_common(value) else _forms(value):
                    forms = {*self._forms.get(form[:SHORTEST], ()), form}
                    # A new tuple at once: others read while this one learns.
                    self._forms[form[:SHORTEST]] = tuple(sorted(forms, key=len, reverse=True))

    def allow(self, values: Iterable[str]) -> None:
        """Never mask these: the estate itself publishes them, as outputs that are not sensitive or as names in its HCL.

        A provider marks attributes by kind, not by content: a parameter store entry that holds a VPC's id is as
        sensitive to it as one that holds a password.
        """
        with self._lock:
            self._public.update(values)

    def __call__(self, text: str) -> str:
        heads = self._forms
        starts = range(len(text) - SHORTEST + 1) if heads else ()
        pieces: list[str] = []
        end = 0
        for start in [at for at in starts if text[at : at + SHORTEST] in heads]:
            length = self._length_at(text, start)
            if not length:
                continue
            if start >= end:
                pieces += (text[end:start], MASK)
            end = max(end, start + length)
        return "".join((*pieces, text[end:])) if pieces else text

    def _length_at(self, text: str, start: int) -> int:
        """How long the longest secret is that begins here."""
        for form in self._forms[text[start : start + SHORTEST]]:
            if text.startswith(form, start) and form not in self._public:
                # A number inside of another one is another number.
                return 0 if form.isdigit() and _is_part_of_number(text, start, start + len(form)) else len(form)
        return 0

    def lines(self, text: str) -> str:
        """The same, but a line that is JSON stays JSON, also where a number in it is masked."""
        masked = self(text)
        if masked == text or not text.startswith("{"):
            return masked
        if "\n" in text.rstrip("\n"):
            return "\n".join(map(self.lines, text.split("\n")))
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            return masked
        try:
            json.loads(masked)
        except ValueError:
            return self(json.dumps(self.data(data), ensure_ascii=False)) + "\n" * text.endswith("\n")
        return masked

    def data(self, value: Any) -> Any:
        """The same for plain data, value by value, so that what it is written as stays well-formed."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {key: self.data(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.data(item) for item in value]
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return MASK if self._masks_number(_number(value)) else value
        return value

    def _masks_number(self, text: str) -> bool:
        return text in self._forms.get(text[:SHORTEST], ()) and text not in self._public


def leaves(value: Any) -> Iterator[str]:
    """Every text and every long number inside a JSON value, mapping keys left out.

    A text that is JSON itself is looked into as well, as is the password of a URL: a program takes out what it needs, and
    shows that alone.
    """
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, str):
            yield item
            yield from _url_passwords(item)
            rest += _decoded(item)
        elif isinstance(item, dict):
            rest += reversed(item.values())
        elif isinstance(item, list):
            rest += reversed(item)
        elif isinstance(item, (int, float)) and not isinstance(item, bool):
            text = _number(item)
            if sum(character.isdigit() for character in text) >= SHORTEST:
                yield text


def is_common(value: str) -> bool:
    """Whether a value is a word that everybody knows, and that stands everywhere."""
    return value.lower() in _COMMON or _REGION.fullmatch(value) is not None


def _decoded(text: str) -> list[Any]:
    """What a text holds that is JSON; nothing for any other."""
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return []
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        return []


def _url_passwords(text: str) -> Iterator[str]:
    for password in _URL_PASSWORD.findall(text):
        yield from dict.fromkeys((password, unquote(password)))


def _number(value: float) -> str:
    """As Terraform and JSON write it, without its sign."""
    if math.isfinite(value) and value == int(value):
        value = int(value)
    return str(value).removeprefix("-")


def _is_part_of_number(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    return bool(re.search(r"\d\.?$", before) or re.match(r"\.?\d", after))


def _is_telling(line: str) -> bool:
    """Whether a single line of a longer secret is worth masking: a lone bracket with its indentation is not."""
    return sum(character.isalnum() for character in line) >= SHORTEST and not is_common(line)


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
