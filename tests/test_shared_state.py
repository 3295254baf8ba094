"""Two layers on one state: what could write is refused before Terraform starts, what looks shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import diagram
from orchestrator.diagram import Format
from orchestrator.discovery import Estate
from orchestrator.engine import Engine
from orchestrator.errors import LayerOrderError
from orchestrator.mend import prepare_mend
from orchestrator.restore import prepare_restore
from orchestrator.shared_state import find_sharing, named
from orchestrator.status import read_statuses
from tests.estate import KEY, Store, backend_block, state_text, target_of, write_estate, write_layer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orchestrator.run import Proposal
    from tests.fakes import FakeRunner

RUNS: dict[str, Callable[[Engine], Any]] = {
    "plan": lambda engine: engine.plan(["foundation"]),
    "up": lambda engine: engine.up(["foundation"], confirm=yes),
    "down": lambda engine: engine.down(["copy"], confirm=yes),
    "drift": lambda engine: engine.drift([]),
}


def yes(_: Proposal) -> bool:
    return True


@pytest.fixture
def shared(tmp_path: Path) -> Estate:
    """An estate in which a copy of foundation kept the key."""
    root = write_estate(tmp_path / "estate")
    write_layer(root, "prod/copy", backend_block(KEY))
    return Estate.find(root)


@pytest.mark.parametrize("name", RUNS)
def test_every_run_is_refused_before_terraform_starts(
    shared: Estate, store: Store, runner: FakeRunner, name: str
) -> None:
    store.put_state(state_text())
    engine = Engine(shared, target_of(shared.root), runner=runner)

    with pytest.raises(LayerOrderError) as caught:
        RUNS[name](engine)

    assert caught.value.exit_code == 11
    assert not runner.started
    assert "is the state of prod/" in caught.value.message
    assert "an apply of one would destroy what the other made" in caught.value.message
    hint = caught.value.hint or ""
    assert "give one of them a key of its own" in hint
    assert all(f"terraform/prod/{name}/main.tf:3" in hint for name in ("foundation", "copy"))


def test_a_run_of_others_goes_on(shared: Estate, store: Store, runner: FakeRunner) -> None:
    write_layer(shared.root, "prod/apart")

    report = Engine(Estate.find(shared.root), target_of(shared.root), runner=runner).up(["apart"], confirm=yes)

    assert report.exit_code == 0


def test_a_layer_that_can_not_be_read_stops_nobody_else(shared: Estate, store: Store, runner: FakeRunner) -> None:
    write_layer(shared.root, "prod/apart")
    write_layer(shared.root, "prod/copy", backend_block(KEY) + "resource {{{")

    report = Engine(Estate.find(shared.root), target_of(shared.root), runner=runner).up(["foundation"], confirm=yes)

    assert report.exit_code == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda estate, target: prepare_restore(estate, estate.layer("foundation"), "1", target),
        lambda estate, target: prepare_mend(estate, estate.layer("foundation"), target),
    ],
)
def test_the_state_is_not_changed_by_hand_either(shared: Estate, store: Store, change: Callable[..., Any]) -> None:
    with pytest.raises(LayerOrderError, match="is the state of prod/foundation and of prod/copy"):
        change(shared, target_of(shared.root))


def test_what_looks_shows_it(shared: Estate, store: Store, runner: FakeRunner) -> None:
    target = target_of(shared.root)
    statuses = read_statuses(shared, target)
    checked = Engine(shared, target, runner=runner).preflight(["copy"])
    text = diagram.draw(shared.graph, {}, Format.TEXT)

    assert statuses["prod/copy"].to_json()["shares_state_with"] == ["prod/foundation"]
    assert statuses["prod/compute"].to_json()["shares_state_with"] == []
    assert [finding.id for finding in checked.errors] == ["state-object.shared"]
    assert "prod/copy        shares its state with prod/foundation" in text
    assert "prod/compute     needs prod/copy, prod/foundation\n" in f"{text}\n"
    for form in (Format.MERMAID, Format.DOT, Format.JSON):
        assert "prod/foundation" in diagram.draw(shared.graph, {}, form)


@pytest.mark.parametrize(
    ("first", "second", "workspace", "is_shared"),
    [
        ("a", "b", False, False),
        ("a", "a", False, True),
        ("a", "b", True, True),
        ("a", None, False, False),
    ],
)
def test_layers_in_workspaces_are_apart_by_their_prefix(
    tmp_path: Path, first: str, second: str | None, workspace: bool, is_shared: bool
) -> None:
    settings = {f"prod/{name}": {"workspace": "default"} for name in ("one", "two")}
    root = write_estate(tmp_path, f"version: 1\nlayers:\n  settings: {settings if workspace else {}}\n")
    for name, prefix in (("one", first), ("two", second)):
        more = f'workspace_key_prefix = "{prefix}"' if prefix else ""
        write_layer(root, f"prod/{name}", backend_block("same.tfstate", more=more))

    assert bool(Estate.find(root).shared_states) is is_shared


def test_many_that_share_are_not_all_named() -> None:
    sharing = find_sharing(dict.fromkeys("fedcba", "s3"))

    assert sharing["a"] == ("b", "c", "d", "e", "f")
    assert named(sharing["a"]) == "b, c, d and 2 more"
    assert find_sharing({"a": 1, "b": 2}) == {}
