"""What is made of what the tools on another host say; the tools themselves are in tests/service."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.diagnosis import POSTGRESQL, REDIS, Endpoint, HopOutcome
from orchestrator.process import Completed
from orchestrator.remote import SilenceError
from orchestrator.remote_vantage import RemoteVantage

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.diagnosis import Hop

DB = Endpoint(kind=POSTGRESQL, host="db.test", port=5432, user="o'brien", database="a\\b")
CACHE = Endpoint(kind=REDIS, host="cache.test", port=6379, user="app")


class Host:
    """A host that has every tool and answers as it is told."""

    spec = "ssh://bastion"

    def __init__(self, answer: Completed | None = None, *, silent: bool = False) -> None:
        self.answer = answer
        self.silent = silent
        self.scripts: list[tuple[str, str | None]] = []

    def has(self, _program: str) -> bool:
        if self.silent:
            raise SilenceError("no answer within 20 s")
        return True

    def addresses(self, _name: str) -> list[str]:
        return []

    def is_open(self, _name: str, _port: int) -> bool:
        return False

    def script(self, text: str, *, stdin: str | None = None) -> Completed:
        self.scripts.append((text, stdin))
        assert self.answer is not None
        return self.answer


def said(returncode: int, stdout: str = "", stderr: str = "") -> Host:
    return Host(Completed(returncode=returncode, stdout=stdout, stderr=stderr))


def remote(host: Host, ca_file: Path | None = None) -> RemoteVantage:
    place: Any = host
    return RemoteVantage(place, ca_file)


def test_a_name_that_does_not_resolve_there() -> None:
    hop = remote(Host()).dns("dns", DB)

    assert hop.is_broken
    assert hop.seen == "db.test does not resolve from ssh://bastion"


def test_a_port_that_is_closed_there() -> None:
    hop = remote(Host()).tcp("tcp", DB)

    assert hop.is_broken
    assert hop.seen.startswith("db.test:5432 can't be reached from ssh://bastion")


def test_a_host_that_falls_silent_leaves_every_hop_open() -> None:
    place = remote(Host(silent=True))

    hops: list[Hop] = [place.dns("dns", DB), place.tcp("tcp", DB), place.tls("tls", DB), place.login("login", DB, "x")]

    assert {hop.outcome for hop in hops} == {HopOutcome.UNDETERMINED}
    assert {hop.seen for hop in hops} == {"can't be checked from ssh://bastion: no answer within 20 s"}


def test_an_openssl_that_does_not_know_postgresql() -> None:
    hop = remote(said(1, stderr="Value must be one of:\ns_client: Use -help for summary.\n")).tls("tls", DB)

    assert hop.outcome is HopOutcome.UNDETERMINED
    assert "openssl says: s_client: Use -help for summary." in hop.seen


def test_a_server_that_ends_the_handshake() -> None:
    hop = remote(said(1, stderr="40:error:0A000126:SSL routines::unexpected eof while reading\n")).tls("tls", CACHE)

    assert hop.is_broken
    assert "makes no TLS connection" in hop.seen


@pytest.mark.parametrize(
    ("code", "stderr", "seen"),
    [
        (96, "", "the secret did not arrive there on standard input"),
        (97, "mktemp: read-only file system\n", "mktemp: read-only file system"),
        (98, "", "no store of authorities there"),
        (127, "sh: psql: not found\n", "sh: psql: not found"),
    ],
)
def test_what_the_host_can_not_do_is_undetermined(code: int, stderr: str, seen: str) -> None:
    hop = remote(said(code, stderr=stderr)).login("login", DB, "x")

    assert (hop.outcome, hop.seen) == (HopOutcome.UNDETERMINED, f"can't be checked from ssh://bastion: {seen}")


@pytest.mark.parametrize(
    ("endpoint", "stderr", "seen"),
    [
        (
            CACHE,
            "Unrecognized option or bad number of args for: '--tls'\n",
            "redis-cli says: Unrecognized option or bad",
        ),
        (DB, "psql: unrecognized option '--x'\nTry \"psql --help\" for more information.\n", "psql says: psql: unrec"),
        (DB, 'psql: error: sslmode value "verify-full" invalid when SSL support is not compiled in\n', "psql says: "),
    ],
)
def test_a_tool_that_is_too_old_says_nothing_of_the_server(endpoint: Endpoint, stderr: str, seen: str) -> None:
    hop = remote(said(1, stderr=stderr)).login("login", endpoint, "x")

    assert (hop.outcome, hop.command) == (HopOutcome.UNDETERMINED, None)
    assert hop.seen.startswith(f"can't be checked from ssh://bastion: {seen}")


REFUSALS = [
    (DB, 'FATAL:  password authentication failed for user "app"', True),
    (DB, "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", False),
    (DB, "FATAL:  the database system is starting up", False),
    (DB, 'FATAL:  no pg_hba.conf entry for host "10.0.1.7", user "app", database "app", no encryption', False),
    (DB, 'FATAL:  role "app" is not permitted to log in', False),
    (DB, "timeout expired", False),
    (CACHE, "AUTH failed: WRONGPASS invalid username-password pair or user is disabled.", True),
    (CACHE, "NOAUTH Authentication required.", True),
    (CACHE, "AUTH failed: ERR max number of clients reached\nError: Connection reset by peer", False),
    (CACHE, "LOADING Redis is loading the dataset in memory", False),
]


@pytest.mark.parametrize(("endpoint", "stderr", "is_about_secret"), REFUSALS)
def test_only_a_refused_secret_has_a_new_one_as_its_remedy(
    endpoint: Endpoint, stderr: str, *, is_about_secret: bool
) -> None:
    endpoint = replace(endpoint, secret_command="another secret")

    hop = remote(said(2, stderr=f"{stderr}\n")).login("login", endpoint, "x")

    assert hop.is_broken
    assert hop.command == ("another secret" if is_about_secret else None)
    assert ("rotate" in str(hop.remedy)) is is_about_secret
    assert stderr.splitlines()[-1] in hop.seen


def test_a_tool_that_ends_well_but_says_something_else_did_not_log_in() -> None:
    assert remote(said(0, stdout="NOAUTH Authentication required.\n")).login("login", CACHE, "x").is_broken


def test_a_certificate_that_fails_in_the_login_has_the_remedy_of_one() -> None:
    hop = remote(said(2, stderr="psql: error: SSL error: certificate verify failed\n")).login("login", DB, "x")

    assert "truststore.pki.rds.amazonaws.com" in str(hop.remedy)


def test_a_secret_of_several_lines_is_not_sent() -> None:
    host = said(0)

    assert remote(host).login("login", DB, "a\nb").outcome is HopOutcome.UNDETERMINED
    assert host.scripts == []


def test_values_are_quoted_and_the_secret_is_on_standard_input(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text("PEM\n")
    host = said(0, stdout="1\n")

    assert remote(host, ca_file).login("login", DB, "canary").outcome is HopOutcome.OK

    ((script, stdin),) = host.scripts
    assert stdin == "canary\nPEM\n"
    assert "canary" not in script
    # A quote inside a quoted word of the connection string, inside a quoted word of the shell.
    assert "user='\"'\"'o\\'\"'\"'brien'\"'\"'" in script
    assert "dbname='\"'\"'a\\\\b'\"'\"'" in script
    assert "sslmode='\"'\"'verify-full'\"'\"'" in script


def test_redis_is_asked_as_its_user_over_tls() -> None:
    host = said(0, stdout="PONG\n")

    assert remote(host).login("login", CACHE, "canary").seen == "AUTH as app and PING"

    ((script, stdin),) = host.scripts
    assert stdin == "canary\n"
    assert 'redis-cli -h cache.test -p 6379 --tls --user app --cacert "$ca" PING' in script
