"""A finding: one thing that a check looked at, what it saw, and the command that mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How much a finding matters: `error` stops the run, `warning` is shown, `ok` is counted."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check.

    Attributes:
        id: Stable, for scripts: `state-bucket.missing`. The part before the dot names the check.
        subject: What was looked at: a bucket, a table, the identity.
        seen: What was there, in one line.
        remedy: The exact command, or failing one the exact step, that mends it.
    """

    id: str
    severity: Severity
    subject: str
    seen: str
    remedy: str | None = None

    @property
    def is_ok(self) -> bool:
        return self.severity is Severity.OK

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "severity": str(self.severity),
            "subject": self.subject,
            "seen": self.seen,
            "remedy": self.remedy,
        }
