"""Words of a command that is shown to a person, to be pasted into a shell."""

from __future__ import annotations

import shlex


def quoted(word: str) -> str:
    """A word in quotes, also where the shell would take it bare: an address is one by what it is, not by what is in it."""
    bare = shlex.quote(word)
    return bare if bare != word else f"'{word}'"


def command(*words: str) -> str:
    """A command of another program's, each word quoted where that is needed."""
    return shlex.join(words)
