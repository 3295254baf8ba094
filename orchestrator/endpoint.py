"""The endpoints of AWS that a shell, a configuration file or the HCL names, and whether one of them is this machine.

Whoever points a shell at an emulator and forgets it would have wealist take that for AWS: the account that it pins would be
there, and a state that belongs to nothing. So an endpoint on the loopback is refused where no sandbox was asked for, before
anything is called. Read are all places that botocore and the Go SDK of Terraform read, and no more of them than that.

Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints"; Terraform's "Custom Service Endpoints".
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from orchestrator.errors import PreflightError
from orchestrator.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from orchestrator.layer import Layer

OPTION = "--allow-local-endpoint"
# The second kind is older, and read by Terraform alone. That of the metadata service gives credentials, and is no AWS.
_VARIABLE = re.compile(r"AWS_ENDPOINT_URL(?:_\w+)?|(?:TF_)?AWS_(?!EC2_METADATA_SERVICE_)\w+_ENDPOINT")
_IGNORE = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint, where it is named, and the step that takes it away."""

    url: str
    source: str
    remedy: str

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine."""
        return _is_local(self.url)


def of_environment(environ: Mapping[str, str], *, profile: str | None = None) -> list[Endpoint]:
    """Those of the environment, and of the AWS configuration that it leads to.

    Args:
        profile: In place of the environment's.
    """
    named = [
        Endpoint(url=value, source=name, remedy=f"unset {name}")
        for name, value in sorted(environ.items())
        if value and _VARIABLE.fullmatch(name)
    ]
    used = profile or environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE") or "default"
    return [*named, *of_profiles([used], environ)]


def of_profiles(profiles: Iterable[str], environ: Mapping[str, str]) -> Iterator[Endpoint]:
    """Those that the AWS configuration gives these profiles; a file that can't be read has none."""
    home = Path(environ.get("HOME") or "/")
    for variable, name in (("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")):
        given = environ.get(variable)
        path = home / (given.removeprefix("~/") if given else f".aws/{name}")
        loaded = _load(path)
        for profile in profiles:
            settings = _section(loaded.get("profiles"), profile)
            if "true" in (
                environ.get(_IGNORE, "").lower(),
                str(settings.get(_IGNORE.removeprefix("AWS_").lower(), "")).lower(),
            ):
                continue
            services = _section(loaded.get("services"), str(settings.get("services")))
            for of, section in (("", settings), *((f" of {name}", _section(services, name)) for name in services)):
                if url := section.get("endpoint_url"):
                    source = f"endpoint_url{of} of profile {profile} in {path}"
                    yield Endpoint(
                        url=str(url), source=source, remedy=f"take it out of {path}, or use another --profile"
                    )


def of_layer(layer: Layer, environ: Mapping[str, str]) -> Iterator[Endpoint]:
    """Those of a layer's providers, and of the profiles that its HCL names, as far as they can be read."""
    for provider in layer.providers:
        for url in provider.endpoints:
            where = provider.arguments["endpoints"]
            yield Endpoint(url=url, source=f"{where}: endpoints of the provider", remedy="take it out of the HCL")
    profiles = [layer.backend.profile, *(provider.profile for provider in layer.providers)]
    yield from of_profiles(dict.fromkeys(name for name in profiles if name), environ)


def refuse_local(endpoints: Iterable[Endpoint]) -> None:
    """Refuse to take this machine for AWS.

    Raises:
        PreflightError: One of the endpoints is on the loopback.
    """
    for endpoint in endpoints:
        if endpoint.is_local:
            seen = f"{endpoint.url} is this machine and not AWS"
            remedy = f"{endpoint.remedy}; to rehearse: add --sandbox; to go there all the same: add {OPTION}"
            finding = Finding(
                id="endpoint.local", severity=Severity.ERROR, subject=endpoint.source, seen=seen, remedy=remedy
            )
            raise PreflightError(f"{endpoint.source}: {seen}", findings=[finding], hint=remedy)


def findings(endpoints: Iterable[Endpoint]) -> list[Finding]:
    """That they are there: what is checked is checked where they lead."""
    return [
        Finding(
            id="endpoint.custom",
            severity=Severity.WARNING,
            subject=endpoint.source,
            seen=f"calls go to {endpoint.url} and not to where AWS's own names lead",
            remedy=f"if that is not meant: {endpoint.remedy}",
        )
        for endpoint in endpoints
    ]


def _load(path: Path) -> dict[str, Any]:
    try:
        if b"endpoint_url" not in path.read_bytes():
            return {}
    except OSError:
        return {}
    # Imported here: it takes long, and hardly any configuration speaks of endpoints.
    from botocore.configloader import load_config
    from botocore.exceptions import BotoCoreError

    try:
        loaded: dict[str, Any] = load_config(os.fspath(path))
    except BotoCoreError:
        # Whoever calls AWS says so.
        return {}
    return loaded


def _section(sections: Any, name: str) -> Mapping[str, Any]:
    found = sections.get(name) if isinstance(sections, dict) else None
    return found if isinstance(found, dict) else {}


def _is_local(url: str) -> bool:
    try:
        host = (urlsplit(url if "//" in url else f"//{url}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        # Also as 127.1 or as one number, which resolvers take as well.
        address = ipaddress.ip_address(host if ":" in host else socket.inet_aton(host))
    except (OSError, ValueError):
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)
