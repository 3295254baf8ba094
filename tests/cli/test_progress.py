from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import events
from orchestrator.cli import progress
from orchestrator.cli.options import LogFormat
from orchestrator.cli.track import shortened
from orchestrator.duration import Span
from orchestrator.estimate import Estimate, Origin, Step
from orchestrator.finding import Finding, Severity
from orchestrator.outputs import Output
from orchestrator.plan import Plan
from tests.cli.test_render import ERROR, OK, WARNING, invocation
from tests.fakes import CANARY, recorded, recorded_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    Capture = pytest.CaptureFixture[str]

PLAN = Plan.from_json(recorded_json("plan-create.json"), digest="sha256:00")

DATABASE = "module.rds.module.db_instance.aws_db_instance.this[0]"
ESTIMATE = Estimate(
    whole=Span(low=900.0, high=1200.0),
    origin=Origin.DOCUMENT,
    steps=(Step(name="RDS", work={(DATABASE, "create"): Span(low=480.0, high=720.0)}),),
)
OVERDUE = events.Overdue(
    layer="prod/foundation",
    address=DATABASE,
    action="create",
    elapsed=1090.0,
    expected=Span(low=480.0, high=720.0),
    look="wealist status prod/foundation",
)


def show(seen: Iterable[events.Event], **more: Any) -> None:
    with progress.reporter(invocation(**more)) as watcher:
        for event in seen:
            watcher.on_event(event)


def stream(name: str) -> list[events.Event]:
    parsed = (events.parse(line) for line in recorded(name).splitlines())
    return [event for event in parsed if event is not None]


def resource(phase: str, action: str = "create", elapsed: float = 0.0) -> events.ResourceEvent:
    return events.ResourceEvent(phase=phase, address="aws_db_instance.this", action=action, elapsed=elapsed)


def applying(*seen: events.Event) -> list[events.Event]:
    return [events.StepStarted(step="apply"), *seen]


def test_an_apply_is_a_line_for_each_resource_that_is_done(capsys: Capture) -> None:
    show([*applying(*stream("apply-mixed.jsonl")), events.StepFinished(step="apply", seconds=93.4)])

    out, err = capsys.readouterr()
    lines = [line.rstrip() for line in err.splitlines()]
    assert out == ""
    assert lines[-1] == "✓ apply     1 min 33 s"
    assert sorted(lines[:-1]) == [
        "  ✓ changed terraform_data.secret",
        "  ✓ changed terraform_data.updated",
        "  ✓ created terraform_data.created",
        "  ✓ created terraform_data.replaced",
        "  ✓ destroyed terraform_data.deleted",
        "  ✓ destroyed terraform_data.replaced",
    ]


def test_a_failure_is_told_with_what_terraform_said(capsys: Capture) -> None:
    show(applying(*stream("apply-failed.jsonl")))

    lines = [line.rstrip() for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        "  ✗ failed terraform_data.failing",
        "error: local-exec provisioner error",
        "  terraform_data.failing, main.tf:42",
        "  Error running command 'exit 7': exit status 7. Output:",
    ]


def test_seconds_are_those_of_terraform(capsys: Capture) -> None:
    show(applying(resource("start"), resource("complete", elapsed=81)))

    assert "✓ created aws_db_instance.this  81 s" in capsys.readouterr().err


def test_reads_and_refreshes_are_not_worth_a_line(capsys: Capture) -> None:
    show(applying(resource("start", "read"), resource("complete", "read")))
    show([events.StepStarted(step="plan"), resource("start"), resource("complete")])

    assert capsys.readouterr().err == ""


def test_a_failed_read_is_worth_one(capsys: Capture) -> None:
    show(applying(resource("start", "read"), resource("errored", "read")))

    assert "✗ failed aws_db_instance.this" in capsys.readouterr().err


def test_a_plan_is_data_and_the_rest_is_talk(capsys: Capture) -> None:
    show([events.PlanReady(layer="prod/foundation", plan=PLAN)])

    out, err = capsys.readouterr()
    assert "prod/foundation: 6 to create" in out
    assert err == ""


