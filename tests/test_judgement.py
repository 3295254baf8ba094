"""A contract, judged row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator import document
from orchestrator.contract import Contract
from orchestrator.judgement import Status, UnansweredError, fulfils, judge, words
from orchestrator.query import Partial, Pending

HEAD = "version: 1\nspecification: README.md\n"
ROW = "  - {id: a, section: S, statement: It is so, query: output.a, expect: 1}\n"
FACT = "facts:\n  vpc: {ask: ec2 describe-vpcs, with: {VpcIds: [{query: output.id}]}}\n"


def read(text: str) -> Contract:
    return document.parse(text, Contract, path=Path("contract.yaml"), smallest="version: 1")


def row(**changes: Any) -> str:
    whole = {"id": "a", "section": "S", "statement": "It is so", "query": "output.a", "expect": 1, **changes}
    return "rows:\n  - " + repr(whole).replace("True", "true").replace("False", "false") + "\n"


def status(text: str, found: dict[str, Any], *, defaults: dict[str, Any] | None = None, **more: Any) -> Any:
    whole = {"output": {}, "var": {}, **found}
    (verdict,) = judge(read(HEAD + text), whole, defaults=defaults or {}, **more)
    return verdict


@pytest.mark.parametrize(
    ("seen", "predicate", "operand", "is_met"),
    [
        (1, "same_as", 1, True),
        (20.0, "same_as", 20, True),
        (True, "same_as", 1, False),
        (1, "same_as", True, False),
        ("1", "same_as", 1, False),
        ([1, "a"], "same_as", [1, "a"], True),
        (["a", 1], "same_as", [1, "a"], False),
        ([True], "same_as", [1], False),
        ({"a": 1}, "same_as", {"a": 1.0}, True),
        ("vpc-0a", "matches", "vpc-[0-9a-f]+", True),
        ("vpc-0a!", "matches", "vpc-[0-9a-f]+", False),
        (None, "matches", ".*", False),
        ("b", "one_of", ["a", "b"], True),
        ("c", "one_of", ["a", "b"], False),
        (7, "at_least", 7, True),
        (6, "at_least", 7, False),
        (True, "at_least", 0, False),
        (None, "at_least", 0, False),
        (["a", "b"], "includes", ["a"], True),
        (["b"], "includes", ["a"], False),
        (["a"], "among", ["a", "b"], True),
        ("c", "among", ["a", "b"], False),
        ([], "among", ["a"], False),
        (None, "among", [None], False),
        (["a"], "among", "a", False),
        (["c"], "not_among", ["a", "b"], True),
        ([], "not_among", ["a"], True),
        (["a", "c"], "not_among", ["a"], False),
        (None, "not_among", ["a"], False),
    ],
)
def test_values_and_predicates(seen: Any, predicate: str, operand: Any, is_met: bool) -> None:
    assert fulfils(seen, predicate, operand) is is_met


def test_a_row_holds_or_is_broken_with_what_was_seen() -> None:
    assert status(row(), {"output": {"a": 1}}).status is Status.HOLDS
    broken = status(row(), {"output": {"a": 2}})
    assert (broken.status, broken.expected, broken.seen) == (Status.BROKEN, 1, 2)
    assert status(row(), {}).status is Status.BROKEN, "what is not there does not hold"


def test_an_expectation_may_be_another_query() -> None:
    same = row(expect={"same_as": "output.b"})
    assert status(same, {"output": {"a": "k", "b": "k"}}).status is Status.HOLDS
    assert status(same, {"output": {"a": "k", "b": "l"}}).expected == "l"


@pytest.mark.parametrize("predicate", ["same_as", "among", "not_among"])
def test_two_things_that_are_missing_are_not_alike(predicate: str) -> None:
    verdict = status(row(expect={predicate: "output.gone"}), {})
    assert verdict.status is Status.BROKEN
    assert verdict.reason == "the query has no answer: there is nothing to compare with, output.gone finds none"


def test_an_object_is_a_value_to_compare_with(tmp_path: Path) -> None:
    assert (
        status(row(expect={"same_as": "output.b"}), {"output": {"a": {"x": 1}, "b": {"x": 1}}}).status is Status.HOLDS
    )


def test_the_variable_that_scales_up_changes_what_is_expected() -> None:
    text = row(query="output.n", may_change={"by": "nodes", "to": "var.nodes"})
    one, two = {"output": {"n": 1}, "var": {"nodes": 1}}, {"output": {"n": 2}, "var": {"nodes": 2}}
    assert status(text, one, defaults={"nodes": 1}).status is Status.HOLDS
    scaled = status(text, two, defaults={"nodes": 1})
    assert (scaled.status, scaled.scaled_by) == (Status.HOLDS, "nodes = 2")
    behind = status(text, {**one, "var": {"nodes": 2}}, defaults={"nodes": 1})
    assert (behind.status, behind.expected, behind.seen) == (Status.BROKEN, 2, 1), "one that is asked for must be there"
    assert status(text, {**two, "var": {"nodes": 1}}, defaults={"nodes": 1}).status is Status.BROKEN


def test_what_is_known_after_the_apply_does_not_apply() -> None:
    verdict = status(row(), {"output": Partial({"a": Pending("output.a")})})
    assert (verdict.status, verdict.reason) == (Status.NOT_APPLICABLE, "known after the apply: output.a")


def test_a_plan_can_not_answer_for_aws() -> None:
    verdict = status(FACT + row(query="aws.vpc.Vpcs[0].Id"), {})
    assert (verdict.status, verdict.reason) == (Status.NOT_APPLICABLE, "only a live layer can be asked")


def test_aws_is_asked_by_name_and_may_not_answer() -> None:
    text = FACT + row(query="aws.vpc.Vpcs[0].Id", expect="vpc-1")
    assert status(text, {}, look_up={"vpc": {"Vpcs": [{"Id": "vpc-1"}]}}.__getitem__).status is Status.HOLDS

    def denied(name: str) -> Any:
        raise UnansweredError(f"{name}: AccessDenied")

    verdict = status(text, {}, look_up=denied)
    assert (verdict.status, verdict.reason) == (Status.UNKNOWN, "vpc: AccessDenied")


def test_a_query_without_an_answer_is_broken() -> None:
    verdict = status(row(query="length(output.a)"), {})
    assert verdict.status is Status.BROKEN
    assert "length()" in verdict.reason


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "not there"),
        (True, "true"),
        ({"at_least": 7}, "at least 7"),
        ({"matches": "a.*"}, 'matches "a.*"'),
        ([], "[]"),
    ],
)
def test_values_in_words(value: Any, text: str) -> None:
    assert words(value) == text
