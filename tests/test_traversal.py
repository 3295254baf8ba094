"""References inside expressions, found in the syntax tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator import hcl
from orchestrator.traversal import Traversal, traversals

if TYPE_CHECKING:
    from pathlib import Path


def find(folder: Path, text: str, root: str = "data") -> list[Traversal]:
    path = folder / "main.tf"
    path.write_text(text)
    return list(traversals(hcl.parse_file(path), root))


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("data", "data"),
        ("data.a", "data a"),
        ("data.a.b-c.d_e", "data a b-c d_e"),
        ('data.a["b"].c', "data a b c"),
        ('data["a"]["b"]', "data a b"),
        ('data["a b"].c', "data,a b,c"),
        ("data.a[0].b", "data a * b"),
        ("data.a[local.b].c", "data a * c"),
        ('data.a["x-${local.b}"].c', "data a * c"),
        ("data.a[*].b.c", "data a * b c"),
        ("data.a.*.b", "data a * b"),
        ("data.a[*]", "data a *"),
        ("data.a[*].b[0].c", "data a * b * c"),
        ("data.a.0.b", "data a * b"),
        ("(data.a).b", "data a"),
        ("data\n.a", "data a"),
    ],
)
def test_a_reference_is_its_steps(tmp_path: Path, text: str, steps: str) -> None:
    (found,) = find(tmp_path, f"x = [({text})]\n")

    assert found.steps == tuple(steps.split("," if "," in steps else " "))


def test_references_come_in_the_order_of_the_source_with_their_lines(tmp_path: Path) -> None:
    text = """\
resource "x" "y" {
  a = data.one
  block {
    b = "${data.two} and ${data.three}"
  }
  c = {
    (data.four) = try(data.five, data.six)
  }
}
"""
    found = find(tmp_path, text)

    assert [reference.steps[1] for reference in found] == ["one", "two", "three", "four", "five", "six"]
    assert [reference.location.line for reference in found] == [2, 4, 4, 7, 7, 7]
    assert {reference.location.path for reference in found} == {tmp_path / "main.tf"}
    assert [reference.is_optional for reference in found] == [False] * 4 + [True] * 2


def test_only_the_root_that_was_asked_for_is_found(tmp_path: Path) -> None:
    text = 'x = [data.a, local.data.b, module.data, datas.c, "data.d"]\ndata = local.e\n# data.f\n'

    assert [found.steps for found in find(tmp_path, text)] == [("data", "a")]
    assert [found.steps for found in find(tmp_path, text, "local")] == [("local", "data", "b"), ("local", "e")]


@pytest.mark.parametrize(
    ("text", "is_optional"),
    [
        ("try(data.a, 1)", True),
        ("can(data.a)", True),
        ("try([for x in data.a : x][0], 1)", True),
        ("lookup(data.a, 1)", False),
        ("[can(1), data.a]", False),
        ("try(1, 2) + data.a", False),
    ],
)
def test_what_stands_in_try_or_can_may_lead_nowhere(tmp_path: Path, text: str, *, is_optional: bool) -> None:
    (found,) = find(tmp_path, f"x = {text}\n")

    assert found.is_optional is is_optional


def test_a_block_inside_no_function_is_not_forgiven_for_one_around_another(tmp_path: Path) -> None:
    text = 'x "y" {\n  a = try(local.z, 1)\n  b {\n    c = data.a\n  }\n}\n'

    assert [found.is_optional for found in find(tmp_path, text)] == [False]
