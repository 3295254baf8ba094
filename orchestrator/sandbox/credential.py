"""The sandbox's credential: made anew at each start, known to its server and to whoever may read `server.json`.

The access key is what every call of AWS has to be signed with. The secret key proves that the server is the one that was
started: it answers a challenge and never says the key itself. What the module registry's address has to hold is made of it
as well, since Terraform asks a registry without a credential.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

# Bits: nobody guesses it, and no account has an access key of this shape.
_STRENGTH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One start's keys."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)

    @classmethod
    def create(cls) -> Credential:
        size = _STRENGTH // 8
        return cls(access_key=f"WEALIST{secrets.token_hex(size).upper()}", secret_key=secrets.token_hex(size * 2))

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Credential:
        """Read it from what `to_json` made.

        Raises:
            KeyError, ValueError: It is not there, or empty.
        """
        keys = str(data["access_key"]), str(data["secret_key"])
        if not all(keys):
            raise ValueError("an empty key")
        return cls(access_key=keys[0], secret_key=keys[1])

    def to_json(self) -> dict[str, str]:
        """Both keys in clear, for the server's standard input and for `server.json`."""
        return {"access_key": self.access_key, "secret_key": self.secret_key}

    def answer(self, challenge: str) -> str:
        """What only a holder of the secret key can say to a challenge."""
        return self._sign("health", challenge)

    def seal(self, data: Mapping[str, Any]) -> str:
        """What shows that data was written by a holder of the secret key, and not changed since."""
        return self._sign("seal", json.dumps(data, sort_keys=True))

    @property
    def registry(self) -> str:
        """The part of the module registry's path that nobody else knows."""
        return self._sign("registry", "")[: _STRENGTH // 4]

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self.secret_key.encode(), f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()
