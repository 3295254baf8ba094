"""Taking a layer down: nothing is begun that would stop half-way, and each step is shown and confirmed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from orchestrator import events
from orchestrator.discovery import Estate
from orchestrator.errors import AwsError, GuardError, LayerOrderError, RunError
from orchestrator.report import Outcome
from orchestrator.run import RunOptions
from tests.estate import REGION, YAML, Store, state_text
from tests.fakes import PLAN_FILE, Reply
from tests.plans import change, plan_json, script
from tests.test_engine import engine, folders, yes
from tests.test_task import Asked

if TYPE_CHECKING:
    from orchestrator.plan import Plan
    from orchestrator.process import Command
    from orchestrator.report import RunReport
    from tests.fakes import FakeRunner

DATABASE = "aws_db_instance.this"
BUCKET = "aws_s3_bucket.logs"
REPOSITORY = "aws_ecr_repository.app"
GUARDS = 'guards:\n  deletion_protection:\n    prod/foundation: { name: "false" }\n'
LIFT = RunOptions(lift_deletion_protection=True)


def database(action: str, *, before: bool = True, after: Any = None) -> dict[str, Any]:
    kept = {"skip_final_snapshot": False, "final_snapshot_identifier": "last", "size": 1}
    gone = action == "delete"
    return change(DATABASE, action, {**kept, "deletion_protection": before}, None if gone else {**kept, **after})


PROTECTED = plan_json(database("delete"), change("aws_vpc.this", "delete", {}))
LIFTING = plan_json(database("update", after={"deletion_protection": False}))
UNPROTECTED = plan_json(database("delete", before=False), change("aws_vpc.this", "delete", {}))


@pytest.fixture
def estate(estate: Estate, store: Store) -> Estate:
    """Foundation is applied, compute is not; wealist.yaml says what lifts the protection."""
    (estate.root / "wealist.yaml").write_text(YAML + GUARDS)
    store.put_state(state_text(outputs={"vpc_id": "vpc-1"}))
    return Estate.find(estate.root)


@pytest.fixture
def logs(store: Store) -> str:
    """A bucket with an object in it."""
    store.s3.create_bucket(Bucket="acme-logs", CreateBucketConfiguration={"LocationConstraint": REGION})
    store.s3.put_object(Bucket="acme-logs", Key="a", Body=b"x")
    return "acme-logs"


@pytest.fixture
def images(aws: None) -> str:
    """A repository with an image in it, in another region than the state's."""
    ecr = boto3.client("ecr", region_name="us-east-1")
    arn: str = ecr.create_repository(repositoryName="app")["repository"]["repositoryArn"]
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}
    ecr.put_image(repositoryName="app", imageManifest=json.dumps(manifest), imageTag="1")
    return arn


def blocked(estate: Estate, runner: FakeRunner, options: RunOptions | None = None, confirm: Any = yes) -> RunError:
    """A teardown that a guard stops."""
    with pytest.raises(RunError) as caught:
        engine(estate, runner).down(["foundation"], options, confirm=confirm)
    (result,) = caught.value.report.results
    assert (result.outcome, caught.value.exit_code) == (Outcome.BLOCKED, 13)
    return caught.value


def put(store: Store, serial: int) -> None:
    """A state with nothing in it any more."""
    store.put_state(state_text(serial=serial))


def outcomes(report: RunReport) -> list[Outcome]:
    return [result.outcome for result in report.results]


def plans(runner: FakeRunner) -> list[tuple[str, ...]]:
    """The words of each plan that are about what it is for."""
    words = (command.argv for command in runner.commands if command.argv[1] == "plan")
    return [tuple(word for word in argv if word == "-destroy" or word.startswith("-target")) for argv in words]


# one plan, shown and confirmed


def test_what_dies_is_planned_shown_confirmed_and_applied(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, UNPROTECTED)
    asked, seen = Asked(), list[events.Event]()

    report = engine(estate, runner, on_event=seen.append).down(["foundation"], confirm=asked)

    assert (outcomes(report), report.command) == ([Outcome.APPLIED], "down")
    assert runner.started == ["init", "plan", "show", "apply"]
    assert plans(runner) == [("-destroy",)]
    assert asked.about == [("prod/foundation", (f"{DATABASE} is kept as last",))]
    (ready,) = [event for event in seen if isinstance(event, events.PlanReady)]
    assert [finding.id for finding in ready.findings] == ["protection.final-snapshot"]


