"""What a program that uses the library counts on."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

import orchestrator

PACKAGE = Path(orchestrator.__file__).parent
# The edge: the command line, and the process that the sandbox is. Nothing else reads the environment, prints or exits.
EDGE = ("cli/", "sandbox/server.py", "sandbox/gateway.py")


def library() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if not path.relative_to(PACKAGE).as_posix().startswith(EDGE)]


def imported_for_type_checkers() -> dict[str, tuple[str, ...]]:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    return {
        str(node.module): tuple(alias.name for alias in node.names)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
    }


def test_all_type_checkers_and_homes_agree() -> None:
    homes = {module: tuple(sorted(names)) for module, names in orchestrator._HOMES.items()}

    assert {module: tuple(sorted(names)) for module, names in imported_for_type_checkers().items()} == homes
    assert sorted(orchestrator.__all__) == sorted(
        ["__version__", *(name for names in homes.values() for name in names)]
    )


@pytest.mark.parametrize("name", orchestrator.__all__)
def test_every_name_can_be_imported_and_is_its_homes(name: str) -> None:
    value = getattr(orchestrator, name)

    if name != "__version__":
        assert value is getattr(import_module(orchestrator._HOME_OF[name]), name)


def test_dir_lists_the_public_names() -> None:
    assert dir(orchestrator) == sorted(orchestrator.__all__)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'orchestrator' has no attribute 'Terraform'"):
        orchestrator.Terraform  # noqa: B018


def test_every_public_error_is_exported() -> None:
    errors = import_module("orchestrator.errors")
    defined = {name for name, value in vars(errors).items() if isinstance(value, type) and name.endswith("Error")}

    assert defined <= set(orchestrator.__all__)


def test_the_version_is_one() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+([a-z]+\d+)?", orchestrator.__version__)


@pytest.mark.parametrize("path", library(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_the_library_reads_no_environment_prints_nothing_and_never_exits(path: Path) -> None:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            if name in {"os.environ", "os.getenv", "os.environb", "sys.exit", "os._exit", "sys.stdout", "sys.stderr"}:
                found.append(f"{node.lineno}: {name}")
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"print", "exit", "quit"}
        ):
            found.append(f"{node.lineno}: {node.func.id}()")
        elif isinstance(node, ast.Name) and node.id == "SystemExit":
            found.append(f"{node.lineno}: SystemExit")

    assert found == []
