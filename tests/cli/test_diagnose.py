from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orchestrator.cli.boundary import run
from orchestrator.diagnosis import Hop, ok
from orchestrator.discovery import Estate
from orchestrator.sandbox import extensions
from tests.estate import Store, write_estate
from tests.fakes import CANARY
from tests.vpc import YAML, Vpc, client, make_group

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.diagnosis import Endpoint
    from tests.fakes import FakeRunner

    Capture = pytest.CaptureFixture[str]


class Talkative:
    """A place to look from whose tools repeat the secret that they were given."""

    place = "here"

    def dns(self, id_: str, _endpoint: Endpoint) -> Hop:
        return ok(id_, "fine")

    tcp = tls = dns

    def login(self, id_: str, _endpoint: Endpoint, secret: str) -> Hop:
        return ok(id_, f"logged in with {secret}")


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return Estate.find(write_estate(tmp_path / "estate", YAML))


@pytest.fixture
def redis(store: Store, monkeypatch: pytest.MonkeyPatch) -> Vpc:
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    extensions.install("ec2", "elasticache")
    monkeypatch.setattr("orchestrator.vantage.LocalVantage", lambda ca_file: Talkative())
    return make_group(store, token=CANARY)


def test_without_a_name_the_names_are_listed(shell: FakeRunner, capsys: Capture) -> None:
    assert run(["diagnose"]) == 0
    assert capsys.readouterr() == ("db\ncache\n", "")

    assert run(["diagnose", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cache"] == {"kind": "redis", "layer": "foundation"}


def test_where_nothing_is_declared_it_says_so(shell: FakeRunner, estate: Estate, capsys: Capture) -> None:
    (estate.root / "wealist.yaml").write_text("version: 1\n")

    assert run(["diagnose"]) == 0
    assert capsys.readouterr() == ("", "nothing to diagnose is declared in wealist.yaml\n")


def test_a_line_a_hop_and_a_verdict(shell: FakeRunner, redis: Vpc, capsys: Capture) -> None:
    assert run(["diagnose", "cache"]) == 0

    out, err = capsys.readouterr()
    assert [line.split()[:2] for line in out.splitlines()] == [
        *(["✓", hop] for hop in ("group", "dns", "security-group", "secret", "tcp", "tls", "login")),
        ["✓", "cache:"],
    ]
    assert "✓ login  logged in with (redacted)\n" in out
    assert CANARY not in out + err
    assert shell.commands == []


def test_a_broken_hop_names_what_to_change_and_what_to_type(shell: FakeRunner, redis: Vpc, capsys: Capture) -> None:
    redis.revoke("10.0.2.0/24")

    assert run(["diagnose", "cache"]) == 1

    lines = capsys.readouterr().out.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("✗ security-group  "))
    rule = 'aws_vpc_security_group_ingress_rule.db["b"]'
    assert lines[at + 1 : at + 5] == [
        "    expected: tcp 6379 admitted from every private subnet",
        f"    terraform: {rule}",
        "    change: Terraform has the rule in its state, and makes it again",
        "    next: wealist plan foundation",
    ]
    assert lines[at + 5] == "- secret  not checked: an earlier hop is broken"
    seen = lines[at].removeprefix("✗ security-group  ")
    assert lines[-1] == f"✗ cache is broken at security-group: {seen} ({rule})"


def test_json_is_the_whole_diagnosis_and_no_secret(shell: FakeRunner, redis: Vpc, capsys: Capture) -> None:
    assert run(["diagnose", "cache", "--json"]) == 0

    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["name"], found["kind"], found["from"], found["broken"]) == ("cache", "redis", "here", None)
    assert found["hops"][-1]["seen"] == "logged in with (redacted)"
    assert CANARY not in out + err


def test_a_secret_that_was_deleted_is_14(shell: FakeRunner, redis: Vpc, capsys: Capture) -> None:
    client("secretsmanager").delete_secret(SecretId=redis.secret, RecoveryWindowInDays=7)

    assert run(["diagnose", "cache"]) == 14
    assert "✗ secret  secret cache-token can't be read as it stands" in capsys.readouterr().out


def test_from_is_of_a_known_kind(shell: FakeRunner, redis: Vpc, capsys: Capture) -> None:
    assert run(["diagnose", "cache", "--from", "telnet://bastion"]) == 64
    assert "ssh://host, docker://container, kubectl://pod?namespace=name" in capsys.readouterr().err


def test_an_output_that_is_not_there_is_named_with_its_line(
    shell: FakeRunner, redis: Vpc, estate: Estate, capsys: Capture
) -> None:
    path = estate.root / "wealist.yaml"
    path.write_text(path.read_text().replace("identifier: cache_id", "identifier: cache_ident"))

    assert run(["diagnose", "cache"]) == 64
    assert (
        "wealist.yaml:22: diagnose.cache.identifier: layer prod/foundation has no output 'cache_ident'"
        in capsys.readouterr().err
    )


def test_words_after_a_lone_dash_are_refused(shell: FakeRunner, capsys: Capture) -> None:
    assert run(["diagnose", "cache", "--", "-x"]) == 64
