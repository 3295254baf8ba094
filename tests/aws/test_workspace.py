"""The states of other workspaces, as real Terraform puts them into the bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.aws.session import Session
from orchestrator.aws.workspace import list_keys, listed, names
from orchestrator.target import AwsSettings
from tests.estate import KEY, backend, state_text
from tests.fakes import recorded

if TYPE_CHECKING:
    from tests.estate import Store


@pytest.mark.parametrize(("prefix", "below"), [(None, "env:"), ("members/app", "members/app")])
def test_one_listing_tells_of_all_layers_of_a_bucket(store: Store, prefix: str | None, below: str) -> None:
    for key in (f"prod/{KEY}", f"dev/{KEY}", "dev/other.tfstate", f"dev/{KEY}.tflock"):
        store.put_state(recorded("state.json"), key=f"{below}/{key}")
    # What `terraform workspace new` leaves.
    store.put_state(state_text(lineage=""), key=f"{below}/empty/{KEY}")
    store.put_state("{}", key=KEY)
    one = backend(workspace_key_prefix=prefix)

    keys = list_keys(Session(AwsSettings()), one)

    assert len(keys) == 4
    assert names(keys, one) == ("dev", "prod")
    assert names(keys, backend(key="other.tfstate", workspace_key_prefix=prefix)) == ("dev",)


def test_what_is_called_like_the_end_of_a_longer_key_is_no_workspace() -> None:
    assert names(["env:/prod/net/a.tfstate"], backend(key="a.tfstate")) == ()
    assert names(["env:/a.tfstate"], backend(key="a.tfstate")) == ()


def test_many_workspaces_are_not_all_named() -> None:
    assert listed(["a", "b", "c", "d"]) == '"a", "b", "c" and 1 more'
