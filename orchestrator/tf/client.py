"""One layer's Terraform: each sub-command a method, typed values in and out.

A non-zero exit is a `CommandError` with Terraform's own diagnostics; exit code 2 of `plan -detailed-exitcode` is not an
error but the answer "there are changes".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator import events, payload, private_folder
from orchestrator.errors import CommandError, CommandInterruptedError, OutputFormatError, TerraformNotFoundError
from orchestrator.plan import Plan
from orchestrator.process import Cancellation, Command, Completed, Runner, StartError
from orchestrator.tf import args

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from orchestrator.events import Diagnostic, Event
    from orchestrator.tf.binary import Binary

HAS_CHANGES = 2
UNSAVED_STATE = "errored.tfstate"


def _ignore(_: object) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class TerraformClient:
    """Terraform in one layer's folder.

    Attributes:
        layer: The id that events and errors are stamped with.
        on_event: Gets every event of every command, in order, from a thread of the runner's.
        on_line: Gets every line of Terraform's event stream, for the run's log.
        on_trace: Gets what Terraform wrote to standard error, once a command has ended.
    """

    binary: Binary
    folder: Path
    layer: str
    env: Mapping[str, str] = field(repr=False)
    runner: Runner
    cancellation: Cancellation = field(default_factory=Cancellation)
    grace: float = 60.0
    on_event: Callable[[Event], None] = _ignore
    on_line: Callable[[str], None] = _ignore
    on_trace: Callable[[str], None] = _ignore

    def init(self, *, upgrade: bool = False) -> None:
        self._stream(args.init(upgrade=upgrade))

    def plan(self, options: args.PlanOptions, *, out: Path) -> bool:
        """Save a plan to `out`; returns whether it holds changes."""
        done = self._stream(args.plan(options, out=out), good=(0, HAS_CHANGES))
        return done.returncode == HAS_CHANGES

    def show(self, plan_file: Path, *, is_refresh_only: bool = False) -> Plan:
        """Read a saved plan; whether it is a refresh-only one does not stand in it.

        Raises:
            OutputFormatError: Not a plan that wealist understands.
        """
        digest = hashlib.sha256(plan_file.read_bytes()).hexdigest()
        done = self._run(args.show(plan_file))
        if hashlib.sha256(plan_file.read_bytes()).hexdigest() != digest:
            raise OutputFormatError(f"{self.layer}: the plan file changed while it was read", hint="plan again")
        try:
            data = payload.load(done.stdout)
        except ValueError as error:
            raise OutputFormatError(f"`terraform show -json` wrote no JSON: {error}") from error
        if not isinstance(data, dict):
            raise OutputFormatError("`terraform show -json` wrote no object of JSON")
        return Plan.from_json(data, digest=f"sha256:{digest}", is_refresh_only=is_refresh_only)

    def apply(self, plan_file: Path, *, lock_timeout: str = "0s", parallelism: int | None = None) -> None:
        """Apply a saved plan, and nothing but a saved plan."""
        try:
            self._stream(args.apply(plan_file, lock_timeout=lock_timeout, parallelism=parallelism))
        finally:
            # A state that could not be saved; Terraform writes it for all to read.
            private_folder.make_private(self.folder / UNSAVED_STATE)

    def _stream(self, argv: Sequence[str], *, good: Sequence[int] = (0,)) -> Completed:
        diagnostics: list[Diagnostic] = []

        def on_line(line: str) -> None:
            self.on_line(events.without_source(line))
            event = events.parse(line, layer=self.layer)
            if isinstance(event, events.Diagnostic):
                diagnostics.append(event)
            if event is not None:
                self.on_event(event)

        return self._run(argv, good=good, on_line=on_line, diagnostics=diagnostics)

    def _run(
        self,
        argv: Sequence[str],
        *,
        good: Sequence[int] = (0,),
        on_line: Callable[[str], None] | None = None,
        diagnostics: Sequence[Diagnostic] = (),
    ) -> Completed:
        command = Command(argv=[str(self.binary.path), *argv[1:]], cwd=self.folder, env=self.env, grace=self.grace)
        try:
            with self.cancellation.watching():
                done = self.runner(
                    command, on_line=on_line, on_stopping=self._on_stopping, cancellation=self.cancellation
                )
        except StartError as error:
            raise TerraformNotFoundError(f"{self.binary.path}: can't be started: {error.strerror}") from error
        if done.stderr:
            self.on_trace(done.stderr)
        if done.was_interrupted and done.returncode != 0:
            raise CommandInterruptedError(
                f"{self.layer}: terraform {argv[1]} was interrupted and has stopped",
                argv=argv,
                returncode=done.returncode,
                diagnostics=diagnostics,
            )
        if done.returncode not in good:
            raise CommandError(
                _summary(self.layer, argv, done, diagnostics),
                argv=argv,
                returncode=done.returncode,
                diagnostics=diagnostics,
            )
        return done

    def _on_stopping(self, grace: float) -> None:
        self.on_event(events.Stopping(layer=self.layer, grace=grace))


def _summary(layer: str, argv: Sequence[str], done: Completed, diagnostics: Sequence[Diagnostic]) -> str:
    """One line: the first error that Terraform named, else the last line it left on standard error."""
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.is_error]
    said = next((line for line in reversed(done.stderr.splitlines()) if line.strip(" ╷│╵")), "no reason given")
    reason = " ".join((errors[0].summary if errors else said.strip(" ╷│╵")).split())
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    code = f"exit code {done.returncode}" if done.returncode >= 0 else f"ended by signal {-done.returncode}"
    return f"{layer}: terraform {argv[1]} failed ({code}): {reason}{more}"
