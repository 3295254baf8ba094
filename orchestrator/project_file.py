"""Reading a file of a project: something that other people have put there.

What is read is a file and of a size that such a file can have. A pipe in its place would hold the reader up for ever, and a
device would fill the memory. Links are followed, as Terraform does.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from orchestrator.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

MOST = 16 * 1024 * 1024
"""Bytes of what people write: HCL, YAML, values of variables."""
MOST_OF_A_STATE = 512 * 1024 * 1024
"""Bytes of what Terraform writes."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
# A pipe that nobody writes to is opened without waiting, and is then seen to be none.
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def read_bytes(path: Path, *, most: int = MOST) -> bytes:
    """What is in a file.

    Args:
        most: Bytes; nothing that is larger is read.

    Raises:
        ConfigError: It is no regular file, or too large; the message names it.
        OSError: It is not there, or can't be read.
    """
    fd = os.open(path, _FLAGS)
    kind = os.fstat(fd).st_mode
    if not stat.S_ISREG(kind):
        os.close(fd)
        raise ConfigError(f"{path}: can't be read: this is {_kind(kind)}, and no file", hint="put a file in its place")
    with os.fdopen(fd, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ConfigError(
            f"{path}: can't be read: it is larger than {most // (1024 * 1024)} MiB",
            hint="is this the file that is meant? Make it smaller",
        )
    return content


def read_text(path: Path, *, most: int = MOST) -> str:
    """The text of a file, with its line ends as `Path.read_text` gives them.

    Raises:
        ConfigError, OSError: As `read_bytes`.
        UnicodeDecodeError: It is not UTF-8.
    """
    return read_bytes(path, most=most).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def _kind(mode: int) -> str:
    return next((name for is_one, name in _KINDS if is_one(mode)), "something else")
