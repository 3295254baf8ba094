from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from orchestrator import data_folder, hcl, price, project_file, tfvars
from orchestrator.config import Config
from orchestrator.contract import Contract
from orchestrator.errors import ConfigError
from orchestrator.price import Book

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_folder(path: Path) -> None:
    path.mkdir()


def a_huge_file(path: Path) -> None:
    with path.open("wb") as file:
        # It has holes, and takes no room.
        file.truncate(project_file.MOST_OF_A_STATE + 1)


READERS: dict[str, Callable[[Path], object]] = {
    "main.tf": hcl.parse_file,
    "terraform.tfvars": tfvars.read_values,
    "terraform.tfvars.json": tfvars.read_values,
    "wealist.yaml": Config.load,
    "contract.yaml": Contract.load,
    price.FILENAME: Book.load,
    ".terraform/terraform.tfstate": lambda path: data_folder.read_backend(path.parent.parent),
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("make", [a_pipe, a_device, a_folder])
def test_what_is_no_file_is_an_error_that_names_it(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    make(path)

    with pytest.raises(ConfigError, match="and no file") as caught:
        READERS[name](path)

    assert caught.value.message.startswith(f"{path}: ")


@pytest.mark.parametrize("name", set(READERS) - {".terraform/terraform.tfstate"})
def test_a_huge_file_is_not_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    a_huge_file(path)

    with pytest.raises(ConfigError, match="larger than 16 MiB") as caught:
        READERS[name](path)

    assert caught.value.message.startswith(f"{path}: ")


def test_a_link_to_a_file_is_followed_as_terraform_does(tmp_path: Path) -> None:
    (tmp_path / "there.tf").write_bytes(b"a\r\nb\r")
    (tmp_path / "here.tf").symlink_to("there.tf")

    assert project_file.read_bytes(tmp_path / "here.tf") == b"a\r\nb\r"
    assert project_file.read_text(tmp_path / "here.tf") == "a\nb\n"


def test_a_file_of_exactly_the_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1234")

    assert project_file.read_bytes(tmp_path / "file", most=4) == b"1234"
    with pytest.raises(ConfigError):
        project_file.read_bytes(tmp_path / "file", most=3)
