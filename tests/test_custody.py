from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orchestrator import custody as subject
from orchestrator import ledger
from orchestrator.config import Config
from orchestrator.custody import Custody
from orchestrator.errors import AwsError, GuardError, PreflightError, StateError, StateLockedError
from orchestrator.holder import who
from orchestrator.redaction import Redactor
from orchestrator.target import aws_target
from tests.estate import ACCOUNT, BUCKET, KEY, Store, backend
from tests.fakes import CANARY

if TYPE_CHECKING:
    from orchestrator.discovery import Estate

ITEM = f"{BUCKET}/{KEY}"


@pytest.fixture
def custody(store: Store, estate: Estate) -> Custody:
    return Custody.over(estate.layer("foundation"), aws_target(estate.root, {}), estate.config)


def over(estate: Estate, account: str, environment: str = "prod") -> Custody:
    config = Config.parse(f"version: 1\naccounts: {{{environment}: '{account}'}}\n")
    return Custody.over(estate.layer("foundation"), aws_target(estate.root, {}), config)


def test_the_account_that_is_pinned_may_be_written_to(aws: None, estate: Estate) -> None:
    assert over(estate, ACCOUNT).layer.id == "prod/foundation"


def test_any_other_account_is_refused(aws: None, estate: Estate) -> None:
    with pytest.raises(PreflightError, match=f"of account {ACCOUNT}: prod is pinned to account 210987654321") as caught:
        over(estate, "210987654321")

    assert [finding.id for finding in caught.value.findings] == ["account.mismatch"]
    assert "use credentials of 210987654321" in str(caught.value.hint)


def test_a_provider_in_another_account_is_refused_too(aws: None, estate: Estate) -> None:
    role = 'provider "aws" {\n  assume_role {\n    role_arn = "arn:aws:iam::210987654321:role/x"\n  }\n}\n'
    (estate.folders["prod/foundation"] / "provider.tf").write_text(role)

    assert over(estate, "210987654321").layer.id == "prod/foundation"
    with pytest.raises(PreflightError, match="the layer would be in account 210987654321"):
        over(estate, ACCOUNT)


def test_where_nothing_is_pinned_nobody_is_asked(estate: Estate) -> None:
    assert over(estate, "210987654321", environment="dev").layer.id == "prod/foundation"


def test_the_lock_is_held_for_as_long_as_the_block_lasts(store: Store, custody: Custody) -> None:
    with custody.locked("restore"):
        item = store.item(ITEM)

    assert item is not None
    info = json.loads(item["Info"])
    assert (info["Who"], info["Operation"]) == (who(), "OperationTypeRestore")
    assert info["Info"].startswith("wealist state restore, pid ")
    assert store.item(ITEM) is None


def test_it_is_given_back_whatever_happens(store: Store, custody: Custody) -> None:
    with pytest.raises(KeyboardInterrupt), custody.locked("mend"):
        raise KeyboardInterrupt

    assert store.item(ITEM) is None


def test_a_lock_that_is_held_names_its_holder_and_how_to_look(store: Store, custody: Custody) -> None:
    store.put_lock()

    message = "prod/foundation: the state is locked by alice@laptop"
    with pytest.raises(StateLockedError, match=message) as caught, custody.locked("restore"):
        pytest.fail("the lock was held")

    assert caught.value.hint == "wait for it; is its holder alive? wealist locks prod/foundation"
    assert store.item(ITEM) is not None


def test_a_lock_that_is_not_ones_own_any_more_is_left_and_told(store: Store, custody: Custody) -> None:
    message = "the restore is done, but the lock that it took could not be given back"
    with pytest.raises(StateError, match=message) as caught, custody.locked("restore"):
        store.put_lock()

    assert caught.value.hint == "wealist unlock prod/foundation"
    assert "alice@laptop" in str(store.item(ITEM))


def test_what_went_wrong_first_is_told_first(store: Store, custody: Custody, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise AwsError("no way back", code="x")

    monkeypatch.setattr(subject, "release", fails)

    message = r"changed after .*; and the lock that it took could not be given back: no way back"
    with pytest.raises(GuardError, match=message), custody.locked("restore"):
        raise custody.changed("the state")


@pytest.mark.parametrize(
    ("first", "told"),
    [(OSError(28, "No space left on device"), "No space left on device"), (KeyboardInterrupt(), "interrupted")],
    ids=["full disk", "interrupt"],
)
def test_a_lock_that_stays_is_told_whatever_went_wrong_first(
    first: BaseException, told: str, store: Store, custody: Custody, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise AwsError("no way back", code="x")

    monkeypatch.setattr(subject, "release", fails)

    message = f"prod/foundation: .*{told}; and the lock that it took could not be given back: no way back"
    with pytest.raises(StateError, match=message) as caught, custody.locked("restore"):
        raise first

    assert caught.value.hint == "wealist unlock prod/foundation"


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_ledger_that_can_not_be_written_does_not_undo_what_was_done(
    store: Store, custody: Custody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "append", full)

    message = "prod/foundation: mended, but that could not be written to the ledger: No space left on device"
    with pytest.raises(StateError, match=message), custody.locked("mend"):
        custody.record("mended")

    assert store.item(ITEM) is None


def test_whether_there_is_a_lock_at_all_is_known(estate: Estate, custody: Custody) -> None:
    bare = replace(custody.layer, backend=backend(dynamodb_table=None))

    assert custody.has_lock
    assert not Custody.over(bare, custody.target, estate.config).has_lock


def test_what_was_done_is_in_the_ledger_with_who_did_it_and_no_secret(store: Store, estate: Estate) -> None:
    target = aws_target(estate.root, {})
    custody = Custody.over(estate.layer("foundation"), target, estate.config, Redactor([CANARY]))
    custody.prepare()

    custody.record("mended", error=f"a {CANARY}")

    (entry,) = ledger.read(target.home)
    assert (entry["event"], entry["layer"], entry["by"]) == ("mended", "prod/foundation", who())
    assert entry["error"] == "a (redacted)"