def test_a_layer_with_nothing_in_it_is_left_alone(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, None)

    assert outcomes(engine(estate, runner).down(["foundation"], confirm=yes)) == [Outcome.NO_CHANGES]


def test_a_teardown_that_is_declined_destroys_nothing(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, UNPROTECTED)

    report = engine(estate, runner).down(["foundation"], confirm=Asked(answer=False))

    assert outcomes(report) == [Outcome.DECLINED]
    assert "apply" not in runner.started


def test_data_needs_no_flag_of_its_own_where_all_of_it_is_named(
    estate: Estate, store: Store, runner: FakeRunner
) -> None:
    script(runner, plan_json(change("aws_kms_key.this", "delete", {})))
    asked = Asked()

    assert outcomes(engine(estate, runner).down(["foundation"], confirm=asked)) == [Outcome.APPLIED]
    ((_, findings),) = asked.about
    assert findings == ("aws_kms_key.this can be brought back for 30 days; then all it encrypted is lost",)


# the layers above


def test_the_last_goes_first(estate: Estate, store: Store, runner: FakeRunner) -> None:
    store.put_state(state_text(outputs={"a": "b"}), key="prod/compute/terraform.tfstate")
    script(runner, UNPROTECTED)

    report = engine(estate, runner).down(["foundation", "compute"], confirm=yes)

    assert [result.layer for result in report.results] == ["prod/compute", "prod/foundation"]
    assert folders(runner, "apply") == ["compute", "foundation"]


def test_one_that_fails_keeps_what_it_stands_on(estate: Estate, store: Store, runner: FakeRunner) -> None:
    runner.answer("apply", Reply(returncode=1))

    with pytest.raises(RunError) as caught:
        engine(estate, runner).down(["foundation", "compute"], confirm=yes)

    assert outcomes(caught.value.report) == [Outcome.FAILED, Outcome.SKIPPED]
    assert folders(runner, "plan") == ["compute"]


def test_one_is_not_taken_away_below_another(estate: Estate, store: Store, runner: FakeRunner) -> None:
    store.put_state(state_text(outputs={"a": "b"}), key="prod/compute/terraform.tfstate")

    with pytest.raises(GuardError) as caught:
        engine(estate, runner).down(["foundation"], confirm=yes)

    assert caught.value.hint == "take them down together: wealist down prod/foundation prod/compute"
    assert runner.started == []


# deletion protection


def test_a_protected_resource_stops_it_before_anything_is_destroyed(
    estate: Estate, store: Store, runner: FakeRunner
) -> None:
    script(runner, PROTECTED)
    asked = Asked()

    error = blocked(estate, runner, confirm=asked)

    assert error.message == f"prod/foundation: {DATABASE} is protected: AWS refuses to delete it"
    assert error.hint == "--lift-deletion-protection lifts it first, as a step of its own"
    assert asked.about == []
    assert "apply" not in runner.started


def test_the_protection_is_lifted_as_a_step_of_its_own(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, PROTECTED, LIFTING, UNPROTECTED)
    given: list[str] = []

    def look(command: Command) -> None:
        given.extend(Path(word.removeprefix("-var-file=")).read_text() for word in command.argv if "-var-file" in word)

    runner.replies["plan"][1] = Reply(returncode=2, plan_file=PLAN_FILE, does=look)
    asked, seen = Asked(), list[events.Event]()
    options = RunOptions(lift_deletion_protection=True, values={"name": "true"})

    report = engine(estate, runner, on_event=seen.append).down(["foundation"], options, confirm=asked)

    assert outcomes(report) == [Outcome.APPLIED]
    assert runner.started == ["init", "plan", "show", "plan", "show", "apply", "plan", "show", "apply"]
    assert plans(runner) == [("-destroy",), (f"-target={DATABASE}",), ("-destroy",)]
    assert given == ['name = "false"\n']
    assert asked.about == [
        ("prod/foundation", (f"{DATABASE} would lose deletion protection (deletion_protection)",)),
        ("prod/foundation", (f"{DATABASE} is kept as last",)),
    ]
    shown = [event for event in seen if isinstance(event, events.PlanReady)]
    assert len(shown) == 3
    assert [finding.remedy for finding in shown[1].findings] == [None]


