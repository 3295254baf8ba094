from __future__ import annotations

import hashlib
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.aws import digest as subject
from orchestrator.aws.digest import Mismatch, find_mismatch, read_digest, write_digest
from orchestrator.aws.session import Session
from orchestrator.aws.state import read_object
from orchestrator.aws.version import list_versions
from orchestrator.errors import AwsError, StateError
from orchestrator.target import AwsSettings
from tests.estate import BUCKET, KEY, TABLE, Store, backend, state_text

if TYPE_CHECKING:
    from orchestrator.layer import Backend

BACKEND = backend()
ITEM = f"{BUCKET}/{KEY}-md5"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_PAUSES", (0.0,))


@pytest.fixture
def session() -> Session:
    return Session(AwsSettings())


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def found(session: Session, where: Backend = BACKEND) -> Mismatch:
    mismatch = find_mismatch(session, where)
    assert mismatch is not None
    return mismatch


def remedy(mismatch: Mismatch) -> str:
    return mismatch.remedy("prod/foundation", lambda *words: shlex.join(["wealist", *words]))


def test_the_digest_is_read_and_written(store: Store, session: Session) -> None:
    assert read_digest(session, BACKEND) is None

    write_digest(session, BACKEND, "a" * 32)
    assert store.item(ITEM) == {"LockID": ITEM, "Digest": "a" * 32}
    assert read_digest(session, BACKEND) == "a" * 32

    write_digest(session, BACKEND, None)
    assert store.item(ITEM) is None


@pytest.mark.parametrize("text", ["", "none", "a" * 31, "g" * 32])
def test_what_is_no_digest_counts_as_none_as_it_does_for_terraform(text: str, store: Store, session: Session) -> None:
    store.put_state(state_text())
    store.dynamodb.put_item(TableName=TABLE, Item={"LockID": {"S": ITEM}, "Digest": {"S": text}})

    assert read_digest(session, BACKEND) is None
    assert find_mismatch(session, BACKEND) is None


def test_a_digest_is_replaced_only_where_it_is_the_one_that_was_seen(store: Store, session: Session) -> None:
    store.put_digest("A" * 32)

    with pytest.raises(AwsError) as caught:
        write_digest(session, BACKEND, "c" * 32, instead_of="b" * 32)
    assert caught.value.code == "ConditionalCheckFailedException"
    with pytest.raises(AwsError):
        write_digest(session, BACKEND, None, instead_of="b" * 32)

    write_digest(session, BACKEND, "c" * 32, instead_of="a" * 32)
    assert read_digest(session, BACKEND) == "c" * 32


def test_a_backend_without_a_table_has_no_digest(store: Store, session: Session) -> None:
    where = backend(dynamodb_table=None, use_lockfile=True)
    store.put_state(state_text())

    write_digest(session, where, "a" * 32)

    assert read_digest(session, where) is None
    assert find_mismatch(session, where) is None


def test_a_digest_that_is_right_is_nothing_to_tell(store: Store, session: Session) -> None:
    store.put_state(state_text())
    store.put_digest(md5(state_text()).upper())

    assert find_mismatch(session, BACKEND) is None


def test_no_digest_and_no_state_is_nothing_to_tell(store: Store, session: Session) -> None:
    assert find_mismatch(session, BACKEND) is None


