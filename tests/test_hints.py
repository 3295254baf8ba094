"""A command in a hint leads to where the run went: to the sandbox, as the profile, in the folder."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import orchestrator

if TYPE_CHECKING:
    from collections.abc import Iterator

from pathlib import Path

ROOT = Path(orchestrator.__file__).parent
COMMANDS = "up|plan|down|drift|diagnose|resume|status|locks|unlock|state|tf|output|secrets|graph|why|preflight|bootstrap|layers|sandbox"
WRITTEN = re.compile(rf"(?<!`)wealist (?:{COMMANDS})\b(?!.* --help)")
# The first of these is a note in a lock; the command line knows where it is, and shows its own usage.
ALLOWED = ("custody.py", "cli/")


def texts(path: Path) -> Iterator[ast.Constant]:
    """The string literals of a module, docstrings left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in lone:
            yield node


def test_no_command_is_written_by_hand_where_a_target_makes_it() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{text.lineno}: {text.value!r}"
        for path in sorted(ROOT.rglob("*.py"))
        if not str(path.relative_to(ROOT)).startswith(ALLOWED)
        for text in texts(path)
        if WRITTEN.search(str(text.value))
    ]

    assert found == []


def test_no_hint_has_a_placeholder_for_a_layer_that_is_known() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{text.lineno}"
        for path in sorted(ROOT.rglob("*.py"))
        if path.name not in ("custody.py", "restore.py", "mend.py", "unlock.py")
        for text in texts(path)
        if re.search(r"\b(?:plan|up|history|unlock|locks|mend) LAYER\b", str(text.value))
    ]

    assert found == []
