"""Which state Terraform writes, where somebody's own init has turned the layer's folder to another one."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from orchestrator.discovery import Estate
from orchestrator.errors import GuardError
from orchestrator.sandbox.target import start_sandbox
from orchestrator.tf import initialization
from orchestrator.tf.env import child_environment

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.layer import Layer
    from tests.integration.conftest import Rehearsal

pytestmark = pytest.mark.real

OURS, THEIRS = "dev/base/terraform.tfstate", "dev/other.tfstate"


def work(estate: Rehearsal) -> tuple[Path, Layer, dict[str, str]]:
    """The folder that Terraform runs in, its layer, and its environment."""
    found = Estate.find(estate.root)
    sandbox = start_sandbox(found, estate.environment())
    layer = found.layer("base")
    return sandbox.target.folder(layer.path), layer, child_environment(sandbox.target.environ).values


def terraform(folder: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["terraform", *words, "-input=false", "-no-color"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def kept_key(folder: Path) -> str:
    kept = json.loads((folder / ".terraform" / "terraform.tfstate").read_text())
    return str(kept["backend"]["config"]["key"])


def keys(estate: Rehearsal) -> set[str]:
    answer = estate.client("s3", "eu-west-1").list_objects_v2(Bucket="small-estate-state")
    return {item["Key"] for item in answer.get("Contents", ())}


def test_an_apply_never_writes_another_state_than_the_one_that_was_checked(small: Rehearsal) -> None:
    small.ok("up", "base", "-y", "--set", "greeting=first")
    folder, layer, environment = work(small)
    turned = terraform(folder, environment, "init", "-reconfigure", f"-backend-config=key={THEIRS}")
    assert (turned.returncode, kept_key(folder)) == (0, THEIRS), turned.stderr
    # This is why a plain init is not enough: it keeps what it finds.
    assert terraform(folder, environment, "init").returncode == 0
    assert kept_key(folder) == THEIRS

    answer = small("up", "base", "-y", "--set", "greeting=second")

    assert THEIRS not in keys(small), answer.said
    if kept_key(folder) == THEIRS:
        assert answer.code == 13, answer.said
    initialization.prepare(layer, folder, cli_config="", command=lambda *words: " ".join(words))
    assert terraform(folder, environment, "init").returncode == 0
    assert kept_key(folder) == OURS
    small.ok("up", "base", "-y", "--set", "greeting=third")
    assert keys(small) == {OURS}


def test_a_state_beside_the_hcl_is_not_copied_by_it(small: Rehearsal) -> None:
    small.ok("up", "base", "-y")
    folder, layer, environment = work(small)
    turned = terraform(folder, environment, "init", "-reconfigure", f"-backend-config=key={THEIRS}")
    assert turned.returncode == 0, turned.stderr
    state = folder / "terraform.tfstate"
    state.write_text(
        '{"version": 4, "terraform_version": "1.11.4", "serial": 99, "lineage": "x", "resources": [],'
        ' "outputs": {"a": {"value": "1", "type": "string"}}}'
    )
    try:
        before = small.client("s3", "eu-west-1").get_object(Bucket="small-estate-state", Key=OURS)["ETag"]
        initialization.prepare(layer, folder, cli_config="", command=lambda *words: " ".join(words))
        assert terraform(folder, environment, "init").returncode != 0
        assert small.client("s3", "eu-west-1").get_object(Bucket="small-estate-state", Key=OURS)["ETag"] == before
    finally:
        state.unlink()


def test_a_backend_that_was_moved_in_the_hcl_stops_before_anything_is_planned(small: Rehearsal) -> None:
    small.ok("up", "base", "-y")
    folder, _, _ = work(small)
    small.layer.write_text(small.layer.read_text().replace(OURS, "dev/moved.tfstate"))
    found = Estate.find(small.root)

    with pytest.raises(GuardError, match=r"not for s3://small-estate-state/dev/moved\.tfstate"):
        initialization.prepare(found.layer("base"), folder, cli_config="", command=lambda *words: " ".join(words))

    answer = small("up", "base", "-y")
    assert answer.code != 0
    assert "dev/moved.tfstate" not in keys(small)
