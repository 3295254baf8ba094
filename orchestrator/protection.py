"""What AWS refuses to delete as it stands, told by a resource's attributes in the AWS provider."""

from __future__ import annotations

from typing import Any

# On whatever resource, where it is true.
_NAMES = ("deletion_protection", "deletion_protection_enabled", "enable_deletion_protection")
# On one type only, at this value.
_OF_TYPE: dict[str, dict[str, Any]] = {
    "aws_cognito_user_pool": {"deletion_protection": "ACTIVE"},
    "aws_instance": {"disable_api_termination": True},
}


def is_deletion_protected(type_: str, values: Any) -> bool:
    """Whether a resource of this type with these attributes is protected against deletion."""
    if not isinstance(values, dict):
        return False
    if type_ == "aws_instance" and values.get("force_destroy") is True:
        # The provider then turns it off by itself.
        return False
    own = _OF_TYPE.get(type_, {})
    return any(values.get(name) is True for name in _NAMES) or any(values.get(name) == on for name, on in own.items())
