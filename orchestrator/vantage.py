"""A place that the network hops are looked at from: this process, or another host for as long as it is needed."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

from orchestrator.local_vantage import LocalVantage
from orchestrator.remote import RemoteHost, check_place
from orchestrator.remote_vantage import RemoteVantage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.diagnosis import Endpoint, Hop
    from orchestrator.target import Target


class Vantage(Protocol):
    """A place that the network hops are looked at from."""

    place: str

    def dns(self, id_: str, endpoint: Endpoint) -> Hop: ...
    def tcp(self, id_: str, endpoint: Endpoint) -> Hop: ...
    def tls(self, id_: str, endpoint: Endpoint) -> Hop: ...
    def login(self, id_: str, endpoint: Endpoint, secret: str) -> Hop: ...


@contextmanager
def looking(target: Target, from_host: str | None, ca_file: Path | None) -> Iterator[Vantage]:
    """The place to look from, for as long as it is looked from."""
    if from_host is not None:
        check_place(from_host)
    if from_host is None or target.aws.is_hermetic:
        yield LocalVantage(ca_file)
        return
    with TemporaryDirectory(prefix="wealist-") as folder:
        host = RemoteHost(from_host, environ=target.environ, cwd=target.source_root, folder=Path(folder))
        yield RemoteVantage(host, ca_file)
