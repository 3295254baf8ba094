"""What `plan` and `up` share: options from words, a run, and its report."""

from __future__ import annotations

import json as jsonlib
import re
from typing import TYPE_CHECKING

from orchestrator.config import DURATION
from orchestrator.errors import RunError, UsageError
from orchestrator.layer_run import RunOptions
from orchestrator.report import Outcome
from orchestrator.tf.variables import parse_assignments

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orchestrator.cli.invocation import Invocation
    from orchestrator.engine import Engine
    from orchestrator.report import RunReport


def options(
    run: Invocation,
    values: list[str] | None,
    var_files: list[Path] | None,
    targets: list[str] | None,
    replace: list[str] | None,
    lock_timeout: str | None,
    parallelism: int | None,
    upgrade: bool,
    keep_terraform_log: bool,
) -> RunOptions:
    if lock_timeout is not None and not re.fullmatch(DURATION, lock_timeout):
        raise UsageError(f"--lock-timeout {lock_timeout}: this is no duration", hint="write 30s or 5m")
    return RunOptions(
        values=parse_assignments(values or ()),
        var_files=tuple(var_files or ()),
        targets=tuple(targets or ()),
        replace=tuple(replace or ()),
        lock_timeout=lock_timeout,
        parallelism=parallelism,
        upgrade=upgrade,
        extra=run.after or (),
        keep_terraform_log=keep_terraform_log,
    )


def go(run: Invocation, call: Callable[[Engine], RunReport], *, json: bool, report_file: Path | None) -> RunReport:
    """Run, show how it ended, and leave the report where it was asked for; also when the run failed."""
    from orchestrator.cli import render

    if report_file is not None:
        _check_writable(report_file)
    try:
        with run.engine(is_stdout_data=json) as engine:
            report = call(engine)
    except RunError as error:
        _leave(error.report, json=json, report_file=report_file)
        if not json:
            render.print_ends(run, error.report)
        raise
    _leave(report, json=json, report_file=report_file)
    if not json:
        render.print_ends(run, report)
    if any(result.outcome is Outcome.DECLINED for result in report.results):
        raise RunError("nothing was applied: the plan was not confirmed", report=report)
    return report


def _check_writable(path: Path) -> None:
    """Find out before anything is done whether the report can be written after it."""
    if not path.absolute().parent.is_dir():
        raise UsageError(f"--report-file {path}: there is no such folder", hint="nothing was done")
    try:
        with path.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise UsageError(f"--report-file {path}: {error.strerror}", hint="nothing was done") from error


def _leave(report: RunReport, *, json: bool, report_file: Path | None) -> None:
    from orchestrator.cli import plain
    from orchestrator.cli.boundary import redact

    if json:
        plain.print_json(redact.data(report.to_json()))
    if report_file is not None:
        text = jsonlib.dumps(redact.data(report.to_json()), indent=2, ensure_ascii=False)
        report_file.write_text(text + "\n", encoding="utf-8")
