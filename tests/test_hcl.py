from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import hcl
from orchestrator.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def parse(folder: Path, text: str) -> hcl.Block:
    path = folder / "main.tf"
    path.write_text(text, encoding="utf-8")
    return hcl.parse_file(path)


def value(folder: Path, text: str) -> Any:
    return parse(folder, f"x = {text}\n").attributes["x"].value


def test_blocks_have_type_labels_attributes_and_lines(tmp_path: Path) -> None:
    file = parse(
        tmp_path,
        '# a comment\nresource "aws_vpc" "this" {\n  cidr = "10.0.0.0/16"\n\n  tags {\n    a = 1\n  }\n}\n',
    )

    (block,) = file.blocks
    assert (block.type, block.labels) == ("resource", ("aws_vpc", "this"))
    assert str(block.location) == f"{tmp_path / 'main.tf'}:2"
    assert block.attributes["cidr"].value == "10.0.0.0/16"
    assert str(block.attributes["cidr"].location).endswith(":3")
    assert block.blocks[0].type == "tags"
    assert block.blocks[0].location.line == 5


def test_find_takes_type_and_leading_labels(tmp_path: Path) -> None:
    file = parse(tmp_path, 'data "a" "one" {}\ndata "a" "two" {}\ndata "b" "one" {}\nresource "a" "one" {}\n')

    assert [block.labels for block in file.find("data")] == [("a", "one"), ("a", "two"), ("b", "one")]
    assert [block.labels for block in file.find("data", "a")] == [("a", "one"), ("a", "two")]
    assert [block.labels for block in file.find("data", "a", "two")] == [("a", "two")]


def test_unquoted_labels_are_labels_too(tmp_path: Path) -> None:
    (block,) = parse(tmp_path, "resource aws_vpc this {}\n").blocks

    assert block.labels == ("aws_vpc", "this")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"plain"', "plain"),
        ('""', ""),
        ("true", True),
        ("false", False),
        ("null", None),
        ("42", 42),
        ("-7", -7),
        ("1.5", 1.5),
        ("2.5e3", 2500.0),
        ("[]", []),
        ('["a", 1, true]', ["a", 1, True]),
        ("{}", {}),
        ('{ a = "b", "c" = 1 }', {"a": "b", "c": 1}),
        ('{ a : ["b"] }', {"a": ["b"]}),
        ('"line\\nbreak\\ttab"', "line\nbreak\ttab"),
        (r'"quote \" and \\ backslash"', 'quote " and \\ backslash'),
        (r'"\u00e9 \U0001F600"', "é 😀"),
        ('"$${kept} %%{kept}"', "${kept} %{kept}"),
        ('"한국어"', "한국어"),
    ],
)
def test_literals_are_values(tmp_path: Path, text: str, expected: object) -> None:
    assert value(tmp_path, text) == expected


@pytest.mark.xfail(reason="tree-sitter-hcl 1.2 has no such number; docs/decisions.md names the limit", strict=True)
def test_an_exponent_without_a_dot_is_a_number(tmp_path: Path) -> None:
    assert value(tmp_path, "1e3") == 1000


@pytest.mark.parametrize(
    "text", ["var.name", '"${var.name}-state"', 'format("%s", var.name)', "1 + 2", "a ? b : c", "<<-EOT\n  x\n  EOT"]
)
def test_what_only_terraform_can_evaluate_is_an_expression(tmp_path: Path, text: str) -> None:
    found = value(tmp_path, text)

    assert isinstance(found, hcl.Expression)
    assert str(found) == text


def test_an_expression_inside_an_object_stays_one(tmp_path: Path) -> None:
    assert value(tmp_path, '{ bucket = var.bucket, key = "k" }') == {"bucket": hcl.Expression("var.bucket"), "key": "k"}


def test_a_comment_inside_an_object_is_no_item(tmp_path: Path) -> None:
    assert value(tmp_path, "{\n  # one\n  a = 1 // two\n  b = 2\n}") == {"a": 1, "b": 2}


