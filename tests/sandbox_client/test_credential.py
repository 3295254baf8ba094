from __future__ import annotations

import pytest

from orchestrator.sandbox.credential import Credential


def test_no_two_are_alike_and_neither_shows_itself() -> None:
    one, other = Credential.create(), Credential.create()

    assert not set(one.to_json().values()) & set(other.to_json().values())
    assert one.registry != other.registry
    assert not [key for key in one.to_json().values() if key in repr(one)]


def test_it_is_read_back() -> None:
    credential = Credential.create()

    assert Credential.from_json({**credential.to_json(), "pid": 1}) == credential


@pytest.mark.parametrize("data", [{"access_key": "a"}, {"access_key": "a", "secret_key": ""}])
def test_a_part_of_one_is_none(data: dict[str, str]) -> None:
    with pytest.raises((KeyError, ValueError)):
        Credential.from_json(data)


def test_what_it_proves_in_one_place_proves_nothing_in_another() -> None:
    """The server answers any challenge: that must not make a seal, nor tell the registry's path."""
    credential = Credential.create()

    said = {credential.answer("{}"), credential.answer(""), credential.answer('{"cli_config": ""}')}

    assert credential.seal({}) not in said
    assert credential.seal({"cli_config": ""}) not in said
    assert not [answer for answer in said if answer.startswith(credential.registry)]


def test_a_seal_is_of_the_data_and_not_of_its_order() -> None:
    credential = Credential.create()

    assert credential.seal({"a": 1, "b": 2}) == credential.seal({"b": 2, "a": 1})
    assert credential.seal({"a": 1}) != credential.seal({"a": 2})
    assert credential.seal({"a": 1}) != Credential.create().seal({"a": 1})
