from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
import pytest

from orchestrator import lookup
from orchestrator.errors import SecretError, StateError, UsageError
from tests.estate import REGION, Store, state_text, target_of
from tests.fakes import CANARY

if TYPE_CHECKING:
    from orchestrator.discovery import Estate
    from orchestrator.target import Target


@pytest.fixture
def target(estate: Estate) -> Target:
    return target_of(estate.root)


@pytest.fixture
def arn(store: Store) -> str:
    """A secret, and a state whose output names it."""
    text = json.dumps({"username": "admin", "password": CANARY})
    client = boto3.client("secretsmanager", region_name=REGION)
    arn: str = client.create_secret(Name="db", SecretString=text)["ARN"]
    store.put_state(state_text(outputs={"db_secret_arn": arn, "endpoint": "db.local"}))
    return arn


def test_outputs_are_read_from_the_state(estate: Estate, target: Target, arn: str) -> None:
    outputs = lookup.read_outputs(estate.layer("foundation"), target)

    assert {name: output.value for name, output in outputs.items()} == {"db_secret_arn": arn, "endpoint": "db.local"}


def test_a_layer_that_was_never_applied_has_no_outputs(estate: Estate, target: Target, store: Store) -> None:
    with pytest.raises(StateError, match="layer prod/foundation was never applied") as caught:
        lookup.read_outputs(estate.layer("foundation"), target)

    assert caught.value.hint == "wealist up foundation"


def test_one_output_by_name(estate: Estate, target: Target, arn: str) -> None:
    assert lookup.find_output(estate.layer("foundation"), "endpoint", target).value == "db.local"


@pytest.mark.parametrize(
    ("name", "hint"), [("endpiont", "did you mean endpoint?"), ("qqq", "wealist output foundation")]
)
def test_an_output_that_is_not_there(estate: Estate, target: Target, arn: str, name: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"layer prod/foundation has no output '{name}'") as caught:
        lookup.find_output(estate.layer("foundation"), name, target)

    assert caught.value.hint == hint


def test_a_secret_is_found_by_the_name_in_the_file(estate: Estate, target: Target, arn: str) -> None:
    secret = lookup.find_secret(estate, "db-password", target)

    assert (secret.arn, secret.value("password")) == (arn, CANARY)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("db-pasword", "did you mean db-password?"), ("qqq", "declared in wealist.yaml: db-password")],
)
def test_a_secret_that_is_not_declared(estate: Estate, target: Target, name: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"there is no secret '{name}'") as caught:
        lookup.find_secret(estate, name, target)

    assert caught.value.hint == hint


def test_a_secret_of_a_layer_that_was_never_applied(estate: Estate, target: Target, store: Store) -> None:
    with pytest.raises(SecretError, match="layer prod/foundation was never applied, so it has none yet") as caught:
        lookup.find_secret(estate, "db-password", target)

    assert caught.value.hint == "wealist up foundation"
    assert caught.value.exit_code == 14


@pytest.mark.parametrize("outputs", [{}, {"db_secret_arn": {"value": ["a"], "type": "list"}}])
def test_a_secret_whose_output_is_not_there_or_no_text(
    estate: Estate, target: Target, store: Store, outputs: dict[str, object]
) -> None:
    store.put_state(state_text(outputs=outputs))

    with pytest.raises(SecretError, match="has no output 'db_secret_arn' that holds an ARN") as caught:
        lookup.find_secret(estate, "db-password", target)

    assert "secrets.db-password.output in wealist.yaml" in str(caught.value.hint)
