from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import StateError
from orchestrator.history import read_history
from orchestrator.target import Target, aws_target
from tests.estate import BUCKET, KEY, LINEAGE, Store, state_text
from tests.fakes import CANARY, recorded

if TYPE_CHECKING:
    from orchestrator.discovery import Estate
    from orchestrator.layer import Layer


@pytest.fixture
def target(estate: Estate) -> Target:
    return aws_target(estate.root, {})


@pytest.fixture
def layer(estate: Estate) -> Layer:
    return estate.layer("foundation")


def test_every_version_says_what_it_was(store: Store, layer: Layer, target: Target) -> None:
    first = store.put_version(state_text(serial=1))
    second = store.put_version(recorded("state.json"))

    newest, oldest = read_history(layer, target)

    assert newest.state is not None
    assert oldest.state is not None
    assert (newest.id, newest.is_current, newest.state.serial, newest.state.resource_count) == (second, True, 7, 6)
    assert (oldest.id, oldest.is_current, oldest.state.serial, oldest.size) == (
        first,
        False,
        1,
        len(state_text(serial=1)),
    )


def test_what_is_no_state_is_a_row_that_says_so(store: Store, layer: Layer, target: Target) -> None:
    store.put_state("<html>")
    store.put_state(" ")
    store.put_state('{"version": 3}')
    store.s3.delete_object(Bucket=BUCKET, Key=KEY)

    found = read_history(layer, target)

    assert [version.state for version in found] == [None] * 4
    assert (found[0].is_delete_marker, found[0].error) == (True, None)
    errors = {version.error for version in found[1:]}
    assert "it is empty" in errors
    assert any(str(error).startswith("this is not a Terraform state") for error in errors)
    assert any(str(error).startswith("state format 3") for error in errors)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        state_text().replace('"serial": 7', '"serial": ' + "7" * 6000),
        state_text().replace('"serial": 7', '"serial": "one"'),
        state_text().replace('"1.11.4"', '{"a": 1}'),
        state_text().replace('"outputs": {}', '"outputs": []'),
        state_text().replace(LINEAGE, "x").replace('"x"', "null"),
        '{"version": 4}',
        "[]",
        '"text"',
    ],
)
def test_a_hostile_version_is_a_row_and_not_the_end(text: str, store: Store, layer: Layer, target: Target) -> None:
    good = store.put_version(state_text(serial=3))
    store.put_version(text)

    newest, oldest = read_history(layer, target)

    assert newest.state is None
    assert str(newest.error).startswith("this is not a Terraform state")
    assert oldest.state is not None
    assert (oldest.id, oldest.state.serial) == (good, 3)


def test_a_version_that_is_too_large_is_not_read(
    store: Store, layer: Layer, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_version(state_text())
    monkeypatch.setattr("orchestrator.history.LONGEST_STATE", 10)

    (only,) = read_history(layer, target)

    assert only.body == b""
    assert str(only.error).startswith("it is larger than")


def test_no_more_than_was_asked_for_is_read(store: Store, layer: Layer, target: Target) -> None:
    for serial in range(5):
        store.put_state(state_text(serial=serial))

    assert [v.state.serial for v in read_history(layer, target, limit=2) if v.state] == [4, 3]


def test_a_layer_that_was_never_applied_has_none(store: Store, layer: Layer, target: Target) -> None:
    assert read_history(layer, target) == []


def test_no_bucket_says_how_to_make_one(aws: None, layer: Layer, target: Target) -> None:
    with pytest.raises(StateError, match="does not exist"):
        read_history(layer, target)


def test_no_secret_of_a_state_is_in_its_history(store: Store, layer: Layer, target: Target) -> None:
    store.put_state(recorded("state.json"))

    (version,) = read_history(layer, target)

    assert CANARY not in repr(version)
    assert CANARY not in json.dumps(version.to_json())


def test_a_version_is_data_for_scripts(store: Store, layer: Layer, target: Target) -> None:
    store.put_state(state_text(serial=3))

    (version,) = read_history(layer, target)
    data = version.to_json()

    assert json.loads(json.dumps(data)) == data
    assert (data["serial"], data["resources"], data["terraform_version"], data["error"]) == (3, 0, "1.11.4", None)
    assert data["is_current"] is True
