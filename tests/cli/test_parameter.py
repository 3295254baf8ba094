"""Options that cost nothing until they are given; what they mean must not change by it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from orchestrator.cli.options import LogFormat
from orchestrator.cli.parameter import LightCommand, LightGroup

app = typer.Typer(cls=LightGroup)
Seen = dict[str, Any]
seen: Seen = {}


@app.callback()
def group(flag: Annotated[bool, typer.Option("--flag")] = False) -> None:
    seen["flag"] = flag


@app.command(cls=LightCommand)
def show(
    word: Annotated[str, typer.Argument()],
    text: Annotated[str | None, typer.Option("--text")] = None,
    number: Annotated[int | None, typer.Option("--number", min=1)] = None,
    path: Annotated[Path | None, typer.Option("--path")] = None,
    many: Annotated[list[str] | None, typer.Option("--many")] = None,
    paths: Annotated[list[Path] | None, typer.Option("--paths")] = None,
    choice: Annotated[LogFormat, typer.Option("--choice")] = LogFormat.PRETTY,
    yes: Annotated[bool, typer.Option("--yes")] = False,
) -> None:
    seen.update(word=word, text=text, number=number, path=path, many=many, paths=paths, choice=choice, yes=yes)


def run(*words: str) -> Seen:
    seen.clear()
    typer.main.get_command(app)(args=list(words), standalone_mode=False)
    return seen


def test_nothing_given_is_every_default() -> None:
    assert run("show", "w") == {
        "flag": False,
        "word": "w",
        "text": None,
        "number": None,
        "path": None,
        "many": None,
        "paths": None,
        "choice": LogFormat.PRETTY,
        "yes": False,
    }


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--text", "a b"], "text", "a b"),
        (["--text", ""], "text", ""),
        (["--number", "3"], "number", 3),
        (["--path", "a/b"], "path", Path("a/b")),
        (["--many", "a", "--many", "b=c"], "many", ["a", "b=c"]),
        (["--paths", "a", "--paths", "b"], "paths", [Path("a"), Path("b")]),
        (["--choice", "json"], "choice", LogFormat.JSON),
        (["--yes"], "yes", True),
    ],
)
def test_what_is_given_is_converted_as_ever(words: list[str], name: str, value: object) -> None:
    found = run("show", "w", *words)[name]

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "words", [["--number", "0"], ["--number", "x"], ["--choice", "loud"], ["--text"], ["--nothing"]]
)
def test_what_makes_no_sense_is_complained_about_as_ever(words: list[str]) -> None:
    with pytest.raises(typer.TyperException):
        run("show", "w", *words)


def test_a_command_runs_twice() -> None:
    assert run("show", "w", "--number", "2")["number"] == 2
    assert run("show", "w", "--number", "3")["number"] == 3


def test_the_options_of_a_group_too() -> None:
    assert run("--flag", "show", "w")["flag"] is True


def test_a_command_whose_options_are_texts_does_without_pydantic(tmp_path: Path) -> None:
    (tmp_path / "wealist.yaml").write_text("version: 1\n")
    program = """
import sys
from orchestrator.cli.boundary import run
code = run(["secrets", "--version-stage", "AWSPREVIOUS"])
print(code, "pydantic_core" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30
    )

    assert done.stdout == "0 False\n"
