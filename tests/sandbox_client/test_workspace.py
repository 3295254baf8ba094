from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from orchestrator import private_folder
from orchestrator.discovery import Estate
from orchestrator.sandbox import workspace
from tests.estate import backend_block, write_estate, write_layer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def work(estate: Estate) -> Path:
    work = estate.root / ".wealist" / "sandbox" / "work"
    workspace.synchronize(estate, work)
    return work


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_copy_holds_what_terraform_reads(work: Path, estate: Estate) -> None:
    assert files(work) == ["terraform/prod/compute/main.tf", "terraform/prod/foundation/main.tf"]
    assert (work / "terraform/prod/foundation/main.tf").read_text() == (
        estate.root / "terraform/prod/foundation/main.tf"
    ).read_text()


def test_a_real_layers_working_data_stays_where_it_is(estate: Estate, work: Path) -> None:
    layer = estate.root / "terraform/prod/foundation"
    (layer / ".terraform/providers").mkdir(parents=True)
    (layer / ".terraform/terraform.tfstate").write_text("real")
    (layer / ".terraform.lock.hcl").write_text("real")
    for name in ("terraform.tfstate", "terraform.tfstate.backup", "errored.tfstate"):
        (layer / name).write_text("real")

    workspace.synchronize(estate, work)

    assert files(work / "terraform/prod/foundation") == ["main.tf"]


def test_the_copys_own_working_data_is_kept(estate: Estate, work: Path) -> None:
    copy = work / "terraform/prod/foundation"
    (copy / ".terraform/modules").mkdir(parents=True)
    (copy / ".terraform/modules/modules.json").write_text("copy")
    (copy / ".terraform.lock.hcl").write_text("copy")
    (copy / "errored.tfstate").write_text("copy")

    workspace.synchronize(estate, work)

    assert files(copy) == [".terraform.lock.hcl", ".terraform/modules/modules.json", "errored.tfstate", "main.tf"]


def test_changes_come_over_and_what_is_gone_goes(estate: Estate, work: Path) -> None:
    layer = estate.root / "terraform/prod/foundation"
    (layer / "main.tf").write_text("# changed\n")
    (layer / "added.tf").write_text("# added\n")
    workspace.synchronize(estate, work)
    copy = work / "terraform/prod/foundation"
    assert (copy / "main.tf").read_text() == "# changed\n"
    assert (copy / "added.tf").read_text() == "# added\n"

    (layer / "added.tf").unlink()
    workspace.synchronize(estate, work)

    assert files(copy) == ["main.tf"]


def test_files_that_did_not_change_are_left_alone(estate: Estate, work: Path) -> None:
    copy = work / "terraform/prod/foundation/main.tf"
    before = copy.stat()

    workspace.synchronize(estate, work)

    assert (copy.stat().st_ino, copy.stat().st_ctime_ns) == (before.st_ino, before.st_ctime_ns)


def test_a_change_of_the_same_length_comes_over(estate: Estate, work: Path) -> None:
    source = estate.root / "terraform/prod/foundation/main.tf"
    source.write_text(source.read_text().replace("string", "number", 1))
    os.utime(source, (1, 1))

    workspace.synchronize(estate, work)

    assert (work / "terraform/prod/foundation/main.tf").read_text() == source.read_text()


def test_modules_that_are_called_by_path_are_copied_from_wherever_they_are(tmp_path: Path) -> None:
    root = write_estate(tmp_path / "estate")
    (root / "shared/tags").mkdir(parents=True)
    (root / "shared/tags/main.tf").write_text("# tags\n")
    write_layer(root, "prod/foundation", backend_block() + 'module "tags" {\n  source = "../../../shared/tags"\n}\n')
    work = tmp_path / "work"

    workspace.synchronize(Estate.find(root), work)

    assert "shared/tags/main.tf" in files(work)


def test_what_an_init_chose_can_be_forgotten(work: Path) -> None:
    layer = work / "terraform/prod/foundation"
    (layer / ".terraform/modules/vpc").mkdir(parents=True)
    (layer / ".terraform/wealist-init.json").write_text("{}")
    (layer / ".terraform.lock.hcl").write_text("")

    workspace.forget_init(work)

    assert files(layer) == ["main.tf"]
    assert not (layer / ".terraform").exists()


def test_forgetting_where_nothing_is_is_fine(tmp_path: Path) -> None:
    workspace.forget_init(tmp_path / "gone")

    assert not (tmp_path / "gone").exists()


@pytest.fixture
def bare(estate: Estate) -> Path:
    home = private_folder.prepare(estate.root / ".wealist" / "sandbox")
    private_folder.make(home / "work")
    return home / "work"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    (folder / ".terraform").mkdir(parents=True)
    (folder / "precious.txt").write_text("keep")
    (folder / ".terraform" / "kept").write_text("keep")
    return folder


