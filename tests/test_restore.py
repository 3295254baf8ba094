from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import ledger
from orchestrator import restore as subject
from orchestrator.aws import version
from orchestrator.errors import AwsError, GuardError, PreflightError, StateError, StateLockedError, UsageError
from orchestrator.redaction import Redactor
from orchestrator.restore import Restoration, prepare_restore, with_serial
from orchestrator.target import Target, aws_target
from tests.estate import BUCKET, KEY, YAML, Store, state_text, write_estate
from tests.fakes import CANARY, recorded

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.discovery import Estate

ITEM = f"{BUCKET}/{KEY}"


def resource(name: str, *keys: Any) -> dict[str, Any]:
    instances = [{"index_key": key} for key in keys] or [{}]
    return {"mode": "managed", "type": "aws_x", "name": name, "instances": instances}


@pytest.fixture
def target(estate: Estate) -> Target:
    return aws_target(estate.root, {})


def prepare(estate: Estate, version: str, redact: Redactor | None = None) -> Restoration:
    return prepare_restore(estate, estate.layer("foundation"), version, aws_target(estate.root, {}), redact=redact)


def now(store: Store) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(store.body())
    return data


def test_a_version_comes_back_under_a_higher_serial(store: Store, estate: Estate, target: Target) -> None:
    old = store.put_version(state_text(serial=4, outputs={"a": "old"}))
    bad = store.put_version(state_text(serial=5, outputs={"a": "bad"}))

    prepare(estate, old).run()

    assert now(store) == json.loads(state_text(serial=6, outputs={"a": "old"}))
    digest = hashlib.md5(store.body()).hexdigest()
    assert store.item(f"{ITEM}-md5") == {"LockID": f"{ITEM}-md5", "Digest": digest}
    assert store.item(ITEM) is None, "the lock was left behind"
    assert store.s3.get_object(Bucket=BUCKET, Key=KEY, VersionId=bad)["Body"].read()
    assert store.s3.head_object(Bucket=BUCKET, Key=KEY)["ContentType"] == "application/json"
    (entry,) = ledger.read(target.home)
    assert (entry["event"], entry["layer"], entry["serial"]) == ("restored", "prod/foundation", 6)
    assert (entry["version"], entry["replaced"]) == (
        {"version_id": old, "serial": 4},
        {"version_id": bad, "serial": 5},
    )


def test_what_would_appear_and_disappear_is_known_before(store: Store, estate: Estate) -> None:
    old = store.put_version(state_text(serial=1, resources=[resource("kept"), resource("lost", "a", 0)]))
    store.put_state(state_text(serial=2, resources=[resource("kept"), resource("new")]))
    before = store.body()

    restoration = prepare(estate, old)

    assert restoration.appearing == ('aws_x.lost["a"]', "aws_x.lost[0]")
    assert restoration.disappearing == ("aws_x.new",)
    assert store.body() == before


def test_the_serial_is_above_every_one_that_was_seen(store: Store, estate: Estate) -> None:
    store.put_state(state_text(serial=90))
    old = store.put_version(state_text(serial=3))
    store.put_state(state_text(serial=4))

    assert prepare(estate, old).serial == 91


def test_an_old_version_is_found_far_down(store: Store, estate: Estate) -> None:
    old = store.put_version(state_text(serial=1))
    for serial in range(2, 30):
        store.put_state(state_text(serial=serial))

    restoration = prepare(estate, old)

    assert restoration.serial == 30
    assert restoration.wanted.id == old


def test_a_state_that_is_gone_comes_back(store: Store, estate: Estate) -> None:
    old = store.put_version(state_text(serial=4))
    store.s3.delete_object(Bucket=BUCKET, Key=KEY)

    restoration = prepare(estate, old)
    restoration.run()

    assert restoration.current.is_delete_marker
    assert now(store)["serial"] == 5


