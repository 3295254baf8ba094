from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import holder
from orchestrator.aws.session import Session
from orchestrator.aws.state import lock_key, read_locks
from orchestrator.errors import CommandError
from orchestrator.events import Diagnostic
from orchestrator.own_lock import OwnLock, logging
from orchestrator.state import State
from orchestrator.target import AwsSettings
from tests.estate import BUCKET, KEY, TABLE, Store, state_text

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.discovery import Estate
    from orchestrator.layer import Layer

ID = "0a1b2c3d-0000-1111-2222-333344445555"
BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BEFORE = State.from_json(state_text().encode(), url="s3://b/k")


def attempt(id_: str) -> str:
    """What Terraform logs before it takes a lock."""
    return (
        "2026-01-02T03:04:06.093Z [INFO]  backend-s3: Attempting to lock remote state (DynamoDB only)...: "
        f'tf_backend.lock.id={id_} tf_backend.lock.info="" tf_backend.lock.operation=OperationTypePlan\n'
    )


def lock_text(**changed: Any) -> str:
    info = {
        "ID": ID,
        "Operation": "OperationTypePlan",
        "Info": "",
        "Who": holder.who(),
        "Version": "1.11.4",
        "Created": "2026-01-02T03:04:06.123456789Z",
        "Path": f"{BUCKET}/{KEY}",
    }
    return json.dumps({**info, **changed})


def put(store: Store, **changed: Any) -> None:
    item = {"LockID": {"S": f"{BUCKET}/{KEY}"}, "Info": {"S": lock_text(**changed)}}
    store.dynamodb.put_item(TableName=TABLE, Item=item)


def failed(command: str = "plan", *, returncode: int = 1, named: str = ID, severity: str = "error") -> CommandError:
    detail = f"Error message: ConditionalCheckFailedException\nLock Info:\n  ID:        {named}\n  Path:      x"
    said = Diagnostic(
        layer="prod/foundation", severity=severity, summary="Error acquiring the state lock", detail=detail
    )
    argv = ("terraform", command, "-json")
    return CommandError("terraform failed", argv=argv, returncode=returncode, diagnostics=(said,))


@dataclass
class Rig:
    layer: Layer
    session: Session
    log: Path
    told: list[str] = field(default_factory=list)
    recorded: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def own_lock(self) -> OwnLock:
        def record(event: str, /, **details: object) -> None:
            self.recorded.append((event, details["lock"]))

        return OwnLock(
            self.layer,
            self.session,
            log=self.log,
            tell=self.told.append,
            record=record,
            command=lambda *words: " ".join(("wealist", *words)),
        )

    def release(self, error: CommandError | None = None) -> bool:
        return self.own_lock.release_after(error or failed(), began=BEGAN)

    def explain(self, *, before: State | None = BEFORE) -> CommandError:
        error = failed("apply")
        self.own_lock.explain_apply(error, began=BEGAN, before=before)
        return error

    def locks(self) -> list[str]:
        return [lock.id for lock in read_locks(self.session, self.layer.backend)]


@pytest.fixture
def rig(estate: Estate, store: Store, tmp_path: Path) -> Rig:
    layer = estate.layer("foundation")
    log = tmp_path / "locks.log"
    log.write_text(attempt(ID))
    return Rig(layer, Session(AwsSettings(), backend=layer.backend), log)


def test_it_is_released_told_and_written_down(rig: Rig, store: Store) -> None:
    put(store)

    assert rig.release()
    assert rig.locks() == []
    assert len(rig.told) == 1
    assert ID in rig.told[0]
    assert [(event, lock["id"]) for event, lock in rig.recorded] == [("own-lock-released", ID)]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"Who": "alice@laptop"}, failed()),
        ({"Operation": "OperationTypeApply"}, failed()),
        ({"Created": "2026-01-02T03:04:04.9Z"}, failed()),
        ({"Created": "no time"}, failed()),
        ({"ID": "not-an-id"}, failed(named="not-an-id")),
        ({}, failed(named="99999999-0000-1111-2222-333344445555")),
        ({}, failed(severity="warning")),
        ({}, failed("apply")),
        ({}, failed("init")),
        ({}, failed(returncode=-9)),
        ({}, failed(returncode=137)),
    ],
    ids=[
        "somebody else's",
        "of another operation",
        "from before the start",
        "of no time",
        "of no id",
        "not the one that was named",
        "only warned of",
        "of a plan, while an apply failed",
        "of a command that takes none",
        "left by a kill",
        "left by a kill under a shell",
    ],
)
def test_any_other_lock_stays(rig: Rig, store: Store, changed: dict[str, str], error: CommandError) -> None:
    put(store, **changed)

    assert not rig.release(error)
    assert len(rig.locks()) == 1
    assert (rig.told, rig.recorded) == ([], [])


