"""The one way in which anything is planned or applied.

    preflight -> order -> init when needed -> plan -> guards -> confirmation -> apply that plan

What is applied is the plan file that was shown: its digest is taken when it is read and checked again before it is
applied. Every layer's end goes to the ledger. Layers that don't stand on each other are worked on at the same time; one
that fails stops those that stand on it, and each of them says because of which.

The engine prints nothing and asks nothing: it sends events to `on_event`, from whatever thread they happen in, and calls
`confirm` in the thread that called it. It may be called from any thread, one call at a time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchestrator import (
    address,
    artifacts,
    events,
    ledger,
    permission,
    preflight,
    resume,
    schedule,
    task,
    teardown,
    verdict,
)
from orchestrator.aws.bootstrap import plan_bootstrap
from orchestrator.aws.identity import who_am_i
from orchestrator.aws.session import Sessions
from orchestrator.errors import ConfigError, GuardError, PreflightError, RunError
from orchestrator.layer_run import LayerRun
from orchestrator.order import Order
from orchestrator.process import Cancellation, Runner
from orchestrator.process import run as run_process
from orchestrator.redaction import Redactor
from orchestrator.report import RunReport
from orchestrator.run import Confirm, RunContext, RunOptions
from orchestrator.tf import args, variables
from orchestrator.tf.env import ChildEnvironment, child_environment

if TYPE_CHECKING:
    from orchestrator.artifacts import RunFolder
    from orchestrator.aws.bootstrap import Step
    from orchestrator.discovery import Estate
    from orchestrator.events import Event
    from orchestrator.layer import Layer
    from orchestrator.preflight import Preflight
    from orchestrator.report import LayerResult, Outcome
    from orchestrator.resume import Unfinished
    from orchestrator.target import Target

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

    def preflight(self, names: Sequence[str], *, will_write: bool = True) -> Preflight:
        """Make all checks for these layers, or for every layer where none is named; starts nothing."""
        return self._check(self._select_any(names), RunOptions(), will_write=will_write)

    def bootstrap(self, names: Sequence[str]) -> list[Step]:
        """The steps that are left until state bucket and lock table of these layers, or of all, are as they should be.

        Nothing is changed until a step is run.

        Raises:
            PreflightError: The credentials are of another account than the one that is pinned.
            GuardError: The bucket belongs to another account.
            ConfigError: Bucket or table are there and can't be used.
            AwsError: AWS said no.
        """
        layers = self._select_any(names)
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

    def up(self, names: Sequence[str], options: RunOptions | None = None, *, confirm: Confirm) -> RunReport:
        """Bring these layers up, in order; each plan is confirmed before it is applied.

        Raises:
            PreflightError: A check failed; Terraform was not started.
            LayerOrderError: A layer that one of these stands on is not applied, or its last apply did not end well.
            StateLockedError: A layer that one of these stands on is being changed.
            RunError: A layer failed, was interrupted, or was stopped by a guard.
            UsageError: A layer or a variable that is not there.
        """
        return self._run("up", task.up, names, options or RunOptions(), confirm=confirm)

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
        return self._run(
            "drift", task.drift, names or tuple(self.estate.folders), options or RunOptions(), confirm=None
        )

    def unfinished(self) -> Unfinished | None:
        """The last run against this target, where it did not end well.

        Raises:
            GuardError: It has not ended at all: its process is still at work.
        """
        found = resume.find(ledger.read(self.target.home), target=self.target.name)
        if found is not None and artifacts.is_alive(self.target.home, found.run_id):
            raise GuardError(
                f"run {found.run_id} ({found.command}) is still at work", hint="wait for it, or stop it with Ctrl-C"
            )
        return found

    def resume(self, unfinished: Unfinished, *, values: Mapping[str, str] | None = None, confirm: Confirm) -> RunReport:
        """Go on with a run that did not end well: what it had done is left alone, the rest is planned afresh.

        Args:
            values: For the sensitive variables that the run was given; nobody kept theirs.

        Raises:
            GuardError: Something has moved since.
            UsageError: A sensitive value is missing, or one is given that the run did not have.
            PreflightError, LayerOrderError, RunError: As for `up` and `down`.
        """
        options = replace(
            unfinished.options, values=resume.with_secrets(unfinished, values or {}, command=self.target.command)
        )
        unfinished = replace(unfinished, options=options)
        work = {"up": task.up, "down": teardown.down}[unfinished.command]
        return self._run(
            unfinished.command, work, unfinished.remaining, options, confirm=confirm, unfinished=unfinished
        )

    def _select(self, names: Sequence[str]) -> tuple[Layer, ...]:
        layers = {layer.id: layer for layer in map(self.estate.layer, names)}
        if len(layers) == 1:
            return tuple(layers.values())
        return tuple(layers[id_] for id_ in self.estate.graph.order(layers))

    def _select_any(self, names: Sequence[str]) -> tuple[Layer, ...]:
        layers = self._select(names) if names else self.estate.layers
        self._check_any()
        return layers

    def _check_any(self) -> None:
        if not self.estate.folders:
            patterns = ", ".join(self.estate.config.layers.include)
            raise ConfigError(
                f"{self.estate.root}: there are no layers; layers.include matches nothing ({patterns})",
                hint="a layer is a folder with .tf files, as terraform/prod/foundation",
            )

    def _bootstrap_steps(self, layer: Layer) -> list[Step]:
        session = self.sessions.for_backend(layer.backend)
        account = who_am_i(session, layer.backend.region).account
        verdict.refuse_other_account(layer, self.estate.config, account, self.target)
        return plan_bootstrap(session, layer.backend, account=account)

    def _environment(self, options: RunOptions) -> ChildEnvironment:
        return child_environment(self.target.environ, keep_log=options.keep_terraform_log)

    def _check(
        self, layers: Sequence[Layer], options: RunOptions, *, neighbours: Sequence[Layer] = (), will_write: bool
    ) -> Preflight:
        return preflight.check(
            layers,
            config=self.estate.config,
            target=self.target,
            sessions=self.sessions,
            runner=self._runner,
            env=self._environment(options).values,
            neighbours=neighbours,
            will_write=will_write,
        )

    def _with_permissions(self, options: RunOptions, ids: Sequence[str]) -> RunOptions:
        """The options with every address that a guard lets pass bound to its layer."""

        def bound(given: Sequence[str], flag: str) -> tuple[str, ...]:
            return permission.normalize(given, ids, resolve=self.estate.resolve, flag=flag)

        return replace(
            options,
            allow_destroy=bound(options.allow_destroy, "--allow-destroy"),
            allow_weaken=bound(options.allow_weaken, "--allow-weaken"),
        )

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
        unfinished: Unfinished | None = None,
    ) -> RunReport:
        self._check_any()
        self._watcher_error = None
        layers = self._select(names)
        args.check_extra(options.extra)
        # A run that is gone on with was made for the layers that are done, too.
        done = [self.estate.layer(id_) for id_ in unfinished.done if id_ in self.estate.folders] if unfinished else []
        options = replace(options, var_files=variables.check_files(options.var_files))
        variables.check_assigned(options.values, [*done, *layers], files=options.var_files)
        environment = self._environment(options)
        for name, reason in environment.dropped.items():
            self._emit(events.Notice(text=f"{name} is left out of Terraform's environment: {reason}"))
        order = Order.of(command, self.estate, layers)
        options = self._with_permissions(options, [*order.ids, *(layer.id for layer in done)])
        around = {layer.id: layer for layer in order.neighbours}
        around |= {layer.id: layer for layer in done}
        neighbours = [layer for id_, layer in around.items() if id_ not in order.ids]
        checked = self._check(layers, options, neighbours=neighbours, will_write=confirm is not None)
        self._emit(events.PreflightDone(findings=checked.findings, seconds=checked.seconds))
        if checked.errors or checked.binary is None:
            count = len(checked.errors)
            raise PreflightError(
                f"preflight: {count} check{'s' if count != 1 else ''} failed; nothing was started",
                findings=checked.findings,
                hint=self.target.command(f"preflight {' '.join(order.ids)}"),
            )
        for state in checked.states.values():
            if state is not None:
                self.redact.add(state.secrets)
                self.redact.allow(state.public)
        address.check_targets(options.targets, [*done, *layers], checked.states)
        address.check_replaced(options.replace, [*done, *layers], checked.states)
        if unfinished is not None:
            afresh = self.target.command(f"{command} {' '.join(order.ids)}")
            known = {**around, **{layer.id: layer for layer in layers}}
            resume.check_unmoved(unfinished, known, checked.states, command=afresh)
        order.check(checked, self.target, allow_incomplete=options.allow_incomplete)
        started, clock = datetime.now(UTC), time.monotonic()
        with artifacts.run_folder(self.target.home, self.redact) as folder:
            context = RunContext(
                command=command,
                ids=order.ids,
                estate=self.estate,
                target=self.target,
                options=options,
                environment=environment,
                binary=checked.binary,
                states=dict(checked.states),
                locks=checked.locks,
                sessions=self.sessions,
                folder=folder,
                redact=self.redact,
                runner=self._runner,
                cancellation=self._cancellation,
                emit=self._emit,
                confirm=confirm,
            )
            parallelism = options.parallelism or self.estate.config.parallelism or min(os.cpu_count() or 1, 4)
            self._emit(events.RunStarted(layers=order.ids, parallelism=parallelism))
            record = {"run_id": folder.run_id, "target": self.target.name, "command": command}
            self._record("run-started", **record, **_described(order, options, layers, unfinished))
            results = schedule.run(
                order.ids,
                order.needs,
                lambda id_, desk: LayerRun(self.estate.layer(id_), context, desk).go(work),
                parallelism=parallelism,
                cancellation=self._cancellation,
                fail_fast=options.fail_fast,
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
            raise _failure(report, first) from first.error
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


def _described(
    order: Order, options: RunOptions, layers: Sequence[Layer], unfinished: Unfinished | None
) -> dict[str, Any]:
    """What the ledger keeps of a run, so that it can be gone on with."""
    before = {"resumes": unfinished.run_id, "done": dict(unfinished.done)} if unfinished else {}
    return {"layers": list(order.ids), "options": resume.describe(options, layers), **before}


def _failure(report: RunReport, first: LayerResult) -> RunError:
    return RunError(
        first.error.message if first.error else f"{first.layer}: {first.outcome}",
        report=report,
        hint=first.error.hint if first.error else None,
    )
