"""Resources and prices: what is counted, what is named instead, and what differences come to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.cost import Budget, Delta, Estimate, Turn, compare, estimate, of_plan
from orchestrator.inventory import Resource
from orchestrator.price import Book
from orchestrator.query import Partial, Pending
from tests.plans import change, plan, plan_json

BOOK = Book.parse(
    """\
version: 1
region: eu-west-1
currency: USD
date: 2026-01-31
source: our contract
prices:
  - item: Gateway
    type: aws_nat_gateway
    price: 32
    tradeoffs: { "1": all eggs in one basket, otherwise: baskets enough }
  - item: Database
    type: aws_db_instance
    when: engine == 'postgres' && class == 'small'
    price: 23
    quantity: multi_az && `2` || `1`
    choice: multi_az && 'Multi-AZ' || 'Single-AZ'
    tradeoffs: { Single-AZ: slow to recover }
  - item: Big database
    type: aws_db_instance
    when: class == 'big'
    price: 46.7
  - item: Cache
    type: aws_cache
    price: 20
    quantity: nodes
free: [aws_subnet]
""",
    path=Path("prices.yaml"),
)
SMALL = {"engine": "postgres", "class": "small", "multi_az": False}


def resource(address: str, values: dict[str, Any] | None = None) -> Resource:
    return Resource(address=address, type=address.partition(".")[0], values=values or {})


def database(**changes: Any) -> Resource:
    return resource("aws_db_instance.a", {**SMALL, **changes})


def of(*resources: Resource) -> Estimate:
    return estimate(resources, BOOK)


def delta(before: list[Resource], after: list[Resource]) -> Delta:
    return compare(of(*before), of(*after), "USD")


def gateways(count: int) -> list[Resource]:
    return [resource(f"aws_nat_gateway.a[{n}]") for n in range(count)]


# one side


def test_rows_stand_in_the_books_order_with_choice_and_tradeoff() -> None:
    found = of(database(), *gateways(1))

    assert [(row.item, row.choice, row.monthly, row.tradeoff) for row in found.rows] == [
        ("Gateway", "1", 32, "all eggs in one basket"),
        ("Database", "Single-AZ", 23, "slow to recover"),
    ]
    assert found.total == 55


def test_where_no_words_are_given_the_number_is_the_choice() -> None:
    (row,) = of(*gateways(3)).rows

    assert (row.choice, row.monthly, row.tradeoff) == ("3", 96, "baskets enough")


def test_alike_choices_share_a_row_and_others_do_not() -> None:
    found = of(
        database(), resource("aws_db_instance.b", SMALL), resource("aws_db_instance.c", {**SMALL, "multi_az": 1})
    )

    assert [(row.choice, row.monthly, row.tradeoff) for row in found.rows] == [
        ("2 × Single-AZ", 46, "slow to recover"),
        ("Multi-AZ", 46, ""),
    ]


def test_the_first_entry_that_fits_counts() -> None:
    assert [line.entry.item for line in of(database(**{"class": "big"})).lines] == ["Big database"]


def test_free_ones_are_counted_and_others_named() -> None:
    found = of(resource("aws_subnet.a"), resource("aws_subnet.b"), resource("aws_kms_key.this"))

    assert (found.free, found.total) == (2, 0)
    assert [(item.address, item.reason) for item in found.unpriced] == [
        ("aws_kms_key.this", "the price book has none for this type")
    ]


def test_another_class_than_the_book_has_is_unpriced_with_what_was_asked() -> None:
    (unpriced,) = of(database(**{"class": "huge"})).unpriced

    assert unpriced.reason == "the price book has none for engine postgres, class huge"


@pytest.mark.parametrize("name", ["class", "multi_az"])
def test_what_depends_on_something_unknown_is_unpriced(name: str) -> None:
    values = Partial({**SMALL, name: Pending(f"aws_db_instance.a.{name}")})

    found = of(resource("aws_db_instance.a", values))

    assert (found.lines, [item.reason for item in found.unpriced]) == ((), [f"{name} is known after the apply"])


def test_what_is_unknown_and_nobody_asks_about_does_not_matter() -> None:
    assert of(resource("aws_db_instance.a", Partial({**SMALL, "arn": Pending("aws_db_instance.a.arn")}))).total == 23


@pytest.mark.parametrize("nodes", [None, "two", True, -1])
def test_a_quantity_that_is_no_number_is_unpriced_and_not_nothing(nodes: Any) -> None:
    (unpriced,) = of(resource("aws_cache.a", {"nodes": nodes})).unpriced

    assert unpriced.reason == f"its quantity, nodes, is {nodes!r}"


def test_a_quantity_of_none_costs_nothing() -> None:
    found = of(resource("aws_cache.a", {"nodes": 0}))

    assert (found.total, found.unpriced) == (0, ())


def test_an_estimate_as_data_is_exact() -> None:
    data = of(
        resource("aws_db_instance.a", {"class": "big"}), resource("aws_db_instance.b", {"class": "big"})
    ).to_json()

    assert data["monthly"] == 93.4
    assert data["items"][0]["resources"][0] == {
        "item": "Big database",
        "type": "aws_db_instance",
        "address": "aws_db_instance.a",
        "choice": None,
        "price": 46.7,
        "quantity": 1,
        "monthly": 46.7,
    }


# two sides


def test_a_difference_is_told_item_by_item() -> None:
    found = delta([database(), *gateways(1)], [database(multi_az=True), *gateways(3)])

    assert found.total == 87
    assert found.sentence == "≈ +$87 a month: Gateway +$64, Database +$23"
    assert found.unknown == ""


def test_what_is_saved_is_negative() -> None:
    assert delta(gateways(3), gateways(1)).sentence == "≈ -$64 a month: Gateway -$64"


def test_where_nothing_that_is_priced_changes_there_is_nothing_to_say() -> None:
    found = delta([database(), resource("aws_kms_key.a")], [database(), resource("aws_kms_key.a")])

    assert (found.sentence, found.unknown, found.total) == ("", "", 0)


def test_what_becomes_unpriced_is_no_saving() -> None:
    found = delta([database(), *gateways(1)], [database(**{"class": "huge"}), *gateways(2)])

    assert (found.total, found.sentence) == (32, "≈ +$32 a month: Gateway +$32")
    assert found.unknown == "unpriced: changed 1 aws_db_instance"
    assert [(shift.item, shift.is_whole) for shift in found.shifts] == [("Gateway", True), ("Database", False)]


def test_what_becomes_priced_is_no_increase() -> None:
    found = delta([database(**{"class": "huge"})], [database()])

    assert (found.total, found.sentence, found.unknown) == (0, "", "unpriced: changed 1 aws_db_instance")


def test_from_one_unpriced_class_to_another_is_a_change() -> None:
    found = delta([database(**{"class": "huge"})], [database(**{"class": "vast"})])

    assert [(s.turn, s.resource.reason) for s in found.surprises] == [
        (Turn.CHANGED, "the price book has none for engine postgres, class vast")
    ]


def test_new_and_gone_ones_without_a_price_are_counted_by_type() -> None:
    found = delta([resource("aws_kms_key.a")], [resource("aws_eip.a"), resource("aws_eip.b")])

    assert found.unknown == "unpriced: new 2 aws_eip; gone 1 aws_kms_key"
    assert [item.address for item in found.growing] == ["aws_eip.a", "aws_eip.b"]


def test_a_difference_as_data() -> None:
    data = delta([database()], [database(multi_az=True), resource("aws_eip.a")]).to_json()

    assert data == {
        "currency": "USD",
        "baseline": "deployed",
        "before": 23,
        "after": 46,
        "difference": 23,
        "items": [{"item": "Database", "before": 23, "after": 46, "difference": 23, "is_whole": True}],
        "unpriced": [
            {
                "change": "new",
                "address": "aws_eip.a",
                "type": "aws_eip",
                "reason": "the price book has none for this type",
            }
        ],
    }


# of plans


def prior(*resources: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    items = [
        {"address": address, "type": address.partition(".")[0], "mode": "managed", "values": values}
        for address, values in resources
    ]
    return {"prior_state": {"values": {"root_module": {"resources": items}}}}


def plan_of(*changes: dict[str, Any], before: dict[str, Any]) -> Delta:
    from orchestrator.plan import Plan

    return of_plan(Plan.from_json({**plan_json(*changes), **before}, digest="sha256:00"), BOOK)


def test_a_first_plan_adds_all_of_it() -> None:
    made = plan(change("aws_db_instance.a", "create", None, SMALL), change("aws_subnet.a", "create", None, {}))

    assert of_plan(made, BOOK).sentence == "≈ +$23 a month: Database +$23"


def test_what_terraform_only_forgets_goes_on_costing() -> None:
    before = prior(("aws_db_instance.a", SMALL))

    assert plan_of(change("aws_db_instance.a", "forget", SMALL), before=before).total == 0
    assert plan_of(change("aws_db_instance.a", "delete", SMALL), before=before).total == -23


def test_what_a_plan_with_targets_says_nothing_of_is_no_saving() -> None:
    before = prior(("aws_db_instance.a", SMALL), ("aws_nat_gateway.a", {}))

    found = plan_of(change("aws_db_instance.a", "update", SMALL, {**SMALL, "multi_az": True}), before=before)

    assert found.sentence == "≈ +$23 a month: Database +$23"


def test_a_replacement_costs_what_it_costs() -> None:
    before = prior(("aws_db_instance.a", SMALL))

    assert plan_of(change("aws_db_instance.a", "replace", SMALL, SMALL), before=before).total == 0


def test_an_address_that_moves_is_no_change() -> None:
    moved = {**change("aws_kms_key.b", "no-op", {}, {}), "previous_address": "aws_kms_key.a"}

    assert plan_of(moved, before=prior(("aws_kms_key.a", {}))).surprises == ()


# a limit


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


def test_what_one_layer_saves_another_may_spend() -> None:
    budget = Budget(0)
    assert budget.judge("a", delta(gateways(2), gateways(1))) == []

    assert budget.judge("b", delta([], gateways(1))) == []
    assert budget.judge("c", delta([], [database()])) != []


def test_a_run_that_is_gone_on_with_has_spent_something() -> None:
    assert Budget(50, {"a": 32}).judge("b", delta([], [database()])) != []


def test_what_a_limit_can_not_count_is_a_warning_with_names() -> None:
    keys = [resource(f"aws_kms_key.k{n}") for n in range(7)]

    (finding,) = Budget(50).judge("a", delta([], keys))

    assert (finding.id, finding.is_error, finding.subject) == ("guard.cost.unpriced", False, "7 new or changed")
    assert finding.seen.endswith(
        "aws_kms_key.k0, aws_kms_key.k1, aws_kms_key.k2, aws_kms_key.k3, aws_kms_key.k4 and 2 more"
    )
