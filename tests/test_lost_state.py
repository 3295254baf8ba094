"""States that are gone or were replaced, seen before anything is made a second time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import PreflightError
from tests.estate import BUCKET, KEY, TABLE, Store, backend_block, remote_state, state_text, write_layer
from tests.fakes import FakeRunner
from tests.test_engine import engine

if TYPE_CHECKING:
    from orchestrator.discovery import Estate


def test_a_state_that_was_deleted_is_not_taken_for_one_that_never_was(estate: Estate, store: Store) -> None:
    store.put_state(state_text(outputs={"a": "b"}))
    assert [f.id for f in engine(estate, FakeRunner()).preflight(["foundation"]).errors] == []

    store.s3.delete_object(Bucket=BUCKET, Key=KEY)
    store.dynamodb.delete_item(TableName=TABLE, Key={"LockID": {"S": f"{BUCKET}/{KEY}-md5"}})

    (lost,) = engine(estate, FakeRunner()).preflight(["foundation"]).errors
    assert lost.id == "state-object.deleted"
    assert "keeps 1 of its versions: it was deleted" in lost.seen
    assert str(lost.remedy).startswith("wealist state history prod/foundation")
    looked = engine(estate, FakeRunner()).preflight(["foundation"], will_write=False)
    assert [finding.id for finding in looked.warnings] == ["state-object.deleted"], "looking does no harm"


def test_a_neighbour_whose_state_is_not_what_terraform_wrote_stops_the_run(estate: Estate, store: Store) -> None:
    """Else its state looks empty, and the next command would make all of it a second time."""
    text = backend_block("prod/compute/terraform.tfstate") + remote_state(KEY)
    write_layer(estate.root, "prod/compute", text)
    store.put_state(state_text(outputs={"a": "b"}))
    store.put_digest("0" * 32)
    store.s3.delete_object(Bucket=BUCKET, Key=KEY)

    with pytest.raises(PreflightError) as caught:
        engine(estate, FakeRunner()).plan(["compute"])

    (wrong,) = [finding for finding in caught.value.findings if finding.is_error]
    assert wrong.id == "state-digest.mismatch"
    assert wrong.subject.endswith(KEY)
