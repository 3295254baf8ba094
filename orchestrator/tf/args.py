"""Argument vectors for Terraform's sub-commands: pure functions from options to a list of strings.

python-terraform writes them. Nothing else of that library is used, since its convenience calls do not fit Terraform 1.x:
`destroy()` passes the removed `-force`, `apply()` asks and then fails, failures are silent, and sensitive output is
logged. No value of a variable is ever in an argv: values travel in a variables file that only its owner can read.
`-auto-approve` is never passed: `apply` takes a saved plan or nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


# wealist decides these itself; a second opinion would undo what it promises.
OWN_FLAGS = frozenset(
    {
        *("auto-approve", "backup", "chdir", "destroy", "detailed-exitcode", "input", "json", "lock", "lock-timeout"),
        *("out", "refresh-only", "replace", "state", "state-out", "target", "var", "var-file"),
    }
)


def check_extra(words: Sequence[str]) -> None:
    """Refuse native flags that wealist sets itself.

    Raises:
        UsageError: One is among them.
    """
    for word in words:
        name = word.lstrip("-").partition("=")[0]
        if name in OWN_FLAGS:
            raise UsageError(f"-- {word}: wealist sets -{name} itself", hint="wealist up --help lists its own flags")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What a plan is made with.

    Attributes:
        var_files: Passed in order, later ones win.
        targets, replace: Resource addresses.
        lock_timeout: Terraform's duration: `30s`, `5m`.
        extra: Native flags, passed through after all others.
    """

    destroy: bool = False
    refresh_only: bool = False
    var_files: tuple[Path, ...] = ()
    targets: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    lock_timeout: str = "0s"
    parallelism: int | None = None
    extra: tuple[str, ...] = ()


def version() -> list[str]:
    return _argv("version", json=_flag())


def init(*, upgrade: bool = False) -> list[str]:
    """`-reconfigure` is left out on purpose: a changed backend must stop and be looked at, not be forgotten."""
    return _argv("init", json=_flag(), input=False, upgrade=_flag() if upgrade else None)


def plan(options: PlanOptions, *, out: Path) -> list[str]:
    argv = _argv(
        "plan",
        json=_flag(),
        input=False,
        detailed_exitcode=_flag(),
        out=out,
        destroy=_flag() if options.destroy else None,
        refresh_only=_flag() if options.refresh_only else None,
        var_file=[str(path) for path in options.var_files],
        target=list(options.targets),
        replace=list(options.replace),
        lock_timeout=options.lock_timeout,
        parallelism=options.parallelism,
    )
    return [*argv, *options.extra]


def show(plan_file: Path) -> list[str]:
    return _argv("show", str(plan_file), json=_flag())


def apply(plan_file: Path, *, lock_timeout: str = "0s", parallelism: int | None = None) -> list[str]:
    return _argv("apply", str(plan_file), json=_flag(), input=False, lock_timeout=lock_timeout, parallelism=parallelism)


def passthrough(args: Sequence[str]) -> list[str]:
    """The escape hatch: exactly these words."""
    return ["terraform", *args]


def _argv(command: str, *args: str, **options: Any) -> list[str]:
    return list(_builder().generate_cmd_string(command, *args, **options))


def _flag() -> Any:
    from python_terraform import IsFlagged

    return IsFlagged


@cache
def _builder() -> Any:
    # Imported here: start-up of the command line is measured. Its constructor reads a state file below the working
    # folder; below the null device there is none.
    from python_terraform import Terraform

    return Terraform(working_dir=os.devnull)
