"""Values given on the command line (`--set name=value`), written as a variables file.

A file and not `-var`: an argv can be read by everyone on the machine. It is HCL and not JSON, so that a value means what
it would mean after `-var`: taken literally for a string, number or bool, as an expression for any other type.
Source: Terraform's "Input Variables on the Command Line".
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from orchestrator import hcl, tfvars
from orchestrator.errors import UsageError
from orchestrator.tfvars import Piped

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from orchestrator.layer import Layer, Variable

_LARGEST = 1024 * 1024


def parse_assignments(pairs: Iterable[str]) -> dict[str, str]:
    """`["a=1", "b=x=y"]` -> `{"a": "1", "b": "x=y"}`; the last of a name wins.

    Raises:
        UsageError: A pair has no `=` or no name.
    """
    values: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--set {name}: no value given", hint=f"--set {name or 'NAME'}=VALUE")
        values[name.strip()] = value
    return values


def check_assigned(values: Mapping[str, str], layers: Sequence[Layer], *, files: Iterable[Path | Piped] = ()) -> None:
    """Refuse a name that none of the layers has as a variable, and a value that can't be right, before anything is started.

    Args:
        files: The variable files that are given along with the values.

    Raises:
        UsageError: With the name that was probably meant, or with the place that the value would break.
        ConfigError: A file can't be read.
    """
    known = sorted({name for layer in layers for name in layer.variables})
    for name in values:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            where = ", ".join(layer.id for layer in layers)
            hint = f"did you mean {near[0]}?" if near else f"it has: {', '.join(known) or 'none'}"
            raise UsageError(f"--set {name}: {where} has no such variable", hint=hint)
    for layer in layers:
        for name, value in values.items():
            variable = layer.variables.get(name)
            if variable and not _fits(value, variable.type):
                raise UsageError(
                    f"--set {name}: the value must be {_WANTED[variable.type or '']} ({variable.location})",
                    hint=_again(variable) or f"--set {name}={'3' if variable.type == 'number' else 'true'}",
                )
            if variable and not variable.is_primitive and not hcl.is_expression(value):
                raise UsageError(
                    f"--set {name}: the value is not an expression, and {variable.type} needs one ({variable.location})",
                    hint=_again(variable) or f"""quote it for the shell: --set '{name}=["a", "b"]'""",
                )
    _check_edges(values, layers, tuple(files))


def _again(variable: Variable) -> str | None:
    """How a secret is given; never in the command line, which everyone on the machine can read."""
    return f"--set {variable.name}=- asks for it" if variable.is_sensitive else None


def _check_edges(values: Mapping[str, str], layers: Sequence[Layer], files: Sequence[Path | Piped]) -> None:
    """Refuse another value for a variable that tells which state a layer reads: the order of layers was told without it."""
    states = [(layer, state) for layer in layers for state in layer.remote_states if state.variables]
    if not states:
        return
    given: dict[str, tuple[Any, str]] = {}
    for path in files:
        given |= {name: (value, f"--var-file {path}: {name}") for name, value in tfvars.read_values(path).items()}
    given |= {name: (value, f"--set {name}") for name, value in values.items()}
    for layer, state in states:
        for name, known in state.variables.items():
            value, said = given.get(name, (known, ""))
            if value != known:
                raise UsageError(
                    f"{said}: it tells which state {layer.id} reads ({state.location}), and the order of layers rests on "
                    f"{known!r}",
                    hint=f"change {name} in {layer.path / 'terraform.tfvars'} instead, where wealist sees it too",
                )


_WANTED = {"number": "a number", "bool": "true or false"}


def _fits(value: str, type_: str | None) -> bool:
    """Whether Terraform would take the text for a value of this type; only the plain types are judged."""
    if type_ == "bool":
        return value in ("true", "false", "1", "0", "null")
    if type_ == "number":
        return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|null", value) is not None
    return True


def check_files(files: Iterable[Path | Piped]) -> tuple[Path | Piped, ...]:
    """Absolute paths of variable files, since Terraform runs in another folder; what is a pipe is read, since it can be only once.

    Raises:
        UsageError: One does not exist, or can't be read.
    """
    return tuple(file if isinstance(file, Piped) else _checked(file) for file in files)


def _checked(path: Path) -> Path | Piped:
    # Standard input is another one for Terraform, even where it is a file.
    is_own = path.is_file() and path.absolute().parts[1] not in ("dev", "proc")
    return path.absolute() if is_own else read_once(path)


def read_once(path: Path) -> Piped:
    """What a file or a pipe holds, kept in memory alone.

    Raises:
        UsageError: It is not there, or can't be read.
    """
    try:
        with path.open("rb") as file:
            if file.isatty():
                raise UsageError(f"--var-file {path}: this is a terminal", hint="to be asked for a value: --set NAME=-")
            raw = file.read(_LARGEST + 1)
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise UsageError(f"--var-file {path}: {reason}", hint="paths are taken from the current folder") from error
    if len(raw) > _LARGEST:
        raise UsageError(f"--var-file {path}: more than {_LARGEST} bytes")
    return Piped(name=str(path), text=raw.decode(errors="replace"))


def render(values: Mapping[str, str], layer: Layer) -> str:
    """The text of a `.tfvars` file with those of the values that the layer has a variable for."""
    lines = []
    for name, value in values.items():
        variable = layer.variables.get(name)
        if variable is not None:
            lines.append(f"{name} = {hcl.quote(value) if variable.is_primitive else value}\n")
    return "".join(lines)
