from __future__ import annotations

import shlex

import pytest

from orchestrator import shell

WORDS = [
    "aws_db_instance.this",
    'a["it\'s"]',
    "prod/y;touch X",
    "$(id)",
    "`id`",
    "",
    "-x",
    "a b",
    "eu-west-1; echo X",
    "!h",
]


@pytest.mark.parametrize("word", WORDS)
def test_a_shell_reads_back_the_very_word(word: str) -> None:
    assert shlex.split(shell.quoted(word)) == [word]
    assert shell.quoted(word)[0] == "'"
    assert shlex.split(shell.command("aws", word, "x")) == ["aws", word, "x"]
