"""Whose account a plan is made in, from its own JSON."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.layer import AWS
from orchestrator.provider_config import read_planned

ACCOUNT = "210987654321"
ARN = f"arn:aws:iam::{ACCOUNT}:role/x"


def constant(value: Any) -> dict[str, Any]:
    return {"constant_value": value}


def plan(**entries: Any) -> dict[str, Any]:
    return {"configuration": {"provider_config": entries}}


def only(**expressions: Any) -> Any:
    entry = {"name": "aws", "full_name": AWS, "expressions": expressions}
    (provider,) = read_planned(plan(aws=entry))
    return provider


def test_every_configuration_has_its_module_and_alias() -> None:
    found = read_planned(
        plan(
            **{
                "aws": {"name": "aws", "full_name": AWS},
                "aws.hub": {"name": "aws", "full_name": AWS, "alias": "hub"},
                "module.a:aws": {"name": "aws", "full_name": AWS, "module_address": "module.a"},
                "x": {"name": "x", "full_name": "example.com/acme/x"},
            }
        )
    )

    assert [(provider.is_aws, provider.module, provider.alias) for provider in found] == [
        (True, "", None),
        (True, "", "hub"),
        (True, "module.a", None),
        (False, "", None),
    ]


@pytest.mark.parametrize(
    "role",
    [
        [{"role_arn": constant(ARN)}],
        [{"role_arn": constant("arn:aws:iam::1:role/x")}, {"role_arn": constant(ARN)}],
        {"role_arn": constant(ARN)},
        constant({"role_arn": ARN}),
    ],
)
@pytest.mark.parametrize("name", ["assume_role", "assume_role_with_web_identity"])
def test_a_constant_role_names_its_account(role: Any, name: str) -> None:
    found = only(**{name: role})

    assert (found.account, found.elsewhere) == (ACCOUNT, None)


@pytest.mark.parametrize(
    ("given", "elsewhere"),
    [
        ({"assume_role": [{"role_arn": {"references": ["var.role"]}}]}, "assume_role"),
        ({"assume_role": [{"role_arn": {}}]}, "assume_role"),
        ({"assume_role": [{}]}, "assume_role"),
        ({"profile": constant("ops")}, "profile"),
        ({"access_key": {"references": ["var.key"]}}, "access_key"),
        ({"profile": constant(None), "region": constant("x")}, None),
        ({}, None),
    ],
)
def test_any_other_expression_is_only_told_to_be_there(given: dict[str, Any], elsewhere: str | None) -> None:
    found = only(**given)

    assert (found.role_arn, found.elsewhere) == (None, elsewhere)


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        (constant([ACCOUNT]), (ACCOUNT,)),
        (constant([]), None),
        ({"references": ["var.accounts"]}, None),
        (None, None),
    ],
)
def test_the_accounts_that_are_allowed(given: Any, allowed: Any) -> None:
    assert only(**({"allowed_account_ids": given} if given else {})).allowed_accounts == allowed


@pytest.mark.parametrize("data", [{}, {"configuration": {}}, {"configuration": {"provider_config": None}}])
def test_a_plan_without_providers_has_none(data: dict[str, Any]) -> None:
    assert list(read_planned(data)) == []
