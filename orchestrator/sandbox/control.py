"""Starting, finding and stopping the embedded AWS.

The server writes `server.json` when it listens. Whoever finds the file believes it no more than it can prove: the process it
names is a server of this user's for this very folder, it is that process that listens on the port, and it answers a
challenge as only a holder of the secret key can. Only then is it asked anything else, or ended. So neither a stale file, nor
another program on that port, nor a file that somebody has put there is ever taken for the server. Of two commands that want
it started at the same time one starts it: the second waits for the first's lock and then finds it running.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from orchestrator import payload, private_folder
from orchestrator.errors import SandboxError
from orchestrator.process import Command, spawn
from orchestrator.sandbox.credential import Credential

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping, Sequence

STAND_INS = Path(__file__).with_name("modules")
_MODULE = "orchestrator.sandbox.server"
_HOST = "127.0.0.1"
_STATE_FILE = "server.json"
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 10.0
_HEALTH_TIMEOUT = 5.0
# Seconds. The system tells a process's start by its clock, which may have been set meanwhile.
_CLOCK_TOLERANCE = 60.0
# Bytes of an answer to a challenge: more of one is nobody's whom we know.
_MOST = 4096
# Kept, so that nothing complains of a child that is meant to outlive this process.
_children: list[subprocess.Popen[bytes]] = []
# Direct, whatever proxy the shell has: the server is on this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server, as it describes itself.

    Attributes:
        process_started: When the system started it, in seconds since the epoch.
        modules: The folders that it serves Terraform modules from, first come first.
    """

    pid: int
    process_started: float
    port: int
    credential: Credential = field(repr=False)
    account_id: str
    started_at: str
    modules: tuple[Path, ...]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Server:
        return cls(
            pid=int(data["pid"]),
            process_started=float(data["process_started"]),
            port=int(data["port"]),
            credential=Credential.from_json(data),
            account_id=str(data["account_id"]),
            started_at=str(data["started_at"]),
            modules=tuple(Path(folder) for folder in data["modules"]),
        )

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://{_HOST}:{self.port}"

    def to_json(self) -> dict[str, Any]:
        """Plain data for people and scripts; its credential is left out."""
        return {
            "pid": self.pid,
            "url": self.url,
            "account_id": self.account_id,
            "started_at": self.started_at,
            "modules": [str(folder) for folder in self.modules],
        }


def find(home: Path) -> Server | None:
    """The server of this sandbox, or None where none runs."""
    server = _read(home)
    return server if server is not None and _process(server, home) is not None and _has_proof(server) else None


def _read(home: Path) -> Server | None:
    """The server that the file tells of; nothing of it is proven."""
    try:
        return Server.from_json(payload.load(private_folder.read_text(home / _STATE_FILE)))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _process(server: Server, home: Path) -> psutil.Process | None:
    """The process of that number, where it is this user's server for this folder and listens on that port."""
    try:
        process = psutil.Process(server.pid)
        if process.uids().real != os.getuid() or not _is_server_for(process.cmdline(), home):
            return None
        if abs(process.create_time() - server.process_started) > _CLOCK_TOLERANCE:
            return None
        listening = {
            one.laddr.port for one in process.net_connections("tcp4") if one.status == psutil.CONN_LISTEN and one.laddr
        }
    except (psutil.Error, OSError, ValueError):
        return None
    return process if server.port in listening else None


def _is_server_for(argv: Sequence[str], home: Path) -> bool:
    return _arguments(home) == tuple(argv[1 : len(_arguments(home)) + 1])


def _arguments(home: Path) -> tuple[str, ...]:
    # Without -P the first source of modules would be the folder that it starts in.
    return "-P", "-m", _MODULE, "--runtime", str(home)


def _has_proof(server: Server) -> bool:
    """Whether it answers a challenge as only the server with this credential can."""
    challenge = secrets.token_hex(16)
    try:
        address = f"{server.url}/_wealist/health?challenge={challenge}"
        with _opener.open(address, timeout=_HEALTH_TIMEOUT) as answer:
            proof = payload.load(answer.read(_MOST))["proof"]
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return False
    return isinstance(proof, str) and secrets.compare_digest(
        proof.encode(), server.credential.answer(challenge).encode()
    )


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
    argv = [sys.executable, *_arguments(home)]
    argv += [word for folder in modules for word in ("--modules", str(folder))]
    argv += ["--account-id", account_id] if account_id else []
    env = {name: environ[name] for name in _KEPT if name in environ}
    keys = json.dumps(Credential.create().to_json())
    child = spawn(Command(argv=argv, cwd=home, env=env, stdin=keys), log=log_file(home))
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
    fd = private_folder.open_file(home / "sandbox.lock", os.O_WRONLY | os.O_CREAT)
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
    server = _read(home)
    process = server and _process(server, home)
    if not process:
        return False
    try:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
            process.wait(_STOP_TIMEOUT)
    except psutil.TimeoutExpired:
        raise SandboxError(f"the sandbox (pid {process.pid}) does not stop", hint=f"kill -9 {process.pid}") from None
    return True


def log_file(home: Path) -> Path:
    return home / "server.log"
