"""What must hold of an installed wheel; run by `nox -s build` in an environment that has nothing else of the project."""

from __future__ import annotations

import os
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path

import testinfra

import orchestrator

HOST = testinfra.get_host("local://")
SCRIPT = Path(sys.executable).with_name("wealist")


def test_the_package_is_the_installed_one() -> None:
    assert Path(orchestrator.__file__).is_relative_to(Path(sys.prefix))


def test_the_console_script_is_there_and_runs() -> None:
    script = HOST.file(str(SCRIPT))
    assert script.is_file
    assert script.mode & 0o111
    answer = HOST.run(f"{SCRIPT} --version")
    assert answer.rc == 0
    assert answer.stdout == f"wealist {version('wealist')}\n"


def test_the_wheel_carries_what_the_sandbox_needs() -> None:
    package = Path(orchestrator.__file__).parent
    modules = package / "sandbox" / "modules" / "terraform-aws-modules"
    assert {path.name for path in modules.iterdir()} == {"kms", "rds", "vpc"}
    assert list(modules.glob("vpc/aws/*/main.tf"))
    assert (package / "py.typed").is_file()


def test_the_sandbox_starts_from_the_wheel(tmp_path: Path) -> None:
    layer = tmp_path / "terraform" / "dev" / "base"
    layer.mkdir(parents=True)
    (tmp_path / "wealist.yaml").write_text("version: 1\n")
    (layer / "main.tf").write_text(
        'terraform {\n  backend "s3" {\n    bucket = "b"\n    key = "k"\n    region = "eu-west-1"\n  }\n}\n'
    )
    try:
        started = HOST.run(f"{SCRIPT} -C {tmp_path} sandbox start --json")
        assert started.rc == 0, started.stderr
        assert '"url": "http://127.0.0.1:' in started.stdout
    finally:
        assert HOST.run(f"{SCRIPT} -C {tmp_path} sandbox stop").rc == 0


def test_the_sdist_carries_the_tests_and_the_estate() -> None:
    with tarfile.open(os.environ["WEALIST_TEST_SDIST"]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {
        "noxfile.py",
        "wealist.yaml",
        "prices.yaml",
        "tests/installed.py",
        "terraform/prod/foundation/rds.tf",
    } <= names
