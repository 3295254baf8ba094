"""Every option and argument of the command line, declared once.

Some can also be given as `WEALIST_<NAME>`: the command line wins over the environment, the environment over `wealist.yaml`,
the file over the default. They say how a run goes about its work, or make it do less. What answers a question, opens a guard,
chooses what is worked on, or says where a password goes is taken from the command line only: a variable that was left in a
shell must not say yes to what the next command asks, nor turn it elsewhere. A new option has no variable until it is listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FROM_ENVIRONMENT = frozenset(
    {
        # A rehearsal changes nothing that is real; a variable can start one and can't end one.
        *("--sandbox", "--non-interactive", "--max-monthly-delta"),
        *("--no-color", "--log-format", "--json", "--report-file", "--detailed-exitcode"),
        *("--lock-timeout", "--parallelism", "--terraform-parallelism", "--fail-fast", "--upgrade", "--terraform-bin"),
        *("--format", "--no-state", "--limit"),
    }
)


class LogFormat(StrEnum):
    """How progress is written to stderr."""

    PRETTY = "pretty"
    BARE = "bare"
    JSON = "json"


def option(*names: str, help: str, **settings: Any) -> Any:
    """An option, with its environment variable where it has one."""
    long = next(name for name in reversed(names) if name.startswith("--")).partition("/")[0]
    if long not in FROM_ENVIRONMENT:
        return typer.Option(*names, help=help, **settings)
    return typer.Option(*names, help=help, envvar=variable_of(long), show_envvar=False, **settings)


def variable_of(long: str) -> str:
    """`WEALIST_LOCK_TIMEOUT` for `--lock-timeout`."""
    return f"WEALIST_{long.removeprefix('--').replace('-', '_').upper()}"


def without_effect(options: Iterable[str], environ: Mapping[str, str]) -> list[str]:
    """Notes on variables that are set for options which are not taken from the environment."""
    return [
        f"note: {variable_of(long)} has no effect: {long} is taken from the command line only"
        for long in sorted(set(options) - FROM_ENVIRONMENT)
        if long.startswith("--") and environ.get(variable_of(long))
    ]


def _layer_names() -> list[str]:
    """For the shell's completion: every id, and the short names."""
    from orchestrator.discovery import Estate

    ids = list(Estate.find(Path()).folders)
    return sorted({*ids, *(id_.rpartition("/")[2] for id_ in ids)})


def complete_secret() -> list[str]:
    """For the shell's completion: the names that wealist.yaml declares."""
    from orchestrator.discovery import Estate

    return ["exec", "rotate", *Estate.find(Path()).config.secrets]


def complete_diagnose() -> list[str]:
    """For the shell's completion: the databases that wealist.yaml declares."""
    from orchestrator.discovery import Estate

    return list(Estate.find(Path()).config.diagnose)


# Of every command.
Chdir = Annotated[
    Path | None, option("-C", "--chdir", help="Work in this folder.", metavar="DIR", rich_help_panel="Everywhere")
]
UseSandbox = Annotated[bool, option("--sandbox", help="Rehearse on the embedded AWS.", rich_help_panel="Everywhere")]
TerraformBin = Annotated[
    str | None,
    option("--terraform-bin", help="The Terraform to run.", metavar="PROGRAM", rich_help_panel="Everywhere"),
]
Profile = Annotated[
    str | None, option("--profile", help="A profile of your AWS config.", metavar="NAME", rich_help_panel="Everywhere")
]
AllowLocalEndpoint = Annotated[
    bool,
    option(
        "--allow-local-endpoint",
        metavar="",
        help="Take an endpoint on this machine for AWS.",
        rich_help_panel="Everywhere",
    ),
]
NoColor = Annotated[bool, option("--no-color", help="No colour, no live display.", rich_help_panel="Everywhere")]
Log = Annotated[LogFormat, option("--log-format", help="How progress is written.", rich_help_panel="Everywhere")]