@pytest.mark.parametrize(
    "log",
    [
        "",
        attempt("99999999-0000-1111-2222-333344445555"),
        f"[ERROR] backend-s3: Error acquiring the state lock: tf_backend.lock.id={ID}\n",
    ],
    ids=["nothing", "another", "an error that names it"],
)
def test_a_lock_that_another_run_has_just_taken_stays(rig: Rig, store: Store, log: str) -> None:
    """Terraform names the lock that is in its way, whoever took it: only what it has made up itself is its own."""
    put(store)
    rig.log.write_text(log)

    assert not rig.release()
    assert rig.locks() == [ID]


def test_a_log_that_is_not_there_proves_nothing(rig: Rig, store: Store) -> None:
    put(store)
    rig.log.unlink()

    assert not rig.release()


def test_a_log_that_somebody_asked_for_is_left_to_them(tmp_path: Path) -> None:
    assert logging({"TF_LOG": "trace"}, tmp_path) == {"TF_LOG": "trace"}
    assert logging({"A": "b"}, tmp_path) == {"A": "b", "TF_LOG_CORE": "INFO", "TF_LOG_PATH": str(tmp_path)}


def test_no_lock_is_no_reason_to_plan_again(rig: Rig) -> None:
    assert not rig.release()


def test_one_that_changes_hands_in_between_stays(rig: Rig, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store)
    locks = read_locks(rig.session, rig.layer.backend)
    monkeypatch.setattr("orchestrator.own_lock.read_locks", lambda *_: locks)
    put(store, Who="alice@laptop")

    assert not rig.release()
    assert [lock.holder for lock in read_locks(rig.session, rig.layer.backend)] == ["alice@laptop"]
    assert "can't be released" in rig.told[0]


def test_locks_that_can_not_be_read_change_nothing(rig: Rig, store: Store) -> None:
    store.dynamodb.delete_table(TableName=TABLE)

    assert not rig.release()


def test_a_lock_file_is_released_as_well(tmp_path_factory: pytest.TempPathFactory, rig: Rig, store: Store) -> None:
    from dataclasses import replace

    backend = replace(rig.layer.backend, dynamodb_table=None, use_lockfile=True)
    rig.layer = replace(rig.layer, backend=backend)
    store.s3.put_object(Bucket=BUCKET, Key=lock_key(backend), Body=lock_text().encode())

    assert rig.locks() == [ID]
    assert rig.release()
    assert rig.locks() == []


def test_of_an_apply_it_is_released_where_the_state_is_as_it_was(rig: Rig, store: Store) -> None:
    put(store, Operation="OperationTypeApply")
    store.put_state(state_text())

    error = rig.explain()

    assert rig.locks() == []
    assert "nothing was applied, and the lock is released" in error.message
    assert error.hint == "wealist up prod/foundation"


def test_of_a_first_apply_too(rig: Rig, store: Store) -> None:
    put(store, Operation="OperationTypeApply")

    assert "the lock is released" in rig.explain(before=None).message
    assert rig.locks() == []


@pytest.mark.parametrize("state", [state_text(serial=8), state_text(lineage="another"), "no state"])
def test_of_an_apply_it_stays_where_the_state_has_moved(rig: Rig, store: Store, state: str) -> None:
    put(store, Operation="OperationTypeApply")
    store.put_state(state)

    error = rig.explain()

    assert rig.locks() == [ID]
    assert "the lock was left alone" in error.message
    assert error.hint == "wealist locks prod/foundation"


def test_an_apply_that_failed_for_another_reason_keeps_its_error(rig: Rig) -> None:
    error = rig.explain()

    assert (error.message, error.hint) == ("terraform failed", None)


def test_it_is_since_the_start_and_not_since_a_moment_before(rig: Rig, store: Store) -> None:
    put(store, Created=(BEGAN - timedelta(microseconds=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))

    assert not rig.release()