def test_preflight_shows_what_is_not_well(capsys: Capture) -> None:
    show([events.PreflightDone(findings=(OK, WARNING), seconds=0.31)])

    assert capsys.readouterr().err.splitlines() == [
        "! state-lock.held  s3://a: locked",
        "    wait",
        "✓ preflight 2 checks, 0.3 s",
    ]


def test_a_failed_preflight_did_not_pass(capsys: Capture) -> None:
    show([events.PreflightDone(findings=(OK, ERROR), seconds=0.31)])

    err = capsys.readouterr().err
    assert "✗ terraform.missing" in err
    assert "✓ preflight" not in err


def test_notes_and_steps_that_were_not_needed(capsys: Capture) -> None:
    show([events.Notice(text="TF_LOG is left out"), events.StepFinished(step="init", seconds=0.0, note="not needed")])

    assert capsys.readouterr().err.splitlines() == ["note: TF_LOG is left out", "✓ init      not needed"]


@pytest.mark.parametrize(("step", "is_shown"), [("init", False), ("plan", True)])
def test_warnings_are_shown_but_those_of_init(step: str, capsys: Capture, *, is_shown: bool) -> None:
    show([events.StepStarted(step=step), events.Diagnostic(severity="warning", summary="Deprecated")])

    assert ("warning: Deprecated" in capsys.readouterr().err) is is_shown


def test_an_error_of_init_is_shown(capsys: Capture) -> None:
    show([events.StepStarted(step="init"), events.Diagnostic(severity="error", summary="No such module")])

    assert "error: No such module" in capsys.readouterr().err


def test_stopping_says_what_happens_and_what_can_be_done(capsys: Capture) -> None:
    show([events.Stopping(grace=60.0), events.Stopping(grace=0.0)])

    first, second = capsys.readouterr().err.splitlines()
    assert "stopping: Terraform has 60 s to finish what is under way" in first
    assert "Ctrl-C again ends it now" in first
    assert "ending Terraform now: its state may be incomplete" in second


def test_off_a_terminal_a_long_wait_shows_signs_of_life(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("orchestrator.cli.progress.time.monotonic", lambda: clock[0])

    with progress.reporter(invocation()) as watcher:
        watcher.on_event(events.StepStarted(step="apply"))
        watcher.on_event(resource("start"))
        clock[0] += 10
        watcher.on_event(resource("progress", elapsed=10))
        assert capsys.readouterr().err == ""
        clock[0] += 25
        watcher.on_event(resource("progress", elapsed=35))

    assert capsys.readouterr().err == "  … aws_db_instance.this (35 s)\n"


def test_what_began_while_a_question_stood_is_as_old_as_it_is(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("orchestrator.cli.progress.time.monotonic", lambda: clock[0])

    with progress.reporter(invocation()) as watcher:
        with watcher.quiet():
            watcher.on_event(events.StepStarted(step="apply"))
            watcher.on_event(resource("start"))
            clock[0] += 300
            assert capsys.readouterr().err == ""
        clock[0] += 40
        watcher.on_event(resource("progress", elapsed=340))

    assert capsys.readouterr().err == "  … aws_db_instance.this (5 min 40 s)\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_what_is_under_way_is_kept_on_display(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")

    with progress.reporter(invocation()) as watcher:
        watcher.on_event(events.PlanReady(plan=PLAN))
        watcher.on_event(events.StepStarted(step="apply"))
        watcher.on_event(resource("start"))
        shown = watcher._display().plain  # type: ignore[attr-defined]
        watcher.on_event(resource("complete", elapsed=81))
        done = watcher._display().plain  # type: ignore[attr-defined]
        watcher.on_event(events.StepFinished(step="apply", seconds=82))

    assert "0 of 6 done" in shown
    assert "⋯ creating aws_db_instance.this" in shown
    assert "1 of 6 done" in done
    assert "aws_db_instance.this" not in done
    assert "created aws_db_instance.this" in screen.getvalue()


def test_a_crowded_display_says_how_many_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())

    with progress.reporter(invocation()) as watcher:
        watcher.on_event(events.StepStarted(step="apply"))
        for number in range(15):
            watcher.on_event(events.ResourceEvent(phase="start", address=f"a.b[{number}]", action="create"))
        shown = watcher._display().plain  # type: ignore[attr-defined]

    assert shown.splitlines()[-1].strip() == "and 3 more"


