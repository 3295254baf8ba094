from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import status as subject
from orchestrator.artifacts import run_folder
from orchestrator.aws.gate import FIRST
from orchestrator.discovery import Estate
from orchestrator.errors import AwsError
from orchestrator.ledger import append
from orchestrator.redaction import Redactor
from orchestrator.status import LastApply, LayerStatus, StateSummary, read_statuses
from orchestrator.target import aws_target
from tests.estate import BUCKET, KEY, TABLE, Store, backend_block, state_text, write_layer
from tests.fakes import CANARY, recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from orchestrator.target import Target

SUMMARY = StateSummary(serial=1, resources=2, terraform_version="1.11.4", lineage="l", is_empty=False)
FOUNDATION, COMPUTE = "prod/foundation", "prod/compute"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.aws.digest._PAUSES", ())


@pytest.fixture
def target(estate: Estate) -> Target:
    return aws_target(estate.root, {})


def write_ledger(target: Target, *entries: dict[str, Any]) -> None:
    target.home.mkdir(exist_ok=True)
    for entry in entries:
        append(target.home, {"target": "aws", "layer": FOUNDATION, "run_id": "r1", **entry}, Redactor())


def failing(code: str) -> Callable[..., Any]:
    def call(*_: object) -> None:
        raise AwsError(f"AWS said {code}", code=code)

    return call


def test_a_layer_is_told_by_its_state_object(store: Store, estate: Estate, target: Target) -> None:
    store.put_state(recorded("state.json"))
    before = datetime.now(UTC)

    found = read_statuses(estate, target)

    assert list(found) == [COMPUTE, FOUNDATION]
    assert (found[COMPUTE].word, found[COMPUTE].state, found[COMPUTE].modified) == ("never applied", None, None)
    foundation = found[FOUNDATION]
    assert foundation.word == "applied"
    assert foundation.state is not None
    assert (foundation.state.serial, foundation.state.resources, foundation.state.terraform_version) == (7, 6, "1.11.4")
    assert foundation.modified is not None
    assert abs((foundation.modified - before).total_seconds()) < 60


def test_only_the_layers_that_were_asked_for_are_read(store: Store, estate: Estate, target: Target) -> None:
    assert list(read_statuses(estate, target, [estate.layer("foundation")])) == [FOUNDATION]


def test_a_lock_is_told(store: Store, estate: Estate, target: Target) -> None:
    store.put_state(state_text())
    store.put_lock()

    found = read_statuses(estate, target)[FOUNDATION]

    assert found.word == "locked"
    assert [lock.holder for lock in found.locks] == ["alice@laptop"]


def test_a_wrong_digest_is_told_and_the_right_one_of_another_layer_is_not(
    store: Store, estate: Estate, target: Target
) -> None:
    for key in (KEY, "prod/compute/terraform.tfstate"):
        store.put_state(state_text(), key=key)
        store.put_digest(key=key)
    store.put_digest("d" * 32)

    found = read_statuses(estate, target)

    mismatch = found[FOUNDATION].mismatch
    assert found[COMPUTE].mismatch is None
    assert mismatch is not None
    assert mismatch.recorded == "d" * 32


def test_a_state_that_is_gone_but_has_a_digest_was_applied(store: Store, estate: Estate, target: Target) -> None:
    store.put_state(state_text())
    store.put_digest()
    store.s3.delete_object(Bucket=BUCKET, Key=KEY)

    assert read_statuses(estate, target)[FOUNDATION].word == "unreadable"


def test_an_object_that_is_no_state_is_a_row_that_says_so(store: Store, estate: Estate, target: Target) -> None:
    store.put_state("<html>")

    found = read_statuses(estate, target)[FOUNDATION]

    assert found.word == "unreadable"
    assert found.modified is not None
    assert "this is not a Terraform state" in str(found.error)


