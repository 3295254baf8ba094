from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

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
