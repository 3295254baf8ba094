"""What needs no server; those are in tests/service."""

from __future__ import annotations

import socket
import sys
import threading
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from orchestrator.diagnosis import POSTGRESQL, REDIS, Endpoint, HopOutcome
from orchestrator.local_vantage import LocalVantage, own_address_in

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def at(port: int, kind: str = POSTGRESQL) -> Endpoint:
    return Endpoint(kind=kind, host="localhost", port=port, user="app", database="app")


def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    hop = LocalVantage().dns("dns", at(5432))

    assert hop.is_broken
    assert hop.seen == "localhost does not resolve from here"
    assert "enable_dns_support" in str(hop.remedy)


def test_a_server_that_has_no_tls(listener: socket.socket) -> None:
    def answer() -> None:
        client, _ = listener.accept()
        with client:
            assert client.recv(8) == b"\x00\x00\x00\x08\x04\xd2\x16/"
            client.sendall(b"N")

    thread = threading.Thread(target=answer)
    thread.start()

    hop = LocalVantage().tls("tls", at(listener.getsockname()[1]))

    thread.join()
    assert hop.is_broken
    assert "the server answers that it has none" in hop.seen
    assert "rds.force_ssl" in str(hop.remedy)


def test_a_server_that_never_answers(listener: socket.socket) -> None:
    hop = LocalVantage(timeout=0.2).tls("tls", at(listener.getsockname()[1], REDIS))

    assert hop.is_broken
    assert hop.seen.endswith("makes no TLS connection: no answer")


@pytest.mark.parametrize(("kind", "package"), [(POSTGRESQL, "psycopg"), (REDIS, "redis")])
def test_a_driver_that_is_not_installed_leaves_the_login_open(
    monkeypatch: pytest.MonkeyPatch, kind: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    hop = LocalVantage().login("login", at(1, kind), "secret")

    assert hop.outcome is HopOutcome.UNDETERMINED
    assert hop.seen == f"can't be checked from here: {package} is not installed"
    assert hop.remedy == "pip install 'wealist[diagnose]'"


@pytest.mark.parametrize(
    ("error", "is_about_secret"),
    [
        ("AuthenticationError", True),
        ("ConnectionError", False),
        ("BusyLoadingError", False),
        ("TimeoutError", False),
    ],
)
def test_a_redis_that_refuses_the_token_alone_needs_another(
    monkeypatch: pytest.MonkeyPatch, error: str, *, is_about_secret: bool
) -> None:
    redis = pytest.importorskip("redis")

    def ping(_: object) -> None:
        raise getattr(redis.exceptions, error)("what it says")

    monkeypatch.setattr(redis.Redis, "ping", ping)
    endpoint = Endpoint(kind=REDIS, host="localhost", port=1, secret_command="another secret")

    hop = LocalVantage().login("login", endpoint, "secret")

    assert hop.is_broken
    assert hop.command == ("another secret" if is_about_secret else None)
    assert "what it says" in hop.seen


@pytest.mark.parametrize(
    ("text", "is_about_secret"),
    [
        ('connection failed: FATAL:  password authentication failed for user "app"', True),
        ("connection failed: FATAL:  sorry, too many clients already", False),
        ("connection timeout expired", False),
    ],
)
def test_a_postgresql_that_refuses_the_password_alone_needs_another(
    monkeypatch: pytest.MonkeyPatch, text: str, *, is_about_secret: bool
) -> None:
    psycopg = pytest.importorskip("psycopg")

    def connect(**_: object) -> None:
        raise psycopg.OperationalError(text)

    monkeypatch.setattr(psycopg, "connect", connect)
    endpoint = Endpoint(
        kind=POSTGRESQL, host="localhost", port=1, user="app", database="app", secret_command="another secret"
    )

    hop = LocalVantage().login("login", endpoint, "secret")

    assert hop.is_broken
    assert hop.command == ("another secret" if is_about_secret else None)
    assert ("--rotate-master-user-password" in str(hop.remedy)) is is_about_secret


def test_an_own_address_in_the_vpcs_range_is_found() -> None:
    assert own_address_in([ip_network("127.0.0.0/8")]) == "127.0.0.1"
    assert own_address_in([ip_network("203.0.113.0/24")]) is None
    assert own_address_in([]) is None
