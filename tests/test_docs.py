"""What the documentation speaks of exists: commands, options, links, findings and keys, held against the real ones."""

from __future__ import annotations

import ast
import re
import shlex
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_type_hints

import msgspec
import pytest
import typer

from orchestrator import verdict
from orchestrator.cli.app import app
from orchestrator.config import Config
from orchestrator.errors import AwsError
from tests.estate import backend, target_of

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
PAGES = sorted(
    [
        REPOSITORY / "README.md",
        REPOSITORY / "README.ko.md",
        *DOCS.glob("*.md"),
        *REPOSITORY.glob("terraform/**/README.md"),
    ]
)
ROOT: Any = typer.main.get_command(app)
# Words of a command that Typer knows as arguments, with a section of their own.
WORDS = ("secrets exec", "secrets rotate")


class Command(NamedTuple):
    """A command, by the words that name it."""

    words: str
    parser: Any


def commands(group: Any = ROOT, before: str = "") -> Iterator[Command]:
    for name, parser in group.commands.items():
        words = f"{before}{name}"
        yield Command(words, parser)
        if hasattr(parser, "commands"):
            yield from commands(parser, f"{words} ")


@cache
def options(parser: Any) -> dict[str, bool]:
    """Every spelling of every option, and whether a value follows it."""
    context = parser.make_context("wealist", [], resilient_parsing=True)
    return {
        spelling: not parameter.is_flag and not getattr(parameter, "count", False)
        for parameter in parser.get_params(context)
        if parameter.param_type_name == "option"
        for spelling in (*parameter.opts, *parameter.secondary_opts)
    }


def complaint(line: str) -> str | None:
    """What is wrong with a command line that begins with `wealist`; None where the real one would take it."""
    try:
        words = shlex.split(line, comments=True)[1:]
    except ValueError as error:
        return f"no shell would read it: {error}"
    named: list[str] = []
    parser, known = ROOT, options(ROOT)
    while words:
        word = words.pop(0)
        if word in ("--", "|", "||", "&&", ";", ">", "2>/dev/null"):
            break
        if word.startswith("-"):
            option, _, value = word.partition("=")
            if option not in known:
                return f"{' '.join(named) or 'wealist'} has no option {option}"
            if known[option] and not value:
                if not words:
                    return f"{option} lacks its value"
                words.pop(0)
        elif hasattr(parser, "commands"):
            if word.isupper() or word == "...":
                return None
            if word not in parser.commands:
                return f"there is no command {' '.join([*named, word])}"
            named.append(word)
            parser = parser.commands[word]
            known = options(parser)
    return None


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(page: str) -> list[str]:
    """The code blocks of a page, those within a list too; lines that a backslash continues are joined."""
    found = re.findall(r"(?ms)^ *```[^\n]*\n(.*?)^ *```", page)
    return [re.sub(r"\s*\\\n\s*", " ", block) for block in found]


def command_lines(page: str) -> list[str]:
    """What a reader would copy: lines of blocks with `wealist` as the program, calls in `$(...)`, and `wealist ...` in the text."""
    found: list[str] = []
    for block in blocks(page):
        for line in block.splitlines():
            bare = re.sub(r"^\s*(?:nox > |\$ |run: |- run: )*", "", line)
            found += re.findall(r"\$\((wealist [^()]*)\)", bare)
            found += re.findall(r"(?:^|&& |; |\|\| )(?:[A-Z_]+=\S+ )*(wealist [a-z-].*?)(?= && | \|\| | \| |$)", bare)
    outside = re.sub(r"(?ms)^ *```.*?^ *```", "", page)
    found += re.findall(r"(?<!`)`(wealist [^`]+)`(?!`)", outside)
    return [re.sub(r"\$\([^()]*\)", "VALUE", line) for line in found]


def known_names() -> set[str]:
    return {command.words for command in commands()}


