from __future__ import annotations

from orchestrator.outputs import Output
from tests.fakes import CANARY


def test_a_sensitive_value_shows_only_when_it_is_asked_for() -> None:
    output = Output.from_json("password", {"value": CANARY, "sensitive": True, "type": "string"})

    assert output.value == CANARY
    assert output.shown == "(redacted)"
    assert CANARY not in repr(output)


def test_a_plain_value_shows_as_it_is() -> None:
    output = Output.from_json("ports", {"value": [5432, 6379], "type": ["tuple", ["number", "number"]]})

    assert output.shown == [5432, 6379]
    assert repr(output) == "Output(name='ports', value=[5432, 6379], is_sensitive=False)"


def test_a_sensitive_output_of_an_event_stream_has_no_value() -> None:
    assert Output.from_json("password", {"sensitive": True}).value is None
