from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator import events, timing
from orchestrator.config import Config
from orchestrator.discovery import Estate
from orchestrator.duration import Span
from orchestrator.estimate import Component, Guide, Measured, shape
from orchestrator.pace import Pace, foresee, work_of
from tests import plans

if TYPE_CHECKING:
    from pathlib import Path

DATABASE = "aws_db_instance.this"
TAKES = Span(low=480.0, high=720.0)
GUIDE = Guide(components=(Component(name="db", match=("aws_db_instance.*",), takes=TAKES),))
PLAN = plans.plan(
    plans.change(DATABASE, "replace"),
    plans.change("aws_s3_bucket.a", "update"),
    plans.change("aws_s3_bucket.b", "no-op"),
)


def event(phase: str, elapsed: float = 0.0, action: str = "create", address: str = DATABASE) -> events.ResourceEvent:
    return events.ResourceEvent(layer="prod/foundation", phase=phase, address=address, action=action, elapsed=elapsed)


@pytest.fixture
def pace(tmp_path: Path) -> Pace:
    pace = Pace("prod/foundation", tmp_path, GUIDE, look="wealist status prod/foundation")
    pace.expect(PLAN, from_nothing=False)
    return pace


def measured(home: Path) -> Measured:
    return timing.read(home, "prod/foundation")


def test_a_replacement_is_two_actions_and_what_stays_is_none() -> None:
    assert work_of(PLAN) == [(DATABASE, "delete"), (DATABASE, "create"), ("aws_s3_bucket.a", "update")]


def test_what_ended_well_is_kept(pace: Pace, tmp_path: Path) -> None:
    pace.plan_ended(14.25)
    pace.see(event("start"))
    pace.see(event("complete", 512.0))
    pace.see(event("complete", 3.0, action="read", address="data.aws_x.y"))
    pace.see(event("errored", 9.0, address="aws_s3_bucket.a", action="update"))
    pace.apply_ended(600.0)
    pace.write()
    pace.write()

    found = measured(tmp_path)
    assert dict(found.resources) == {(DATABASE, "create"): [512.0]}
    assert found.plans == [14.2]
    assert found.applies == [(shape(work_of(PLAN)), 600.0)]


def test_what_was_learnt_is_expected_the_next_time(pace: Pace, tmp_path: Path) -> None:
    for seconds in (100.0, 130.0, 110.0):
        pace.see(event("complete", seconds))
    pace.write()

    estimate = pace.expect(plans.plan(plans.change(DATABASE, "create")), from_nothing=False)
    assert estimate is not None
    assert estimate.whole == Span(low=110.0, high=130.0)


def test_what_is_overdue_is_told_of_once_while_it_runs(pace: Pace) -> None:
    told = [pace.see(event("progress", elapsed)) for elapsed in (600.0, 1080.0, 1090.0, 1100.0)]

    assert told[0:2] == [None, None]
    assert told[2] == events.Overdue(
        layer="prod/foundation",
        address=DATABASE,
        action="create",
        elapsed=1090.0,
        expected=TAKES,
        look="wealist status prod/foundation",
    )
    assert told[3] is None


def test_what_nothing_is_known_of_is_never_overdue(pace: Pace) -> None:
    assert pace.see(event("progress", 9999.0, address="aws_s3_bucket.a", action="update")) is None


RUNS = """\
version: 1
durations:
  prod/foundation: { plan: 2m, apply: 15m-20m }
  prod/compute: { apply: 10m }
"""


@pytest.mark.parametrize(
    ("ids", "low", "high"),
    [
        (["prod/foundation"], 17, 22),
        (["prod/compute"], 10, 10),
        (["prod/foundation", "prod/compute"], 27, 32),
    ],
)
def test_a_run_takes_its_layers_one_after_the_other(
    estate: Estate, tmp_path: Path, ids: list[str], low: float, high: float
) -> None:
    estate = Estate(estate.root, Config.parse(RUNS))

    assert foresee(estate, ids, tmp_path) == Span(low=60 * low, high=60 * high)


def test_layers_beside_each_other_count_by_the_longest(tmp_path: Path) -> None:
    from tests.estate import backend_block, write_layer

    root = tmp_path / "estate"
    for name in ("prod/a", "prod/b"):
        write_layer(root, name, backend_block(f"{name}/terraform.tfstate"))
    estate = Estate(root, Config.parse("version: 1\ndurations:\n  a: { apply: 5m }\n  b: { apply: 8m-9m }\n"))

    assert foresee(estate, ["prod/a", "prod/b"], tmp_path) == Span(low=480, high=540)


def test_where_nothing_is_known_of_any_layer_nothing_is_foreseen(estate: Estate, tmp_path: Path) -> None:
    assert foresee(estate, ["prod/foundation"], tmp_path) is None
