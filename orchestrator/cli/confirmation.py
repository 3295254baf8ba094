"""Who is asked before a plan is applied, and what counts as a yes.

`up` takes a `yes`, and for each protection that the plan turns off the address of the resource; `down` takes the layer's
name. What a pipeline says instead of a person is a flag, and a flag never covers more than it names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator import shell
from orchestrator.cli.options import LogFormat
from orchestrator.errors import UsageError
from orchestrator.run import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.cli.invocation import Invocation
    from orchestrator.finding import Finding
    from orchestrator.layer import Layer
    from orchestrator.run import Confirm, ConfirmWeakening, Proposal


def for_up(run: Invocation, *, auto_approve: bool, non_interactive: bool) -> Confirm:
    """The confirmation of `up`.

    Raises:
        UsageError: A question will come up, and there is nobody to answer it.
    """
    if not auto_approve:
        _must_be_asked(run, "--auto-approve", non_interactive=non_interactive)

    def confirm(proposal: Proposal) -> bool:
        layer = proposal.layer
        return auto_approve or run.ask(f"Apply this to {layer.id} ({run.target.name})? Only 'yes' will do:")

    return confirm


def of_weakening(run: Invocation) -> ConfirmWeakening:
    """The confirmation of a protection that is lost, by the address of the resource."""

    def confirm(_layer: Layer, finding: Finding) -> bool:
        return run.ask(f"{finding.subject} {finding.seen}. Type its address to go on:", expected=finding.subject)

    return confirm


def for_down(run: Invocation, ids: Sequence[str], *, given: Sequence[str], non_interactive: bool) -> Confirm:
    """The confirmation of `down`: every layer by its name, at the question or with `--confirm`.

    Raises:
        UsageError: A layer that is not named will be asked about, and there is nobody to answer; or one is named that
            is not taken down.
    """
    named = {run.estate.resolve(name): name for name in given}
    for id_, name in named.items():
        if id_ not in ids:
            raise UsageError(
                f"--confirm {name}: this is about {', '.join(ids)}", hint=shell.command("--confirm", ids[0])
            )
    for id_ in ids:
        if id_ not in named:
            _must_be_asked(run, shell.command("--confirm", id_), non_interactive=non_interactive)

    def confirm(proposal: Proposal) -> bool:
        layer = proposal.layer
        name = named.get(layer.id)
        where = f"{layer.id} ({run.target.name})"
        if proposal.kind is Kind.LIFT:
            return name is not None or run.ask(f"Lift the deletion protection in {where}? Only 'yes' will do:")
        return run.confirm_by_name(layer.id, f"All of this is destroyed in {where}.", given=name)

    return confirm


def _must_be_asked(run: Invocation, flag: str, *, non_interactive: bool) -> None:
    if run.log_format is LogFormat.JSON and not non_interactive:
        raise UsageError(
            "this asks for a confirmation, and --log-format json shows no plan to ask about",
            hint=f"pass {flag}, once you have seen what it will do",
        )
    run.must_be_asked(flag, non_interactive=non_interactive)
