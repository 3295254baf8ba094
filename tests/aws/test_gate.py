from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from orchestrator.aws.gate import FIRST, Gate, way_of
from orchestrator.aws.session import Session
from orchestrator.errors import AwsError
from orchestrator.target import AwsSettings
from tests.estate import backend

if TYPE_CHECKING:
    from orchestrator.layer import Backend

SESSION = Session(AwsSettings())
HERE = backend()


class Service:
    """Something that is called, and fails with a code where it has one."""

    __name__ = "service"

    def __init__(self, code: str = "", seconds: float = 0.0) -> None:
        self.calls = 0
        self._code = code
        self._seconds = seconds
        self._lock = threading.Lock()

    def __call__(self, _session: Session, where: Backend) -> str:
        with self._lock:
            self.calls += 1
        time.sleep(self._seconds)
        if self._code:
            raise AwsError("no", code=self._code)
        return where.key


def call_many(gate: Gate, service: Service, count: int = 30) -> list[str]:
    """What came of each call: its answer, or the code of its error."""

    def call(_: int) -> str:
        try:
            return str(gate.call(HERE, "s3", service, SESSION))
        except AwsError as error:
            return error.code

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(call, range(count)))


def test_where_there_is_a_way_every_call_is_made() -> None:
    service = Service(seconds=0.01)

    assert set(call_many(Gate(), service)) == {HERE.key}
    assert service.calls == 30


def test_where_there_is_none_only_the_first_find_out() -> None:
    service = Service("EndpointConnectionError", seconds=0.02)

    assert set(call_many(Gate(), service)) == {"EndpointConnectionError"}
    assert service.calls <= FIRST


def test_an_error_that_says_nothing_of_the_way_stops_no_other_call() -> None:
    service = Service("AccessDenied")

    assert set(call_many(Gate(), service)) == {"AccessDenied"}
    assert service.calls == 30


def test_one_service_says_nothing_of_another() -> None:
    gate, good = Gate(), Service()
    call_many(gate, Service("EndpointConnectionError"))

    assert gate.call(HERE, "dynamodb", good, SESSION) == HERE.key
    assert gate.call(backend(region="eu-west-1"), "s3", good, SESSION) == HERE.key


def test_a_closed_way_stops_every_service() -> None:
    gate, service = Gate(), Service()
    gate.close(way_of(HERE), AwsError("no profile", code="ProfileNotFound"))

    assert set(call_many(gate, service)) == {"ProfileNotFound"}
    with pytest.raises(AwsError, match="no profile"):
        gate.call(HERE, "dynamodb", service, SESSION)
    assert service.calls == 0
