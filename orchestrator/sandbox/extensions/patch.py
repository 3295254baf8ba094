"""How an extension gets into moto: a function becomes a method under its own name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def extend(owner: object, *functions: Callable[..., Any]) -> None:
    """Set each function on a class (or module), named as it is, in place of whatever was there."""
    for function in functions:
        setattr(owner, function.__name__, function)


def extend_with_property(owner: type, function: Callable[[Any], Any]) -> None:
    """The same for a value that an object works out when it is read."""
    setattr(owner, function.__name__, property(function))
