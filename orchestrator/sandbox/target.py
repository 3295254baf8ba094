"""The sandbox as a target: what the engine needs in order to rehearse a run.

The environment that Terraform gets is made from a short list of names, not from the shell's: no key, token, profile or
configuration of any cloud, cluster or registry is on it, and HOME is a folder of the sandbox's. The keys are the server's own,
made at its start, so that no account knows them. What the HCL could say against that is refused (`confinement`). As a second wall a
plan and an apply have a proxy that nobody listens at, so that what leaves this machine all the same ends there; an init has
the user's, since modules and providers may have to come from a registry.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from hmac import compare_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator import ledger, payload, private_folder
from orchestrator.artifacts import check_home, prepare_home, runs_at_work
from orchestrator.errors import SandboxError
from orchestrator.sandbox import confinement, control, disposal, provider, workspace
from orchestrator.sandbox.provider import ModuleSource
from orchestrator.target import HOME, AwsSettings, Target
from orchestrator.tf.env import KEPT_PREFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.discovery import Estate
    from orchestrator.sandbox.control import Server

_KEPT = frozenset({"PATH", "LANG", "LC_ALL", "TERM", "TMPDIR", "USER", "SSL_CERT_FILE", "SSL_CERT_DIR"})
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
_LOOPBACK = "127.0.0.1,localhost"
# Nobody listens at tcpmux, and only root could.
_CLOSED = "http://127.0.0.1:1"

_SETUP = "setup.json"
_CLI_CONFIG = "terraform.rc"
_CREDENTIALS = "aws-credentials"
_SOURCES = (provider.PROVIDER_MIRROR, provider.MODULE_MIRROR, provider.MODULE_SOURCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running sandbox.

    Attributes:
        was_started: Whether it was started just now, and so is empty.
        provider, modules: Where Terraform gets them from, in words.
        unheeded: Variables that ask for another source than the one it was started with.
        profiles: Those that the HCL names, which stand for the sandbox's own keys.
    """

    target: Target
    server: Server
    was_started: bool
    provider: str
    modules: str
    unheeded: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()


def sandbox_home(root: Path) -> Path:
    """Where an estate's sandbox keeps everything."""
    return root / HOME / "sandbox"


def start_sandbox(estate: Estate, environ: Mapping[str, str], *, terraform_bin: str = "terraform") -> Sandbox:
    """Start the estate's sandbox, or find the one that runs, and bring its copy of the estate up to date.

    Raises:
        SandboxError: It can't be started.
        ConfigError: A layer's HCL can't be read.
    """
    home = sandbox_home(estate.root)
    work = home / "work"
    check_home(home, environ)
    prepare_home(home)
    with control.only_one(home):
        # Within: one that is stopped meanwhile takes them along.
        for name in ("home", "plugins", "work"):
            private_folder.make(home / name)
        server = control.find(home)
        setup = _read_setup(home, server)
        was_started = server is None or setup is None
        if server is None or setup is None:
            # One without its setup was interrupted while it started.
            control.stop(home)
            server, setup = _start(estate, environ, home)
            workspace.forget_init(work)
            # What was done in one that is gone says nothing of the new one.
            with suppress(FileNotFoundError):
                (home / ledger.FILENAME).unlink()
        private_folder.replace(home / _CLI_CONFIG, setup.pop("cli_config"))
        profiles = confinement.profiles(estate.layers)
        private_folder.replace(home / _CREDENTIALS, confinement.credentials_file(profiles, server.credential))
        workspace.synchronize(estate, work)
    target = Target(
        name="sandbox",
        home=home,
        aws=AwsSettings(
            endpoint_url=server.url,
            access_key=server.credential.access_key,
            secret_key=server.credential.secret_key,
        ),
        environ=environment(environ, server=server, home=home),
        fetching={name: environ.get(name, "") for name in _PROXIES},
        check=confinement.check,
        source_root=estate.root,
        work_root=work,
        terraform_bin=terraform_bin,
    )
    asked = setup.pop("asked", None)
    unheeded = tuple(name for name in _SOURCES if asked and asked.get(name) != environ.get(name))
    return Sandbox(target=target, server=server, was_started=was_started, unheeded=unheeded, profiles=profiles, **setup)


