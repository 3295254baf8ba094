"""Queries over values of which some are not known yet."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.query import NotKnownError, Partial, Pending, QueryError, check, fields, search

DOCUMENT: dict[str, Any] = {
    "aws_vpc": [Partial({"address": "aws_vpc.this", "cidr": "10.0.0.0/16", "id": Pending("aws_vpc.this.id")})],
    "output": Partial({"ids": [Pending("output.ids.0"), "subnet-2"], "name": "prod"}),
}


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("aws_vpc[0].cidr", "10.0.0.0/16"),
        ("aws_vpc[?cidr == '10.0.0.0/16'].address", ["aws_vpc.this"]),
        ("length(output.ids)", 2),
        ("output.ids[1]", "subnet-2"),
        ("aws_subnet[0].id", None),
        ("length(aws_vpc[0])", 3),
    ],
)
def test_what_is_known_is_answered(expression: str, answer: Any) -> None:
    assert search(expression, DOCUMENT) == answer


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("aws_vpc[0].id", "aws_vpc.this.id"),
        ("aws_vpc[?id == 'vpc-1']", "aws_vpc.this.id"),
        ("output.ids", "output.ids.0"),
        ("output.ids[0] == 'subnet-1'", "output.ids.0"),
        ("contains(output.ids, 'subnet-9')", "output.ids.0"),
        ("output.ids[?starts_with(@, 'subnet-')]", "output.ids.0"),
        ("aws_vpc[0]", "aws_vpc.this.id"),
        ("output.ids[*].name", "output.ids.0"),
        ("output.ids[?enabled].id", "output.ids.0"),
        ("output.ids[0].name", "output.ids.0"),
        ("to_string(output.ids)", "output.ids.0"),
        ("sort(output.ids)", "output.ids.0"),
        ("output.ids[0] && `true`", "output.ids.0"),
    ],
)
def test_what_depends_on_the_apply_has_no_answer(expression: str, name: str) -> None:
    with pytest.raises(NotKnownError, match=f"^{name}$"):
        search(expression, DOCUMENT)


def test_a_query_that_can_not_be_evaluated_says_so() -> None:
    with pytest.raises(QueryError, match=r"length\(\)"):
        search("length(aws_subnet)", DOCUMENT)


def test_what_is_no_jmespath_is_refused_without_a_document() -> None:
    with pytest.raises(QueryError, match="jmespath"):
        check("a.[")
    check("a.b")


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("engine == 'postgres' && instance_class == 'db.t4g.small'", ("engine", "instance_class")),
        ("tags.env == 'prod' || tags.team", ("tags",)),
        ('contains(keys(tags), `"a"`) && !deletion_protection', ("tags", "deletion_protection")),
        ("scaling_config[0].min_size", ("scaling_config",)),
        ("rules[?port == `22`].cidr | [0]", ("rules",)),
        ("`2`", ()),
    ],
)
def test_the_attributes_that_an_expression_looks_at(expression: str, names: tuple[str, ...]) -> None:
    assert fields(expression) == names


@pytest.mark.parametrize(
    "expression",
    [
        "a[?@ < `3`]",
        "max(a)",
        "sort(a)",
        "a[::0]",
        "sum(a)",
        "sort_by(c, &d)",
        "(" * 5000,
        "!" * 5000 + "a",
    ],
)
def test_whatever_jmespath_raises_is_a_query_that_can_not_be_evaluated(expression: str) -> None:
    with pytest.raises(QueryError):
        search(expression, {"a": ["x", 1], "b": 2, "c": [{"d": "x"}, {"d": 1}]})
