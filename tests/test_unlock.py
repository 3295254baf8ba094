from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator import ledger
from orchestrator import unlock as subject
from orchestrator.aws.session import Session
from orchestrator.aws.state import read_locks
from orchestrator.errors import GuardError, PreflightError
from orchestrator.holder import Holder, Life, who
from orchestrator.target import AwsSettings, Target, aws_target
from orchestrator.unlock import break_lock, check_unlock, read_evidence
from tests.estate import BUCKET, KEY, TABLE, YAML, Store, backend_block, state_text, write_estate, write_layer

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.discovery import Estate
    from orchestrator.layer import Layer

ITEM = f"{BUCKET}/{KEY}"


@pytest.fixture
def target(estate: Estate) -> Target:
    return aws_target(estate.root, {})


@pytest.fixture
def layer(estate: Estate) -> Layer:
    return estate.layer("foundation")


def let_the_holder_run(monkeypatch: pytest.MonkeyPatch) -> None:
    holder = Holder(life=Life.RUNNING, why="terraform runs here, pid 4711", is_you=True, pid=4711)
    monkeypatch.setattr("orchestrator.evidence.find_holder", lambda *_: holder)


def test_a_state_that_is_not_locked_has_no_evidence(store: Store, layer: Layer, target: Target) -> None:
    assert read_evidence(layer, target) == []


def test_a_lock_is_shown_with_what_speaks_for_its_holder(store: Store, layer: Layer, target: Target) -> None:
    store.put_state(state_text())
    store.put_lock()

    (evidence,) = read_evidence(layer, target)

    assert (evidence.layer, evidence.lock.holder) == ("prod/foundation", "alice@laptop")
    assert evidence.holder.life is Life.UNKNOWN
    assert evidence.was_written_since is True


@pytest.mark.parametrize(
    "info", [{"S": "[" * 100_000}, {"S": "no JSON"}, {"N": "17"}, {"B": b"\x00\xff"}, {"NULL": True}, {"L": []}, None]
)
def test_a_lock_that_can_not_be_read_can_be_broken(
    info: dict[str, object] | None, store: Store, estate: Estate, layer: Layer, target: Target
) -> None:
    item = {"LockID": {"S": ITEM}, **({"Info": info} if info else {})}
    store.dynamodb.put_item(TableName=TABLE, Item=item)

    (shown,) = read_evidence(layer, target)
    assert shown.lock.error is not None
    assert ("content", f"unreadable: {shown.lock.error}") in shown.lines
    break_lock(estate, layer, target, [shown])

    assert read_locks(Session(target.aws), layer.backend) == []


def test_another_lock_in_the_place_of_an_unreadable_one_stays(
    store: Store, estate: Estate, layer: Layer, target: Target
) -> None:
    store.dynamodb.put_item(TableName=TABLE, Item={"LockID": {"S": ITEM}, "Info": {"N": "17"}})
    shown = read_evidence(layer, target)
    store.put_lock()

    with pytest.raises(GuardError, match="left alone"):
        break_lock(estate, layer, target, shown)

    assert len(read_locks(Session(target.aws), layer.backend)) == 1


def test_a_state_that_can_not_be_read_hides_no_lock(
    store: Store, layer: Layer, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise GuardError("no")

    store.put_lock()
    monkeypatch.setattr(subject, "read_object", denied)

    (evidence,) = read_evidence(layer, target)

    assert evidence.state_written is None


def test_the_lock_that_was_shown_is_broken_and_written_down(
    store: Store, estate: Estate, layer: Layer, target: Target
) -> None:
    store.put_lock()

    break_lock(estate, layer, target, read_evidence(layer, target))

    assert store.item(ITEM) is None
    (entry,) = ledger.read(target.home)
    assert (entry["event"], entry["layer"], entry["by"]) == ("unlocked", "prod/foundation", who())
    assert (entry["lock"]["holder"], entry["lock"]["where"]) == ("alice@laptop", f"table {TABLE}")


def test_both_locks_are_broken_where_both_are_held(store: Store, tmp_path: Path) -> None:
    from orchestrator.discovery import Estate

    root = write_estate(tmp_path / "both")
    more = f'dynamodb_table = "{TABLE}"\n    use_lockfile = true'
    write_layer(root, "prod/foundation", backend_block(more=more))
    estate = Estate.find(root)
    layer, target = estate.layer("foundation"), aws_target(root, {})
    store.put_lock()
    store.put_state('{"ID": "2", "Who": "alice@laptop"}', key=f"{KEY}.tflock")

    break_lock(estate, layer, target, read_evidence(layer, target))

    assert read_locks(Session(AwsSettings()), layer.backend) == []
    assert [entry["lock"]["where"] for entry in ledger.read(target.home)] == [
        f"table {TABLE}",
        f"s3://{BUCKET}/{KEY}.tflock",
    ]


def test_a_lock_that_was_taken_anew_is_left_alone(store: Store, estate: Estate, layer: Layer, target: Target) -> None:
    store.put_lock()
    shown = read_evidence(layer, target)
    store.put_lock(who="bob@ci")

    with pytest.raises(
        GuardError, match=r"prod/foundation: the lock in table .* is not the one of alice@laptop"
    ) as caught:
        break_lock(estate, layer, target, shown)

    assert caught.value.hint == "wealist locks prod/foundation"
    assert "bob@ci" in str(store.item(ITEM))
    assert ledger.read(target.home) == []


def test_a_holder_that_runs_is_not_robbed(
    store: Store, estate: Estate, layer: Layer, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_lock()
    let_the_holder_run(monkeypatch)
    shown = read_evidence(layer, target)

    for call in (check_unlock, break_lock):
        with pytest.raises(GuardError, match="the lock's holder is alive: terraform runs here, pid 4711") as caught:
            call(estate, layer, target, shown)
        assert caught.value.hint == "kill -INT 4711"

    assert store.item(ITEM) is not None


def test_a_holder_is_looked_for_once_more_before_the_lock_is_broken(
    store: Store, estate: Estate, layer: Layer, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_lock()
    shown = read_evidence(layer, target)
    check_unlock(estate, layer, target, shown)
    let_the_holder_run(monkeypatch)

    with pytest.raises(GuardError, match="alive"):
        break_lock(estate, layer, target, shown)

    assert store.item(ITEM) is not None


def test_another_account_is_refused(store: Store, tmp_path: Path) -> None:
    from orchestrator.discovery import Estate

    estate = Estate.find(write_estate(tmp_path / "pinned", f"{YAML}accounts:\n  prod: '210987654321'\n"))
    layer, target = estate.layer("foundation"), aws_target(estate.root, {})
    store.put_lock()

    for call in (check_unlock, break_lock):
        with pytest.raises(PreflightError):
            call(estate, layer, target, read_evidence(layer, target))

    assert store.item(ITEM) is not None
