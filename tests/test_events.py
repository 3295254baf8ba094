from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator import events
from tests.fakes import CANARY, recorded


def stream(name: str) -> list[events.Event]:
    found = (events.parse(line, layer="prod/foundation") for line in recorded(name).splitlines())
    return [event for event in found if event is not None]


def parse(**data: Any) -> events.Event | None:
    return events.parse(json.dumps(data))


def test_an_apply_is_told_resource_by_resource() -> None:
    told = [event for event in stream("apply-mixed.jsonl") if isinstance(event, events.ResourceEvent)]
    replaced = [(e.phase, e.action) for e in told if e.address == "terraform_data.replaced"]

    assert replaced == [("start", "delete"), ("complete", "delete"), ("start", "create"), ("complete", "create")]
    assert all(event.layer == "prod/foundation" for event in told)
    assert all(event.id for event in told if event.phase == "complete" and event.action == "create")


def test_a_failed_apply_names_resource_file_and_line() -> None:
    told = stream("apply-failed.jsonl")
    (diagnostic,) = [event for event in told if isinstance(event, events.Diagnostic)]

    assert [e.phase for e in told if isinstance(e, events.ResourceEvent)] == ["start", "errored"]
    assert diagnostic.is_error
    assert diagnostic.summary == "local-exec provisioner error"
    assert diagnostic.address == "terraform_data.failing"
    assert diagnostic.where == "main.tf:42"


def test_a_failed_plan_gives_its_diagnostic() -> None:
    (diagnostic,) = [event for event in stream("plan-failed.jsonl") if isinstance(event, events.Diagnostic)]

    assert (diagnostic.severity, diagnostic.summary) == ("error", "Resource precondition failed")
    assert diagnostic.detail == "The input is too short."


def test_terraforms_own_count_is_read() -> None:
    assert [event for event in stream("plan-mixed.jsonl") if isinstance(event, events.ChangeSummary)] == [
        events.ChangeSummary(layer="prod/foundation", operation="plan", added=2, changed=2, removed=2)
    ]
    assert [event for event in stream("apply-create.jsonl") if isinstance(event, events.ChangeSummary)] == [
        events.ChangeSummary(layer="prod/foundation", operation="apply", added=6, changed=0, removed=0)
    ]


def test_outputs_come_without_sensitive_values() -> None:
    (known,) = [event for event in stream("apply-create.jsonl") if isinstance(event, events.OutputsKnown)]

    assert {output.name: output.shown for output in known.outputs} == {
        "endpoint": "stays",
        "password": "(redacted)",
        "ports": [5432, 6379],
    }
    assert CANARY not in repr(known)


def test_progress_carries_the_seconds() -> None:
    hook = {"resource": {"addr": "aws_db_instance.this"}, "action": "create", "elapsed_seconds": 10}

    assert parse(type="apply_progress", hook=hook) == events.ResourceEvent(
        phase="progress", address="aws_db_instance.this", action="create", elapsed=10.0
    )


@pytest.mark.parametrize(
    "line",
    ["", "\n", "Terraform will perform", "[]", "null", "3", '"text"', "{}", '{"type": "version"}', '{"type": null}'],
)
def test_lines_of_no_use_are_nothing(line: str) -> None:
    assert events.parse(line) is None


@pytest.mark.parametrize(
    "data",
    [
        {"type": "apply_start"},
        {"type": "apply_start", "hook": "text"},
        {"type": "apply_teleported", "hook": {}},
        {"type": "refresh_start", "hook": {"resource": {"addr": "a"}}},
        {"type": "ephemeral_op_start", "hook": {"resource": {"addr": "a"}}},
        {"type": "provision_start", "hook": {"resource": {"addr": "a"}}},
        {"type": "planned_change", "change": {}},
    ],
)
def test_kinds_that_wealist_has_no_use_for_are_nothing(data: dict[str, Any]) -> None:
    assert parse(**data) is None


def test_a_warning_is_no_error_and_may_have_no_source() -> None:
    found = parse(type="diagnostic", diagnostic={"severity": "warning", "summary": "Deprecated", "range": None})

    assert isinstance(found, events.Diagnostic)
    assert not found.is_error
    assert (found.where, found.line, found.address) == ("", 0, "")


def test_a_quoted_piece_of_source_is_taken_out() -> None:
    """Terraform quotes the line that it complains of, and that may be a line of variables."""
    line = json.dumps({"type": "diagnostic", "diagnostic": {"summary": "s", "snippet": {"code": "pw = hunter2"}}})

    assert "hunter2" not in events.without_source(line)
    assert json.loads(events.without_source(line))["diagnostic"] == {"summary": "s"}
    assert events.without_source('no json with "snippet" in it') == 'no json with "snippet" in it'


@pytest.mark.parametrize(
    ("filename", "where"),
    [
        ("../runs/r1/volatile/prod--db/set.tfvars", "--set"),
        ("../runs/r1/volatile/prod--db/piped-0.tfvars.json", "--var-file"),
        ("main.tf", "main.tf:3"),
    ],
)
def test_a_file_that_nobody_wrote_is_named_by_its_option(filename: str, where: str) -> None:
    assert events.Diagnostic(severity="error", summary="x", filename=filename, line=3).where == where