def stop_sandbox(root: Path) -> bool:
    """Stop an estate's sandbox; what was in it is gone, and so is what could tell of it. Returns whether one ran.

    Raises:
        SandboxError: A run is at work in it, or it does not end.
        ConfigError: A link is in the place of its folder.
    """
    home = sandbox_home(root)
    with disposal.opened(root, home) as folder:
        if folder is None:
            return False
        with control.only_one(home):
            at_work = runs_at_work(home)
            if at_work:
                raise SandboxError(
                    f"run {at_work[-1]} is at work in the sandbox", hint="wait for it, or stop it with Ctrl-C"
                )
            was_running = control.stop(home)
            disposal.dispose(folder)
    return was_running


def _read_setup(home: Path, server: Server | None) -> dict[str, Any] | None:
    """What was written down when this very server was started."""
    if server is None:
        return None
    try:
        setup: dict[str, Any] = payload.load(private_folder.read_text(home / _SETUP))
        seal = setup.pop("seal")
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None
    is_ours = isinstance(seal, str) and compare_digest(seal.encode(), server.credential.seal(setup).encode())
    return setup if is_ours else None


def _start(estate: Estate, environ: Mapping[str, str], home: Path) -> tuple[Server, dict[str, Any]]:
    """Start the server, and write down for all later commands where providers and modules come from.

    Every command writes Terraform's CLI configuration anew from that, whatever has become of the file meanwhile.
    """
    providers = provider.provider_source(environ)
    source = provider.module_source(environ)
    mirror = environ.get(provider.MODULE_MIRROR) if source is ModuleSource.MIRROR else None
    folders = [*([Path(mirror).absolute()] if mirror else []), control.STAND_INS]
    server = control.start(home, environ=environ, modules=folders, account_id=_account(estate))
    described = {
        ModuleSource.MIRROR: f"mirror {mirror}, and wealist's stand-ins for what it lacks",
        ModuleSource.REGISTRY: f"the public registry, {provider.REGISTRY}",
        ModuleSource.STAND_INS: "wealist's stand-ins (the public registry does not answer)",
    }
    registry = f"{server.url}/_wealist/{server.credential.registry}"
    setup = {
        "provider": providers.description,
        "modules": described[source],
        "asked": {name: environ.get(name) for name in _SOURCES},
        "cli_config": provider.cli_config(providers, source, registry_url=registry, plugin_cache=home / "plugins"),
    }
    private_folder.replace(home / _SETUP, json.dumps({**setup, "seal": server.credential.seal(setup)}))
    return server, setup


def environment(environ: Mapping[str, str], *, server: Server, home: Path) -> dict[str, str]:
    """The environment that Terraform's is built from inside the sandbox."""
    # Of the `TF_` variables those by whose name a person is told that they are left out, and those that name no secret.
    kept = {
        name: value
        for name, value in environ.items()
        if name in _KEPT or (name.startswith("TF_") and not name.startswith(KEPT_PREFIXES))
    }
    return {
        **kept,
        **dict.fromkeys(_PROXIES, _CLOSED),
        "HOME": str(home / "home"),
        "NO_PROXY": _LOOPBACK,
        "no_proxy": _LOOPBACK,
        "TF_CLI_CONFIG_FILE": str(home / _CLI_CONFIG),
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": server.credential.access_key,
        "AWS_SECRET_ACCESS_KEY": server.credential.secret_key,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": str(home / _CREDENTIALS),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _account(estate: Estate) -> str | None:
    """The account that the estate is pinned to, so that its guard can be rehearsed as well."""
    pinned = set(estate.config.accounts.values())
    return pinned.pop() if len(pinned) == 1 else None
