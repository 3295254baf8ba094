"""The one way in which anything is planned or applied.

    preflight -> order -> init when needed -> plan -> (policy) -> confirmation -> apply that plan

What is applied is the plan file that was shown: its digest is taken when it is read and checked again before it is
applied. Every layer's end goes to the ledger. A layer that fails ends the run; the layers after it are skipped, and say
because of which.

The engine prints nothing and asks nothing: it sends events to `on_event` and calls `confirm`. It may be called from
any thread, one call at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from orchestrator import artifacts, events, graph, preflight, verdict
from orchestrator.aws.bootstrap import plan_bootstrap
from orchestrator.aws.identity import who_am_i
from orchestrator.aws.session import Sessions
from orchestrator.errors import ConfigError, LayerOrderError, PreflightError, RunError
from orchestrator.layer_run import Confirm, LayerRun, RunOptions
from orchestrator.process import Cancellation, Runner
from orchestrator.process import run as run_process
from orchestrator.redaction import Redactor
from orchestrator.report import LayerResult, Outcome, RunReport
from orchestrator.tf import args, variables
from orchestrator.tf.env import ChildEnvironment, child_environment

if TYPE_CHECKING:
    from orchestrator.aws.bootstrap import Step
    from orchestrator.discovery import Estate
    from orchestrator.events import Event
    from orchestrator.layer import Layer
    from orchestrator.preflight import Preflight
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
            RunError: A layer's plan failed.
            UsageError: A layer or a variable that is not there.
        """
        return self._run("plan", names, options or RunOptions(), confirm=None)

    def up(self, names: Sequence[str], options: RunOptions | None = None, *, confirm: Confirm) -> RunReport:
        """Bring these layers up, in order; each plan is confirmed before it is applied.

        Raises:
            PreflightError: A check failed; Terraform was not started.
            RunError: A layer failed or was interrupted.
            UsageError: A layer or a variable that is not there.
        """
        return self._run("up", names, options or RunOptions(), confirm=confirm)

    @cached_property
    def _order(self) -> dict[str, int]:
        edges = graph.dependencies(self.estate.layers)
        return {id_: index for index, id_ in enumerate(graph.order(edges))}

    def _select(self, names: Sequence[str]) -> tuple[Layer, ...]:
        layers = {layer.id: layer for layer in map(self.estate.layer, names)}
        if len(layers) == 1:
            return tuple(layers.values())
        return tuple(sorted(layers.values(), key=lambda layer: self._order[layer.id]))

    def _select_any(self, names: Sequence[str]) -> tuple[Layer, ...]:
        layers = self._select(names) if names else self.estate.layers
        if not layers:
            patterns = ", ".join(self.estate.config.layers.include)
            raise ConfigError(
                f"{self.estate.root}: there are no layers; layers.include matches nothing ({patterns})",
                hint="a layer is a folder with .tf files, as terraform/prod/foundation",
            )
        return layers

    def _bootstrap_steps(self, layer: Layer) -> list[Step]:
        session = self.sessions.for_backend(layer.backend)
        account = who_am_i(session, layer.backend.region).account
        findings = verdict.account(layer, self.estate.config, account, self.target)
        for finding in findings:
            if finding.is_error:
                raise PreflightError(
                    f"these credentials are of account {account}: {finding.seen}",
                    findings=findings,
                    hint=finding.remedy,
                )
        return plan_bootstrap(session, layer.backend, account=account)

    def _environment(self, options: RunOptions) -> ChildEnvironment:
        return child_environment(self.target.environ, keep_log=options.keep_terraform_log)

    def _check(self, layers: Sequence[Layer], options: RunOptions, *, will_write: bool) -> Preflight:
        return preflight.check(
            layers,
            config=self.estate.config,
            target=self.target,
            sessions=self.sessions,
            runner=self._runner,
            env=self._environment(options).values,
            will_write=will_write,
        )

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

    def _run(self, command: str, names: Sequence[str], options: RunOptions, *, confirm: Confirm | None) -> RunReport:
        layers = self._select(names)
        args.check_extra(options.extra)
        variables.check_assigned(options.values, layers)
        options = replace(options, var_files=variables.check_files(options.var_files))
        environment = self._environment(options)
        for name, reason in environment.dropped.items():
            self._emit(events.Notice(text=f"{name} is left out of Terraform's environment: {reason}"))
        checked = self._check(layers, options, will_write=confirm is not None)
        self._emit(events.PreflightDone(findings=checked.findings, seconds=checked.seconds))
        if checked.errors or checked.binary is None:
            count = len(checked.errors)
            raise PreflightError(
                f"preflight: {count} check{'s' if count != 1 else ''} failed; nothing was started",
                findings=checked.findings,
            )
        for state in checked.states.values():
            if state is not None:
                self.redact.add(state.secrets)
                self.redact.allow(state.public)
        started, clock = datetime.now(UTC), time.monotonic()
        results: list[LayerResult] = []
        with artifacts.run_folder(self.target.home, self.redact) as folder:
            for layer in layers:
                failed = next((result for result in results if result.outcome.is_unfinished), None)
                if failed is not None:
                    results.append(_skipped(layer, failed))
                    continue
                run = LayerRun(
                    layer=layer,
                    run=folder,
                    options=options,
                    environment=environment,
                    checked=checked,
                    config=self.estate.config,
                    target=self.target,
                    session=self.sessions.for_backend(layer.backend),
                    redact=self.redact,
                    runner=self._runner,
                    cancellation=self._cancellation,
                    emit=self._emit,
                )
                results.append(run.go(command, confirm))
            report = RunReport(
                run_id=folder.run_id,
                command=command,
                target=self.target.name,
                started=started,
                seconds=time.monotonic() - clock,
                results=tuple(results),
            )
            folder.write_report(report.to_json())
        if self._watcher_error is not None:
            raise self._watcher_error
        return _raise_on_failure(report)


def _skipped(layer: Layer, culprit: LayerResult) -> LayerResult:
    return LayerResult(
        layer=layer.id,
        outcome=Outcome.SKIPPED,
        seconds=0.0,
        error=LayerOrderError(f"{layer.id} was skipped, because {culprit.layer} {culprit.outcome}"),
    )


def _raise_on_failure(report: RunReport) -> RunReport:
    failed = [result for result in report.results if result.outcome.is_failure]
    if not failed:
        return report
    first = failed[0]
    raise RunError(
        first.error.message if first.error else f"{first.layer}: {first.outcome}",
        report=report,
        hint=first.error.hint if first.error else None,
    ) from first.error
