"""Who is asked before a plan is applied, and what counts as a yes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.cli import confirmation
from orchestrator.cli.invocation import Invocation, Start
from orchestrator.cli.options import LogFormat
from orchestrator.errors import LayerNotFoundError, UsageError
from orchestrator.finding import Finding, Severity
from orchestrator.run import Kind, Proposal
from tests.plans import change, plan

if TYPE_CHECKING:
    from orchestrator.discovery import Estate
    from orchestrator.plan import Plan
    from orchestrator.run import Confirm
    from tests.cli.conftest import Terminal

    Capture = pytest.CaptureFixture[str]

DATABASE = "aws_db_instance.this"
CHANGES = plan(change(DATABASE, "update", {"size": 1}, {"size": 2}))
DIES = plan(change(DATABASE, "delete", {}))
LIFT = plan(change(DATABASE, "update", {"deletion_protection": True}, {"deletion_protection": False}))
WEAKER = Finding(
    id="guard.weaken",
    severity=Severity.WARNING,
    subject=DATABASE,
    seen="would lose deletion protection",
    remedy=f"--allow-weaken '{DATABASE}'",
)


def invocation(estate: Estate, log_format: LogFormat = LogFormat.PRETTY) -> Invocation:
    return Invocation(
        Start(chdir=estate.root),
        chdir=None,
        sandbox=False,
        terraform_bin=None,
        profile=None,
        no_color=True,
        log_format=log_format,
    )


class Person:
    """Somebody at the terminal, with answers ready, one for each question."""

    def __init__(self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[str] = []
        monkeypatch.setattr(terminal, "readline", lambda: f"{self.answers.pop(0)}\n")

    def __call__(self, *answers: str) -> None:
        self.answers = list(answers)


@pytest.fixture
def person(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Person:
    return Person(terminal, monkeypatch)


def proposal(estate: Estate, name: str, planned: Plan, *findings: Finding) -> Proposal:
    kind = {id(DIES): Kind.DESTROY}.get(id(planned), Kind.LIFT if planned is LIFT else Kind.APPLY)
    return Proposal(layer=estate.layer(name), plan=planned, kind=kind, findings=findings)


def up(estate: Estate, *, auto_approve: bool = False) -> Confirm:
    return confirmation.for_up(invocation(estate), auto_approve=auto_approve, non_interactive=False)


def down(estate: Estate, *ids: str, given: tuple[str, ...] = ()) -> Confirm:
    return confirmation.for_down(invocation(estate), ids or ("prod/foundation",), given=given, non_interactive=False)


# up


@pytest.mark.parametrize(
    ("answer", "expected"), [("yes", True), ("y", False), ("YES", False), ("", False), ("prod/foundation", False)]
)
def test_only_a_yes_is_a_yes(answer: str, expected: bool, estate: Estate, person: Person, capsys: Capture) -> None:
    person(answer)

    assert up(estate)(proposal(estate, "foundation", CHANGES)) is expected
    assert capsys.readouterr().err == "Apply this to prod/foundation (aws)? Only 'yes' will do: "


def test_a_weakening_is_confirmed_by_the_address(estate: Estate, person: Person, capsys: Capture) -> None:
    person(DATABASE)

    assert confirmation.of_weakening(invocation(estate))(estate.layer("foundation"), WEAKER)
    assert capsys.readouterr().err == f"{DATABASE} would lose deletion protection. Type its address to go on: "


@pytest.mark.parametrize("answer", ["yes", "aws_db_instance.that", ""])
def test_a_weakening_takes_no_other_word(answer: str, estate: Estate, person: Person) -> None:
    person(answer)

    assert not confirmation.of_weakening(invocation(estate))(estate.layer("foundation"), WEAKER)


def test_a_flag_that_approves_is_asked_nothing(estate: Estate, capsys: Capture) -> None:
    assert up(estate, auto_approve=True)(proposal(estate, "foundation", CHANGES))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("non_interactive", "log_format", "why"),
    [
        (True, LogFormat.PRETTY, "--non-interactive was given"),
        (False, LogFormat.JSON, "--log-format json shows no plan to ask about"),
        (True, LogFormat.JSON, "--non-interactive was given"),
    ],
)
def test_a_question_that_can_not_be_put_fails_at_once(
    non_interactive: bool, log_format: LogFormat, why: str, estate: Estate, person: Person
) -> None:
    run = invocation(estate, log_format)

    with pytest.raises(UsageError) as caught:
        confirmation.for_up(run, auto_approve=False, non_interactive=non_interactive)
    with pytest.raises(UsageError) as at_down:
        confirmation.for_down(run, ["prod/compute"], given=(), non_interactive=non_interactive)

    assert caught.value.message == at_down.value.message == f"this asks for a confirmation, and {why}"
    assert caught.value.hint == "pass --auto-approve, once you have seen what it will do"
    assert at_down.value.hint == "pass --confirm prod/compute, once you have seen what it will do"


def test_what_is_said_on_the_command_line_is_not_asked(estate: Estate) -> None:
    run = invocation(estate, LogFormat.JSON)

    approves = confirmation.for_up(run, auto_approve=True, non_interactive=True)
    names = confirmation.for_down(run, ["prod/compute"], given=["compute"], non_interactive=True)

    assert approves(proposal(estate, "compute", CHANGES))
    assert names(proposal(estate, "compute", DIES))


# down


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("prod/foundation", True), ("yes", False), ("foundation", False), ("prod/compute", False), ("", False)],
)
def test_what_is_destroyed_is_confirmed_by_the_layers_name(
    answer: str, expected: bool, estate: Estate, person: Person, capsys: Capture
) -> None:
    person(answer)

    assert down(estate)(proposal(estate, "foundation", DIES)) is expected
    assert capsys.readouterr().err == (
        "All of this is destroyed in prod/foundation (aws). Type prod/foundation to go on: "
    )


@pytest.mark.parametrize("name", ["prod/foundation", "foundation"])
def test_the_name_can_be_given_on_the_command_line(name: str, estate: Estate, capsys: Capture) -> None:
    assert down(estate, given=(name,))(proposal(estate, "foundation", DIES))
    assert capsys.readouterr().err == ""


def test_a_name_on_the_command_line_is_no_confirmation_of_another(estate: Estate, person: Person) -> None:
    confirm = down(estate, "prod/compute", "prod/foundation", given=("compute",))
    person("prod/compute")

    assert confirm(proposal(estate, "compute", DIES))
    assert not confirm(proposal(estate, "foundation", DIES))
    assert person.answers == []


def test_every_layer_that_will_be_asked_about_must_be_named_where_nobody_can_answer(estate: Estate) -> None:
    ids = ["prod/compute", "prod/foundation"]

    with pytest.raises(UsageError) as caught:
        confirmation.for_down(invocation(estate), ids, given=["compute"], non_interactive=True)
    confirmation.for_down(invocation(estate), ids, given=["compute", "foundation"], non_interactive=True)

    assert caught.value.hint is not None
    assert caught.value.hint.startswith("pass --confirm prod/foundation, ")


def test_a_name_that_is_not_taken_down_is_a_mistake(estate: Estate, person: Person) -> None:
    with pytest.raises(UsageError, match=r"^--confirm compute: this is about prod/foundation$") as caught:
        down(estate, given=("compute",))

    assert caught.value.hint == "--confirm prod/foundation"


def test_a_name_that_is_no_layer_is_a_mistake(estate: Estate, person: Person) -> None:
    with pytest.raises(LayerNotFoundError):
        down(estate, given=("fundation",))


def test_the_lift_of_a_protection_takes_a_yes(estate: Estate, person: Person, capsys: Capture) -> None:
    confirm = down(estate)
    person("yes", "no")

    assert confirm(proposal(estate, "foundation", LIFT, *(WEAKER,)))
    assert not confirm(proposal(estate, "foundation", LIFT, *(WEAKER,)))
    assert capsys.readouterr().err.startswith("Lift the deletion protection in prod/foundation (aws)? Only 'yes' ")


def test_the_lift_of_a_protection_is_covered_by_the_layers_name(estate: Estate) -> None:
    assert down(estate, given=("foundation",))(proposal(estate, "foundation", LIFT, *(WEAKER,)))
