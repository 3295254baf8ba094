"""A state lock, as Terraform itself describes it in the lock table or the `.tflock` object."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from orchestrator.moment import utc_and_ago


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Who holds a state.

    Attributes:
        id: The lock's own id, which `terraform force-unlock` takes.
        holder: `user@host`, as Terraform wrote it.
        operation: `OperationTypePlan`, `OperationTypeApply`, ...
        terraform_version: What took it; `wealist 0.2.0` where that was wealist itself.
        created: When it was taken, by the holder's clock.
        where: The table or object that it was read from.
        note: What the holder wrote beside it; Terraform leaves it empty.
        text: What stands there, to the letter: a lock with another text is another lock.
        etag, version_id: Of a `.tflock` object; a bucket that keeps no versions gives no version.
    """

    id: str
    holder: str
    operation: str
    terraform_version: str
    created: datetime | None
    where: str
    note: str = ""
    text: str = field(default="", repr=False)
    etag: str | None = None
    version_id: str | None = None

    @classmethod
    def from_json(cls, text: str, *, where: str, etag: str | None = None, version_id: str | None = None) -> Lock:
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
            note=str(info.get("Info") or ""),
            text=text,
            etag=etag,
            version_id=version_id,
        )

    @property
    def verb(self) -> str:
        """`OperationTypeApply` -> `apply`."""
        return self.operation.removeprefix("OperationType").lower()

    @property
    def program(self) -> str:
        """`Terraform 1.11.4`, or `wealist 0.2.0`."""
        version = self.terraform_version
        return f"Terraform {version}" if version[:1].isdigit() else version

    @property
    def host(self) -> str:
        """The holder's machine; empty where the holder is not written as Terraform writes one."""
        return self.holder.rpartition("@")[2] if "@" in self.holder else ""

    def describe(self, *, now: datetime | None = None) -> str:
        """One line: who, doing what, since when."""
        if self.created is None:
            return f"{self.holder} ({self.verb})"
        return f"{self.holder} ({self.verb}, since {utc_and_ago(self.created, now=now)})"

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "holder": self.holder,
            "operation": self.verb,
            "version": self.terraform_version,
            "created": self.created.isoformat() if self.created else None,
            "where": self.where,
        }


def _time(text: str) -> datetime | None:
    # Go writes nanoseconds; datetime reads microseconds.
    head, dot, tail = text.rstrip("Z").partition(".")
    try:
        return datetime.fromisoformat(f"{head}{dot}{tail[:6]}").replace(tzinfo=UTC)
    except ValueError:
        return None
