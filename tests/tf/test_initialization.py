from __future__ import annotations

import json
import shlex
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.errors import GuardError
from orchestrator.tf import initialization
from tests.estate import BUCKET, KEY, REGION, TABLE, backend, layer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orchestrator.discovery import Estate

LAYER = layer(init_inputs=('backend "s3" {}', "module vpc 5.21.0"))
GIVEN: dict[str, Any] = {"terraform_version": "1.11.4", "cli_config": "/home/me/terraform.rc"}


KEPT = {"bucket": BUCKET, "key": KEY, "region": REGION, "dynamodb_table": TABLE, "use_lockfile": None, "encrypt": None}


def keep(folder: Path, type_: str = "s3", **changes: Any) -> Path:
    """Write what Terraform keeps of a backend, with every argument that it knows."""
    path = folder / ".terraform" / "terraform.tfstate"
    path.write_text(json.dumps({"version": 3, "backend": {"type": type_, "config": {**KEPT, **changes}, "hash": 1}}))
    return path


def command(*words: str) -> str:
    return shlex.join(["wealist", *words])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose last init went well."""
    (tmp_path / ".terraform" / "providers").mkdir(parents=True)
    keep(tmp_path)
    (tmp_path / ".terraform.lock.hcl").write_text("# locked\n")
    initialization.remember(LAYER, tmp_path, **GIVEN)
    return tmp_path


def test_an_init_that_was_for_exactly_this_is_not_needed_again(folder: Path) -> None:
    assert initialization.is_initialized(LAYER, folder, **GIVEN)


def test_the_order_of_files_makes_no_difference(folder: Path) -> None:
    reordered = layer(init_inputs=tuple(reversed(LAYER.init_inputs)))

    assert initialization.is_initialized(reordered, folder, **GIVEN)


def test_a_folder_that_was_never_initialised_is_not(tmp_path: Path) -> None:
    assert not initialization.is_initialized(LAYER, tmp_path, **GIVEN)


@pytest.mark.parametrize("changed", [{"terraform_version": "1.12.0"}, {"cli_config": ""}])
def test_another_terraform_or_configuration_needs_one(folder: Path, changed: dict[str, str]) -> None:
    assert not initialization.is_initialized(LAYER, folder, **{**GIVEN, **changed})


def test_other_inputs_need_one(folder: Path) -> None:
    changed = layer(init_inputs=('backend "s3" {}', "module vpc 5.22.0"))

    assert not initialization.is_initialized(changed, folder, **GIVEN)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / ".terraform.lock.hcl").write_text("# other\n"),
        lambda folder: (folder / ".terraform.lock.hcl").unlink(),
        lambda folder: (folder / ".terraform" / "terraform.tfstate").unlink(),
        lambda folder: shutil.rmtree(folder / ".terraform" / "providers"),
        lambda folder: shutil.rmtree(folder / ".terraform"),
        lambda folder: (folder / ".terraform" / "wealist-init.json").write_text("{"),
        lambda folder: (folder / ".terraform" / "wealist-init.json").write_text("[]"),
        initialization.forget,
    ],
    ids=[
        "lock file changed",
        "lock file gone",
        "backend gone",
        "providers gone",
        "data gone",
        "mark unreadable",
        "mark of another shape",
        "forgotten",
    ],
)
def test_what_is_gone_or_changed_needs_one(folder: Path, damage: Callable[[Path], Any]) -> None:
    damage(folder)

    assert not initialization.is_initialized(LAYER, folder, **GIVEN)


def test_forgetting_twice_is_fine(folder: Path) -> None:
    initialization.remember(LAYER, folder, terraform_version="1.11.4", cli_config="here.rc")
    initialization.forget(folder)
    initialization.forget(folder)

    assert not initialization.is_initialized(LAYER, folder, terraform_version="1.11.4", cli_config="here.rc")


@pytest.mark.parametrize(("cli_config", "stay"), [("sandbox.rc", True), ("", False)])
def test_modules_of_another_source_are_dropped_even_after_a_failed_plan(
    cli_config: str, stay: bool, folder: Path
) -> None:
    """A rehearsal's stand-ins must not serve a real plan."""
    modules = folder / ".terraform" / "modules"
    modules.mkdir()
    initialization.remember(LAYER, folder, terraform_version="1.11.4", cli_config="sandbox.rc")
    initialization.forget(folder)

    initialization.drop_modules_of_another_source(folder, cli_config=cli_config)

    assert modules.exists() is stay


