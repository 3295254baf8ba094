"""Addresses given on the command line: refused where they name nothing, since Terraform passes over them in silence.

`--target` may name what is not made yet, so its first part (a module, a resource) must stand in the HCL or in the state.
`--replace` must name a resource that is in the state. A misspelt name inside a module that is not made yet can't be told.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from orchestrator.layer import Layer
    from orchestrator.state import State

_HEAD = re.compile(r"module\.[\w-]+|(?:data\.)?[\w-]+\.[\w-]+")


def check_targets(
    targets: Iterable[str],
    layers: Sequence[Layer],
    states: Mapping[str, State | None],
    *,
    command: Callable[..., str],
) -> None:
    """Refuse a target that no layer of the run has.

    Args:
        command: Makes a wealist command for the target.

    Raises:
        UsageError: With the address that was probably meant.
    """
    made = _made(layers, states)
    known = {*(block for layer in layers for block in layer.blocks), *(_head(address) for address in made)}
    for target in targets:
        if _head(target) not in known:
            raise _refused("--target", target, {*known, *made}, layers, command)


def check_replaced(
    addresses: Iterable[str],
    layers: Sequence[Layer],
    states: Mapping[str, State | None],
    *,
    command: Callable[..., str],
) -> None:
    """Refuse to replace what is in no state of the run.

    Args:
        command: Makes a wealist command for the target.

    Raises:
        UsageError: With the address that was probably meant.
    """
    made = _made(layers, states)
    for address in addresses:
        if address not in made:
            raise _refused("--replace", address, made, layers, command)


def _made(layers: Sequence[Layer], states: Mapping[str, State | None]) -> set[str]:
    found = (states.get(layer.id) for layer in layers)
    return {address for state in found if state for address in state.addresses}


def _head(address: str) -> str:
    match = _HEAD.match(address)
    return match[0] if match else address


def _refused(
    flag: str, address: str, known: set[str], layers: Sequence[Layer], command: Callable[..., str]
) -> UsageError:
    where = ", ".join(layer.id for layer in layers)
    near = get_close_matches(address, known, n=1)
    hint = f"did you mean {near[0]}?" if near else command("tf", layers[0].id, "--", "state", "list")
    return UsageError(f"{flag} {address}: {where} has no such resource", hint=hint)
