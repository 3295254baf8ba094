"""What is settled before a run starts: which layers, in which order, with what, and that nothing speaks against it.

Whatever can be refused is refused here, before Terraform has been started for any layer: words that make no sense, a check
that fails, an order that does not work out, a run to go on with that has moved.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from orchestrator import address, events, pace, permission, preflight, price, resume, verification
from orchestrator.environment_secrets import secrets_of
from orchestrator.errors import ConfigError, PreflightError, UsageError
from orchestrator.order import Order
from orchestrator.run import ROTATION
from orchestrator.tf import args, sensitive, variables
from orchestrator.tf.env import child_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orchestrator.aws.session import Sessions
    from orchestrator.discovery import Estate
    from orchestrator.events import Event
    from orchestrator.layer import Layer
    from orchestrator.preflight import Preflight
    from orchestrator.process import Runner
    from orchestrator.redaction import Redactor
    from orchestrator.resume import Unfinished
    from orchestrator.run import RunOptions
    from orchestrator.target import Target
    from orchestrator.tf.binary import Binary
    from orchestrator.tf.env import ChildEnvironment

_MOST_LAYERS_AT_ONCE = 4
# A price book that is wrong must not keep anybody from taking a layer down.
_PRICED = ("plan", "up", ROTATION, "cost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A run that may start.

    Attributes:
        layers: With dependencies first.
        options: With every permission bound to its layer, and files by absolute path.
        checked: Without errors.
        parallelism: Layers at once.
    """

    command: str
    layers: tuple[Layer, ...]
    order: Order
    options: RunOptions
    environment: ChildEnvironment
    checked: Preflight
    binary: Binary
    parallelism: int
    unfinished: Unfinished | None

    def to_json(self) -> dict[str, Any]:
        """What the ledger keeps of it, so that it can be gone on with."""
        before = {}
        if self.unfinished is not None:
            before = {"resumes": self.unfinished.run_id, "done": dict(self.unfinished.done)}
        return {"layers": list(self.order.ids), "options": resume.describe(self.options, self.layers), **before}


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """What runs are settled with.

    Attributes:
        emit: Tells the watcher.
    """

    estate: Estate
    target: Target
    sessions: Sessions
    runner: Runner
    redact: Redactor
    emit: Callable[[Event], bool]

    def select(self, names: Sequence[str]) -> tuple[Layer, ...]:
        """The layers with these names, dependencies first; none where none is named."""
        self._check_any()
        layers = {layer.id: layer for layer in map(self.estate.layer, names)}
        if len(layers) < 2:
            return tuple(layers.values())
        return tuple(layers[id_] for id_ in self.estate.graph.order(layers))

    def select_any(self, names: Sequence[str]) -> tuple[Layer, ...]:
        """The same, but every layer where none is named."""
        self._check_any()
        return self.select(names) if names else self.estate.layers

    def _check_any(self) -> None:
        if not self.estate.folders:
            patterns = ", ".join(self.estate.config.layers.include)
            raise ConfigError(
                f"{self.estate.root}: there are no layers; layers.include matches nothing ({patterns})",
                hint="a layer is a folder with .tf files, as terraform/prod/foundation",
            )

    def check(
        self,
        layers: Sequence[Layer],
        environment: ChildEnvironment | None = None,
        *,
        neighbours: Sequence[Layer] = (),
        will_write: bool,
        is_prompted: bool = True,
    ) -> Preflight:
        """Make every check for these layers.

        Raises:
            ConfigError: One leads to another place than the target.
        """
        for layer in layers:
            self.target.check(layer, self.target.folder(layer.path))
        return preflight.check(
            layers,
            config=self.estate.config,
            target=self.target,
            sessions=self.sessions,
            runner=self.runner,
            env=(environment or child_environment(self.target.environ)).values,
            neighbours=neighbours,
            known=[problem for layer in layers if (problem := self.estate.find_shared_state(layer)) is not None],
            will_write=will_write,
            is_prompted=is_prompted,
            expected=pace.foresee(self.estate, [layer.id for layer in layers], self.target.home)
            if will_write
            else None,
        )

    def settle(
        self,
        command: str,
        names: Sequence[str],
        options: RunOptions,
        *,
        will_write: bool,
        unfinished: Unfinished | None = None,
    ) -> Launch:
        """Settle a run, or refuse it.

        Raises:
            UsageError: Words that make no sense.
            PreflightError: A check failed.
            LayerOrderError: A layer keeps its state where another does.
            LayerOrderError, StateLockedError, GuardError: The layers around do not allow it.
        """
        layers = self.select(names)
        for layer in layers:
            self.estate.refuse_shared_state(layer)
        if command in _PRICED:
            self._check_prices(options)
        # A run that is gone on with was made for the layers that are done, too.
        done = self._done(unfinished)
        args.check_extra(options.extra)
        options = replace(options, var_files=variables.check_files(options.var_files))
        variables.check_assigned(options.values, [*done, *layers], files=options.var_files)
        self._learn(layers, options)
        if command not in ("down", "drift"):
            for layer in layers:
                # One that can't be read is found before Terraform is started.
                verification.contract_of(layer)
        environment = child_environment(self.target.environ, keep_log=options.keep_terraform_log)
        for name, reason in environment.dropped_but(options.values).items():
            self.emit(events.Notice(text=f"{name} is left out of Terraform's environment: {reason}"))
        order = Order.of(command, self.estate, layers)
        options = self._with_permissions(options, [*order.ids, *(layer.id for layer in done)])
        around = {layer.id: layer for layer in (*order.neighbours, *done) if layer.id not in order.ids}
        checked = self.check(
            layers,
            environment,
            neighbours=tuple(around.values()),
            will_write=will_write,
            is_prompted=options.is_prompted,
        )
        binary = self._passed(checked, order)
        address.check_targets(options.targets, [*done, *layers], checked.states, command=self.target.command)
        address.check_replaced(options.replace, [*done, *layers], checked.states, command=self.target.command)
        if unfinished is not None:
            afresh = self.target.command(command, *order.ids)
            known = {**around, **{layer.id: layer for layer in layers}}
            resume.check_unmoved(unfinished, known, checked.states, command=afresh)
        order.check(checked, self.target, allow_incomplete=options.allow_incomplete)
        return Launch(
            command=command,
            layers=layers,
            order=order,
            options=options,
            environment=environment,
            checked=checked,
            binary=binary,
            parallelism=options.parallelism or self.estate.config.parallelism or _parallelism(),
            unfinished=unfinished,
        )

    def _done(self, unfinished: Unfinished | None) -> list[Layer]:
        ids = unfinished.done if unfinished else ()
        return [self.estate.layer(id_) for id_ in ids if id_ in self.estate.folders]

    def _learn(self, layers: Sequence[Layer], options: RunOptions) -> None:
        """Know every secret that can be known before the first line is written."""
        self.redact.add(secrets_of(self.target.environ))
        for layer in layers:
            self.redact.allow(sensitive.names_of(layer))
            self.redact.add(
                sensitive.values_of(
                    layer, values=options.values, var_files=options.var_files, environ=self.target.environ
                )
            )

    def _passed(self, checked: Preflight, order: Order) -> Binary:
        """Tell of the checks, learn what is secret, and stop where one failed."""
        self.emit(events.PreflightDone(findings=checked.findings, seconds=checked.seconds))
        if checked.errors or checked.binary is None:
            count = len(checked.errors)
            raise PreflightError(
                f"preflight: {count} check{'s' if count != 1 else ''} failed; nothing was started",
                findings=checked.findings,
                hint=self.target.command("preflight", *order.ids),
            )
        self.redact.add(self.sessions.secrets())
        for state in checked.states.values():
            if state is not None:
                self.redact.add(state.secrets)
                self.redact.allow(state.public)
        return checked.binary

    def _check_prices(self, options: RunOptions) -> None:
        """A price book that is wrong is found before anything starts, and a limit needs one."""
        book, limit = self.estate.prices, options.max_monthly_delta
        if limit is None:
            return
        if book is None:
            raise UsageError(
                f"--max-monthly-delta {limit:g}: nothing here states prices",
                hint=f"write {self.estate.root / price.FILENAME}; docs/commands.md shows one",
            )
        if not math.isfinite(limit):
            raise UsageError(f"--max-monthly-delta {limit}: this is no amount", hint=f"in {book.currency}, as in 50")

    def _with_permissions(self, options: RunOptions, ids: Sequence[str]) -> RunOptions:
        """The options with every address that a guard lets pass bound to its layer."""

        def bound(given: Sequence[str], flag: str) -> tuple[str, ...]:
            return permission.normalize(given, ids, resolve=self.estate.resolve, flag=flag)

        return replace(
            options,
            allow_destroy=bound(options.allow_destroy, "--allow-destroy"),
            allow_forget=bound(options.allow_forget, "--allow-forget"),
            allow_weaken=bound(options.allow_weaken, "--allow-weaken"),
            accept_contract=bound(options.accept_contract, verification.ACCEPT),
        )


def _parallelism() -> int:
    return min(os.cpu_count() or 1, _MOST_LAYERS_AT_ONCE)
