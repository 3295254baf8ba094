from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from orchestrator.sandbox.registry import ModuleAddress, ModuleRegistry, archive

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


Ask = Callable[..., Answer]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of modules with two versions of one module, and a secret beside it."""
    for version in ("5.21.0", "5.20.0"):
        module = tmp_path / "modules" / "acme" / "vpc" / "aws" / version
        (module / "modules" / "endpoints").mkdir(parents=True)
        (module / "main.tf").write_text(f"# {version}\n")
        (module / "modules" / "endpoints" / "main.tf").write_text("# endpoints\n")
    (tmp_path / "secret.tf").write_text("# nobody's business\n")
    return tmp_path / "modules"


def asker(*folders: Path) -> Ask:
    registry = ModuleRegistry(folders)

    def ask(path: str, method: str = "GET") -> Answer:
        seen: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: object = None, /
        ) -> Callable[[bytes], object]:
            seen.append((status, headers))
            return io.BytesIO().write

        environ = {"REQUEST_METHOD": method, "PATH_INFO": path}
        body = b"".join(registry(environ, start_response))
        [(status, headers)] = seen
        return Answer(status=int(status.split()[0]), headers=dict(headers), body=body)

    return ask


def names_in(packed: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
        return tar.getnames()


def test_versions_are_those_of_the_folder(folder: Path) -> None:
    answer = asker(folder)("/v1/acme/vpc/aws/versions")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    [module] = json.loads(answer.body)["modules"]
    assert module["versions"] == [{"version": "5.20.0"}, {"version": "5.21.0"}]


def test_download_points_to_an_archive_beside_it(folder: Path) -> None:
    ask = asker(folder)

    download = ask("/v1/acme/vpc/aws/5.21.0/download")
    packed = ask("/v1/acme/vpc/aws/5.21.0/archive.tar.gz")

    assert download.status == 204
    assert download.headers["X-Terraform-Get"] == "./archive.tar.gz"
    assert packed.status == 200
    assert names_in(packed.body) == ["main.tf", "modules/endpoints/main.tf"]
    with tarfile.open(fileobj=io.BytesIO(packed.body), mode="r:gz") as tar:
        main = tar.extractfile("main.tf")
        assert main is not None
        assert main.read() == b"# 5.21.0\n"


@pytest.mark.parametrize("path", ["versions", "5.21.0/download", "5.21.0/archive.tar.gz"])
def test_head_is_get_without_the_body(folder: Path, path: str) -> None:
    ask = asker(folder)

    head, get = (ask(f"/v1/acme/vpc/aws/{path}", method) for method in ("HEAD", "GET"))

    assert (head.status, head.headers) == (get.status, get.headers)
    assert head.body == b""


def test_other_methods_are_refused(folder: Path) -> None:
    answer = asker(folder)("/v1/acme/vpc/aws/versions", "POST")

    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/acme/vpc/aws/9.9.9/download",
        "/v1/acme/nothing/aws/versions",
        "/v1/acme/vpc/azure/versions",
        "/v1/acme/vpc/aws",
        "/v1/acme/vpc/aws/5.21.0/download/more",
        "/acme/vpc/aws/versions",
        "/",
        "",
    ],
)
def test_what_is_not_there_is_not_found(folder: Path, path: str) -> None:
    answer = asker(folder)(path)

    assert answer.status == 404
    assert json.loads(answer.body)["errors"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../../secret.tf",
        "/v1/acme/vpc/../versions",
        "/v1/acme/../aws/versions",
        "/v1/../acme/vpc/versions",
        "/v1/./acme/vpc/versions",
        "/v1/acme/vpc/aws/../download",
        "/v1/acme/vpc/aws/5.21.0/../../../../../../secret.tf",
        "/v1/acme/vpc/aws/5.21.0-../archive.tar.gz",
        "/v1/acme/vpc/aws/5.21.0/download\n",
        "/v1/acme/vpc/aws/٥.21.0/download",
        "/v1//acme/vpc/aws/versions",
        "/v1/acme/vpc\x00/aws/versions",
        "/v1/acme/C:\\vpc/aws/versions",
    ],
)
def test_no_address_leads_out_of_the_folder(folder: Path, path: str) -> None:
    assert asker(folder)(path).status == 404


def test_links_and_hidden_files_stay_out_of_an_archive(folder: Path) -> None:
    module = folder / "acme" / "vpc" / "aws" / "5.21.0"
    (module / "leak.tf").symlink_to(folder.parent / "secret.tf")
    (module / "leaks").symlink_to(folder.parent)
    (module / ".terraform").mkdir()
    (module / ".terraform" / "state.tf").write_text("")

    assert names_in(archive(module)) == ["main.tf", "modules/endpoints/main.tf"]


def test_an_archive_depends_on_the_files_alone(folder: Path, tmp_path: Path) -> None:
    module = folder / "acme" / "vpc" / "aws" / "5.21.0"
    copy = tmp_path / "elsewhere"
    (copy / "modules" / "endpoints").mkdir(parents=True)
    # Written in another order, at another time, with other modes.
    for name in ("modules/endpoints/main.tf", "main.tf"):
        (copy / name).write_bytes((module / name).read_bytes())
        (copy / name).chmod(0o600)
        os.utime(copy / name, (1, 1))

    assert archive(copy) == archive(module)


def test_the_first_folder_that_has_a_module_serves_all_of_it(folder: Path, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    (mirror / "acme" / "vpc" / "aws" / "6.0.0").mkdir(parents=True)
    (mirror / "acme" / "kms" / "aws").mkdir(parents=True)
    address = ModuleAddress(namespace="acme", name="vpc", provider="aws")

    found = json.loads(asker(mirror, folder)("/v1/acme/vpc/aws/versions").body)["modules"]

    assert found[0]["versions"] == [{"version": "6.0.0"}]
    assert ModuleRegistry([mirror, folder]).find(address) == mirror / "acme" / "vpc" / "aws"
    assert ModuleRegistry([tmp_path / "none", folder]).find(address) == folder / "acme" / "vpc" / "aws"
    # A folder without versions is no module.
    assert asker(mirror, folder)("/v1/acme/kms/aws/versions").status == 404


def test_a_module_added_later_is_seen(folder: Path) -> None:
    ask = asker(folder)
    assert ask("/v1/acme/rds/aws/versions").status == 404

    (folder / "acme" / "rds" / "aws" / "1.0.0").mkdir(parents=True)

    assert ask("/v1/acme/rds/aws/versions").status == 200
