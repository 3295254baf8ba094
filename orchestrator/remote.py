"""Another host's shell, through testinfra's backends: `ssh://bastion`, `docker://name`, `kubectl://pod`, `local://`.

testinfra starts programs itself and gives them no standard input. The one seam is its `run_local`, which every backend that
is taken here goes through: in its place ours starts them with `process.run`, with a time limit, and hands over what must be
in no argv and no environment through a pipe.
"""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from threading import Event, Timer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from orchestrator import process
from orchestrator.errors import UsageError, WealistError
from orchestrator.network_hop import INSTALL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BACKENDS = ("docker", "kubectl", "local", "podman", "ssh")

_FORMS = "ssh://host, docker://container, kubectl://pod?namespace=name, podman://container or local://"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?")
# By backend: what testinfra reads behind a question mark. It puts some of it into a line of this side's shell between
# quotes that do not hold, so that nothing is let through that means anything to a shell.
_SETTINGS = {
    "kubectl": ("namespace", "container", "context", "kubeconfig", "sudo", "sudo_user"),
    "ssh": ("ssh_config", "ssh_identity_file", "timeout", "controlpersist", "sudo", "sudo_user"),
    "docker": ("sudo", "sudo_user"),
    "podman": ("sudo", "sudo_user"),
    "local": ("sudo", "sudo_user"),
}
_VALUE = re.compile(r"(?:~/)?[A-Za-z0-9_.,:/@+=][A-Za-z0-9_.,:/@+=\-]*")
_GREETING = "wealist"
_IDLE = 5

# testinfra's command templates, which leave standard input behind, and the same with it.
_INTERACTIVE = (
    ("docker exec ", "docker exec -i "),
    ("podman exec ", "podman exec -i "),
    ("exec %s -- /bin/sh", "exec -i %s -- /bin/sh"),
)


class SilenceError(Exception):
    """The other host gave no answer, or none that its tools are known to give; the text says which."""


class RemoteHost:
    """Another host, at which a shell can be had.

    Args:
        spec: As testinfra takes it.
        environ: The environment of ssh, docker and kubectl on this side.
        folder: For a socket by which ssh makes one connection for all commands; without it each has its own.
        timeout: Seconds for each command.

    Raises:
        UsageError: No such backend, or testinfra is not installed.
        WealistError: Nothing can be run there.
    """

    def __init__(
        self,
        spec: str,
        *,
        environ: Mapping[str, str],
        cwd: Path,
        folder: Path | None = None,
        timeout: float = 20.0,
        runner: process.Runner = process.run,
    ) -> None:
        self.spec = spec
        # These programs are found by the shell, and not in the folder that it is in.
        self._environ = {**environ, "PATH": process.absolute_entries(environ.get("PATH", ""))}
        self._cwd = cwd
        self._timeout = timeout
        self._runner = runner
        self._stdin: str | None = None
        self._host = _host(spec, folder)
        self._host.backend.run_local = self._run_local
        # It would start a Python there to ask, for the first word that is no ASCII.
        self._host.backend.get_encoding = lambda: "utf-8"
        self._greet()

    def has(self, program: str) -> bool:
        try:
            return bool(self._host.exists(program))
        except (AssertionError, RuntimeError) as error:
            raise SilenceError(_said(error)) from error

    def addresses(self, name: str) -> list[str]:
        """What the host's resolver says."""
        try:
            return list(self._host.addr(_safe(name)).ip_addresses)
        except (AssertionError, RuntimeError) as error:
            raise SilenceError(_said(error)) from error

    def is_open(self, name: str, port: int) -> bool:
        """Whether a port takes connections within testinfra's one second."""
        try:
            return bool(self._host.addr(_safe(name)).port(int(port)).is_reachable)
        except (AssertionError, RuntimeError) as error:
            raise SilenceError(_said(error)) from error

    def script(self, text: str, *, stdin: str | None = None) -> process.Completed:
        """Run a script of the shell there.

        Args:
            stdin: What it reads; nobody else sees it.

        Raises:
            SilenceError: No answer within the time, or the way there broke.
        """
        self._stdin = stdin
        try:
            done = self._host.run("sh -c %s", text)
        except RuntimeError as error:
            raise SilenceError(_said(error)) from error
        finally:
            self._stdin = None
        return process.Completed(returncode=done.rc, stdout=done.stdout, stderr=done.stderr)

    def _greet(self) -> None:
        hint = f"try the same way by hand, or another one: {_FORMS}"
        try:
            done = self.script(f"echo {_GREETING}")
        except SilenceError as error:
            raise WealistError(f"--from {self.spec}: can't be reached: {error}", hint=hint) from None
        if done.returncode != 0 or done.stdout.strip() != _GREETING:
            said = last_line(done.stderr, f"it exits with {done.returncode}")
            raise WealistError(f"--from {self.spec}: nothing can be run there: {said}", hint=hint)

    def _run_local(self, command: str, *args: str) -> Any:
        """In place of testinfra's: a command line of this side's shell, in which the other side's stands quoted."""
        if self._stdin is not None and args:
            for plain, interactive in _INTERACTIVE:
                command = command.replace(plain, interactive, 1)
        line = command % tuple(map(shlex.quote, args)) if args else command
        cancellation = process.Cancellation()
        is_late = Event()

        def end() -> None:
            is_late.set()
            cancellation.request()

        timer = Timer(self._timeout, end)
        timer.daemon = True
        timer.start()
        try:
            done = self._runner(
                process.Command(
                    argv=("/bin/sh", "-c", line), cwd=self._cwd, env=self._environ, grace=1.0, stdin=self._stdin
                ),
                cancellation=cancellation,
            )
        finally:
            timer.cancel()
        if done.was_interrupted and not is_late.is_set():
            raise KeyboardInterrupt
        if done.was_interrupted:
            raise SilenceError(f"no answer within {self._timeout:.0f} s")
        return self._host.backend.result(done.returncode, line.encode(), done.stdout, done.stderr)


