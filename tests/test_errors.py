from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator import errors
from orchestrator.lock import Lock
from orchestrator.report import LayerResult, Outcome, RunReport

ALL = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.WealistError)]

LOCK = Lock.from_json("{}", where="table acme-lock")
REPORT = RunReport(
    run_id="r",
    command="up",
    target="aws",
    started=datetime(2026, 1, 2, tzinfo=UTC),
    seconds=1.0,
    results=(LayerResult(layer="a", outcome=Outcome.FAILED, seconds=1.0, error=errors.GuardError("no")),),
)
NEEDED: dict[str, dict[str, Any]] = {
    "StateLockedError": {"lock": LOCK},
    "AwsError": {"code": "AccessDenied"},
    "CommandError": {"argv": ["terraform", "plan"], "returncode": 1},
    "CommandInterruptedError": {"argv": ["terraform", "plan"], "returncode": 1},
    "RunError": {"report": REPORT},
}


def make(kind: type[errors.WealistError], **more: Any) -> errors.WealistError:
    return kind("what is wrong", **NEEDED.get(kind.__name__, {}), **more)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_has_a_message_and_a_hint(kind: type[errors.WealistError]) -> None:
    error = make(kind, hint="what to do")

    assert (str(error), error.message, error.hint) == ("what is wrong", "what is wrong", "what to do")
    assert make(kind).hint is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("WealistError", 1),
        ("ConfigError", 64),
        ("UsageError", 64),
        ("LayerNotFoundError", 64),
        ("DependencyCycleError", 11),
        ("LayerOrderError", 11),
        ("PreflightError", 10),
        ("StateLockedError", 12),
        ("GuardError", 13),
        ("SecretError", 14),
        ("StateError", 1),
        ("AwsError", 1),
        ("SandboxError", 1),
        ("TerraformError", 1),
        ("TerraformNotFoundError", 10),
        ("OutputFormatError", 1),
        ("CommandError", 1),
        ("CommandInterruptedError", 130),
    ],
)
def test_exit_codes_are_those_of_the_table(name: str, code: int) -> None:
    assert make(getattr(errors, name)).exit_code == code


def test_a_runs_exit_code_is_its_reports() -> None:
    assert make(errors.RunError).exit_code == 13


def test_the_tree_that_is_drawn_is_the_tree_that_there_is() -> None:
    assert errors.__doc__ is not None
    path: list[str] = []
    drawn: dict[str, str | None] = {}
    for line in errors.__doc__.splitlines():
        found = re.match(r"    ([│├└─ ]*)(\w+Error)\b", line)
        if found:
            depth = len(found[1]) // 4
            path = [*path[:depth], found[2]]
            drawn[found[2]] = path[depth - 1] if depth else None

    assert drawn == {kind.__name__: None if kind is errors.WealistError else kind.__bases__[0].__name__ for kind in ALL}
