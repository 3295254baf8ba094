"""Addresses that a guard lets pass, each in one layer: `prod/foundation:aws_s3_bucket.this`.

An address is unique in a layer only. In a run over one layer it may stand alone; over several it has to say whose it is, so
that a flag that is meant for one bucket does not cover another layer's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator import shell
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

# A layer's name before the first colon; an address may hold one in an index.
_WITH_LAYER = re.compile(r"([^:\[\"]+):(.+)", re.DOTALL)


def normalize(given: Iterable[str], ids: Sequence[str], *, resolve: Callable[[str], str], flag: str) -> tuple[str, ...]:
    """Every address with the id of its layer.

    Raises:
        UsageError: One does not say whose it is, or names a layer that is not in the run.
    """
    found = []
    for text in given:
        match = _WITH_LAYER.fullmatch(text)
        if match is None:
            if len(ids) != 1:
                raise UsageError(
                    f"{flag} {text}: several layers are in this run, and each may have that address",
                    hint=f"{flag} {shell.quoted(f'{ids[0]}:{text}')}",
                )
            found.append(f"{ids[0]}:{text}")
            continue
        layer = resolve(match[1])
        if layer not in ids:
            raise UsageError(f"{flag} {text}: {layer} is not in this run", hint=f"in it: {', '.join(ids)}")
        found.append(f"{layer}:{match[2]}")
    return tuple(found)


def of_layer(given: Iterable[str], id_: str) -> tuple[str, ...]:
    """The addresses that are let pass in this layer."""
    return tuple(text.removeprefix(f"{id_}:") for text in given if text.startswith(f"{id_}:"))