def test_an_encrypted_object_is_compared_by_its_bytes(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a KMS key the ETag is no MD5."""
    store.put_state(state_text())
    store.put_digest()
    monkeypatch.setattr(subject, "_etag", lambda *_: "0" * 32)

    assert find_mismatch(session, BACKEND) is None


def test_a_run_between_its_two_writes_is_no_mismatch(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_state(state_text(serial=1))
    store.put_digest()
    store.put_state(state_text(serial=2))
    monkeypatch.setattr("time.sleep", lambda _: store.put_digest())

    assert find_mismatch(session, BACKEND) is None


def test_a_state_that_was_replaced_is_told_by_the_version_that_fits(store: Store, session: Session) -> None:
    store.put_state(state_text(serial=1))
    wanted = store.put_version(state_text(serial=2))
    recorded = store.put_digest()
    store.put_state(state_text(serial=2, outputs={"a": "by hand"}))

    mismatch = found(session)

    assert (mismatch.recorded, mismatch.version_id, mismatch.version_serial) == (recorded, wanted, 2)
    assert mismatch.actual == md5(store.body().decode())
    assert not mismatch.is_newer
    assert mismatch.cause == (
        f"the state was replaced behind Terraform's back: the digest is that of version {wanted} (serial 2)"
    )
    assert remedy(mismatch) == f"wealist state restore prod/foundation --version {wanted}"


def test_the_version_that_fits_is_found_by_its_bytes_where_etags_say_nothing(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = store.put_version(state_text(serial=1))
    store.put_digest()
    store.put_state("{}")
    monkeypatch.setattr(
        subject, "list_versions", lambda *given: [replace(v, etag="kms") for v in list_versions(*given)]
    )

    assert found(session).version_id == wanted


def test_a_newer_state_without_its_digest_is_not_to_be_thrown_away_unseen(store: Store, session: Session) -> None:
    """A Terraform that was killed between its two writes leaves just this."""
    wanted = store.put_version(state_text(serial=2))
    store.put_digest()
    store.put_state(state_text(serial=3))

    mismatch = found(session)

    assert mismatch.is_newer
    assert "the state (serial 3) was written without its digest" in mismatch.cause
    assert remedy(mismatch) == (
        "keep the newer one: wealist state mend prod/foundation; "
        f"go back: wealist state restore prod/foundation --version {wanted}"
    )


def test_a_later_serial_of_another_lineage_is_not_newer(store: Store, session: Session) -> None:
    store.put_state(state_text(serial=2))
    store.put_digest()
    store.put_state(state_text(serial=3, lineage="other"))

    assert not found(session).is_newer


def test_a_state_that_was_deleted_is_told(store: Store, session: Session) -> None:
    wanted = store.put_version(state_text(serial=2))
    store.put_digest()
    store.s3.delete_object(Bucket=BUCKET, Key=KEY)

    mismatch = found(session)

    assert mismatch.actual is None
    assert mismatch.cause.startswith("the state was deleted behind Terraform's back")
    assert remedy(mismatch) == f"wealist state restore prod/foundation --version {wanted}"


def test_the_search_ends_where_it_finds_and_reads_no_further(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for serial in range(40):
        store.put_version(state_text(serial=serial))
    store.put_digest()
    store.put_version(state_text(serial=40, lineage="another"))
    monkeypatch.setattr(
        subject, "list_versions", lambda *given: [replace(v, etag="kms") for v in list_versions(*given)]
    )
    read: list[Any] = []

    def reading(*given: Any, **more: Any) -> Any:
        read.append(more)
        return read_object(*given, **more)

    monkeypatch.setattr(subject, "read_object", reading)

    assert found(session).version_serial == 39
    assert len([more for more in read if more]) <= 10


def test_a_digest_of_no_version_is_stale(store: Store, session: Session) -> None:
    store.put_state(state_text(serial=2))
    store.put_digest("d" * 32)

    mismatch = found(session)

    assert mismatch.version_id is None
    assert mismatch.cause == "the digest is stale: no version of the state fits"
    assert remedy(mismatch) == "wealist state mend prod/foundation"


def test_a_digest_of_nothing_at_all_is_stale(store: Store, session: Session) -> None:
    store.put_digest("d" * 32)

    mismatch = found(session)

    assert mismatch.cause == "the digest is stale: no state is there, and no version fits"
    assert remedy(mismatch) == "wealist state mend prod/foundation"


def test_a_state_that_is_none_is_compared_all_the_same(store: Store, session: Session) -> None:
    wanted = store.put_version(state_text(serial=2))
    store.put_digest()
    store.put_state("<html>")

    mismatch = found(session)

    assert (mismatch.serial, mismatch.version_id) == (None, wanted)


def test_versions_that_can_not_be_seen_leave_it_open(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise StateError("may not be listed", is_denied=True)

    store.put_state(state_text())
    store.put_digest("d" * 32)
    monkeypatch.setattr(subject, "list_versions", denied)

    mismatch = found(session)

    assert mismatch.cause == "the digest is wrong: it is not that of the state; its versions can't be seen"
    assert remedy(mismatch) == "wealist state history prod/foundation"


def test_a_mismatch_is_data_for_scripts(store: Store, session: Session) -> None:
    store.put_state(state_text())
    store.put_digest("d" * 32)

    data = found(session).to_json()

    assert (data["recorded"], data["actual"], data["version_id"]) == ("d" * 32, md5(state_text()), None)
