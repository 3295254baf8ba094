"""Planning, bringing up, looking for drift: what each does, what stops it, and what it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import events
from orchestrator.errors import GuardError, LayerOrderError, RunError
from orchestrator.report import Outcome
from orchestrator.run import RunOptions
from tests.estate import KEY, Store, backend_block, remote_state, state_text, write_layer
from tests.fakes import Reply, recorded
from tests.plans import change, plan_json, script
from tests.test_engine import engine, folders, yes

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.discovery import Estate
    from orchestrator.finding import Finding
    from orchestrator.layer import Layer
    from orchestrator.report import RunReport
    from orchestrator.run import Proposal
    from tests.fakes import FakeRunner

DATABASE = "aws_db_instance.this"
DIES = plan_json(change(DATABASE, "delete", {}))
FORGETS = plan_json(change(DATABASE, "forget", {}))
WITHOUT_DANGER = plan_json(change("aws_iam_role.this", "update", {"a": 1}, {"a": 2}))
WEAKER = plan_json(change(DATABASE, "update", {"deletion_protection": True}, {"deletion_protection": False}))
READS = "locals {\n  vpc = data.terraform_remote_state.other.outputs.vpc_id\n}\n"


class Asked:
    """Whoever confirms: remembers what they were asked, and gives one answer."""

    def __init__(self, *, answer: bool = True) -> None:
        self.answer = answer
        self.about: list[tuple[str, tuple[str, ...]]] = []

    def __call__(self, proposal: Proposal) -> bool:
        found = tuple(f"{finding.subject} {finding.seen}" for finding in proposal.findings)
        self.about.append((proposal.layer.id, found))
        return self.answer


@pytest.fixture
def compute(estate: Estate) -> Path:
    """Compute reads the id of a VPC from foundation."""
    text = backend_block("prod/compute/terraform.tfstate") + remote_state(KEY) + READS
    return write_layer(estate.root, "prod/compute", text)


def put_vpc(store: Store, serial: int = 7, **outputs: Any) -> None:
    store.put_state(state_text(serial=serial, outputs=outputs or {"vpc_id": "vpc-1"}))


def outcomes(report: RunReport) -> list[Outcome]:
    return [result.outcome for result in report.results]


def stopped(estate: Estate, runner: FakeRunner, command: str, *names: str, **more: Any) -> RunReport:
    """A run that does not end well."""
    with pytest.raises(RunError) as caught:
        getattr(engine(estate, runner), command)(list(names), **more)
    return caught.value.report


# what would be destroyed


def test_a_plan_that_destroys_data_is_shown_and_not_applied(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, DIES)
    asked, seen = Asked(), list[events.Event]()

    with pytest.raises(RunError) as caught:
        engine(estate, runner, on_event=seen.append).up(["foundation"], confirm=asked)

    (result,) = caught.value.report.results
    assert (result.outcome, caught.value.exit_code) == (Outcome.BLOCKED, 13)
    assert caught.value.message == f"prod/foundation: {DATABASE} holds data, and would be destroyed"
    assert caught.value.hint == f"--allow-destroy 'prod/foundation:{DATABASE}', if that is what you want"
    assert isinstance(result.error, GuardError)
    assert asked.about == []
    assert "apply" not in runner.started
    (ready,) = [event for event in seen if isinstance(event, events.PlanReady)]
    assert [finding.id for finding in ready.findings] == ["guard.destroy"]
    assert caught.value.report.to_json()["results"][0]["findings"][0]["subject"] == DATABASE


def test_more_than_one_is_counted(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, plan_json(*(change(f"aws_s3_bucket.this[{n}]", "delete", {}) for n in range(3))))

    report = stopped(estate, runner, "up", "foundation", confirm=yes)

    assert report.results[0].error is not None
    assert report.results[0].error.message == (
        "prod/foundation: aws_s3_bucket.this[0] holds data, and would be destroyed (and 2 more)"
    )


def test_what_is_allowed_to_go_goes_once_it_is_confirmed(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, DIES)
    asked = Asked()

    report = engine(estate, runner).up(["foundation"], RunOptions(allow_destroy=(DATABASE,)), confirm=asked)

    assert outcomes(report) == [Outcome.APPLIED]
    assert asked.about == [("prod/foundation", ())]


def test_an_address_that_is_allowed_and_stays_is_mentioned(estate: Estate, store: Store, runner: FakeRunner) -> None:
    seen: list[events.Event] = []
    options = RunOptions(allow_destroy=("aws_db_instance.that",))

    engine(estate, runner, on_event=seen.append).plan(["foundation"], options)

    assert [event.text for event in seen if isinstance(event, events.Notice)] == [
        "--allow-destroy aws_db_instance.that: the plan of prod/foundation does not destroy it"
    ]


def test_a_plan_alone_says_what_would_stop_it_and_is_no_failure(
    estate: Estate, store: Store, runner: FakeRunner
) -> None:
    script(runner, plan_json(*DIES["resource_changes"], *WEAKER["resource_changes"]))

    (result,) = engine(estate, runner).plan(["foundation"]).results

    assert result.outcome is Outcome.PLANNED
    assert [finding.id for finding in result.findings] == ["guard.destroy", "guard.weaken"]


def test_a_target_with_nothing_to_change_may_be_a_misspelt_one(
    estate: Estate, store: Store, runner: FakeRunner
) -> None:
    store.put_state(recorded("state.json"))
    script(runner, None)
    seen: list[events.Event] = []

    report = engine(estate, runner, on_event=seen.append).plan(
        ["foundation"], RunOptions(targets=("terraform_data.kept",))
    )

    assert outcomes(report) == [Outcome.NO_CHANGES]
    (notice,) = [event.text for event in seen if isinstance(event, events.Notice)]
    assert notice.startswith("nothing to change in terraform_data.kept; ")


# what would be weakened


def test_a_weakening_is_handed_to_whoever_confirms(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, WEAKER)
    asked, weakened = Asked(), list[str]()

    def weaken(layer: Layer, finding: Finding) -> bool:
        assert asked.about == []
        weakened.append(f"{layer.id} {finding.subject}")
        return True

    report = engine(estate, runner).up(["foundation"], confirm=asked, confirm_weakening=weaken)

    assert weakened == [f"prod/foundation {DATABASE}"]
    assert asked.about == [("prod/foundation", (f"{DATABASE} would lose deletion protection (deletion_protection)",))]
    assert outcomes(report) == [Outcome.APPLIED]


def test_a_yes_to_the_plan_does_not_cover_a_weakening(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, WEAKER)
    asked = Asked()

    report = stopped(estate, runner, "up", "foundation", confirm=asked)

    assert (outcomes(report), report.exit_code, asked.about) == ([Outcome.BLOCKED], 13, [])
    error = report.results[0].error
    assert error is not None
    assert error.message == f"prod/foundation: {DATABASE} would lose deletion protection (deletion_protection)"
    assert error.hint == f"--allow-weaken 'prod/foundation:{DATABASE}', if that is what you want"


@pytest.mark.parametrize("hidden", ["sensitive", "unknown"])
def test_a_weakening_that_terraform_hides_is_blocked_as_well(
    hidden: str, estate: Estate, store: Store, runner: FakeRunner
) -> None:
    name, marks = "deletion_protection", {"deletion_protection": True}
    more = {"before_sensitive": marks, "after_sensitive": marks} if hidden == "sensitive" else {"after_unknown": marks}
    script(
        runner,
        plan_json(change(DATABASE, "update", {name: True}, {} if hidden == "unknown" else {name: False}, **more)),
    )

    assert outcomes(stopped(estate, runner, "up", "foundation", confirm=yes)) == [Outcome.BLOCKED]
    assert "apply" not in runner.started


def test_a_weakening_that_is_declined_is_not_applied(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, WEAKER)

    asked = Asked()

    report = engine(estate, runner).up(["foundation"], confirm=asked, confirm_weakening=lambda *_: False)

    assert (outcomes(report), asked.about) == ([Outcome.DECLINED], [])
    assert "apply" not in runner.started


def test_a_confirmation_that_refuses_a_weakening_blocks_the_layer(
    estate: Estate, store: Store, runner: FakeRunner
) -> None:
    script(runner, WEAKER)

    def refuse(*_: Any) -> bool:
        raise GuardError("not without the flag", hint="--allow-weaken")

    report = stopped(estate, runner, "up", "foundation", confirm=refuse)

    assert (outcomes(report), report.exit_code) == ([Outcome.BLOCKED], 13)
    assert "apply" not in runner.started


def test_a_weakening_that_is_allowed_is_not_asked_about(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, WEAKER)
    asked = Asked()

    report = engine(estate, runner).up(["foundation"], RunOptions(allow_weaken=(DATABASE,)), confirm=asked)

    assert asked.about == [("prod/foundation", ())]
    assert report.results[0].findings == ()


# forgetting


def test_what_is_stateful_is_not_forgotten_unasked(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, FORGETS)

    report = stopped(estate, runner, "up", "foundation", confirm=yes)

    assert (outcomes(report), report.exit_code) == ([Outcome.BLOCKED], 13)
    assert [finding.id for finding in report.results[0].findings] == ["guard.forget"]
    error = report.results[0].error
    assert error is not None
    assert error.hint == f"--allow-forget 'prod/foundation:{DATABASE}', if that is what you want"
    assert "apply" not in runner.started


def test_what_is_allowed_is_forgotten_and_no_more_is_allowed_by_it(
    estate: Estate, store: Store, runner: FakeRunner
) -> None:
    script(runner, FORGETS)
    options = RunOptions(allow_forget=(DATABASE, "aws_s3_bucket.this"))
    seen: list[events.Event] = []

    report = engine(estate, runner, on_event=seen.append).up(["foundation"], options, confirm=yes)

    assert outcomes(report) == [Outcome.APPLIED]
    assert "--allow-forget aws_s3_bucket.this: the plan of prod/foundation does not forget it" in [
        event.text for event in seen if isinstance(event, events.Notice)
    ]


def test_a_flag_for_destruction_does_not_cover_forgetting(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, FORGETS)

    report = stopped(estate, runner, "up", "foundation", options=RunOptions(allow_destroy=(DATABASE,)), confirm=yes)

    assert outcomes(report) == [Outcome.BLOCKED]


# plans that are not whole


ACTION = {"action_invocations": [{"address": "action.aws_lambda_invoke.notify", "type": "aws_lambda_invoke"}]}
UNSOUND = [
    (ACTION, "action_invocations of the plan is not empty (action.aws_lambda_invoke.notify)"),
    ({"deferred_changes": [{"reason": "x"}, {}]}, "deferred_changes of the plan is not empty (2 entries)"),
    ({"errored": True, "complete": False}, "the plan is errored"),
    ({"complete": False}, "the plan is not complete, and this run has no --target"),
    ({"applyable": False}, "the plan holds changes, and Terraform says that it can't be applied"),
]


@pytest.mark.parametrize(
    ("more", "why"), UNSOUND, ids=lambda value: "" if isinstance(value, str) else next(iter(value))
)
@pytest.mark.parametrize("command", ["plan", "up", "down"])
def test_a_plan_that_no_guard_can_judge_stops_the_run(
    command: str, more: dict[str, Any], why: str, estate: Estate, store: Store, runner: FakeRunner
) -> None:
    script(runner, {**plan_json(change("aws_iam_role.this", "update", {"a": 1}, {"a": 2})), **more})
    confirm = {} if command == "plan" else {"confirm": yes}

    report = stopped(estate, runner, command, "foundation", **confirm)

    assert (outcomes(report), report.exit_code) == ([Outcome.BLOCKED], 13)
    assert report.results[0].findings[0].is_error
    error = report.results[0].error
    assert error is not None
    assert error.message.startswith(f"prod/foundation: {why}")
    assert "apply" not in runner.started


def test_a_plan_with_targets_is_not_complete_and_says_so(estate: Estate, store: Store, runner: FakeRunner) -> None:
    store.put_state(recorded("state.json"))
    script(runner, {**WITHOUT_DANGER, "complete": False})

    options = RunOptions(targets=("terraform_data.kept",))
    (result,) = engine(estate, runner).up(["foundation"], options, confirm=yes).results

    assert result.outcome is Outcome.APPLIED
    assert result.to_json()["partial"] is True


def test_a_plan_that_is_whole_is_not_called_partial(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, {**WITHOUT_DANGER, "complete": True})

    (result,) = engine(estate, runner).up(["foundation"], confirm=yes).results

    assert "partial" not in result.to_json()


# the layers below


def test_a_layer_is_not_brought_up_before_the_one_it_stands_on(
    estate: Estate, store: Store, runner: FakeRunner, compute: Path
) -> None:
    with pytest.raises(LayerOrderError, match="prod/compute stands on prod/foundation, which is not applied"):
        engine(estate, runner).up(["compute"], confirm=yes)

    assert runner.started == []


def test_what_one_layer_makes_is_there_when_the_next_is_planned(
    estate: Estate, store: Store, runner: FakeRunner, compute: Path
) -> None:
    runner.answer("apply", Reply(does=lambda _: put_vpc(store)), Reply())

    report = engine(estate, runner).up(["compute", "foundation"], confirm=yes)

    assert outcomes(report) == [Outcome.APPLIED, Outcome.APPLIED]
    assert folders(runner, "plan") == ["foundation", "compute"]


def test_an_output_that_the_first_does_not_make_stops_the_second(
    estate: Estate, store: Store, runner: FakeRunner, compute: Path
) -> None:
    runner.answer("apply", Reply(does=lambda _: put_vpc(store, vpc_ids="vpc-1")), Reply())

    report = stopped(estate, runner, "up", "foundation", "compute", confirm=yes)

    assert (outcomes(report), report.exit_code) == ([Outcome.APPLIED, Outcome.FAILED], 11)
    error = report.results[1].error
    assert error is not None
    assert "main.tf:20: prod/compute reads output 'vpc_id' of prod/foundation" in error.message
    assert error.hint == "did you mean vpc_ids?"
    assert folders(runner, "plan") == ["foundation"]


def test_a_layer_on_one_that_is_not_made_yet_waits_with_its_plan(
    estate: Estate, store: Store, runner: FakeRunner, compute: Path
) -> None:
    seen: list[events.Event] = []

    report = engine(estate, runner, on_event=seen.append).plan(["foundation", "compute"])

    assert (outcomes(report), report.exit_code) == ([Outcome.PLANNED, Outcome.WAITING], 0)
    assert folders(runner, "plan") == ["foundation"]
    assert [event.text for event in seen if isinstance(event, events.Notice)] == [
        "prod/compute can be planned once prod/foundation is applied: it reads what that makes"
    ]


def test_it_waits_as_well_on_one_that_was_taken_down(
    estate: Estate, store: Store, runner: FakeRunner, compute: Path
) -> None:
    store.put_state(state_text())

    assert outcomes(engine(estate, runner).plan(["foundation", "compute"])) == [Outcome.PLANNED, Outcome.WAITING]


def test_a_layer_on_one_that_is_made_is_planned_with_it(
    estate: Estate, store: Store, runner: FakeRunner, compute: Path
) -> None:
    put_vpc(store)

    report = engine(estate, runner).plan(["foundation", "compute"])

    assert outcomes(report) == [Outcome.PLANNED, Outcome.PLANNED]


def test_a_plan_that_could_not_read_what_it_needs_is_refused(
    estate: Estate, store: Store, runner: FakeRunner, compute: Path
) -> None:
    put_vpc(store, other="x")

    report = stopped(estate, runner, "plan", "foundation", "compute")

    assert (outcomes(report), report.exit_code) == ([Outcome.PLANNED, Outcome.FAILED], 11)
    assert folders(runner, "plan") == ["foundation"]


# the layers above


@pytest.mark.parametrize("command", ["plan", "up"])
def test_an_output_that_a_layer_above_reads_is_not_taken_away(
    command: str, estate: Estate, store: Store, runner: FakeRunner, compute: Path
) -> None:
    put_vpc(store)
    script(runner, plan_json(outputs={"vpc_id": "delete"}))
    confirm = {"confirm": yes} if command == "up" else {}

    report = stopped(estate, runner, command, "foundation", **confirm)

    (result,) = report.results
    assert (result.outcome, report.exit_code) == (Outcome.BLOCKED, 13)
    assert result.error is not None
    assert result.error.message == (
        f"prod/foundation: the plan removes output 'vpc_id', which prod/compute reads at {compute / 'main.tf'}:20"
    )
    assert "apply" not in runner.started


def test_an_output_that_nobody_reads_may_go(estate: Estate, store: Store, runner: FakeRunner, compute: Path) -> None:
    put_vpc(store)
    script(runner, plan_json(outputs={"zone": "delete"}))

    assert outcomes(engine(estate, runner).up(["foundation"], confirm=yes)) == [Outcome.APPLIED]


def test_what_another_layer_of_the_same_name_reads_elsewhere_is_not_meant(
    estate: Estate, store: Store, runner: FakeRunner
) -> None:
    """Compute reads an output of that name, from another estate."""
    external = "other-estate/terraform.tfstate"
    text = backend_block("prod/compute/terraform.tfstate") + remote_state(KEY, "ours") + remote_state(external) + READS
    write_layer(estate.root, "prod/compute", text)
    url = f"s3://acme-state/{external}"
    (estate.root / "wealist.yaml").write_text(f'version: 1\nlayers: {{ external: ["{url}"] }}\n')
    put_vpc(store)
    script(runner, plan_json(outputs={"vpc_id": "delete"}))

    assert outcomes(engine(estate.find(estate.root), runner).up(["foundation"], confirm=yes)) == [Outcome.APPLIED]


# drift


GONE = change("aws_s3_bucket.logs", "delete", {"bucket": "logs"})
CHANGED = change(DATABASE, "update", {"instance_class": "small"}, {"instance_class": "large"})


def test_drift_asks_the_world_and_changes_nothing(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, plan_json(drift=(CHANGED, GONE)))

    report = engine(estate, runner).drift(["foundation"])

    assert (outcomes(report), report.exit_code, report.has_changes) == ([Outcome.DRIFTED], 0, True)
    assert "-refresh-only" in runner.last("plan").argv
    assert "apply" not in runner.started
    assert report.to_json()["results"][0]["drift"] == [
        {
            "address": DATABASE,
            "action": "update",
            "attributes": [{"path": "instance_class", "in_state": "small", "in_the_world": "large"}],
        },
        {
            "address": "aws_s3_bucket.logs",
            "action": "delete",
            "attributes": [{"path": "bucket", "in_state": "logs", "in_the_world": None}],
        },
    ]


def test_no_drift_is_no_change(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, None)

    report = engine(estate, runner).drift(["foundation"])

    assert (outcomes(report), report.has_changes) == ([Outcome.NO_CHANGES], False)


def test_what_only_looks_like_drift_is_none(estate: Estate, store: Store, runner: FakeRunner) -> None:
    """A provider that reads back an empty map where the state has nothing; Terraform itself then sees changes."""
    seen: list[events.Event] = []
    alike = change(DATABASE, "update", {"tags": None, "size": 1}, {"tags": {}, "size": 1})
    script(runner, plan_json(drift=(alike,)))

    report = engine(estate, runner, on_event=seen.append).drift(["foundation"])

    assert (outcomes(report), report.has_changes) == ([Outcome.NO_CHANGES], False)
    assert report.exit_code_for(detailed=True) == 0
    assert not [event for event in seen if isinstance(event, events.PlanReady)]


def test_drift_is_looked_for_in_every_layer_where_none_is_named(
    estate: Estate, store: Store, runner: FakeRunner, compute: Path
) -> None:
    script(runner, None)

    report = engine(estate, runner).drift([])

    assert [result.layer for result in report.results] == ["prod/foundation", "prod/compute"]
    assert outcomes(report) == [Outcome.NO_CHANGES, Outcome.NO_CHANGES]


def test_a_layer_that_can_not_be_looked_at_stops_no_other(
    estate: Estate, store: Store, runner: FakeRunner, compute: Path
) -> None:
    runner.answer("plan", Reply(returncode=1), Reply())

    report = stopped(estate, runner, "drift", "foundation", "compute", options=RunOptions(parallelism=1))

    assert (outcomes(report), report.exit_code) == ([Outcome.FAILED, Outcome.NO_CHANGES], 1)
