"""Plans made for a test, where a recorded one has not what it is about: `terraform show -json`, and answers with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from orchestrator.plan import Plan
from tests.fakes import PLAN_FILE, Reply

if TYPE_CHECKING:
    from tests.fakes import FakeRunner


def change(address: str, action: str, before: Any = None, after: Any = None, **more: Any) -> dict[str, Any]:
    """One resource's entry; a replacement is written as `replace`."""
    actions = ["delete", "create"] if action == "replace" else [action]
    _, type_, name = f".{address.partition('[')[0]}".rsplit(".", 2)
    entry = {"address": address, "type": type_, "name": name, "mode": "managed"}
    return {**entry, "change": {"actions": actions, "before": before, "after": after, **more}}


def plan_json(
    *changes: dict[str, Any], outputs: dict[str, str] | None = None, drift: tuple[dict[str, Any], ...] = ()
) -> dict[str, Any]:
    """A whole plan; outputs by name with their action."""
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "resource_changes": list(changes),
        "resource_drift": list(drift),
        "output_changes": {name: {"actions": [action]} for name, action in (outputs or {}).items()},
    }


def plan(*changes: dict[str, Any], **more: Any) -> Plan:
    return Plan.from_json(plan_json(*changes, **more), digest="sha256:00")


def script(runner: FakeRunner, *plans: dict[str, Any] | None) -> None:
    """Let the plans of a runner be these, one after the other; None is one without changes."""
    runner.answer(
        "plan",
        *(Reply() if made is None else Reply(returncode=2, plan_file=PLAN_FILE) for made in plans),
    )
    shown = [Reply(stdout=json.dumps(made)) for made in plans if made is not None]
    if shown:
        runner.answer("show", *shown)
