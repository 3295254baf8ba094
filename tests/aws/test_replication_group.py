from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from orchestrator.aws import replication_group as subject
from orchestrator.aws.replication_group import ReplicationGroup, read_group, set_token, wait_until_changed
from orchestrator.aws.session import Session
from orchestrator.errors import AwsError, WealistError
from orchestrator.target import AwsSettings
from tests.estate import REGION
from tests.fakes import CANARY

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = ReplicationGroup(
    id="redis", region=REGION, status="available", changing=None, has_token=True, made=None, token_changed=None
)
DATE = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def stub() -> Iterator[tuple[Session, Stubber]]:
    session = Session(AwsSettings(access_key="x", secret_key="x", endpoint_url="http://127.0.0.1:1"))
    with Stubber(session.client("elasticache", REGION)) as stubber:
        yield session, stubber


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_FIRST_PAUSE", 0.001)


def answer(stubber: Stubber, status: str = "available", changing: str | None = None, **more: Any) -> None:
    pending = {"PendingModifiedValues": {"AuthTokenStatus": changing}} if changing else {}
    group = {"ReplicationGroupId": "redis", "Status": status, **pending, **more}
    stubber.add_response("describe_replication_groups", {"ReplicationGroups": [group]}, {"ReplicationGroupId": "redis"})


def test_a_group_is_read(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    answer(stubber, "modifying", "ROTATING", AuthTokenEnabled=True, AuthTokenLastModifiedDate=DATE)

    found = read_group(session, "redis", REGION)

    assert found is not None
    assert (found.doing, found.is_ready, found.has_token) == ("modifying (ROTATING)", False, True)
    assert found.token_changed == DATE


def test_a_group_that_says_available_while_its_token_changes_is_not_ready(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    answer(stubber, "available", "SETTING")

    found = read_group(session, "redis", REGION)

    assert found is not None
    assert (found.is_ready, found.has_token, found.token_changed) == (False, False, None)


@pytest.mark.parametrize("code", ["ReplicationGroupNotFoundFault", "ReplicationGroupNotFound"])
def test_a_group_that_is_not_there(code: str, stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_client_error("describe_replication_groups", code)

    assert read_group(session, "redis", REGION) is None


def test_what_the_identity_needs_is_named(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_client_error("describe_replication_groups", "AccessDenied")
    stubber.add_client_error("modify_replication_group", "AccessDenied")

    with pytest.raises(AwsError) as looking:
        read_group(session, "redis", REGION)
    with pytest.raises(AwsError) as setting:
        set_token(session, GROUP, CANARY)

    assert looking.value.hint == "this identity needs elasticache:DescribeReplicationGroups on redis"
    assert setting.value.hint == "this identity needs elasticache:ModifyReplicationGroup on redis"
    assert CANARY not in str(setting.value)


def test_a_token_is_set_at_once(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    asked = {
        "ReplicationGroupId": "redis",
        "AuthToken": CANARY,
        "AuthTokenUpdateStrategy": "SET",
        "ApplyImmediately": True,
    }
    stubber.add_response("modify_replication_group", {}, asked)

    set_token(session, GROUP, CANARY)

    stubber.assert_no_pending_responses()


def test_a_group_that_got_busy_meanwhile(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_client_error("modify_replication_group", "InvalidReplicationGroupState", "not available")

    with pytest.raises(AwsError, match="not available") as caught:
        set_token(session, GROUP, CANARY)

    assert caught.value.hint == "AWS changes a group only while it is available: wait, and try again"


def test_an_answer_from_before_the_change_is_no_end(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    told: list[str] = []
    for status, changing in [
        ("available", None),
        ("modifying", "SETTING"),
        ("modifying", "SETTING"),
        ("available", "SETTING"),
        ("available", None),
        ("available", None),
    ]:
        answer(stubber, status, changing)

    wait_until_changed(session, GROUP, on_wait=told.append)

    stubber.assert_no_pending_responses()
    assert told == ["modifying (SETTING)", "available (SETTING)"]


def test_a_wait_has_an_end(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    answer(stubber, "modifying")

    with pytest.raises(WealistError, match="redis is modifying after 0 minutes, and AWS goes on"):
        wait_until_changed(session, GROUP, timeout=0)


def test_a_group_that_is_deleted_meanwhile(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    stubber.add_client_error("describe_replication_groups", "ReplicationGroupNotFoundFault")

    with pytest.raises(WealistError, match="the replication group redis is gone"):
        wait_until_changed(session, GROUP)


def test_ready_twice_right_after_the_call_is_no_end(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    for status in ("available", "available", "available", "modifying", "available", "available"):
        answer(stubber, status)

    wait_until_changed(session, GROUP)

    stubber.assert_no_pending_responses()


def test_a_later_date_tells_of_a_change_that_nobody_saw(stub: tuple[Session, Stubber]) -> None:
    session, stubber = stub
    for date in (DATE, DATE, DATE + timedelta(minutes=1), DATE + timedelta(minutes=1)):
        answer(stubber, AuthTokenLastModifiedDate=date)

    wait_until_changed(session, replace(GROUP, token_changed=DATE))

    stubber.assert_no_pending_responses()


def test_without_any_sign_the_wait_ends_as_well(stub: tuple[Session, Stubber], monkeypatch: pytest.MonkeyPatch) -> None:
    session, stubber = stub
    monkeypatch.setattr(subject, "_NO_SIGN", 0.0)
    answer(stubber)
    answer(stubber)

    wait_until_changed(session, GROUP)

    stubber.assert_no_pending_responses()


def test_a_few_polls_may_fail(stub: tuple[Session, Stubber], monkeypatch: pytest.MonkeyPatch) -> None:
    session, stubber = stub
    monkeypatch.setattr(subject, "_LONGEST_PAUSE", 0.001)
    answer(stubber, "modifying", "SETTING")
    for _ in range(2):
        for _ in range(5):
            stubber.add_client_error("describe_replication_groups", "Throttling", http_status_code=418)
        answer(stubber)

    wait_until_changed(session, GROUP)

    stubber.assert_no_pending_responses()


@pytest.mark.parametrize(("code", "polls"), [("Throttling", 6), ("ExpiredToken", 1), ("AccessDenied", 1)])
def test_polls_that_go_on_failing_end_the_wait(
    code: str, polls: int, stub: tuple[Session, Stubber], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, stubber = stub
    monkeypatch.setattr(subject, "_LONGEST_PAUSE", 0.001)
    for _ in range(polls):
        stubber.add_client_error("describe_replication_groups", code, http_status_code=418)

    with pytest.raises(AwsError, match=code):
        wait_until_changed(session, GROUP)

    stubber.assert_no_pending_responses()
