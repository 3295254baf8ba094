"""What a run does with a layer: plan it, bring it up, look for drift, verify it, price it; `teardown` takes it down.

A task is a function of a `LayerRun` that returns the outcome; whatever it raises becomes the layer's error.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator import dependency, permission, policy, shell, verification
from orchestrator.cost import cost_of
from orchestrator.delta import compare, existing, resulting
from orchestrator.errors import CommandError, CommandInterruptedError, GuardError, StateError, WealistError
from orchestrator.finding import Severity
from orchestrator.judgement import Status
from orchestrator.report import Outcome
from orchestrator.run import ROTATION, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from orchestrator.delta import Delta
    from orchestrator.finding import Finding
    from orchestrator.judgement import Verdict
    from orchestrator.layer import Layer, OutputRead
    from orchestrator.layer_run import LayerRun
    from orchestrator.plan import Plan


def plan(run: LayerRun) -> Outcome:
    """Show what `up` would do, and stop there."""
    if _waits(run):
        return Outcome.WAITING
    run.init()
    planned = _planned(run)
    if planned is None:
        return Outcome.NO_CHANGES
    costs = _costs(run, run.price(planned))
    unsound = unsound_in(run, planned)
    guarded = [*_destructions(run, planned), *forgettings(run, planned), *_weakenings(run, planned)]
    run.show(planned, [*unsound, *_broken(run, planned), *guarded, *costs])
    stop_on(run.layer, unsound)
    _check_readers(run, planned)
    stop_on(run.layer, costs)
    return Outcome.PLANNED


def up(run: LayerRun) -> Outcome:
    """Plan, show, ask, and apply exactly what was shown."""
    _check_outputs(run)
    run.init()
    planned = _planned(run)
    if planned is None:
        return Outcome.NO_CHANGES
    weakening = _weakenings(run, planned)
    blocking = [*unsound_in(run, planned), *_destructions(run, planned), *forgettings(run, planned)]
    blocking += [*_broken(run, planned), *_costs(run, run.price(planned))]
    if run.context.confirm_weakening is None:
        # Nobody is there to confirm it by its address, and a yes to the plan does not cover it.
        blocking += [replace(finding, severity=Severity.ERROR) for finding in weakening]
        weakening = []
    if any(finding.is_error for finding in blocking) or planned.removed_outputs:
        run.show(planned, [*blocking, *weakening])
        _check_readers(run, planned)
        stop_on(run.layer, blocking)
    if not run.propose(planned, Kind.APPLY, weakening, accepted=blocking):
        return Outcome.DECLINED
    run.apply(planned)
    return Outcome.APPLIED


def drift(run: LayerRun) -> Outcome:
    """Ask the world what has changed since the last apply; nothing is changed by it, not even the state."""
    run.init()
    planned = run.plan(refresh_only=True)
    if planned is None:
        return Outcome.NO_CHANGES
    stop_on(run.layer, unsound_in(run, planned))
    if not planned.drift:
        return Outcome.NO_CHANGES
    run.show(planned)
    return Outcome.DRIFTED


def verify(run: LayerRun) -> Outcome:
    """Hold what is live against the layer's contract.

    Raises:
        StateError: Nothing is live.
        GuardError: A row is broken.
        WealistError: A row could not be checked.
    """
    if _is_unmade(run, run.layer.id):
        raise StateError(
            f"{run.layer.id} is not applied, so there is nothing live to verify",
            hint=run.context.target.command("verify", run.layer.id, "--plan"),
        )
    run.init()
    live = run.look(refresh_only=True).prior
    return _tell(run, verification.of_live(run.layer, run.context.estate, live, run.context.sessions.default))


def verify_plan(run: LayerRun) -> Outcome:
    """Hold what a plan would leave against the layer's contract; nothing has to be applied for it.

    Raises:
        GuardError: A row is broken.
    """
    if _waits(run):
        return Outcome.WAITING
    run.init()
    return _tell(run, verification.of_plan(run.layer, run.context.estate, run.look().planned))


def _tell(run: LayerRun, verdicts: Sequence[Verdict]) -> Outcome:
    run.tell_verdicts(verdicts)
    broken = [verdict for verdict in verdicts if verdict.is_broken]
    if broken:
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        where = verification.place(broken[0].row.id, run.layer, run.context.estate)
        plan = run.context.target.command("plan", run.layer.id)
        raise GuardError(
            f"{run.layer.id}: {broken[0].row.id} is broken, {broken[0].row.statement}: "
            f"{verification.difference(broken[0])}{more}",
            hint=f"expected at {where}; {plan} shows what Terraform would set right, what it did not make is yours to undo",
        )
    unknown = [verdict for verdict in verdicts if verdict.status is Status.UNKNOWN]
    if unknown:
        raise WealistError(
            f"{run.layer.id}: {len(unknown)} row{'s' if len(unknown) > 1 else ''} could not be checked: {unknown[0].reason}",
            hint="what can't be checked doesn't hold; mend the reason and verify again",
        )
    return Outcome.VERIFIED


def cost(run: LayerRun) -> Outcome:
    """Price what a layer has and what it would have.

    Raises:
        GuardError: The difference is more than the run may add to the month.
    """
    book = run.context.estate.prices
    assert book is not None, "the engine has looked"
    if _waits(run):
        return Outcome.WAITING
    run.init()
    planned = run.look()
    before, baseline = existing(planned), "deployed"
    if not before and (without := _without_values(run)):
        before, baseline = resulting(without), "plan"
    delta = compare(cost_of(before, book), cost_of(resulting(planned), book), book.currency, baseline=baseline)
    run.keep_cost(delta)
    stop_on(run.layer, _costs(run, delta))
    return Outcome.PRICED


def _without_values(run: LayerRun) -> Plan | None:
    """The plan without the values and variable files that are asked about; None where none are, or where it needs them."""
    options = run.context.options
    if not options.values and not options.var_files:
        return None
    try:
        return run.look(is_bare=True)
    except CommandInterruptedError:
        raise
    except CommandError:
        run.tell(f"{run.layer.id} can't be planned without the given values, so they are held against nothing")
        return None


def stop_on(layer: Layer, findings: Sequence[Finding]) -> None:
    """Refuse to go on where one of the findings is an error.

    Raises:
        GuardError: The message has the first, and how many more there are.
    """
    errors = [finding for finding in findings if finding.is_error]
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise GuardError(f"{layer.id}: {errors[0].subject} {errors[0].seen}{more}", hint=errors[0].remedy)


def _planned(run: LayerRun) -> Plan | None:
    planned = run.plan()
    targets = run.context.options.targets
    if planned is None and targets:
        run.tell(
            f"nothing to change in {', '.join(targets)}; an address that is misspelt inside a module looks the same"
        )
    return planned


def unsound_in(run: LayerRun, planned: Plan) -> list[Finding]:
    """Why the plan that was made last must not be applied, whatever is in it."""
    return policy.unsound(planned, is_targeted=run.is_partial)


def _destructions(run: LayerRun, planned: Plan) -> list[Finding]:
    """Stateful resources that the plan destroys."""
    destroyed = {change.address for change in planned.changes if change.is_destroyed}
    return _guarded(run, planned, "destroy", destroyed, run.context.options.allow_destroy, policy.destructions)


def forgettings(run: LayerRun, planned: Plan) -> list[Finding]:
    """Stateful resources that the plan only takes out of the state."""
    forgotten = {change.address for change in planned.changes if change.is_forgotten}
    return _guarded(run, planned, "forget", forgotten, run.context.options.allow_forget, policy.forgettings)


def _guarded(
    run: LayerRun,
    planned: Plan,
    verb: str,
    affected: Collection[str],
    given: Iterable[str],
    judge: Callable[..., list[Finding]],
) -> list[Finding]:
    """What a guard says, after a note on each address that was allowed for nothing.

    Args:
        verb: Of the flag, `--allow-VERB`, and of what the plan does.
        affected: The addresses that the plan does it to.
        given: What was allowed, with the layer's id before each address.
    """
    flag = f"--allow-{verb}"
    allowed = permission.of_layer(given, run.layer.id)
    for address in allowed:
        if address not in affected:
            run.tell(f"{flag} {address}: the plan of {run.layer.id} does not {verb} it")
    stateful = run.context.estate.config.guards.stateful_types
    return _with_flag(run, flag, judge(planned, stateful=stateful, allowed=allowed))


def _broken(run: LayerRun, planned: Plan) -> list[Finding]:
    """The rows of the contract that would not hold once the plan is applied."""
    if run.context.command == ROTATION:
        # Its plan may change nothing but a token: what is broken was so before, and a token that leaked can't wait for it.
        return []
    accepted = permission.of_layer(run.context.options.accept_contract, run.layer.id)
    for id_ in verification.unknown_ids(accepted, run.layer):
        run.tell(f"{verification.ACCEPT} {id_}: the contract of {run.layer.id} has no such row")
    verdicts = verification.of_plan(run.layer, run.context.estate, planned.planned)
    return verification.findings(verdicts, run.layer, run.context.estate, accepted=accepted)


def _weakenings(run: LayerRun, planned: Plan) -> list[Finding]:
    allowed = permission.of_layer(run.context.options.allow_weaken, run.layer.id)
    return _with_flag(run, "--allow-weaken", policy.weakenings(planned, allowed=allowed))


def _costs(run: LayerRun, delta: Delta | None) -> list[Finding]:
    """What there is to say of a difference under `--max-monthly-delta`."""
    budget = run.context.budget
    return [] if budget is None or delta is None else budget.judge(run.layer.id, delta)


def _with_flag(run: LayerRun, flag: str, findings: Iterable[Finding]) -> list[Finding]:
    """The findings with the flag that lets just this one pass; what is only tainted can be kept instead."""
    plan = run.planned
    tainted = {change.address for change in plan.changes if change.reason == policy.TAINTED} if plan else set()
    found = []
    for finding in findings:
        remedy = f"{flag} {shell.quoted(f'{run.layer.id}:{finding.subject}')}, if that is what you want"
        if finding.subject in tainted:
            keep = run.context.target.command("tf", run.layer.id, "--", "untaint", finding.subject)
            remedy = f"if it is whole by now, keep it: {keep}; else {remedy}"
        found.append(replace(finding, remedy=remedy))
    return found


def _waits(run: LayerRun) -> bool:
    """Whether the layer can't be planned yet, because one before it in this run is not applied yet."""
    context = run.context
    edges = context.estate.edges(run.layer)
    unmade = {edge.needs for edge in edges if edge.needs in context.ids and _is_unmade(run, edge.needs)}
    missing = dependency.missing_outputs(run.layer, edges, context.states)
    declared = [read.output in context.estate.layer(needs).outputs and needs in context.ids for read, needs in missing]
    if all(declared):
        # What is missing comes with the apply of a layer that is in this run.
        unmade |= {needs for _, needs in missing}
    if not unmade:
        _check_outputs(run)
        return False
    run.tell(f"{run.layer.id} can be planned once {', '.join(sorted(unmade))} is applied: it reads what that makes")
    return True


def _is_unmade(run: LayerRun, id_: str) -> bool:
    state = run.context.states.get(id_)
    return state is None or state.is_empty


def _check_outputs(run: LayerRun) -> None:
    """Every output that the HCL reads must be in a state by now."""
    context = run.context
    edges = context.estate.edges(run.layer)
    layers = {edge.needs: context.estate.layer(edge.needs) for edge in edges}
    dependency.check_outputs(run.layer, edges, context.states, layers, command=context.target.command)


def _check_readers(run: LayerRun, planned: Plan) -> None:
    """Nothing that another layer reads may go; the HCL of the others is only read where something does."""
    if planned.removed_outputs:
        dependency.check_removed_outputs(planned, run.layer.id, _readers(run))


def _readers(run: LayerRun) -> Iterable[tuple[Layer, OutputRead]]:
    estate = run.context.estate
    for id_ in estate.graph.dependents(run.layer.id):
        layer = estate.layer(id_)
        names = {edge.state for edge in estate.graph.edges(id_) if edge.needs == run.layer.id}
        yield from ((layer, read) for read in layer.reads if read.state in names)