MOVES: list[dict[str, Any]] = [
    {"key": "prod/other.tfstate"},
    {"bucket": "other-state"},
    {"region": "eu-west-1"},
    {"dynamodb_table": None},
    {"use_lockfile": True},
    {"encrypt": True},
    {"kms_key_id": "alias/other"},
    {"profile": "other"},
    {"assume_role": {"role_arn": "arn:aws:iam::1:role/other"}},
    {"type_": "local"},
]


@pytest.mark.parametrize("moved", MOVES, ids=str)
def test_a_folder_that_was_turned_to_another_state_is_turned_back(folder: Path, moved: dict[str, Any]) -> None:
    """Whatever the fingerprint says: a plain init would keep what it finds there."""
    path = keep(folder, **moved)

    assert not initialization.is_initialized(LAYER, folder, **GIVEN)
    initialization.prepare(LAYER, folder, cli_config="", command=command)

    assert not path.exists()


def test_it_is_turned_back_after_a_plan_that_failed_as_well(folder: Path) -> None:
    initialization.forget(folder)
    path = keep(folder, key="prod/other.tfstate")

    initialization.prepare(LAYER, folder, cli_config="", command=command)

    assert not path.exists()


def test_a_backend_that_is_the_hcls_is_kept(folder: Path) -> None:
    initialization.prepare(LAYER, folder, cli_config="", command=command)

    assert (folder / ".terraform" / "terraform.tfstate").exists()


@pytest.mark.parametrize("known", [True, False])
def test_a_backend_that_the_hcl_moved_away_from_is_a_persons_to_decide(folder: Path, known: bool) -> None:
    """Forgetting it would plan a layer anew whose state stands in the old place."""
    moved = layer(backend=backend(key="prod/moved.tfstate"), init_inputs=LAYER.init_inputs)
    if not known:
        (folder / ".terraform" / "wealist-init.json").unlink()

    with pytest.raises(GuardError, match=f"is for s3://{BUCKET}/{KEY}, not for s3://{BUCKET}/prod/moved") as caught:
        initialization.prepare(moved, folder, cli_config="", command=command)

    path = folder / ".terraform" / "terraform.tfstate"
    move, leave = "to move the state: wealist tf prod/foundation -- init -migrate-state", f"rm {path}"
    assert caught.value.hint == f"{move}; to leave it where it is: {leave}"
    assert path.exists()


def test_an_init_that_kept_another_backend_is_not_remembered(folder: Path) -> None:
    keep(folder, key="prod/other.tfstate")

    with pytest.raises(GuardError, match=f"is for s3://{BUCKET}/prod/other.tfstate"):
        initialization.remember(LAYER, folder, **GIVEN)


def test_a_mark_that_came_as_a_link_is_replaced_and_not_written_through(estate: Estate, tmp_path: Path) -> None:
    layer = estate.layer("foundation")
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (layer.path / ".terraform").mkdir(exist_ok=True)
    (layer.path / ".terraform" / initialization._MARK).symlink_to(outside)

    initialization.remember(layer, layer.path, terraform_version="1.11.4", cli_config="")

    assert outside.read_text() == "mine"
    assert not (layer.path / ".terraform" / initialization._MARK).is_symlink()


def test_nothing_is_removed_from_or_written_to_a_folder_that_a_link_leads_to(estate: Estate, tmp_path: Path) -> None:
    layer = estate.layer("foundation")
    outside = tmp_path / "outside"
    (outside / "modules" / "mine").mkdir(parents=True)
    (outside / initialization._MARK).write_text('{"cli_config": "another"}')
    (layer.path / ".terraform").symlink_to(outside)

    with pytest.raises(GuardError, match="this is a link, and wealist removes nothing through it"):
        initialization.prepare(layer, layer.path, cli_config="", command=lambda *words: " ".join(words))
    initialization.remember(layer, layer.path, terraform_version="1.11.4", cli_config="")

    assert (outside / "modules" / "mine").is_dir()
    assert (outside / initialization._MARK).read_text() == '{"cli_config": "another"}'
