"""S3: bucket policies whose statements hold on a condition."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

from orchestrator.sandbox.extensions.patch import extend

if TYPE_CHECKING:
    from collections.abc import Mapping

# The sandbox is reached over loopback alone, which stands for the encrypted way into AWS.
_SECURE_TRANSPORT = ("aws:securetransport", "true")


def get_permission(self: FakeBucket, action: str, resource: str) -> Any:
    """The bucket policy's say in GetObject, PutObject and the like: moto ignores `Condition`.

    So the usual statement that denies plain HTTP (`"Bool": {"aws:SecureTransport": "false"}`) would
    deny everything. AWS applies a statement only where all of its conditions are met. Of a condition on
    anything else nothing is known here: such a statement denies, as in moto, but never allows.
    """
    if self.policy is None:
        return PermissionResult.NEUTRAL
    statements = json.loads(self.policy)["Statement"]
    applied = []
    for statement in statements if isinstance(statements, list) else [statements]:
        is_met = _is_met(statement.get("Condition") or {})
        if is_met or (is_met is None and statement["Effect"] == "Deny"):
            applied.append({name: value for name, value in statement.items() if name != "Condition"})
    return IAMPolicy(json.dumps({"Statement": applied})).is_action_permitted(action, resource)


def install() -> None:
    extend(FakeBucket, get_permission)


def _is_met(condition: Mapping[str, Mapping[str, Any]]) -> bool | None:
    """Whether all of a statement's conditions hold; None where that depends on what isn't known."""
    key, actual = _SECURE_TRANSPORT
    is_known = True
    for operator, tests in condition.items():
        for name, expected in tests.items():
            if operator not in ("Bool", "BoolIfExists") or name.lower() != key:
                is_known = False
                continue
            values = expected if isinstance(expected, list) else [expected]
            if actual not in [str(value).lower() for value in values]:
                return False
    return True if is_known else None
