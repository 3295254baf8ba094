"""Addresses that name nothing are refused, where Terraform would pass over them in silence."""

from __future__ import annotations

import shlex

import pytest

from orchestrator import address
from orchestrator.errors import UsageError
from orchestrator.state import State
from tests.estate import layer, state_text


def command(*words: str) -> str:
    return shlex.join(["wealist", "--sandbox", *words])


def state() -> State:
    made = [
        {"mode": "managed", "type": "aws_vpc", "name": "this", "instances": [{"attributes": {}}]},
        {
            "mode": "managed",
            "module": "module.db",
            "type": "aws_db_instance",
            "name": "this",
            "instances": [{"attributes": {}, "index_key": 0}],
        },
    ]
    return State.from_json(state_text(resources=made), url="s3://b/k")


LAYER = layer(blocks=frozenset({"aws_vpc.this", "module.vpc", "data.aws_region.this"}))


@pytest.mark.parametrize(
    "target",
    [
        "aws_vpc.this",
        "aws_vpc.this[0]",
        'module.vpc["a"].aws_subnet.private[0]',
        "module.vpc",
        "data.aws_region.this",
        "module.db.aws_db_instance.this[0]",  # in the state alone: its HCL is gone
    ],
)
def test_what_is_in_the_hcl_or_in_the_state_can_be_a_target(target: str) -> None:
    address.check_targets([target], [LAYER], {LAYER.id: state()}, command=command)


@pytest.mark.parametrize(
    ("target", "near"),
    [("aws_vpc.thiss", "did you mean aws_vpc.this?"), ("module.vpd", "did you mean module.vpc?"), ("nonsense", None)],
)
def test_a_target_that_names_nothing_is_refused(target: str, near: str | None) -> None:
    with pytest.raises(UsageError, match="--target") as caught:
        address.check_targets([target], [LAYER], {LAYER.id: None}, command=command)

    assert caught.value.hint == (near or "wealist --sandbox tf prod/foundation -- state list")


def test_what_is_replaced_must_be_in_the_state_to_the_letter() -> None:
    address.check_replaced(["module.db.aws_db_instance.this[0]"], [LAYER], {LAYER.id: state()}, command=command)

    with pytest.raises(UsageError, match="--replace") as caught:
        address.check_replaced(["module.db.aws_db_instance.this"], [LAYER], {LAYER.id: state()}, command=command)
    assert caught.value.hint == "did you mean module.db.aws_db_instance.this[0]?"
