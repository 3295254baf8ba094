"""Updates: how AWS makes every change of a cluster, a node group or an add-on.

The call answers with an update in progress and the client asks until it has succeeded. Here it has, at
once. moto has no look-up of updates, so a client would wait in vain.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.eks.responses import EKSResponse
from moto.moto_api._internal import mock_random

from orchestrator.sandbox.extensions.eks.holding import find_cluster, holding_of, not_found, one_page
from orchestrator.sandbox.extensions.patch import extend

if TYPE_CHECKING:
    from moto.eks.models import Cluster

    from orchestrator.sandbox.extensions.eks.holding import Document

_SUBJECTS = ("nodegroupName", "addonName")


def record_update(cluster: Cluster, kind: str, subject: dict[str, str] | None = None, **params: Any) -> ActionResult:
    """Note a change that was made; `params` are what was asked, `subject` is whose it is, if not the cluster's.

    It is the answer to the call as well.
    """
    update: Document = {
        "id": str(mock_random.uuid4()),
        "status": "Successful",
        "type": kind,
        "params": [
            {"type": name, "value": value if isinstance(value, str) else json.dumps(value)}
            for name, value in params.items()
            if value is not None
        ],
        "createdAt": utcnow(),
        "errors": [],
    }
    holding_of(cluster).updates[update["id"]] = {"update": update, "subject": subject or {}}
    return ActionResult({"update": update})


def describe_update(self: EKSResponse) -> ActionResult:
    """DescribeUpdate: missing in moto. An update is found under the node group or add-on that it is of."""
    cluster = find_cluster(self)
    update_id: str = self.uri_match["updateId"]
    found = holding_of(cluster).updates.get(update_id)
    if found is None or found["subject"] != _subject(self):
        raise not_found(f"No update found for ID: {update_id}")
    return ActionResult({"update": found["update"]})


def list_updates(self: EKSResponse) -> ActionResult:
    """ListUpdates: missing in moto."""
    updates = holding_of(find_cluster(self)).updates
    subject = _subject(self)
    ids, token = one_page(self, [update_id for update_id, kept in updates.items() if kept["subject"] == subject])
    return ActionResult({"updateIds": ids, "nextToken": token})


def install() -> None:
    extend(EKSResponse, describe_update, list_updates)


def _subject(response: EKSResponse) -> dict[str, str]:
    asked = {name: response._get_param(name) for name in _SUBJECTS}
    return {name: value for name, value in asked.items() if value}
