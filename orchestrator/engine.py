"""The one way in which anything is planned or applied.

    preflight -> order -> init when needed -> plan -> guards -> confirmation -> apply that plan

What is applied is the plan file that was shown: its digest is taken when it is read and checked again before it is
applied. Every layer's end goes to the ledger. Layers that don't stand on each other are worked on at the same time; one
that fails stops those that stand on it, and each of them says because of which.

The engine prints nothing and asks nothing: it sends events to `on_event`, from whatever thread they happen in, and calls
`confirm` in the thread that called it. It may be called from any thread, one call at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchestrator import artifacts, bill, events, ledger, resume, schedule, task, teardown, verdict, verification
from orchestrator.aws.bootstrap import plan_bootstrap
from orchestrator.aws.identity import who_am_i
from orchestrator.aws.session import Sessions
from orchestrator.budget import Budget
from orchestrator.errors import CommandError, GuardError, RunError, UsageError
from orchestrator.launch import Launcher
from orchestrator.layer_run import LayerRun
from orchestrator.process import Cancellation, Runner
from orchestrator.process import run as run_process
from orchestrator.redaction import Redactor
from orchestrator.report import Outcome, RunReport
from orchestrator.run import ROTATION, Confirm, ConfirmWeakening, RunContext, RunOptions
from orchestrator.tf import variables

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.artifacts import RunFolder
    from orchestrator.aws.bootstrap import Step
    from orchestrator.discovery import Estate
    from orchestrator.events import Event
    from orchestrator.layer import Layer
    from orchestrator.preflight import Preflight
    from orchestrator.report import LayerResult
    from orchestrator.resume import Unfinished
    from orchestrator.target import Target

_CONTRACTS = "docs/commands.md, under wealist verify"

OnEvent = Callable[["Event"], None]


def _ignore(_: object) -> None:
    pass


class Engine:
    """Runs over the layers of one estate, against one target.

    Args:
        redact: Learns every sensitive value that a run comes across; share it with whatever prints.
        runner: What starts programs; the real one unless a test says otherwise.
    """

    def __init__(
        self,
        estate: Estate,
        target: Target,
        *,
        on_event: OnEvent = _ignore,
        redact: Redactor | None = None,
        runner: Runner = run_process,
        cancellation: Cancellation | None = None,
    ) -> None:
        self.estate = estate
        self.target = target
        self.redact = redact or Redactor()
        self.sessions = Sessions(target.aws)
        self._watcher = on_event
        self._watcher_error: BaseException | None = None
        self._runner = runner
        self._cancellation = cancellation or Cancellation()
        self._launcher = Launcher(
            estate=estate,
            target=target,
            sessions=self.sessions,
            runner=runner,
            redact=self.redact,
            emit=self._emit,
        )

    def preflight(self, names: Sequence[str], *, will_write: bool = True, is_prompted: bool = True) -> Preflight:
        """Make all checks for these layers, or for every layer where none is named; starts nothing.

        Args:
            is_prompted: As in `RunOptions`, of what is to be written.
        """
        return self._launcher.check(self._launcher.select_any(names), will_write=will_write, is_prompted=is_prompted)

    def bootstrap(self, names: Sequence[str]) -> list[Step]:
        """The steps that are left until state bucket and lock table of these layers, or of all, are as they should be.

        Nothing is changed until a step is run.

        Raises:
            PreflightError: The credentials are of another account than the one that is pinned.
            GuardError: The bucket belongs to another account.
            ConfigError: Bucket or table are there and can't be used.
            AwsError: AWS said no.
        """
        layers = self._launcher.select_any(names)
        # One layer for each pair of bucket and table.
        pairs = {(layer.backend.bucket, layer.backend.dynamodb_table): layer for layer in reversed(layers)}
        return [step for layer in reversed(pairs.values()) for step in self._bootstrap_steps(layer)]

    def plan(self, names: Sequence[str], options: RunOptions | None = None) -> RunReport:
        """Plan these layers and apply nothing.

        Raises:
            PreflightError: A check failed; Terraform was not started.
            LayerOrderError: A layer that one of these stands on is not applied, or lacks an output that it reads.
            RunError: A layer's plan failed, or takes away what another layer reads.
            UsageError: A layer or a variable that is not there.
        """
        return self._run("plan", task.plan, names, options or RunOptions(), confirm=None)

    def up(
        self,
        names: Sequence[str],
        options: RunOptions | None = None,
        *,
        confirm: Confirm,
        confirm_weakening: ConfirmWeakening | None = None,
    ) -> RunReport:
        """Bring these layers up, in order; each plan is confirmed before it is applied.

        Args:
            confirm_weakening: Asked for each protection that a plan takes away. Without it such a plan is blocked, whatever
                `confirm` would say, but for the addresses in `options.allow_weaken`.

        Raises:
            PreflightError: A check failed; Terraform was not started.
            LayerOrderError: A layer that one of these stands on is not applied, or its last apply did not end well.
            StateLockedError: A layer that one of these stands on is being changed.
            RunError: A layer failed, was interrupted, or was stopped by a guard.
            UsageError: A layer or a variable that is not there.
        """
        return self._run(
            "up", task.up, names, options or RunOptions(), confirm=confirm, confirm_weakening=confirm_weakening
        )

    def rotate(self, layer: str, options: RunOptions, *, secret: str, confirm: Confirm) -> RunReport:
        """The run of a rotation's first step, for `Rotation.rotate`, which has the guards.

        It is written down as a rotation, so that `resume` never goes on with it: what is planned afresh would make another
        value, also where this one arrived.

        Args:
            secret: What wealist.yaml calls it.

        Raises:
            PreflightError, LayerOrderError, StateLockedError, RunError, UsageError: As for `up`.
        """
        return self._run(ROTATION, task.up, [layer], options, confirm=confirm, details={"secret": secret})

    def down(self, names: Sequence[str], options: RunOptions | None = None, *, confirm: Confirm) -> RunReport:
        """Take these layers down, those that stand on others first; each plan is confirmed before it is applied.

        Raises:
            PreflightError: A check failed; Terraform was not started.
            GuardError: A layer that is not among these still stands on one of them.
            RunError: A layer failed, was interrupted, or something in it is protected.
            UsageError: A layer or a variable that is not there.
        """
        return self._run("down", teardown.down, names, options or RunOptions(), confirm=confirm)

    def drift(self, names: Sequence[str], options: RunOptions | None = None) -> RunReport:
        """Look for what was changed outside Terraform in these layers, or in all where none is named.

        Raises:
            PreflightError: A check failed; Terraform was not started.
            RunError: A layer could not be looked at.
        """
        names = names or tuple(self.estate.folders)
        return self._run("drift", task.drift, names, options or RunOptions(), confirm=None)

    def verify(self, names: Sequence[str], options: RunOptions | None = None, *, planned: bool = False) -> RunReport:
        """Hold these layers against their contracts, or all that have one where none is named.

        Args:
            planned: Judge what a plan would leave, in place of what is live.

        Raises:
            UsageError: A layer has no contract.
            PreflightError: A check failed; Terraform was not started.
            RunError: A row is broken or could not be checked, or a layer could not be looked at.
        """
        ids = [self.estate.resolve(name) for name in names] or self._with_contract()
        for id_ in ids:
            layer = self.estate.layer(id_)
            if verification.contract_of(layer) is None:
                path = verification.path_of(layer)
                raise UsageError(f"{id_} has no contract: there is no {path}", hint=f"rows to write: {_CONTRACTS}")
        if not ids:
            raise UsageError("no layer has a contract.yaml beside its HCL", hint=f"how to write one: {_CONTRACTS}")
        options = options or RunOptions()
        if planned:
            return self._run("verify-plan", task.verify_plan, ids, options, confirm=None)
        return self._run("verify", task.verify, ids, options, confirm=None)

    def _with_contract(self) -> list[str]:
        return [layer.id for layer in self.estate.layers if verification.path_of(layer).is_file()]

    def cost(self, names: Sequence[str], options: RunOptions | None = None) -> RunReport:
        """Plan these layers, or all where none is named, and price what there is and what there would be.

        With values, in a layer that is not applied, what they change is told in place of what there is. Each result's `cost`
        has both costs and their difference.

        Raises:
            UsageError: Nothing here states prices; a layer or a variable that is not there.
            PreflightError: A check failed; Terraform was not started.
            LayerOrderError: A layer that one of these stands on is not applied, or lacks an output that it reads.
            RunError: A layer could not be planned, or would cost more than `max_monthly_delta` allows.
        """
        if self.estate.prices is None:
            raise bill.no_prices(self.estate)
        return self._run("cost", task.cost, names or tuple(self.estate.folders), options or RunOptions(), confirm=None)

    def unfinished(self) -> Unfinished | None:
        """The last run against this target, where it did not end well.

        Raises:
            GuardError: It has not ended at all: its process is still at work. Or it was a rotation, which has another way on.
        """
        found = resume.find(ledger.read(self.target.home), target=self.target.name, command=self.target.command)
        if found is not None and artifacts.is_alive(self.target.home, found.run_id):
            raise GuardError(
                f"run {found.run_id} ({found.command}) is still at work", hint="wait for it, or stop it with Ctrl-C"
            )
        return found

    def resume(
        self,
        unfinished: Unfinished,
        *,
        values: Mapping[str, str] | None = None,
        var_files: Sequence[Path] = (),
        allow_destroy: Sequence[str] = (),
        allow_forget: Sequence[str] = (),
        allow_weaken: Sequence[str] = (),
        accept_contract: Sequence[str] = (),
        is_prompted: bool = False,
        confirm: Confirm,
        confirm_weakening: ConfirmWeakening | None = None,
    ) -> RunReport:
        """Go on with a run that did not end well: what it had done is left alone, the rest is planned afresh.

        Args:
            values: For the sensitive variables that the run was given; nobody kept theirs.
            var_files: In place of those that came through a pipe.
            allow_destroy, allow_forget, allow_weaken, accept_contract: Beside those of the run, since what was cut short may
                have to be made anew.
            is_prompted: As in `RunOptions`.
            confirm_weakening: As for `up`.

        Raises:
            GuardError: Something has moved since.
            UsageError: A sensitive value is missing, or one is given that the run did not have.
            PreflightError, LayerOrderError, RunError: As for `up` and `down`.
        """
        options = replace(
            unfinished.options,
            allow_destroy=(*unfinished.options.allow_destroy, *allow_destroy),
            allow_forget=(*unfinished.options.allow_forget, *allow_forget),
            allow_weaken=(*unfinished.options.allow_weaken, *allow_weaken),
            accept_contract=(*unfinished.options.accept_contract, *accept_contract),
            is_prompted=is_prompted,
            values=resume.with_secrets(unfinished, values or {}, command=self.target.command),
            var_files=resume.with_files(unfinished, [variables.read_once(path) for path in var_files]),
        )
        unfinished = replace(unfinished, options=options)
        work = {"up": task.up, "down": teardown.down}[unfinished.command]
        return self._run(
            unfinished.command,
            work,
            unfinished.remaining,
            options,
            confirm=confirm,
            confirm_weakening=confirm_weakening,
            unfinished=unfinished,
        )

    def _bootstrap_steps(self, layer: Layer) -> list[Step]:
        session = self.sessions.for_backend(layer.backend)
        account = who_am_i(session, layer.backend.region).account
        verdict.refuse_other_account(layer, self.estate.config, account, self.target)
        return plan_bootstrap(session, layer.backend, account=account)

    def _record(self, event: str, **details: Any) -> None:
        ledger.append(self.target.home, {"event": event, **details}, self.redact)

    def _emit(self, event: Event) -> bool:
        """Tell the watcher, until it fails once: what watches an apply must not be able to stop it half-way.

        Returns whether it was told.
        """
        if self._watcher_error is not None:
            return False
        try:
            self._watcher(event)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - kept, and raised when the run has ended
            self._watcher_error = error
            return False
        return True

    def _run(
        self,
        command: str,
        work: Callable[[LayerRun], Outcome],
        names: Sequence[str],
        options: RunOptions,
        *,
        confirm: Confirm | None,
        confirm_weakening: ConfirmWeakening | None = None,
        unfinished: Unfinished | None = None,
        details: Mapping[str, str] | None = None,
    ) -> RunReport:
        self._watcher_error = None
        artifacts.check_home(self.target.home, self.target.environ)
        launch = self._launcher.settle(command, names, options, will_write=confirm is not None, unfinished=unfinished)
        if command == "down" and len(launch.layers) > 1:
            is_lifted = launch.options.lift_deletion_protection
            teardown.foresee(launch.layers, launch.checked.states, self.sessions, is_lifted=is_lifted)
        started, clock = datetime.now(UTC), time.monotonic()
        with artifacts.run_folder(self.target.home, self.redact) as folder:
            context = RunContext(
                command=command,
                ids=launch.order.ids,
                estate=self.estate,
                target=self.target,
                options=launch.options,
                environment=launch.environment,
                binary=launch.binary,
                states=dict(launch.checked.states),
                locks=launch.checked.locks,
                sessions=self.sessions,
                folder=folder,
                redact=self.redact,
                runner=self._runner,
                cancellation=self._cancellation,
                emit=self._emit,
                confirm=confirm,
                confirm_weakening=confirm_weakening,
                budget=_budget(launch.options, unfinished),
            )
            self._emit(events.RunStarted(layers=launch.order.ids, parallelism=launch.parallelism))
            record = {"run_id": folder.run_id, "target": self.target.name, "command": command}
            self._record("run-started", **record, **launch.to_json(), **(details or {}))
            results = schedule.run(
                launch.order.ids,
                launch.order.needs,
                lambda id_, desk: LayerRun(self.estate.layer(id_), context, desk).go(work),
                parallelism=launch.parallelism,
                cancellation=self._cancellation,
                fail_fast=launch.options.fail_fast,
            )
            report = RunReport(
                run_id=folder.run_id,
                command=command,
                target=self.target.name,
                started=started,
                seconds=time.monotonic() - clock,
                results=results,
            )
            self._leave(report, folder, record)
        first = report.first_failure
        if first is not None:
            raise _failure(report, first, self.target) from first.error
        if self._watcher_error is not None:
            raise self._watcher_error
        return report

    def _leave(self, report: RunReport, folder: RunFolder, record: Mapping[str, Any]) -> None:
        """Write down how the run ended; a full disk does not change that."""
        try:
            self._record("run-finished", **record, exit_code=report.exit_code)
            folder.write_report(report.to_json())
        except OSError as error:
            self._emit(events.Notice(text=f"the end of the run could not be written down: {error.strerror}"))


def _budget(options: RunOptions, unfinished: Unfinished | None) -> Budget | None:
    limit = options.max_monthly_delta
    return None if limit is None else Budget(limit, resume.spent(unfinished))


def _way_on(report: RunReport, first: LayerResult, target: Target) -> str | None:
    """What to do after a run that left something half-done."""
    if report.command not in ("up", "down"):
        return None
    if first.outcome is Outcome.INTERRUPTED:
        return f"{target.command('resume')} goes on, {target.command('plan', first.layer)} looks first"
    if isinstance(first.error, CommandError) and first.error.returncode < 0:
        # Whoever kills Terraform leaves its lock behind.
        locks = target.command("locks", first.layer)
        return f"{locks} shows whether its lock was left behind; then {target.command('resume')}"
    return (
        f"once its reason is mended: {target.command('resume')}, or {target.command('plan', first.layer)} to look first"
    )


def _failure(report: RunReport, first: LayerResult, target: Target) -> RunError:
    return RunError(
        first.error.message if first.error else f"{first.layer}: {first.outcome}",
        report=report,
        hint=(first.error.hint if first.error else None) or _way_on(report, first, target),
    )