def test_the_variable_may_be_declared_under_the_layers_short_name(
    estate: Estate, store: Store, runner: FakeRunner
) -> None:
    (estate.root / "wealist.yaml").write_text(YAML + GUARDS.replace("prod/foundation", "foundation"))
    script(runner, PROTECTED, LIFTING, UNPROTECTED)

    assert outcomes(engine(Estate.find(estate.root), runner).down(["foundation"], LIFT, confirm=yes)) == [
        Outcome.APPLIED
    ]


def test_nothing_is_lifted_where_nothing_is_protected(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, UNPROTECTED)

    engine(estate, runner).down(["foundation"], LIFT, confirm=yes)

    assert plans(runner) == [("-destroy",)]


def test_a_lift_that_is_declined_changes_nothing(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, PROTECTED, LIFTING)

    report = engine(estate, runner).down(["foundation"], LIFT, confirm=Asked(answer=False))

    assert outcomes(report) == [Outcome.DECLINED]
    assert "apply" not in runner.started


class First(Asked):
    """Says yes once: to the lift, and not to the destruction."""

    def __call__(self, *question: Any) -> bool:
        super().__call__(*question)
        return len(self.about) == 1


def test_one_that_is_declined_after_the_lift_says_how_to_put_it_back(
    estate: Estate, store: Store, runner: FakeRunner
) -> None:
    script(runner, PROTECTED, LIFTING, UNPROTECTED)
    seen: list[events.Event] = []

    report = engine(estate, runner, on_event=seen.append).down(["foundation"], LIFT, confirm=First())

    assert outcomes(report) == [Outcome.DECLINED]
    assert runner.started.count("apply") == 1
    assert [event.text for event in seen if isinstance(event, events.Notice)] == [
        "the deletion protection is lifted now; wealist up prod/foundation puts it back"
    ]


def test_one_that_is_declined_after_the_lift_is_still_whole(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, PROTECTED, LIFTING, UNPROTECTED)
    engine(estate, runner).down(["foundation"], LIFT, confirm=First())
    runner.plans("create")

    assert outcomes(engine(estate, runner).up(["compute"], confirm=yes)) == [Outcome.APPLIED]


def test_ctrl_c_after_the_lift_does_not_say_that_nothing_was_applied(
    estate: Estate, store: Store, runner: FakeRunner
) -> None:
    script(runner, PROTECTED, LIFTING, UNPROTECTED)
    answers = iter([True])

    def ask(*_: Any) -> bool:
        for answer in answers:
            return answer
        raise KeyboardInterrupt

    with pytest.raises(RunError, match="interrupted; nothing more was applied") as caught:
        engine(estate, runner).down(["foundation"], LIFT, confirm=ask)

    assert caught.value.exit_code == 130


def test_what_lifts_a_protection_must_be_declared(estate: Estate, store: Store, runner: FakeRunner) -> None:
    (estate.root / "wealist.yaml").write_text(YAML)
    script(runner, PROTECTED)

    error = blocked(Estate.find(estate.root), runner, LIFT)

    assert error.message == (
        f"prod/foundation: wealist.yaml does not say which variables lift the deletion protection of {DATABASE}"
    )
    assert error.hint == 'guards: deletion_protection: prod/foundation: { VARIABLE: "false" }'


@pytest.mark.parametrize(
    "lifting",
    [
        None,
        plan_json(change("aws_vpc.this", "update", {"a": 1}, {"a": 2})),
        plan_json(database("update", after={"deletion_protection": True, "size": 2})),
        plan_json(database("replace", after={"deletion_protection": False})),
    ],
    ids=["no changes", "something else", "the same resource, still protected", "a replacement"],
)
def test_values_that_do_not_lift_the_protection_are_not_applied(
    lifting: dict[str, Any] | None, estate: Estate, store: Store, runner: FakeRunner
) -> None:
    script(runner, PROTECTED, lifting)
    asked = Asked()

    error = blocked(estate, runner, LIFT, asked)

    assert error.message == f"prod/foundation: name=false does not lift the deletion protection of {DATABASE}"
    assert error.hint == "check guards.deletion_protection.prod/foundation in wealist.yaml"
    assert asked.about == []
    assert "apply" not in runner.started