@pytest.mark.parametrize(
    ("more", "environ"),
    [({"no_color": True}, {}), ({"log_format": LogFormat.BARE}, {}), ({}, {"TERM": "dumb"}), ({}, {"NO_COLOR": "1"})],
)
def test_there_is_no_display_where_it_is_unwanted(
    more: dict[str, Any], environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    assert not invocation(**more).is_live


def test_for_programs_each_event_is_an_object_a_line(capsys: Capture) -> None:
    seen: list[events.Event] = [
        events.PreflightDone(findings=(OK,), seconds=0.5),
        events.PlanReady(layer="prod/foundation", plan=PLAN, findings=(WARNING,)),
        events.OutputsKnown(
            layer="prod/foundation",
            outputs=(Output(name="a", value=1), Output(name="password", value=CANARY, is_sensitive=True)),
        ),
        resource("complete", elapsed=3.0),
    ]

    show(seen, log_format=LogFormat.JSON)

    out, err = capsys.readouterr()
    assert out == ""
    preflight, plan, outputs, done = map(json.loads, err.splitlines())
    assert preflight == {"event": "PreflightDone", "layer": "", "findings": [OK.to_json()], "seconds": 0.5}
    assert plan == {
        "event": "PlanReady",
        "layer": "prod/foundation",
        "plan": {"digest": "sha256:00", "counts": {"create": 6}},
        "findings": [WARNING.to_json()],
        "cost": None,
    }
    assert outputs["outputs"] == {"a": 1, "password": "(redacted)"}
    assert (done["event"], done["phase"], done["elapsed"]) == ("ResourceEvent", "complete", 3.0)


def test_every_kind_of_event_can_be_written_for_programs() -> None:
    finding = Finding(id="a.ok", severity=Severity.OK, subject="s", seen="x")
    known: dict[str, events.Event] = {
        "Diagnostic": events.Diagnostic(severity="error", summary="s"),
        "ResourceEvent": resource("start"),
        "ChangeSummary": events.ChangeSummary(operation="plan", added=1, changed=2, removed=3),
        "OutputsKnown": events.OutputsKnown(outputs=(Output(name="a", value={"b": [1]}),)),
        "StepStarted": events.StepStarted(step="init"),
        "StepFinished": events.StepFinished(step="init", seconds=1.0),
        "PreflightDone": events.PreflightDone(findings=(finding,), seconds=1.0),
        "RunStarted": events.RunStarted(layers=("a", "b"), parallelism=2),
        "PlanReady": events.PlanReady(plan=PLAN),
        "Verified": events.Verified(verdicts=()),
        "Estimated": events.Estimated(estimate=ESTIMATE),
        "Overdue": OVERDUE,
        "Notice": events.Notice(text="t"),
        "Stopping": events.Stopping(grace=1.0),
    }

    kinds = {kind.__name__ for kind in events.Event.__subclasses__() if kind.__module__ == events.__name__}

    assert kinds == set(known)
    for name, event in known.items():
        assert json.loads(json.dumps(progress.to_json(event)))["event"] == name


def test_while_a_question_stands_nothing_else_is_said(capsys: Capture) -> None:
    with progress.reporter(invocation()) as watcher:
        watcher.on_event(events.RunStarted(layers=("prod/a", "prod/b"), parallelism=2))
        capsys.readouterr()
        with watcher.quiet():
            watcher.on_event(events.StepStarted(layer="prod/b", step="apply"))
            watcher.on_event(events.StepFinished(layer="prod/b", step="apply", seconds=1.0))
            watcher.on_event(events.PlanReady(layer="prod/b", plan=PLAN))
            assert capsys.readouterr() == ("", "")

    out, err = capsys.readouterr()
    assert "prod/b: 6 to create" in out
    assert err == "prod/b  ✓ apply     1.0 s\n"


def test_several_layers_are_told_apart(capsys: Capture) -> None:
    show(
        [
            events.RunStarted(layers=("prod/foundation", "prod/a"), parallelism=2),
            events.StepFinished(layer="prod/a", step="init", seconds=0.0, note="not needed"),
            events.Notice(layer="prod/a", text="look"),
        ]
    )

    assert capsys.readouterr().err.splitlines() == [
        "✓ order     prod/foundation, prod/a",
        "prod/a           ✓ init      not needed",
        "prod/a           note: look",
    ]


def database(phase: str, elapsed: float = 0.0) -> events.ResourceEvent:
    return events.ResourceEvent(phase=phase, address=DATABASE, action="create", elapsed=elapsed)


@pytest.mark.parametrize(
    ("estimate", "sandbox", "line"),
    [
        (ESTIMATE, False, "expected: applying it takes 15-20 min (by wealist.yaml)"),
        (ESTIMATE, True, "expected: applying it takes 15-20 min (by wealist.yaml; a sandbox is faster)"),
        (
            Estimate(whole=Span(low=80.0, high=95.0), origin=Origin.MEASURED),
            True,
            "expected: applying it takes 80 s to 2 min (as measured here)",
        ),
        (
            Estimate(whole=Span(low=300.0, high=480.0), origin=Origin.BOTH),
            False,
            "expected: applying it takes 5-8 min (by wealist.yaml, and as measured here)",
        ),
        (
            Estimate(whole=Span(low=0.0, high=60.0), origin=Origin.DOCUMENT),
            False,
            "expected: applying it takes less than a minute (by wealist.yaml)",
        ),
    ],
)
def test_what_it_will_take_is_said_after_the_plan(
    capsys: Capture, estimate: Estimate, line: str, *, sandbox: bool
) -> None:
    show([events.PlanReady(plan=PLAN), events.Estimated(estimate=estimate)], sandbox=sandbox)

    assert capsys.readouterr().err == f"{line}\n"


@pytest.mark.parametrize(
    ("elapsed", "whole", "one"),
    [
        (45, "apply  45 s, about 14-19 min left  0 of 6 done", "45 s of 8-12 min"),
        (250, "apply  4 min 10 s, about 11-16 min left  0 of 6 done", "4 min 10 s of 8-12 min"),
        (960, "apply  16 min 00 s, at most 4 min left  0 of 6 done", "16 min 00 s of 8-12 min"),
        (1170, "apply  19 min 30 s, less than a minute left  0 of 6 done", "19 min 30 s of 8-12 min"),
        (1500, "apply  25 min 00 s, over the 15-20 min expected  0 of 6 done", "25 min 00 s of 8-12 min"),
    ],
)
def test_the_display_has_what_was_expected_and_what_is_left(
    monkeypatch: pytest.MonkeyPatch, elapsed: float, whole: str, one: str
) -> None:
    clock = [100.0]
    monkeypatch.setattr("orchestrator.cli.progress.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")

    with progress.reporter(invocation()) as watcher:
        for event in (
            events.RunStarted(layers=("prod/foundation", "prod/compute"), parallelism=2),
            events.PlanReady(layer="prod/foundation", plan=PLAN),
            events.Estimated(layer="prod/foundation", estimate=ESTIMATE),
            events.StepStarted(layer="prod/foundation", step="apply"),
            events.ResourceEvent(
                layer="prod/foundation", phase="start", address=DATABASE, action="create", elapsed=0.0
            ),
        ):
            watcher.on_event(event)
        clock[0] += elapsed
        shown = watcher._display().plain.splitlines()  # type: ignore[attr-defined]
        watcher.take_down()  # type: ignore[attr-defined]

    assert shown[0] == f"⋯ prod/foundation {whole}"
    assert shown[1].endswith(f"  {one}")
    assert "aws_db_instance.this[0]" in shown[1]
    assert max(map(len, shown)) <= 80


def test_when_all_that_takes_long_is_done_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")

    with progress.reporter(invocation()) as watcher:
        watcher.on_event(events.PlanReady(plan=PLAN))
        watcher.on_event(events.Estimated(estimate=ESTIMATE))
        for event in applying(database("start"), database("complete", 500.0)):
            watcher.on_event(event)
        shown = watcher._display().plain  # type: ignore[attr-defined]

    assert "less than a minute left  1 of 6 done" in shown


def test_another_plan_has_another_estimate_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())

    with progress.reporter(invocation()) as watcher:
        for event in (
            events.Estimated(estimate=ESTIMATE),
            events.PlanReady(plan=PLAN),
            events.StepStarted(step="apply"),
            database("start"),
        ):
            watcher.on_event(event)
        shown = watcher._display().plain  # type: ignore[attr-defined]

    assert "left" not in shown
    assert " of 8" not in shown


