from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.cli import render
from orchestrator.cli.invocation import Invocation, Start
from orchestrator.cli.options import LogFormat
from orchestrator.cli.terminal import Text
from orchestrator.errors import GuardError
from orchestrator.finding import Finding, Severity
from orchestrator.outputs import Output
from orchestrator.plan import Plan
from orchestrator.report import LayerResult, Outcome, RunReport
from orchestrator.target import aws_target
from tests.fakes import CANARY, REPLACEMENT, recorded_json

if TYPE_CHECKING:
    from orchestrator.discovery import Estate

    Capture = pytest.CaptureFixture[str]

OK = Finding(id="credentials.ok", severity=Severity.OK, subject="me", seen="account 1")
WARNING = Finding(id="state-lock.held", severity=Severity.WARNING, subject="s3://a", seen="locked", remedy="wait")
ERROR = Finding(
    id="terraform.missing", severity=Severity.ERROR, subject="terraform", seen="not on PATH", remedy="install it"
)


def invocation(**more: Any) -> Invocation:
    given = {
        "chdir": None,
        "sandbox": False,
        "allow_local_endpoint": False,
        "terraform_bin": None,
        "profile": None,
        "no_color": False,
        "log_format": LogFormat.PRETTY,
    }
    return Invocation(Start(), **{**given, **more})


def plan(name: str) -> Plan:
    return Plan.from_json(recorded_json(f"plan-{name}.json"), digest="sha256:00")


def text(name: str) -> str:
    return render.plan_text(plan(name), "prod/foundation").plain


def report(*results: LayerResult) -> RunReport:
    from datetime import UTC, datetime

    started = datetime(2026, 1, 2, tzinfo=UTC)
    return RunReport(run_id="r", command="up", target="aws", started=started, seconds=1.0, results=results)


def test_a_plan_is_counts_and_a_line_a_resource_worst_last() -> None:
    assert text("mixed").splitlines() == [
        "prod/foundation: 1 to create, 2 to change, 1 to replace, 1 to destroy",
        "  + terraform_data.created",
        "  > terraform_data.new_name  (was terraform_data.old_name)",
        "  ~ terraform_data.secret",
        "      input.password: (redacted), changes",
        f'      output: {{"password": "{CANARY}", "user": "admin"}} → (known after apply)',
        "  ~ terraform_data.updated",
        '      input.size: "small" → "large"',
        '      output: {"size": "small", "zones": ["a", "b"]} → (known after apply)',
        "  ± terraform_data.replaced  (replace because cannot update)",
        '      triggers_replace.0: "v1" → "v2"  forces replacement',
        "  - terraform_data.deleted  (delete because no resource config)",
        "  ~ output password",
    ]


def test_a_first_plan_sums_up_its_outputs() -> None:
    lines = text("create").splitlines()

    assert lines[0] == "prod/foundation: 6 to create"
    assert lines[-1] == "  and 3 new outputs"


def test_a_plan_of_outputs_or_moves_alone_says_so() -> None:
    assert text("output").splitlines() == [
        "prod/foundation: no resources, only outputs or addresses",
        "  and 1 new outputs",
    ]
    assert text("moved").splitlines() == [
        "prod/foundation: no resources, only outputs or addresses",
        "  > terraform_data.newest_name  (was terraform_data.new_name)",
    ]


def test_what_the_provider_forgot_to_mark_is_masked_on_the_way_out(capsys: Capture) -> None:
    from orchestrator.cli.boundary import redact

    mixed = plan("mixed")
    redact.add(mixed.secrets)

    render.console(invocation()).print(render.plan_text(mixed, "prod/foundation"))

    out = capsys.readouterr().out
    assert CANARY not in out
    assert REPLACEMENT not in out
    assert '"password": "(redacted)"' in out


def test_long_values_are_cut_short() -> None:
    data = recorded_json("plan-mixed.json")
    (updated,) = [item for item in data["resource_changes"] if item["name"] == "updated"]
    updated["change"]["after"]["input"]["size"] = "x" * 500

    shown = render.plan_text(Plan.from_json(data, digest=""), "prod/foundation").plain

    (line,) = [line for line in shown.splitlines() if "input.size" in line]
    assert line.endswith("x…")
    assert len(line) < 120


def test_outputs_are_aligned_sorted_and_on_one_line_each(capsys: Capture) -> None:
    outputs = [
        Output(name="zebra", value=["a", "b"]),
        Output(name="a_long_name", value="arn:aws:secretsmanager:x:1:secret:[bold]name"),
        Output(name="password", value=CANARY, is_sensitive=True),
        Output(name="korean", value="한국어" * 60),
    ]

    render.print_outputs(invocation(), outputs)

    assert capsys.readouterr().out.splitlines() == [
        'a_long_name = "arn:aws:secretsmanager:x:1:secret:[bold]name"',
        f'korean      = "{"한국어" * 60}"',
        "password    = (redacted)",
        'zebra       = ["a", "b"]',
    ]


def test_a_map_has_a_line_for_each_of_its_keys(capsys: Capture) -> None:
    outputs = [
        Output(name="urls", value={"auth": "a.ecr/prod/auth", "frontend": "a.ecr/prod/frontend"}),
        Output(name="users", value={"admin": CANARY}, is_sensitive=True),
    ]

    render.print_outputs(invocation(), outputs)

    assert capsys.readouterr().out.splitlines() == [
        "urls  = {",
        '  auth     = "a.ecr/prod/auth"',
        '  frontend = "a.ecr/prod/frontend"',
        "}",
        "users = (redacted)",
    ]