def test_an_attributes_text_is_its_source(tmp_path: Path) -> None:
    assert parse(tmp_path, "type = map(object({ a = string }))\n").attributes["type"].text == (
        "map(object({ a = string }))"
    )


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "/* nothing\n at all */\n"])
def test_an_empty_file_is_an_empty_block(tmp_path: Path, text: str) -> None:
    file = parse(tmp_path, text)

    assert (file.attributes, file.blocks) == ({}, ())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('variable "a" {}\n\nvariable "b" {\n  type = = string\n}\n', 4),
        ('variable "a" {\n  type = "unclosed\n}\nvariable "b" {\n  type = string\n}\n', 2),
        ("x = [1, 2\ny = 3\n", 1),
        ("}\n", 1),
    ],
)
def test_a_syntax_error_names_file_and_line(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(ConfigError, match="not valid HCL") as caught:
        parse(tmp_path, text)

    named = int(caught.value.message.removeprefix(f"{tmp_path / 'main.tf'}:").partition(":")[0])
    assert abs(named - line) <= 1
    assert caught.value.hint == f"terraform fmt -check -diff {tmp_path / 'main.tf'}"


def test_a_missing_brace_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"main\.tf:1: this block has no end: terraform \{"):
        parse(tmp_path, 'terraform {\n  backend "s3" {\n    bucket = "b"\n  }\n')


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read: No such file"):
        hcl.parse_file(tmp_path / "gone.tf")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        'with "quotes"',
        "back\\slash",
        "new\nline\r\ttab",
        "${not} %{interpolated}",
        "cost: $5 and 5%",
        "한국어 é 😀",
        "control \x01\x1f\x7f",
        "ends with $",
        "ends with \\",
    ],
)
def test_what_is_quoted_is_read_back_as_it_was(tmp_path: Path, text: str) -> None:
    assert value(tmp_path, hcl.quote(text)) == text


@pytest.mark.parametrize(
    ("text", "quoted"), [("$${already}", '"$$${already}"'), ("%%{already}", '"%%%{already}"'), ("$$a", '"$$a"')]
)
def test_what_looks_escaped_is_quoted_as_terraform_reads_it_back(text: str, quoted: str) -> None:
    # Compared with `terraform console`; the grammar used for reading doesn't know three marks in a row.
    assert hcl.quote(text) == quoted


@pytest.mark.parametrize("text", ["1", '"a"', "[1, 2]", '{ a = "b" }', "null", "var.x", "{\n  a = 1\n}"])
def test_a_well_formed_expression_is_one(text: str) -> None:
    assert hcl.is_expression(text)


@pytest.mark.parametrize("text", ["", "[1", '"a', "1\ny = 2", '1\nresource "a" "b" {}', "= 1", "a b"])
def test_anything_else_is_not(text: str) -> None:
    assert not hcl.is_expression(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0x1F", hcl.Expression("0x1F")),
        ("9" * 6000, hcl.Expression("9" * 6000)),
        ("-" + "9" * 6000, hcl.Expression("-" + "9" * 6000)),
        ('"a\\uD800b"', "a\ufffdb"),
        ('"a\\u0000b"', "a\ufffdb"),
        ('"\\UFFFFFFFF"', "\ufffd"),
        ('"\\U0001F600"', "\U0001f600"),
    ],
)
def test_numbers_and_characters_that_python_refuses(text: str, value: object, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(f"x = {text}\ny = {{ port = {text} }}\n")

    attributes = hcl.parse_file(tmp_path / "main.tf").attributes

    assert attributes["x"].value == value
    assert attributes["y"].value == {"port": value}


@pytest.mark.parametrize("text", ["[" * 5000 + "]" * 5000, "{a = " * 5000 + "1" + "}" * 5000])
def test_a_value_that_is_nested_too_deeply_is_an_error_with_its_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(f"\nx = {text}\n")

    with pytest.raises(ConfigError, match=r"main.tf:2: x: this value is nested too deeply"):
        _ = hcl.parse_file(tmp_path / "main.tf").attributes["x"].value


def test_a_deep_mistake_is_found(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text("x = " + "[" * 5000)

    with pytest.raises(ConfigError, match=r"main.tf:1: this is not valid HCL"):
        hcl.parse_file(tmp_path / "main.tf")
