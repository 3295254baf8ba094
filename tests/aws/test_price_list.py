"""AWS's price list: what is asked of it, and what its answers come to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from orchestrator.aws.price_list import REGION, Quote, quotes
from orchestrator.aws.session import Session
from orchestrator.cost import cost_of
from orchestrator.errors import AwsError
from orchestrator.inventory import Resource
from orchestrator.price import Book
from orchestrator.query import Partial, Pending
from orchestrator.target import AwsSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

BOOK = Book.load(Path(__file__).parents[2] / "prices.yaml")
DATABASE = {"engine": "postgres", "instance_class": "db.t4g.small", "multi_az": False}
REDIS = {"engine": "redis", "node_type": "cache.t4g.small", "num_cache_clusters": 2}


@pytest.fixture
def stub() -> Iterator[tuple[Session, Stubber]]:
    session = Session(AwsSettings(access_key="testing", secret_key="testing"))
    with Stubber(session.client("pricing", REGION)) as stubber:
        yield session, stubber


def product(usd: str, *, family: str = "Database Instance", term: str = "OnDemand", currency: str = "USD") -> str:
    """One product, as the API writes it: JSON in a string, its terms by offer and rate code."""
    sku = "8DJU4Z4CZ3XYRYPZ"
    offer, rate = f"{sku}.JRTCKXETXF", f"{sku}.JRTCKXETXF.6YS6EN2CT7"
    dimension = {
        "unit": "Hrs",
        "beginRange": "0",
        "endRange": "Inf",
        "description": f"${usd} per hour",
        "appliesTo": [],
        "rateCode": rate,
        "pricePerUnit": {currency: usd},
    }
    terms = {offer: {"priceDimensions": {rate: dimension}, "sku": sku, "effectiveDate": "2026-11-01T00:00:00Z"}}
    attributes = {"regionCode": BOOK.region, "usagetype": "APN2-InstanceUsage:db.t4g.small", "termType": term}
    return json.dumps(
        {
            "product": {"productFamily": family, "attributes": attributes, "sku": sku},
            "serviceCode": "AmazonRDS",
            "terms": {term: terms},
            "version": "20261101000000",
        }
    )


def answer(*products: str, **more: Any) -> dict[str, Any]:
    return {"FormatVersion": "aws_v1", "PriceList": list(products), **more}


def asked(service: str, **filters: str) -> dict[str, Any]:
    given = {"regionCode": BOOK.region, **filters}
    return {
        "ServiceCode": service,
        "FormatVersion": "aws_v1",
        "Filters": [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in given.items()],
    }


def ask(session: Session, *resources: tuple[str, dict[str, Any]], book: Book = BOOK) -> tuple[Quote, ...]:
    made = [Resource(address=f"{type_}.r{n}", type=type_, values=values) for n, (type_, values) in enumerate(resources)]
    return quotes(session, cost_of(made, book).lines, book)


def test_each_line_of_the_repositorys_book_is_asked_for(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    nat = asked(
        "AmazonEC2",
        productFamily="NAT Gateway",
        operation="NatGateway",
        groupDescription="Hourly charge for NAT Gateways",
    )
    stubber.add_response("get_products", answer(product("0.0590000000", family="NAT Gateway")), nat)
    rds = asked(
        "AmazonRDS",
        productFamily="Database Instance",
        databaseEngine="PostgreSQL",
        instanceType="db.t4g.small",
        deploymentOption="Single-AZ",
    )
    stubber.add_response("get_products", answer(product("0.0510000000")), rds)
    redis = asked("AmazonElastiCache", cacheEngine="Redis", usagetype="APN2-NodeUsage:cache.t4g.small")
    stubber.add_response("get_products", answer(product("0.0470000000", family="Cache Instance")), redis)

    found = ask(
        session, ("aws_nat_gateway", {}), ("aws_db_instance", DATABASE), ("aws_elasticache_replication_group", REDIS)
    )

    stubber.assert_no_pending_responses()
    told = [quote.to_json() for quote in found]
    assert [(line["item"], line["book"], line["aws"], line["difference"]) for line in told] == [
        ("NAT Gateway", 32, 43.07, 11.07),
        ("RDS", 23, 37.23, 14.23),
        ("Redis", 40, 68.62, 28.62),
    ]


def test_multi_az_is_listed_as_a_whole_and_not_doubled_once_more(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_response("get_products", answer(product("0.1020000000")))

    (found,) = ask(session, ("aws_db_instance", {**DATABASE, "multi_az": True}))

    assert found.line.monthly == 46
    assert found.monthly == pytest.approx(74.46)


def test_the_same_product_is_asked_for_once(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_response("get_products", answer(product("0.0590000000")))

    found = ask(session, *[("aws_nat_gateway", {})] * 3)

    assert [quote.monthly for quote in found] == [pytest.approx(43.07)] * 3


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (answer(), "AmazonEC2 lists nothing in USD with regionCode=ap-northeast-2, productFamily=NAT Gateway"),
        (answer(product("0.41", currency="CNY")), "AmazonEC2 lists nothing in USD with "),
        (answer(product("0.059", term="Reserved")), "AmazonEC2 lists nothing in USD with "),
        (answer(product("0.059"), product("0.038")), "AmazonEC2 lists several prices with "),
        (answer(product("0.059"), NextToken="more"), "AmazonEC2 lists several prices with "),
        (answer('{"product": {}}'), "AWS's answer is of an unexpected shape (KeyError('terms'))"),
        (answer("<html>"), "AWS's answer is of an unexpected shape (PayloadError("),
    ],
)
def test_where_there_is_not_one_price_there_is_none(
    given: dict[str, Any], reason: str, stub: tuple[Session, Stubber]
) -> None:
    session, stubber = stub
    stubber.add_response("get_products", given)

    (found,) = ask(session, ("aws_nat_gateway", {}))

    assert (found.monthly, found.difference) == (None, None)
    assert found.reason.startswith(reason)


def test_two_products_of_one_price_are_no_riddle(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_response("get_products", answer(product("0.0590000000"), product("0.0590000000")))

    assert [quote.monthly for quote in ask(session, ("aws_nat_gateway", {}))] == [pytest.approx(43.07)]


def test_a_filter_that_aws_does_not_know_is_that_lines_own_trouble(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_client_error("get_products", "InvalidParameterException", "Unknown attribute name")
    stubber.add_response("get_products", answer(product("0.0510000000")))

    nat, database = ask(session, ("aws_nat_gateway", {}), ("aws_db_instance", DATABASE))

    assert nat.reason == "asking AWS's price list: InvalidParameterException: Unknown attribute name"
    assert database.monthly == pytest.approx(37.23)


def test_who_may_not_ask_is_told_once(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_client_error("get_products", "AccessDeniedException", "not authorized to perform pricing:GetProducts")

    with pytest.raises(AwsError, match="pricing:GetProducts"):
        ask(session, ("aws_nat_gateway", {}), ("aws_db_instance", DATABASE))


def test_what_the_book_does_not_say_how_to_find_or_is_not_known_is_not_asked_for(
    stub: tuple[Session, Stubber],
) -> None:
    session, _ = stub
    book = Book.parse(
        """\
version: 1
region: eu-west-1
currency: USD
date: 2026-01-31
source: our contract
prices:
  - { item: A, type: aws_a, price: 1 }
  - { item: B, type: aws_b, price: 1, aws: { service: AmazonB, filters: { name: name } } }
""",
        path=Path("prices.yaml"),
    )

    found = ask(session, ("aws_a", {}), ("aws_b", Partial({"name": Pending("aws_b.r1.name")})), book=book)

    assert [quote.reason for quote in found] == [
        "the price book does not say how AWS lists it",
        "it can't be asked for: aws_b.r1.name",
    ]
