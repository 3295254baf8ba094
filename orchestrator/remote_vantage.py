"""The network hops, looked at from another host with the tools that hosts have.

    DNS    getent, through testinfra's `host.addr(name).ip_addresses`
    TCP    nc, or bash and timeout, through testinfra's `host.addr(name).port(number).is_reachable`
    TLS    openssl s_client, which verifies certificate and host name
    login  psql, redis-cli --tls

A tool that is not there makes its hop undetermined. The secret and the trusted authorities come on standard input, the
secret first. So no argv holds the secret; on the other host it is in the environment of psql or redis-cli alone, which take
it so. The authorities lie there in a temporary file for as long as the command runs.
"""

from __future__ import annotations

import re
import shlex
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from orchestrator import network_hop
from orchestrator.certificate import SYSTEM_STORES, unverified
from orchestrator.diagnosis import POSTGRESQL, undetermined
from orchestrator.remote import SilenceError, last_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orchestrator.diagnosis import Endpoint, Hop
    from orchestrator.remote import RemoteHost

P = ParamSpec("P")

_VERIFY_ERROR = re.compile(r"verify error:num=(\d+):(.*)")
_PROTOCOL = re.compile(r"^Protocol version: (\S+)", re.MULTILINE)
# Exit codes of ours, which none of the tools has.
_NO_SECRET, _NO_FILE, _NO_STORE = 96, 97, 98
_NOT_EXECUTABLE, _NOT_FOUND = 126, 127
# A tool that is too old, or was built without TLS, and says so before it asks the server anything.
_USAGE = re.compile(
    r"unrecognized option|invalid option|unknown option|bad number of args|invalid connection option|SSL support is not compiled",
    re.IGNORECASE,
)

_TAKE_AUTHORITIES = f'umask 077; ca=$(mktemp) || exit {_NO_FILE}; trap \'rm -f "$ca"\' EXIT; cat >"$ca"; '
_FIND_AUTHORITIES = (
    f'for ca in {" ".join(SYSTEM_STORES)} ""; do [ -r "$ca" ] && break; done; [ -n "$ca" ] || exit {_NO_STORE}; '
)


def _heard(
    look: Callable[Concatenate[RemoteVantage, str, P], Hop],
) -> Callable[Concatenate[RemoteVantage, str, P], Hop]:
    """A hop that is undetermined where the other host falls silent."""

    @wraps(look)
    def call(self: RemoteVantage, id_: str, /, *args: P.args, **kwargs: P.kwargs) -> Hop:
        try:
            return look(self, id_, *args, **kwargs)
        except SilenceError as error:
            return network_hop.unsaid(id_, self.place, str(error))

    return call


