"""The network hops against a real PostgreSQL and a real Redis: from this process, and through a shell by `local://`."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.diagnosis import POSTGRESQL, REDIS, Endpoint, Outcome
from orchestrator.outpost import Outpost
from orchestrator.probe import Probe
from orchestrator.process import Command, Completed, run
from orchestrator.remote import RemoteHost
from tests.service import server
from tests.service.server import DATABASE, HOST, PASSWORD, TOKEN, USER, Authority

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orchestrator.diagnosis import Hop

    Look = Callable[..., Hop]

pytestmark = pytest.mark.service

SECRETS = {POSTGRESQL: PASSWORD, REDIS: TOKEN}
TOOLS = ("openssl", "psql", "redis-cli")


class Recorder:
    """The real runner, which remembers what it ran."""

    def __init__(self) -> None:
        self.commands: list[Command] = []

    def __call__(self, command: Command, **settings: Any) -> Completed:
        self.commands.append(command)
        return run(command, **settings)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture(params=["here", "local://"])
def vantage(request: pytest.FixtureRequest, recorder: Recorder, tmp_path: Path) -> Callable[[Path | None], Any]:
    """A place to look from, made with the file of authorities that it trusts."""
    if request.param == "here":
        return Probe
    for tool in TOOLS:
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} on this machine: apt-get install postgresql-client redis-tools openssl")

    def make(ca_file: Path | None) -> Outpost:
        host = RemoteHost("local://", environ={"PATH": os.environ["PATH"]}, cwd=tmp_path, runner=recorder)
        return Outpost(host, ca_file)

    return make


@pytest.fixture(params=[POSTGRESQL, REDIS])
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    kind = request.param
    port = request.getfixturevalue(kind)
    is_postgresql = kind == POSTGRESQL
    return Endpoint(
        kind=kind,
        host=HOST,
        port=port,
        user=USER if is_postgresql else None,
        database=DATABASE if is_postgresql else None,
    )


def at(endpoint: Endpoint, **changes: Any) -> Endpoint:
    given = {name: getattr(endpoint, name) for name in ("kind", "host", "port", "user", "database")}
    return Endpoint(**{**given, **changes})


def test_all_hops_hold(vantage: Look, endpoint: Endpoint, authority: Authority) -> None:
    place: Any = vantage(authority.ca)

    hops = [
        place.dns("dns", endpoint),
        place.tcp("tcp", endpoint),
        place.tls("tls", endpoint),
        place.login("login", endpoint, SECRETS[endpoint.kind]),
    ]

    assert [hop.outcome for hop in hops] == [Outcome.OK] * 4, hops
    assert "127.0.0.1" in hops[0].seen or "::1" in hops[0].seen
    assert "TLSv1.3" in hops[2].seen
    assert hops[3].seen == (f"SELECT 1 as {USER} in {DATABASE}" if endpoint.kind == POSTGRESQL else "AUTH and PING")


def test_a_closed_port(vantage: Look, endpoint: Endpoint) -> None:
    place: Any = vantage(None)

    hop = place.tcp("tcp", at(endpoint, port=server.free_port()))

    assert hop.outcome is Outcome.BROKEN
    assert "can't be reached from" in hop.seen
    assert "refused" in hop.seen


def test_a_wrong_secret(vantage: Look, endpoint: Endpoint, authority: Authority) -> None:
    place: Any = vantage(authority.ca)

    hop = place.login("login", endpoint, "canary-wrong-Zq9")

    assert hop.outcome is Outcome.BROKEN
    words = {
        POSTGRESQL: f'password authentication failed for user "{USER}"',
        REDIS: "invalid username-password pair or user is disabled",
    }
    assert words[endpoint.kind] in hop.seen
    assert "canary" not in str(hop.to_json())


def test_a_database_that_is_not_there(vantage: Look, postgresql: int, authority: Authority) -> None:
    place: Any = vantage(authority.ca)
    endpoint = Endpoint(kind=POSTGRESQL, host=HOST, port=postgresql, user=USER, database="o'ther\\ $(id)")

    hop = place.login("login", endpoint, PASSWORD)

    assert hop.outcome is Outcome.BROKEN
    assert 'database "o\'ther\\ $(id)" does not exist' in hop.seen


@pytest.mark.parametrize("is_given", [False, True])
def test_a_certificate_that_is_not_trusted(
    vantage: Look, endpoint: Endpoint, stranger: Authority, is_given: bool
) -> None:
    place: Any = vantage(stranger.ca if is_given else None)

    tls, login = place.tls("tls", endpoint), place.login("login", endpoint, SECRETS[endpoint.kind])

    assert (tls.outcome, login.outcome) == (Outcome.BROKEN, Outcome.BROKEN), (tls, login)
    assert f"the certificate of {HOST}:{endpoint.port} is not trusted" in tls.seen
    if endpoint.kind == POSTGRESQL:
        assert "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem" in tls.remedy
    else:
        assert "Amazon Trust Services" in tls.remedy


def test_a_certificate_for_another_name(vantage: Look, endpoint: Endpoint, authority: Authority) -> None:
    place: Any = vantage(authority.ca)

    hop = place.tls("tls", at(endpoint, host="127.0.0.1"))

    assert hop.outcome is Outcome.BROKEN
    assert f"the certificate of 127.0.0.1:{endpoint.port} is for another name" in hop.seen


def test_a_server_that_speaks_no_tls(vantage: Look, endpoint: Endpoint, authority: Authority) -> None:
    """Each is asked as if it were the other."""
    place: Any = vantage(authority.ca)
    other = REDIS if endpoint.kind == POSTGRESQL else POSTGRESQL

    hop = place.tls("tls", at(endpoint, kind=other))

    assert hop.outcome is Outcome.BROKEN, hop
    assert "makes no TLS connection" in hop.seen


def test_postgresql_takes_no_password_of_an_unverified_server(
    vantage: Look, postgresql: int, authority: Authority
) -> None:
    place: Any = vantage(authority.ca)
    endpoint = Endpoint(kind=POSTGRESQL, host="127.0.0.1", port=postgresql, user=USER, database=DATABASE)

    hop = place.login("login", endpoint, PASSWORD)

    assert hop.outcome is Outcome.BROKEN
    assert "127.0.0.1" in hop.seen


@pytest.mark.parametrize("kind", [POSTGRESQL, REDIS])
def test_the_secret_is_in_no_argv_and_no_environment_on_this_side(
    request: pytest.FixtureRequest, recorder: Recorder, authority: Authority, tmp_path: Path, kind: str
) -> None:
    port = request.getfixturevalue(kind)
    user, database = (USER, DATABASE) if kind == POSTGRESQL else (None, None)
    endpoint = Endpoint(kind=kind, host=HOST, port=port, user=user, database=database)
    host = RemoteHost("local://", environ={"PATH": os.environ["PATH"]}, cwd=tmp_path, runner=recorder)

    hop = Outpost(host, authority.ca).login("login", endpoint, SECRETS[kind])

    assert hop.outcome is Outcome.OK, hop
    assert [command for command in recorder.commands if "canary" in f"{command.argv}{command.env}{command!r}"] == []
    assert [command.stdin for command in recorder.commands if command.stdin] == [
        f"{SECRETS[kind]}\n{authority.ca.read_text()}"
    ]


def test_a_tool_that_is_not_there_leaves_its_hop_open(endpoint: Endpoint, authority: Authority, tmp_path: Path) -> None:
    """A host with a shell and little else."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "mktemp", "cat", "rm"):
        (programs / name).symlink_to(shutil.which(name) or "")
    host = RemoteHost("local://", environ={"PATH": str(programs)}, cwd=tmp_path)
    place = Outpost(host, authority.ca)

    hops = [
        place.dns("dns", endpoint),
        place.tcp("tcp", endpoint),
        place.tls("tls", endpoint),
        place.login("login", endpoint, "secret"),
    ]

    assert {hop.outcome for hop in hops} == {Outcome.UNDETERMINED}
    tool = "psql" if endpoint.kind == POSTGRESQL else "redis-cli"
    assert [hop.seen.removeprefix("can't be checked from local://: ") for hop in hops] == [
        *("no getent", "no nc, nor bash with timeout", "no openssl", f"no {tool}")
    ]


def test_nothing_of_the_authorities_is_left_behind(postgresql: int, authority: Authority, tmp_path: Path) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    environ = {"PATH": os.environ["PATH"], "TMPDIR": str(folder)}
    place = Outpost(RemoteHost("local://", environ=environ, cwd=tmp_path), authority.ca)
    endpoint = Endpoint(kind=POSTGRESQL, host=HOST, port=postgresql, user=USER, database=DATABASE)

    assert place.tls("tls", endpoint).outcome is Outcome.OK
    assert place.login("login", endpoint, PASSWORD).outcome is Outcome.OK
    assert list(folder.iterdir()) == []
