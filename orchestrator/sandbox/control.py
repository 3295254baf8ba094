"""Starting, finding and stopping the embedded AWS.

The server writes `server.json` when it listens; whoever finds the file asks the address in it for the token in it, so
that a stale file, or another program on that port, is never taken for the server. Of two commands that want it started
at the same time one starts it: the second waits for the first's lock and then finds it running.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import SandboxError
from orchestrator.process import Command, spawn

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping, Sequence

STAND_INS = Path(__file__).with_name("modules")
_STATE_FILE = "server.json"
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 10.0
_HEALTH_TIMEOUT = 5.0
# Kept, so that nothing complains of a child that is meant to outlive this process.
_children: list[subprocess.Popen[bytes]] = []
# Direct, whatever proxy the shell has: the server is on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server, as it describes itself.

    Attributes:
        url: `http://127.0.0.1:PORT`.
        modules: The folders that it serves Terraform modules from, first come first.
    """

    pid: int
    port: int
    url: str
    token: str
    account_id: str
    started_at: str
    modules: tuple[Path, ...]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Server:
        return cls(
            pid=int(data["pid"]),
            port=int(data["port"]),
            url=str(data["url"]),
            token=str(data["token"]),
            account_id=str(data["account_id"]),
            started_at=str(data["started_at"]),
            modules=tuple(Path(folder) for folder in data["modules"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data for people and scripts; the token is left out."""
        return {
            "pid": self.pid,
            "url": self.url,
            "account_id": self.account_id,
            "started_at": self.started_at,
            "modules": [str(folder) for folder in self.modules],
        }


def find(home: Path) -> Server | None:
    """The server of this sandbox, or None where none runs."""
    try:
        server = Server.from_json(json.loads((home / _STATE_FILE).read_text(encoding="utf-8")))
        with _opener.open(f"{server.url}/_wealist/health", timeout=_HEALTH_TIMEOUT) as answer:
            health = json.load(answer)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return server if isinstance(health, dict) and health.get("token") == server.token else None


def start(home: Path, *, environ: Mapping[str, str], modules: Sequence[Path], account_id: str | None = None) -> Server:
    """Start a server where none runs, and wait until it answers.

    Raises:
        SandboxError: The sandbox's packages are not installed, or the server did not come up.
    """
    if find_spec("moto") is None or find_spec("flask") is None:
        raise SandboxError(
            "the sandbox needs packages that are not installed",
            hint=f"{sys.executable} -m pip install 'wealist[sandbox]'",
        )
    # Without -P its first source of modules would be the folder that it starts in.
    argv = [sys.executable, "-P", "-m", "orchestrator.sandbox.server", "--runtime", str(home)]
    argv += ["--token", secrets.token_hex(16)]
    argv += [word for folder in modules for word in ("--modules", str(folder))]
    argv += ["--account-id", account_id] if account_id else []
    env = {name: environ[name] for name in _KEPT if name in environ}
    child = spawn(Command(argv=argv, cwd=home, env=env), log=log_file(home))
    _children.append(child)
    deadline = time.monotonic() + _START_TIMEOUT
    try:
        while child.poll() is None and time.monotonic() < deadline:
            server = find(home)
            if server:
                return server
            time.sleep(0.05)
    except BaseException:
        child.kill()
        raise
    child.kill()
    said = [line for line in log_file(home).read_text(errors="replace").splitlines() if line.strip()]
    raise SandboxError(
        f"the sandbox did not start: {said[-1] if said else 'it said nothing'}", hint=f"its log: {log_file(home)}"
    )


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold the sandbox's own lock: whoever starts it or changes its files does so alone."""
    fd = os.open(home / "sandbox.lock", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def stop(home: Path) -> bool:
    """Stop the server; its state is gone with it. Returns whether there was one.

    Raises:
        SandboxError: It does not end.
    """
    server = find(home)
    if server is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(server.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_TIMEOUT
    while _is_alive(server.pid):
        if time.monotonic() > deadline:
            raise SandboxError(f"the sandbox (pid {server.pid}) does not stop", hint=f"kill -9 {server.pid}")
        time.sleep(0.05)
    return True


def log_file(home: Path) -> Path:
    return home / "server.log"


def _is_alive(pid: int) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
