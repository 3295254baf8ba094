from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.tf import initialization
from tests.estate import layer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAYER = layer(init_inputs=('backend "s3" {}', "module vpc 5.21.0"))
GIVEN: dict[str, Any] = {"terraform_version": "1.11.4", "cli_config": "/home/me/terraform.rc"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose last init went well."""
    (tmp_path / ".terraform" / "providers").mkdir(parents=True)
    (tmp_path / ".terraform" / "terraform.tfstate").write_text("{}")
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
