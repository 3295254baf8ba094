"""`wealist tf`: any Terraform command, with the layer's folder and the clean environment, and a terminal of its own.

A command that reaches the backend goes through preflight first, so that the account guard stands here as well. What would
turn it to another folder or another state than the one that was checked is refused.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from orchestrator.cli import given
from orchestrator.errors import PreflightError, UsageError
from orchestrator.process import run as run_process
from orchestrator.tf import binary
from orchestrator.tf.env import child_environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.layer import Layer
    from orchestrator.target import Target


# These touch neither the state nor AWS.
_OFFLINE = frozenset({"fmt", "validate", "version", "get", "help", "metadata"})
# These bring modules and providers.
_FETCHING = frozenset({"init", "get", "providers"})


def run_terraform(run: Invocation, name: str, *, set_env: Sequence[str] = (), keep_log: bool) -> int:
    """Become Terraform, so that its questions, its colours and its exit code are its own."""
    if not run.after:
        raise UsageError("nothing to run", hint=run.target.command("tf", name, "--", "state", "list"))
    layer = run.estate.layer(name)
    # As a variable of Terraform's environment, since not every command takes a file; the layer's own files win over it.
    values = given.environment_values(set_env, run.environ)
    target = run.target
    _check_words(run.after, layer, target)
    if not any(word in _OFFLINE or word in ("-h", "-help", "--help", "-version") for word in run.after[:1]):
        _check(run, layer.id)
    environ = {**target.environ, **(target.fetching if run.after[0] in _FETCHING else {})}
    environment = child_environment(environ, keep_log=keep_log)
    for variable, reason in environment.dropped_but(values).items():
        run.say(f"note: {variable} is left out of Terraform's environment: {reason}")
    folder = target.folder(layer.path)
    terraform = binary.find(target.terraform_bin, environment.values, runner=run_process, cwd=folder)
    os.chdir(folder)
    variables = {f"TF_VAR_{name}": value for name, value in values.items()}
    os.execve(terraform.path, [str(terraform.path), *run.after], {**environment.values, **variables})


def _check_words(words: Sequence[str], layer: Layer, target: Target) -> None:
    """Refuse what leads away from the layer's own folder and state.

    Raises:
        UsageError: A `-chdir`, or an init with a backend that is not the HCL's.
    """
    for word in words:
        # Terraform takes one dash or two.
        flag = word.replace("--", "-", 1).partition("=")[0]
        if flag == "-chdir" and word == words[0]:
            raise UsageError(
                f"-- {word}: Terraform runs in the folder of {layer.id}, which is the one that is checked",
                hint=f"leave it out, and name the other layer: {target.command('tf', '--help')}",
            )
        if flag == "-backend-config" and "init" in words:
            raise UsageError(
                f"-- {word}: it would turn {layer.id} to another state than the one that is checked and locked",
                hint=f"change the backend block at {layer.backend.location}",
            )


def _check(run: Invocation, layer_id: str) -> None:
    """Stop at the first thing that preflight finds wrong; a pass is silent, since stdout and stderr are Terraform's."""
    run.estate.refuse_shared_state(run.estate.layer(layer_id))
    with run.engine() as engine:
        asks_nobody = _asks_nobody(run.after or ())
        checked = engine.preflight([layer_id], will_write=asks_nobody, is_prompted=not asks_nobody)
    if checked.errors:
        first = checked.errors[0]
        raise PreflightError(f"preflight: {first.subject}: {first.seen}", findings=checked.findings, hint=first.remedy)


def _asks_nobody(words: Sequence[str]) -> bool:
    """Whether Terraform changes something without a question: a saved plan is applied at once."""
    flags = {word.replace("--", "-", 1).partition("=")[0] for word in words[1:]}
    has_question = sys.stdin.isatty() and "-auto-approve" not in flags and all(flag[0] == "-" for flag in flags if flag)
    return words[:1] in (("apply",), ("destroy",)) and not has_question
