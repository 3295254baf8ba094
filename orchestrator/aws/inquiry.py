"""The facts of a contract, asked of AWS: every call that a contract names, and the network around isolated subnets.

Calls are made once and as the AWS CLI makes them, all pages of them. What fails is the fact's own answer and nobody else's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from orchestrator import isolation, query
from orchestrator.aws.pool import threads
from orchestrator.aws.session import translated
from orchestrator.errors import AwsError
from orchestrator.judgement import UnansweredError, filled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from orchestrator.aws.session import Session
    from orchestrator.contract import Contract, Fact

_THREADS = 8
# How AWS says that there is none: a bucket without a lifecycle, an instance that is gone.
_NONE = re.compile(r"^NoSuch|NotFound")
# What the AWS CLI calls otherwise than the SDK.
_SERVICES = {"s3api": "s3"}


class Inquiry:
    """The answers to a contract's facts, by name; each was asked for before anybody wants it."""

    def __init__(self, answers: Mapping[str, Future[Any]]) -> None:
        self._answers = answers

    def __call__(self, name: str) -> Any:
        """One answer, None where AWS says that there is none.

        Raises:
            UnansweredError: AWS said no, or the call could not be made.
            NotKnownError: A parameter is not known yet.
        """
        try:
            return self._answers[name].result()
        except AwsError as error:
            if _NONE.search(error.code):
                return None
            raise UnansweredError(error.message) from error
        except query.QueryError as error:
            raise UnansweredError(f"fact {name}: {error}") from error


def inquire(session: Session, contract: Contract, document: Mapping[str, Any], *, region: str) -> Inquiry:
    """Ask for every fact of a contract.

    Args:
        document: The layer's, for what the calls are made with.
        region: Where it is asked, unless the contract says so.
    """
    where = query.search(contract.region, document) if contract.region else region
    with threads(_THREADS) as pool:
        answers = {
            name: pool.submit(_ask, session, fact, document, str(where)) for name, fact in contract.facts.items()
        }
        for answer in answers.values():
            answer.exception()
    return Inquiry(answers)


def _ask(session: Session, fact: Fact, document: Mapping[str, Any], region: str) -> Any:
    if fact.ask is None:
        return _isolation(session, fact, document, region)
    service, operation = fact.call
    return call(session, service, operation, filled(fact.parameters, document), region=region)


def call(session: Session, service: str, operation: str, parameters: Mapping[str, Any], *, region: str) -> Any:
    """One call in the AWS CLI's words, all of its pages.

    Raises:
        AwsError: AWS said no, or there is no such call.
    """
    from botocore.exceptions import UnknownServiceError

    doing = f"aws {service} {operation}"
    try:
        client = session.client(_SERVICES.get(service, service), region)
    except UnknownServiceError as error:
        raise AwsError(f"{doing}: {error}", code="UnknownServiceError") from error
    name = operation.replace("-", "_")
    if not hasattr(client, name):
        raise AwsError(f"{doing}: there is no such call", code="UnknownOperation")
    with translated(doing):
        if client.can_paginate(name):
            answer = client.get_paginator(name).paginate(**parameters).build_full_result()
        else:
            answer = getattr(client, name)(**parameters)
    answer.pop("ResponseMetadata", None)
    return answer


def _isolation(session: Session, fact: Fact, document: Mapping[str, Any], region: str) -> dict[str, list[str]]:
    """What EC2 says of the network around the isolated subnets, judged.

    Raises:
        AwsError: AWS said no.
        UnansweredError: There are no such subnets.
    """

    def ids(expression: str | None) -> list[str]:
        found = query.search(expression, document) if expression else []
        return [id_ for id_ in found or () if id_]

    def of_vpc(operation: str, key: str) -> Any:
        filters = {"Filters": [{"Name": "vpc-id", "Values": vpcs}]}
        return call(session, "ec2", operation, filters, region=region)[key]

    isolated, admitted = ids(fact.isolated), ids(fact.admitted)
    if not isolated:
        raise UnansweredError(f"{fact.isolated} names no subnet, so there is nothing to look at")
    subnets = call(session, "ec2", "describe-subnets", {"SubnetIds": [*isolated, *admitted]}, region=region)["Subnets"]
    vpcs = sorted({subnet["VpcId"] for subnet in subnets})
    return isolation.holes(
        isolation.Network(
            isolated=[subnet for subnet in subnets if subnet["SubnetId"] in isolated],
            admitted=[subnet for subnet in subnets if subnet["SubnetId"] in admitted],
            route_tables=of_vpc("describe-route-tables", "RouteTables"),
            interfaces=of_vpc("describe-network-interfaces", "NetworkInterfaces"),
            groups=of_vpc("describe-security-groups", "SecurityGroups"),
            guards=ids(fact.groups),
        )
    )
