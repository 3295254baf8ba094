"""Who may call the embedded AWS: whoever has its credential, from a program, by its own address.

The port is open to every user of this machine and to every page that a browser of theirs shows. So a call needs

* the very `Host` that the server listens on: a name that was made to lead here is turned away;
* no header that only browsers send: a page may send a simple request to any address without asking;
* for AWS, the access key of this start, or a temporary key that was given out to a holder of it.

The access key is a secret of 128 bits and stands for the credential; signatures are not verified. They keep a call from being
changed on the way, and there is no way here but this machine's own loopback.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

    from orchestrator.sandbox.credential import Credential

# moto's own pages, which change and reset whole accounts, and its metadata service, which gives out credentials.
_CONTROL = ("/moto-api", "/favicon.ico", "/latest/meta-data/", "/latest/api/")
_BROWSER = "HTTP_SEC_FETCH_"
# Of signature version 4, and of version 2, which some clients of S3 still use.
_SIGNED_BY = re.compile(r"Credential=([^/,\s]+)/|^AWS ([^:\s]+):")
_GIVEN_OUT = re.compile(rb"<AccessKeyId>([^<]+)</AccessKeyId>")
_STS = "/sts/aws4_request"


class Door:
    """The checks, and the temporary keys that STS has given out meanwhile."""

    def __init__(self, credential: Credential, host: str) -> None:
        self._host = host
        self._keys = {credential.access_key}

    def refuses(self, environ: WSGIEnvironment) -> str | None:
        """Why a call of any kind is turned away, or None."""
        if environ.get("HTTP_HOST") != f"{self._host}:{environ['SERVER_PORT']}":
            return "the sandbox answers to its own address only"
        if "HTTP_ORIGIN" in environ or any(name.startswith(_BROWSER) for name in environ):
            return "the sandbox does not answer to browsers"
        return None

    def refuses_aws(self, environ: WSGIEnvironment) -> str | None:
        """Why a call of AWS is turned away, or None."""
        if environ.get("PATH_INFO", "").startswith(_CONTROL):
            return "the sandbox has no such page"
        if _access_key(environ) not in self._keys:
            return "the sandbox answers to its own keys only: `wealist sandbox env` prints them"
        return None

    def learn(self, environ: WSGIEnvironment, answer: bytes) -> None:
        """Keep the temporary keys that an answer of STS gives out."""
        if _STS in environ.get("HTTP_AUTHORIZATION", ""):
            self._keys.update(key.decode() for key in _GIVEN_OUT.findall(answer))


def _access_key(environ: WSGIEnvironment) -> str | None:
    authorization: str = environ.get("HTTP_AUTHORIZATION", "")
    if authorization:
        match = _SIGNED_BY.search(authorization)
        return (match[1] or match[2]) if match else None
    # A signed URL.
    query = parse_qs(environ.get("QUERY_STRING", ""))
    signed = query.get("X-Amz-Credential") or query.get("AWSAccessKeyId")
    return signed[0].partition("/")[0] if signed else None
