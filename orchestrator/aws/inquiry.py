"""The facts of a contract, asked of AWS: every call that a contract names, and the network around isolated subnets.

Calls are made once and as the AWS CLI makes them, all pages of them. What fails is the fact's own answer and nobody else's.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from orchestrator import isolation, query
from orchestrator.aws.pool import threads
from orchestrator.aws.session import translated
from orchestrator.errors import AwsError, ConfigError
from orchestrator.judgement import UnansweredError
from orchestrator.redaction import MASK

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from orchestrator.aws.session import Session
    from orchestrator.contract import Contract, Fact

_THREADS = 8
# How AWS says that there is none: a bucket without a lifecycle, an instance that is gone.
_NONE = re.compile(r"^NoSuch|NotFound")
# Keys of answers whose text is nobody's business, in whatever call: `ClientSecret`, `SecretAccessKey`, `UserData`.
_SECRET = re.compile(r"(secret|password|token|privatekey|accesskey|secretstring|userdata)$", re.IGNORECASE)
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
    try:
        where = (query.search(contract.region, document) if contract.region else None) or region
    except (query.QueryError, query.NotKnownError) as error:
        raise ConfigError(f"the contract's region ({contract.region}) can't be told: {error}") from error
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
    return call(session, service, operation, _filled(fact.parameters, document), region=region)


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
    return _plain(answer)


def _plain(value: Any, name: str = "") -> Any:
    """An answer as JSON has it, with whatever is called a secret masked."""
    if isinstance(value, dict):
        return {key: _plain(item, key) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, name) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return MASK if _SECRET.search(name) else value.isoformat() if hasattr(value, "isoformat") else str(value)


def _filled(parameters: Any, document: Mapping[str, Any]) -> Any:
    """The parameters with each query replaced by its answer.

    Raises:
        NotKnownError, QueryError: One of them has none.
    """
    if isinstance(parameters, dict):
        if parameters.keys() == {"query"}:
            return query.search(str(parameters["query"]), document)
        return {name: _filled(item, document) for name, item in parameters.items()}
    if isinstance(parameters, list):
        return [_filled(item, document) for item in parameters]
    return parameters


def _isolation(session: Session, fact: Fact, document: Mapping[str, Any], region: str) -> dict[str, list[str]]:
    """What EC2 says of the network around the isolated subnets, judged.

    Raises:
        AwsError: AWS said no.
        UnansweredError: There are no such subnets.
    """

    def ids(expression: str | None) -> list[str]:
        found = query.search(expression, document) if expression else []
        if not isinstance(found, list) or None in found:
            raise UnansweredError(f"{expression} does not name them all: {found}")
        return found

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