def test_a_lift_that_would_destroy_something_is_shown_and_not_applied(
    estate: Estate, store: Store, runner: FakeRunner
) -> None:
    script(runner, PROTECTED, plan_json(*LIFTING["resource_changes"], change("aws_vpc.this", "delete", {})))
    seen: list[Plan] = []

    with pytest.raises(RunError, match="lifting the deletion protection would destroy something; it was not done"):
        engine(
            estate, runner, on_event=lambda e: seen.append(e.plan) if isinstance(e, events.PlanReady) else None
        ).down(["foundation"], LIFT, confirm=yes)

    assert len(seen) == 2
    assert "apply" not in runner.started


# what is still in it


def bucket(**more: Any) -> dict[str, Any]:
    return change(BUCKET, "delete", {"bucket": "acme-logs", **more})


def test_a_bucket_with_objects_stops_it(estate: Estate, logs: str, runner: FakeRunner) -> None:
    script(runner, plan_json(bucket(force_destroy=False)))

    error = blocked(estate, runner)

    assert error.message == f"prod/foundation: {BUCKET} is not empty (acme-logs: a)"
    assert error.hint == "empty it first, every version of every object: s3://acme-logs"
    assert "apply" not in runner.started


def test_a_bucket_that_may_be_emptied_is_a_warning(estate: Estate, logs: str, runner: FakeRunner) -> None:
    script(runner, plan_json(bucket(force_destroy=True)))
    asked = Asked()

    assert outcomes(engine(estate, runner).down(["foundation"], confirm=asked)) == [Outcome.APPLIED]
    assert asked.about == [("prod/foundation", (f"{BUCKET} holds objects, which go with it (acme-logs: a)",))]


def test_an_empty_bucket_is_in_nobodys_way(estate: Estate, logs: str, store: Store, runner: FakeRunner) -> None:
    store.s3.delete_object(Bucket=logs, Key="a")
    script(runner, plan_json(bucket()))
    asked = Asked()

    engine(estate, runner).down(["foundation"], confirm=asked)

    assert asked.about == [("prod/foundation", ())]


def test_only_buckets_that_would_go_are_looked_into(estate: Estate, logs: str, runner: FakeRunner) -> None:
    kept = change(BUCKET, "update", {"bucket": "acme-logs"}, {"bucket": "acme-logs", "tags": {}})
    script(runner, plan_json(kept, change("aws_vpc.this", "delete", {})))

    assert outcomes(engine(estate, runner).down(["foundation"], confirm=yes)) == [Outcome.APPLIED]


def test_a_repository_with_images_stops_it(estate: Estate, images: str, runner: FakeRunner) -> None:
    script(runner, plan_json(change(REPOSITORY, "delete", {"name": "app", "arn": images})))

    error = blocked(estate, runner)

    assert error.message == f"prod/foundation: {REPOSITORY} holds images (app)"
    assert error.hint == "delete them first: aws ecr list-images --region us-east-1 --repository-name app"


def test_a_repository_that_may_be_emptied_is_a_warning(estate: Estate, images: str, runner: FakeRunner) -> None:
    script(runner, plan_json(change(REPOSITORY, "delete", {"name": "app", "arn": images, "force_delete": True})))
    asked = Asked()

    engine(estate, runner).down(["foundation"], confirm=asked)

    assert asked.about == [("prod/foundation", (f"{REPOSITORY} holds images, which go with it (app)",))]


def test_an_empty_repository_is_in_nobodys_way(estate: Estate, images: str, runner: FakeRunner) -> None:
    ecr = boto3.client("ecr", region_name="us-east-1")
    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "1"}])
    script(runner, plan_json(change(REPOSITORY, "delete", {"name": "app", "arn": images})))
    asked = Asked()

    engine(estate, runner).down(["foundation"], confirm=asked)

    assert asked.about == [("prod/foundation", ())]


