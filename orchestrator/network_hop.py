"""What a network hop says of what was seen, whoever looked: this process (`local_vantage`) or another host (`remote_vantage`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator.certificate import trust
from orchestrator.diagnosis import POSTGRESQL, REDIS, broken, ok, undetermined

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.diagnosis import Endpoint, Hop

INSTALL = "pip install 'wealist[diagnose]'"
# PostgreSQL's 28P01, whose number libpq doesn't give while it connects. Nothing else that a server says is about the secret:
# not a role that may not log in, no address without a rule, no lack of connections.
_WRONG_SECRET = {
    POSTGRESQL: re.compile(r"password authentication failed"),
    REDIS: re.compile(r"WRONGPASS|NOAUTH|invalid username-password pair|ERR invalid password"),
}


def resolved(id_: str, endpoint: Endpoint, addresses: Iterable[str], *, place: str) -> Hop:
    found = sorted(set(addresses))
    if found:
        return ok(id_, f"{endpoint.host} is {', '.join(found)}, seen from {place}")
    return broken(
        id_,
        f"{endpoint.host} does not resolve from {place}",
        expected="an address of the database's subnets",
        remedy=f"let {place} ask the VPC's resolver, and the VPC have enable_dns_support and enable_dns_hostnames",
        command=f"dig +short {endpoint.host}",
    )


def connected(id_: str, endpoint: Endpoint, *, place: str) -> Hop:
    return ok(id_, f"{endpoint.where} takes connections from {place}")


def unreachable(id_: str, endpoint: Endpoint, why: str, *, place: str) -> Hop:
    return broken(
        id_,
        f"{endpoint.where} can't be reached from {place}: {why}",
        expected=f"a TCP connection to {endpoint.where}",
        remedy=f"see whether {place} is in one of the private subnets, what its own security group lets out, and the network "
        "ACLs of both subnets",
    )


def no_tls(id_: str, endpoint: Endpoint, why: str) -> Hop:
    setting = "rds.force_ssl = 1" if endpoint.kind == POSTGRESQL else "transit_encryption_enabled = true"
    return broken(
        id_,
        f"{endpoint.where} makes no TLS connection: {why}",
        expected="a TLS handshake",
        remedy=f"see that the server speaks TLS ({setting}) and that nothing else listens on the port",
    )


def verified(id_: str, endpoint: Endpoint, detail: str) -> Hop:
    return ok(id_, f"the certificate of {endpoint.host} verifies{f' ({detail})' if detail else ''}")


def logged_in(id_: str, endpoint: Endpoint) -> Hop:
    return ok(id_, _login(endpoint))


def is_wrong_secret(endpoint: Endpoint, said: str) -> bool:
    """Whether this is how the server refuses a password or a token."""
    return _WRONG_SECRET[endpoint.kind].search(said) is not None


def refused(id_: str, endpoint: Endpoint, why: str, *, is_wrong_secret: bool) -> Hop:
    """No login. A new secret is the remedy of a wrong one alone: production's is not rotated for want of a connection."""
    if is_wrong_secret:
        return _wrong_secret(id_, endpoint, why)
    if "certificate" in why.lower():
        # Only where the TLS hop could not be looked at: the text chooses a remedy and nothing else.
        expected = f"a certificate for {endpoint.host} that verifies"
        return broken(id_, f"no login: {why}", expected=expected, remedy=trust(endpoint))
    return broken(
        id_,
        f"no login{_whose(endpoint)}: {why}",
        expected=_login(endpoint),
        remedy=f"mend what it says ({why}); the secret was not refused",
    )


def _wrong_secret(id_: str, endpoint: Endpoint, why: str) -> Hop:
    if endpoint.kind == POSTGRESQL:
        return broken(
            id_,
            f"{endpoint.user} can't log in to {endpoint.database}: {why}",
            expected=f"{_login(endpoint)}, with the password in the secret",
            remedy="if user and database are right, the secret and the server hold different passwords: let RDS make a new "
            "one (aws rds modify-db-instance --rotate-master-user-password), or set the one in the secret",
            command=endpoint.secret_command,
        )
    return broken(
        id_,
        f"the token is not accepted: {why}",
        expected=f"{_login(endpoint)}, with the token in the secret",
        remedy="the secret and the replication group hold different tokens: rotate the secret, which gives both a new one "
        "and leaves the old one valid meanwhile",
        command=endpoint.secret_command,
    )


def _login(endpoint: Endpoint) -> str:
    """What is done once there is a connection."""
    if endpoint.kind == POSTGRESQL:
        return f"SELECT 1 as {endpoint.user} in {endpoint.database}"
    return f"AUTH{f' as {endpoint.user}' if endpoint.user else ''} and PING"


def _whose(endpoint: Endpoint) -> str:
    return f" as {endpoint.user} to {endpoint.database}" if endpoint.kind == POSTGRESQL else ""


def lacks(id_: str, place: str, tool: str) -> Hop:
    return undetermined(id_, f"can't be checked from {place}: no {tool}", remedy=f"install {tool} there")


def unsaid(id_: str, place: str, why: str) -> Hop:
    return undetermined(id_, f"can't be checked from {place}: {why}")
