"""The network hops, looked at from this process.

DNS, TCP and TLS need Python alone; the login needs psycopg or redis-py, of the extra `wealist[diagnose]`. The handshake is
made here and not by those two, since they say of a certificate only that it failed. Certificate and host name are always
verified. The secret goes from memory into the connection, into no argv and no environment.
"""

from __future__ import annotations

import socket
import ssl
import struct
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator import network_hop
from orchestrator.certificate import RDS_BUNDLE, SYSTEM_STORES, unverified
from orchestrator.diagnosis import POSTGRESQL, undetermined
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Network, IPv6Network

    from orchestrator.diagnosis import Endpoint, Hop

# Source: PostgreSQL's "Message Formats", SSLRequest.
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)
_HERE = "here"


class LocalVantage:
    """Looks from here.

    Args:
        ca_file: The authorities that are trusted; without it the system's.
        timeout: Seconds for each connection.
    """

    place = _HERE

    def __init__(self, ca_file: Path | None = None, *, timeout: float = 5.0) -> None:
        self._ca_file = ca_file
        self._timeout = timeout

    def dns(self, id_: str, endpoint: Endpoint) -> Hop:
        try:
            found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            found = []
        return network_hop.resolved(id_, endpoint, (str(one[4][0]) for one in found), place=_HERE)

    def tcp(self, id_: str, endpoint: Endpoint) -> Hop:
        try:
            self._connect(endpoint).close()
        except OSError as error:
            return network_hop.unreachable(id_, endpoint, _reason(error), place=_HERE)
        return network_hop.connected(id_, endpoint, place=_HERE)

    def tls(self, id_: str, endpoint: Endpoint) -> Hop:
        context = _context(self._ca_file)
        try:
            with self._connect(endpoint) as plain:
                if endpoint.kind == POSTGRESQL:
                    plain.sendall(_SSL_REQUEST)
                    if plain.recv(1) != b"S":
                        return network_hop.no_tls(id_, endpoint, "the server answers that it has none")
                with context.wrap_socket(plain, server_hostname=endpoint.host) as secure:
                    return network_hop.verified(id_, endpoint, f"{secure.version()}, {_issuer(secure)}")
        except ssl.SSLCertVerificationError as error:
            has_ca_file = self._ca_file is not None
            return unverified(id_, endpoint, error.verify_code, error.verify_message, has_ca_file=has_ca_file)
        except OSError as error:
            return network_hop.no_tls(id_, endpoint, _reason(error))

    def login(self, id_: str, endpoint: Endpoint, secret: str) -> Hop:
        """Log in, and ask for the least that needs it."""
        try:
            return (self._postgresql if endpoint.kind == POSTGRESQL else self._redis)(id_, endpoint, secret)
        except ImportError as error:
            missing = f"can't be checked from here: {error.name} is not installed"
            return undetermined(id_, missing, remedy=network_hop.INSTALL)

    def _postgresql(self, id_: str, endpoint: Endpoint, secret: str) -> Hop:
        import psycopg

        try:
            with psycopg.connect(
                host=endpoint.host,
                port=endpoint.port,
                user=endpoint.user,
                dbname=endpoint.database,
                password=secret,
                sslmode="verify-full",
                sslrootcert=_authorities(self._ca_file),
                connect_timeout=max(int(self._timeout), 2),
                application_name="wealist",
            ) as connection:
                connection.execute("SELECT 1")
        except psycopg.Error as error:
            is_wrong = network_hop.is_wrong_secret(endpoint, str(error))
            return network_hop.refused(id_, endpoint, _last_line(error), is_wrong_secret=is_wrong)
        return network_hop.logged_in(id_, endpoint)

    def _redis(self, id_: str, endpoint: Endpoint, secret: str) -> Hop:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        client: Any = redis.Redis(
            host=endpoint.host,
            port=endpoint.port,
            username=endpoint.user,
            password=secret,
            ssl=True,
            ssl_cert_reqs="required",
            ssl_check_hostname=True,
            ssl_ca_certs=str(self._ca_file) if self._ca_file else None,
            socket_connect_timeout=self._timeout,
            socket_timeout=self._timeout,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            with client:
                client.ping()
        except redis.RedisError as error:
            is_wrong = isinstance(error, redis.AuthenticationError)
            return network_hop.refused(id_, endpoint, _last_line(error), is_wrong_secret=is_wrong)
        return network_hop.logged_in(id_, endpoint)

    def _connect(self, endpoint: Endpoint) -> socket.socket:
        return socket.create_connection((endpoint.host, endpoint.port), timeout=self._timeout)


def check_authorities(ca_file: Path) -> None:
    """Refuse a file that holds no certificates.

    Raises:
        UsageError: It can't be read, or there is none in it.
    """
    try:
        _context(ca_file)
    except OSError as error:
        why = "there are no PEM certificates in it" if isinstance(error, ssl.SSLError) else error.strerror
        raise UsageError(f"--ca-file {ca_file}: {why}", hint=f"AWS's bundle is one: {RDS_BUNDLE}") from error


def _context(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file and str(ca_file))
    # Python 3.13 refuses what libpq and OpenSSL take: authorities that predate RFC 5280's letter, as some of RDS's do.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def own_address_in(ranges: Sequence[IPv4Network | IPv6Network]) -> str | None:
    """An address of this machine in one of these ranges: then it stands inside the VPC, or in a network just like it."""
    import psutil

    for addresses in psutil.net_if_addrs().values():
        for one in addresses:
            if one.family not in (socket.AF_INET, socket.AF_INET6):
                continue
            address = ip_address(one.address.partition("%")[0])
            if any(address in known for known in ranges):
                return str(address)
    return None


def _authorities(ca_file: Path | None) -> str:
    """The file that libpq trusts: the one that was given, or the system's; its own word for the latter is the last resort."""
    if ca_file is not None:
        return str(ca_file)
    known = (ssl.get_default_verify_paths().cafile, *SYSTEM_STORES)
    return next((path for path in known if path and Path(path).is_file()), "system")


def _issuer(secure: ssl.SSLSocket) -> str:
    certificate: Any = secure.getpeercert() or {}
    names = {name: value for part in certificate.get("issuer", ()) for name, value in part}
    return f"issued by {names.get('commonName') or names.get('organizationName') or 'nobody'}"


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    return (getattr(error, "reason", None) or error.strerror or str(error)).lower().replace("_", " ")


def _last_line(error: Exception) -> str:
    """Drivers tell first whom they asked, and last what the answer was."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
