"""Estimates for the estate's own figures: a first apply, parts of it, and what is learnt."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config import Config
from orchestrator.duration import Span
from orchestrator.estimate import (
    QUICK,
    Component,
    Estimate,
    Guide,
    Measured,
    Origin,
    estimate,
    is_overdue,
    learned,
    shape,
    whole_run,
)

VPC = ("module.vpc.aws_nat_gateway.this[0]", "create")
RDS = ("module.rds.module.db_instance.aws_db_instance.this[0]", "create")
REDIS = ("aws_elasticache_replication_group.redis", "create")
ECR = ('module.ecr["api"].aws_ecr_repository.this', "create")
RULE = ("aws_vpc_security_group_ingress_rule.rds", "update")
NOTHING = Measured(resources={})
ESTATE = Config.load(Path(__file__).parents[1] / "wealist.yaml").guide("prod/foundation")


def minutes(low: float, high: float | None = None) -> Span:
    return Span(low=60.0 * low, high=60.0 * (low if high is None else high))


def whole(*work: tuple[str, str], measured: Measured = NOTHING, guide: Guide | None = ESTATE) -> Span | None:
    found = estimate(work, guide, measured)
    return found.whole if found else None


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        ((RDS,), minutes(8, 12)),
        ((REDIS,), minutes(5, 8)),
        (((REDIS[0], "update"),), minutes(5, 8)),
        ((RDS, REDIS), minutes(8, 12)),
        ((VPC, REDIS), minutes(7, 11)),
        ((VPC, RDS, REDIS, ECR, RULE), minutes(10, 15)),
        ((ECR, RULE), minutes(1)),
        ((RULE,), QUICK),
        (((REDIS[0], "delete"), REDIS), minutes(10, 16)),
    ],
)
def test_a_plan_takes_as_long_as_the_longest_chain_in_it(work: tuple[tuple[str, str], ...], expected: Span) -> None:
    assert whole(*work) == expected


def test_a_layer_made_from_nothing_takes_what_the_file_says_of_the_whole() -> None:
    found = estimate([VPC, RDS, REDIS, RULE], ESTATE, NOTHING, from_nothing=True)

    assert found is not None
    assert (found.whole, found.origin) == (minutes(15, 20), Origin.DOCUMENT)


@pytest.mark.parametrize("measured", [NOTHING, Measured(resources={RDS: [1.0]}, plans=[3.0])])
def test_where_nothing_is_known_nothing_is_said(measured: Measured) -> None:
    assert estimate([RULE], None, measured) is None
    assert estimate([], ESTATE, measured) is None


def test_what_was_measured_often_enough_wins() -> None:
    few, enough = Measured(resources={RDS: [300.0, 360.0]}), Measured(resources={RDS: [300.0, 420.0, 360.0]})

    assert whole(RDS, measured=few) == minutes(8, 12)
    assert whole(RDS, measured=enough) == minutes(6, 7)


def test_without_a_document_a_little_is_better_than_nothing() -> None:
    found = estimate([RDS, RULE], None, Measured(resources={RDS: [300.0]}))

    assert found is not None
    assert (found.whole, found.origin) == (minutes(5, 10), Origin.MEASURED)


def test_what_another_action_took_says_nothing() -> None:
    update = (RDS[0], "update")

    assert whole(update, measured=Measured(resources={RDS: [1.0, 1.0, 1.0]})) == minutes(8, 12)


def test_of_a_change_one_measurement_is_worth_more_than_the_document() -> None:
    """The document speaks of making: a change of retention takes seconds, and eight minutes would be said for it."""
    update = (RDS[0], "update")

    found = estimate([update], ESTATE, Measured(resources={update: [80.0]}))

    assert found is not None
    assert (found.whole.low, found.origin) == (80.0, Origin.MEASURED)


def test_where_both_were_used_both_are_named() -> None:
    found = estimate([RDS, REDIS], ESTATE, Measured(resources={RDS: [300.0, 300.0, 300.0]}))

    assert found is not None
    assert (found.whole, found.origin) == (minutes(5, 8), Origin.BOTH)


def test_the_same_set_of_actions_is_as_long_as_it_was() -> None:
    applies = [(shape([RULE, RDS]), seconds) for seconds in (660.0, 600.0, 720.0)]
    measured = Measured(resources={}, applies=[*applies, (shape([RULE]), 4.0)])

    assert whole(RDS, RULE, measured=measured) == minutes(11, 12)
    assert whole(RDS, measured=measured) == minutes(8, 12)
    assert whole(RULE, measured=measured) == Span(low=4.0, high=8.0)


def test_a_resource_of_no_component_stands_for_itself() -> None:
    measured = Measured(resources={RULE: [840.0, 900.0, 960.0]})

    assert whole(RDS, RULE, measured=measured) == minutes(15, 16)


def test_a_chain_goes_through_what_the_plan_does_not_touch() -> None:
    guide = Guide(
        components=(
            Component(name="c", match=("c.*",), takes=minutes(3), after=("b",)),
            Component(name="b", match=("b.*",), takes=minutes(2), after=("a",)),
            Component(name="a", match=("a.*",), takes=minutes(1)),
        )
    )

    assert whole(("a.x", "create"), ("c.x", "create"), guide=guide) == minutes(4)


def test_only_stars_and_question_marks_mean_something_in_a_pattern() -> None:
    component = Component(name="x", match=('a["*"].b[0]', "c.?"), takes=minutes(1))

    assert component.has('a["key.with.dots"].b[0]')
    assert not component.has('a["key"].b0')
    assert component.has("c.x")
    assert not component.has("c.xy")
    assert not component.has("cxx")


@pytest.fixture
def first() -> Estimate:
    found = estimate([VPC, RDS, REDIS, RULE], ESTATE, NOTHING, from_nothing=True)
    assert found is not None
    return found


def test_what_is_left_shrinks_with_the_time(first: Estimate) -> None:
    assert first.left(0) == minutes(15, 20)
    assert first.left(250, {VPC}, {RDS: 60.0, REDIS: 60.0}) == Span(low=650, high=950)


def test_a_database_that_started_late_is_not_forgotten(first: Estimate) -> None:
    assert first.left(840, {VPC, REDIS}, {RDS: 60.0}) == minutes(7, 11)


def test_when_what_takes_long_is_done_little_is_left(first: Estimate) -> None:
    assert first.left(600, {VPC, RDS, REDIS}) == QUICK


def test_past_the_worst_nothing_is_left(first: Estimate) -> None:
    assert first.left(1300, {VPC, REDIS}, {RDS: 1100.0}) == Span(low=0.0, high=0.0)


@pytest.mark.parametrize(
    ("expected", "elapsed", "is_it"),
    [
        (minutes(8, 12), 18 * 60, False),
        (minutes(8, 12), 18 * 60 + 1, True),
        (Span(low=1, high=2), 60, False),
        (Span(low=1, high=2), 63, True),
    ],
)
def test_overdue_is_half_as_long_again_and_a_minute(expected: Span, elapsed: float, *, is_it: bool) -> None:
    assert is_overdue(expected, elapsed) is is_it


def test_a_run_before_its_plan_is_the_documents_or_the_median_of_its_applies() -> None:
    applies = [("a", 100.0), ("b", 300.0), ("c", 200.0)]

    assert whole_run(ESTATE, NOTHING) == minutes(17, 22)
    assert whole_run(ESTATE, Measured(resources={}, applies=applies[:2])) == minutes(17, 22)
    assert whole_run(ESTATE, Measured(resources={}, applies=applies, plans=[10.0, 20.0, 15.0])) == Span(
        low=215.0, high=220.0
    )
    assert whole_run(None, NOTHING) is None


@pytest.mark.parametrize(
    ("samples", "low", "high"), [([3.0, 1.0, 2.0], 2.0, 3.0), ([4.0, 1.0, 2.0, 9.0], 3.0, 9.0), ([5.0], 5.0, 10.0)]
)
def test_the_median_is_expected_and_the_longest_is_the_worst(samples: list[float], low: float, high: float) -> None:
    assert learned(samples) == Span(low=low, high=high)
