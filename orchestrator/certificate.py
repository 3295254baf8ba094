"""What it means that a server's certificate does not verify, by OpenSSL's own number for it.

Python's `ssl` and `openssl s_client` give the same numbers. Verification is never turned off: the remedy for a certificate
that isn't trusted is the bundle of the authority that signed it. RDS signs with authorities of its own, which are in no
system's store; ElastiCache's are Amazon Trust Services, which are.
Sources: X509_STORE_CTX_get_error(3); the RDS user guide, "Using SSL/TLS to encrypt a connection to a DB instance".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.diagnosis import POSTGRESQL, broken

if TYPE_CHECKING:
    from orchestrator.diagnosis import Endpoint, Hop

RDS_BUNDLE = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"

# Where systems keep the authorities that they trust, in one file: Debian, Red Hat, Alpine and macOS, SUSE.
SYSTEM_STORES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
)

_NOT_YET_VALID, _EXPIRED = 9, 10
_UNTRUSTED = frozenset({2, 7, 18, 19, 20, 21, 27})
_OTHER_NAME = frozenset({62, 64})


def unverified(id_: str, endpoint: Endpoint, number: int, message: str, *, has_ca_file: bool) -> Hop:
    """The hop at which a certificate was refused."""
    expected = f"a certificate for {endpoint.host} that verifies"
    if number in _UNTRUSTED:
        return broken(
            id_,
            f"the certificate of {endpoint.where} is not trusted: {message}",
            expected=expected,
            remedy=trust(endpoint, has_ca_file=has_ca_file),
            command=f"curl -fsSO {RDS_BUNDLE}" if endpoint.kind == POSTGRESQL else None,
        )
    if number in _OTHER_NAME:
        return broken(
            id_,
            f"the certificate of {endpoint.where} is for another name: {message}",
            expected=expected,
            remedy=f"connect by the endpoint's own name; if {endpoint.host} is that, something else answers in its place",
        )
    if number in (_EXPIRED, _NOT_YET_VALID):
        return broken(
            id_,
            f"the certificate of {endpoint.where} is not valid now: {message}",
            expected=expected,
            remedy="set the clock; if it is right, the server needs a new certificate (RDS: ca_cert_identifier)",
        )
    return broken(
        id_,
        f"the certificate of {endpoint.where} does not verify: {message}",
        expected=expected,
        remedy=f"look at it: openssl x509 -text, of what openssl s_client -connect {endpoint.where} -showcerts prints",
    )


def trust(endpoint: Endpoint, *, has_ca_file: bool = False) -> str:
    """What lets a certificate of this kind of server be trusted."""
    if endpoint.kind == POSTGRESQL:
        which = "with --ca-file, and not the file that was given" if has_ca_file else "with --ca-file"
        return f"RDS's authorities are in no system's store: pass AWS's bundle {which}: {RDS_BUNDLE}"
    if has_ca_file:
        return "ElastiCache's authority is Amazon Trust Services: leave --ca-file out, or pass a bundle that holds it"
    return "ElastiCache's authority is Amazon Trust Services: update the system's store (package ca-certificates)"
