"""The guard in conftest.py does what it says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.estate import write_program

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Guard


def test_terraform_cannot_be_started(tmp_path: Path, isolated: Guard) -> None:
    program = write_program(tmp_path)

    with pytest.raises(RuntimeError, match="was starting"):
        subprocess.run([str(program)], check=False)

    assert isolated.refused.pop().startswith("starting ")


def test_other_programs_can_be_started() -> None:
    assert subprocess.run([sys.executable, "-c", ""], check=False).returncode == 0


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_no_address_but_loopback_can_be_reached(address: str, isolated: Guard) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as client, pytest.raises(RuntimeError, match="was connecting"):
        client.connect((address, 443))

    assert isolated.refused.pop() == f"connecting to {address}"


def test_no_name_can_be_looked_up(isolated: Guard) -> None:
    with pytest.raises(RuntimeError, match="was looking up"):
        socket.getaddrinfo("registry.terraform.io", 443)

    assert isolated.refused.pop() == "looking up registry.terraform.io"


def test_loopback_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()[:2]) as client:
        assert client.getpeername() == server.getsockname()


def test_nothing_of_the_machines_environment_is_left() -> None:
    left = [name for name in os.environ if name.startswith(("AWS_", "TF_", "WEALIST_"))]

    assert left == ["AWS_EC2_METADATA_DISABLED"]
