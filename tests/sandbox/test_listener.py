from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from orchestrator.sandbox.listener import create_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

TIMEOUT = 30.0
HEAD = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n{}\r\n"


def echo(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    server = create_server("127.0.0.1", echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield ("127.0.0.1", server.port)
    server.shutdown()
    server.server_close()


def ask(address: tuple[str, int], body: bytes) -> list[bytes]:
    """What each read of the connection gives, as a client sees it that takes what is there."""
    with socket.create_connection(address, timeout=TIMEOUT) as client:
        client.sendall(HEAD.format(len(body), "").encode() + body)
        return list(iter(lambda: client.recv(1 << 20), b""))


def test_headers_and_body_arrive_together(address: tuple[str, int]) -> None:
    """A Go client takes headers with nothing behind them for a broken connection, and sends the call again."""
    for _ in range(50):
        first = ask(address, b"lock item")[0]
        assert first.startswith(b"HTTP/1.1 200 OK")
        assert first.endswith(b"\r\n\r\nlock item")


def test_a_large_answer_arrives_whole(address: tuple[str, int]) -> None:
    body = b"x" * 3_000_000

    assert b"".join(ask(address, body)).endswith(b"\r\n\r\n" + body)


def test_whoever_waits_to_be_told_to_go_on_is_told_at_once(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=TIMEOUT) as client:
        client.sendall(HEAD.format(5, "Expect: 100-continue\r\n").encode())
        began = time.monotonic()
        assert client.recv(1 << 16).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert time.monotonic() - began < TIMEOUT / 2
        client.sendall(b"state")
        rest = b"".join(iter(lambda: client.recv(1 << 16), b""))
    assert rest.startswith(b"HTTP/1.1 200 OK")
    assert rest.endswith(b"state")


def test_two_thousand_at_once_are_all_answered(address: tuple[str, int]) -> None:
    def answer(number: int) -> bytes:
        return b"".join(ask(address, str(number).encode())).rpartition(b"\r\n\r\n")[2]

    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(answer, range(2000))) == [str(number).encode() for number in range(2000)]
