"""The servers are started once for all tests of a process, and a machine without their programs passes the tests over."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from tests.service import server
from tests.service.server import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator

    Factory = pytest.TempPathFactory


@pytest.fixture(scope="session")
def authority(tmp_path_factory: Factory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: Factory) -> Authority:
    """An authority that signed nothing here."""
    return Authority.make(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="session")
def postgresql(authority: Authority) -> Iterator[int]:
    programs = server.find_postgresql()
    if programs is None:
        pytest.skip("no PostgreSQL on this machine: apt-get install postgresql")
    # A socket's path may have a hundred characters, and pytest's folders have more.
    with (
        TemporaryDirectory(prefix="wealist-pg-") as folder,
        server.postgresql(Path(folder), programs, authority) as port,
    ):
        yield port


@pytest.fixture(scope="session")
def redis(authority: Authority) -> Iterator[int]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no Redis on this machine: apt-get install redis-server")
    with (
        TemporaryDirectory(prefix="wealist-redis-") as folder,
        server.redis(Path(folder), Path(program), authority) as port,
    ):
        yield port


@pytest.fixture(scope="session")
def ssh() -> Iterator[str]:
    """How a host is named that ssh leads to: this machine."""
    program = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if program is None or shutil.which("ssh") is None:
        pytest.skip("no ssh on this machine: apt-get install openssh-server openssh-client")
    with TemporaryDirectory(prefix="wealist-ssh-") as folder, server.sshd(Path(folder), Path(program)) as spec:
        place, _, settings = spec.partition("?ssh_config=")
        words = ["ssh", "-F", settings, "-o", "BatchMode=yes", place, "true"]
        tried = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if tried.returncode != 0:
            pytest.skip(f"ssh lets this user not in (no shell, or a locked account): {tried.stderr.strip()}")
        yield spec
