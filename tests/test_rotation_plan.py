"""What the plan of a rotation may do, and what it must."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest

from orchestrator.config import RotationConfig
from orchestrator.errors import GuardError
from orchestrator.plan import Plan
from orchestrator.rotation_plan import Rule
from tests.plans import change, plan
from tests.redis import TARGET, VERSION, Redis

RULE = Rule(
    name="token",
    layer="prod/foundation",
    addresses=RotationConfig(replace=VERSION, target=TARGET),
    command=lambda *words: shlex.join(["wealist", "--sandbox", *words]),
)


def test_both_halves_and_nothing_else_pass() -> None:
    RULE.check(Plan.from_json(Redis.plan(), digest="sha256:00"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([], f"makes no new value: {VERSION} is not in it"),
        ([change(VERSION, "replace", {"id": "v"}, {})], f"makes a new value, and {TARGET} would not be given it"),
        (
            [change(VERSION, "replace", {"id": "v"}, {}), change(TARGET, "update", {"auth_token": "a"}, {"x": 1})],
            f"changes more than the token: {TARGET}.x",
        ),
        ([change(VERSION, "delete", {"id": "v"}, None)], f"changes more than the token: {VERSION}"),
    ],
)
def test_anything_else_is_refused(changes: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(GuardError, match=re.escape(message)) as caught:
        RULE.check(plan(*changes))

    assert caught.value.hint


def test_a_group_that_changes_in_another_way_is_given_no_token() -> None:
    strategy = change(TARGET, "update", {"auth_token_update_strategy": "SET"}, {"auth_token_update_strategy": "ROTATE"})

    with pytest.raises(GuardError, match="would not be given it") as caught:
        RULE.check(plan(change(VERSION, "replace", {"id": "v"}, {}), strategy))

    assert caught.value.hint == (
        f"in the HCL, auth_token of {TARGET} has to come from {VERSION}; both addresses stand in wealist.yaml, at "
        "secrets.token.rotation"
    )
