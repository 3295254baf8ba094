"""Whatever is in a lock, a state, a file or an argument: an answer or an error, and never a bug of wealist's."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from orchestrator.cli.boundary import BUG
from orchestrator.cli.boundary import run as wealist
from orchestrator.errors import StateError
from orchestrator.events import parse, without_source
from orchestrator.lock import Lock
from orchestrator.state import State
from tests.estate import BUCKET, KEY, TABLE, Store, state_text

if TYPE_CHECKING:
    from orchestrator.discovery import Estate
    from tests.fakes import FakeRunner

    Capture = pytest.CaptureFixture[str]

DEEP = "[" * 100_000
LONG = "9" * 6000
TEXTS = {
    "nothing": "",
    "blank": " \n",
    "a page": "<html>",
    "deep": DEEP,
    "deep and closed": "[" * 400 + "]" * 400,
    "deep objects": '{"a":' * 900 + "1" + "}" * 900,
    "a long number": LONG,
    "no number": "NaN",
    "infinite": "1e999",
    "null": "null",
    "a list": "[]",
    "a text": '"x"',
    "half a pair": '{"a": "\\ud800"}',
    "an empty object": "{}",
    "a state of nulls": '{"version":4,"serial":null,"lineage":null,"terraform_version":null,"outputs":null,"resources":null}',
    "a state of numbers": state_text().replace('"resources": []', '"resources": [1, null]'),
    "odd instances": state_text(resources=[{"mode": "managed", "type": "t", "name": "n", "instances": [1]}]),
    "odd paths": state_text(
        resources=[
            {
                "mode": "managed",
                "type": "t",
                "name": "n",
                "instances": [{"attributes": [], "sensitive_attributes": [[1], None]}],
            }
        ]
    ),
    "odd outputs": state_text().replace('"outputs": {}', '"outputs": {"a": 1}'),
    "an odd event": '{"type": "diagnostic", "diagnostic": {"range": [1]}}',
    "an odd summary": '{"type": "change_summary", "changes": {"add": "many"}}',
    "an odd resource": '{"type": "apply_complete", "hook": {"resource": [], "elapsed_seconds": {}}}',
    "controls": json.dumps({"Who": "\x00\x1b[2K\x9b\u202e\u200b\n", "ID": ["\x1b"]}, ensure_ascii=False),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_parser_answers_or_refuses(text: str) -> None:
    Lock.from_json(text, where="table").describe()
    parse(text)
    without_source(text)
    with suppress(StateError):
        State.from_json(text, url="s3://b/k")


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_state_and_no_lock_ends_a_command_with_a_bug(
    text: str, shell: FakeRunner, store: Store, estate: Estate, capsys: Capture
) -> None:
    store.put_version(state_text())
    store.put_version(text)
    store.dynamodb.put_item(TableName=TABLE, Item={"LockID": {"S": f"{BUCKET}/{KEY}"}, "Info": {"S": text}})
    folder = estate.layer("foundation").path / ".terraform"
    folder.mkdir(exist_ok=True)
    (folder / "terraform.tfstate").write_text(text)

    for words in (
        ["status"],
        ["locks"],
        ["locks", "--json"],
        ["output", "foundation"],
        ["state", "history", "foundation"],
    ):
        assert wealist(words) != BUG, words
    assert wealist(["unlock", "foundation", "--confirm", "foundation"]) == 0
    assert wealist(["preflight", "foundation"]) != BUG
    out, err = capsys.readouterr()
    assert not set(out + err) & set("\x00\x1b\x9b\u202e\u200b")


ODD = ["\x1b[2K", "\u202e", "[bold red]x[/b]", "a[/b]", "\udcff", "x" * 5000, "-", "", "..", "a\nb"]


@pytest.mark.parametrize("odd", ODD)
def test_no_word_ends_a_command_with_a_bug(odd: str, shell: FakeRunner, store: Store, capsys: Capture) -> None:
    store.put_state(state_text(outputs={"a": 1}))
    for words in (
        ["plan", odd],
        ["output", "foundation", odd],
        ["secrets", odd],
        ["why", odd],
        ["plan", "foundation", "--set", f"n={odd}"],
        ["plan", "foundation", "--set", f"{odd}=1"],
        ["plan", "foundation", "--target", odd],
        ["plan", "foundation", "--lock-timeout", odd],
        ["cost", "foundation", "--max-monthly-delta", LONG],
        ["state", "restore", "foundation", "--version", odd, "--confirm", "foundation"],
        ["-C", odd, "status"],
        [odd],
    ):
        assert wealist(words) != BUG, words
    out, err = capsys.readouterr()
    assert not set(out + err) & set("\x1b\u202e")


@pytest.mark.parametrize("name", ["wealist.yaml", "terraform/prod/foundation/contract.yaml", "prices.yaml"])
@pytest.mark.parametrize(
    "text", [TEXTS["deep"], TEXTS["controls"], LONG, "a: &a [*a]", 'a: "\\0"', "a: !!bool x", "\x1b", "a: 2026-99-99"]
)
def test_no_file_of_yaml_ends_a_command_with_a_bug(
    text: str, name: str, shell: FakeRunner, store: Store, estate: Estate, capsys: Capture
) -> None:
    (estate.root / name).write_text(text)

    assert wealist(["graph", "--no-state"]) != BUG
    assert wealist(["verify", "foundation", "--plan"]) != BUG
    assert wealist(["cost", "foundation"]) != BUG
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "x = " + DEEP,
        'terraform { backend "s3" { key = ' + "[" * 5000 + "]" * 5000 + " } }",
        'terraform { backend "s3" { key = ' + LONG + " } }",
        'data "terraform_remote_state" "a" { backend = "s3"\n config = { bucket = "b", key = "k", port = 0x1F } }',
        'data "terraform_remote_state" "a" { backend = "s3"\n config = { key = ' + LONG + " } }",
        'module "m" { source = "./\\u0000" }',
        'module "m" { source = "\\UFFFFFFFF" }',
        'variable "v" { default = -' + LONG + " }",
        "a {" * 3000 + "}" * 3000,
        'output "\\u001b[2K" { value = 1 }',
        "\x1b[2K",
    ],
)
def test_no_hcl_ends_a_command_with_a_bug(
    text: str, shell: FakeRunner, store: Store, estate: Estate, capsys: Capture
) -> None:
    (estate.layer("foundation").path / "other.tf").write_text(text)

    for words in (["why", "foundation"], ["graph", "--no-state"], ["preflight", "foundation"], ["plan", "foundation"]):
        assert wealist(words) != BUG, words
    assert "\x1b" not in capsys.readouterr().err


def test_json_of_a_run_is_whole_in_an_encoding_without_its_characters(
    shell: FakeRunner, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    store.put_state(state_text(outputs={"name": "한\x9b\u202e"}))

    assert wealist(["output", "foundation", "--json"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out) == {"name": "한\x9b\u202e"}
    assert "\x9b" not in out
    assert sys.stdout.errors == "wealist.marks"
