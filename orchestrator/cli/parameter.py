"""Options that cost nothing until they are given.

typer builds a pydantic adapter for every option of a command before it runs, given or not, and so pays for pydantic each
time: about a fifth of `wealist secrets`. A value that needs no conversion (none was given, or it is a text that stays one)
passes here; everything else is typer's to convert and to complain about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Callable


class LightCommand(TyperCommand):
    """A command whose options are converted only where they were given."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _deferred(super().get_params(ctx))


class LightGroup(TyperGroup):
    """The same for the options of a group."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _deferred(super().get_params(ctx))


class _Deferred:
    """Stands in for an option's converter, and makes the real one when a value needs it."""

    def __init__(self, make: Callable[[], Any], annotation: Any) -> None:
        self._make = make
        self._annotation = annotation

    def __call__(self) -> _Deferred:
        return self

    def coerce(self, value: Any, **context: Any) -> Any:
        if value is None or (isinstance(self._annotation, type) and isinstance(value, self._annotation)):
            return value
        if get_args(self._annotation) == (str,) and all(type(item) is str for item in value):
            return list(value)
        return self._make().coerce(value, **context)


def _deferred(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        make = parameter.get_runtime_param
        if not isinstance(make, _Deferred):
            parameter.get_runtime_param = _Deferred(make, parameter.type_descriptor.annotation)
    return parameters
