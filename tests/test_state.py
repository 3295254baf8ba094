from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.errors import StateError
from orchestrator.state import State, attributes
from tests.estate import state_text
from tests.fakes import CANARY, recorded

URL = "s3://acme-state/prod/foundation/terraform.tfstate"


def read(text: str | bytes) -> State:
    return State.from_json(text, url=URL)


def resource(attributes: dict[str, Any], marks: list[Any] | None = None) -> dict[str, Any]:
    return {
        "mode": "managed",
        "type": "aws_x",
        "name": "this",
        "instances": [{"attributes": attributes, "sensitive_attributes": marks or []}],
    }


def step(name: str) -> dict[str, str]:
    return {"type": "get_attr", "value": name}


def index(key: object) -> dict[str, Any]:
    return {"type": "index", "value": {"value": key, "type": "number" if isinstance(key, int) else "string"}}


def test_a_recorded_state_is_read() -> None:
    state = read(recorded("state.json"))

    assert (state.serial, state.terraform_version, state.resource_count) == (7, "1.11.4", 6)
    assert state.lineage
    assert {name: output.shown for name, output in state.outputs.items()} == {
        "endpoint": "stays",
        "password": "(redacted)",
        "ports": [5432, 6379],
    }
    assert state.outputs["password"].value == CANARY
    assert CANARY in state.secrets


def test_a_secret_of_a_state_does_not_show() -> None:
    assert CANARY not in repr(read(recorded("state.json")))


def test_only_managed_instances_are_counted() -> None:
    managed = {"mode": "managed", "type": "a", "name": "b", "instances": [{}, {}]}
    data = {"mode": "data", "type": "a", "name": "b", "instances": [{}]}

    assert read(state_text(resources=[managed, data])).resource_count == 2


def test_addresses_are_those_of_terraforms_own_list() -> None:
    each = {"mode": "managed", "type": "a", "name": "b", "module": 'module.m["x"]'}
    resources = [
        {**each, "instances": [{"index_key": "k.1"}, {"index_key": 0}, {}]},
        {"mode": "managed", "type": "a", "name": "c", "instances": [{}, {"deposed": "1a2b3c4d"}]},
        {"mode": "data", "type": "a", "name": "d", "instances": [{}]},
    ]

    assert read(state_text(resources=resources)).addresses == (
        "a.c",
        'module.m["x"].a.b',
        'module.m["x"].a.b["k.1"]',
        'module.m["x"].a.b[0]',
    )


@pytest.mark.parametrize(
    ("attributes", "marks", "expected"),
    [
        ({"password": "by-its-name"}, [], {"by-its-name"}),
        ({"value": "by-its-mark", "name": "open"}, [[step("value")]], {"by-its-mark"}),
        ({"users": [{"pass": "deep"}, {"pass": "open"}]}, [[step("users"), index(0), step("pass")]], {"deep"}),
        ({"tags": {"token": "keyed"}}, [[step("tags"), index("token")]], {"keyed"}),
        ({"all": {"a": "one", "b": ["two"]}}, [[step("all")]], {"one", "two"}),
        ({"a": "x"}, [[step("gone")], [step("a"), index(3)]], set()),
        ({"port": 5432}, [[step("port")]], set()),
    ],
)
def test_secrets_are_found_by_mark_and_by_name(attributes: Any, marks: Any, expected: set[str]) -> None:
    assert read(state_text(resources=[resource(attributes, marks)])).secrets == expected


def test_a_mark_below_an_attribute_of_dynamic_type_is_followed() -> None:
    data = json.loads(recorded("state.json"))
    del data["outputs"]["password"]

    assert CANARY in read(json.dumps(data)).secrets


def test_the_type_of_a_dynamically_typed_value_is_no_secret() -> None:
    """Or the word would be masked in every path and address."""
    attributes = {
        "input": {"value": {"pin": 837465, "port": 5432}, "type": ["object", {"pin": "number", "port": "number"}]}
    }
    marks = [[{"type": "get_attr", "value": "input"}]]

    assert read(state_text(resources=[resource(attributes, marks)])).secrets == {"837465"}


def test_the_fields_of_a_secret_that_is_json_are_secrets() -> None:
    text = json.dumps({"password": "hunter2", "nested": ["hunter3"]})
    secrets = read(state_text(resources=[resource({"secret_string": text}, [])])).secrets

    assert secrets == {text, "hunter2", "hunter3"}


def test_a_sensitive_output_is_a_secret() -> None:
    text = state_text(outputs={"users": {"value": {"admin": "hunter2"}, "sensitive": True}})

    assert read(text).secrets == {"hunter2"}


@pytest.mark.parametrize(
    "text",
    ["not json", "[]", "null", "{}", '{"version": 4}', b"\xff\xfe", state_text().replace('"resources": []', '"r": []')],
)
def test_what_is_no_state_is_refused_with_its_url(text: str | bytes) -> None:
    with pytest.raises(StateError, match="this is not a Terraform state") as caught:
        read(text)

    assert caught.value.message.startswith(URL)
    assert caught.value.hint is None, "whoever knows the layer names the command"


def test_another_format_is_refused_rather_than_guessed_at() -> None:
    with pytest.raises(StateError, match="state format 3, and wealist reads 4"):
        read(state_text().replace('"version": 4', '"version": 3'))


def test_what_a_layer_publishes_is_known() -> None:
    outputs = {
        "vpc_id": "vpc-1",
        "subnets": {"value": ["subnet-1", {"zone": "a"}], "type": "list"},
        "password": {"value": "hunter2", "type": "string", "sensitive": True},
    }

    assert read(state_text(outputs=outputs)).public == {"vpc-1", "subnet-1", "a"}


def test_what_a_state_holds_of_one_resource() -> None:
    module = {**resource({"id": "b", "auth_token": CANARY}), "module": "module.cache"}
    deposed = {"deposed": "abc", "attributes": {"id": "old"}}
    module["instances"] = [deposed, {**module["instances"][0], "index_key": 0}]
    text = state_text(resources=[resource({"id": "a"}), module, {**resource({"id": "c"}), "mode": "data"}])

    assert attributes(text, "aws_x.this") == {"id": "a"}
    assert attributes(text, "module.cache.aws_x.this[0]") == {"id": "b", "auth_token": CANARY}
    assert attributes(text, "module.cache.aws_x.this") is None
    assert attributes(text, "data.aws_x.this") is None
