"""How much the plans of a run may add to the month."""

from __future__ import annotations

from orchestrator.budget import Budget
from tests.test_cost import database, gateways, resource
from tests.test_delta import delta


def test_a_budget_is_for_all_layers_of_a_run() -> None:
    budget = Budget(50)
    small, big = delta([], gateways(1)), delta([], [database()])

    assert budget.judge("a", small) == []
    (finding,) = budget.judge("b", big)

    assert (finding.id, finding.is_error) == ("guard.cost", True)
    assert finding.seen == "would cost $55 more (a +$32, b +$23), and --max-monthly-delta is $50"
    assert finding.remedy == "--max-monthly-delta 55, if that is what you want"


def test_exactly_the_limit_is_allowed() -> None:
    assert Budget(32).judge("a", delta([], gateways(1))) == []


def test_what_is_refused_or_given_back_takes_no_room() -> None:
    budget = Budget(50)
    assert budget.judge("a", delta([], gateways(2))) != []
    assert budget.judge("b", delta([], gateways(1))) == []
    budget.give_back("b")

    assert budget.judge("c", delta([], [database(multi_az=True)])) == []


def test_what_one_layer_saved_another_may_spend() -> None:
    budget = Budget(0)
    assert budget.judge("a", delta(gateways(2), gateways(1))) == []
    budget.settle("a")

    assert budget.judge("b", delta([], gateways(1))) == []
    assert budget.judge("c", delta([], [database()])) != []


def test_what_is_not_saved_yet_can_not_be_spent() -> None:
    """It may be declined yet, and what was spent of it would stay."""
    budget = Budget(0)
    assert budget.judge("a", delta(gateways(2), gateways(1))) == []

    (finding,) = budget.judge("b", delta([], gateways(1)))

    assert finding.seen == "would cost $32 more, and --max-monthly-delta is $0"
    budget.give_back("a")
    assert budget.judge("b", delta([], gateways(1))) != []


def test_what_a_run_that_is_gone_on_with_saved_may_be_spent() -> None:
    assert Budget(0, {"a": -32}).judge("b", delta([], gateways(1))) == []


def test_a_run_that_is_gone_on_with_has_spent_something() -> None:
    assert Budget(50, {"a": 32}).judge("b", delta([], [database()])) != []


def test_what_a_limit_can_not_count_is_a_warning_with_names() -> None:
    keys = [resource(f"aws_kms_key.k{n}") for n in range(7)]

    (finding,) = Budget(50).judge("a", delta([], keys))

    assert (finding.id, finding.is_error, finding.subject) == ("guard.cost.unpriced", False, "7 new or changed")
    assert finding.seen.endswith(
        "aws_kms_key.k0, aws_kms_key.k1, aws_kms_key.k2, aws_kms_key.k3, aws_kms_key.k4 and 2 more"
    )
