"""What happens while it happens, on stderr: a line for what is done, and on a terminal a display of what is not.

Three formats. `pretty` has colours and, on a terminal, a live display of the resources under way with the time that each
has taken, of what it was expected to take, and of what is left of the apply. `bare` is the same lines without either.
`json` is one object a line, for programs.
Off a terminal a long wait still shows signs of life: what is under way is named every half minute.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import fields
from threading import RLock
from typing import TYPE_CHECKING, Any, Protocol

from rich.live import Live

from orchestrator import events, printable
from orchestrator.cli import plain, render, render_contract, render_cost
from orchestrator.cli.options import LogFormat
from orchestrator.cli.terminal import Text
from orchestrator.cli.track import Track, shortened, takes
from orchestrator.estimate import Origin
from orchestrator.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchestrator.cli.invocation import Invocation
    from orchestrator.cli.terminal import Screen

_HEARTBEAT = 30.0
_MOST_LINES = 12
# The lock table is deprecated in favour of `use_lockfile` from Terraform 1.11 on. A backend that names one wants it.
_TABLE = 'parameter "dynamodb_table" is deprecated'
_ENDED = {"create": "created", "update": "changed", "delete": "destroyed", "read": "read", "forget": "forgotten"}
_UNDER_WAY = {"create": "creating", "update": "changing", "delete": "destroying", "read": "reading"}

_ORIGINS = {
    Origin.DOCUMENT: "by wealist.yaml",
    Origin.MEASURED: "as measured here",
    Origin.BOTH: "by wealist.yaml, and as measured here",
}


class Watcher(Protocol):
    """Shows events as they come."""

    def on_event(self, event: events.Event) -> None: ...

    def quiet(self) -> AbstractContextManager[None]:
        """Hold back everything while a question stands; it is shown when the block ends."""


@contextmanager
def reporter(run: Invocation, *, is_stdout_data: bool = False) -> Iterator[Watcher]:
    """What shows a run's events; a display that is up is taken down on the way out."""
    if run.log_format is LogFormat.JSON:
        yield _JsonLines(run)
        return
    talk = render.console(run, stderr=True)
    plans = talk if is_stdout_data else render.console(run)
    progress = _Progress(talk, plans, is_live=run.is_live, is_sandbox=run.wants_sandbox)
    try:
        yield progress
    finally:
        progress.take_down()


class _JsonLines:
    """One object a line."""

    def __init__(self, run: Invocation) -> None:
        self._run = run

    def on_event(self, event: events.Event) -> None:
        print(plain.json_text(to_json(event), self._run.stderr, indent=None), file=self._run.stderr, flush=True)

    def quiet(self) -> AbstractContextManager[None]:
        return nullcontext()


def to_json(event: events.Event) -> dict[str, Any]:
    """An event as plain data: its kind and its fields; a plan by its digest and counts."""
    data: dict[str, Any] = {"event": type(event).__name__}
    for item in fields(event):
        value = getattr(event, item.name)
        if isinstance(event, events.PlanReady) and item.name == "plan":
            value = {"digest": value.digest, "counts": {str(k): n for k, n in value.counts.items()}}
        elif isinstance(event, events.Estimated) and item.name == "estimate":
            value = value.to_json()
        elif isinstance(event, events.Overdue) and item.name == "expected":
            value = {"expected": value.low, "worst": value.high}
        elif isinstance(event, events.OutputsKnown) and item.name == "outputs":
            value = {output.name: output.shown for output in value}
        elif isinstance(event, events.Verified) and item.name == "verdicts":
            value = [verdict.to_json() for verdict in value]
        elif isinstance(event, events.PlanReady) and item.name == "cost":
            value = value and value.to_json()
        elif item.name == "findings":
            value = [finding.to_json() for finding in value]
        data[item.name] = value
    return data