def test_no_outputs_are_no_lines(capsys: Capture) -> None:
    render.print_outputs(invocation(), [])

    assert capsys.readouterr().out == ""


def test_findings_come_worst_last_above_the_verdict(capsys: Capture) -> None:
    render.print_findings(invocation(), [ERROR, OK, WARNING], seconds=0.42)

    assert capsys.readouterr().out.splitlines() == [
        "✓ credentials  me: account 1",
        "! state-lock.held  s3://a: locked",
        "    wait",
        "✗ terraform.missing  terraform: not on PATH",
        "    install it",
        "3 checks in 0.4 s, 1 failed",
    ]


def test_warnings_alone_are_a_pass(capsys: Capture) -> None:
    render.print_findings(invocation(), [OK, WARNING], seconds=1.0)

    assert capsys.readouterr().out.endswith("2 checks in 1.0 s, all passed\n")


def test_how_each_layer_ended(estate: Estate, capsys: Capture) -> None:
    outputs = (Output(name="endpoint", value="db.local"),)
    render.print_ends(
        invocation(chdir=estate.root),
        report(
            LayerResult(layer="a", outcome=Outcome.NO_CHANGES, seconds=1.25),
            LayerResult(layer="b", outcome=Outcome.APPLIED, seconds=93.0, plan=plan("mixed"), outputs=outputs),
            LayerResult(layer="c", outcome=Outcome.FAILED, seconds=12.0, error=GuardError("no")),
            LayerResult(layer="d", outcome=Outcome.SKIPPED, seconds=0.0),
            LayerResult(layer="e", outcome=Outcome.PLANNED, seconds=1.0, plan=plan("mixed")),
        ),
    )

    out, err = capsys.readouterr()
    assert err.splitlines() == [
        "✓ a: nothing to change (1.2 s)",
        "✓ b: 1 created, 2 changed, 1 replaced, 1 destroyed in 1 min 33 s",
        "",
        "✗ c: failed after 12 s",
        "✗ d: skipped after 0.0 s",
        "nothing was applied; wealist up e plans again, shows and asks",
    ]
    assert out == 'endpoint = "db.local"\n'


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.04, "0.0 s"), (4.24, "4.2 s"), (9.94, "9.9 s"), (12.4, "12 s"), (60, "1 min 00 s"), (93.4, "1 min 33 s")],
)
def test_durations_are_short(seconds: float, shown: str) -> None:
    assert render.duration(seconds) == shown


@pytest.mark.parametrize(
    ("more", "environ", "is_colored"),
    [
        ({}, {}, True),
        ({"no_color": True}, {}, False),
        ({}, {"NO_COLOR": "1"}, False),
        ({"log_format": LogFormat.BARE}, {}, False),
        ({"log_format": LogFormat.JSON}, {}, False),
    ],
)
def test_colour_is_for_those_who_want_it(
    more: dict[str, Any],
    environ: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    *,
    is_colored: bool,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    render.console(invocation(**more)).print(Text("text", "red"))

    assert ("\x1b[" in capsys.readouterr().out) is is_colored


def test_a_pipe_gets_no_colour(capsys: Capture) -> None:
    render.console(invocation()).print(Text("text", "red"))

    assert capsys.readouterr().out == "text\n"


def test_nothing_is_wrapped_for_a_narrow_pipe(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")

    render.console(invocation()).print("x" * 300)

    assert capsys.readouterr().out == f"{'x' * 300}\n"


def test_a_folder_is_the_one_that_was_given() -> None:
    assert invocation(chdir=Path("there")).folder == Path("there")
    assert invocation().folder == Path()


@pytest.mark.parametrize(("seconds", "shown"), [(59.6, "1 min 00 s"), (9.96, "10 s"), (59.4, "59 s")])
def test_durations_are_rounded_without_a_seam(seconds: float, shown: str) -> None:
    assert render.duration(seconds) == shown


def test_a_layers_name_is_no_markup(capsys: Capture) -> None:
    results = tuple(
        LayerResult(layer=name, outcome=outcome, seconds=1.0)
        for name in ("prod/h[bold red]x", "prod/a[/b]")
        for outcome in (Outcome.NO_CHANGES, Outcome.DRIFTED, Outcome.WAITING, Outcome.FAILED, Outcome.PLANNED)
    )
    run = invocation()
    run.__dict__["target"] = aws_target(Path("/estate"), {})
    report = RunReport(
        run_id="1", command="plan", target="aws", started=datetime.now(UTC), seconds=1.0, results=results
    )

    render.print_ends(run, report)

    err = capsys.readouterr().err
    assert err.count("prod/h[bold red]x") == 6
    assert "wealist up 'prod/h[bold red]x' 'prod/a[/b]' plans again" in err


def test_what_is_forgotten_stays_and_a_deposed_object_is_told_from_the_other() -> None:
    assert "  x terraform_data.updated  (stays in AWS)" in text("forget").splitlines()
    assert "  - terraform_data.kept  (deposed object 0badcafe)" in text("deposed").splitlines()


def test_a_plan_with_targets_is_called_partial() -> None:
    assert text("target").splitlines()[0] == "prod/foundation: 1 to change, only the targets (partial)"
    assert "partial" not in text("mixed")


def test_a_replacement_that_destroys_nothing_says_so() -> None:
    data = recorded_json("plan-mixed.json")
    (entry,) = [item for item in data["resource_changes"] if item["change"]["actions"] == ["delete", "create"]]
    entry["change"]["actions"] = ["create", "forget"]
    shown = render.plan_text(Plan.from_json(data, digest=""), "prod/foundation").plain

    assert "  ± terraform_data.replaced  (the old one is forgotten, not destroyed)" in shown
