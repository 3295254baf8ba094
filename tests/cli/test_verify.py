"""`wealist verify`: what people see, what programs read, and the exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orchestrator.cli.boundary import run
from tests.estate import Store, state_text
from tests.plans import script
from tests.test_verification import CONTRACT, planned, unchanged

if TYPE_CHECKING:
    from orchestrator.discovery import Estate
    from tests.fakes import FakeRunner

    Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _contract(estate: Estate, store: Store) -> None:
    (estate.root / "terraform" / "prod" / "foundation" / "contract.yaml").write_text(CONTRACT)
    store.put_state(state_text(outputs={"a": "b"}))


def test_rows_are_shown_below_their_sections(shell: FakeRunner, capsys: Capture) -> None:
    unchanged(shell, planned("small"))
    assert run(["verify", "--no-color"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "",
        "prod/foundation",
        "  Database",
        "  ✓ db.class  The database is small",
        "  State",
        "  ✓ bucket.versions  The bucket keeps versions",
        "2 rows: 2 hold",
    ]


def test_a_broken_row_shows_what_was_expected_and_what_is(shell: FakeRunner, capsys: Capture) -> None:
    script(shell, planned("large"))
    assert run(["verify", "foundation", "--plan", "--no-color"]) == 13
    said = capsys.readouterr()
    assert '  ✗ db.class  The database is small\n      expected "small", and it is "large"\n' in said.out
    assert "2 rows: 1 broken, 1 not applicable\n  1 not applicable: only a live layer can be asked" in said.out
    assert "error: prod/foundation: db.class is broken" in said.err


def test_json_is_the_whole_report_and_nothing_else_is_on_stdout(shell: FakeRunner, capsys: Capture) -> None:
    unchanged(shell, planned("small"))
    assert run(["verify", "foundation", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["command"] == "verify"
    (result,) = report["results"]
    assert result["outcome"] == "verified"
    assert result["contract"][0] == {
        "id": "db.class",
        "section": "Database",
        "statement": "The database is small",
        "status": "holds",
        "expected": "small",
        "seen": "small",
        "reason": None,
        "scaled_by": None,
    }


def test_events_are_lines_of_json(shell: FakeRunner, capsys: Capture) -> None:
    unchanged(shell, planned("small"))
    assert run(["verify", "foundation", "--log-format", "json", "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (verified,) = [event for event in events if event["event"] == "Verified"]
    assert [row["status"] for row in verified["verdicts"]] == ["holds", "holds"]


def test_up_takes_the_row_that_may_be_broken(shell: FakeRunner, capsys: Capture) -> None:
    script(shell, planned("large"))
    assert run(["up", "foundation", "-y"]) == 13
    assert "--accept-contract-change 'prod/foundation:db.class' lets it pass once" in capsys.readouterr().err
    script(shell, planned("large"))
    assert run(["up", "foundation", "-y", "--accept-contract-change", "db.class"]) == 0
    assert "! contract.accepted  db.class: The database is small" in capsys.readouterr().out


def test_what_may_be_broken_is_not_taken_from_the_environment(
    shell: FakeRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEALIST_ACCEPT_CONTRACT_CHANGE", "db.class")
    script(shell, planned("large"))
    assert run(["up", "foundation", "-y"]) == 13
