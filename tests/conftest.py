"""What holds for every test that isn't marked `real`.

It starts no Terraform, reaches nothing but this machine's loopback, and sees nothing of the machine's environment: no
variable of AWS's, Terraform's or wealist's, no home folder. The guard is an audit hook, so it also stands in threads and
below libraries; what it refused fails the test, even where the code under test swallowed the refusal.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.discovery import Estate
from tests.estate import Store, write_estate
from tests.fakes import FakeRunner

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLANKED = ("AWS_", "BOTO_", "MOTO_", "TF_", "WEALIST_", "XDG_")
_BLANKED_NAMES = frozenset(
    {
        *("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "CI", "GITHUB_ACTIONS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
        *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "CHECKPOINT_DISABLE"),
    }
)


class Guard:
    """Refuses what a unit test must not do, for as long as it is on."""

    def __init__(self) -> None:
        self.is_on = False
        self.refused: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_on:
            return
        if event in ("subprocess.Popen", "os.exec", "os.posix_spawn"):
            program = arguments[0] or arguments[1][0]
            if Path(os.fsdecode(program)).name == "terraform":
                self._refuse(f"starting {os.fsdecode(program)}")
        elif event == "socket.connect":
            address = arguments[1]
            if isinstance(address, tuple) and not _is_loopback(str(address[0])):
                self._refuse(f"connecting to {address[0]}")
        elif event == "socket.getaddrinfo" and arguments[0] and not _is_loopback(str(arguments[0])):
            self._refuse(f"looking up {arguments[0]}")

    def _refuse(self, what: str) -> None:
        self.refused.append(what)
        raise RuntimeError(f"a test that isn't marked `real` was {what}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


_guard = Guard()
sys.addaudithook(_guard)


@pytest.fixture(scope="session")
def _home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def isolated(request: pytest.FixtureRequest) -> Iterator[Guard | None]:
    """Stand between an unmarked test and the machine; the guard itself, for its own tests."""
    if request.node.get_closest_marker("real"):
        yield None
        return
    # Only asked for here, so that a marked test keeps the machine's own environment.
    monkeypatch = request.getfixturevalue("monkeypatch")
    home = request.getfixturevalue("_home")
    for name in os.environ:
        if name.startswith(_BLANKED) or name in _BLANKED_NAMES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    _guard.refused.clear()
    _guard.is_on = True
    yield _guard
    _guard.is_on = False
    assert not _guard.refused


@pytest.fixture(scope="session", autouse=True)
def _one_loader() -> Iterator[None]:
    """Let all sessions of botocore read its service models once: that is most of the time that a client takes."""
    import botocore.session

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("botocore.session.create_loader", cache(botocore.session.create_loader))
        yield


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """Two layers, of which compute stands on foundation."""
    return Estate.find(write_estate(tmp_path / "estate"))


@pytest.fixture
def aws() -> Iterator[None]:
    """An empty AWS in this process, with fixed credentials for it."""
    from moto import mock_aws

    with mock_aws():
        yield


@pytest.fixture
def store(aws: None) -> Store:
    """The estate's bucket and table, as bootstrap leaves them."""
    return Store.make()


@pytest.fixture
def runner() -> FakeRunner:
    return FakeRunner()
