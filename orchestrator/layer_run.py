"""One layer's way through a run: init when needed, plan, confirmation, apply of exactly that plan.

Whatever happens on the way ends in a `LayerResult` and a line in the ledger; nothing is raised. An apply is written to
the ledger before it begins and after it ends, so that one that was killed in between can be seen.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator import events, ledger
from orchestrator.aws.state import read_locks, read_state
from orchestrator.errors import (
    CommandError,
    CommandInterruptedError,
    GuardError,
    StateLockedError,
    TerraformError,
    WealistError,
)
from orchestrator.plan import Plan
from orchestrator.report import LayerResult, Outcome
from orchestrator.tf import initialization, variables
from orchestrator.tf.args import PlanOptions
from orchestrator.tf.client import TerraformClient
from orchestrator.tf.env import CLI_CONFIG

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.artifacts import RunFolder
    from orchestrator.aws.session import Session
    from orchestrator.config import Config
    from orchestrator.events import Event
    from orchestrator.layer import Layer
    from orchestrator.lock import Lock
    from orchestrator.preflight import Preflight
    from orchestrator.process import Cancellation, Runner
    from orchestrator.redaction import Redactor
    from orchestrator.state import State
    from orchestrator.target import Target
    from orchestrator.tf.env import ChildEnvironment

_T = TypeVar("_T")

Confirm = Callable[["Layer", Plan], bool]

UNSAVED_STATE = "errored.tfstate"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a run is made with.

    Attributes:
        values: Values for variables, by name, as they stand on the command line.
        upgrade: Run init even where it is not needed, and let it take newer providers and modules.
        extra: Native Terraform flags for the plan.
        keep_terraform_log: Let `TF_LOG` through to Terraform.
    """

    values: dict[str, str] = field(default_factory=dict)
    var_files: tuple[Path, ...] = ()
    targets: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    lock_timeout: str | None = None
    parallelism: int | None = None
    upgrade: bool = False
    extra: tuple[str, ...] = ()
    keep_terraform_log: bool = False


