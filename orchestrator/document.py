"""A YAML file that people write, read into a typed value: whatever is wrong is told with file, line and key.

Unknown keys are errors, since a misspelt word that is silently ignored is worse than none; the message offers the one that was
probably meant. A key that stands twice is an error too, and so are anchors and aliases: a few hundred bytes of them can stand for
gigabytes, and nobody needs them here. The model is a `Section`; what a type can't say of a value, the model
says in `check_values`.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar

import msgspec
import yaml

from orchestrator import project_file
from orchestrator.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_DEEPEST = 50
_MOST_NODES = 200_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


# What msgspec calls a kind of value, in words that a YAML file is read with.
_KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


class Fail(Protocol):
    """Raises the error for a key path: message, and what to do."""

    def __call__(self, key: tuple[str, ...], message: str, hint: str | None = None) -> NoReturn: ...


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping in a file in which every key is known."""


class Whole(Protocol):
    """The model of a whole file."""

    def check_values(self, fail: Fail) -> None:
        """What a type can't say of a value."""


W = TypeVar("W", bound=Whole)


def load(path: Path, model: type[W], *, smallest: str) -> W:
    """Read and check a file.

    Args:
        smallest: The smallest such file, for a message.

    Raises:
        ConfigError: With `file:line: key: what is wrong`.
    """
    try:
        text = project_file.read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: can't be read: {error}") from error
    return parse(text, model, path=path, smallest=smallest)


def parse(text: str, model: type[W], *, path: Path, smallest: str) -> W:
    """The same for a text; `path` is for messages."""
    try:
        _check_events(text, path)
        node = yaml.compose(text, Loader=_Loader)
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 - the safe loader, in C where there is one
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: this is not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        # What a tag such as `!!bool` makes of a text that is none, the loader raises in Python's own words.
        raise ConfigError(f"{path}:1: this is not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path}:1: the file must be a mapping", hint=f"the smallest is: {smallest}")
    lines: dict[tuple[str, ...], int] = {}
    for key, line in _lines(node):
        if key in lines:
            raise ConfigError(f"{path}:{line}: {'.'.join(key)}: stands here a second time", hint="keep one of them")
        lines[key] = line

    def fail(key: tuple[str, ...], message: str, hint: str | None = None) -> NoReturn:
        line = next((lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in lines), 1)
        raise ConfigError(f"{path}:{line}: {'.'.join(key)}: {message}", hint=hint)

    _check(data, model, (), fail)
    value = msgspec.convert(data, model)
    value.check_values(fail)
    return value


def _check_events(text: str, path: Path) -> None:
    """Refuse what makes a small file large, or what nothing could work on, before any of it is built.

    Raises:
        ConfigError: An anchor or an alias, which is walked again wherever it stands; more nesting or values than anybody
            writes; a NUL, which no file's name can hold.
    """
    depth = count = 0
    event: Any
    for event in yaml.parse(text, Loader=_Loader):
        where = f"{path}:{event.start_mark.line + 1}"
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            mark = "*" if isinstance(event, yaml.AliasEvent) else "&"
            raise ConfigError(f"{where}: {mark}{anchor}: anchors and aliases are not read", hint="write it out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        count += isinstance(event, yaml.NodeEvent)
        if depth > _DEEPEST:
            raise ConfigError(f"{where}: this is nested more than {_DEEPEST} levels deep")
        if count > _MOST_NODES:
            raise ConfigError(f"{where}: there are more than {_MOST_NODES} values in this file")
        if isinstance(event, yaml.ScalarEvent) and "\0" in event.value:
            raise ConfigError(f"{where}: a value holds a NUL character", hint="take it out")


def line_of(path: Path, key: tuple[str, ...]) -> int:
    """The line that a key of the file stands on, 1 where it is not there."""
    try:
        node = yaml.compose(project_file.read_text(path), Loader=_Loader)
    except (OSError, yaml.YAMLError):
        return 1
    return dict(_lines(node)).get(key, 1)


def _lines(node: Any, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
    """Every key path of the document with the line of its key, 1-based."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            path = (*prefix, str(key.value))
            yield path, key.start_mark.line + 1
            yield from _lines(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            path = (*prefix, str(index))
            yield path, value.start_mark.line + 1
            yield from _lines(value, path)


def _check(data: Any, model: Any, key: tuple[str, ...], fail: Fail) -> None:
    """Walk file and model side by side, so that whatever is wrong is found at its own key and line."""
    if _is_section(model):
        if not isinstance(data, dict):
            fail(key, "must be a mapping")
        fields = {field.encode_name: field for field in msgspec.structs.fields(model)}
        for name, value in data.items():
            if name not in fields:
                near = get_close_matches(str(name), fields, n=1)
                fail((*key, str(name)), "unknown key", f"did you mean {near[0]}?" if near else _known(fields))
            _check(value, fields[name].type, (*key, name), fail)
        for name, field in fields.items():
            if field.required and name not in data:
                fail((*key, name), "is required")
    elif getattr(model, "__origin__", None) is dict:
        if not isinstance(data, dict):
            fail(key, "must be a mapping")
        for name, value in data.items():
            if not isinstance(name, str):
                fail((*key, str(name)), "this key is not text", "put the key in quotes")
            _check(value, model.__args__[1], (*key, name), fail)
    elif getattr(model, "__origin__", None) is tuple and _is_section(model.__args__[0]):
        if not isinstance(data, list):
            fail(key, "must be a list")
        for number, item in enumerate(data):
            _check(item, model.__args__[0], (*key, str(number)), fail)
    elif isinstance(data, dict) and _is_section(next(iter(getattr(model, "__args__", ())), None)):
        # A section that may be left out.
        _check(data, model.__args__[0], key, fail)
    else:
        try:
            msgspec.convert(data, model)
        except msgspec.ValidationError as error:
            message = re.sub(r"`(\w+(?: \| \w+)*)`", _kinds, str(error).partition(" - at ")[0])
            quoted = isinstance(data, (int, float)) and _KINDS["str"] in message
            fail(key, message[:1].lower() + message[1:], "put the value in quotes" if quoted else None)


def _is_section(model: Any) -> bool:
    return isinstance(model, type) and issubclass(model, msgspec.Struct)


def _kinds(match: re.Match[str]) -> str:
    kinds = [kind for kind in match[1].split(" | ") if kind != "null"] or ["null"]
    return " or ".join(_KINDS.get(kind, kind) for kind in kinds)


def _known(names: Iterable[str]) -> str:
    return f"known here: {', '.join(sorted(names))}"
