from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.sandbox.credential import Credential
from orchestrator.sandbox.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


CREDENTIAL = Credential(access_key="KEY", secret_key="secret")
SIGNED = "AWS4-HMAC-SHA256 Credential=KEY/20250101/ap-northeast-2/{}/aws4_request, SignedHeaders=host, Signature=0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str


def working(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"aws: ", environ["PATH_INFO"].encode()]


def call(gateway: Gateway, path: str, **environ: str) -> Answer:
    seen: list[tuple[str, dict[str, str]]] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None, /
    ) -> Callable[[bytes], object]:
        seen.append((status, dict(headers)))
        return io.BytesIO().write

    asked = {"PATH_INFO": path, "REQUEST_METHOD": "GET", "SERVER_PORT": "4566", "HTTP_HOST": "127.0.0.1:4566"}
    body = b"".join(gateway({**asked, **environ}, start_response))
    [(status, headers)] = seen
    return Answer(status=int(status.split()[0]), headers=headers, body=body.decode())


def ask(path: str, *, modules: Path, aws: WSGIApplication = working, **environ: Any) -> Answer:
    return call(Gateway(CREDENTIAL, [modules], aws), path, **environ)


def test_health_is_a_proof_and_not_a_secret(tmp_path: Path) -> None:
    answers = [ask("/_wealist/health", modules=tmp_path, QUERY_STRING=f"challenge={word}") for word in ("one", "two")]

    assert [answer.status for answer in answers] == [200, 200]
    assert [json.loads(answer.body) for answer in answers] == [
        {"proof": CREDENTIAL.answer("one")},
        {"proof": CREDENTIAL.answer("two")},
    ]
    assert not [answer for answer in answers if CREDENTIAL.secret_key in answer.body or "KEY" in answer.body]


def test_modules_are_the_registry_behind_a_path_that_nobody_guesses(tmp_path: Path) -> None:
    (tmp_path / "acme" / "vpc" / "aws" / "1.0.0").mkdir(parents=True)

    answer = ask(f"/_wealist/{CREDENTIAL.registry}/v1/acme/vpc/aws/versions", modules=tmp_path)

    assert json.loads(answer.body)["modules"][0]["versions"] == [{"version": "1.0.0"}]
    assert ask("/_wealist/modules/v1/acme/vpc/aws/versions", modules=tmp_path).status == 404


@pytest.mark.parametrize("path", ["/_wealist/", "/_wealist/nothing", "/_wealist/modules", "/_wealist/healthy"])
def test_nothing_else_is_ours(tmp_path: Path, path: str) -> None:
    assert ask(path, modules=tmp_path).status == 404


@pytest.mark.parametrize("path", ["/", "", "/_wealistic", "/bucket/_wealist/health", "/latest/key"])
def test_the_rest_is_aws(tmp_path: Path, path: str) -> None:
    assert ask(path, modules=tmp_path, HTTP_AUTHORIZATION=SIGNED.format("s3")).body == f"aws: {path}"


@pytest.mark.parametrize(
    "signed",
    [
        {},
        {"HTTP_AUTHORIZATION": SIGNED.format("s3").replace("KEY", "sandbox")},
        {"HTTP_AUTHORIZATION": SIGNED.format("s3").replace("KEY", "KEYS")},
        {"HTTP_AUTHORIZATION": "Basic S0VZOktFWQ=="},
        {"HTTP_AUTHORIZATION": "AWS other:signature"},
        {"HTTP_AUTHORIZATION": "Credential=", "QUERY_STRING": "X-Amz-Credential=KEY%2F20250101%2Feu-west-1%2Fs3"},
        {"QUERY_STRING": "X-Amz-Credential=other%2F20250101%2Feu-west-1%2Fs3%2Faws4_request"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "OPTIONS"])
def test_aws_answers_to_its_own_key_alone(tmp_path: Path, signed: dict[str, Any], method: str) -> None:
    answer = ask("/bucket/state", modules=tmp_path, REQUEST_METHOD=method, **signed)

    assert answer.status == 403
    assert "wealist sandbox env" in answer.body


@pytest.mark.parametrize(
    "signed",
    [
        {"HTTP_AUTHORIZATION": "AWS KEY:signature"},
        {
            "QUERY_STRING": "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=KEY%2F20250101%2Feu-west-1%2Fs3%2Faws4_request"
        },
        {"QUERY_STRING": "AWSAccessKeyId=KEY&Signature=x"},
    ],
)
def test_older_signatures_and_signed_addresses_name_the_key_as_well(tmp_path: Path, signed: dict[str, Any]) -> None:
    assert ask("/bucket/state", modules=tmp_path, **signed).status == 200


@pytest.mark.parametrize(
    "header",
    [
        {"HTTP_HOST": "rebind.example"},
        {"HTTP_HOST": "rebind.example:4566"},
        {"HTTP_HOST": "localhost:4566"},
        {"HTTP_HOST": "127.0.0.1"},
        {"HTTP_HOST": "127.0.0.1:80"},
        {"HTTP_HOST": "127.0.0.1:4566,rebind.example"},
        {"HTTP_HOST": ""},
        {"HTTP_ORIGIN": "https://page.example"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_SEC_FETCH_SITE": "none"},
        {"HTTP_SEC_FETCH_MODE": "no-cors"},
    ],
)
@pytest.mark.parametrize(
    "path", ["/bucket/state", "/_wealist/health", f"/_wealist/{CREDENTIAL.registry}/v1/a/b/c/versions"]
)
def test_browsers_and_other_names_are_turned_away(tmp_path: Path, header: dict[str, Any], path: str) -> None:
    answer = ask(path, modules=tmp_path, HTTP_AUTHORIZATION=SIGNED.format("s3"), **header)

    assert answer.status == 403


@pytest.mark.parametrize("path", ["/moto-api/", "/moto-api/reset", "/moto-api/data.json", "/latest/meta-data/iam/"])
def test_what_moto_has_beside_aws_is_not_there(tmp_path: Path, path: str) -> None:
    answer = ask(path, modules=tmp_path, HTTP_AUTHORIZATION=SIGNED.format("s3"), REQUEST_METHOD="POST")

    assert answer.status == 403


def test_a_temporary_key_that_sts_gave_out_is_good(tmp_path: Path) -> None:
    def aws(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [])
        return [b"<Credentials><AccessKeyId>", b"ASIATEMPORARY</AccessKeyId></Credentials>"]

    temporary = SIGNED.format("s3").replace("KEY", "ASIATEMPORARY")
    gateway = Gateway(CREDENTIAL, [tmp_path], aws)

    assert call(gateway, "/bucket", HTTP_AUTHORIZATION=temporary).status == 403
    # A file that somebody keeps in a bucket gives nobody a key.
    assert call(gateway, "/bucket", HTTP_AUTHORIZATION=SIGNED.format("s3")).status == 200
    assert call(gateway, "/bucket", HTTP_AUTHORIZATION=temporary).status == 403
    assert call(gateway, "/", HTTP_AUTHORIZATION=SIGNED.format("sts"), REQUEST_METHOD="POST").status == 200
    assert call(gateway, "/bucket", HTTP_AUTHORIZATION=temporary).status == 200


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
        HTTP_AUTHORIZATION=SIGNED.format(service),
    )

    assert answer.status == 501
    assert answer.headers["Content-Type"] == answered
    assert "InternalFailure" in answer.body
    assert ("a &amp; b" if answered == "text/xml" else "a & b") in answer.body
    assert "Traceback" in capsys.readouterr().err