def test_a_state_that_is_corrupt_is_replaced(store: Store, estate: Estate) -> None:
    old = store.put_version(state_text(serial=4))
    store.put_state("<html>")

    prepare(estate, old).run()

    assert now(store)["serial"] == 5


def test_a_state_of_another_lineage_is_refused(store: Store, estate: Estate) -> None:
    old = store.put_version(state_text(serial=4, lineage="another"))
    store.put_state(state_text(serial=5))

    with pytest.raises(GuardError, match="is of another lineage"):
        prepare(estate, old)


def test_a_version_that_is_no_state_is_refused(store: Store, estate: Estate) -> None:
    old = store.put_version("<html>")
    store.put_state(state_text(serial=5))

    with pytest.raises(StateError, match=f"version {old} can't be restored: this is not a Terraform state") as caught:
        prepare(estate, old)

    assert caught.value.hint == "wealist state history prod/foundation"


def test_versions_that_make_no_sense_are_refused(store: Store, estate: Estate) -> None:
    store.put_state(state_text(serial=4))
    marker = store.s3.delete_object(Bucket=BUCKET, Key=KEY)["VersionId"]
    current = store.put_version(state_text(serial=5))

    for id_, message in (
        ("nope", "its state has no version 'nope'"),
        (marker, "is a delete marker, which holds no state"),
        (current, "is the current one"),
    ):
        with pytest.raises(UsageError, match=message):
            prepare(estate, id_)


def test_where_nothing_that_is_replaced_is_kept_nothing_is_replaced(store: Store, estate: Estate) -> None:
    old = store.put_version(state_text(serial=4))
    store.put_state(state_text(serial=5))
    store.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})

    with pytest.raises(GuardError, match="keeps no versions") as caught:
        prepare(estate, old)

    assert caught.value.hint == "wealist bootstrap"


def test_another_account_is_refused(store: Store, tmp_path: Path) -> None:
    from orchestrator.discovery import Estate

    estate = Estate.find(write_estate(tmp_path / "pinned", f"{YAML}accounts:\n  prod: '210987654321'\n"))
    old = store.put_version(state_text(serial=4))

    with pytest.raises(PreflightError):
        prepare(estate, old)


def test_a_lock_that_is_held_is_respected(store: Store, estate: Estate, target: Target) -> None:
    old = store.put_version(state_text(serial=4))
    store.put_state(state_text(serial=5))
    restoration = prepare(estate, old)
    store.put_lock()

    with pytest.raises(StateLockedError, match="locked by alice@laptop"):
        restoration.run()

    assert now(store)["serial"] == 5
    assert ledger.read(target.home) == []


@pytest.mark.parametrize("change", ["written", "deleted"])
def test_a_state_that_changed_after_it_was_shown_is_left_alone(change: str, store: Store, estate: Estate) -> None:
    old = store.put_version(state_text(serial=4))
    store.put_state(state_text(serial=5))
    restoration = prepare(estate, old)
    if change == "written":
        store.put_state(state_text(serial=6))
    else:
        store.s3.delete_object(Bucket=BUCKET, Key=KEY)

    with pytest.raises(GuardError, match="the state changed after it was shown, so nothing was done"):
        restoration.run()

    assert store.item(ITEM) is None


def fails(code: str = "AccessDenied") -> Any:
    def call(*_: object, **__: object) -> None:
        raise AwsError(f"AWS said {code}", code=code)

    return call


