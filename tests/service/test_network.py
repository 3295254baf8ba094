"""The network hops, and `wealist diagnose` as a whole, against a real PostgreSQL and a real Redis: from this process, and through the shells of `local://` and `ssh://`."""

from __future__ import annotations

import io
import json
import os
import shutil
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from moto.elasticache.models import elasticache_backends
from moto.rds.models import DBInstance

from orchestrator.cli import boundary
from orchestrator.diagnosis import POSTGRESQL, REDIS, Endpoint, HopOutcome
from orchestrator.local_vantage import LocalVantage
from orchestrator.process import Command, Completed, run
from orchestrator.remote import RemoteHost
from orchestrator.remote_vantage import RemoteVantage
from orchestrator.sandbox import extensions
from tests import vpc
from tests.estate import ACCOUNT, REGION, Store, write_estate
from tests.service import server
from tests.service.server import DATABASE, HOST, PASSWORD, TOKEN, USER, Authority

if TYPE_CHECKING:
    from collections.abc import Callable

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
        return LocalVantage
    for tool in TOOLS:
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} on this machine: apt-get install postgresql-client redis-tools openssl")

    def make(ca_file: Path | None) -> RemoteVantage:
        host = RemoteHost("local://", environ={"PATH": os.environ["PATH"]}, cwd=tmp_path, runner=recorder)
        return RemoteVantage(host, ca_file)

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

    assert [hop.outcome for hop in hops] == [HopOutcome.OK] * 4, hops
    assert "127.0.0.1" in hops[0].seen or "::1" in hops[0].seen
    assert "TLSv1.3" in hops[2].seen
    assert hops[3].seen == (f"SELECT 1 as {USER} in {DATABASE}" if endpoint.kind == POSTGRESQL else "AUTH and PING")


def test_all_hops_hold_over_ssh(ssh: str, endpoint: Endpoint, authority: Authority, recorder: Recorder) -> None:
    environ = {"PATH": os.environ["PATH"]}
    # Not pytest's own: a socket's path has a hundred characters at most.
    with TemporaryDirectory(prefix="wealist-") as folder:
        host = RemoteHost(ssh, environ=environ, cwd=Path(folder), folder=Path(folder), runner=recorder)
        place = RemoteVantage(host, authority.ca)

        tls, login = place.tls("tls", endpoint), place.login("login", endpoint, SECRETS[endpoint.kind])

    assert (tls.outcome, login.outcome) == (HopOutcome.OK, HopOutcome.OK), (tls, login)
    assert [command for command in recorder.commands if "canary" in f"{command.argv}{command.env}"] == []


def test_a_closed_port(vantage: Look, endpoint: Endpoint) -> None:
    place: Any = vantage(None)

    hop = place.tcp("tcp", at(endpoint, port=server.free_port()))

    assert hop.outcome is HopOutcome.BROKEN
    assert "can't be reached from" in hop.seen
    assert "refused" in hop.seen


def test_a_wrong_secret(vantage: Look, endpoint: Endpoint, authority: Authority) -> None:
    place: Any = vantage(authority.ca)

    hop = place.login("login", at(endpoint, secret_command="another secret"), "canary-wrong-Zq9")

    assert (hop.outcome, hop.command) == (HopOutcome.BROKEN, "another secret")
    words = {
        POSTGRESQL: f'password authentication failed for user "{USER}"',
        REDIS: "invalid username-password pair or user is disabled",
    }
    assert words[endpoint.kind] in hop.seen
    assert "canary" not in str(hop.to_json())


def test_a_database_that_is_not_there(vantage: Look, postgresql: int, authority: Authority) -> None:
    place: Any = vantage(authority.ca)
    endpoint = Endpoint(kind=POSTGRESQL, host=HOST, port=postgresql, user=USER, database="o'ther\\ $(id)")

    hop = place.login("login", at(endpoint, secret_command="another secret"), PASSWORD)

    assert (hop.outcome, hop.command) == (HopOutcome.BROKEN, None)
    assert "rotate" not in str(hop.remedy)
    assert 'database "o\'ther\\ $(id)" does not exist' in hop.seen


