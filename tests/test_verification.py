"""Layers held against their contracts: live, by a plan, and on the way to an apply."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import events
from orchestrator.errors import ConfigError, RunError, UsageError
from orchestrator.judgement import Status
from orchestrator.report import Outcome
from orchestrator.run import RunOptions
from tests.estate import BUCKET, Store, state_text
from tests.fakes import PLAN_FILE, Reply
from tests.plans import change, plan_json, script
from tests.test_engine import engine, yes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.discovery import Estate
    from orchestrator.judgement import Verdict
    from tests.fakes import FakeRunner

DATABASE = "aws_db_instance.this"
CONTRACT = """\
version: 1
specification: README.md
facts:
  bucket: { ask: s3api get-bucket-versioning, with: { Bucket: { query: backend.bucket } } }
rows:
  - id: db.class
    section: Database
    statement: The database is small
    query: "aws_db_instance[0].instance_class"
    expect: small
    may_change: { by: name, to: var.name }
  - id: bucket.versions
    section: State
    statement: The bucket keeps versions
    query: aws.bucket.Status
    expect: Enabled
"""


@pytest.fixture
def contract(estate: Estate) -> Path:
    path = estate.root / "terraform" / "prod" / "foundation" / "contract.yaml"
    path.write_text(CONTRACT)
    return path


def planned(size: str, *, was: str = "small", **variables: Any) -> dict[str, Any]:
    before, after = {"instance_class": was}, {"instance_class": size}
    plan = plan_json(change(DATABASE, "update" if was != size else "no-op", before, after))
    resource = {"address": DATABASE, "mode": "managed", "type": "aws_db_instance", "values": before}
    plan["prior_state"] = {"values": {"root_module": {"resources": [resource]}}}
    plan["variables"] = {name: {"value": value} for name, value in variables.items()}
    return plan


def unchanged(runner: FakeRunner, plan: Mapping[str, Any]) -> None:
    """A plan that finds nothing to change, and can still be looked at."""
    runner.answer("plan", Reply(plan_file=PLAN_FILE)).answer("show", Reply(stdout=json.dumps(plan)))


def verdicts(seen: list[events.Event]) -> dict[str, Verdict]:
    (event,) = [event for event in seen if isinstance(event, events.Verified)]
    return {verdict.row.id: verdict for verdict in event.verdicts}


@pytest.mark.usefixtures("contract")
def test_a_live_layer_is_judged_by_its_state_and_by_aws(estate: Estate, store: Store, runner: FakeRunner) -> None:
    store.put_state(state_text(outputs={"a": "b"}))
    unchanged(runner, planned("small"))
    seen = list[events.Event]()

    report = engine(estate, runner, on_event=seen.append).verify(["foundation"])

    assert [result.outcome for result in report.results] == [Outcome.VERIFIED]
    assert {id_: verdict.status for id_, verdict in verdicts(seen).items()} == {
        "db.class": Status.HOLDS,
        "bucket.versions": Status.HOLDS,
    }
    assert "-refresh-only" in runner.last("plan").argv
    assert "apply" not in runner.started
    told = report.results[0].to_json()["contract"]
    assert [row["status"] for row in told] == ["holds", "holds"]


@pytest.mark.usefixtures("contract")
def test_a_broken_row_ends_with_13_and_says_where_it_stands(estate: Estate, store: Store, runner: FakeRunner) -> None:
    store.put_state(state_text(outputs={"a": "b"}))
    store.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    unchanged(runner, planned("large", was="large"))

    with pytest.raises(RunError) as caught:
        engine(estate, runner).verify([])

    assert caught.value.exit_code == 13
    assert (
        caught.value.message
        == 'prod/foundation: db.class is broken, The database is small: expected "small", and it is "large" (and 1 more)'
    )
    assert "terraform/prod/foundation/contract.yaml:6" in str(caught.value.hint)


@pytest.mark.usefixtures("contract")
def test_a_row_that_can_not_be_checked_is_no_success(
    estate: Estate, store: Store, runner: FakeRunner, contract: Path
) -> None:
    contract.write_text(CONTRACT.replace("get-bucket-versioning", "get-bucket-wishes"))
    store.put_state(state_text(outputs={"a": "b"}))
    unchanged(runner, planned("small"))

    with pytest.raises(RunError) as caught:
        engine(estate, runner).verify(["foundation"])

    assert caught.value.exit_code == 1
    assert "1 row could not be checked: aws s3api get-bucket-wishes: there is no such call" in caught.value.message


@pytest.mark.usefixtures("contract", "store")
def test_a_plan_that_can_not_be_judged_whole_is_not_held_to_a_contract(estate: Estate, runner: FakeRunner) -> None:
    script(runner, {**planned("small"), "deferred_changes": [{"reason": "provider_config_unknown"}]})

    with pytest.raises(RunError) as caught:
        engine(estate, runner).verify(["foundation"], planned=True)

    assert caught.value.exit_code == 13
    assert caught.value.message.startswith("prod/foundation: deferred_changes of the plan is not empty (1 entry)")


@pytest.mark.usefixtures("contract", "store")
def test_what_was_never_applied_can_be_judged_by_a_plan_only(estate: Estate, runner: FakeRunner) -> None:
    with pytest.raises(RunError) as caught:
        engine(estate, runner).verify(["foundation"])
    assert caught.value.message == "prod/foundation is not applied, so there is nothing live to verify"
    assert caught.value.hint == "wealist verify prod/foundation --plan"

    script(runner, planned("small"))
    seen = list[events.Event]()
    engine(estate, runner, on_event=seen.append).verify(["foundation"], planned=True)
    assert {id_: verdict.status for id_, verdict in verdicts(seen).items()} == {
        "db.class": Status.HOLDS,
        "bucket.versions": Status.NOT_APPLICABLE,
    }


@pytest.mark.usefixtures("store")
def test_a_layer_without_a_contract_is_refused_before_terraform(estate: Estate, runner: FakeRunner) -> None:
    with pytest.raises(UsageError, match="prod/foundation has no contract"):
        engine(estate, runner).verify(["foundation"])
    with pytest.raises(UsageError, match="no layer has a contract"):
        engine(estate, runner).verify([])
    assert runner.commands == []


@pytest.mark.usefixtures("store")
def test_a_contract_that_can_not_be_read_is_refused_before_terraform(
    estate: Estate, runner: FakeRunner, contract: Path
) -> None:
    contract.write_text(CONTRACT.replace("expect: small", "expekt: small"))
    for run in ("up", "plan", "verify"):
        more = {"confirm": yes} if run == "up" else {}
        with pytest.raises(ConfigError, match=r"contract\.yaml:10: rows\.0\.expekt: unknown key"):
            getattr(engine(estate, runner), run)(["foundation"], **more)
    assert runner.started == []


@pytest.mark.usefixtures("contract", "store")
def test_up_stops_on_a_plan_that_breaks_a_row(estate: Estate, runner: FakeRunner) -> None:
    script(runner, planned("large"))
    seen = list[events.Event]()

    with pytest.raises(RunError) as caught:
        engine(estate, runner, on_event=seen.append).up(["foundation"], confirm=yes)

    assert caught.value.exit_code == 13
    assert "apply" not in runner.started
    (ready,) = [event for event in seen if isinstance(event, events.PlanReady)]
    (finding,) = ready.findings
    assert (finding.id, finding.subject, finding.is_error) == ("contract.broken", "db.class", True)
    assert finding.seen == 'The database is small: expected "small", and it is "large"'
    assert finding.remedy == (
        "--accept-contract-change 'prod/foundation:db.class' lets it pass once; "
        "for good, change terraform/prod/foundation/contract.yaml:6"
    )


@pytest.mark.usefixtures("contract", "store")
@pytest.mark.parametrize("given", ["db.class", "foundation:db.class"])
def test_a_row_that_was_accepted_is_a_warning(estate: Estate, runner: FakeRunner, given: str) -> None:
    script(runner, planned("large"))
    seen = list[events.Event]()

    report = engine(estate, runner, on_event=seen.append).up(
        ["foundation"], RunOptions(accept_contract=(given, "db.size")), confirm=yes
    )

    assert report.results[0].outcome is Outcome.APPLIED
    assert [(finding.id, finding.is_error) for finding in report.results[0].findings] == [("contract.accepted", False)]
    notices = [event.text for event in seen if isinstance(event, events.Notice)]
    assert "--accept-contract-change db.size: the contract of prod/foundation has no such row" in notices


@pytest.mark.usefixtures("contract", "store")
def test_a_plan_shows_the_row_that_it_would_break(estate: Estate, runner: FakeRunner) -> None:
    script(runner, planned("large"))
    report = engine(estate, runner).plan(["foundation"])
    assert [finding.id for finding in report.results[0].findings] == ["contract.broken"]


@pytest.mark.usefixtures("contract", "store")
def test_scaling_up_by_the_named_variable_breaks_nothing(estate: Estate, runner: FakeRunner) -> None:
    script(runner, planned("large", name="large"))
    report = engine(estate, runner).up(["foundation"], confirm=yes)
    assert report.results[0].findings == ()


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(("kind", "given", "value"), [("bool", "true", True), ("number", "2", 2), ("string", "2", "2")])
def test_a_value_from_the_command_line_has_its_variables_type(
    estate: Estate, runner: FakeRunner, contract: Path, kind: str, given: str, value: Any
) -> None:
    contract.write_text(
        CONTRACT.replace("query: aws.bucket.Status", "query: var.scale")
        .replace("facts:", "")
        .replace("  bucket: { ask: s3api get-bucket-versioning, with: { Bucket: { query: backend.bucket } } }\n", "")
    )
    (contract.parent / "scale.tf").write_text(f'variable "scale" {{\n  type = {kind}\n}}\n')
    script(runner, planned("small", was="large", scale=given))
    seen = list[events.Event]()
    with pytest.raises(RunError):
        engine(estate, runner, on_event=seen.append).verify(["foundation"], planned=True)
    assert verdicts(seen)["bucket.versions"].seen == value


@pytest.mark.usefixtures("contract", "store")
def test_a_rotation_does_not_wait_for_a_row_that_was_broken_before_it(estate: Estate, runner: FakeRunner) -> None:
    """Its plan may change nothing but a token, and a token that leaked has to go tonight."""
    script(runner, planned("large", was="large"))

    report = engine(estate, runner).rotate("foundation", RunOptions(), secret="db-password", confirm=yes)

    assert report.results[0].outcome is Outcome.APPLIED
