"""Reading what a layer has: its outputs, and the secrets behind them. Terraform is never started for it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from orchestrator.aws import secrets
from orchestrator.aws.session import Session
from orchestrator.aws.state import read_object
from orchestrator.errors import SecretError, StateError, UsageError

if TYPE_CHECKING:
    from orchestrator.aws.secrets import Secret
    from orchestrator.config import SecretConfig
    from orchestrator.discovery import Estate
    from orchestrator.layer import Layer
    from orchestrator.outputs import Output
    from orchestrator.state import State
    from orchestrator.target import Target


def read_outputs(layer: Layer, target: Target) -> dict[str, Output]:
    """A layer's outputs, from its state object.

    Raises:
        StateError: The layer was never applied, or its state can't be read.
        AwsError: AWS said no.
    """
    return read_layer(layer, target)[0].outputs


def read_layer(layer: Layer, target: Target) -> tuple[State, bytes]:
    """A layer's state, and the state object that it was read from.

    Raises:
        StateError: The layer was never applied, or its state can't be read.
        AwsError: AWS said no.
    """
    found = _read(Session(target.aws, backend=layer.backend), layer, target)
    if found is None:
        raise StateError(
            f"layer {layer.id} was never applied: there is nothing at {layer.backend.url}",
            hint=target.command("up", layer.name),
        )
    return found


def _read(session: Session, layer: Layer, target: Target) -> tuple[State, bytes] | None:
    try:
        found = read_object(session, layer.backend)
        return None if found is None or found.is_blank else (found.state(), found.body)
    except StateError as error:
        # An earlier version may be one that can be read.
        error.hint = error.hint or target.command("state", "history", layer.id)
        raise


def find_output(layer: Layer, name: str, target: Target) -> Output:
    """One output by name.

    Raises:
        UsageError: The layer has no such output; the hint names the nearest.
    """
    outputs = read_outputs(layer, target)
    if name not in outputs:
        near = get_close_matches(name, outputs, n=1)
        raise UsageError(
            f"layer {layer.id} has no output {name!r}",
            hint=f"did you mean {near[0]}?" if near else target.command("output", layer.name),
        )
    return outputs[name]


def secret_config(estate: Estate, name: str) -> SecretConfig:
    """What wealist.yaml says of a secret.

    Raises:
        UsageError: Nothing; the hint names the nearest.
    """
    declared = estate.config.secrets
    if name not in declared:
        near = get_close_matches(name, declared, n=1)
        known = f"declared in wealist.yaml: {', '.join(declared) or 'none'}"
        raise UsageError(f"there is no secret {name!r}", hint=f"did you mean {near[0]}?" if near else known)
    return declared[name]


def find_secret(estate: Estate, name: str, target: Target, *, stage: str = secrets.CURRENT) -> Secret:
    """Fetch a secret by the name that wealist.yaml gives it.

    Raises:
        UsageError: No such name.
        SecretError: The layer was never applied or has no such output, or the secret can't be had.
    """
    config = secret_config(estate, name)
    layer = estate.layer(config.layer)
    session = Session(target.aws, backend=layer.backend)
    found = _read(session, layer, target)
    if found is None:
        raise SecretError(
            f"secret {name}: layer {layer.id} was never applied, so it has none yet",
            hint=target.command("up", layer.name),
        )
    output = found[0].outputs.get(config.output)
    if output is None or not isinstance(output.value, str):
        raise SecretError(
            f"secret {name}: layer {layer.id} has no output {config.output!r} that holds an ARN",
            hint=f"check secrets.{name}.output in wealist.yaml, or: {target.command('up', layer.name)}",
        )
    if layer.backend.profile or layer.backend.role_arn:
        # The backend's identity is for the state alone.
        session = Session(target.aws)
    return secrets.fetch(session, name=name, arn=output.value, layer=layer.id, stage=stage)