# Of several.
Json = Annotated[bool, option("--json", help="Write the result to stdout as JSON.")]
Yes = Annotated[bool, option("-y", "--auto-approve", help="Don't ask: the plan that is shown is applied.")]
NonInteractive = Annotated[bool, option("--non-interactive", help="Never ask: fail where there is a question.")]
Set = Annotated[
    list[str] | None,
    option(
        "--set",
        help="A value for a variable; a - is asked for, or read from stdin. Repeatable.",
        rich_help_panel="Terraform",
        metavar="NAME=VALUE",
    ),
]
SetEnv = Annotated[
    list[str] | None,
    option(
        "--set-env",
        help="A value from an environment variable, for secrets. Repeatable.",
        rich_help_panel="Terraform",
        metavar="NAME[=VARIABLE]",
    ),
]
VarFile = Annotated[
    list[Path] | None,
    option("--var-file", help="A file of values, or a pipe. Repeatable.", rich_help_panel="Terraform", metavar="FILE"),
]
Target = Annotated[
    list[str] | None,
    option(
        "--target",
        help="Only this resource and what it needs. Repeatable.",
        rich_help_panel="Terraform",
        metavar="ADDR",
    ),
]
Replace = Annotated[
    list[str] | None,
    option("--replace", help="Make this resource anew. Repeatable.", rich_help_panel="Terraform", metavar="ADDR"),
]
LockTimeout = Annotated[
    str | None,
    option("--lock-timeout", help="Wait this long for a lock: 30s, 10m.", rich_help_panel="Terraform", metavar="TIME"),
]
Parallelism = Annotated[
    int | None, option("--parallelism", help="Layers that are worked on at once.", min=1, metavar="N")
]
TerraformParallelism = Annotated[
    int | None,
    option(
        "--terraform-parallelism",
        help="Resources that Terraform works on at once.",
        rich_help_panel="Terraform",
        min=1,
        metavar="N",
    ),
]
FailFast = Annotated[
    bool, option("--fail-fast/--keep-going", help="Start no other layer once one has failed.", show_default=False)
]
Upgrade = Annotated[
    bool, option("--upgrade", help="Init again and take newer providers and modules.", rich_help_panel="Terraform")
]
DetailedExitcode = Annotated[bool, option("--detailed-exitcode", help="Exit with 2 where there are changes.")]
ReportFile = Annotated[
    Path | None, option("--report-file", help="Also write the run's report, as JSON, to a file.", metavar="FILE")
]
CaFile = Annotated[
    Path | None,
    option("--ca-file", help="The authorities that TLS trusts, in place of the system's.", metavar="FILE"),
]
TerraformLog = Annotated[
    bool,
    option(
        "--terraform-log", help="Let TF_LOG through. Its traces hold secrets in clear.", rich_help_panel="Terraform"
    ),
]

All = Annotated[bool, option("--all", help="Every layer of the estate.")]
WithDependencies = Annotated[bool, option("--with-dependencies", help="These layers, and all that they stand on.")]
AllowDestroy = Annotated[
    list[str] | None,
    option(
        "--allow-destroy",
        help="Its data may go. Repeatable.",
        rich_help_panel="Guards",
        metavar="ADDR",
    ),
]
AllowForget = Annotated[
    list[str] | None,
    option(
        "--allow-forget",
        help="May leave the state and stay in AWS. Repeatable.",
        rich_help_panel="Guards",
        metavar="ADDR",
    ),
]
AllowWeaken = Annotated[
    list[str] | None,
    option(
        "--allow-weaken",
        help="May lose a protection. Repeatable.",
        rich_help_panel="Guards",
        metavar="ADDR",
    ),
]
AcceptContract = Annotated[
    list[str] | None,
    option(
        "--accept-contract-change",
        help="This row may be broken. Repeatable.",
        rich_help_panel="Guards",
        metavar="ID",
    ),
]
AllowIncomplete = Annotated[
    bool,
    option(
        "--allow-incomplete-dependencies",
        metavar="",
        help="Run on locked or failed layers.",
        rich_help_panel="Guards",
    ),
]
LiftProtection = Annotated[
    bool,
    option(
        "--lift-deletion-protection",
        help="Lift it first: planned, shown and applied as a step of its own.",
        rich_help_panel="Guards",
    ),
]
# It opens no guard, it is one: a variable that was left in a shell can only forbid.
MaxMonthlyDelta = Annotated[
    float | None,
    option(
        "--max-monthly-delta",
        help="Stop a plan that adds more than this to the month.",
        metavar="AMOUNT",
    ),
]
Confirm = Annotated[
    str | None, option("--confirm", help="The layer's name, typed here instead of at the question.", metavar="LAYER")
]
Confirms = Annotated[
    list[str] | None,
    option("--confirm", help="A layer's name, typed here instead of at the question. Repeatable.", metavar="LAYER"),
]

Layers = Annotated[
    list[str] | None,
    typer.Argument(help="Layers, as `prod/foundation` or `foundation`.", metavar="LAYER", autocompletion=_layer_names),
]
AnyLayers = Annotated[
    list[str] | None,
    typer.Argument(help="Layers; every layer where none is named.", metavar="LAYER", autocompletion=_layer_names),
]
OneLayer = Annotated[
    str,
    typer.Argument(help="A layer, as `prod/foundation` or `foundation`.", metavar="LAYER", autocompletion=_layer_names),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWords:
    """What every run over layers can be told; `command` adds these options where a function takes them."""

    set: Set = None
    set_env: SetEnv = None
    var_file: VarFile = None
    target: Target = None
    replace: Replace = None
    lock_timeout: LockTimeout = None
    parallelism: Parallelism = None
    terraform_parallelism: TerraformParallelism = None
    fail_fast: FailFast = False
    upgrade: Upgrade = False
    json: Json = False
    report_file: ReportFile = None
    terraform_log: TerraformLog = False
