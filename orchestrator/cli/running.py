"""What runs share: layers and options from words, a run, and its report."""

from __future__ import annotations

import json as jsonlib
import re
from typing import TYPE_CHECKING, Any

from orchestrator import printable
from orchestrator.cli import given
from orchestrator.config import DURATION
from orchestrator.errors import RunError, UsageError
from orchestrator.report import Outcome
from orchestrator.run import RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.options import RunWords
    from orchestrator.engine import Engine
    from orchestrator.report import RunReport
    from orchestrator.resume import Unfinished


def names(
    run: Invocation, given: Sequence[str] | None, *, everything: bool, with_dependencies: bool = False
) -> tuple[str, ...]:
    """The ids of the layers that were asked for.

    Raises:
        UsageError: None, or both some and all; or one that is not there.
    """
    if everything and given:
        raise UsageError(f"--all and {' '.join(given)}: one or the other")
    if everything or not (given or run.estate.folders):
        # Where there are none at all, the engine says so.
        return tuple(run.estate.folders)
    if not given:
        raise UsageError("no layer is named", hint=f"name some of {', '.join(run.estate.folders)}, or pass --all")
    ids = tuple(run.estate.resolve(name) for name in given)
    return tuple(sorted(run.estate.graph.closure(ids))) if with_dependencies else ids


def options(run: Invocation, words: RunWords, *, non_interactive: bool = False, **more: Any) -> RunOptions:
    if words.lock_timeout is not None and not re.fullmatch(DURATION, words.lock_timeout):
        raise UsageError(f"--lock-timeout {words.lock_timeout}: this is no duration", hint="write 30s or 5m")
    return RunOptions(
        values=given.values(
            words.set or (),
            words.set_env or (),
            run.environ,
            var_files=words.var_file or (),
            non_interactive=non_interactive,
        ),
        var_files=tuple(words.var_file or ()),
        targets=tuple(words.target or ()),
        replace=tuple(words.replace or ()),
        lock_timeout=words.lock_timeout,
        parallelism=words.parallelism,
        terraform_parallelism=words.terraform_parallelism,
        fail_fast=words.fail_fast,
        upgrade=words.upgrade,
        extra=run.after or (),
        keep_terraform_log=words.terraform_log,
        **more,
    )


def unfinished(run: Invocation) -> Unfinished | None:
    """The run to go on with, and what is known of it, said; None where there is nothing to go on with."""
    with run.engine() as engine:
        found = engine.unfinished()
    if found is None:
        run.say("nothing to resume: the last run ended well, or there was none")
        return None
    run.say(f"resuming `{found.command}` of {found.started} (run {found.run_id})")
    for id_ in found.done:
        run.say(f"  {id_}: done, left alone if it has not moved since")
    for id_ in found.remaining:
        how = found.failed[id_]["outcome"] if id_ in found.failed else "not finished"
        run.say(f"  {id_}: {how}, planned afresh")
    return found


def go(
    run: Invocation,
    call: Callable[[Engine], RunReport],
    words: RunWords,
    *,
    detailed: bool = False,
    with_outputs: bool = True,
) -> RunReport:
    """Run, show how it ended, and leave the report where it was asked for; also when the run failed."""
    from orchestrator.cli import render, report_file

    if words.report_file is not None:
        report_file.check(words.report_file)
    try:
        with run.engine(is_stdout_data=words.json) as engine:
            report = call(engine)
    except RunError as error:
        _leave(error.report, words, detailed=detailed)
        if not words.json:
            render.print_ends(run, error.report)
        raise
    _leave(report, words, detailed=detailed)
    if not words.json:
        render.print_ends(run, report, with_outputs=with_outputs)
    declined = [result.layer for result in report.results if result.outcome is Outcome.DECLINED]
    if declined:
        what = f"{', '.join(declined)}: not confirmed, so not applied"
        hint = run.target.command("resume") if len(report.results) > 1 else None
        raise RunError(what, report=report, hint=hint)
    return report


def _leave(report: RunReport, words: RunWords, *, detailed: bool) -> None:
    from orchestrator.cli import plain, report_file
    from orchestrator.cli.boundary import redact

    data = redact.data({**report.to_json(), "exit_code": report.exit_code_for(detailed=detailed)})
    if words.json:
        plain.print_json(data)
    if words.report_file is not None:
        text = printable.json(jsonlib.dumps(data, indent=2, ensure_ascii=False))
        report_file.write(words.report_file, text + "\n")