class LayerRun:
    """A layer, everything that a run knows of it, and how far it has come."""

    def __init__(
        self,
        *,
        layer: Layer,
        run: RunFolder,
        options: RunOptions,
        environment: ChildEnvironment,
        checked: Preflight,
        config: Config,
        target: Target,
        session: Session,
        redact: Redactor,
        runner: Runner,
        cancellation: Cancellation,
        emit: Callable[[Event], bool],
    ) -> None:
        assert checked.binary is not None, "a run starts after a preflight without errors"
        self._layer = layer
        self._run = run
        self._options = options
        self._target = target
        self._session = session
        self._redact = redact
        self._cancellation = cancellation
        self._emit = emit
        self._folder = target.folder(layer.path)
        self._before = checked.states.get(layer.id)
        self._version = checked.binary.version
        self._cli_config = environment.values.get(CLI_CONFIG, "")
        self._lock_timeout = options.lock_timeout or config.terraform.lock_timeout
        self._parallelism = options.parallelism or config.terraform.parallelism
        self._skipped_init = False
        self._is_applying = False
        self._is_plan_shown = False
        self._began = datetime.now(UTC)
        self._command_began = self._began
        self._seconds = 0.0
        self._terraform = TerraformClient(
            binary=checked.binary,
            folder=self._folder,
            layer=layer.id,
            env=environment.values,
            runner=runner,
            cancellation=cancellation,
            grace=config.interrupt_grace,
            on_event=self._tell,
            on_line=run.log,
            on_trace=run.trace,
        )

    def go(self, command: str, confirm: Confirm | None) -> LayerResult:
        """Plan, and where there is somebody to confirm it, apply."""
        plan: Plan | None = None
        error: WealistError | None = None
        try:
            self._init()
            plan = self._plan()
            outcome = Outcome.PLANNED if plan else Outcome.NO_CHANGES
            if plan is not None and confirm is not None:
                outcome = self._apply(plan) if confirm(self._layer, plan) else Outcome.DECLINED
        except CommandInterruptedError as interrupted:
            outcome, error = Outcome.INTERRUPTED, interrupted
        except KeyboardInterrupt:
            # Between two commands, or at the question; while Terraform runs, it is a request to the cancellation.
            what = "the apply had begun" if self._is_applying else "nothing was applied"
            message = f"{self._layer.id}: interrupted; {what}"
            outcome, error = Outcome.INTERRUPTED, CommandInterruptedError(message, argv=(), returncode=0)
        except CommandError as failed:
            outcome, error = Outcome.FAILED, self._locked(failed) or failed
        except WealistError as failed:
            outcome, error = Outcome.FAILED, failed
        except BaseException as bug:
            # Not ours to explain, but the ledger must not end with an apply that never ended.
            self._record("finished", command=command, outcome=str(Outcome.FAILED), error={"message": repr(bug)})
            raise
        if error is not None:
            self._mention_unsaved_state(error)
            if isinstance(error, TerraformError):
                error.layer = self._layer.id
        after = self._state_after(outcome)
        result = LayerResult(
            layer=self._layer.id,
            outcome=outcome,
            seconds=self._seconds,
            plan=plan,
            serial_before=self._before.serial if self._before else None,
            serial_after=after.serial if after else None,
            outputs=tuple(after.outputs.values()) if after else (),
            error=error,
        )
        self._record("finished", command=command, **result.summary())
        return result

    def _init(self) -> None:
        is_needed = self._options.upgrade or not initialization.is_initialized(
            self._layer, self._folder, terraform_version=self._version, cli_config=self._cli_config
        )
        if not is_needed:
            self._skipped_init = True
            self._emit(events.StepFinished(layer=self._layer.id, step="init", seconds=0.0, note="not needed"))
            return
        initialization.drop_modules_of_another_source(self._folder, cli_config=self._cli_config)
        with_upgrade = self._options.upgrade
        self._step("init", lambda: self._terraform.init(upgrade=with_upgrade))
        initialization.remember(self._layer, self._folder, terraform_version=self._version, cli_config=self._cli_config)

    def _plan(self) -> Plan | None:
        """The saved plan, or None where it would change nothing."""
        var_files = list(self._options.var_files)
        sensitive = (name for name, variable in self._layer.variables.items() if variable.is_sensitive)
        self._redact.add(self._options.values[name] for name in sensitive if name in self._options.values)
        values = variables.render(self._options.values, self._layer)
        if values:
            path = self._run.variables_file(self._layer.id)
            self._run.write(path, values)
            var_files.append(path)
        options = PlanOptions(
            var_files=tuple(var_files),
            targets=self._options.targets,
            replace=self._options.replace,
            lock_timeout=self._lock_timeout,
            parallelism=self._parallelism,
            extra=self._options.extra,
        )
        out = self._run.plan_file(self._layer.id)
        try:
            has_changes = self._step("plan", lambda: self._terraform.plan(options, out=out))
        except CommandError:
            if self._skipped_init:
                # Something that the fingerprint can't see may be missing: let the next run start with an init.
                initialization.forget(self._folder)
            raise
        if not has_changes:
            return None
        began = time.monotonic()
        plan = self._terraform.show(out)
        self._seconds += time.monotonic() - began
        self._redact.add(plan.secrets)
        self._is_plan_shown = self._emit(events.PlanReady(layer=self._layer.id, plan=plan))
        return plan

    def _apply(self, plan: Plan) -> Outcome:
        path = self._run.plan_file(self._layer.id)
        if not self._is_plan_shown:
            raise GuardError(f"{self._layer.id}: the plan could not be shown, so it was not applied")
        if _digest(path) != plan.digest:
            raise GuardError(
                f"{self._layer.id}: the plan file changed after it was shown, so it was not applied",
                hint=self._target.command(f"up {self._layer.id}"),
            )
        self._stop_if_asked("apply")
        self._record("apply-started", plan_digest=plan.digest, serial=self._before.serial if self._before else None)
        self._is_applying = True
        self._step(
            "apply",
            lambda: self._terraform.apply(path, lock_timeout=self._lock_timeout, parallelism=self._parallelism),
        )
        return Outcome.APPLIED

    def _step(self, name: str, call: Callable[[], _T]) -> _T:
        self._stop_if_asked(name)
        self._emit(events.StepStarted(layer=self._layer.id, step=name))
        began = time.monotonic()
        self._command_began = datetime.now(UTC)
        try:
            value = call()
        finally:
            seconds = time.monotonic() - began
            self._seconds += seconds
        self._emit(events.StepFinished(layer=self._layer.id, step=name, seconds=seconds))
        return value

    def _tell(self, event: Event) -> None:
        self._emit(event)

    def _stop_if_asked(self, step: str) -> None:
        if self._cancellation.is_requested:
            raise CommandInterruptedError(f"{self._layer.id}: stopped before {step}", argv=(), returncode=0)

    def _locked(self, error: CommandError) -> StateLockedError | None:
        """Evidence that a plan or an apply failed on somebody's lock.

        The lock is there now, was there before the command began, and Terraform blames no line of the configuration.
        """
        blamed = any(diagnostic.is_error and diagnostic.where for diagnostic in error.diagnostics)
        if error.argv[1] not in ("plan", "apply") or blamed:
            return None
        try:
            locks = read_locks(self._session, self._layer.backend)
        except WealistError:
            return None
        held = [lock for lock in locks if lock.created is None or lock.created <= self._command_began]
        if not held:
            return None
        lock: Lock = held[0]
        locked = StateLockedError(
            f"{self._layer.id}: the state is locked by {lock.describe()}, in {lock.where}",
            lock=lock,
            hint="wait for it (--lock-timeout 10m); only if its holder is surely dead: "
            + self._target.command(f"tf {self._layer.id} -- force-unlock {lock.id}"),
        )
        locked.__cause__ = error
        return locked

    def _mention_unsaved_state(self, error: WealistError) -> None:
        """Terraform leaves the state beside the HCL when it can't save it; it is all that knows what was made."""
        path = self._folder / UNSAVED_STATE
        if path.exists() and path.stat().st_mtime >= self._began.timestamp():
            path.chmod(0o600)
            error.message = f"{error.message}. The state could not be saved and is in {path}: keep that file"
            error.hint = self._target.command(f"tf {self._layer.id} -- state push {UNSAVED_STATE}")

    def _state_after(self, outcome: Outcome) -> State | None:
        if outcome in (Outcome.NO_CHANGES, Outcome.PLANNED, Outcome.DECLINED):
            return self._before
        try:
            state = read_state(self._session, self._layer.backend)
        except WealistError as error:
            self._emit(events.Notice(layer=self._layer.id, text=f"the state can't be read back: {error.message}"))
            return None
        if state is not None:
            self._redact.add(state.secrets)
            self._redact.allow(state.public)
        return state

    def _record(self, event: str, **details: Any) -> None:
        entry = {"event": event, "run_id": self._run.run_id, "target": self._target.name, "layer": self._layer.id}
        ledger.append(self._target.home, {**entry, **details}, self._redact)


def _digest(path: Path) -> str | None:
    """The digest of a plan file, or None where it can't be read any more."""
    try:
        return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    except OSError:
        return None
