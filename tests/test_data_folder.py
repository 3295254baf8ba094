from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orchestrator.data_folder import is_for, read_backend, url_of
from tests.estate import BUCKET, KEY, REGION, TABLE, backend

if TYPE_CHECKING:
    from pathlib import Path

KEPT = {"bucket": BUCKET, "key": KEY, "region": REGION, "dynamodb_table": TABLE}


def write(folder: Path, text: str) -> Path:
    (folder / ".terraform").mkdir()
    (folder / ".terraform" / "terraform.tfstate").write_text(text)
    return folder


def test_what_terraform_kept_is_read(tmp_path: Path) -> None:
    folder = write(tmp_path, json.dumps({"version": 3, "backend": {"type": "s3", "config": KEPT, "hash": 1}}))

    assert read_backend(folder) == KEPT


def test_a_backend_of_another_kind_has_none_of_the_arguments(tmp_path: Path) -> None:
    kept = read_backend(write(tmp_path, '{"backend": {"type": "local", "config": {"path": "x"}}}'))

    assert kept == {}
    assert not is_for(kept, backend())
    assert url_of(kept) == "a backend of another kind"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"backend": null}', '{"backend": {"type": "s3", "config": null}}'])
def test_where_none_was_kept_there_is_none(tmp_path: Path, text: str) -> None:
    assert read_backend(write(tmp_path, text)) is None


def test_a_folder_without_any_has_none(tmp_path: Path) -> None:
    assert read_backend(tmp_path) is None


def test_what_is_not_given_is_kept_as_null() -> None:
    assert is_for({**KEPT, "encrypt": False, "kms_key_id": None, "assume_role": None}, backend())


def test_a_role_is_the_same_in_both_places_that_it_may_stand() -> None:
    role = "arn:aws:iam::1:role/state"

    assert is_for({**KEPT, "role_arn": role}, backend(role_arn=role))
    assert is_for({**KEPT, "assume_role": {"role_arn": role}}, backend(role_arn=role))
    assert not is_for(KEPT, backend(role_arn=role))