def anchors(page: str) -> set[str]:
    """Anchors of the headings, as GitHub makes them."""
    outside = re.sub(r"(?ms)^ *```.*?^ *```", "", page)
    found = set[str]()
    for heading in re.findall(r"(?m)^#+ (.+?)\s*$", outside):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        found.add(re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-"))
    return found


def links(page: str) -> list[str]:
    outside = re.sub(r"(?ms)^ *```.*?^ *```", "", page)
    outside = re.sub(r"`[^`]*`", "", outside)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", outside) if not re.match(r"[a-z]+:", link)]


def broken_links(path: Path) -> list[str]:
    found = []
    for link in links(text(path)):
        name, _, anchor = link.partition("#")
        target_ = (path.parent / name).resolve() if name else path
        if not target_.exists() or (anchor and anchor not in anchors(text(target_))):
            found.append(link)
    return found


def finding_ids(tmp: Path) -> set[str]:
    """Every id that `verdict` gives to a finding, those of checks that hold too."""
    tree = ast.parse(text(Path(verdict.__file__)))
    found = set[str]()
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        assigned = {
            str(constant.value)
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "id_"
            for constant in ast.walk(node.value)
            if isinstance(constant, ast.Constant) and re.fullmatch(r"[a-z-]+\.[a-z-]+", str(constant.value))
        }
        found |= assigned
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            name = getattr(call.func, "id", "")
            if name in ("_ok", "_warning", "_error", "make") and isinstance(call.args[0], ast.Constant):
                id_ = str(call.args[0].value)
                found.add(f"{id_}.ok" if name == "_ok" else id_)
    for answer in (lambda: True, lambda: False, denied):
        settings = verdict.settings(
            backend(), target_of(tmp), is_versioned=answer, is_encrypted=answer, blocks_public_access=answer
        )
        found |= {finding.id for finding in settings}
    return found


def denied() -> bool:
    raise AwsError("no", code="AccessDenied")


def config_keys(section: Any = Config) -> Iterator[str]:
    """Every key of `wealist.yaml`, those of sections within sections too."""
    for field in msgspec.structs.fields(section):
        yield field.encode_name
        for part in _parts(get_type_hints(section)[field.name]):
            if isinstance(part, type) and issubclass(part, msgspec.Struct):
                yield from config_keys(part)


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in get_args(annotation):
        yield from _parts(argument)


def page_id(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def test_the_pages_are_found() -> None:
    assert {"README.md", "docs/commands.md", "terraform/prod/foundation/README.md"} <= {page_id(page) for page in PAGES}


@pytest.mark.parametrize("name", sorted({*known_names(), *WORDS}))
def test_every_command_has_a_heading(name: str) -> None:
    assert f"wealist-{name.replace(' ', '-')}" in anchors(text(DOCS / "commands.md"))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_line_is_one_that_wealist_takes(page: Path) -> None:
    wrong = {line: said for line in command_lines(text(page)) if (said := complaint(line)) is not None}
    assert wrong == {}


@pytest.mark.parametrize("page", ["README.md", "README.ko.md", "docs/commands.md", "docs/disaster-drills.md"])
def test_command_lines_are_found(page: str) -> None:
    assert len(command_lines(text(REPOSITORY / page))) > 20


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("wealist up foundation -y --set a=b", None),
        ("wealist --sandbox state restore LAYER --version ID", None),
        ("wealist tf foundation -- state list --anything", None),
        ("wealist COMMAND --help", None),
        ("wealist lift foundation", "there is no command lift"),
        ("wealist state forget foundation", "there is no command state forget"),
        ("wealist up foundation --yes", "up has no option --yes"),
        ("wealist --sandbox why compute --limit 3", "why has no option --limit"),
        ("wealist up foundation --set", "--set lacks its value"),
    ],
)
def test_a_command_line_is_judged(line: str, said: str | None) -> None:
    assert complaint(line) == said


def test_command_lines_are_read_where_readers_find_them() -> None:
    page = """
Type `wealist status` first; ``wealist nothing`` is left.

   ```bash
   wealist up foundation \\
     --set a=b      # a comment
   psql "host=$(wealist output foundation rds_address)"
   wealist state mend foundation && wealist plan foundation | head
   ```
```
$ AWS_PROFILE=prod wealist preflight
error: nothing, see wealist --help
```
"""
    assert [line.split("#")[0].strip() for line in command_lines(page)] == [
        "wealist up foundation --set a=b",
        "wealist output foundation rds_address",
        "wealist state mend foundation",
        "wealist plan foundation",
        "wealist preflight",
        "wealist status",
    ]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_a_link_that_leads_nowhere_is_seen(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# The `state` is locked\n```\n# not a heading\n```\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(
        "# Here\n[1](other.md#the-state-is-locked) [2](#here) [3](https://x.test/y) [4](gone.md) [5](#gone) "
        "[6](other.md#not-a-heading)\n",
        encoding="utf-8",
    )

    assert broken_links(page) == ["gone.md", "#gone", "other.md#not-a-heading"]


def test_every_page_is_in_the_list() -> None:
    listed = links(text(DOCS / "README.md"))
    assert [page.name for page in DOCS.glob("*.md") if page.name not in (*listed, "README.md")] == []


def test_every_finding_of_preflight_is_explained(tmp_path: Path) -> None:
    page = text(DOCS / "troubleshooting.md")
    assert sorted(id_ for id_ in finding_ids(tmp_path) if f"`{id_}`" not in page) == []


def test_the_findings_are_found(tmp_path: Path) -> None:
    assert {
        *("credentials.ok", "credentials.missing", "account.unknown", "state-object.forbidden", "state-write.unknown"),
        *("state-bucket-versioning.off", "state-bucket-encryption.unknown", "lock-table.not-active"),
    } <= finding_ids(tmp_path)


def test_every_key_of_wealist_yaml_is_explained() -> None:
    readme = text(REPOSITORY / "README.md").partition("\n## wealist.yaml\n")[2].partition("\n## ")[0]
    shown = "\n".join([readme, *map(text, DOCS.glob("*.md"))])
    assert [key for key in config_keys() if not re.search(rf"\b{key}\b\s*:", shown)] == []


def test_the_keys_are_found() -> None:
    assert {"version", "include", "stateful", "output", "lock_timeout"} <= set(config_keys())
