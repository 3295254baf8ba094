"""`wealist secrets rotate`: what will be, a yes, and what is next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.cli import confirmation, plain, running
from orchestrator.cli.boundary import redact
from orchestrator.delivery import Phase
from orchestrator.errors import UsageError, WealistError
from orchestrator.handover import rotation_of
from orchestrator.rotation import Rotation, prepare_rotation

if TYPE_CHECKING:
    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.options import RunWords
    from orchestrator.cli.secret import Rotate


def rotate(run: Invocation, name: str, words: RunWords, wants: Rotate) -> int:
    """Do one of the two steps; returns the exit code."""
    rotation_of(run.estate, name, run.target)
    if wants.finish:
        return _finish(run, name, words, wants)
    confirm = confirmation.for_up(run, auto_approve=wants.yes, non_interactive=wants.non_interactive)
    options = running.options(run, words, non_interactive=wants.non_interactive, is_prompted=not wants.yes)
    rotation = prepare_rotation(run.estate, name, run.target, redact=redact)
    rotation.check(drop_oldest=wants.drop_oldest)
    group = rotation.group.id
    if rotation.phase is Phase.UNDELIVERED:
        run.say(f"the current value of {name} never reached {group}: it is replaced by another")
    if not rotation.is_single:
        run.say(f"the oldest token of {group} is dropped: clients that still use it are cut off")
    run.say(f"{name} gets a new value; {group} will accept it beside the one that it has now")
    run.say(f"until the apply ends, {group} refuses a client that reads {name} anew: {_meanwhile(run, rotation)}")
    report = running.go(
        run,
        lambda engine: rotation.rotate(engine, options, confirm=confirm, drop_oldest=wants.drop_oldest),
        words,
        with_outputs=False,
    )
    run.say(f"{group} accepts both: the new value, and the one before. Next:")
    run.say(f"  1. let every client read the secret again: {run.target.command('secrets', name)}")
    run.say(f"  2. {run.target.command('secrets', 'rotate', name, '--finish')}")
    return report.exit_code


def _meanwhile(run: Invocation, rotation: Rotation) -> str:
    retry = "it has to try again"
    if rotation.phase is Phase.UNDELIVERED:
        # The version before the new one is then the one that never arrived.
        return retry
    return f"{retry}, or to use {run.target.command('secrets', rotation.name, '--version-stage', 'AWSPREVIOUS')}"


def _finish(run: Invocation, name: str, words: RunWords, wants: Rotate) -> int:
    run.no_rest()
    if wants.drop_oldest:
        raise UsageError("--finish drops every token but the current one, so --drop-oldest means nothing with it")
    if not wants.yes:
        run.must_be_asked("--auto-approve", non_interactive=wants.non_interactive)
    rotation = prepare_rotation(run.estate, name, run.target, redact=redact)
    rotation.check_finish()
    if rotation.phase is Phase.OPEN:
        _show(run, rotation)
        if not (wants.yes or run.ask(f"End the older token of {rotation.group.id}? Only 'yes' will do:")):
            raise WealistError("nothing was done: not confirmed")
    try:
        was_open = rotation.finish(on_wait=lambda doing: run.say(f"waiting: {rotation.group.id} is {doing}"))
    except KeyboardInterrupt:
        run.say(f"AWS may go on with it; {run.target.command('secrets', 'rotate', name, '--finish')} tells, and waits")
        raise
    if was_open:
        run.say(f"done: {rotation.group.id} accepts the current value of {name}, and no other")
    else:
        run.say(f"nothing to finish: {rotation.group.id} accepts the current value of {name}, and no other")
    if words.json:
        outcome = "finished" if was_open else "nothing-to-finish"
        shown = {"secret": name, "layer": rotation.layer.id, "group": rotation.group.id, "outcome": outcome}
        plain.print_json({**shown, "version_id": rotation.version, "retired_version_id": rotation.previous})
    return 0


def _show(run: Invocation, rotation: Rotation) -> None:
    group, made = rotation.group, rotation.delivery.current.created.isoformat(timespec="seconds")
    run.say(f"{group.id} ({group.region}, {run.target.name}) accepts two tokens of {rotation.name}:")
    run.say(f"  + version {rotation.version}, AWSCURRENT, made {made}: the only one left")
    run.say(f"  - version {rotation.previous}, the one before, and any older: refused from then on")
    run.say("A client that did not read the secret since the rotation can't authenticate any more.")
