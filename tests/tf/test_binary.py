from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orchestrator.errors import ConfigError, OutputFormatError, TerraformNotFoundError
from orchestrator.process import StartError
from orchestrator.tf import binary
from tests.estate import write_program
from tests.fakes import VERSION, FakeRunner, Reply

if TYPE_CHECKING:
    from pathlib import Path


def test_terraform_is_found_on_the_path_that_it_will_run_with(tmp_path: Path, runner: FakeRunner) -> None:
    program = write_program(tmp_path / "bin")
    env = {"PATH": f"{tmp_path / 'empty'}:{program.parent}"}

    found = binary.find("terraform", env, runner=runner, cwd=tmp_path)

    assert (found.path, found.version) == (program, VERSION)
    (command,) = runner.commands
    assert list(command.argv) == [str(program), "version", "-json"]
    assert (command.env, command.cwd) == (env, tmp_path)


def test_terraform_can_be_given_by_path(tmp_path: Path, runner: FakeRunner) -> None:
    program = write_program(tmp_path, "terraform-1.11")

    assert binary.find(str(program), {}, runner=runner, cwd=tmp_path).path == program


@pytest.mark.parametrize(
    ("name", "message"),
    [("terraform", "terraform: is not on PATH"), ("/nowhere/terraform", "/nowhere/terraform: is not a program")],
)
def test_no_terraform_says_what_to_install(name: str, message: str, tmp_path: Path, runner: FakeRunner) -> None:
    with pytest.raises(TerraformNotFoundError) as caught:
        binary.find(name, {"PATH": str(tmp_path)}, runner=runner, cwd=tmp_path)

    assert caught.value.message == message
    assert str(caught.value.hint).startswith("install Terraform 1.11 or newer: https://")
    assert caught.value.exit_code == 10


def test_a_file_that_is_no_program_is_not_found(tmp_path: Path, runner: FakeRunner) -> None:
    write_program(tmp_path).chmod(0o644)

    with pytest.raises(TerraformNotFoundError, match="is not on PATH"):
        binary.find("terraform", {"PATH": str(tmp_path)}, runner=runner, cwd=tmp_path)


def test_a_program_that_can_not_be_started_says_why(tmp_path: Path, runner: FakeRunner) -> None:
    write_program(tmp_path)
    runner.answer("version", Reply(error=StartError(8, "Exec format error")))

    with pytest.raises(TerraformNotFoundError, match="can't be started: Exec format error"):
        binary.find("terraform", {"PATH": str(tmp_path)}, runner=runner, cwd=tmp_path)


@pytest.mark.parametrize("stdout", ["", "Terraform v0.12.31\n", "{}", "[]", "null"])
def test_a_program_that_answers_otherwise_is_not_terraform(stdout: str, tmp_path: Path, runner: FakeRunner) -> None:
    write_program(tmp_path)
    runner.answer("version", Reply(returncode=1, stdout=stdout))

    with pytest.raises(OutputFormatError, match=r"did not answer as Terraform does \(exit code 1\)"):
        binary.find("terraform", {"PATH": str(tmp_path)}, runner=runner, cwd=tmp_path)


@pytest.mark.parametrize(
    ("version", "constraint", "expected"),
    [
        ("1.11.4", ">= 1.11, < 2", True),
        ("1.11.4", ">= 1.11.5", False),
        ("2.0.0", ">= 1.11, < 2", False),
        ("1.11.4", "~> 1.11.0", True),
        ("1.12.0", "~> 1.11.0", False),
        ("1.12.0", "~> 1.11", True),
        ("2.0.0", "~> 1.11", False),
        ("1.99.0", "~> 1", True),
        ("2.0.0", "~> 1", False),
        ("1.11.4", "1.11.4", True),
        ("1.11.4", "= 1.11.4", True),
        ("1.11.5", "=1.11.4", False),
        ("1.11.4", "!= 1.11.4", False),
        ("1.11.4", "> 1.11.3", True),
        ("1.11.4", "<= 1.11.4", True),
        ("1.11.4", ">=v1.11", True),
        ("1.11.4", "", True),
        ("1.12.0-rc1", ">= 1.11", False),
        ("1.12.0-rc1", "1.12.0-rc1", True),
    ],
)
def test_constraints_mean_what_they_mean_to_terraform(version: str, constraint: str, *, expected: bool) -> None:
    assert binary.satisfies(version, constraint) is expected


@pytest.mark.parametrize("constraint", ["newest", ">= ", "1.11 or so", ">> 1"])
def test_what_is_no_constraint_is_refused(constraint: str) -> None:
    with pytest.raises(ConfigError, match="is not a version constraint"):
        binary.satisfies("1.11.4", constraint)


def test_no_constraint_is_met_by_any_version(tmp_path: Path) -> None:
    assert binary.Binary(path=tmp_path, version="0.1.0").satisfies(None)


@pytest.mark.parametrize("path", ["", ".", ":", ".:/nonexistent", "bin:"])
def test_a_program_of_the_projects_own_is_not_found_by_name(
    path: str, tmp_path: Path, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_program(tmp_path)
    write_program(tmp_path / "bin")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(TerraformNotFoundError, match="is not on PATH"):
        binary.find("terraform", {"PATH": path}, runner=runner, cwd=tmp_path)


def test_a_relative_path_that_was_asked_for_is_taken(
    tmp_path: Path, runner: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = write_program(tmp_path)
    monkeypatch.chdir(tmp_path)

    assert binary.find("./terraform", {}, runner=runner, cwd=tmp_path).path == program
