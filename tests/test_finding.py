from __future__ import annotations

from orchestrator.finding import Finding, Severity


def test_a_finding_is_plain_data_for_scripts() -> None:
    finding = Finding(
        id="state-bucket.missing",
        severity=Severity.ERROR,
        subject="s3://acme-state",
        seen="does not exist",
        remedy="wealist bootstrap",
    )

    assert finding.is_error
    assert finding.to_json() == {
        "id": "state-bucket.missing",
        "severity": "error",
        "subject": "s3://acme-state",
        "seen": "does not exist",
        "remedy": "wealist bootstrap",
    }


def test_only_an_error_is_an_error() -> None:
    assert not Finding(id="a.ok", severity=Severity.OK, subject="a", seen="b").is_error
    assert not Finding(id="a.off", severity=Severity.WARNING, subject="a", seen="b").is_error
