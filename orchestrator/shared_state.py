"""Layers that keep their state in one and the same object.

Terraform takes the state of one of them for that of the other: an apply of the second destroys all that the first has made.
What such a layer's state is can't be told apart, so nothing that could write runs on one of them. What only looks shows it.
Breaking a lock is not refused: it is the way back after a killed run, and changes no state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.errors import LayerOrderError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from orchestrator.finding import Finding
    from orchestrator.layer import Backend

_NAMED = 3


def find_sharing(identities: Mapping[str, Hashable]) -> dict[str, tuple[str, ...]]:
    """By layer id the others with the same state; a layer that has its own is not in it.

    Args:
        identities: By layer id what tells its state from any other.
    """
    together: dict[Hashable, list[str]] = {}
    for id_, identity in identities.items():
        together.setdefault(identity, []).append(id_)
    return {
        id_: tuple(other for other in sorted(ids) if other != id_)
        for ids in together.values()
        if len(ids) > 1
        for id_ in ids
    }


def find_problem(id_: str, others: Sequence[str], backends: Mapping[str, Backend]) -> Finding | None:
    """What preflight says of it; None where the layer has a state of its own."""
    if not others:
        return None
    from orchestrator.finding import Finding, Severity

    where = ", ".join(f"{other} ({backends[other].location})" for other in others[:_NAMED])
    return Finding(
        id="state-object.shared",
        severity=Severity.ERROR,
        subject=backends[id_].url,
        seen=f"is the state of {id_} and of {named(others)}: an apply of one would destroy what the other made",
        remedy=f"give one of them a key of its own: {id_} ({backends[id_].location}), {where}",
    )


def refuse(id_: str, others: Sequence[str], backends: Mapping[str, Backend]) -> None:
    """Stop what could write.

    Raises:
        LayerOrderError: The layer shares its state.
    """
    problem = find_problem(id_, others, backends)
    if problem is not None:
        raise LayerOrderError(f"{id_}: {problem.subject} {problem.seen}", hint=problem.remedy)


def named(ids: Sequence[str]) -> str:
    """Some of them by name, and how many more there are."""
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return ", ".join(ids[:_NAMED]) + more
