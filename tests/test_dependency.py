"""What must hold between a layer and those below and above it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.dependency import Standing, check_outputs, check_removed_outputs, check_standing
from orchestrator.errors import GuardError, LayerOrderError, StateLockedError
from orchestrator.graph import Edge
from orchestrator.layer import Location, OutputRead
from orchestrator.lock import Lock
from orchestrator.state import State
from tests.estate import HERE, layer, state_text
from tests.plans import plan

if TYPE_CHECKING:
    from orchestrator.layer import Layer

EDGE = Edge(layer="prod/compute", needs="prod/foundation", state="foundation", location=HERE)
WHOLE = State.from_json(state_text(outputs={"vpc_id": "vpc-1"}), url="s3://x")


def command(*words: str) -> str:
    return shlex.join(["wealist", *words])


def lock(operation: str = "OperationTypeApply") -> Lock:
    return Lock(
        id="1", holder="alice@laptop", operation=operation, terraform_version="1.11.4", created=None, where="table t"
    )


def check(*, is_known: bool = True, state: State | None = WHOLE, allow_incomplete: bool = False, **more: Any) -> None:
    standing = Standing(is_known=is_known, state=state, **more)
    check_standing(EDGE, standing, allow_incomplete=allow_incomplete, command=command)


def read(output: str, *, state: str = "foundation", line: int = 12, is_optional: bool = False) -> OutputRead:
    return OutputRead(state=state, output=output, is_optional=is_optional, location=Location(Path("main.tf"), line))


def check_reads(
    *reads: OutputRead, state: State | None = WHOLE, declared: tuple[str, ...] = (), edge: Edge = EDGE
) -> None:
    """The reads of compute, of a foundation with this state and these outputs in its HCL."""
    foundation = layer("prod/foundation", outputs=dict.fromkeys(declared, Location(Path("outputs.tf"), 3)))
    check_outputs(
        compute(*reads),
        [edge],
        {"prod/foundation": state},
        {"prod/foundation": foundation},
        command=command,
    )


def compute(*reads: OutputRead) -> Layer:
    return replace(layer("prod/compute"), reads=reads)


# below: does it stand?


def test_a_layer_that_is_applied_and_whole_stands() -> None:
    check()
    with pytest.raises(LayerOrderError):
        check(state=None)


def test_a_state_that_can_not_be_read_is_no_ground() -> None:
    with pytest.raises(LayerOrderError) as caught:
        check(is_known=False, state=None, allow_incomplete=True)

    assert caught.value.message == "prod/compute stands on prod/foundation, whose state can't be read"
    assert caught.value.hint == "wealist preflight prod/foundation"


@pytest.mark.parametrize("state", [None, State.from_json(state_text(), url="s3://x")], ids=["none", "empty"])
@pytest.mark.parametrize("allow_incomplete", [False, True])
def test_a_layer_that_was_never_applied_or_was_taken_down_is_no_ground(
    state: State | None, allow_incomplete: bool
) -> None:
    with pytest.raises(LayerOrderError) as caught:
        check(state=state, allow_incomplete=allow_incomplete)

    assert caught.value.message == (
        "prod/compute stands on prod/foundation, which is not applied "
        "(data.terraform_remote_state.foundation at terraform.tf:1)"
    )
    assert caught.value.hint == ("wealist up prod/foundation, or both: wealist up prod/compute --with-dependencies")
    assert caught.value.exit_code == 11


def test_a_layer_that_is_being_changed_is_no_ground() -> None:
    held = lock()
    with pytest.raises(StateLockedError) as caught:
        check(locks=(held,))

    assert caught.value.message == "prod/compute stands on prod/foundation, which is locked by alice@laptop (apply)"
    assert caught.value.hint is not None
    assert "wealist locks prod/foundation" in caught.value.hint
    assert "--allow-incomplete-dependencies" in caught.value.hint
    assert (caught.value.lock, caught.value.exit_code) == (held, 12)


def test_a_plan_that_holds_the_lock_changes_nothing() -> None:
    check(locks=(lock("OperationTypePlan"),))
    with pytest.raises(StateLockedError):
        check(locks=(lock("OperationTypePlan"), lock("unknown")))


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"outcome": "failed"}, "failed"),
        ({"outcome": "interrupted"}, "was interrupted"),
        ({"event": "apply-started"}, "was killed"),
    ],
)
def test_a_last_apply_that_did_not_end_well_is_no_ground(entry: dict[str, Any], words: str) -> None:
    with pytest.raises(LayerOrderError) as caught:
        check(incomplete={**entry, "time": "2026-01-02T03:04:05.000+00:00"})

    assert caught.value.message == (
        f"prod/compute stands on prod/foundation, whose last apply {words} (2026-01-02T03:04:05.000+00:00)"
    )
    assert caught.value.hint == "wealist up prod/foundation first, or pass --allow-incomplete-dependencies"


def test_a_half_applied_or_locked_layer_is_ground_where_that_is_allowed() -> None:
    half = {"outcome": "failed", "time": "2026-01-02T03:04:05.000+00:00"}

    check(locks=(lock(),), incomplete=half, allow_incomplete=True)
    with pytest.raises(StateLockedError):
        check(locks=(lock(),), incomplete=half)


# below: has it what is read of it?


def test_an_output_that_is_there_can_be_read() -> None:
    check_reads(read("vpc_id"))
    with pytest.raises(LayerOrderError):
        check_reads(read("vpc_id"), state=None)


def test_an_output_that_is_not_there_is_named_with_the_line_that_reads_it() -> None:
    with pytest.raises(LayerOrderError) as caught:
        check_reads(read("vpc_id"), read("zone", line=40))

    assert caught.value.message == (
        "main.tf:40: prod/compute reads output 'zone' of prod/foundation, which has none of that name"
    )
    assert caught.value.hint == "declare it in /estate/terraform/prod/foundation, then: wealist up prod/foundation"


def test_all_that_are_missing_are_named_once() -> None:
    with pytest.raises(LayerOrderError, match=r"'zone' of prod/foundation, .* name \(nor cidr, subnets\)$"):
        check_reads(read("zone"), read("subnets"), read("cidr"), read("zone", line=50), read("subnets", line=60))


def test_an_output_that_the_hcl_can_do_without_may_be_missing() -> None:
    check_reads(read("zone", is_optional=True))
    with pytest.raises(LayerOrderError):
        check_reads(read("zone", is_optional=True), read("zone"))


def test_an_output_that_is_declared_only_wants_an_apply() -> None:
    with pytest.raises(LayerOrderError) as caught:
        check_reads(read("vpc_ids"), declared=("vpc_ids",))

    assert caught.value.hint == "it is declared at outputs.tf:3, and not applied yet: wealist up prod/foundation"


def test_an_output_with_a_similar_name_was_probably_meant() -> None:
    with pytest.raises(LayerOrderError) as caught:
        check_reads(read("vpc_ids"))

    assert caught.value.hint == "did you mean vpc_id?"


def test_only_those_of_the_same_layer_are_named_together() -> None:
    edges = [
        EDGE,
        Edge(layer="prod/compute", needs="prod/network", state="network", location=HERE),
    ]
    layers = {id_: layer(id_) for id_ in ("prod/foundation", "prod/network")}
    reads = compute(read("cidr"), read("zone", state="network"))

    with pytest.raises(LayerOrderError, match=r"'cidr' of prod/foundation, which has none of that name$"):
        check_outputs(reads, edges, {"prod/foundation": WHOLE, "prod/network": WHOLE}, layers, command=command)


def test_outputs_of_others_states_are_not_looked_for_here() -> None:
    check_reads(read("zone", state="of_another_estate"))
    declared = replace(EDGE, state=None)
    check_reads(read("zone"), edge=declared)
    with pytest.raises(LayerOrderError):
        check_reads(read("zone"))


def test_one_name_that_leads_to_two_layers_in_two_modules_is_not_taken_for_one_of_them() -> None:
    """A root module and a local module of it may both call what they read `this`."""
    edges = [
        Edge(layer="prod/compute", needs=needs, state="this", location=HERE)
        for needs in ("prod/foundation", "prod/network")
    ]
    states = {
        "prod/foundation": WHOLE,
        "prod/network": State.from_json(state_text(outputs={"zone": "z"}), url="s3://x"),
    }
    layers = {id_: layer(id_) for id_ in states}

    def check_both(*names: str) -> None:
        reads = compute(*(read(name, state="this") for name in names))
        check_outputs(reads, edges, states, layers, command=command)

    check_both("vpc_id", "zone")
    with pytest.raises(LayerOrderError, match="reads output 'cidr' of prod/foundation"):
        check_both("vpc_id", "zone", "cidr")


# above: who reads what goes?


def test_an_output_that_another_layer_reads_may_not_go() -> None:
    goes = plan(outputs={"vpc_id": "delete", "zone": "update"})
    readers = [(compute(), read("vpc_id")), (compute(), read("zone")), (layer("prod/edge"), read("vpc_id", line=99))]

    with pytest.raises(GuardError) as caught:
        check_removed_outputs(goes, "prod/foundation", readers)

    assert caught.value.message == (
        "prod/foundation: the plan removes output 'vpc_id', which prod/compute reads at main.tf:12, "
        "and prod/edge reads at main.tf:99"
    )
    assert caught.value.hint == (
        "take it out of prod/compute and prod/edge first, apply that, and then remove the output"
    )
    assert caught.value.exit_code == 13


def test_each_reader_of_an_output_that_goes_is_told_with_all_its_lines() -> None:
    goes = plan(outputs={"vpc_id": "delete"})
    readers = [(compute(), read("vpc_id")), (compute(), read("vpc_id", line=13))]

    with pytest.raises(GuardError, match=r"which prod/compute reads at main\.tf:12, main\.tf:13$"):
        check_removed_outputs(goes, "prod/foundation", readers)


def test_the_lines_are_those_of_one_output() -> None:
    goes = plan(outputs={"vpc_id": "delete", "zone": "delete"})
    readers = [(compute(), read("vpc_id")), (compute(), read("zone", line=13))]

    with pytest.raises(GuardError, match=r"removes output 'vpc_id', which prod/compute reads at main\.tf:12$"):
        check_removed_outputs(goes, "prod/foundation", readers)


def test_an_output_that_nobody_needs_may_go() -> None:
    readers = [(compute(), read("vpc_id", is_optional=True)), (compute(), read("other"))]

    check_removed_outputs(plan(outputs={"vpc_id": "delete"}), "prod/foundation", readers)
    with pytest.raises(GuardError):
        check_removed_outputs(plan(outputs={"other": "delete"}), "prod/foundation", readers)
