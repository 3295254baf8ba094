"""A state lock, as Terraform itself describes it in the lock table or the `.tflock` object."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Who holds a state.

    Attributes:
        id: The lock's own id, which `terraform force-unlock` takes.
        holder: `user@host`, as Terraform wrote it.
        operation: `OperationTypePlan`, `OperationTypeApply`, ...
        created: When it was taken, by the holder's clock.
        where: The table or object that it was read from.
    """

    id: str
    holder: str
    operation: str
    terraform_version: str
    created: datetime | None
    where: str

    @classmethod
    def from_json(cls, text: str, *, where: str) -> Lock:
        """Read Terraform's lock info; anything else in that place still counts as a lock."""
        try:
            info = json.loads(text)
        except ValueError:
            info = {}
        if not isinstance(info, dict):
            info = {}
        return cls(
            id=str(info.get("ID", "unknown")),
            holder=str(info.get("Who", "unknown")),
            operation=str(info.get("Operation", "unknown")),
            terraform_version=str(info.get("Version", "unknown")),
            created=_time(str(info.get("Created", ""))),
            where=where,
        )

    @property
    def verb(self) -> str:
        """`OperationTypeApply` -> `apply`."""
        return self.operation.removeprefix("OperationType").lower()

    def describe(self, *, now: datetime | None = None) -> str:
        """One line: who, doing what, since when."""
        if self.created is None:
            return f"{self.holder} ({self.verb})"
        # The holder's clock may be ahead of ours.
        age = max(int(((now or datetime.now(UTC)) - self.created).total_seconds()), 0)
        hours, minutes = divmod(age // 60, 60)
        ago = f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{age} s"
        return f"{self.holder} ({self.verb}, since {self.created:%Y-%m-%d %H:%M:%S} UTC, {ago} ago)"


def _time(text: str) -> datetime | None:
    # Go writes nanoseconds; datetime reads microseconds.
    head, dot, tail = text.rstrip("Z").partition(".")
    try:
        return datetime.fromisoformat(f"{head}{dot}{tail[:6]}").replace(tzinfo=UTC)
    except ValueError:
        return None
