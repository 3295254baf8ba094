"""The order of one run, and whether the layers around it let it happen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import artifacts, ledger
from orchestrator.discovery import Estate
from orchestrator.errors import DependencyCycleError, GuardError, LayerOrderError, StateLockedError
from orchestrator.lock import Lock
from orchestrator.order import Order
from orchestrator.preflight import Preflight
from orchestrator.redaction import Redactor
from orchestrator.state import State
from tests.estate import backend_block, remote_state, state_text, target_of, write_layer

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.target import Target

# What each of a small estate reads: edge stands on both of those below it.
READS = {"network": (), "database": ("network",), "app": ("database",), "other": ()}


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """Below to above: network <- database <- app, and other, which nobody needs."""
    (tmp_path / "wealist.yaml").write_text("version: 1\n")
    for name, reads in READS.items():
        outputs = "".join(remote_state(f"prod/{other}", other) for other in reads)
        uses = "".join(
            f"locals {{\n  {other} = data.terraform_remote_state.{other}.outputs.id\n}}\n" for other in reads
        )
        write_layer(tmp_path, f"prod/{name}", backend_block(f"prod/{name}") + outputs + uses)
    return Estate.find(tmp_path)


@pytest.fixture
def target(estate: Estate) -> Target:
    return target_of(estate.root)


def order(estate: Estate, command: str, *names: str) -> Order:
    ids = estate.graph.order([estate.resolve(name) for name in names])
    return Order.of(command, estate, [estate.layer(id_) for id_ in ids])


def short(ids: Any) -> set[str]:
    return {id_.removeprefix("prod/") for id_ in ids}


def state(**outputs: str) -> State:
    return State.from_json(state_text(outputs=outputs), url="s3://x")


APPLIED = state(id="x")
EMPTY = state()


def checked(states: dict[str, State | None], locks: dict[str, tuple[Lock, ...]] | None = None) -> Preflight:
    return Preflight(
        findings=(),
        seconds=0.0,
        binary=None,
        identity=None,
        states={f"prod/{name}": state for name, state in states.items()},
        locks={f"prod/{name}": held for name, held in (locks or {}).items()},
    )


# what waits for what


@pytest.mark.parametrize("command", ["plan", "up"])
def test_going_up_a_layer_waits_for_those_it_needs(estate: Estate, command: str) -> None:
    found = order(estate, command, "app", "network", "database")

    assert found.ids == ("prod/network", "prod/database", "prod/app")
    assert {id_: short(needs) for id_, needs in found.needs.items()} == {
        "prod/network": set(),
        "prod/database": {"network"},
        "prod/app": {"network", "database"},
    }
    assert found.neighbours == ()


def test_going_down_a_layer_waits_for_those_that_need_it(estate: Estate) -> None:
    found = order(estate, "down", "app", "network", "database")

    assert found.ids == ("prod/app", "prod/database", "prod/network")
    assert {id_: short(needs) for id_, needs in found.needs.items()} == {
        "prod/network": {"app", "database"},
        "prod/database": {"app"},
        "prod/app": set(),
    }


def test_a_layer_that_is_left_out_still_orders_those_around_it(estate: Estate) -> None:
    assert short(order(estate, "up", "app", "network").needs["prod/app"]) == {"network"}
    assert short(order(estate, "down", "app", "network").needs["prod/network"]) == {"app"}


def test_drift_is_looked_for_in_no_order(estate: Estate) -> None:
    found = order(estate, "drift", "app", "network", "database")

    assert set(found.needs.values()) == {frozenset()}
    assert found.neighbours == ()


@pytest.mark.parametrize(
    ("command", "names", "expected"),
    [
        ("up", ["app"], {"database"}),
        ("plan", ["app", "network"], {"database"}),
        ("up", ["network"], set()),
        ("down", ["network"], {"database", "app"}),
        ("down", ["database", "network"], {"app"}),
        ("down", ["app"], set()),
    ],
)
def test_the_layers_around_a_run_are_the_next_below_or_all_above(
    estate: Estate, command: str, names: list[str], expected: set[str]
) -> None:
    assert short(layer.id for layer in order(estate, command, *names).neighbours) == expected


def test_a_layer_that_stands_alone_needs_no_other_to_be_read(estate: Estate) -> None:
    write_layer(estate.root, "prod/broken", "terraform {")

    assert Order.of("up", estate, [estate.layer("network")]).ids == ("prod/network",)


def test_drift_is_found_also_where_the_edges_make_no_sense(estate: Estate) -> None:
    write_layer(estate.root, "prod/network", backend_block("prod/network") + remote_state("prod/app", "app"))
    layers = [Estate.find(estate.root).layer("network")]

    assert Order.of("drift", Estate.find(estate.root), layers).ids == ("prod/network",)
    with pytest.raises(DependencyCycleError):
        order(Estate.find(estate.root), "up", "network", "app")


# may it start?


def test_going_up_on_what_stands_is_fine(estate: Estate, target: Target) -> None:
    up = order(estate, "up", "app")

    up.check(checked({"database": APPLIED}), target, allow_incomplete=False)
    with pytest.raises(LayerOrderError, match="prod/app stands on prod/database, which is not applied"):
        up.check(checked({"database": None}), target, allow_incomplete=False)


def test_going_up_on_what_can_not_be_read_is_refused(estate: Estate, target: Target) -> None:
    with pytest.raises(LayerOrderError, match="prod/database, whose state can't be read"):
        order(estate, "up", "app").check(checked({}), target, allow_incomplete=False)


def test_going_up_on_what_is_locked_is_refused(estate: Estate, target: Target) -> None:
    held = Lock(
        id="1", holder="a@b", operation="OperationTypeApply", terraform_version="1.11.4", created=None, where="t"
    )
    found = checked({"database": APPLIED}, {"database": (held,)})
    up = order(estate, "up", "app")

    with pytest.raises(StateLockedError):
        up.check(found, target, allow_incomplete=False)
    up.check(found, target, allow_incomplete=True)


def test_going_up_on_what_the_ledger_knows_to_be_half_applied_is_refused(estate: Estate, target: Target) -> None:
    artifacts.prepare_home(target.home)
    up, found = order(estate, "up", "app"), checked({"database": APPLIED})
    entry = {"run_id": "r1", "target": "aws", "layer": "prod/database"}
    ledger.append(target.home, {"event": "apply-started", **entry}, Redactor())

    with pytest.raises(LayerOrderError, match="whose last apply was killed"):
        up.check(found, target, allow_incomplete=False)

    ledger.append(target.home, {"event": "finished", "outcome": "failed", **entry}, Redactor())
    with pytest.raises(LayerOrderError, match="whose last apply failed"):
        up.check(found, target, allow_incomplete=False)
    up.check(found, target, allow_incomplete=True)

    ledger.append(target.home, {"event": "apply-started", **entry, "run_id": "r2"}, Redactor())
    ledger.append(target.home, {"event": "finished", "outcome": "applied", **entry, "run_id": "r2"}, Redactor())
    up.check(found, target, allow_incomplete=False)


def test_what_happened_in_the_sandbox_counts_there_and_not_here(estate: Estate, target: Target) -> None:
    artifacts.prepare_home(target.home)
    entry = {"event": "apply-started", "run_id": "r1", "target": "sandbox", "layer": "prod/database"}
    ledger.append(target.home, entry, Redactor())
    up, found = order(estate, "up", "app"), checked({"database": APPLIED})

    up.check(found, target, allow_incomplete=False)
    with pytest.raises(LayerOrderError, match="was killed"):
        up.check(found, replace(target, name="sandbox"), allow_incomplete=False)


def test_an_output_that_a_layer_below_lacks_is_found_before_anything_starts(estate: Estate, target: Target) -> None:
    with pytest.raises(LayerOrderError, match=r"main\.tf:\d+: prod/app reads output 'id' of prod/database"):
        order(estate, "up", "app").check(checked({"database": state(other="x")}), target, allow_incomplete=True)


def test_layers_inside_the_run_need_not_stand_yet(estate: Estate, target: Target) -> None:
    up = order(estate, "up", "app", "database")

    up.check(checked({"network": APPLIED, "database": None}), target, allow_incomplete=False)
    with pytest.raises(LayerOrderError, match="prod/database stands on prod/network"):
        up.check(checked({"network": None, "database": None}), target, allow_incomplete=False)


def test_going_down_below_one_that_stands_is_refused(estate: Estate, target: Target) -> None:
    with pytest.raises(GuardError) as caught:
        order(estate, "down", "network").check(
            checked({"database": APPLIED, "app": None}), target, allow_incomplete=True
        )

    assert caught.value.message == "prod/network can't be taken down: prod/database still stands on it"
    assert caught.value.hint == "take them down together: wealist down prod/network prod/database"
    assert caught.value.exit_code == 13


def test_several_that_stand_are_all_named(estate: Estate, target: Target) -> None:
    write_layer(estate.root, "prod/cache", backend_block("prod/cache") + remote_state("prod/network"))
    down = order(Estate.find(estate.root), "down", "network")

    with pytest.raises(GuardError) as caught:
        down.check(checked({"database": APPLIED, "cache": APPLIED, "app": APPLIED}), target, allow_incomplete=False)

    assert caught.value.message == "prod/network can't be taken down: prod/cache, prod/database still stand on it"
    assert caught.value.hint == "take them down together: wealist down prod/network prod/cache prod/database prod/app"


@pytest.mark.parametrize("gone", [None, EMPTY], ids=["never applied", "taken down"])
def test_going_down_below_one_that_is_gone_is_fine(estate: Estate, target: Target, gone: State | None) -> None:
    down = order(estate, "down", "network")

    down.check(checked({"database": gone}), target, allow_incomplete=False)
    with pytest.raises(GuardError):
        down.check(checked({"database": APPLIED}), target, allow_incomplete=False)


def test_one_above_that_can_not_be_read_is_taken_to_stand(estate: Estate, target: Target) -> None:
    with pytest.raises(GuardError, match="prod/database still stands on it"):
        order(estate, "down", "network").check(checked({}), target, allow_incomplete=False)


def held(operation: str) -> Lock:
    return Lock(id="1", holder="bob@ci", operation=operation, terraform_version="1.11.4", created=None, where="table t")


@pytest.mark.parametrize("above", ["database", "app"])
def test_going_down_below_one_that_is_being_made_is_refused(estate: Estate, target: Target, above: str) -> None:
    """A first apply holds the lock, and has nothing in its state yet."""
    gone = checked({"database": None, "app": None}, {above: (held("OperationTypeApply"),)})

    with pytest.raises(StateLockedError) as caught:
        order(estate, "down", "network").check(gone, target, allow_incomplete=True)

    message = f"prod/network can't be taken down: prod/{above} stands on it, and is locked by bob@ci (apply)"
    assert caught.value.message == message
    assert caught.value.hint == f"wait for it; is its holder alive? wealist locks prod/{above}"


def test_a_plan_of_one_above_that_is_gone_stops_nobody(estate: Estate, target: Target) -> None:
    gone = checked({"database": None, "app": None}, {"database": (held("OperationTypePlan"),)})

    order(estate, "down", "network").check(gone, target, allow_incomplete=False)
