"""The environment that Terraform runs in: built, not inherited.

Terraform takes orders from its environment. A `TF_CLI_ARGS_plan=-destroy` left over in a shell turns a plan into a
destroy plan, `TF_WORKSPACE` moves to another state, `TF_DATA_DIR` to another `.terraform`. So of everything that
starts with `TF_` only what is listed here goes through; what was left out is named, so that nobody wonders.
Source: Terraform's "Environment Variables" page and its command package.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

KEPT = frozenset(
    {
        "TF_PLUGIN_CACHE_DIR",
        "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE",
        "TF_PROVIDER_DOWNLOAD_RETRY",
        "TF_REGISTRY_CLIENT_TIMEOUT",
        "TF_REGISTRY_DISCOVERY_RETRY",
        "TF_APPEND_USER_AGENT",
    }
)
KEPT_PREFIXES = ("TF_TOKEN_", "TF_AWS_")
# Terraform and the AWS provider build a schema of hundreds of megabytes and end soon after. Collecting garbage less often
# makes a plan a tenth faster for a fifth more memory (843 -> 998 MB, measured). Somebody's own value wins.
DEFAULTS = {"GOGC": "300"}
WORKSPACE = "TF_WORKSPACE"
# A workspace that somebody selected in the folder would move the run to another state than the one that was checked.
FORCED = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", WORKSPACE: "default"}
CLI_CONFIG = "TF_CLI_CONFIG_FILE"
LOG_PREFIX = "TF_LOG"
VARIABLE = "TF_VAR_"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildEnvironment:
    """The environment, and what was left out of it with the reason for each."""

    values: dict[str, str] = field(repr=False)
    dropped: dict[str, str]

    def dropped_but(self, values: Container[str]) -> dict[str, str]:
        """What was left out, without the variables that were given in another way."""
        return {
            name: reason
            for name, reason in self.dropped.items()
            if not (name.startswith(VARIABLE) and name.removeprefix(VARIABLE) in values)
        }


def child_environment(environ: Mapping[str, str], *, keep_log: bool = False) -> ChildEnvironment:
    """Build Terraform's environment from another.

    Args:
        environ: Usually the shell's. Everything that doesn't start with `TF_` goes through.
        keep_log: Let `TF_LOG` and its kin through. Trace logs hold secrets in clear.
    """
    values: dict[str, str] = {}
    dropped: dict[str, str] = {}
    for name, value in environ.items():
        reason = _reason(name, value, keep_log=keep_log)
        if reason is None:
            values[name] = value
        elif name not in FORCED or (name == WORKSPACE and value != FORCED[name]):
            dropped[name] = reason
    return ChildEnvironment(values={**DEFAULTS, **values, **FORCED}, dropped=dict(sorted(dropped.items())))


def _reason(name: str, value: str, *, keep_log: bool) -> str | None:
    """Why a variable is left out, or None where it stays."""
    if not name.startswith("TF_") or name in KEPT or name.startswith(KEPT_PREFIXES):
        return None
    if name == CLI_CONFIG:
        return None if value and Path(value).is_file() else f"{value or '(empty)'} does not exist"
    if name.startswith(LOG_PREFIX):
        return None if keep_log else "trace logs hold secrets; pass --terraform-log to keep it"
    if name.startswith(VARIABLE):
        return f"pass --set-env {shlex.quote(name.removeprefix(VARIABLE))} to use it"
    if name.startswith("TF_CLI_ARGS"):
        return "it would change the command; pass flags after -- instead"
    return "it would change what Terraform does"
