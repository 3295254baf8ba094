"""What answers on the embedded AWS's port: ours under `/_wealist/`, moto for the rest.

    /_wealist/health?challenge=TEXT    the proof that this is the server that was started, as JSON
    /_wealist/SECRET/v1/...            the module registry
    anything else                      AWS

Whoever may not call it is told so with 403 (`door`).
A call that moto lacks or fails in is answered with 501 rather than moto's own 500, because AWS clients
repeat a call for many minutes after a 500, and show a 501 at once.
"""

from __future__ import annotations

import json
import sys
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from orchestrator.sandbox.door import Door
from orchestrator.sandbox.registry import ModuleRegistry
from orchestrator.sandbox.replay import Replay

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from orchestrator.sandbox.credential import Credential

HOST = "127.0.0.1"
PREFIX = "/_wealist"


class Gateway:
    """The WSGI application; `aws` is moto."""

    def __init__(self, credential: Credential, modules: Sequence[Path], aws: WSGIApplication) -> None:
        self._credential = credential
        self._door = Door(credential, HOST)
        self._mount = f"{PREFIX}/{credential.registry}"
        self._registry = ModuleRegistry(modules)
        self._moto = aws
        self._aws = Replay(self._answer_aws)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        refusal = self._door.refuses(environ)
        if refusal is None and not path.startswith(f"{PREFIX}/"):
            refusal = self._door.refuses_aws(environ)
            if refusal is None:
                return self._aws(environ, start_response)
        if refusal is not None:
            return _answer_error(environ, start_response, HTTPStatus.FORBIDDEN, "InvalidClientTokenId", refusal)
        if path.startswith(f"{self._mount}/"):
            below = {"SCRIPT_NAME": self._mount, "PATH_INFO": path.removeprefix(self._mount)}
            return self._registry({**environ, **below}, start_response)
        if path == f"{PREFIX}/health":
            [challenge, *_] = parse_qs(environ.get("QUERY_STRING", "")).get("challenge", [""])
            proof = json.dumps({"proof": self._credential.answer(challenge)}).encode()
            return _answer(start_response, HTTPStatus.OK, proof, "application/json")
        return _answer(start_response, HTTPStatus.NOT_FOUND, b"no such path\n", "text/plain")

    def _answer_aws(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            body = list(self._moto(environ, start_response))
        except NotImplementedError as error:
            code, message = "NotImplemented", f"The sandbox can't do this: {error}"
            sys.stderr.write(f"{message}\n")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is moto's, and the log has it
            code, message = "InternalFailure", f"The sandbox failed: {type(error).__name__}: {error}"
            traceback.print_exc()
        else:
            self._door.learn(environ, b"".join(body))
            return body
        return _answer_error(environ, start_response, HTTPStatus.NOT_IMPLEMENTED, code, message)


def _answer_error(
    environ: WSGIEnvironment, start_response: StartResponse, status: HTTPStatus, code: str, message: str
) -> Iterable[bytes]:
    """An error that the client of each kind of service can read."""
    kind = environ.get("CONTENT_TYPE", "")
    if "form-urlencoded" in kind or "/s3/" in environ.get("HTTP_AUTHORIZATION", ""):
        # Clients of EC2, of the other query services and of S3 each look in another of these places.
        detail = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
        error_element = f"<Error>{detail}</Error>"
        body = f"<Response><Errors>{error_element}</Errors>{error_element}{detail}</Response>".encode()
        return _answer(start_response, status, body, "text/xml")
    body = json.dumps({"__type": code, "message": message}).encode()
    return _answer(start_response, status, body, kind or "application/json")


def _answer(start_response: StartResponse, status: HTTPStatus, body: bytes, kind: str) -> Iterable[bytes]:
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]
