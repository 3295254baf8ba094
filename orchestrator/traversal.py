"""References inside HCL expressions: `data.terraform_remote_state.foundation.outputs.vpc_id`, wherever it stands.

HCL calls such a chain of names a traversal. It is found in the syntax tree and not in the text, so that a comment or a
string that looks like one is none. Nothing is evaluated: an index that is no literal is a `*`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from orchestrator.hcl import text_of
from orchestrator.layer import Location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tree_sitter import Node, Query

    from orchestrator.hcl import Block

ANY = "*"
# What is inside these may be missing: that is what they are for.
_FORGIVING = frozenset({"try", "can"})


@dataclass(frozen=True, slots=True)
class Traversal:
    """One reference.

    Attributes:
        steps: The root's name and every step after it; an index that only Terraform can evaluate is `*`.
        is_optional: Whether it stands inside `try()` or `can()`, and so may lead nowhere.
    """

    steps: tuple[str, ...]
    location: Location
    is_optional: bool = False


def traversals(file: Block, root: str) -> Iterator[Traversal]:
    """Every reference in a file that starts with this name, in the order of the source."""
    from tree_sitter import QueryCursor

    found = QueryCursor(_roots()).captures(file.node).get("root", [])
    for node in sorted(found, key=lambda node: node.start_byte):
        if text_of(node) == root:
            yield Traversal(
                steps=(root, *_steps(node)),
                location=Location(file.path, node.start_point[0] + 1),
                is_optional=_is_forgiven(node),
            )


@cache
def _roots() -> Query:
    from tree_sitter import Query

    from orchestrator.hcl import language

    return Query(language(), "(variable_expr) @root")


def _steps(node: Node) -> Iterator[str]:
    step = node.next_named_sibling
    while step is not None:
        following = step.next_named_sibling
        if step.type == "get_attr":
            yield text_of(step).lstrip(". \n\t")
        elif step.type == "index":
            yield _index(step)
        else:
            yield ANY
            # What follows a splat stands inside it.
            splat = step.named_children[0] if step.type == "splat" else None
            following = splat.named_children[0] if splat and splat.named_children else None
        step = following


def _index(node: Any) -> str:
    """The key of `["name"]`, or `*`."""
    while node.named_child_count == 1:
        node = node.named_children[0]
    if node.type == "string_lit":
        return "".join(text_of(child) for child in node.named_children if child.type == "template_literal")
    return ANY


def _is_forgiven(node: Node) -> bool:
    parent = node.parent
    while parent is not None and parent.type not in ("attribute", "block"):
        if parent.type == "function_call" and text_of(parent.named_children[0]) in _FORGIVING:
            return True
        parent = parent.parent
    return False
