from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config import Config
from orchestrator.contract import Contract
from orchestrator.document import parse
from orchestrator.errors import ConfigError
from orchestrator.price import Book

PATH = Path("file.yaml")
LAUGHS = "a: &a [x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.mark.parametrize("model", [Config, Contract, Book])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"version: 1\n{LAUGHS}", "file.yaml:2: &a: anchors and aliases are not read"),
        ("version: 1\nx: &x\n  y: *x\n", "file.yaml:2: &x: anchors and aliases are not read"),
        ("version: 1\n\ny: *x\n", "file.yaml:3: *x: anchors and aliases are not read"),
        ("version: 1\nx: " + "[" * 60 + "]" * 60, "file.yaml:2: this is nested more than 50 levels deep"),
        ("x: " + "[" * 100_000, "file.yaml:1: this is "),
        ("x: [" + "1," * 250_000 + "1]", "file.yaml:1: there are more than 200000 values in this file"),
        ('version: 1\nx: "a\\0b"', "file.yaml:2: a value holds a NUL character"),
        ("x: " + "9" * 6000, "file.yaml:1: this is not valid YAML"),
        ("x: !!bool maybe", "file.yaml:1: this is not valid YAML"),
        ("x: !!int ''", "file.yaml:1: this is not valid YAML"),
        ("x: !!timestamp never", "file.yaml:1: this is not valid YAML"),
        ("x: 2026-99-99", "file.yaml:1: this is not valid YAML"),
        ("? [a]\n: 1", "file.yaml:1: this is not valid YAML"),
    ],
)
def test_a_hostile_file_is_an_error_with_its_line(text: str, message: str, model: type[Config]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, model, path=PATH, smallest="version: 1")

    assert caught.value.message.startswith(message)
