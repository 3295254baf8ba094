"""A real PostgreSQL and a real Redis on free ports of the loopback, with certificates of a throwaway authority, and an sshd.

They are Debian's: `apt-get install postgresql redis-server openssl openssh-server`. PostgreSQL refuses to run as root, so
that root starts it as another user.
"""

from __future__ import annotations

import datetime
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "localhost"
USER, DATABASE = "app's user", "app db"
PASSWORD = "canary-p'ss w%rd\\$(x)-Zq9"
TOKEN = "canary-t0ken-Zq9-0123456789abcdef"
APOSTROPHE = "'"
_WAIT = 15.0
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certificate authority, and a certificate of its for `localhost`."""

    ca: Path
    certificate: Path
    key: Path

    @classmethod
    def make(cls, folder: Path, name: str = "throwaway authority") -> Authority:
        authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        ca = (
            _builder(issuer, issuer, authority_key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
        certificate = (
            _builder(subject, issuer, key)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
            .sign(authority_key, hashes.SHA256())
        )
        made = cls(ca=folder / "ca.pem", certificate=folder / "server.pem", key=folder / "server.key")
        made.ca.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
        made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        made.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        made.key.chmod(0o600)
        return made


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def find_postgresql() -> Path | None:
    """The folder of PostgreSQL's programs, which Debian keeps off PATH."""
    if program := shutil.which("initdb"):
        return Path(program).resolve().parent
    found = Path("/usr/lib/postgresql").glob("*/bin")
    return max(found, key=lambda path: float(path.parent.name), default=None)


@contextmanager
def postgresql(folder: Path, programs: Path, authority: Authority) -> Iterator[int]:
    """A PostgreSQL that takes TLS with a password alone; its port."""
    data = folder / "data"
    user = _unprivileged() if os.geteuid() == 0 else None
    if user is not None:
        for parent in (folder, *folder.parents):
            if parent.stat().st_uid == 0 and parent.stat().st_mode & 0o001 == 0:
                parent.chmod(parent.stat().st_mode | 0o011)
        os.chown(folder, user, -1)
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8"],
        check=True,
        stdout=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        user=user,
        cwd=folder,
    )
    for source in (authority.certificate, authority.key):
        copy = data / source.name
        shutil.copy(source, copy)
        copy.chmod(0o600)
        if user is not None:
            os.chown(copy, user, -1)
    rules = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\nhostssl all all ::1/128 scram-sha-256\n"
    (data / "pg_hba.conf").write_text(rules)
    for _ in range(_ATTEMPTS):
        port = free_port()
        settings = {
            "port": port,
            "listen_addresses": "localhost",
            "unix_socket_directories": folder,
            "ssl": "on",
            "ssl_cert_file": authority.certificate.name,
            "ssl_key_file": authority.key.name,
            "fsync": "off",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with _server([str(programs / "postgres"), "-D", str(data), *words], port, user, folder) as is_up:
            if not is_up:
                continue
            subprocess.run(
                [
                    programs / "psql",
                    "-X",
                    "-q",
                    "-v",
                    "ON_ERROR_STOP=1",
                    "-h",
                    folder,
                    "-p",
                    str(port),
                    "-U",
                    "postgres",
                ],
                check=True,
                text=True,
                input=f"CREATE ROLE {_quoted(USER)} LOGIN PASSWORD {_quoted(PASSWORD, mark=APOSTROPHE)};\n"
                f"CREATE DATABASE {_quoted(DATABASE)};\n",
                user=user,
                cwd=folder,
            )
            yield port
            return
    raise AssertionError((folder / "log").read_text())


@contextmanager
def redis(folder: Path, program: Path, authority: Authority) -> Iterator[int]:
    """A Redis that takes TLS with a token alone; its port."""
    for _ in range(_ATTEMPTS):
        port = free_port()
        settings = folder / "redis.conf"
        lines = {
            "port": 0,
            "tls-port": port,
            "bind": "127.0.0.1",
            "tls-cert-file": authority.certificate,
            "tls-key-file": authority.key,
            "tls-auth-clients": "no",
            "requirepass": TOKEN,
            "save": '""',
            "dir": folder,
        }
        settings.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
        with _server([str(program), str(settings)], port, None, folder) as is_up:
            if is_up:
                yield port
                return
    raise AssertionError((folder / "log").read_text())


@contextmanager
def sshd(folder: Path, program: Path) -> Iterator[str]:
    """A server of ssh that takes one key; how testinfra is told of it."""
    for name in ("host", "user"):
        key = ed25519.Ed25519PrivateKey.generate()
        private = folder / name
        private.touch(mode=0o600)
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
            )
        )
        public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        private.with_suffix(".pub").write_bytes(public + b"\n")
    if os.geteuid() == 0:
        # Where it locks itself in; its own start script makes it.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    user = pwd.getpwuid(os.geteuid()).pw_name
    for _ in range(_ATTEMPTS):
        port = free_port()
        known, settings, client = folder / "known_hosts", folder / "sshd_config", folder / "ssh_config"
        settings.write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {folder / 'user.pub'}\nStrictModes no\nPermitRootLogin prohibit-password\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        )
        known.write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
        client.write_text(f"Host *\n  IdentityFile {folder / 'user'}\n  UserKnownHostsFile {known}\n")
        with _server([str(program), "-D", "-e", "-f", str(settings)], port, None, folder) as is_up:
            if is_up:
                yield f"ssh://{user}@127.0.0.1:{port}?ssh_config={client}"
                return
    raise AssertionError((folder / "log").read_text())


@contextmanager
def _server(words: list[str], port: int, user: int | None, folder: Path) -> Iterator[bool]:
    """A server, and whether it took connections before it ended: somebody may have taken the port."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            words, user=user, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield _takes_connections(process, port)
    finally:
        # PostgreSQL's fast shutdown, and as good as any other for the rest; sshd passes it over.
        process.send_signal(signal.SIGTERM if "sshd" in words[0] else signal.SIGINT)
        try:
            process.wait(_WAIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _takes_connections(process: subprocess.Popen[bytes], port: int) -> bool:
    deadline = time.monotonic() + _WAIT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            time.sleep(0.02)
        else:
            return process.poll() is None
    return False


def _quoted(text: str, *, mark: str = '"') -> str:
    return f"{mark}{text.replace(mark, mark * 2)}{mark}"


def _unprivileged() -> int:
    """Another user, since PostgreSQL refuses to be root."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise AssertionError("there is neither a user postgres nor a user nobody")
