"""A contract held against a layer's document, row by row: pure.

A row holds, is broken, does not apply (it depends on what is known after the apply, or on what only AWS can tell of a live
layer), or is unknown: AWS did not answer. Unknown is not good enough for a live layer: what can't be checked doesn't hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from orchestrator import query
from orchestrator.contract import COMPARING, FACTS, PREDICATES
from orchestrator.inventory import VARIABLE

if TYPE_CHECKING:
    from orchestrator.contract import Contract, Row


class Status(StrEnum):
    """What became of a row."""

    HOLDS = "holds"
    BROKEN = "broken"
    NOT_APPLICABLE = "not-applicable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A row, checked.

    Attributes:
        expected: The value or the predicate that counted; with a scaled-up layer that of `may_change`.
        seen: The answer to the query.
        reason: Why there is no answer; empty where there is one.
        scaled_by: The variable that was changed and its value, where that changed what is expected.
    """

    row: Row = field(repr=False)
    status: Status
    expected: Any = None
    seen: Any = None
    reason: str = ""
    scaled_by: str = ""

    @property
    def is_broken(self) -> bool:
        return self.status is Status.BROKEN

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.row.id,
            "section": self.row.section,
            "statement": self.row.statement,
            "status": str(self.status),
            "expected": self.expected,
            "seen": self.seen,
            "reason": self.reason or None,
            "scaled_by": self.scaled_by or None,
        }


class NotAskedError(Exception):
    """A fact that only AWS can tell was asked for where AWS is not asked."""


class UnansweredError(Exception):
    """AWS was asked and did not answer; `str()` is why."""


class Facts(dict[str, Any]):
    """The facts by name, each looked up when a query comes to it."""

    def __init__(self, look_up: Callable[[str], Any]) -> None:
        super().__init__()
        self._look_up = look_up

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ARG002 - the signature of a dict
        return self._look_up(key)


Facts.__name__ = "dict"


def not_asked(name: str) -> Any:
    """The look-up of a plan: nothing is live."""
    raise NotAskedError(name)


def judge(
    contract: Contract,
    document: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any],
    look_up: Callable[[str], Any] = not_asked,
) -> tuple[Verdict, ...]:
    """Check every row.

    Args:
        document: The layer's, with the values of its variables under `var`.
        defaults: The variables' own.
        look_up: Answers what AWS is asked, by the fact's name.
    """
    whole = {**document, FACTS: Facts(look_up)}
    return tuple(_judged(row, whole, defaults) for row in contract.rows)


def _judged(row: Row, document: Mapping[str, Any], defaults: Mapping[str, Any]) -> Verdict:
    predicate, operand = _split(row.expect)
    scaled = _scaled(row, document, defaults)

    def verdict(status: Status, **more: Any) -> Verdict:
        expected = operand if predicate == "same_as" else {predicate: operand}
        return Verdict(row=row, status=status, expected=expected, scaled_by=scaled, **more)

    try:
        if scaled and row.may_change is not None:
            predicate, operand = "same_as", _found(row.may_change.to, document)
        elif isinstance(row.expect, dict) and predicate in COMPARING:
            operand = _found(operand, document)
        seen = query.search(row.query, document)
    except query.NotKnownError as error:
        return verdict(Status.NOT_APPLICABLE, reason=f"known after the apply: {error}")
    except NotAskedError:
        return verdict(Status.NOT_APPLICABLE, reason="only a live layer can be asked")
    except UnansweredError as error:
        return verdict(Status.UNKNOWN, reason=str(error))
    except query.QueryError as error:
        return verdict(Status.BROKEN, reason=f"the query has no answer: {error}")
    return verdict(Status.HOLDS if fulfils(seen, predicate, operand) else Status.BROKEN, seen=seen)


def _split(expect: Any) -> tuple[str, Any]:
    """The predicate and its operand; a value is what the answer has to be the same as."""
    if isinstance(expect, dict):
        ((predicate, operand),) = expect.items()
        return predicate, operand
    return "same_as", expect


def _scaled(row: Row, document: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """`rds_multi_az = true`, where the variable that may change the row is not what it is by default."""
    name = row.may_change.by if row.may_change else ""
    variables = document[VARIABLE]
    if name not in variables or is_same(variables[name], defaults.get(name)):
        return ""
    return f"{name} = {_word(variables[name])}"


def _found(expression: str, document: Mapping[str, Any]) -> Any:
    """What another query finds, to compare with: nothing would make two things that are missing look alike."""
    found = query.search(expression, document)
    if found is None:
        raise query.QueryError(f"there is nothing to compare with, {expression} finds none")
    return found


def fulfils(seen: Any, predicate: str, operand: Any) -> bool:
    """Whether an answer is what the predicate demands."""
    if predicate == "matches":
        return isinstance(seen, str) and re.fullmatch(operand, seen) is not None
    if predicate == "one_of":
        return any(is_same(seen, item) for item in operand)
    if predicate == "at_least":
        return isinstance(seen, (int, float)) and not isinstance(seen, bool) and seen >= operand
    if predicate == "includes":
        return isinstance(seen, list) and all(_is_in(item, seen) for item in operand)
    if predicate == "among":
        return seen not in (None, []) and all(_is_in(item, operand) for item in _listed(seen))
    if predicate == "not_among":
        return seen is not None and not any(_is_in(item, operand) for item in _listed(seen))
    return is_same(seen, operand)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_in(item: Any, items: Any) -> bool:
    return isinstance(items, list) and any(is_same(item, other) for other in items)


def is_same(one: Any, other: Any) -> bool:
    """Equal as JSON: 20 and 20.0 are, 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same(one[name], other[name]) for name in one)
    if _is_list(one) and _is_list(other):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def words(value: Any) -> str:
    """A value or a predicate as a person reads it."""
    if value is None:
        return "not there"
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in PREDICATES:
        ((predicate, demanded),) = value.items()
        return f"{predicate.replace('_', ' ')} {json.dumps(demanded, ensure_ascii=False)}"
    return json.dumps(value, ensure_ascii=False)