def test_a_bucket_that_is_not_there_spoils_its_own_layer_only(store: Store, estate: Estate, target: Target) -> None:
    write_layer(estate.root, "prod/other", backend_block("k").replace(BUCKET, "gone"))
    store.put_state(state_text())

    found = read_statuses(estate, target)

    assert found["prod/other"].word == "unreadable"
    assert "the state bucket gone does not exist" in str(found["prod/other"].error)
    assert found["prod/other"].lock_error is None
    assert found[FOUNDATION].word == "taken down"


def test_a_table_that_can_not_be_read_hides_the_lock_and_not_the_state(
    store: Store, estate: Estate, target: Target
) -> None:
    store.put_state(recorded("state.json"))
    store.dynamodb.delete_table(TableName=TABLE)

    found = read_statuses(estate, target)[FOUNDATION]

    assert (found.word, found.error) == ("applied", None)
    assert isinstance(found.lock_error, AwsError)
    assert found.lock_error.code == "ResourceNotFoundException"


def test_what_failed_here_is_told_from_the_ledger(store: Store, estate: Estate, target: Target) -> None:
    store.put_state(recorded("state.json"))
    write_ledger(target, {"event": "apply-started"}, {"event": "finished", "outcome": "failed"})

    found = read_statuses(estate, target)[FOUNDATION]

    assert found.word == "failed"
    assert found.last_apply is not None
    assert (found.last_apply.outcome, found.last_apply.is_incomplete) == ("failed", True)
    assert found.last_apply.time is not None


def test_an_apply_that_never_ended_was_killed(store: Store, estate: Estate, target: Target) -> None:
    write_ledger(target, {"event": "apply-started"})

    found = read_statuses(estate, target)[FOUNDATION]

    assert found.word == "failed"
    assert found.last_apply is not None
    assert found.last_apply.outcome == "killed"


def test_an_apply_that_runs_right_now_has_not_failed(store: Store, estate: Estate, target: Target) -> None:
    with run_folder(target.home, Redactor()) as folder:
        write_ledger(target, {"event": "apply-started", "run_id": folder.run_id})

        found = read_statuses(estate, target)[FOUNDATION]

    assert found.word == "never applied"
    assert found.last_apply is not None
    assert (found.last_apply.outcome, found.last_apply.is_incomplete) == ("running", False)


def test_what_was_applied_elsewhere_is_none_of_this_targets(store: Store, estate: Estate, target: Target) -> None:
    write_ledger(target, {"event": "apply-started", "target": "sandbox"})

    assert read_statuses(estate, target)[FOUNDATION].last_apply is None


def test_no_secret_of_a_state_is_in_its_status(store: Store, estate: Estate, target: Target) -> None:
    store.put_state(recorded("state.json"))

    found = read_statuses(estate, target)[FOUNDATION]

    assert CANARY not in repr(found)
    assert CANARY not in json.dumps(found.to_json())


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "never applied"),
        ({"state": SUMMARY}, "applied"),
        ({"state": replace(SUMMARY, is_empty=True)}, "taken down"),
        ({"state": SUMMARY, "last_apply": LastApply(outcome="applied", time=None, is_incomplete=False)}, "applied"),
        ({"state": SUMMARY, "last_apply": LastApply(outcome="failed", time=None, is_incomplete=True)}, "failed"),
        ({"last_apply": LastApply(outcome="killed", time=None, is_incomplete=True)}, "failed"),
        ({"error": AwsError("no", code="x"), "state": SUMMARY}, "unreadable"),
    ],
)
def test_a_word_for_it(changes: dict[str, Any], word: str) -> None:
    assert LayerStatus(layer=FOUNDATION, **changes).word == word


def test_a_status_is_data_for_scripts(store: Store, estate: Estate, target: Target) -> None:
    store.put_state(recorded("state.json"))
    store.put_lock()

    data = read_statuses(estate, target)[FOUNDATION].to_json()

    assert json.loads(json.dumps(data)) == data
    assert (data["layer"], data["status"], data["state"]["serial"]) == (FOUNDATION, "locked", 7)
    assert (data["locks"][0]["holder"], data["error"], data["last_apply"]) == ("alice@laptop", None, None)


