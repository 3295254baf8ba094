"""The secrets in an environment: wealist's own keys, and whatever tokens and passwords a shell or a CI job holds.

Terraform's programs inherit them, and a provisioner that prints its environment shows them. They are told by their names. An
access key's id is left out: it is no secret, and it is what tells people which key was refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator.redaction import SHORTEST, leaves

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECRET = re.compile(
    r"TF_TOKEN_\w+|(\w*_)?(TOKEN|SECRET|SECRET_KEY|SECRET_ACCESS_KEY|ACCESS_KEY|API_KEY|PRIVATE_KEY|CREDENTIALS|JWT(_V\d)?)"
)
_PASSWORD = re.compile(r"(\w*_)?(PASSWORD|PASSWD|PASS|PWD)|PG\w*PASSWORD|REDISCLI_AUTH")
_URL = re.compile(r"\w*(_PROXY|_URL|_URI|_DSN)")
# What is shorter stands for a key where none is needed, as `testing` does: masking it would destroy the text.
SHORTEST_KEY = 16


def secrets_of(environ: Mapping[str, str]) -> Iterator[str]:
    """The values to mask: tokens, keys, passwords, and the password in a proxy's or another URL."""
    for name, value in environ.items():
        upper = name.upper()
        is_password = _PASSWORD.fullmatch(upper) and upper != "PWD"
        if is_password or _SECRET.fullmatch(upper):
            if len(value) >= (SHORTEST if is_password else SHORTEST_KEY) and not value.startswith(("/", "./", "~")):
                yield from leaves(value)
        elif _URL.fullmatch(upper):
            # Not the URL: it tells what could not be reached.
            yield from (text for text in leaves(value) if text != value)
