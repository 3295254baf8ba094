"""Values for variables from where nobody else sees them: a prompt, standard input, an environment variable.

An argv can be read by everyone on the machine and stays in the shell's history, so a secret has no place in `--set NAME=VALUE`.
`--set NAME=-` asks for it at a terminal, without echo, or reads standard input where that is none. `--set-env NAME[=VARIABLE]`
takes it from the environment: from VARIABLE, else from NAME, else from `TF_VAR_NAME` as Terraform would.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from orchestrator.cli.boundary import redact
from orchestrator.errors import UsageError
from orchestrator.redaction import leaves
from orchestrator.tf.variables import parse_assignments

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_ASKED = "-"
_STDIN = frozenset({"/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
_LIMIT = 1024 * 1024


def values(
    pairs: Iterable[str],
    from_environment: Iterable[str],
    environ: Mapping[str, str],
    *,
    var_files: Sequence[Path] = (),
    non_interactive: bool = False,
) -> dict[str, str]:
    """The values of `--set` and `--set-env`, by the variable's name.

    Raises:
        UsageError: A pair without a value, a variable that is not set, or two that want standard input.
    """
    found = parse_assignments(pairs)
    taken = environment_values(from_environment, environ)
    for name in found.keys() & taken.keys():
        raise UsageError(f"{name} is given by --set and by --set-env", hint="give one of them")
    asked = [name for name, value in found.items() if value == _ASKED]
    if asked and not sys.stdin.isatty():
        users = [*(f"--set {name}=-" for name in asked), *(f"--var-file {p}" for p in var_files if str(p) in _STDIN)]
        if len(users) > 1:
            raise UsageError(
                f"{' and '.join(users)}: standard input can be read once",
                hint="--set-env NAME=VARIABLE takes the other",
            )
    for name in asked:
        found[name] = _ask(name, non_interactive=non_interactive) if sys.stdin.isatty() else _read(name)
        # Hidden while it was typed: hide it after, too, whatever the HCL says of the variable.
        redact.add(leaves(found[name]))
    return {**found, **taken}


def environment_values(words: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """The values of `--set-env`, by the variable's name.

    Raises:
        UsageError: No name, or a variable that is not set.
    """
    found: dict[str, str] = {}
    for word in words:
        name, _, variable = (part.strip() for part in word.partition("="))
        if not name:
            raise UsageError(f"--set-env {word}: no variable is named", hint="--set-env NAME=VARIABLE")
        sources = (variable,) if variable else (name, f"TF_VAR_{name}")
        value = next((environ[source] for source in sources if source in environ), None)
        if value is None:
            raise UsageError(
                f"--set-env {word}: {' and '.join(sources)} {'is' if variable else 'are'} not set in the environment",
                hint=f"export it, or be asked for it: --set {name}=-",
            )
        found[name] = value
    return found


def _ask(name: str, *, non_interactive: bool) -> str:
    import getpass

    if non_interactive:
        raise UsageError(
            f"--set {name}=- asks for the value, and --non-interactive was given", hint=f"--set-env {name}"
        )
    try:
        value = getpass.getpass(f"Value of {name} (not shown): ", stream=sys.stderr)
    except EOFError:
        value = ""
    if not value:
        raise UsageError(f"--set {name}=-: no value was typed", hint=f"an empty value is --set {name}=")
    return value


def _read(name: str) -> str:
    text = sys.stdin.read(_LIMIT + 1)
    if len(text) > _LIMIT:
        raise UsageError(f"--set {name}=-: more than {_LIMIT} characters came on standard input")
    value = text.removesuffix("\n").removesuffix("\r")
    if not value:
        raise UsageError(f"--set {name}=-: nothing came on standard input", hint=f"an empty value is --set {name}=")
    return value