@pytest.fixture
def many(estate: Estate) -> Estate:
    for number in range(60):
        write_layer(estate.root, f"prod/l{number:02}")
    return estate


def test_without_a_way_to_aws_a_big_estate_fails_as_fast_as_a_small_one(
    many: Estate, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def unreachable(*_: object) -> None:
        calls.append("one")
        time.sleep(0.02)
        failing("EndpointConnectionError")()

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    for name in ("read_object", "read_locks", "read_digest"):
        monkeypatch.setattr(subject, name, unreachable)

    found = read_statuses(many, target)

    assert {status.word for status in found.values()} == {"unreadable"}
    assert len(found) == 62
    assert len(calls) <= 3 * FIRST


def test_without_credentials_it_is_the_same(many: Estate, target: Target) -> None:
    found = read_statuses(many, target)

    assert {error.code for s in found.values() if isinstance(error := s.error, AwsError)} == {"NoCredentialsError"}


def test_a_client_that_can_not_be_made_is_every_layers_error(many: Estate, target: Target) -> None:
    found = read_statuses(many, aws_target(many.root, {}, profile="gone"))

    assert {status.word for status in found.values()} == {"unreadable"}
    assert {error.code for s in found.values() if isinstance(error := s.error, AwsError)} == {"ProfileNotFound"}


def test_an_error_of_one_layer_stops_no_other(
    many: Estate, target: Target, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "read_locks", failing("AccessDeniedException"))

    found = read_statuses(many, target)

    assert {status.word for status in found.values()} == {"never applied"}
    assert all(status.lock_error for status in found.values())


def test_the_reads_are_made_at_once(
    many: Estate, target: Target, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> None:
        time.sleep(0.1)

    for name in ("read_object", "read_locks", "read_digest"):
        monkeypatch.setattr(subject, name, slow)
    started = time.monotonic()

    read_statuses(many, target)

    # 186 calls of 0.1 s each.
    assert time.monotonic() - started < 4


def test_a_layer_that_lives_in_a_workspace_is_not_called_never_applied(
    store: Store, estate: Estate, target: Target
) -> None:
    store.put_state(recorded("state.json"), key=f"env:/prod/{KEY}")

    found = read_statuses(estate, target)

    assert (found[FOUNDATION].word, found[FOUNDATION].workspaces) == ("other workspace", ("prod",))
    assert found[FOUNDATION].to_json()["workspaces"] == ["prod"]
    assert found[COMPUTE].word == "never applied"


def test_a_workspace_that_is_selected_is_told(store: Store, estate: Estate, target: Target) -> None:
    data = estate.layer("foundation").path / ".terraform"
    data.mkdir()
    (data / "environment").write_text("prod")

    found = read_statuses(estate, target)[FOUNDATION]

    assert (found.word, found.selected) == ("other workspace", "prod")


def test_the_default_workspace_may_be_meant(store: Store, estate: Estate, target: Target) -> None:
    store.put_state(state_text(), key=f"env:/prod/{KEY}")
    (estate.root / "wealist.yaml").write_text(
        "version: 1\nlayers: {settings: {foundation: {workspace: default}}}\n", encoding="utf-8"
    )

    assert read_statuses(Estate.find(estate.root), target)[FOUNDATION].word == "never applied"


def test_a_layer_with_a_state_of_its_own_is_applied_whatever_workspaces_there_are(
    store: Store, estate: Estate, target: Target
) -> None:
    store.put_state(recorded("state.json"))
    store.put_state(recorded("state.json"), key=f"env:/prod/{KEY}")

    assert read_statuses(estate, target)[FOUNDATION].word == "applied"
