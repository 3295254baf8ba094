"""The embedded AWS as one background process: `python -m orchestrator.sandbox.server`.

It serves the gateway (`gateway`): the module registry, a health page and moto with the extensions.

What always holds:

* It listens on the loopback interface only, on a port that the system chooses, and writes that port to
  `server.json` (mode 0600, replaced whole) once connections are accepted, never before. The file goes
  when the process stops; a second process for the same folder refuses to start.
* Its credential comes over standard input: what stands in argv or the environment, others may be able to read.
* It reaches nothing. An audit hook refuses connections to any address that isn't loopback and refuses to
  start programs, whatever moto would like to do on behalf of a service; credentials and configuration
  of a real account are blanked before boto is imported.
* It outlives the terminal (SIGHUP is ignored) but not its folder: SIGTERM, SIGINT or the loss of
  `server.json` stop it. Nothing that was built in it is kept on disk.

Start-up time is felt by everyone who types `--sandbox`, so a service is imported when it is first
called; the large ones are imported by a thread meanwhile.
"""

from __future__ import annotations

import argparse
import datetime
import fcntl
import importlib
import ipaddress
import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import psutil

from orchestrator.sandbox.credential import Credential
from orchestrator.sandbox.gateway import HOST, Gateway

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from flask import Flask

DEFAULT_ACCOUNT_ID = "123456789012"
STATE_FILE = "server.json"

_STOPS = (signal.SIGTERM, signal.SIGINT)
_ORPHAN_CHECK = 2.0

# Slow to import, and needed by any estate: what a Terraform run calls first comes first.
_WARM_SERVICES = ("iam", "sts", "s3", "dynamodb", "ec2", "kms", "rds", "elasticache", "secretsmanager", "ecr", "eks")

# One thread at a time imports moto: where two services import each other, one thread alone sees both whole.
_importing = threading.Lock()

_ENVIRONMENT: Mapping[str, str] = {
    # Roles attach policies like AmazonEKSClusterPolicy, which exist in every real account.
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    # No browser page is meant to read this account.
    "MOTO_DISABLE_GLOBAL_CORS": "true",
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What one server process is asked to be."""

    runtime: Path
    account_id: str
    modules: tuple[Path, ...]

    @classmethod
    def from_argv(cls, argv: Sequence[str]) -> ServerOptions:
        parser = argparse.ArgumentParser(prog="python -m orchestrator.sandbox.server")
        parser.add_argument("--runtime", type=Path, required=True, help="folder for server.json")
        parser.add_argument("--account-id", default=DEFAULT_ACCOUNT_ID)
        parser.add_argument("--modules", type=Path, action="append", required=True)
        given = parser.parse_args(argv)
        return cls(
            runtime=given.runtime.absolute(),
            account_id=given.account_id,
            modules=tuple(folder.absolute() for folder in given.modules),
        )

    def identity(self) -> dict[str, Any]:
        """Who this process is, as server.json says it."""
        modules = [str(folder) for folder in self.modules]
        process = {"pid": os.getpid(), "process_started": psutil.Process().create_time()}
        return {**process, "account_id": self.account_id, "modules": modules}


def refuse_outside(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook that keeps this process on this machine: loopback only, and no programs."""
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        # Not a tuple: a Unix socket, behind which Docker sits.
        if not isinstance(address, tuple) or not _is_loopback(address[0]):
            raise PermissionError(f"The sandbox refuses to connect to {address}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        if not _is_loopback(arguments[0]):
            raise PermissionError(f"The sandbox refuses to look up {arguments[0]}")
    elif event in ("subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.fork"):
        raise PermissionError(f"The sandbox refuses to start a program ({event})")


def create_application(options: ServerOptions, credential: Credential) -> Gateway:
    """Prepare the environment, import moto and wrap it. Call it once in a process."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "MOTO_"))]:
        del os.environ[name]
    os.environ.update(_ENVIRONMENT, MOTO_ACCOUNT_ID=options.account_id)

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from orchestrator.sandbox import extensions

    def create_extended_app(service: Any) -> Flask:
        with _importing:
            extensions.install(service)
            return create_backend_app(service)

    extensions.install("core")
    return Gateway(credential, options.modules, DomainDispatcherApplication(create_extended_app))


def warm(services: Iterable[str] = _WARM_SERVICES) -> None:
    """Import services before they are called. A service that fails here fails again, and is seen, when called."""
    for service in services:
        with _importing, suppress(Exception):
            importlib.import_module(f"moto.{service}.responses")


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Write `state` as JSON so that a reader sees all of it or none of it, and only its owner can."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(state, file, indent=2)
    draft.replace(path)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to stop; 0 then, 1 where another server has the folder or there is no credential."""
    options = ServerOptions.from_argv(sys.argv[1:] if argv is None else argv)
    try:
        credential = Credential.from_json(json.load(sys.stdin))
    except (ValueError, KeyError, TypeError):
        sys.stderr.write("A sandbox server needs its credential on standard input: use `wealist sandbox start`\n")
        return 1
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for stop in _STOPS:
        signal.signal(stop, _exit)

    options.runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (options.runtime / "server.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.stderr.write(f"A sandbox server already runs for {options.runtime}\n")
            return 1
        sys.addaudithook(refuse_outside)
        application = create_application(options, credential)
        # Not before: moto reads the environment that it has just been given.
        from orchestrator.sandbox.listener import create_server

        server = create_server(HOST, application)
        threading.Thread(target=server.serve_forever, name="serve", daemon=True).start()
        state_file = options.runtime / STATE_FILE
        try:
            started_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            started = {**options.identity(), "port": server.port, "started_at": started_at}
            write_state(state_file, {**started, **credential.to_json()})
            threading.Thread(target=warm, name="warm", daemon=True).start()
            while state_file.exists():
                time.sleep(_ORPHAN_CHECK)
        finally:
            for stop in _STOPS:
                signal.signal(stop, signal.SIG_IGN)
            state_file.unlink(missing_ok=True)
            server.shutdown()
            server.server_close()
    return 0


def _exit(*_: object) -> NoReturn:
    sys.exit(0)


def _is_loopback(host: Any) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return str(host) == "localhost"


def serve_and_end() -> NoReturn:
    """`main`, and the end of the process without finalizing what moto holds: a thousand objects take it seconds."""
    try:
        code: Any = main()
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    serve_and_end()
