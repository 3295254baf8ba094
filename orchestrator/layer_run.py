"""One layer's way through a run: what a task does with it, and what is written down of that.

`go` takes a task (`task`, `teardown`): a function that calls `init`, `plan`, `show`, `confirm` and `apply` in its own order
and returns an outcome. Whatever happens on the way ends in a `LayerResult` and a line in the ledger; nothing is raised. An
apply is written to the ledger before it begins and after it ends, so that one that was killed in between can be seen.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchestrator import delta, events, failure, inputs, ledger, policy, verdict
from orchestrator.aws.state import read_state
from orchestrator.errors import (
    CommandError,
    CommandInterruptedError,
    GuardError,
    PreflightError,
    TerraformError,
    WealistError,
)
from orchestrator.own_lock import OwnLock
from orchestrator.report import LayerResult, Outcome
from orchestrator.run import ROTATION, Kind, Proposal
from orchestrator.step import Steps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from orchestrator.delta import Delta
    from orchestrator.events import Event
    from orchestrator.finding import Finding
    from orchestrator.judgement import Verdict
    from orchestrator.layer import Layer
    from orchestrator.plan import Plan
    from orchestrator.run import RunContext
    from orchestrator.schedule import Desk
    from orchestrator.state import State
    from orchestrator.tf.args import PlanOptions

# Taking down and looking for drift are about other things than the month.
_PRICED = ("plan", "up", ROTATION)
# Ends of a layer at which what its plan saves counts as well; the latter two are about what would be.
_COUNTED = (Outcome.APPLIED, Outcome.PLANNED, Outcome.PRICED)


class LayerRun:
    """A layer, everything that its run knows of it, and how far it has come."""

    def __init__(self, layer: Layer, context: RunContext, desk: Desk) -> None:
        _config, _options = context.estate.config, context.options
        self.layer = layer
        self.context = context
        self._desk = desk
        self._steps = Steps(layer, context)
        self._session = context.sessions.for_backend(layer.backend)
        self._own_lock = OwnLock(
            layer,
            self._session,
            log=self._steps.lock_log,
            tell=self.tell,
            record=self._record,
            command=context.target.command,
        )
        self._before = context.states.get(layer.id)
        self._applying = False
        self._applied = False
        self._is_state_known = True
        self._planned_partial = self._applied_partial = False
        self._plan: Plan | None = None
        self._shown: str | None = None
        self._findings: tuple[Finding, ...] = ()
        self._verdicts: tuple[Verdict, ...] = ()
        self._cost: Delta | None = None
        self._inputs = self._digest_inputs()
        self._began = datetime.now(UTC)

    def go(self, task: Callable[[LayerRun], Outcome]) -> LayerResult:
        """Do the task."""
        error: WealistError | None = None
        try:
            outcome = task(self)
        except CommandInterruptedError as interrupted:
            outcome, error = Outcome.INTERRUPTED, interrupted
        except KeyboardInterrupt:
            # At a question; while Terraform runs, it is a request to the cancellation.
            nothing = "nothing more was applied" if self._applied else "nothing was applied"
            what = "the apply had begun" if self._applying else nothing
            message = f"{self.layer.id}: interrupted; {what}"
            outcome, error = Outcome.INTERRUPTED, CommandInterruptedError(message, argv=(), returncode=0)
        except CommandError as failed:
            outcome, error = Outcome.FAILED, self._locked(failed)
        except GuardError as blocked:
            outcome, error = Outcome.BLOCKED, blocked
        except WealistError as failed:
            outcome, error = Outcome.FAILED, failed
        except BaseException as bug:
            # Not ours to explain, but the ledger must not end with an apply that never ended.
            self._record("finished", outcome=str(Outcome.FAILED), error={"message": repr(bug)})
            raise
        if error is not None:
            command = self.context.target.command
            failure.mention_unsaved_state(error, self.layer, self._steps.folder, since=self._began, command=command)
            if isinstance(error, TerraformError):
                error.layer = self.layer.id
        if self.context.budget is not None:
            if outcome in _COUNTED:
                self.context.budget.settle(self.layer.id)
            elif not self._applied:
                self.context.budget.give_back(self.layer.id)
        after = self._state_after()
        result = LayerResult(
            layer=self.layer.id,
            outcome=outcome,
            seconds=self._steps.seconds,
            # A look for drift may plan what only looks like a change.
            plan=None if outcome is Outcome.NO_CHANGES else self._plan,
            findings=self._findings,
            verdicts=self._verdicts,
            cost=self._cost,
            serial_before=self._before.serial if self._before else None,
            serial_after=after.serial if after else None,
            outputs=tuple(after.outputs.values()) if after else (),
            error=error,
        )
        try:
            is_known = {"is_state_known": self._is_state_known}
            self._record("finished", **result.summary(), **is_known, inputs=self._inputs)
        except OSError as failed:
            # The layer's end is what it is; a full disk must not turn it into another.
            self.tell(f"the end of {self.layer.id} could not be written to the ledger: {failed.strerror}")
        return result

    @property
    def planned(self) -> Plan | None:
        """The plan that was made last."""
        return self._plan

    @property
    def is_partial(self) -> bool:
        """Whether that plan was limited to targets."""
        return self._planned_partial

    def tell(self, text: str) -> None:
        """Something that a person should know."""
        self._tell(events.Notice(layer=self.layer.id, text=text))

    def init(self) -> None:
        """Init, where it is needed."""
        self._steps.init()
        # An init may write the lock file.
        self._inputs = self._digest_inputs()

    def plan(
        self,
        *,
        destroy: bool = False,
        refresh_only: bool = False,
        values: Mapping[str, str] | None = None,
        targets: Sequence[str] | None = None,
    ) -> Plan | None:
        """The saved plan, or None where it would change nothing.

        Args:
            values: Beside those of the run, and in their place.
            targets: In place of those of the run.
        """
        given = {**self.context.options.values, **(values or {})}
        options = self._steps.options(given, destroy=destroy, refresh_only=refresh_only, targets=targets)
        self._plan = None
        self._planned_partial = bool(options.targets)
        if self._save(options):
            self._plan = self._read(options)
        return self._plan

    def look(self, *, refresh_only: bool = False, is_bare: bool = False) -> Plan:
        """What there is and would be, changes or none; it is not what is applied.

        Args:
            is_bare: Without the values and the variable files of the run.
        """
        given = {} if is_bare else self.context.options.values
        options = self._steps.options(given, refresh_only=refresh_only, is_bare=is_bare)
        self._plan = None
        self._save(options)
        plan = self._read(options)
        # What can't be judged could be held to a contract or priced as little.
        unsound = policy.unsound(plan, is_targeted=bool(options.targets))
        if unsound:
            raise GuardError(f"{self.layer.id}: {unsound[0].subject} {unsound[0].seen}", hint=unsound[0].remedy)
        return plan

    def _read(self, options: PlanOptions) -> Plan:
        """The plan that was saved.

        Raises:
            PreflightError: A provider of it works in another account than the layer is pinned to, or in one that can't be
                told and that nobody is asked about.
        """
        plan = self._steps.read(options)
        context = self.context
        is_needed = context.confirm is not None and not context.options.is_prompted
        config = context.estate.config
        findings = verdict.planned_accounts(self.layer, config, plan.providers, is_needed=is_needed)
        for finding in findings:
            if finding.is_error:
                raise PreflightError(
                    f"{self.layer.id}: nothing was applied: {finding.seen}", findings=findings, hint=finding.remedy
                )
            self.tell(f"{finding.seen}; {finding.remedy}")
        return plan

    def price(self, plan: Plan) -> Delta | None:
        """What a plan does to the month; None where nobody states prices, or nobody asks."""
        book = self.context.estate.prices if self.context.command in _PRICED else None
        self._cost = None if book is None else delta.of_plan(plan, book)
        return self._cost

    def keep_cost(self, cost: Delta) -> None:
        """For the report."""
        self._cost = cost

    def show(self, plan: Plan, findings: Sequence[Finding] = ()) -> None:
        """Show a plan, with what there is to say of it; only a plan that was shown can be applied."""
        self._findings = (*self._findings, *(finding for finding in findings if finding not in self._findings))
        ready = events.PlanReady(layer=self.layer.id, plan=plan, findings=tuple(findings), cost=self.price(plan))
        told = self.context.emit(ready)
        self._shown = plan.digest if told else None

    def tell_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        """Show how the layer stands to its contract, and keep it for the report."""
        self._verdicts = tuple(verdicts)
        self._tell(events.Verified(layer=self.layer.id, verdicts=self._verdicts))

    def propose(
        self, plan: Plan, kind: Kind, findings: Sequence[Finding] = (), *, accepted: Sequence[Finding] = ()
    ) -> bool:
        """Show a plan and ask whoever called the engine, in their thread and in one act: no other plan comes between.

        Args:
            findings: To be shown, and for an apply confirmed one by one.
            accepted: To be shown.

        Raises:
            GuardError: It could not be shown.
        """
        confirm = self.context.confirm
        assert confirm is not None, "a task that applies has somebody to confirm it"
        proposal = Proposal(layer=self.layer, plan=plan, kind=kind, findings=tuple(findings))

        def show_and_ask() -> bool:
            self.show(plan, (*accepted, *findings))
            if self._shown != plan.digest:
                raise GuardError(f"{self.layer.id}: the plan could not be shown, so it was not applied")
            from_nothing = not self._planned_partial and (self._before is None or self._before.is_empty)
            estimate = self._steps.pace.expect(plan, from_nothing=from_nothing)
            if estimate is not None:
                self._tell(events.Estimated(layer=self.layer.id, estimate=estimate))
            ask = self.context.confirm_weakening
            if kind is Kind.APPLY and not all(ask is not None and ask(self.layer, finding) for finding in findings):
                return False
            return confirm(proposal)

        return self._desk.ask(show_and_ask)

    def apply(self, plan: Plan) -> None:
        """Apply exactly the plan that was shown.

        Raises:
            GuardError: It was not shown, or is not what it was.
        """
        if self._shown != plan.digest:
            raise GuardError(f"{self.layer.id}: the plan could not be shown, so it was not applied")
        if _digest(self._steps.plan_file) != plan.digest:
            # What began a rotation knows its own words.
            is_command = self.context.command in ("up", "down")
            raise GuardError(
                f"{self.layer.id}: the plan file changed after it was shown, so it was not applied",
                hint=self.context.target.command(self.context.command, self.layer.id) if is_command else None,
            )
        self._steps.stop_if_asked("apply")
        serial = self._before.serial if self._before else None
        try:
            self._record("apply-started", plan_digest=plan.digest, serial=serial)
        except OSError as error:
            raise WealistError(
                f"{self.layer.id}: the ledger can't be written ({error.strerror}), so nothing was applied",
                hint=f"check permissions and free space: {self.context.target.home}",
            ) from error
        self._applying = self._applied = True
        self._applied_partial = self._planned_partial
        try:
            self._steps.apply()
        except CommandInterruptedError:
            raise
        except CommandError as error:
            self._own_lock.explain_apply(error, began=self._steps.began, before=self._before)
            raise
        self._applying = False

    def _save(self, options: PlanOptions) -> bool:
        """Make a plan, and once more where the lock in its way was its own."""
        try:
            return self._steps.save(options)
        except CommandInterruptedError:
            raise
        except CommandError as error:
            if not self._own_lock.release_after(error, began=self._steps.began):
                raise
        return self._steps.save(options)

    def _digest_inputs(self) -> str:
        """Taken before anything is planned: what is changed while a question stands is not what is applied."""
        options = self.context.options
        return inputs.digest(self.layer, values=options.values, var_files=options.var_files)

    def _tell(self, event: Event) -> None:
        self.context.emit(event)

    def _locked(self, error: CommandError) -> WealistError:
        """The error that it was, if somebody's lock is the reason."""
        known = [lock.id for lock in self.context.locks.get(self.layer.id, ())]
        command = self.context.target.command
        return (
            failure.locked(error, self.layer, self._session, began=self._steps.began, known=known, command=command)
            or error
        )

    def _state_after(self) -> State | None:
        """The state as it is now; those that stand on this layer find it in the context."""
        if not self._applied:
            return self._before
        try:
            state = read_state(self._session, self.layer.backend)
        except WealistError as error:
            self.tell(f"the state can't be read back: {error.message}")
            self.context.states.pop(self.layer.id, None)
            self._is_state_known = False
            return None
        if state is not None:
            self.context.redact.add(state.secrets)
            self.context.redact.allow(state.public)
        self.context.states[self.layer.id] = state
        return state

    def _record(self, event: str, **details: Any) -> None:
        context = self.context
        is_partial = self._applied_partial if self._applied else self._planned_partial
        partial = {"partial": True} if is_partial else {}
        entry = {
            "event": event,
            **partial,
            "run_id": context.folder.run_id,
            "target": context.target.name,
            "layer": self.layer.id,
        }
        ledger.append(context.target.home, {**entry, "command": context.command, **details}, context.redact)


def _digest(path: Path) -> str | None:
    """The digest of a plan file, or None where it can't be read any more."""
    try:
        return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    except OSError:
        return None
