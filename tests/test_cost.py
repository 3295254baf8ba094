"""Resources and prices: what is counted, and what is named instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.cost import Cost, cost_of
from orchestrator.inventory import Resource
from orchestrator.price import Book
from orchestrator.query import Partial, Pending

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


def of(*resources: Resource) -> Cost:
    return cost_of(resources, BOOK)


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
    assert of(resource("aws_db_instance.a", {"engine": True})).unpriced[0].reason == (
        "the price book has none for engine true, class (not set)"
    )


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


def test_a_cost_as_data_is_exact() -> None:
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
