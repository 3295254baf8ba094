"""A diagnosis: the way to a database, hop by hop, up to the first that is broken.

A hop is one thing that must hold before the next can: the instance runs, its name resolves, its port is admitted. What a
hop looked at is `ok`, `broken` (with what was expected, what was seen, and what to change), `skipped` (it is not needed, it
can't be reached from here by design, or an earlier hop is broken) or `undetermined` (nothing can be said: a tool or a
permission is missing). Only `broken` is a failure. Nothing here knows AWS or a network.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from orchestrator.errors import SecretError, WealistError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

POSTGRESQL, REDIS = "postgresql", "redis"
SECRET = "secret"  # noqa: S105 - the name of a hop
AFTER_BROKEN = "not checked: an earlier hop is broken"


class HopOutcome(StrEnum):
    """What came of a hop."""

    OK = "ok"
    BROKEN = "broken"
    SKIPPED = "skipped"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One hop of the way.

    Attributes:
        id: Stable, for scripts: `security-group`.
        seen: What was there, in one line.
        expected: What should have been there, where it was not.
        remedy: What to change.
        address: The Terraform address of what to change, where the layer has it in its state.
        command: The next command to type.
    """

    id: str
    outcome: HopOutcome
    seen: str
    expected: str | None = None
    remedy: str | None = None
    address: str | None = None
    command: str | None = None

    @property
    def is_broken(self) -> bool:
        return self.outcome is HopOutcome.BROKEN

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "outcome": str(self.outcome),
            "seen": self.seen,
            "expected": self.expected,
            "remedy": self.remedy,
            "address": self.address,
            "command": self.command,
        }


def ok(id_: str, seen: str) -> Hop:
    return Hop(id=id_, outcome=HopOutcome.OK, seen=seen)


def skipped(id_: str, why: str, *, remedy: str | None = None, command: str | None = None) -> Hop:
    return Hop(id=id_, outcome=HopOutcome.SKIPPED, seen=why, remedy=remedy, command=command)


def undetermined(id_: str, why: str, *, remedy: str | None = None) -> Hop:
    return Hop(id=id_, outcome=HopOutcome.UNDETERMINED, seen=why, remedy=remedy)


def broken(
    id_: str, seen: str, *, expected: str, remedy: str, address: str | None = None, command: str | None = None
) -> Hop:
    return Hop(
        id=id_,
        outcome=HopOutcome.BROKEN,
        seen=seen,
        expected=expected,
        remedy=remedy,
        address=address,
        command=command,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What is knocked at, and as whom.

    Attributes:
        secret_command: What to type where the server does not accept the secret.
    """

    kind: str
    host: str
    port: int
    user: str | None = None
    database: str | None = None
    secret_command: str | None = None

    @property
    def where(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All hops of one way.

    Attributes:
        name: What wealist.yaml calls it.
        vantage: Where the network hops were looked at from: `here`, or what `--from` named.
    """

    name: str
    kind: str
    vantage: str
    hops: tuple[Hop, ...]

    @property
    def broken(self) -> Hop | None:
        """The hop at which the way ends; there is one at most."""
        return next((hop for hop in self.hops if hop.is_broken), None)

    @property
    def exit_code(self) -> int:
        if self.broken is None:
            return 0
        return SecretError.exit_code if self.broken.id == SECRET else WealistError.exit_code

    @property
    def verdict(self) -> str:
        """One line: the broken hop, what was seen there and where Terraform has it, or how much is known to hold."""
        if self.broken is not None:
            where = f" ({self.broken.address})" if self.broken.address else ""
            return f"{self.name} is broken at {self.broken.id}: {self.broken.seen}{where}"
        counts = {outcome: sum(hop.outcome is outcome for hop in self.hops) for outcome in HopOutcome}
        parts = [f"{counts[HopOutcome.OK]} of {len(self.hops)} hops hold"]
        parts += [f"{counts[o]} {o}" for o in (HopOutcome.SKIPPED, HopOutcome.UNDETERMINED) if counts[o]]
        return f"{self.name}: nothing is broken; {', '.join(parts)}"

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": self.kind,
            "from": self.vantage,
            "broken": self.broken and self.broken.id,
            "verdict": self.verdict,
            "hops": [hop.to_json() for hop in self.hops],
        }


def walk(
    steps: Iterable[tuple[str, Callable[[str], Hop]]], *, on_hop: Callable[[Hop], None] | None = None
) -> tuple[Hop, ...]:
    """Take the steps in order; behind the first that is broken nothing is looked at any more.

    Args:
        steps: Each with its hop's id, which it is called with.
        on_hop: Told of each hop as it is known.
    """
    hops: list[Hop] = []
    is_broken = False
    for id_, look in steps:
        hop = skipped(id_, AFTER_BROKEN) if is_broken else look(id_)
        is_broken = is_broken or hop.is_broken
        hops.append(hop)
        if on_hop is not None:
            on_hop(hop)
    return tuple(hops)
