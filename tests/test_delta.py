"""What a change does to the month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchestrator.delta import Delta, Turn, compare, of_plan
from orchestrator.plan import Plan
from tests.plans import change, plan, plan_json
from tests.test_cost import BOOK, SMALL, database, gateways, of, resource

if TYPE_CHECKING:
    from orchestrator.inventory import Resource


def delta(before: list[Resource], after: list[Resource]) -> Delta:
    return compare(of(*before), of(*after), "USD")


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
