from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from orchestrator import ledger
from orchestrator import mend as subject
from orchestrator.errors import AwsError, GuardError, PreflightError, StateError, StateLockedError
from orchestrator.mend import Mending, prepare_mend
from orchestrator.redaction import Redactor
from orchestrator.target import Target, aws_target
from tests.estate import BUCKET, KEY, YAML, Store, state_text, write_estate
from tests.fakes import CANARY, recorded

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.discovery import Estate

ITEM = f"{BUCKET}/{KEY}"
STALE = "d" * 32


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.aws.digest._PAUSES", ())


@pytest.fixture
def target(estate: Estate) -> Target:
    return aws_target(estate.root, {})


def prepare(estate: Estate, redact: Redactor | None = None) -> Mending:
    mending = prepare_mend(estate, estate.layer("foundation"), aws_target(estate.root, {}), redact=redact)
    assert mending is not None
    return mending


def digest(store: Store) -> str | None:
    item = store.item(f"{ITEM}-md5")
    return item["Digest"] if item else None


def test_a_stale_digest_becomes_that_of_the_state(store: Store, estate: Estate, target: Target) -> None:
    store.put_state(state_text(serial=4))
    store.put_digest(STALE)

    mending = prepare(estate)
    assert digest(store) == STALE
    assert mending.state is not None
    assert (mending.state.serial, mending.mismatch.recorded) == (4, STALE)
    mending.run()

    assert digest(store) == hashlib.md5(store.body()).hexdigest()
    assert store.item(ITEM) is None, "the lock was left behind"
    (entry,) = ledger.read(target.home)
    assert (entry["event"], entry["replaced"], entry["digest"]) == ("mended", STALE, digest(store))


def test_the_digest_of_a_state_that_is_gone_is_removed(store: Store, estate: Estate) -> None:
    store.put_digest(STALE)

    mending = prepare(estate)
    mending.run()

    assert (mending.state, mending.written) == (None, None)
    assert digest(store) is None


def test_a_digest_that_is_right_needs_no_mending(store: Store, estate: Estate, target: Target) -> None:
    store.put_state(state_text())
    store.put_digest()

    assert prepare_mend(estate, estate.layer("foundation"), target) is None


def test_what_is_no_state_must_not_become_the_right_one(store: Store, estate: Estate) -> None:
    store.put_state("<html>")
    store.put_digest(STALE)

    with pytest.raises(StateError, match="this is not a Terraform state") as caught:
        prepare(estate)

    assert caught.value.hint == "wealist state history prod/foundation"


def test_a_lock_that_is_held_is_respected(store: Store, estate: Estate) -> None:
    store.put_state(state_text())
    store.put_digest(STALE)
    mending = prepare(estate)
    store.put_lock()

    with pytest.raises(StateLockedError):
        mending.run()

    assert digest(store) == STALE


def test_a_state_that_changed_after_it_was_shown_is_left_alone(store: Store, estate: Estate) -> None:
    store.put_state(state_text(serial=4))
    store.put_digest(STALE)
    mending = prepare(estate)
    store.put_state(state_text(serial=5))

    with pytest.raises(GuardError, match="the state changed after it was shown"):
        mending.run()

    assert digest(store) == STALE


def test_a_digest_that_changed_after_it_was_shown_is_left_alone(store: Store, estate: Estate) -> None:
    store.put_state(state_text(serial=4))
    store.put_digest(STALE)
    mending = prepare(estate)
    store.put_digest("e" * 32)

    with pytest.raises(GuardError, match="the digest changed after it was shown"):
        mending.run()

    assert digest(store) == "e" * 32
    assert store.item(ITEM) is None


def test_what_aws_says_otherwise_is_passed_on(store: Store, estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise AwsError("no", code="AccessDeniedException")

    store.put_state(state_text(serial=4))
    store.put_digest(STALE)
    mending = prepare(estate)
    monkeypatch.setattr(subject, "write_digest", denied)

    with pytest.raises(AwsError, match="no"):
        mending.run()


def test_another_account_is_refused(store: Store, tmp_path: Path) -> None:
    from orchestrator.discovery import Estate

    estate = Estate.find(write_estate(tmp_path / "pinned", f"{YAML}accounts:\n  prod: '210987654321'\n"))
    store.put_digest(STALE)

    with pytest.raises(PreflightError):
        prepare(estate)


def test_secrets_of_the_state_are_learnt(store: Store, estate: Estate) -> None:
    store.put_state(recorded("state.json"))
    store.put_digest(STALE)
    redact = Redactor()

    mending = prepare(estate, redact)

    assert redact(CANARY) == "(redacted)"
    assert CANARY not in repr(mending)
