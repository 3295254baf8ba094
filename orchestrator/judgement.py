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
from orchestrator.contract import FACTS, PREDICATES
from orchestrator.inventory import VARIABLE

if TYPE_CHECKING:
    from orchestrator.contract import Contract, Row


def filled(parameters: Any, document: Mapping[str, Any]) -> Any:
    """The parameters with each query replaced by its answer.

    Raises:
        NotKnownError, QueryError: One of them has none.
    """
    if isinstance(parameters, dict):
        if parameters.keys() == {"query"}:
            return query.search(str(parameters["query"]), document)
        return {name: filled(item, document) for name, item in parameters.items()}
    if isinstance(parameters, list):
        return [filled(item, document) for item in parameters]
    return parameters


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
        reason: Why a row does not apply or is unknown; for one that was scaled up, by what.
    """

    row: Row = field(repr=False)
    status: Status
    expected: Any = None
    seen: Any = None
    reason: str = ""

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
    expected, scaled = row.expect, ""
    try:
        if row.may_change is not None:
            name = row.may_change.by
            value = document[VARIABLE].get(name)
            if name in document[VARIABLE] and not is_same(value, defaults.get(name)):
                expected, scaled = query.search(row.may_change.to, document), f"{name} = {_word(value)}"
        expected = _resolved(expected, document)
        seen = query.search(row.query, document)
    except query.NotKnownError as error:
        return Verdict(
            row=row, status=Status.NOT_APPLICABLE, expected=expected, reason=f"known after the apply: {error}"
        )
    except NotAskedError:
        return Verdict(
            row=row, status=Status.NOT_APPLICABLE, expected=expected, reason="only a live layer can be asked"
        )
    except UnansweredError as error:
        return Verdict(row=row, status=Status.UNKNOWN, expected=expected, reason=str(error))
    except query.QueryError as error:
        return Verdict(row=row, status=Status.BROKEN, expected=expected, reason=f"the query has no answer: {error}")
    status = Status.HOLDS if fulfils(seen, expected) else Status.BROKEN
    return Verdict(row=row, status=status, expected=expected, seen=seen, reason=scaled)


def _resolved(expected: Any, document: Mapping[str, Any]) -> Any:
    """An expectation without the queries in it."""
    if isinstance(expected, dict) and "same_as" in expected:
        return query.search(str(expected["same_as"]), document)
    if isinstance(expected, dict) and "among" in expected:
        return {"among": query.search(str(expected["among"]), document)}
    return expected


def fulfils(seen: Any, expected: Any) -> bool:
    """Whether an answer is the value, or what the predicate demands."""
    if not isinstance(expected, dict):
        return is_same(seen, expected)
    ((predicate, demanded),) = expected.items()
    if predicate == "matches":
        return isinstance(seen, str) and re.fullmatch(str(demanded), seen) is not None
    if predicate == "one_of":
        return any(is_same(seen, item) for item in demanded)
    if predicate == "among":
        items = seen if isinstance(seen, list) else [seen]
        return isinstance(demanded, list) and all(any(is_same(item, have) for have in demanded) for item in items)
    if predicate == "at_least":
        return isinstance(seen, (int, float)) and not isinstance(seen, bool) and seen >= demanded
    return isinstance(seen, list) and all(any(is_same(item, have) for have in seen) for item in demanded)


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
