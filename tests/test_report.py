from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from orchestrator.errors import CommandError, GuardError, LayerOrderError
from orchestrator.outputs import Output
from orchestrator.plan import Plan
from orchestrator.report import LayerResult, Outcome, RunReport
from tests.fakes import CANARY, recorded_json

PLAN = Plan.from_json(recorded_json("plan-mixed.json"), digest="sha256:abc")


def result(outcome: Outcome, **more: object) -> LayerResult:
    return LayerResult(**{"layer": "prod/foundation", "outcome": outcome, "seconds": 1.23456, **more})  # type: ignore[arg-type]


def report(*results: LayerResult) -> RunReport:
    return RunReport(
        run_id="20260102T030405Z-1a2b3c",
        command="up",
        target="aws",
        started=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
        seconds=9.87654,
        results=results,
    )


def test_a_report_is_plain_data() -> None:
    outputs = (Output(name="endpoint", value="db.local"), Output(name="password", value=CANARY, is_sensitive=True))
    applied = result(Outcome.APPLIED, plan=PLAN, serial_before=7, serial_after=9, outputs=outputs)

    data = report(applied).to_json()

    assert json.loads(json.dumps(data)) == data
    assert {name: value for name, value in data.items() if name != "results"} == {
        "schema": 1,
        "run_id": "20260102T030405Z-1a2b3c",
        "command": "up",
        "target": "aws",
        "started": "2026-01-02T03:04:05+00:00",
        "seconds": 9.877,
        "exit_code": 0,
    }
    (layer,) = data["results"]
    assert layer["layer"] == "prod/foundation"
    assert layer["outcome"] == "applied"
    assert layer["plan_digest"] == "sha256:abc"
    assert layer["counts"] == {"create": 1, "delete": 1, "replace": 1, "update": 2}
    assert (layer["serial_before"], layer["serial_after"]) == (7, 9)
    assert layer["outputs"] == {"endpoint": "db.local", "password": "(redacted)"}
    changes = {change["address"]: change for change in layer["changes"]}
    assert (changes["terraform_data.created"]["action"], changes["terraform_data.created"]["attributes"]) == (
        "create",
        [],
    )
    assert changes["terraform_data.updated"]["attributes"][0]["path"].startswith("input.")
    assert layer["error"] is None
    assert CANARY not in json.dumps(data)


def test_an_error_is_in_the_report_with_its_hint() -> None:
    failed = result(Outcome.FAILED, error=GuardError("no", hint="do that"))

    assert failed.summary()["error"] == {"message": "no", "hint": "do that"}


@pytest.mark.parametrize(
    ("outcome", "is_failure"),
    [
        (Outcome.NO_CHANGES, False),
        (Outcome.PLANNED, False),
        (Outcome.APPLIED, False),
        (Outcome.DECLINED, False),
        (Outcome.FAILED, True),
        (Outcome.INTERRUPTED, True),
        (Outcome.SKIPPED, True),
    ],
)
def test_which_outcomes_are_failures(outcome: Outcome, *, is_failure: bool) -> None:
    assert outcome.is_failure is is_failure


def test_error_beats_changes_beats_clean() -> None:
    clean = result(Outcome.NO_CHANGES)
    planned = result(Outcome.PLANNED, plan=PLAN)
    failed = result(Outcome.FAILED, error=CommandError("no", argv=["terraform"], returncode=1))
    skipped = result(Outcome.SKIPPED, error=LayerOrderError("skipped"))

    assert (report(clean).exit_code, report(clean).has_changes) == (0, False)
    assert (report(clean, planned).exit_code, report(clean, planned).has_changes) == (0, True)
    assert report(planned, failed, skipped).exit_code == 1


def test_the_first_layer_that_failed_decides() -> None:
    guarded = result(Outcome.FAILED, error=GuardError("no"))
    skipped = result(Outcome.SKIPPED, error=LayerOrderError("skipped"))

    assert report(guarded, skipped).exit_code == 13
    assert report(result(Outcome.FAILED)).exit_code == 1


def test_a_plan_that_was_turned_down_is_no_success() -> None:
    assert report(result(Outcome.DECLINED, plan=PLAN)).exit_code == 1
