"""What is deployed, read from state objects and priced."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.bill import read_deployed
from orchestrator.errors import StateError, UsageError
from tests.estate import Store, state_text, target_of

if TYPE_CHECKING:
    from orchestrator.bill import Deployed
    from orchestrator.discovery import Estate

COMPUTE = "prod/compute/terraform.tfstate"


@pytest.fixture
def priced(estate: Estate) -> Estate:
    shutil.copy(Path(__file__).parents[1] / "prices.yaml", estate.root)
    return estate


def held(type_: str, *instances: dict[str, Any]) -> dict[str, Any]:
    """A resource in a state, with the attributes of its instances."""
    return {
        "mode": "managed",
        "type": type_,
        "name": "this",
        "instances": [{"index_key": n, "attributes": attributes} for n, attributes in enumerate(instances)],
    }


def read(estate: Estate) -> dict[str, Deployed]:
    return read_deployed(estate, target_of(estate.root, AWS_REGION="ap-northeast-2"))


def test_what_a_state_holds_is_priced(priced: Estate, store: Store) -> None:
    database = {"engine": "postgres", "instance_class": "db.t4g.small", "multi_az": True}
    resources = [held("aws_nat_gateway", {}, {}), held("aws_db_instance", database), held("aws_kms_key", {})]
    store.put_state(state_text(resources=[*resources, held("aws_vpc", {})]))

    found = read(priced)

    assert list(found) == ["prod/compute", "prod/foundation"]
    foundation = found["prod/foundation"].cost
    assert foundation is not None
    assert [(row.item, row.choice, row.monthly) for row in foundation.rows] == [
        ("NAT Gateway", "2", 64),
        ("RDS", "Multi-AZ", 46),
    ]
    assert ([item.address for item in foundation.unpriced], foundation.free) == (["aws_kms_key.this[0]"], 1)


def test_what_was_never_applied_or_is_taken_down_has_no_cost(priced: Estate, store: Store) -> None:
    store.put_state(state_text(resources=[]))

    found = read(priced)

    assert {id_: (deployed.cost, deployed.error) for id_, deployed in found.items()} == {
        "prod/compute": (None, None),
        "prod/foundation": (None, None),
    }


def test_a_state_that_can_not_be_read_is_its_layers_own_trouble(priced: Estate, store: Store) -> None:
    store.put_state("no state", key=COMPUTE)
    store.put_state(state_text(resources=[held("aws_nat_gateway", {})]))

    found = read(priced)

    assert isinstance(found["prod/compute"].error, StateError)
    cost = found["prod/foundation"].cost
    assert cost is not None
    assert cost.total == 32


def test_without_a_price_book_nothing_is_read(estate: Estate) -> None:
    with pytest.raises(UsageError) as caught:
        read(estate)

    assert caught.value.message == f"nothing here states prices: there is no {estate.root / 'prices.yaml'}"
