"""What happens while it happens, on stderr: a line for what is done, and on a terminal a display of what is not.

Three formats. `pretty` has colours and, on a terminal, a live display of the resources under way with the seconds each
has taken. `bare` is the same lines without either. `json` is one object a line, for programs.
Off a terminal a long wait still shows signs of life: what is under way is named every half minute.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import fields
from threading import RLock
from typing import TYPE_CHECKING, Any

from rich.live import Live
from rich.text import Text

from orchestrator import events
from orchestrator.cli import render
from orchestrator.cli.options import LogFormat
from orchestrator.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from orchestrator.cli.invocation import Invocation

_HEARTBEAT = 30.0
_MOST_LINES = 12
_ENDED = {"create": "created", "update": "changed", "delete": "destroyed", "read": "read", "forget": "forgotten"}
_UNDER_WAY = {"create": "creating", "update": "changing", "delete": "destroying", "read": "reading"}


@contextmanager
def reporter(run: Invocation, *, is_stdout_data: bool = False) -> Iterator[Callable[[events.Event], None]]:
    """A function that shows events; a display that is up is taken down on the way out."""
    if run.log_format is LogFormat.JSON:
        yield lambda event: print(json.dumps(to_json(event), ensure_ascii=False), file=run.stderr, flush=True)
        return
    talk = render.console(run, stderr=True)
    progress = _Progress(talk, talk if is_stdout_data else render.console(run), is_live=run.is_live)
    try:
        yield progress.on_event
    finally:
        progress.take_down()


def to_json(event: events.Event) -> dict[str, Any]:
    """An event as plain data: its kind and its fields; a plan by its digest and counts."""
    data: dict[str, Any] = {"event": type(event).__name__}
    for item in fields(event):
        value = getattr(event, item.name)
        if isinstance(event, events.PlanReady) and item.name == "plan":
            value = {"digest": value.digest, "counts": {str(k): n for k, n in value.counts.items()}}
        elif isinstance(event, events.OutputsKnown) and item.name == "outputs":
            value = {output.name: output.shown for output in value}
        elif isinstance(event, events.PreflightDone) and item.name == "findings":
            value = [finding.to_json() for finding in value]
        data[item.name] = value
    return data


class _Progress:
    """The state of the display. Events come from several threads; each is shown under one lock."""

    def __init__(self, console: Console, plans: Console, *, is_live: bool) -> None:
        self._console = console
        self._plans = plans
        self._is_live = is_live
        self._lock = RLock()
        self._live: Live | None = None
        self._step: tuple[str, float] | None = None
        self._under_way: dict[str, tuple[str, float]] = {}
        self._finished = 0
        self._expected = 0
        self._spoke = time.monotonic()

    def on_event(self, event: events.Event) -> None:
        with self._lock:
            handler = getattr(self, f"_on_{type(event).__name__}", None)
            if handler is not None:
                handler(event)

    def take_down(self) -> None:
        with self._lock:
            if self._live is not None:
                self._live.stop()
                self._live = None

    def _print(self, text: Text) -> None:
        self._spoke = time.monotonic()
        self._console.print(text)

    def _on_Notice(self, event: events.Notice) -> None:
        self._print(Text.assemble(("note: ", "yellow"), event.text))

    def _on_PreflightDone(self, event: events.PreflightDone) -> None:
        for finding in event.findings:
            if finding.severity is not Severity.OK:
                self._print(render.finding_text(finding))
        if not any(finding.is_error for finding in event.findings):
            self._print(_step_line("preflight", event.seconds, f"{len(event.findings)} checks"))

    def _on_StepStarted(self, event: events.StepStarted) -> None:
        self._step = (event.step, time.monotonic())
        self._under_way.clear()
        self._finished = 0
        if self._is_live and self._live is None:
            self._live = Live(console=self._console, get_renderable=self._display, refresh_per_second=4, transient=True)
            self._live.start()

    def _on_StepFinished(self, event: events.StepFinished) -> None:
        self.take_down()
        self._step = None
        self._print(_step_line(event.step, event.seconds, event.note))

    def _on_PlanReady(self, event: events.PlanReady) -> None:
        self._expected = sum(event.plan.counts.values())
        self._plans.print()
        self._plans.print(render.plan_text(event.plan, event.layer))

    def _on_Diagnostic(self, event: events.Diagnostic) -> None:
        if not event.is_error and self._step and self._step[0] == "init":
            # Init's warnings are about how providers were installed; they stand in the event log.
            return
        style = "red" if event.is_error else "yellow"
        text = Text.assemble((f"{event.severity}: ", f"bold {style}"), (event.summary, "bold"))
        where = ", ".join(part for part in (event.address, event.where) if part)
        if where:
            text.append(f"\n  {where}", style="cyan")
        if event.detail:
            text.append("\n  " + event.detail.strip().replace("\n", "\n  "))
        self._print(text)

    def _on_ResourceEvent(self, event: events.ResourceEvent) -> None:
        if self._step is None or self._step[0] != "apply":
            return
        if event.phase == "start":
            self._under_way[event.address] = (event.action, time.monotonic())
        elif event.phase in ("complete", "errored"):
            self._under_way.pop(event.address, None)
            self._on_resource_end(event)
        elif not self._is_live and time.monotonic() - self._spoke > _HEARTBEAT:
            now = time.monotonic()
            names = ", ".join(f"{address} ({now - since:.0f} s)" for address, (_, since) in self._under_way.items())
            self._print(Text(f"  … {names}", style="dim"))

    def _on_resource_end(self, event: events.ResourceEvent) -> None:
        if event.action == "read" and event.phase == "complete":
            return
        self._finished += event.phase == "complete"
        word = _ENDED.get(event.action, event.action) if event.phase == "complete" else "failed"
        mark, style = ("✓", "green") if event.phase == "complete" else ("✗", "red")
        seconds = f"  {event.elapsed:.0f} s" if event.elapsed else ""
        self._print(Text.assemble((f"  {mark} ", style), f"{word} {event.address}", (seconds, "dim")))

    def _on_Stopping(self, event: events.Stopping) -> None:
        if event.grace:
            text = f"stopping: Terraform has {event.grace:.0f} s to finish what is under way and save its state."
            self._print(Text.assemble(("! ", "yellow"), text, " Ctrl-C again ends it now."))
        else:
            self._print(Text.assemble(("! ", "red"), "ending Terraform now: its state may be incomplete"))

    def _display(self) -> Text:
        """What is under way, the longest first."""
        with self._lock:
            if self._step is None:
                return Text("")
            now = time.monotonic()
            step, since = self._step
            text = Text.assemble(("⋯ ", "cyan"), f"{step}  {render.duration(now - since)}")
            if step == "apply" and self._expected:
                text.append(f"  {self._finished} of {self._expected} done", style="dim")
            going = sorted(self._under_way.items(), key=lambda item: item[1][1])
            for address, (action, began) in going[:_MOST_LINES]:
                text.append(f"\n  ⋯ {_UNDER_WAY.get(action, action)} {address}  ")
                text.append(render.duration(now - began), style="dim")
            if len(going) > _MOST_LINES:
                text.append(f"\n  and {len(going) - _MOST_LINES} more", style="dim")
            text.no_wrap, text.overflow = True, "ellipsis"
            return text


def _step_line(step: str, seconds: float, note: str) -> Text:
    parts = [note, render.duration(seconds) if seconds else ""]
    return Text.assemble(("✓ ", "green"), f"{step:<10}", (", ".join(part for part in parts if part), "dim"))