class RemoteVantage:
    """Looks from another host.

    Args:
        ca_file: The authorities that are trusted, a file on this side; without it the other host's own.
    """

    def __init__(self, host: RemoteHost, ca_file: Path | None = None) -> None:
        # Without the settings behind a question mark: how one gets there is not where one is.
        self.place = host.spec.partition("?")[0]
        self._host = host
        self._authorities = ca_file.read_text(encoding="utf-8") if ca_file is not None else None

    @_heard
    def dns(self, id_: str, endpoint: Endpoint) -> Hop:
        if not self._host.has("getent"):
            return network_hop.lacks(id_, self.place, "getent")
        return network_hop.resolved(id_, endpoint, self._host.addresses(endpoint.host), place=self.place)

    @_heard
    def tcp(self, id_: str, endpoint: Endpoint) -> Hop:
        if not self._host.has("nc") and not (self._host.has("bash") and self._host.has("timeout")):
            return network_hop.lacks(id_, self.place, "nc, nor bash with timeout")
        if self._host.is_open(endpoint.host, endpoint.port):
            return network_hop.connected(id_, endpoint, place=self.place)
        return network_hop.unreachable(id_, endpoint, "refused, or no answer within a second", place=self.place)

    @_heard
    def tls(self, id_: str, endpoint: Endpoint) -> Hop:
        if not self._host.has("openssl"):
            return network_hop.lacks(id_, self.place, "openssl")
        words = ["openssl", "s_client", "-connect", endpoint.where, "-servername", endpoint.host]
        words += ["-verify_hostname", endpoint.host, "-verify_return_error", "-brief"]
        words += ["-starttls", "postgres"] if endpoint.kind == POSTGRESQL else []
        has_ca_file = self._authorities is not None
        take, option = (_TAKE_AUTHORITIES, ' -CAfile "$ca"') if has_ca_file else ("", "")
        done = self._host.script(f"{take}{shlex.join(words)}{option} </dev/null", stdin=self._authorities)
        text = f"{done.stdout}\n{done.stderr}"
        if match := _VERIFY_ERROR.search(text):
            return unverified(id_, endpoint, int(match[1]), match[2].strip(), has_ca_file=has_ca_file)
        if done.returncode == 0:
            version = _PROTOCOL.search(text)
            return network_hop.verified(id_, endpoint, version[1] if version else "")
        said = last_line(text, "the server ends the connection")
        # What is left without a line of OpenSSL's error queue is an openssl that doesn't know these options.
        if ":error:" in text or not text.strip():
            return network_hop.no_tls(id_, endpoint, said)
        return network_hop.unsaid(id_, self.place, f"openssl says: {said}")

    @_heard
    def login(self, id_: str, endpoint: Endpoint, secret: str) -> Hop:
        """Log in, and ask for the least that needs it."""
        tool, (take, use), expected = (
            ("psql", _psql(endpoint), "1")
            if endpoint.kind == POSTGRESQL
            else ("redis-cli", _redis_cli(endpoint), "PONG")
        )
        if not self._host.has(tool):
            return network_hop.lacks(id_, self.place, tool)
        if "\n" in secret:
            return network_hop.unsaid(id_, self.place, "the secret has more than one line")
        authorities = _TAKE_AUTHORITIES if self._authorities is not None else _FIND_AUTHORITIES
        done = self._host.script(f"{take}{authorities}{use}", stdin=f"{secret}\n{self._authorities or ''}")
        answer = done.stdout.strip()
        if done.returncode == 0 and answer == expected:
            return network_hop.logged_in(id_, endpoint)
        if done.returncode == _NO_STORE:
            why = f"can't be checked from {self.place}: no store of authorities there"
            return undetermined(id_, why, remedy="pass their file with --ca-file")
        if done.returncode == _NO_SECRET:
            return network_hop.unsaid(id_, self.place, "the secret did not arrive there on standard input")
        said = last_line(done.stderr, answer or f"{tool} exits with {done.returncode}")
        if done.returncode in (_NO_FILE, _NOT_EXECUTABLE, _NOT_FOUND):
            return network_hop.unsaid(id_, self.place, said)
        if usage := next((line for line in done.stderr.splitlines() if _USAGE.search(line)), None):
            return network_hop.unsaid(id_, self.place, f"{tool} says: {usage.strip()}")
        is_wrong = network_hop.is_wrong_secret(endpoint, f"{done.stderr}\n{answer}")
        return network_hop.refused(id_, endpoint, said, is_wrong_secret=is_wrong)


def _psql(endpoint: Endpoint) -> tuple[str, str]:
    settings = {"host": endpoint.host, "port": endpoint.port, "dbname": endpoint.database, "user": endpoint.user}
    settings |= {"sslmode": "verify-full", "connect_timeout": 10, "application_name": "wealist"}
    words = " ".join(f"{name}='{_in_conninfo(str(value))}'" for name, value in settings.items())
    take = f"{_take_secret('PGPASSWORD')}unset PGSERVICE PGHOSTADDR PGOPTIONS; "
    return take, f'PGSSLROOTCERT="$ca" psql -X -w -A -t -c "SELECT 1" -d {shlex.quote(words)}'


def _redis_cli(endpoint: Endpoint) -> tuple[str, str]:
    words = ["redis-cli", "-h", endpoint.host, "-p", str(endpoint.port), "--tls"]
    words += ["--user", endpoint.user] if endpoint.user else []
    return _take_secret("REDISCLI_AUTH"), f'{shlex.join(words)} --cacert "$ca" PING'


def _take_secret(name: str) -> str:
    # Without the newline at its end it was cut off, which must not look like a wrong one.
    return f"IFS= read -r {name} || exit {_NO_SECRET}; export {name}; "


def _in_conninfo(value: str) -> str:
    r"""Inside single quotes of a connection string of libpq, where `\` escapes."""
    return value.replace("\\", "\\\\").replace("'", "\\'")