def last_line(text: str, otherwise: str) -> str:
    """What a program said last: what it failed of."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else otherwise


def check_place(spec: str) -> str:
    """The backend that a place names.

    Raises:
        UsageError: It names none, or no host.
    """
    backend, separator, rest = spec.partition("://")
    if not separator or backend not in BACKENDS:
        raise UsageError("--from names no place to look from", hint=f"write {_FORMS}")
    user, _, host = rest.partition("?")[0].rpartition("@")
    if (backend != "local" and not host) or host.startswith("-") or user.startswith("-"):
        raise UsageError(f"--from {backend}:// names no host", hint=f"write {_FORMS}")
    if ":" in user:
        raise UsageError(f"--from {backend}://: a password has no place here", hint="use a key that an agent holds")
    settings = _SETTINGS[backend]
    for name, value in parse_qsl(urlsplit(spec).query, keep_blank_values=True):
        if name not in settings:
            raise UsageError(f"--from {backend}:// has no setting {name!r}", hint=f"it has {', '.join(settings)}")
        if not _VALUE.fullmatch(value):
            raise UsageError(
                f"--from {backend}://: {name} must be of letters, digits and _ . , : / @ + = -", hint=f"write {_FORMS}"
            )
    return backend


def _host(spec: str, folder: Path | None) -> Any:
    backend = check_place(spec)
    if find_spec("testinfra") is None:
        raise UsageError("--from needs pytest-testinfra, which is not installed", hint=INSTALL)
    import testinfra

    if backend != "ssh":
        return testinfra.get_host(spec)
    # Nobody is there to answer a question of ssh's. The shared connection ends by itself, seconds after its last use.
    shared = {"controlpath": str(folder / "ssh"), "controlpersist": _IDLE} if folder is not None else {}
    return testinfra.get_host(spec, ssh_extra_args="-o BatchMode=yes", **shared)


def _safe(name: str) -> str:
    """A host's name, which testinfra puts into shell lines as it is.

    Raises:
        SilenceError: It is none.
    """
    if not _NAME.fullmatch(name):
        raise SilenceError(f"{name!r} is no host's name")
    return name


def _said(error: Exception) -> str:
    """What stands behind an error of testinfra's: the answer itself, where ssh ended with its own 255."""
    answer = error.args[0] if error.args else None
    return last_line(getattr(answer, "stderr", ""), "the host does not answer as expected")
