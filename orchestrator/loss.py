"""What a planned change takes from the protection of a resource, judged by the raw values of its attributes.

A value that Terraform marks as sensitive is judged like any other, and none is told: a loss names its attributes alone. What is
only known after the apply counts as lost where it was on before.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.guard_table import LATER, PROTECTING, protection
from orchestrator.plan import Action

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.guard_table import Protection
    from orchestrator.plan import ResourceChange

_Path = tuple[str, ...]
_IN_PLACE = (Action.UPDATE, Action.REPLACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """One protection that a resource loses.

    Attributes:
        verb: `lose`, or what happens to the part that is lost: `shorten`, `weaken`.
        what: `deletion protection`.
        attributes: Paths without indexes; none where the resource itself is the protection.
        is_unknown: Whether all that is known is that it may be lost.
    """

    verb: str
    what: str
    attributes: tuple[str, ...] = ()
    is_unknown: bool = False

    def __str__(self) -> str:
        known = ", known only after the apply" if self.is_unknown else ""
        where = f" ({', '.join(self.attributes)}{known})" if self.attributes else ""
        return f"{'may' if self.is_unknown else 'would'} {self.verb} {self.what}{where}"


def losses(change: ResourceChange) -> Iterator[Loss]:
    """All that the change takes, in the order of the resource's attributes."""
    what = PROTECTING.get(change.type)
    if what is not None and change.action is Action.DELETE and change.deposed is None:
        yield Loss(verb="lose", what=what)
    if what is not None and change.action is Action.FORGET:
        yield Loss(verb="no longer manage", what=what)
    if change.action not in _IN_PLACE:
        return
    before, after = _values(change.before), _values(change.after, change.after_unknown)
    found: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    for path, values in before.items():
        protects, is_own = protection(change.type, path)
        if protects is None:
            continue
        left = _at(after, path)
        # What is in a block that is taken out is mostly gone with it, as an encrypted volume: only one type's own counts.
        if not left and (is_own or len(path) == 1):
            left = [None]
        if _is_less(protects, values, left, pads=is_own):
            is_unknown = LATER in left
            is_part = not is_unknown and any(protects.strength(value) for value in left)
            found[protects.rule.partly if is_part else "lose", protects.what, is_unknown].append(".".join(path))
    for (verb, protected, is_unknown), attributes in found.items():
        yield Loss(verb=verb, what=protected, attributes=tuple(attributes), is_unknown=is_unknown)


def _is_less(protects: Protection, before: Sequence[Any], after: Sequence[Any], *, pads: bool) -> bool:
    """Whether the values that are left protect less; the blocks of a set have no order, so that they are compared by strength."""
    was = sorted(map(protects.strength, before), reverse=True)
    will = sorted(map(protects.strength, after), reverse=True)
    if pads:
        will += [0.0] * (len(was) - len(will))
    if pads or len(was) == len(will):
        return any(one < other for one, other in zip(will, was, strict=False))
    # Blocks were added or taken out: something is less only where one that is off came in the place of one that is on.
    return will.count(0.0) > was.count(0.0) and len(was) - was.count(0.0) > len(will) - will.count(0.0)


def _at(values: dict[_Path, list[Any]], path: _Path) -> list[Any]:
    """The values of an attribute; a block that is not known yet leaves nothing of it known."""
    above = (path[:length] for length in range(len(path)))
    return [LATER] if any(LATER in values.get(part, ()) for part in above) else values.get(path, [])


def _values(value: Any, unknown: Any = None, path: _Path = ()) -> dict[_Path, list[Any]]:
    """Every single value by its path without the indexes in it; those of several blocks stand under one."""
    found: dict[_Path, list[Any]] = defaultdict(list)
    if unknown is True:
        found[path].append(LATER)
        return found
    if isinstance(value, dict) or (value is None and isinstance(unknown, dict)):
        keys = dict.fromkeys((*(value or {}), *(unknown if isinstance(unknown, dict) else ())))
        parts = [_values(_item(value, key), _item(unknown, key), (*path, key)) for key in keys]
    elif isinstance(value, list) or (value is None and isinstance(unknown, list)):
        length = max(len(side) if isinstance(side, list) else 0 for side in (value, unknown))
        parts = [_values(_item(value, index), _item(unknown, index), path) for index in range(length)]
    else:
        found[path].append(value)
        return found
    for part in parts:
        for where, values in part.items():
            found[where].extend(values)
    return found


def _item(value: Any, key: str | int) -> Any:
    try:
        return value[key]
    except (KeyError, IndexError, TypeError):
        return None
