"""Everything that a layer has, from a plan or a state, as one document."""

from __future__ import annotations

import json

import pytest

from orchestrator.inventory import Inventory
from orchestrator.query import NotKnownError, search
from orchestrator.redaction import MASK
from tests.fakes import recorded, recorded_json
from tests.plans import change, plan_json

PASSWORD = "hunter2-hunter2"


def planned() -> Inventory:
    database = change(
        "module.rds.aws_db_instance.this[0]",
        "create",
        None,
        {"class": "small", "password": PASSWORD, "tags": {"a": "b"}, "ports": [1]},
        after_unknown={"arn": True, "tags": {}, "ports": [False]},
        after_sensitive={"tags": {"a": True}},
    )
    gone = change("aws_s3_bucket.old", "delete", {"bucket": "old"})
    data = plan_json(database, gone, outputs={"arn": "create"})
    data["output_changes"]["arn"] |= {"after_unknown": True}
    data["variables"] = {"size": {"value": "3"}, "key": {"value": PASSWORD}}
    data["configuration"] = {"root_module": {"variables": {"size": {"default": 1}, "key": {"sensitive": True}}}}
    return Inventory.planned(data)


def test_a_plan_says_what_there_will_be() -> None:
    document = planned().document()
    assert search("aws_db_instance[].[address, class]", document) == [["module.rds.aws_db_instance.this[0]", "small"]]
    assert "aws_s3_bucket" not in document
    assert search("var.size", document) == "3"
    assert planned().defaults["size"] == 1


@pytest.mark.parametrize("expression", ["aws_db_instance[0].arn", "output.arn"])
def test_what_the_apply_decides_is_pending(expression: str) -> None:
    with pytest.raises(NotKnownError):
        search(expression, planned().document())


@pytest.mark.parametrize("expression", ["aws_db_instance[0].password", "aws_db_instance[0].tags.a", "var.key"])
def test_what_is_sensitive_is_masked(expression: str) -> None:
    assert search(expression, planned().document()) == MASK


def test_a_plan_says_what_there_is() -> None:
    data = plan_json()
    resource = {"address": "aws_vpc.this", "mode": "managed", "type": "aws_vpc", "values": {"cidr": "10.0.0.0/16"}}
    data_source = {"address": "data.aws_region.this", "mode": "data", "type": "aws_region", "values": {}}
    inner = {"resources": [{**resource, "address": "module.a.aws_vpc.this"}]}
    values = {"root_module": {"resources": [resource, data_source], "child_modules": [inner]}, "outputs": {}}
    values["outputs"] = {"id": {"value": "vpc-1"}, "token": {"value": PASSWORD, "sensitive": True}}
    found = Inventory.prior({**data, "prior_state": {"values": values}})
    assert [resource.address for resource in found.resources] == ["aws_vpc.this", "module.a.aws_vpc.this"]
    assert found.outputs == {"id": "vpc-1", "token": MASK}


def test_what_a_plan_with_targets_says_nothing_of_stays() -> None:
    """Terraform leaves it out of the changes altogether, and the outputs too."""
    values = {"address": "aws_vpc.this", "mode": "managed", "type": "aws_vpc", "values": {"cidr": "10.0.0.0/16"}}
    moved = {**values, "address": "aws_vpc.old"}
    data = plan_json(change("aws_vpc.new", "no-op", {}, {"cidr": "x"}) | {"previous_address": "aws_vpc.old"})
    prior = {"root_module": {"resources": [values, moved]}, "outputs": {"id": {"value": "vpc-1"}}}
    found = Inventory.planned({**data, "prior_state": {"values": prior}})
    assert sorted(resource.address for resource in found.resources) == ["aws_vpc.new", "aws_vpc.this"]
    assert found.outputs == {"id": "vpc-1"}


def test_a_policy_can_be_looked_into() -> None:
    data = plan_json(change("aws_kms_key.this", "create", None, {"policy": '{"Statement": [{"Effect": "Allow"}]}'}))
    document = Inventory.planned(data).document()
    assert search("aws_kms_key[0].policy.Statement[].Effect", document) == ["Allow"]
    plain = plan_json(change("aws_ssm_parameter.this", "create", None, {"value": "{ not json"}))
    assert search("aws_ssm_parameter[0].value", Inventory.planned(plain).document()) == "{ not json"


def test_a_first_plan_finds_nothing() -> None:
    assert Inventory.prior(plan_json()).resources == ()


def test_recordings_of_terraform_are_read_whole() -> None:
    found = Inventory.planned(recorded_json("plan-create.json"))
    assert found.resources
    assert all(resource.values for resource in found.resources)


def test_a_state_is_read_with_its_addresses_and_without_its_secrets() -> None:
    text = recorded("state.json")
    data = json.loads(text)
    found = Inventory.of_state(text)
    managed = sum(len(resource["instances"]) for resource in data["resources"] if resource["mode"] == "managed")
    assert len(found.resources) == managed
    secret = {
        "mode": "managed",
        "type": "aws_secretsmanager_secret_version",
        "name": "this",
        "instances": [
            {
                "index_key": "a",
                "attributes": {"secret_string": PASSWORD, "policy": PASSWORD, "id": "x"},
                "sensitive_attributes": [[{"type": "get_attr", "value": "policy"}]],
            }
        ],
    }
    (resource,) = Inventory.of_state(json.dumps({**data, "resources": [secret]})).resources
    assert resource.address == 'aws_secretsmanager_secret_version.this["a"]'
    assert resource.values == {"secret_string": MASK, "policy": MASK, "id": "x"}