def test_off_a_terminal_the_signs_of_life_have_the_same_figures(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr("orchestrator.cli.progress.time.monotonic", lambda: clock[0])

    with progress.reporter(invocation()) as watcher:
        for event in (events.Estimated(estimate=ESTIMATE), *applying(database("start"))):
            watcher.on_event(event)
        capsys.readouterr()
        clock[0] += 190
        watcher.on_event(database("progress", elapsed=190))

    line = f"  … {DATABASE} (3 min 10 s of 8-12 min); about 12-17 min left\n"
    assert capsys.readouterr().err == line


def test_what_is_overdue_is_a_line_of_its_own_with_what_to_look_at(capsys: Capture) -> None:
    show([OVERDUE])

    assert capsys.readouterr().err.splitlines() == [
        f"! {DATABASE} is overdue",
        "  creating for 18 min 10 s, and 8-12 min were expected; Ctrl-C stops politely",
        "  see the AWS console, or wealist status prod/foundation",
    ]


def test_a_sandbox_has_no_console(capsys: Capture) -> None:
    show([OVERDUE], sandbox=True)

    assert "console" not in capsys.readouterr().err


def test_for_programs_estimates_are_seconds(capsys: Capture) -> None:
    show([events.Estimated(layer="prod/foundation", estimate=ESTIMATE), OVERDUE], log_format=LogFormat.JSON)

    estimated, overdue = map(json.loads, capsys.readouterr().err.splitlines())
    assert estimated == {
        "event": "Estimated",
        "layer": "prod/foundation",
        "estimate": {
            "expected": 900.0,
            "worst": 1200.0,
            "origin": "wealist.yaml",
            "resources": [{"address": DATABASE, "action": "create", "expected": 480.0, "worst": 720.0}],
        },
    }
    assert overdue["expected"] == {"expected": 480.0, "worst": 720.0}
    assert (overdue["elapsed"], overdue["look"]) == (1090.0, "wealist status prod/foundation")


@pytest.mark.parametrize(
    ("most", "short"),
    [
        (60, DATABASE),
        (46, "module.rds…db_instance.aws_db_instance.this[0]"),
        (40, "module.rds…aws_db_instance.this[0]"),
        (30, "…aws_db_instance.this[0]"),
        (10, "…aws_db_instance.this[0]"),
    ],
)
def test_an_address_is_shortened_in_the_middle_and_keeps_what_it_ends_in(most: int, short: str) -> None:
    assert shortened(DATABASE, most) == short


def test_a_key_with_dots_is_cut_to_fit_all_the_same() -> None:
    address = 'module.a.module.b.aws_thing.this["a.very.long.key.with.dots.in.it.that.goes.on"]'

    assert len(shortened(address, 30)) <= 30
