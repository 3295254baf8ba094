from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.layer import Location
from tests.estate import backend, layer, variable


def test_a_location_prints_as_file_and_line() -> None:
    assert str(Location(Path("terraform/backend.tf"), 12)) == "terraform/backend.tf:12"


@pytest.mark.parametrize(
    ("id_", "name", "environment"),
    [("prod/foundation", "foundation", "prod"), ("eu/prod/db", "db", "eu/prod"), ("network", "network", "")],
)
def test_an_id_holds_environment_and_short_name(id_: str, name: str, environment: str) -> None:
    found = layer(id_)

    assert (found.name, found.environment) == (name, environment)


@pytest.mark.parametrize(
    ("type_", "is_primitive"),
    [(None, True), ("string", True), ("number", True), ("bool", True), ("list(string)", False), ("any", False)],
)
def test_primitive_types_are_taken_literally(type_: str | None, *, is_primitive: bool) -> None:
    assert variable("name", type_).is_primitive is is_primitive


def test_two_backends_are_the_same_wherever_they_are_written() -> None:
    assert backend(location=Location(Path("a.tf"), 1)) == backend(location=Location(Path("b.tf"), 9))
    assert backend(key="one") != backend(key="two")
