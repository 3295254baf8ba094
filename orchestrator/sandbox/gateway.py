"""What answers on the embedded AWS's port: ours under `/_wealist/`, moto for the rest.

    /_wealist/health            who is there, as JSON
    /_wealist/modules/v1/...    the module registry
    anything else               AWS

A call that moto lacks or fails in is answered with 501 rather than moto's own 500, because AWS clients
repeat a call for many minutes after a 500, and show a 501 at once.
"""

from __future__ import annotations

import json
import sys
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from orchestrator.sandbox.registry import ModuleRegistry
from orchestrator.sandbox.replay import Replay

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX = "/_wealist"


class Gateway:
    """The WSGI application; `identity` is what the health page answers, `aws` is moto."""

    def __init__(self, identity: Mapping[str, Any], modules: Sequence[Path], aws: WSGIApplication) -> None:
        self._health = json.dumps(identity).encode()
        self._registry = ModuleRegistry(modules)
        self._moto = aws
        self._aws = Replay(self._answer_aws)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        if not path.startswith(f"{PREFIX}/"):
            return self._aws(environ, start_response)
        mount = f"{PREFIX}/modules"
        if path.startswith(f"{mount}/"):
            below = {"SCRIPT_NAME": mount, "PATH_INFO": path.removeprefix(mount)}
            return self._registry({**environ, **below}, start_response)
        if path == f"{PREFIX}/health":
            return _answer(start_response, HTTPStatus.OK, self._health, "application/json")
        return _answer(start_response, HTTPStatus.NOT_FOUND, b"no such path\n", "text/plain")

    def _answer_aws(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return list(self._moto(environ, start_response))
        except NotImplementedError as error:
            code, message = "NotImplemented", f"The sandbox can't do this: {error}"
            sys.stderr.write(f"{message}\n")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is moto's, and the log has it
            code, message = "InternalFailure", f"The sandbox failed: {type(error).__name__}: {error}"
            traceback.print_exc()
        kind = environ.get("CONTENT_TYPE", "")
        if "form-urlencoded" in kind or "/s3/" in environ.get("HTTP_AUTHORIZATION", ""):
            # Clients of EC2, of the other query services and of S3 each look in another of these places.
            detail = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
            error_element = f"<Error>{detail}</Error>"
            body = f"<Response><Errors>{error_element}</Errors>{error_element}{detail}</Response>".encode()
            return _answer(start_response, HTTPStatus.NOT_IMPLEMENTED, body, "text/xml")
        body = json.dumps({"__type": code, "message": message}).encode()
        return _answer(start_response, HTTPStatus.NOT_IMPLEMENTED, body, kind or "application/json")


def _answer(start_response: StartResponse, status: HTTPStatus, body: bytes, kind: str) -> Iterable[bytes]:
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [body]
