"""The provider configurations of a plan: whose account everything in it is made in, modules from elsewhere included.

A constant is told; of any other expression only that it is there. Source: Terraform's "JSON Output Format", Configuration
Representation. What a `dynamic` block makes does not stand there; `provider` reads the HCL for that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.layer import Provider

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The later of two that are there works on the credentials of the earlier.
ROLES = ("assume_role_with_web_identity", "assume_role")
# What decides whose credentials a provider works with.
IDENTITY = (
    *("profile", "access_key", "secret_key", "token", "shared_config_files", "shared_credentials_files"),
    *("assume_role", "assume_role_with_web_identity"),
)


def read_planned(data: Mapping[str, Any]) -> Iterator[Provider]:
    """Every provider configuration of `terraform show -json PLANFILE`."""
    for item in (data.get("configuration", {}).get("provider_config") or {}).values():
        expressions = item.get("expressions") or {}
        given = {name for name, expression in expressions.items() if not _is_null(expression)}
        role = _role(expressions)
        allowed = _constant(expressions.get("allowed_account_ids"))
        yield Provider(
            source=item.get("full_name") or item["name"],
            module=item.get("module_address") or "",
            alias=item.get("alias"),
            role_arn=role,
            elsewhere=None if role else next((name for name in IDENTITY if name in given), None),
            allowed_accounts=tuple(map(str, allowed)) if isinstance(allowed, list) and allowed else None,
            location=None,
        )


def _role(expressions: Mapping[str, Any]) -> str | None:
    for type_ in reversed(ROLES):
        found = expressions.get(type_)
        if isinstance(found, list) and found:
            role = _constant(found[-1].get("role_arn"))
            return role if isinstance(role, str) and role else None
        if isinstance(found, dict) and found:
            # A single object, as a nested attribute or as a block.
            whole = found.get("constant_value")
            role = whole.get("role_arn") if isinstance(whole, dict) else _constant(found.get("role_arn"))
            return role if isinstance(role, str) and role else None
    return None


def _constant(expression: Any) -> Any:
    return expression.get("constant_value") if isinstance(expression, dict) else None


def _is_null(expression: Any) -> bool:
    return isinstance(expression, dict) and "constant_value" in expression and expression["constant_value"] is None
