"""`wealist diagnose`: a line a hop as it is known, and a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.cli import plain
from orchestrator.cli.boundary import redact

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.cli.invocation import Invocation


def diagnose(run: Invocation, name: str | None, *, from_host: str | None, ca_file: Path | None, json: bool) -> int:
    """Print hops and verdict, or with no name the names; returns the exit code."""
    if name is None:
        return _list(run, json=json)
    from orchestrator.cli import render
    from orchestrator.examination import examine

    if from_host is not None and run.target.aws.is_hermetic:
        run.say(f"note: nothing listens behind the sandbox's endpoints, so nothing is looked at from {from_host}")
    shown = None if json else render.hop_printer(run)
    diagnosis = examine(run.estate, name, run.target, redact=redact, from_host=from_host, ca_file=ca_file, on_hop=shown)
    if json:
        plain.print_json(redact.data(diagnosis.to_json()))
    else:
        render.print_verdict(run, diagnosis)
    return diagnosis.exit_code


def _list(run: Invocation, *, json: bool) -> int:
    declared = run.estate.config.diagnose
    if json:
        plain.print_json({name: {"kind": one.kind, "layer": one.layer} for name, one in declared.items()})
        return 0
    for name in declared:
        print(name)
    if not declared:
        run.say("nothing to diagnose is declared in wealist.yaml")
    return 0
