"""Every error that wealist raises on purpose.

    WealistError                      1
    ├── ConfigError                  64   wealist.yaml, or HCL that wealist must read
    ├── UsageError                   64   what was asked for makes no sense here
    │   └── LayerNotFoundError       64
    ├── DependencyCycleError         11
    ├── LayerOrderError              11
    ├── PreflightError               10   .findings
    ├── StateLockedError             12   .lock
    ├── GuardError                   13
    ├── SecretError                  14
    ├── StateError                    1   the state object can't be read or understood
    ├── AwsError                      1   an AWS call failed; .code is AWS's own
    ├── SandboxError                  1
    ├── TerraformError                1   .layer, stamped by the engine
    │   ├── TerraformNotFoundError   10
    │   ├── OutputFormatError         1   Terraform said something that wealist can't read
    │   └── CommandError              1   .argv .returncode .diagnostics
    │       └── CommandInterruptedError   130
    └── RunError                          .report; its exit code is the report's

The number is the exit code of the command line. A message names the thing and what is wrong with it;
the hint is the next command to type, or the next thing to do.
Type is decided by exit codes, AWS error codes and evidence, never by the text of a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.events import Diagnostic
    from orchestrator.finding import Finding
    from orchestrator.lock import Lock
    from orchestrator.report import RunReport


class WealistError(Exception):
    """Base of every expected error: one line for what is wrong, one for what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(WealistError):
    """A file that wealist reads is wrong; the message starts with `file:line`."""

    exit_code = 64


class UsageError(WealistError):
    """The command can't mean what it says."""

    exit_code = 64


class LayerNotFoundError(UsageError):
    """No layer has that id or short name, or more than one has."""


class DependencyCycleError(WealistError):
    """Layers stand on each other in a circle."""

    exit_code = 11


class LayerOrderError(WealistError):
    """A layer would run before the one it stands on."""

    exit_code = 11


class PreflightError(WealistError):
    """At least one preflight check failed; nothing was started."""

    exit_code = 10

    def __init__(self, message: str, *, findings: Sequence[Finding] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.findings = tuple(findings)


class StateLockedError(WealistError):
    """Somebody else holds the lock on a layer's state."""

    exit_code = 12

    def __init__(self, message: str, *, lock: Lock, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.lock = lock


class GuardError(WealistError):
    """A rule forbids this plan."""

    exit_code = 13


class SecretError(WealistError):
    """A secret can't be had: never created, deleted, denied, or of another shape."""

    exit_code = 14


class StateError(WealistError):
    """A state object can't be had: no bucket, not this identity's to read, or not one that wealist understands."""

    def __init__(self, message: str, *, hint: str | None = None, is_denied: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.is_denied = is_denied


class AwsError(WealistError):
    """An AWS call failed in a way that no more specific error describes.

    `code` is the service's own error code (`AccessDenied`), or the botocore exception's name.
    """

    def __init__(self, message: str, *, code: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code


class SandboxError(WealistError):
    """The embedded AWS can't be started, reached or stopped."""


class TerraformError(WealistError):
    """Terraform could not do what it was told. `layer` is the id of the layer it was told it for."""

    layer: str | None = None


class TerraformNotFoundError(TerraformError):
    """There is no Terraform binary to run."""

    exit_code = 10


class OutputFormatError(TerraformError):
    """Terraform's machine-readable output is of a format that wealist does not know."""


class CommandError(TerraformError):
    """A Terraform command exited non-zero.

    Args:
        message: One line.
        argv: What was run; it never holds a secret, since variables travel in a file.
        returncode: Terraform's exit code (a negative number is the signal that ended it).
        diagnostics: What Terraform said of it, in its own order.
    """

    def __init__(
        self,
        message: str,
        *,
        argv: Sequence[str],
        returncode: int,
        diagnostics: Sequence[Diagnostic] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.argv = tuple(argv)
        self.returncode = returncode
        self.diagnostics = tuple(diagnostics)


class CommandInterruptedError(CommandError):
    """Terraform was asked to stop, by Ctrl-C or a signal, and has stopped."""

    exit_code = 130


class RunError(WealistError):
    """A run over one or more layers did not end well; the report says where each layer stands."""

    def __init__(self, message: str, *, report: RunReport, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.report = report
        self.exit_code = report.exit_code
