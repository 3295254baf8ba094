"""Just enough HCL to read a layer: blocks, attributes, literal values, and the line each stands on.

The grammar is tree-sitter's, which parses a large module in milliseconds and never evaluates anything.
A value that is not a literal comes back as an `Expression` that holds its source text; the caller decides
whether that is good enough or an error at that line.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator import project_file, shell
from orchestrator.errors import ConfigError
from orchestrator.layer import Location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Language, Node, Parser

_ESCAPE = re.compile(r'\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|["\\nrt])|\$\$\{|%%\{')
_SIMPLE_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Expression:
    """A value that only Terraform can evaluate."""

    text: str

    def __str__(self) -> str:
        return self.text


class Attribute:
    """`name = value`, read when it is asked for."""

    def __init__(self, name: str, node: Node, path: Path) -> None:
        self.name = name
        self._node = node
        self._path = path

    @cached_property
    def value(self) -> Any:
        """Plain data: text, int, float, bool, None, list, dict; an `Expression` where it is not a literal."""
        try:
            return _value(self._node)
        except RecursionError:
            raise ConfigError(f"{self.location}: {self.name}: this value is nested too deeply") from None

    @property
    def text(self) -> str:
        """The source of the value."""
        return text_of(self._node)

    @property
    def location(self) -> Location:
        return _location(self._path, self._node)


class Block:
    """A block, or a whole file (`type` is then empty), read as far as it is asked for."""

    def __init__(self, node: Node, path: Path, *, type_: str = "", labels: tuple[str, ...] = ()) -> None:
        self.type = type_
        self.labels = labels
        self.node = node
        self.path = path

    @cached_property
    def attributes(self) -> dict[str, Attribute]:
        found = (child.named_children for child in self._body if child.type == "attribute")
        return {text_of(name): Attribute(text_of(name), value, self.path) for name, value, *_ in found}

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(_nested(child, self.path) for child in self._body if child.type == "block")

    @property
    def text(self) -> str:
        """The block's source."""
        return text_of(self.node)

    @property
    def location(self) -> Location:
        return _location(self.path, self.node)

    def mentions(self, word: str) -> bool:
        """Whether the word stands anywhere in the source: a quick no."""
        return word.encode() in (self.node.text or b"")

    def find(self, type_: str, *labels: str) -> Iterator[Block]:
        """The blocks directly inside that are of this type and start with these labels."""
        return (b for b in self.blocks if b.type == type_ and b.labels[: len(labels)] == labels)

    @cached_property
    def _body(self) -> list[Node]:
        body = next((child for child in self.node.named_children if child.type == "body"), None)
        return body.named_children if body else []


def parse_file(path: Path) -> Block:
    """Read one `.tf` file.

    Raises:
        ConfigError: The file can't be read or is not HCL; the message names file and line.
    """
    return parse(source_of(path), path)


def source_of(path: Path) -> bytes:
    """What stands in a file.

    Raises:
        ConfigError: The file can't be read.
    """
    try:
        return project_file.read_bytes(path)
    except OSError as error:
        raise ConfigError(f"{path}: can't be read: {error.strerror}") from error


def parse(source: bytes, path: Path, *, is_quoted: bool = True) -> Block:
    """Read the source of one file.

    Args:
        is_quoted: Whether an error may show the line that is wrong.

    Raises:
        ConfigError: It is not HCL; the message names file and line.
    """
    root = _parser().parse(source).root_node
    if root.has_error:
        bad = _first_error(root)
        lines = source.decode(errors="replace").splitlines() or [""]
        what = "this is not valid HCL, at or just before"
        if bad.is_missing and bad.type == "}" and bad.parent is not None and bad.parent.parent is not None:
            # The end of the file is where it shows; the opening is what a person looks for.
            bad, what = bad.parent.parent, "this block has no end"
        row = min(bad.start_point[0], len(lines) - 1)
        near = f": {lines[row].strip()[:60]}" if is_quoted else " this line"
        raise ConfigError(
            f"{path}:{row + 1}: {what}{near}",
            hint=shell.command("terraform", "fmt", "-check", "-diff", str(path)) if path.is_file() else None,
        )
    return Block(root, path)


