"""What Terraform does for one layer of a run: init where it is needed, plans, the apply; each step told and timed.

`LayerRun` decides what is done and what is kept of it; here it is done. A step that is asked for after somebody asked to stop
is not begun.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from orchestrator import events, own_lock
from orchestrator.errors import CommandError, CommandInterruptedError
from orchestrator.events import PIPED
from orchestrator.pace import Pace
from orchestrator.run import ROTATION
from orchestrator.tf import initialization, variables
from orchestrator.tf.args import PlanOptions
from orchestrator.tf.client import TerraformClient
from orchestrator.tf.env import CLI_CONFIG
from orchestrator.tfvars import Piped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from orchestrator.events import Event
    from orchestrator.layer import Layer
    from orchestrator.plan import Plan
    from orchestrator.run import RunContext

_T = TypeVar("_T")
# What Terraform warns whoever targets of. Where wealist chose the target, nobody did.
_ABOUT_TARGETS = frozenset({"Resource targeting is in effect", "Applied changes may be incomplete"})


class Steps:
    """The steps of one layer.

    Attributes:
        folder: Where its Terraform runs.
        plan_file: Where its plan is saved.
        lock_log: Where its Terraform says which locks it takes.
        seconds: That all steps together took.
        began: When the last one was started.
        pace: How long they take, and are expected to.
    """

    def __init__(self, layer: Layer, context: RunContext) -> None:
        config, options = context.estate.config, context.options
        self._layer = layer
        self._context = context
        self.folder = context.target.folder(layer.path)
        self.plan_file = context.folder.plan_file(layer.id)
        self.lock_log = context.folder.lock_log(layer.id)
        self.seconds = 0.0
        self.began = datetime.now(UTC)
        look = context.target.command("status", layer.id)
        self.pace = Pace(layer.id, context.target.home, config.guide(layer.id), look=look)
        self._cli_config = context.environment.values.get(CLI_CONFIG, "")
        self._lock_timeout = options.lock_timeout or config.terraform.lock_timeout
        self._parallelism = options.terraform_parallelism or config.terraform.parallelism
        self._skipped_init = False
        self._chose_target = False
        self._terraform = TerraformClient(
            binary=context.binary,
            folder=self.folder,
            layer=layer.id,
            env=own_lock.logging(context.environment.values, self.lock_log),
            runner=context.runner,
            cancellation=context.cancellation,
            grace=config.interrupt_grace,
            on_event=self._on_terraform,
            on_line=context.folder.log,
            on_trace=context.folder.trace,
        )

    def init(self) -> None:
        """Init, where it is needed."""
        version, with_upgrade = self._context.binary.version, self._context.options.upgrade
        is_needed = with_upgrade or not initialization.is_initialized(
            self._layer, self.folder, terraform_version=version, cli_config=self._cli_config
        )
        if not is_needed:
            self._skipped_init = True
            self._tell(events.StepFinished(layer=self._layer.id, step="init", seconds=0.0, note="not needed"))
            return
        command = self._context.target.command
        initialization.prepare(self._layer, self.folder, cli_config=self._cli_config, command=command)
        fetching = replace(self._terraform, env={**self._terraform.env, **self._context.target.fetching})
        with self._context.init_lock:
            self._step("init", lambda: fetching.init(upgrade=with_upgrade))
        self._context.target.check(self._layer, self.folder)
        initialization.remember(self._layer, self.folder, terraform_version=version, cli_config=self._cli_config)

    def options(
        self,
        values: Mapping[str, str],
        *,
        destroy: bool = False,
        refresh_only: bool = False,
        targets: Sequence[str] | None = None,
        is_bare: bool = False,
    ) -> PlanOptions:
        """What a plan is made with: the run's options, and these.

        Args:
            values: Of variables; no others are given.
            targets: In place of those of the run, and of its replacements.
            is_bare: Without the run's variable files.
        """
        given = self._context.options
        is_plain = not destroy and not refresh_only and targets is None
        self._chose_target = targets is not None or self._context.command == ROTATION
        return PlanOptions(
            destroy=destroy,
            refresh_only=refresh_only,
            var_files=self._variable_files(values, () if is_bare else given.var_files),
            targets=given.targets if targets is None else tuple(targets),
            replace=given.replace if is_plain else (),
            lock_timeout=self._lock_timeout,
            parallelism=self._parallelism,
            extra=given.extra,
        )

    def save(self, options: PlanOptions) -> bool:
        """Make a plan; returns whether it holds changes."""
        try:
            has_changes, seconds = self._step("plan", lambda: self._terraform.plan(options, out=self.plan_file))
        except CommandError:
            if self._skipped_init:
                # Something that the fingerprint can't see may be missing: let the next run start with an init.
                initialization.forget(self.folder)
            raise
        self.pace.plan_ended(seconds)
        return has_changes

    def read(self, options: PlanOptions) -> Plan:
        """The plan that was saved."""
        began = time.monotonic()
        plan = self._terraform.show(self.plan_file, is_refresh_only=options.refresh_only)
        self.seconds += time.monotonic() - began
        self._context.redact.add(plan.secrets)
        return plan

    def apply(self) -> None:
        """Apply the plan that was saved."""
        try:
            _, seconds = self._step(
                "apply",
                lambda: self._terraform.apply(
                    self.plan_file, lock_timeout=self._lock_timeout, parallelism=self._parallelism
                ),
            )
            self.pace.apply_ended(seconds)
        finally:
            self.pace.write()

    def stop_if_asked(self, step: str) -> None:
        """Begin nothing more once somebody has asked to stop.

        Raises:
            CommandInterruptedError: Somebody has.
        """
        if self._context.cancellation.is_requested:
            raise CommandInterruptedError(f"{self._layer.id}: stopped before {step}", argv=(), returncode=0)

    def _variable_files(self, values: Mapping[str, str], files: Sequence[Path | Piped]) -> tuple[Path, ...]:
        """The files that Terraform reads variables from, the last of them with the values of the command line."""
        folder = self._context.folder
        own = folder.variables_file(self._layer.id)
        paths = [
            file if isinstance(file, Path) else own.with_name(f"{PIPED}{n}{file.suffix}")
            for n, file in enumerate(files)
        ]
        for file, path in zip(files, paths, strict=True):
            if isinstance(file, Piped):
                folder.write(path, file.text)
        text = variables.render(values, self._layer)
        if text:
            folder.write(own, text)
            paths.append(own)
        return tuple(paths)

    def _step(self, name: str, call: Callable[[], _T]) -> tuple[_T, float]:
        """What it returned, and the seconds that it took."""
        self.stop_if_asked(name)
        self._tell(events.StepStarted(layer=self._layer.id, step=name))
        clock = time.monotonic()
        self.began = datetime.now(UTC)
        try:
            value = call()
        finally:
            seconds = time.monotonic() - clock
            self.seconds += seconds
        self._tell(events.StepFinished(layer=self._layer.id, step=name, seconds=seconds))
        return value, seconds

    def _on_terraform(self, event: Event) -> None:
        if self._chose_target and isinstance(event, events.Diagnostic) and event.summary in _ABOUT_TARGETS:
            return
        self._tell(event)
        overdue = self.pace.see(event)
        if overdue is not None:
            self._tell(overdue)

    def _tell(self, event: Event) -> None:
        self._context.emit(event)
