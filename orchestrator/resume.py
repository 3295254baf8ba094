"""Going on with the last run that did not end well: what it had done, what is left, and whether anything moved since.

It is read from the ledger. Layers that the run brought to their end are left alone, provided that their state still has the
serial that the run left and their inputs are what they were; the one that failed is planned afresh, and so are those after
it. If anything has moved, going on is refused: what was true when the run was planned need not be any more.

A rotation is never gone on with. Planned afresh it makes another value, and where the one before had arrived after all, that
is one too many: what takes it drops the oldest, with whoever uses it. Where it stands is told by AWS, not by the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator import inputs, ledger
from orchestrator.errors import GuardError, UsageError
from orchestrator.redaction import MASK
from orchestrator.report import Outcome
from orchestrator.run import ROTATION, RunOptions
from orchestrator.tfvars import Piped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orchestrator.layer import Layer
    from orchestrator.state import State

_ENDED_WELL = frozenset({Outcome.APPLIED, Outcome.NO_CHANGES})
# Of `RunOptions`, what a run is resumed with.
_TEXTS = ("targets", "replace", "extra", "allow_destroy", "allow_forget", "allow_weaken", "accept_contract")
_FLAGS = ("fail_fast", "allow_incomplete", "lift_deletion_protection")
_PLAIN = ("lock_timeout", "parallelism", "terraform_parallelism", "max_monthly_delta")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A run that did not end well.

    Attributes:
        command: `up` or `down`.
        done: By layer id: the `finished` entry of one that ended well.
        remaining: The layers that are left, in the run's order; the first is mostly the one that failed.
        failed: By layer id: the `finished` entry of one that did not; a layer that was killed has none.
        pipes: How many files of values came through one, and were not kept either.
        secret_names: Variables that the run was given, and whose values nobody kept: they are secret.
    """

    run_id: str
    command: str
    started: str
    done: Mapping[str, Mapping[str, Any]]
    remaining: tuple[str, ...]
    failed: Mapping[str, Mapping[str, Any]]
    options: RunOptions = field(repr=False)
    secret_names: tuple[str, ...] = ()
    pipes: int = 0


def spent(unfinished: Unfinished | None) -> dict[str, float]:
    """By layer: what those that are done had added to the month."""
    done = unfinished.done if unfinished else {}
    return {id_: entry["monthly_delta"] for id_, entry in done.items() if "monthly_delta" in entry}


def describe(options: RunOptions, layers: Sequence[Layer]) -> dict[str, Any]:
    """What the ledger keeps of a run's options: everything but the values of sensitive variables."""
    public: dict[str, str] = {}
    for layer in layers:
        public |= inputs.public_values(layer, options.values)
    sensitive = {name for layer in layers for name, variable in layer.variables.items() if variable.is_sensitive}
    secret = sorted(sensitive & options.values.keys())
    return {
        "values": {name: value for name, value in public.items() if name not in secret},
        "secret_names": secret,
        "var_files": [str(path) for path in options.var_files if isinstance(path, Path)],
        "pipes": sum(isinstance(path, Piped) for path in options.var_files),
        **{name: list(getattr(options, name)) for name in _TEXTS},
        **{name: getattr(options, name) for name in (*_FLAGS, *_PLAIN)},
    }


def find(entries: Sequence[Mapping[str, Any]], *, target: str, command: Callable[..., str]) -> Unfinished | None:
    """The last run that changes things, where it did not end well; None where it did, or where there was none.

    Args:
        command: Writes a wealist command for the target.

    Raises:
        GuardError: A newer wealist made it, and wrote it down in a way that this one may misunderstand. Or it is a rotation.
    """
    begun = {entry.get("run_id") for entry in entries if entry.get("event") == "apply-started"}
    runs = [entry for entry in entries if entry.get("event") == "run-started" and entry.get("target") == target]
    runs = [
        entry
        for entry in runs
        # A rotation that applied nothing, since it was turned down, is in nobody's way.
        if entry.get("command") in ("up", "down") or (entry.get("command") == ROTATION and entry.get("run_id") in begun)
    ]
    if not runs:
        return None
    started = runs[-1]
    run_id = str(started.get("run_id"))
    if started.get("schema", 0) > ledger.SCHEMA:
        raise GuardError(
            f"run {run_id} was made by a newer wealist, and can't be understood by this one",
            hint="go on with it there, or start afresh",
        )
    ends = (entry for entry in entries if entry.get("event") == "finished" and entry.get("run_id") == run_id)
    finished = {entry["layer"]: entry for entry in ends if "layer" in entry}
    done = {id_: entry for id_, entry in finished.items() if entry.get("outcome") in _ENDED_WELL}
    remaining = tuple(id_ for id_ in started.get("layers", ()) if id_ not in done)
    if not remaining:
        return None
    if started["command"] == ROTATION:
        _refuse_rotation(entries, started, command)
        return None
    kept = started.get("options", {})
    return Unfinished(
        run_id=run_id,
        command=started["command"],
        started=str(started.get("time")),
        done={**started.get("done", {}), **done},
        remaining=remaining,
        failed={id_: entry for id_, entry in finished.items() if id_ not in done},
        options=_options(kept),
        pipes=kept.get("pipes", 0),
        secret_names=(*kept.get("secret_names", ()), *_masked(kept.get("values", {}))),
    )