def test_a_state_that_can_not_be_written_says_that_nothing_was_done(
    store: Store, estate: Estate, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = store.put_version(state_text(serial=4))
    store.put_state(state_text(serial=5))
    restoration = prepare(estate, old)
    monkeypatch.setattr(subject, "put_state", fails())

    with pytest.raises(AwsError, match="prod/foundation: nothing was restored: AWS said AccessDenied"):
        restoration.run()

    assert now(store)["serial"] == 5
    assert store.item(ITEM) is None
    assert ledger.read(target.home) == []


def test_an_answer_that_got_lost_is_no_failure(store: Store, estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    old = store.put_version(state_text(serial=4))
    store.put_state(state_text(serial=5))
    restoration = prepare(estate, old)
    real = version.put_state

    def put_state(*given: Any) -> None:
        real(*given)
        fails("ReadTimeoutError")()

    monkeypatch.setattr(subject, "put_state", put_state)

    restoration.run()

    assert now(store)["serial"] == 6
    assert store.item(f"{ITEM}-md5") is not None


def test_a_write_that_can_not_be_checked_says_so(store: Store, estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    old = store.put_version(state_text(serial=4))
    store.put_state(state_text(serial=5))
    restoration = prepare(estate, old)
    monkeypatch.setattr(subject, "put_state", fails("ConnectionClosedError"))
    monkeypatch.setattr(subject, "read_object", fails("ConnectionClosedError"))

    with pytest.raises(StateError, match=r"may have been written \(serial 6\) or not; its digest was not") as caught:
        restoration.run()

    assert caught.value.hint == "wealist state history prod/foundation"


def test_a_digest_that_can_not_be_written_says_what_was_done_and_what_was_not(
    store: Store, estate: Estate, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = store.put_version(state_text(serial=4))
    store.put_state(state_text(serial=5))
    restoration = prepare(estate, old)
    monkeypatch.setattr(subject, "write_digest", fails())

    with pytest.raises(StateError, match=r"the state was written \(serial 6\), but its digest .* was not") as caught:
        restoration.run()

    assert caught.value.hint == "wealist state mend prod/foundation"
    assert now(store)["serial"] == 6
    assert store.item(ITEM) is None
    assert [entry["event"] for entry in ledger.read(target.home)] == ["restored"]


def test_a_full_disk_does_not_hide_what_was_done_and_what_was_not(
    store: Store, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    old = store.put_version(state_text(serial=4))
    store.put_state(state_text(serial=5))
    restoration = prepare(estate, old)
    monkeypatch.setattr(subject, "write_digest", fails())
    monkeypatch.setattr(ledger, "append", full)

    with pytest.raises(
        StateError, match=r"the state was written .*; and that could not be written to the ledger"
    ) as caught:
        restoration.run()

    assert caught.value.hint == "wealist state mend prod/foundation"
    assert store.item(ITEM) is None


def test_secrets_of_both_states_are_learnt_and_in_no_ledger(store: Store, estate: Estate, target: Target) -> None:
    old = store.put_version(recorded("state.json"))
    data = json.loads(recorded("state.json"))
    store.put_state(json.dumps({**data, "serial": 8}))
    redact = Redactor()

    restoration = prepare(estate, old, redact)
    restoration.run()

    assert redact(CANARY) == "(redacted)"
    assert CANARY not in repr(restoration)
    assert CANARY not in (target.home / ledger.FILENAME).read_text()


@pytest.mark.parametrize("text", [recorded("state.json"), json.dumps(json.loads(recorded("state.json")))])
def test_only_the_serial_differs_to_the_byte(text: str) -> None:
    changed = with_serial(text.encode(), 1234).decode()

    assert json.loads(changed) == {**json.loads(text), "serial": 1234}
    assert [line for line in changed.splitlines() if line not in text.splitlines()] == (
        ['  "serial": 1234,'] if "\n" in text else [changed]
    )
    assert len(changed) == len(text) + 3


def test_a_serial_inside_a_resource_is_not_the_states() -> None:
    inner = resource("certificate")
    inner["instances"][0]["attributes"] = {"serial": 7, "note": '"serial": 7'}
    data = {"resources": [inner], **json.loads(state_text(serial=7))}
    data["resources"] = [inner]

    assert json.loads(with_serial(json.dumps(data).encode(), 9)) == {**data, "serial": 9}


def test_a_serial_that_can_not_be_raised_is_an_error() -> None:
    with pytest.raises(StateError, match="can't be raised"):
        with_serial(b'{"version": 4}', 9)