def is_expression(text: str) -> bool:
    """Whether a text is one well-formed HCL expression, so that it can be written after `name =`."""
    root = _parser().parse(f"x = {text}\n".encode()).root_node
    if root.has_error:
        return False
    body = root.named_children[0] if root.named_children else None
    return body is not None and [child.type for child in body.named_children] == ["attribute"]


def read_expression(text: str) -> Any:
    """What an expression means: plain data, or an `Expression` where it is not a literal."""
    root = _parser().parse(f"x = {text}\n".encode()).root_node
    attribute = Block(root, Path()).attributes.get("x")
    return Expression(text) if root.has_error or attribute is None else attribute.value


def quote(text: str) -> str:
    """A string literal that Terraform reads back as exactly this text."""
    escaped = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    return escaped.replace("${", "$${").replace("%{", "%%{")


@cache
def language() -> Language:
    # Imported here, as everywhere below: start-up of the command line is measured.
    import tree_sitter_hcl
    from tree_sitter import Language

    return Language(tree_sitter_hcl.language())


@cache
def _parser() -> Parser:
    from tree_sitter import Parser

    return Parser(language())


def _first_error(node: Node) -> Node:
    while not (node.is_error or node.is_missing):
        bad = next((child for child in node.children if child.is_error or child.is_missing or child.has_error), None)
        if bad is None:
            break
        node = bad
    return node


def _nested(node: Node, path: Path) -> Block:
    head: list[str] = []
    for child in node.named_children:
        if child.type == "identifier":
            head.append(text_of(child))
        elif child.type == "string_lit":
            head.append(_string(child))
        else:
            break
    return Block(node, path, type_=head[0], labels=tuple(head[1:]))


def _value(expression: Node) -> Any:
    if expression.named_child_count != 1:
        return Expression(text_of(expression))
    (node,) = expression.named_children
    inner = node.named_children[0] if node.named_child_count else node
    if node.type == "literal_value":
        return _literal(inner)
    if node.type == "collection_value" and inner.type == "tuple":
        return [_value(child) for child in inner.named_children if child.type == "expression"]
    if node.type == "collection_value" and inner.type == "object":
        return _object(inner)
    if node.type == "operation" and (negative := re.fullmatch(r"-\s*(\d+)", text_of(node))):
        number = _number(negative[1])
        return -number if isinstance(number, int) else Expression(text_of(expression))
    return Expression(text_of(expression))


def _literal(node: Node) -> Any:
    text = text_of(node)
    if node.type == "string_lit":
        return _string(node)
    if node.type == "bool_lit":
        return text == "true"
    if node.type == "null_lit":
        return None
    return _number(text)


def _number(text: str) -> int | float | Expression:
    """A number; what the grammar takes for one and Python does not is left to Terraform, as `0x1F`, or 6,000 digits."""
    try:
        return float(text) if set(text) & set(".eE") else int(text)
    except ValueError:
        return Expression(text)


def _object(node: Node) -> dict[str, Any]:
    items: dict[str, Any] = {}
    for element in node.named_children:
        if element.type != "object_elem":
            continue
        key, value = element.child_by_field_name("key"), element.child_by_field_name("val")
        if key is None or value is None:
            continue
        name = _value(key)
        items[str(name)] = _value(value)
    return items


def _string(node: Node) -> str:
    raw = "".join(text_of(child) for child in node.named_children if child.type == "template_literal")
    return _ESCAPE.sub(_unescape, raw)


def _unescape(match: re.Match[str]) -> str:
    escape = match[1]
    if escape is None:
        return match[0][1:]
    if escape in _SIMPLE_ESCAPES:
        return _SIMPLE_ESCAPES[escape]
    number = int(escape[1:], 16)
    # No character, half of one, or one that no file's name and no argument can hold.
    return chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"


def text_of(node: Node) -> str:
    return (node.text or b"").decode(errors="replace")


def _location(path: Path, node: Node) -> Location:
    return Location(path, node.start_point[0] + 1)
