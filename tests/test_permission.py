"""An address that a guard lets pass belongs to one layer."""

from __future__ import annotations

import pytest

from orchestrator import permission
from orchestrator.errors import UsageError

IDS = ["prod/foundation", "prod/compute"]
FLAG = "--allow-destroy"


def resolve(name: str) -> str:
    return {"foundation": "prod/foundation", "compute": "prod/compute", "edge": "prod/edge"}.get(name, name)


def normalize(*given: str, ids: list[str] = IDS) -> tuple[str, ...]:
    return permission.normalize(given, ids, resolve=resolve, flag=FLAG)


def test_in_a_run_over_one_layer_an_address_stands_alone() -> None:
    assert normalize("aws_vpc.this", ids=["prod/foundation"]) == ("prod/foundation:aws_vpc.this",)


def test_over_several_it_has_to_say_whose_it_is() -> None:
    with pytest.raises(UsageError, match=r"--allow-destroy aws_vpc\.this: several layers are in this run") as caught:
        normalize("aws_vpc.this")

    assert caught.value.hint == "--allow-destroy 'prod/foundation:aws_vpc.this'"


def test_a_layer_may_be_named_by_its_short_name() -> None:
    assert normalize("compute:aws_eks_cluster.this") == ("prod/compute:aws_eks_cluster.this",)


def test_a_layer_that_is_not_in_the_run_is_refused() -> None:
    with pytest.raises(UsageError, match="prod/edge is not in this run"):
        normalize("edge:aws_vpc.this")


def test_a_colon_in_an_index_is_no_layer() -> None:
    address = 'module.db["a:b"].aws_db_instance.this'

    assert normalize(address, ids=["prod/foundation"]) == (f"prod/foundation:{address}",)


def test_what_passes_in_one_layer_does_not_in_another() -> None:
    given = normalize("foundation:aws_s3_bucket.this")

    assert permission.of_layer(given, "prod/foundation") == ("aws_s3_bucket.this",)
    assert permission.of_layer(given, "prod/compute") == ()