@pytest.mark.parametrize("is_given", [False, True])
def test_a_certificate_that_is_not_trusted(
    vantage: Look, endpoint: Endpoint, stranger: Authority, is_given: bool
) -> None:
    place: Any = vantage(stranger.ca if is_given else None)

    tls, login = place.tls("tls", endpoint), place.login("login", endpoint, SECRETS[endpoint.kind])

    assert (tls.outcome, login.outcome) == (HopOutcome.BROKEN, HopOutcome.BROKEN), (tls, login)
    assert f"the certificate of {HOST}:{endpoint.port} is not trusted" in tls.seen
    if endpoint.kind == POSTGRESQL:
        assert "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem" in tls.remedy
    else:
        assert "Amazon Trust Services" in tls.remedy


def test_a_certificate_for_another_name(vantage: Look, endpoint: Endpoint, authority: Authority) -> None:
    place: Any = vantage(authority.ca)

    hop = place.tls("tls", at(endpoint, host="127.0.0.1"))

    assert hop.outcome is HopOutcome.BROKEN
    assert f"the certificate of 127.0.0.1:{endpoint.port} is for another name" in hop.seen


def test_a_server_that_speaks_no_tls(vantage: Look, endpoint: Endpoint, authority: Authority) -> None:
    """Each is asked as if it were the other."""
    place: Any = vantage(authority.ca)
    other = REDIS if endpoint.kind == POSTGRESQL else POSTGRESQL

    hop = place.tls("tls", at(endpoint, kind=other))

    assert hop.outcome is HopOutcome.BROKEN, hop
    assert "makes no TLS connection" in hop.seen


def test_postgresql_takes_no_password_of_an_unverified_server(
    vantage: Look, postgresql: int, authority: Authority
) -> None:
    place: Any = vantage(authority.ca)
    endpoint = Endpoint(kind=POSTGRESQL, host="127.0.0.1", port=postgresql, user=USER, database=DATABASE)

    hop = place.login("login", endpoint, PASSWORD)

    assert hop.outcome is HopOutcome.BROKEN
    assert "127.0.0.1" in hop.seen


@pytest.mark.parametrize("kind", [POSTGRESQL, REDIS])
def test_the_secret_is_in_no_argv_and_no_environment_on_this_side(
    request: pytest.FixtureRequest, recorder: Recorder, authority: Authority, tmp_path: Path, kind: str
) -> None:
    port = request.getfixturevalue(kind)
    user, database = (USER, DATABASE) if kind == POSTGRESQL else (None, None)
    endpoint = Endpoint(kind=kind, host=HOST, port=port, user=user, database=database)
    host = RemoteHost("local://", environ={"PATH": os.environ["PATH"]}, cwd=tmp_path, runner=recorder)

    hop = RemoteVantage(host, authority.ca).login("login", endpoint, SECRETS[kind])

    assert hop.outcome is HopOutcome.OK, hop
    assert [command for command in recorder.commands if "canary" in f"{command.argv}{command.env}{command!r}"] == []
    assert [command.stdin for command in recorder.commands if command.stdin] == [
        f"{SECRETS[kind]}\n{authority.ca.read_text()}"
    ]


def test_a_secret_that_is_cut_off_on_its_way_is_not_a_wrong_one(
    endpoint: Endpoint, authority: Authority, tmp_path: Path
) -> None:
    def cut(command: Command, **settings: Any) -> Completed:
        is_login = command.stdin is not None and SECRETS[endpoint.kind] in command.stdin
        return run(replace(command, stdin=SECRETS[endpoint.kind][:5]) if is_login else command, **settings)

    host = RemoteHost("local://", environ={"PATH": os.environ["PATH"]}, cwd=tmp_path, runner=cut)

    hop = RemoteVantage(host, authority.ca).login("login", endpoint, SECRETS[endpoint.kind])

    assert hop.outcome is HopOutcome.UNDETERMINED
    assert hop.seen.endswith("the secret did not arrive there on standard input")


