from __future__ import annotations

import pytest

from orchestrator.diagnosis import (
    AFTER_BROKEN,
    Diagnosis,
    Hop,
    HopOutcome,
    broken,
    ok,
    skipped,
    undetermined,
    walk,
)


def bad(id_: str) -> Hop:
    return broken(
        id_, "gone", expected="there", remedy="bring it back", address="aws_thing.this", command="wealist up a"
    )


def diagnosis(*hops: Hop) -> Diagnosis:
    return Diagnosis(name="db", kind="postgresql", vantage="here", hops=hops)


def test_nothing_is_looked_at_behind_the_first_broken_hop() -> None:
    asked: list[str] = []
    told: list[Hop] = []

    def look(id_: str) -> Hop:
        asked.append(id_)
        return bad(id_) if id_ == "b" else ok(id_, "fine")

    hops = walk([(id_, look) for id_ in "abcd"], on_hop=told.append)

    assert asked == ["a", "b"]
    assert [hop.outcome for hop in hops] == [HopOutcome.OK, HopOutcome.BROKEN, HopOutcome.SKIPPED, HopOutcome.SKIPPED]
    assert {hop.seen for hop in hops[2:]} == {AFTER_BROKEN}
    assert tuple(told) == hops


def test_what_is_skipped_or_undetermined_stops_nothing() -> None:
    hops = walk([("a", lambda id_: skipped(id_, "no need")), ("b", lambda id_: undetermined(id_, "no psql"))])

    assert [hop.seen for hop in hops] == ["no need", "no psql"]
    assert diagnosis(*hops).exit_code == 0


@pytest.mark.parametrize(("id_", "code"), [("instance", 1), ("login", 1), ("secret", 14)])
def test_a_broken_hop_is_1_and_a_secret_that_can_not_be_had_14(id_: str, code: int) -> None:
    assert diagnosis(ok("dns", "fine"), bad(id_)).exit_code == code


def test_the_verdict_names_the_broken_hop_and_what_to_change() -> None:
    found = diagnosis(ok("dns", "fine"), bad("tcp"), skipped("tls", AFTER_BROKEN))

    assert found.verdict == "db is broken at tcp: gone (aws_thing.this)"


def test_the_verdict_counts_what_is_not_known() -> None:
    found = diagnosis(ok("a", ""), ok("b", ""), skipped("c", ""), undetermined("d", ""))

    assert found.verdict == "db: nothing is broken; 2 of 4 hops hold, 1 skipped, 1 undetermined"


def test_json_has_every_key_always() -> None:
    found = diagnosis(ok("dns", "fine"), bad("tcp")).to_json()

    assert list(found) == ["name", "kind", "from", "broken", "verdict", "hops"]
    assert found["broken"] == "tcp"
    assert [set(hop) for hop in found["hops"]] == [
        {"id", "outcome", "seen", "expected", "remedy", "address", "command"}
    ] * 2
    assert (found["hops"][1]["outcome"], found["hops"][1]["address"]) == ("broken", "aws_thing.this")
