"""A layer's output values; a sensitive one shows only when it is asked for by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.redaction import MASK


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Output:
    """One output value, as Terraform's state or its event stream gives it.

    Attributes:
        value: Plain JSON data. For a sensitive output in an event stream it is None: Terraform leaves it out.
    """

    name: str
    value: Any
    is_sensitive: bool = False

    @property
    def shown(self) -> Any:
        """The value, or the mask where it is sensitive."""
        return MASK if self.is_sensitive else self.value

    def __repr__(self) -> str:
        return f"Output(name={self.name!r}, value={self.shown!r}, is_sensitive={self.is_sensitive})"

    @classmethod
    def from_json(cls, name: str, data: dict[str, Any]) -> Output:
        return cls(name=name, value=data.get("value"), is_sensitive=bool(data.get("sensitive")))
