"""A state lock, as Terraform itself describes it in the lock table or the `.tflock` object.

Whoever may write there may write anything. A lock that can't be read still counts as one, can be shown and can be broken; and
what is shown of any keeps to its line.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchestrator import payload, printable
from orchestrator.moment import utc_and_ago

if TYPE_CHECKING:
    from collections.abc import Mapping

# An item of DynamoDB holds 400 kB; Terraform's own locks are a few hundred characters.
_LONGEST = 100_000
_LONGEST_FIELD = 200


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
        error: Why it can't be read as Terraform's; None where it can.
        attribute: What the lock table holds in place of a text, as DynamoDB writes it.
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
    error: str | None = None
    attribute: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)
    etag: str | None = None
    version_id: str | None = None

    @classmethod
    def from_json(
        cls,
        text: str,
        *,
        where: str,
        attribute: Mapping[str, Any] | None = None,
        etag: str | None = None,
        version_id: str | None = None,
    ) -> Lock:
        """Read Terraform's lock info; anything else in that place still counts as a lock."""
        info, error = _read(text)
        return cls(
            id=_field(info, "ID"),
            holder=_field(info, "Who"),
            operation=_field(info, "Operation"),
            terraform_version=_field(info, "Version"),
            created=_time(_field(info, "Created")),
            where=where,
            note=_field(info, "Info", default=""),
            text=text,
            error=error,
            attribute=attribute,
            etag=etag,
            version_id=version_id,
        )

    @classmethod
    def from_item(cls, item: Mapping[str, Any], *, where: str) -> Lock:
        """Read an item of the lock table, whose `Info` need not be text, nor be there."""
        attribute = item.get("Info")
        text = attribute.get("S") if isinstance(attribute, dict) else None
        if isinstance(text, str) and text:
            return cls.from_json(text, where=where)
        lock = cls.from_json("", where=where, attribute=attribute)
        return lock if text is not None or attribute is None else replace(lock, error="its Info is no text")

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
        if self.error is not None:
            return f"somebody unknown (the lock is unreadable: {self.error})"
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
            "error": self.error,
        }


def _read(text: str) -> tuple[dict[str, Any], str | None]:
    if not text:
        return {}, "nothing is in it"
    if len(text) > _LONGEST:
        return {}, "it is too long"
    try:
        info = payload.load(text)
    except payload.PayloadError as error:
        return {}, str(error)
    return (info, None) if isinstance(info, dict) else ({}, "it is no object of JSON")


def _field(info: Mapping[str, Any], name: str, *, default: str = "unknown") -> str:
    value = info.get(name)
    if not isinstance(value, str) or not value:
        return default
    shown = printable.line(value[:_LONGEST_FIELD])
    return f"{shown}…" if len(value) > _LONGEST_FIELD else shown


def _time(text: str) -> datetime | None:
    # Go writes nanoseconds; datetime reads microseconds.
    head, dot, tail = text.rstrip("Z").partition(".")
    try:
        moment = datetime.fromisoformat(f"{head}{dot}{tail[:6]}").replace(tzinfo=UTC)
    except ValueError:
        return None
    # Beyond these it is no clock's, and can't be reckoned with.
    return moment if 2000 <= moment.year < 9000 else None