def test_a_tool_that_is_not_there_leaves_its_hop_open(endpoint: Endpoint, authority: Authority, tmp_path: Path) -> None:
    """A host with a shell and little else."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "mktemp", "cat", "rm"):
        (programs / name).symlink_to(shutil.which(name) or "")
    host = RemoteHost("local://", environ={"PATH": str(programs)}, cwd=tmp_path)
    place = RemoteVantage(host, authority.ca)

    hops = [
        place.dns("dns", endpoint),
        place.tcp("tcp", endpoint),
        place.tls("tls", endpoint),
        place.login("login", endpoint, "secret"),
    ]

    assert {hop.outcome for hop in hops} == {HopOutcome.UNDETERMINED}
    tool = "psql" if endpoint.kind == POSTGRESQL else "redis-cli"
    assert [hop.seen.removeprefix("can't be checked from local://: ") for hop in hops] == [
        *("no getent", "no nc, nor bash with timeout", "no openssl", f"no {tool}")
    ]


def test_nothing_of_the_authorities_is_left_behind(postgresql: int, authority: Authority, tmp_path: Path) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    environ = {"PATH": os.environ["PATH"], "TMPDIR": str(folder)}
    place = RemoteVantage(RemoteHost("local://", environ=environ, cwd=tmp_path), authority.ca)
    endpoint = Endpoint(kind=POSTGRESQL, host=HOST, port=postgresql, user=USER, database=DATABASE)

    assert place.tls("tls", endpoint).outcome is HopOutcome.OK
    assert place.login("login", endpoint, PASSWORD).outcome is HopOutcome.OK
    assert list(folder.iterdir()) == []


# The whole command: what AWS says is moto's, with an endpoint that is really there


@pytest.fixture
def shell(
    endpoint: Endpoint, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, list[str]]]:
    """A shell in an estate with a database that serves."""
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    extensions.install("ec2", "rds", "elasticache")
    if endpoint.kind == POSTGRESQL:
        monkeypatch.setattr(DBInstance, "address", HOST)
        vpc.make_instance(store, password=PASSWORD, port=endpoint.port, user=USER, database=DATABASE)
    else:
        vpc.make_group(store, token=TOKEN, port=endpoint.port)
        group = elasticache_backends[ACCOUNT][REGION].replication_groups["acme-cache"]
        group.node_groups[0]["primary_endpoint"]["address"] = HOST
    root = write_estate(tmp_path / "estate", vpc.YAML)
    monkeypatch.chdir(root)
    name = "db" if endpoint.kind == POSTGRESQL else "cache"

    def diagnose(*words: str) -> tuple[int, list[str]]:
        out = io.StringIO()
        with redirect_stdout(out):
            code = boundary.run(["diagnose", name, *words])
        assert "canary" not in out.getvalue()
        return code, out.getvalue().splitlines()

    return diagnose


@pytest.mark.parametrize("words", [(), ("--from", "local://")], ids=["here", "local://"])
def test_diagnose_follows_the_way_to_the_end(
    shell: Callable[..., tuple[int, list[str]]], authority: Authority, words: tuple[str, ...]
) -> None:
    code, lines = shell("--ca-file", str(authority.ca), *words)

    assert code == 0, lines
    assert [line.split()[0] for line in lines if not line.startswith("-")] == ["✓"] * len(
        [line for line in lines if not line.startswith("-")]
    )
    assert lines[-2].startswith(("✓ login  SELECT 1 as", "✓ login  AUTH and PING"))


@pytest.mark.parametrize("words", [(), ("--from", "local://")], ids=["here", "local://"])
def test_diagnose_stops_at_a_certificate_that_is_not_trusted(
    shell: Callable[..., tuple[int, list[str]]], endpoint: Endpoint, stranger: Authority, words: tuple[str, ...]
) -> None:
    code, lines = shell("--ca-file", str(stranger.ca), *words)

    assert code == 1
    assert "is not trusted: unable to get local issuer certificate" in next(
        line for line in lines if line.startswith("✗ tls  ")
    )
    assert "- login  not checked: an earlier hop is broken" in lines
    assert " is broken at tls: " in lines[-1]


@pytest.mark.parametrize("words", [(), ("--from", "local://")], ids=["here", "local://"])
def test_diagnose_stops_at_a_secret_that_is_not_the_servers(
    shell: Callable[..., tuple[int, list[str]]], endpoint: Endpoint, authority: Authority, words: tuple[str, ...]
) -> None:
    is_postgresql = endpoint.kind == POSTGRESQL
    client = vpc.client("secretsmanager")
    text = json.dumps({"password": "canary-wrong-Zq9"}) if is_postgresql else "canary-wrong-Zq9"
    client.put_secret_value(SecretId="acme/db" if is_postgresql else "acme/cache", SecretString=text)

    code, lines = shell("--ca-file", str(authority.ca), *words)

    assert code == 1
    assert " is broken at login: " in lines[-1]
    assert ("(aws_db_instance.this[0])" if is_postgresql else "(aws_elasticache_replication_group.cache)") in lines[-1]