def everything(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


LAYER = "terraform/prod/foundation"


def test_files_that_are_gone_from_the_estate_go_from_the_copy(estate: Estate, bare: Path) -> None:
    (estate.root / LAYER / "old.tf").write_text("locals {}")
    workspace.synchronize(estate, bare)
    assert (bare / LAYER / "old.tf").read_text() == "locals {}"

    (estate.root / LAYER / "old.tf").unlink()
    workspace.synchronize(estate, bare)

    assert not (bare / LAYER / "old.tf").exists()
    assert (bare / LAYER / "main.tf").exists()


def test_what_terraform_has_made_in_the_copy_stays(estate: Estate, bare: Path) -> None:
    workspace.synchronize(estate, bare)
    (bare / LAYER / "made-by-terraform.txt").write_text("mine")

    workspace.synchronize(estate, bare)

    assert (bare / LAYER / "made-by-terraform.txt").read_text() == "mine"


def test_a_changed_file_is_copied_anew_for_its_owner_alone(estate: Estate, bare: Path) -> None:
    values = estate.root / LAYER / "x.auto.tfvars"
    values.write_text('name = "a"')
    script = estate.root / LAYER / "build.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    workspace.synchronize(estate, bare)
    values.write_text('name = "another"')

    workspace.synchronize(estate, bare)

    assert (bare / LAYER / "x.auto.tfvars").read_text() == 'name = "another"'
    assert (bare / LAYER / "x.auto.tfvars").stat().st_mode & 0o777 == 0o600
    assert (bare / LAYER / "build.sh").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("place", ["terraform", "terraform/prod", LAYER])
def test_a_link_in_place_of_a_folder_of_the_copy_is_not_followed(
    estate: Estate, bare: Path, outside: Path, place: str
) -> None:
    before = everything(outside)
    workspace.synchronize(estate, bare)
    private_folder.remove(bare / place)
    (bare / place).symlink_to(outside)

    workspace.synchronize(estate, bare)
    workspace.forget_init(bare)

    assert everything(outside) == before
    assert (bare / LAYER / "main.tf").read_text() == (estate.root / LAYER / "main.tf").read_text()
    assert not (bare / place).is_symlink()


def test_a_link_in_place_of_a_file_of_the_copy_is_not_written_through(
    estate: Estate, bare: Path, outside: Path
) -> None:
    workspace.synchronize(estate, bare)
    (bare / LAYER / "main.tf").unlink()
    (bare / LAYER / "main.tf").symlink_to(outside / "precious.txt")

    workspace.synchronize(estate, bare)

    assert everything(outside)["precious.txt"] == "keep"
    assert (bare / LAYER / "main.tf").read_text() == (estate.root / LAYER / "main.tf").read_text()


@pytest.mark.parametrize(
    "listed", ["../../../outside/precious.txt", "{outside}/precious.txt", "link/precious.txt", ".."]
)
def test_a_list_that_leads_out_of_the_copy_removes_nothing(
    estate: Estate, bare: Path, outside: Path, listed: str
) -> None:
    before = everything(outside)
    (bare / "link").symlink_to(outside)
    files = [listed.format(outside=outside)]
    (bare.parent / "copied.json").write_text(json.dumps({"folder": bare.stat().st_ino, "files": files}))

    workspace.synchronize(estate, bare)

    assert everything(outside) == before


@pytest.mark.parametrize("text", [None, "{", "[]", '{"folder": 1, "files": ["main.tf"]}'])
def test_a_copy_that_came_from_elsewhere_is_made_anew(
    estate: Estate, bare: Path, outside: Path, text: str | None
) -> None:
    before = everything(outside)
    (bare / LAYER).mkdir(parents=True)
    (bare / LAYER / "planted.tf").write_text("locals {}")
    (bare / LAYER / ".terraform").symlink_to(outside)
    if text is not None:
        (bare.parent / "copied.json").write_text(text)

    workspace.synchronize(estate, bare)

    assert everything(outside) == before
    assert sorted(path.name for path in (bare / LAYER).iterdir()) == ["main.tf"]


def test_init_is_forgotten_only_within_the_copy(estate: Estate, bare: Path, outside: Path) -> None:
    workspace.synchronize(estate, bare)
    (bare / LAYER / ".terraform" / "providers").mkdir(parents=True)
    (bare / LAYER / ".terraform.lock.hcl").write_text("")
    (bare / "linked").symlink_to(outside)
    before = everything(outside)

    workspace.forget_init(bare)

    assert not (bare / LAYER / ".terraform").exists()
    assert not (bare / LAYER / ".terraform.lock.hcl").exists()
    assert everything(outside) == before


def test_what_is_no_file_is_not_copied_and_holds_nobody_up(estate: Estate, bare: Path) -> None:
    os.mkfifo(estate.root / LAYER / "pipe")
    (estate.root / LAYER / "endless").symlink_to("/dev/zero")
    (estate.root / LAYER / "nowhere").symlink_to("/nonexistent")

    workspace.synchronize(estate, bare)

    assert sorted(path.name for path in (bare / LAYER).iterdir()) == ["main.tf"]


def test_a_layer_that_is_a_link_inside_the_project_is_one_in_the_copy_too(tmp_path: Path) -> None:
    root = write_estate(tmp_path / "estate")
    (root / "shared" / "module").mkdir(parents=True)
    (root / "shared" / "module" / "main.tf").write_text("locals {}")
    (root / "shared" / "layer").mkdir()
    text = backend_block("prod/linked/terraform.tfstate") + 'module "m" {\n  source = "../module"\n}\n'
    (root / "shared" / "layer" / "main.tf").write_text(text)
    (root / "terraform" / "prod" / "linked").symlink_to("../../shared/layer")
    estate = Estate.find(root)
    home = private_folder.prepare(root / ".wealist" / "sandbox")
    private_folder.make(home / "work")

    workspace.synchronize(estate, home / "work")
    workspace.synchronize(estate, home / "work")

    linked = home / "work" / "terraform" / "prod" / "linked"
    assert (linked / "main.tf").read_text() == text
    assert (linked.resolve() / "../module/main.tf").read_text() == "locals {}"
    assert linked.resolve().is_relative_to(home / "work")
