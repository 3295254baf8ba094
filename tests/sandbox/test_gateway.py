from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from orchestrator.sandbox.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str


def working(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"aws: ", environ["PATH_INFO"].encode()]


def ask(path: str, *, modules: Path, aws: WSGIApplication = working, **environ: str) -> Answer:
    gateway = Gateway({"token": "nonce"}, [modules], aws)
    seen: list[tuple[str, dict[str, str]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None, /
    ) -> Callable[[bytes], object]:
        seen.append((status, dict(headers)))
        return io.BytesIO().write

    body = b"".join(gateway({"PATH_INFO": path, "REQUEST_METHOD": "GET", **environ}, start_response))
    [(status, headers)] = seen
    return Answer(status=int(status.split()[0]), headers=headers, body=body.decode())


def test_health_is_the_identity(tmp_path: Path) -> None:
    answer = ask("/_wealist/health", modules=tmp_path)

    assert (answer.status, json.loads(answer.body)) == (200, {"token": "nonce"})


def test_modules_are_the_registry(tmp_path: Path) -> None:
    (tmp_path / "acme" / "vpc" / "aws" / "1.0.0").mkdir(parents=True)

    answer = ask("/_wealist/modules/v1/acme/vpc/aws/versions", modules=tmp_path)

    assert json.loads(answer.body)["modules"][0]["versions"] == [{"version": "1.0.0"}]


@pytest.mark.parametrize("path", ["/_wealist/", "/_wealist/nothing", "/_wealist/modules", "/_wealist/healthy"])
def test_nothing_else_is_ours(tmp_path: Path, path: str) -> None:
    assert ask(path, modules=tmp_path).status == 404


@pytest.mark.parametrize("path", ["/", "", "/_wealistic", "/bucket/_wealist/health", "/moto-api/"])
def test_the_rest_is_aws(tmp_path: Path, path: str) -> None:
    assert ask(path, modules=tmp_path).body == f"aws: {path}"


@pytest.mark.parametrize(
    ("service", "asked", "answered"),
    [
        ("rds", "application/x-www-form-urlencoded; charset=utf-8", "text/xml"),
        ("s3", "", "text/xml"),
        ("kms", "application/x-amz-json-1.1", "application/x-amz-json-1.1"),
        ("eks", "", "application/json"),
    ],
)
def test_a_failure_of_moto_is_not_worth_repeating(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], service: str, asked: str, answered: str
) -> None:
    def broken(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        raise KeyError("a & b")

    answer = ask(
        "/",
        modules=tmp_path,
        aws=broken,
        CONTENT_TYPE=asked,
        HTTP_AUTHORIZATION=f"Credential=sandbox/20250101/ap-northeast-2/{service}/aws4_request",
    )

    assert answer.status == 501
    assert answer.headers["Content-Type"] == answered
    assert "InternalFailure" in answer.body
    assert ("a &amp; b" if answered == "text/xml" else "a & b") in answer.body
    assert "Traceback" in capsys.readouterr().err
