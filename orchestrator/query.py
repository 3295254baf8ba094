"""JMESPath, the query language of the AWS CLI, over values of which some are not known yet.

A plan holds attributes that AWS decides when it is applied. A query that comes across one of them has no answer yet, and
says so: a guess would be a check that passes for the wrong reason. `Pending` stands for such a value, and whatever looks at
it ends the query.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


_ITS_OWN = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)
# Kinds of JMESPath's nodes whose first child alone looks at the document.
_STEPS = frozenset({"subexpression", "index_expression", "projection", "filter_projection", "value_projection", "pipe"})


class NotKnownError(Exception):
    """The query came across a value that is only known after the apply; `str()` is the attribute's name."""


class QueryError(ValueError):
    """The expression is no JMESPath, or asks a function for what it can't do with these values."""


class Pending:
    """A value that is known after the apply. Comparing it, looking into it or writing it down ends the query."""

    __slots__ = ("name",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        raise NotKnownError(self.name)

    def __bool__(self) -> bool:
        raise NotKnownError(self.name)

    def get(self, *_: Any) -> Any:
        """What JMESPath looks into an object with; without it, it would take this for nothing."""
        raise NotKnownError(self.name)

    def __str__(self) -> str:
        raise NotKnownError(self.name)

    def __repr__(self) -> str:
        return f"Pending({self.name!r})"


class Partial(dict[str, Any]):
    """An object in which some values are pending; reading one of them ends the query."""

    def get(self, key: str, default: Any = None) -> Any:
        value = super().get(key, default)
        if isinstance(value, Pending):
            raise NotKnownError(value.name)
        return value


# JMESPath tells types by the names of classes.
Partial.__name__ = "dict"


def check(expression: str) -> None:
    """Read an expression without evaluating it.

    Raises:
        QueryError: It is no JMESPath; the message says where.
    """
    _compiled(expression)


def search(expression: str, document: Mapping[str, Any]) -> Any:
    """The answer to a query; None where there is nothing.

    Raises:
        NotKnownError: It depends on what is known after the apply.
        QueryError: It can't be evaluated over this document.
    """
    from jmespath.exceptions import JMESPathError, JMESPathTypeError

    try:
        answer = _compiled(expression).search(document)
    except JMESPathTypeError as error:
        # What is pending has no type that a function would take.
        _refuse_pending(error.current_value)
        raise QueryError(_one_line(error)) from error
    except JMESPathError as error:
        raise QueryError(_one_line(error)) from error
    except _ITS_OWN as error:
        # JMESPath lets some of Python's errors through: a text ordered against a number, a slice in steps of 0.
        raise QueryError(f"it can't be evaluated over these values: {_one_line(error)}") from error
    _refuse_pending(answer)
    return answer


def fields(expression: str) -> tuple[str, ...]:
    """The attributes at the document's root that an expression names, in its order."""

    def names(node: Mapping[str, Any]) -> Iterator[str]:
        if node["type"] == "field":
            yield node["value"]
        # What is right of a dot is an attribute of what is left of it.
        parts = node["children"][:1] if node["type"] in _STEPS else node["children"]
        for part in parts:
            if isinstance(part, dict):
                yield from names(part)

    return tuple(dict.fromkeys(names(_compiled(expression).parsed)))


@cache
def _compiled(expression: str) -> Any:
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.compile(expression)
    except JMESPathError as error:
        raise QueryError(_one_line(error)) from error
    except _ITS_OWN as error:
        raise QueryError(f"this is no JMESPath: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    """JMESPath draws the place with an arrow on lines of their own."""
    return str(error).strip().partition("\n")[0].rstrip(":")


def _refuse_pending(value: Any) -> None:
    if isinstance(value, Pending):
        raise NotKnownError(value.name)
    if isinstance(value, dict):
        for item in value.values():
            _refuse_pending(item)
    elif isinstance(value, list):
        for item in value:
            _refuse_pending(item)
