"""`wealist secrets`: a value on stdout, and nowhere else."""

from __future__ import annotations

import os
import re
import shlex
import sys
from dataclasses import dataclass
from json import dumps as json_text
from typing import TYPE_CHECKING

from orchestrator import lookup, shell
from orchestrator.aws.secrets import CURRENT
from orchestrator.cli import plain
from orchestrator.cli.stream import can_write, raw
from orchestrator.errors import SecretError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchestrator.cli.invocation import Invocation

_EXEC_USAGE = "wealist secrets exec NAME --env VARIABLE -- PROGRAM ..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for. `program` is set for `exec`, `name` is empty for a list of names."""

    name: str
    field: str | None
    stage: str
    env: str | None = None
    program: tuple[str, ...] = ()

    @classmethod
    def from_words(
        cls, words: Sequence[str], *, field: str | None, stage: str, env: str | None, after: tuple[str, ...] | None
    ) -> Request:
        if not all(words):
            raise UsageError("the name of the secret is empty", hint="wealist secrets lists the names")
        wants_exec = bool(words) and words[0] == "exec"
        names = words[1:] if wants_exec else words
        if wants_exec and (len(names) != 1 or not env or not after):
            raise UsageError("exec needs a secret, a variable and a program", hint=_EXEC_USAGE)
        if env and (not re.fullmatch(r"[A-Za-z_]\w*", env, re.ASCII) or env.startswith(("LD_", "DYLD_"))):
            raise UsageError(f"--env {env}: no variable for a secret", hint="a name as PGPASSWORD or REDISCLI_AUTH")
        if not wants_exec and (env or after):
            raise UsageError("a program to run is given to `exec`", hint=_EXEC_USAGE)
        if len(names) > 1:
            raise UsageError(
                f"one secret at a time, not {' '.join(names)}", hint=shell.command("wealist", "secrets", names[0])
            )
        return cls(name="".join(names), field=field, stage=stage, env=env, program=after or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotate:
    """How a secret is to be rotated."""

    finish: bool = False
    drop_oldest: bool = False
    yes: bool = False
    non_interactive: bool = False

    def refuse_elsewhere(self) -> None:
        """Refuse flags of `rotate` where nothing is rotated.

        Raises:
            UsageError: One of them was given. `--non-interactive` may stand in the environment, for every command.
        """
        given = {"--finish": self.finish, "--drop-oldest": self.drop_oldest, "--auto-approve": self.yes}
        for flag, is_given in given.items():
            if is_given:
                raise UsageError(f"{flag} is for `rotate`", hint=f"wealist secrets rotate NAME {flag}")


def name_to_rotate(words: Sequence[str], given: Mapping[str, object], *, stage: str) -> str:
    """The name after `rotate`.

    Args:
        given: By flag: what was said for showing a value, which a rotation never does.

    Raises:
        UsageError: No name, more than one, or a flag that means nothing here.
    """
    names = [word for word in words[1:] if word]
    if len(names) != 1:
        raise UsageError("rotate needs the name of one secret", hint="wealist secrets lists the names")
    for flag, value in {**given, "--version-stage": stage != CURRENT}.items():
        if value:
            raise UsageError(
                f"rotate shows no value, so {flag} means nothing",
                hint=shell.command("wealist", "secrets", names[0], flag),
            )
    return names[0]


def check(request: Request, *, show_command: bool, json: bool) -> None:
    """Refuse words that would be passed over in silence.

    Raises:
        UsageError: `exec` together with another way to show the value.
    """
    for flag, is_given in (("--json", json), ("--show-command", show_command)):
        if request.program and is_given:
            raise UsageError(f"exec hands the value to a program; {flag} would show it", hint=_EXEC_USAGE)
    if not request.name and show_command:
        raise UsageError("--show-command needs the name of a secret", hint="wealist secrets lists the names")


def answer(run: Invocation, request: Request, *, show_command: bool, json: bool) -> None:
    """List the names, print the commands, hand the value to a program, or print it."""
    if not request.name:
        _list(run, json=json)
    elif show_command:
        _show_command(run, request)
    else:
        _fetch(run, request, json=json)


def _list(run: Invocation, *, json: bool) -> None:
    declared = run.estate.config.secrets
    if json:
        names = {name: {"layer": s.layer, "output": s.output, "field": s.field} for name, s in declared.items()}
        plain.print_json(names)
        return
    for name in declared:
        print(name)
    if not declared:
        run.say("no secrets are declared in wealist.yaml")


def _fetch(run: Invocation, request: Request, *, json: bool) -> None:
    config = lookup.secret_config(run.estate, request.name)
    secret = lookup.find_secret(run.estate, request.name, run.target, stage=request.stage)
    value = secret.value(request.field or config.field)
    if request.program:
        _execute(run, request, value)
    if json:
        shown = {"name": secret.name, "value": value, "arn": secret.arn, "version_id": secret.version_id}
        plain.print_json({**shown, "stages": list(secret.stages), "created": secret.created})
    else:
        if not can_write(raw(sys.stdout), value):
            raise SecretError(
                f"secret {secret.name} has characters that {sys.stdout.encoding} lacks, and is not written in part",
                hint="set PYTHONIOENCODING=utf-8, or pass --json",
            )
        plain.print_bare(value)


def _execute(run: Invocation, request: Request, value: str) -> None:
    """Become the program: the value is in its environment, and no wealist stays behind."""
    assert request.env is not None
    from orchestrator.process import find_program

    program = request.program
    if "\0" in value or not _is_unicode(value):
        raise SecretError(
            f"secret {request.name} has a character that no environment variable can hold: NUL, or no Unicode",
            hint=f"name another field of it, or read it from a pipe: {run.target.command('secrets', request.name)}",
        )
    try:
        found = find_program(program[0], run.environ.get("PATH", ""))
        if found is None:
            raise FileNotFoundError(2, "No such file or directory")
        os.execve(found, program, {**run.environ, request.env: value})
    except OSError as error:
        raise UsageError(f"{program[0]}: can't be started: {error.strerror}", hint=_EXEC_USAGE) from error


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _jq(field: str) -> str:
    path = f".{field}" if re.fullmatch(r"[A-Za-z_]\w*", field) else f".[{json_text(field)}]"
    return f" | jq -r {shlex.quote(path) if path != f'.{field}' else path}"


def _show_command(run: Invocation, request: Request) -> None:
    config = lookup.secret_config(run.estate, request.name)
    layer = run.estate.layer(config.layer)
    # A `./` keeps a folder whose name begins with a dash from being taken for an option.
    folder = os.path.relpath(run.target.folder(layer.path))
    folder = shlex.quote(f"./{folder}" if folder.startswith("-") else folder)
    field = request.field or config.field
    lines = [
        *(['eval "$(wealist sandbox env)"'] if run.wants_sandbox else []),
        f"cd {folder}",
        "aws secretsmanager get-secret-value \\",
        f"  --region {shlex.quote(layer.backend.region)} \\",
        *([f"  --profile {shlex.quote(run.profile)} \\"] if run.profile else []),
        f'  --secret-id "$(terraform output -raw {shlex.quote(config.output)})" \\',
        *([f"  --version-stage {shlex.quote(request.stage)} \\"] if request.stage != "AWSCURRENT" else []),
        f"  --query SecretString --output text{_jq(field) if field else ''}",
    ]
    print("\n".join(lines))