class _Progress:
    """The state of the display. Events come from several threads; each is shown under one lock."""

    def __init__(self, console: Screen, plans: Screen, *, is_live: bool, is_sandbox: bool) -> None:
        self._console = console
        self._plans = plans
        self._is_live = is_live
        self._is_sandbox = is_sandbox
        self._lock = RLock()
        self._live: Live | None = None
        self._tracks: dict[str, Track] = {}
        # Each with the time at which it came: what is under way goes on while a question stands.
        self._held: list[tuple[events.Event, float]] | None = None
        self._said: set[events.Diagnostic] = set()
        self._width = 0
        self._spoke = self._now = time.monotonic()

    def on_event(self, event: events.Event) -> None:
        with self._lock:
            now = time.monotonic()
            if self._held is not None:
                self._held.append((event, now))
            else:
                self._show(event, now)

    def _show(self, event: events.Event, came: float) -> None:
        self._now = came
        handler = getattr(self, f"_on_{type(event).__name__}", None)
        if handler is not None:
            handler(event)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        with self._lock:
            self.take_down()
            self._held = []
        try:
            yield
        finally:
            with self._lock:
                held, self._held = self._held or [], None
                for event, came in held:
                    self._show(event, came)

    def take_down(self) -> None:
        with self._lock:
            if self._live is not None:
                self._live.stop()
                self._live = None

    def _put_up(self) -> None:
        if self._is_live and self._live is None:
            self._live = Live(console=self._console, get_renderable=self._display, refresh_per_second=4, transient=True)
            self._live.start()

    def _print(self, text: Text, layer: str = "") -> None:
        """A line; where several layers are at work, it says whose."""
        self._spoke = time.monotonic()
        self._console.print(Text.assemble((f"{layer:<{self._width}}  ", "dim"), text) if self._width else text)

    def _track(self, layer: str) -> Track:
        return self._tracks.setdefault(layer, Track())

    def _on_Notice(self, event: events.Notice) -> None:
        self._print(Text.assemble(("note: ", "yellow"), printable.indented(event.text)), event.layer)

    def _on_PreflightDone(self, event: events.PreflightDone) -> None:
        for finding in event.findings:
            if finding.severity is not Severity.OK:
                self._print(render.finding_text(finding))
        if not any(finding.is_error for finding in event.findings):
            self._print(_step_line("preflight", event.seconds, f"{len(event.findings)} checks"))

    def _on_RunStarted(self, event: events.RunStarted) -> None:
        if len(event.layers) > 1:
            self._print(Text.assemble(("✓ ", "green"), f"{'order':<10}", (", ".join(event.layers), "dim")))
            self._width = max(map(len, event.layers))

    def _on_StepStarted(self, event: events.StepStarted) -> None:
        track = self._track(event.layer)
        track.step = (event.step, self._now)
        track.under_way.clear()
        track.done.clear()
        track.finished = 0
        self._put_up()

    def _on_StepFinished(self, event: events.StepFinished) -> None:
        self._track(event.layer).step = None
        if not any(track.step for track in self._tracks.values()):
            self.take_down()
        self._print(_step_line(event.step, event.seconds, event.note), event.layer)

    def _on_PlanReady(self, event: events.PlanReady) -> None:
        track = self._track(event.layer)
        track.expected, track.estimate = sum(event.plan.counts.values()), None
        self.take_down()
        self._plans.print()
        self._plans.print(render.plan_text(event.plan, event.layer))
        cost = render_cost.delta_text(event.cost) if event.cost else Text()
        if cost:
            self._plans.print(cost)
        for finding in event.findings:
            self._plans.print(render.finding_text(finding))
        if event.findings or cost:
            self._plans.print()

    def _on_Verified(self, event: events.Verified) -> None:
        self.take_down()
        self._plans.print(render_contract.verdicts_text(event.verdicts, event.layer))

    def _on_Estimated(self, event: events.Estimated) -> None:
        estimate = event.estimate
        self._track(event.layer).estimate = estimate
        where = [_ORIGINS[estimate.origin]]
        if self._is_sandbox and estimate.origin is not Origin.MEASURED:
            where.append("a sandbox is faster")
        text = Text.assemble("expected: applying it takes ", (takes(estimate.whole), "bold"), f" ({'; '.join(where)})")
        self._print(text, event.layer)

    def _on_Overdue(self, event: events.Overdue) -> None:
        doing = _UNDER_WAY.get(event.action, event.action)
        text = f"{event.address} is overdue\n"
        text += f"  {doing} for {render.duration(event.elapsed)}, and {event.expected.text} were expected; "
        text += f"Ctrl-C stops politely\n  see {'' if self._is_sandbox else 'the AWS console, or '}{event.look}"
        self._print(Text.assemble(("! ", "yellow"), text), event.layer)

    def _on_Diagnostic(self, event: events.Diagnostic) -> None:
        step = self._track(event.layer).step
        if not event.is_error and step and step[0] == "init":
            # Init's warnings are about how providers were installed; they stand in the event log.
            return
        if not event.is_error and (event in self._said or _TABLE in event.detail):
            # Apply repeats the warnings of the plan, and one about the backend block that nobody here needs to act on.
            return
        self._said.add(event)
        style = "red" if event.is_error else "yellow"
        text = Text.assemble((f"{event.severity}: ", f"bold {style}"), (printable.line(event.summary), "bold"))
        where = ", ".join(part for part in (event.address, event.where) if part)
        if where:
            text.append(f"\n  {printable.line(where)}", style="cyan")
        if event.detail:
            text.append("\n  " + event.detail.strip().replace("\n", "\n  "))
        self._print(text, event.layer)

    def _on_ResourceEvent(self, event: events.ResourceEvent) -> None:
        track = self._track(event.layer)
        if not track.is_applying:
            return
        if event.phase == "start":
            track.under_way[event.address] = (event.action, self._now)
        elif event.phase in ("complete", "errored"):
            track.under_way.pop(event.address, None)
            self._on_resource_end(event, track)
        elif not self._is_live and self._now - self._spoke > _HEARTBEAT:
            names = ", ".join(f"{address} ({track.taken(address, self._now)})" for address in track.under_way)
            left = track.left(self._now)
            self._print(Text(f"  … {names}{f'; {left}' if left else ''}", style="dim"), event.layer)

    def _on_resource_end(self, event: events.ResourceEvent, track: Track) -> None:
        if event.action == "read" and event.phase == "complete":
            return
        track.finished += event.phase == "complete"
        track.done.add((event.address, event.action))
        word = _ENDED.get(event.action, event.action) if event.phase == "complete" else "failed"
        mark, style = ("✓", "green") if event.phase == "complete" else ("✗", "red")
        seconds = f"  {event.elapsed:.0f} s" if event.elapsed else ""
        line = Text.assemble((f"  {mark} ", style), f"{word} {event.address}", (seconds, "dim"))
        self._print(line, event.layer)

    def _on_Stopping(self, event: events.Stopping) -> None:
        if event.grace:
            text = f"stopping: Terraform has {event.grace:.0f} s to finish what is under way and save its state."
            self._print(Text.assemble(("! ", "yellow"), text, " Ctrl-C again ends it now."), event.layer)
        else:
            self._print(Text.assemble(("! ", "red"), "ending Terraform now: its state may be incomplete"), event.layer)

    def _display(self) -> Text:
        """What is under way in each layer, the longest first."""
        with self._lock:
            text = Text()
            for layer, track in self._tracks.items():
                if track.step is not None:
                    text.append_text(_track_text(layer if self._width else "", track, self._console.width))
            text.no_wrap, text.overflow = True, "ellipsis"
            return text