def _refuse_rotation(
    entries: Sequence[Mapping[str, Any]], started: Mapping[str, Any], command: Callable[..., str]
) -> None:
    """Say what to do in place of going on with a rotation, unless that was done already."""
    secret = started.get("secret")
    since = entries[next(index for index, entry in enumerate(entries) if entry is started) :]
    if any(entry.get("event") == "rotation-ended" and entry.get("secret") == secret for entry in since):
        return
    rotate = command("secrets", "rotate", secret)
    raise GuardError(
        f"run {started.get('run_id')} was a rotation of {secret}, which is not resumed: another value might be one too many",
        hint=f"{rotate} --finish tells where it stands, and goes on if the value arrived; if it did not: {rotate}",
    )


def _options(kept: Mapping[str, Any]) -> RunOptions:
    """What an older wealist did not know of is as it was then: the default."""
    texts: dict[str, Any] = {name: tuple(kept[name]) for name in _TEXTS if name in kept}
    plain: dict[str, Any] = {name: kept[name] for name in (*_FLAGS, *_PLAIN) if name in kept}
    files = tuple(Path(path) for path in kept.get("var_files", ()))
    given = kept.get("values", {})
    masked = _masked(given)
    values = {name: value for name, value in given.items() if name not in masked}
    return RunOptions(values=values, var_files=files, **texts, **plain)


def _masked(values: Mapping[str, str]) -> tuple[str, ...]:
    """Those that the ledger's redactor knew as a secret, though no layer declares them sensitive."""
    return tuple(name for name, value in values.items() if MASK in value)


def with_secrets(unfinished: Unfinished, values: Mapping[str, str], *, command: Callable[..., str]) -> dict[str, str]:
    """The run's values, with the secret ones, which were given again.

    Args:
        command: Writes a wealist command for the target.

    Raises:
        UsageError: One of them is missing, or one is given that the run did not have.
    """
    for name in unfinished.secret_names:
        if name not in values:
            raise UsageError(
                f"run {unfinished.run_id} was given {name}, which is secret and kept nowhere",
                hint=f"give it again: --set {name}=- asks for it, --set-env {name}=VARIABLE takes it from the environment",
            )
    for name, value in values.items():
        if name not in unfinished.secret_names and unfinished.options.values.get(name) != value:
            afresh = command(unfinished.command, *unfinished.remaining, "--set", f"{name}=...")
            raise UsageError(
                f"--set {name}: run {unfinished.run_id} was made without it, and is resumed as it was",
                hint=f"start afresh: {afresh}",
            )
    return {**unfinished.options.values, **values}


def with_files(unfinished: Unfinished, files: Sequence[Piped]) -> tuple[Path | Piped, ...]:
    """The run's variable files, with what came through a pipe, which was given again.

    Raises:
        UsageError: It is missing, or the run had none.
    """
    if unfinished.pipes and not files:
        raise UsageError(
            f"run {unfinished.run_id} was given values through a pipe, which are kept nowhere",
            hint="give them again: --var-file FILE",
        )
    if files and not unfinished.pipes:
        raise UsageError(
            f"--var-file {files[0]}: run {unfinished.run_id} was made without it, and is resumed as it was",
            hint="leave it out",
        )
    return (*unfinished.options.var_files, *files)


def check_unmoved(
    unfinished: Unfinished, layers: Mapping[str, Layer], states: Mapping[str, State | None], *, command: str
) -> None:
    """Refuse to go on where a layer that was done, or the one that failed, is not as the run left it.

    Args:
        states: Of every layer of the run whose state could be read.
        command: What starts afresh, for the hint.

    Raises:
        GuardError: It names the layer, and what moved.
    """
    for id_, entry in {**unfinished.done, **unfinished.failed}.items():
        if id_ not in layers:
            raise GuardError(f"{id_}, which was part of the run, is no layer any more", hint=f"start afresh: {command}")
        if id_ not in states:
            raise GuardError(
                f"{id_}: its state can't be read, so nobody can tell whether it moved", hint=f"start afresh: {command}"
            )
        state = states[id_]
        serial = state.serial if state else None
        if not _is_serial_known(entry):
            raise GuardError(
                f"{id_}: its state could not be read back in run {unfinished.run_id}, so nobody can tell whether it moved "
                f"since; its serial is {_or_none(serial)} now",
                hint=f"look at what is there, then start afresh: {command}",
            )
        if serial != entry.get("serial_after"):
            raise GuardError(
                f"{id_} has moved since run {unfinished.run_id}: state serial {_or_none(entry.get('serial_after'))} then, "
                f"{_or_none(serial)} now",
                hint=f"look at what changed, then start afresh: {command}",
            )
    for id_, entry in unfinished.done.items():
        now = inputs.digest(layers[id_], values=unfinished.options.values, var_files=unfinished.options.var_files)
        if now != entry.get("inputs"):
            raise GuardError(
                f"{id_} was done in run {unfinished.run_id} with other HCL or values than it has now",
                hint=f"start afresh: {command}",
            )


def _is_serial_known(entry: Mapping[str, Any]) -> bool:
    """Whether `serial_after` is what the run left: it is null also where the state could not be read back."""
    # Older lines don't say so; but what was applied has a state.
    has_none = entry.get("serial_after") is None
    is_applied = entry.get("command") == "up" and entry.get("outcome") == Outcome.APPLIED
    return bool(entry.get("is_state_known", not (has_none and is_applied)))


def _or_none(serial: int | None) -> str:
    return "none" if serial is None else str(serial)