def test_all_that_is_in_the_way_is_found_before_the_protection_is_lifted(
    estate: Estate, logs: str, runner: FakeRunner
) -> None:
    script(runner, plan_json(*PROTECTED["resource_changes"], bucket()))
    seen: list[str] = []

    with pytest.raises(RunError, match="is not empty"):
        engine(
            estate,
            runner,
            on_event=lambda e: seen.extend(f.id for f in e.findings) if isinstance(e, events.PlanReady) else None,
        ).down(["foundation"], LIFT, confirm=yes)

    assert seen == ["protection.deletion", "protection.final-snapshot", "protection.not-empty"]
    assert plans(runner) == [("-destroy",)]


def test_what_can_not_be_looked_into_is_a_warning(
    estate: Estate, store: Store, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: Any) -> set[str]:
        raise AwsError("looking into bucket acme-logs: access denied", code="AccessDenied")

    monkeypatch.setattr("orchestrator.aws.contents.object_keys", denied)
    script(runner, plan_json(bucket()))
    asked = Asked()

    assert outcomes(engine(estate, runner).down(["foundation"], confirm=asked)) == [Outcome.APPLIED]
    assert asked.about == [("prod/foundation", (f"{BUCKET} can't be looked into: AccessDenied",))]


# the end


def test_what_was_taken_down_is_no_ground_any_more(estate: Estate, store: Store, runner: FakeRunner) -> None:
    runner.answer("apply", Reply(does=lambda _: put(store, 8)))
    script(runner, UNPROTECTED)
    report = engine(estate, runner).down(["foundation"], confirm=yes)

    assert (report.results[0].serial_before, report.results[0].serial_after) == (7, 8)
    with pytest.raises(LayerOrderError, match="prod/foundation, which is not applied"):
        engine(estate, runner).up(["compute"], confirm=yes)


def test_several_go_down_only_if_each_of_them_can(estate: Estate, store: Store, runner: FakeRunner) -> None:
    """The first must not be gone by the time that the second can't go."""
    table = {
        "mode": "managed",
        "type": "aws_dynamodb_table",
        "name": "this",
        "instances": [{"attributes": {"name": "t", "deletion_protection_enabled": True}}],
    }
    store.put_state(state_text(resources=[table]))
    store.put_state(state_text(outputs={"a": "b"}), key="prod/compute/terraform.tfstate")

    with pytest.raises(
        GuardError, match=r"^prod/foundation: aws_dynamodb_table\.this is protected against deletion"
    ) as caught:
        engine(estate, runner).down(["foundation", "compute"], confirm=Asked())

    assert caught.value.exit_code == 13
    assert runner.started == []


def test_several_do_not_go_down_over_a_bucket_that_is_full(estate: Estate, store: Store, runner: FakeRunner) -> None:
    kept = {
        "mode": "managed",
        "type": "aws_s3_bucket",
        "name": "this",
        "instances": [{"attributes": {"bucket": "acme-state"}}],
    }
    store.put_state(state_text(resources=[kept]))
    store.put_state(state_text(outputs={"a": "b"}), key="prod/compute/terraform.tfstate")

    with pytest.raises(GuardError, match=r"aws_s3_bucket\.this is not empty \(acme-state\), so nothing was taken down"):
        engine(estate, runner).down(["foundation", "compute"], confirm=Asked())

    assert runner.started == []


def test_a_name_covers_what_is_destroyed_and_not_what_is_forgotten(
    estate: Estate, store: Store, runner: FakeRunner
) -> None:
    script(runner, plan_json(change(DATABASE, "forget", {})))

    error = blocked(estate, runner)

    assert error.hint == f"--allow-forget 'prod/foundation:{DATABASE}', if that is what you want"
    assert "apply" not in runner.started


def test_what_may_be_forgotten_is_left_behind(estate: Estate, store: Store, runner: FakeRunner) -> None:
    script(runner, plan_json(change(DATABASE, "forget", {})))

    report = engine(estate, runner).down(["foundation"], RunOptions(allow_forget=(DATABASE,)), confirm=yes)

    assert outcomes(report) == [Outcome.APPLIED]