def _track_text(layer: str, track: Track, width: int) -> Text:
    assert track.step is not None
    now = time.monotonic()
    step, since = track.step
    whose = f"{layer} " if layer else ""
    text = Text.assemble(("⋯ ", "cyan"), f"{whose}{step}  {render.duration(now - since)}")
    left = track.left(now) if track.is_applying else ""
    text.append(f", {left}" if left else "")
    if track.is_applying and track.expected:
        text.append(f"  {track.finished} of {track.expected} done", style="dim")
    going = sorted(track.under_way.items(), key=lambda item: item[1][1])
    for address, (action, _) in going[:_MOST_LINES]:
        doing, taken = f"  ⋯ {_UNDER_WAY.get(action, action)} ", track.taken(address, now)
        text.append(f"\n{doing}{shortened(address, width - len(doing) - len(taken) - 3)}  ")
        text.append(taken, style="dim")
    if len(going) > _MOST_LINES:
        text.append(f"\n  and {len(going) - _MOST_LINES} more", style="dim")
    return text.append("\n")


def _step_line(step: str, seconds: float, note: str) -> Text:
    parts = [note, render.duration(seconds) if seconds else ""]
    return Text.assemble(("✓ ", "green"), f"{step:<10}", (", ".join(part for part in parts if part), "dim"))
