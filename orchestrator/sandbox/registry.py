"""Terraform's module registry protocol, answered from folders.

A folder is laid out `<namespace>/<name>/<provider>/<version>/` and each version folder is a module, as
a mirror of the public registry would be. `ModuleRegistry` is a plain WSGI application: it holds no
state but the list of folders, does no I/O but reading them, and so sees a module as soon as it is put there.

What always holds:

* The first folder that has a module serves all of its versions: a mirror of real modules in front of
  stand-ins never mixes the two within one module.
* Addresses are matched by a pattern that admits no dot segment and no separator, and links inside a
  module are left out of its archive, so nothing outside the folders can be read.
* An archive is a function of the module's files alone: names sorted, no owner, no modes, no times. The same
  module is the same bytes however often and wherever it was unpacked.

The protocol is "Module Registry Protocol" in Terraform's documentation. Terraform reaches it through a
`host` block in its CLI configuration whose `modules.v1` service is this application's `/v1/`.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIEnvironment

_NAME = r"[0-9A-Za-z](?:[0-9A-Za-z_-]{0,62}[0-9A-Za-z])?"
_VERSION = r"\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]{1,64})?"
_ROUTE = re.compile(
    rf"/v1/(?P<namespace>{_NAME})/(?P<name>{_NAME})/(?P<provider>[0-9a-z]{{1,64}})"
    rf"/(?:versions|(?P<version>{_VERSION})/(?P<document>download|archive\.tar\.gz))",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleAddress:
    """Which module, as in `source = "<namespace>/<name>/<provider>"`."""

    namespace: str
    name: str
    provider: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}/{self.provider}"


class ModuleRegistry:
    """The WSGI application; mount it where `modules.v1` points, less the `/v1/`."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)

    def find(self, address: ModuleAddress) -> Path | None:
        """The folder of versions that serves this module, or None where no folder has it."""
        for folder in self.folders:
            candidate = folder / str(address)
            if any(_version_folders(candidate)):
                return candidate
        return None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD"):
            return _answer(start_response, method, "405 Method Not Allowed", allow="GET, HEAD")
        match = _ROUTE.fullmatch(environ.get("PATH_INFO", ""))
        if match is None:
            return _not_found(start_response, method, "no such path")
        address = ModuleAddress(namespace=match["namespace"], name=match["name"], provider=match["provider"])
        module = self.find(address)
        if module is None:
            return _not_found(start_response, method, f"no folder has the module {address}")
        if match["version"] is None:
            found = [{"version": folder.name} for folder in _version_folders(module)]
            body = json.dumps({"modules": [{"source": str(address), "versions": found}]}).encode()
            return _answer(start_response, method, "200 OK", body, content_type="application/json")
        version = module / match["version"]
        if not version.is_dir():
            return _not_found(start_response, method, f"{address} has no version {version.name}")
        if match["document"] == "download":
            # Relative to this address, so that it holds wherever the application is mounted.
            return _answer(start_response, method, "204 No Content", x_terraform_get="./archive.tar.gz")
        return _answer(start_response, method, "200 OK", archive(version), content_type="application/gzip")


def archive(folder: Path) -> bytes:
    """The files below `folder` as a tar.gz that is the same bytes for the same files.

    Hidden files and folders (`.git`, `.terraform`) and symbolic links are left out.
    """
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, path in sorted(_module_files(folder)):
            content = path.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _module_files(folder: Path, prefix: str = "") -> Iterable[tuple[str, Path]]:
    for entry in folder.iterdir():
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from _module_files(entry, f"{prefix}{entry.name}/")
        elif entry.is_file():
            yield f"{prefix}{entry.name}", entry


def _version_folders(module: Path) -> list[Path]:
    if not module.is_dir():
        return []
    return sorted(entry for entry in module.iterdir() if re.fullmatch(_VERSION, entry.name) and entry.is_dir())


def _not_found(start_response: StartResponse, method: str, reason: str) -> Iterable[bytes]:
    body = json.dumps({"errors": [reason]}).encode()
    return _answer(start_response, method, "404 Not Found", body, content_type="application/json")


def _answer(
    start_response: StartResponse, method: str, status: str, body: bytes = b"", **headers: str
) -> Iterable[bytes]:
    named = [(name.replace("_", "-").title(), value) for name, value in headers.items()]
    if not status.startswith("204"):
        named.append(("Content-Length", str(len(body))))
    start_response(status, named)
    return [] if method == "HEAD" else [body]
