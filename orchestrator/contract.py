"""A layer's contract: what its specification says, row by row, each as a query with the answer that is expected.

`contract.yaml` lies beside the layer's HCL. A row is a statement of the specification, a JMESPath query over the layer's
document (`inventory`) and what the answer must be:

    - id: rds.multi-az
      section: RDS PostgreSQL          # where the specification says so
      row: Multi-AZ
      statement: The database runs in a single zone
      query: aws_db_instance[0].multi_az
      expect: false
      may_change: { by: rds_multi_az, to: var.rds_multi_az }

`expect` is a value, or one predicate: `matches` (a pattern that the whole text must match), `one_of`, `at_least`, `includes`
(a list that holds all of these), `same_as` and `among` (what another query finds, or something in it; of a list every item). `may_change` names the variable that scales the layer up: where it is not at its default, the
answer must be that of its own query instead. Values are compared as JSON compares them: true is not 1.

A row holds, is broken, does not apply (it depends on what is known after the apply, or on what only AWS can tell of a live
layer), or is unknown: AWS did not answer. Unknown is not good enough for a live layer: what can't be checked doesn't hold.

`facts` are what AWS itself is asked, once, when a row's query comes to `aws.NAME`:

    facts:
      rotation: { ask: kms get-key-rotation-status, with: { KeyId: { query: output.kms_key_id } } }
      isolation: { isolated: output.database_subnet_ids, admitted: output.private_subnet_ids, groups: "[output.rds_sg]" }

Everything here is pure; `aws.inquiry` asks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from orchestrator import query
from orchestrator.document import Section, load
from orchestrator.inventory import VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.document import Fail

FILENAME = "contract.yaml"
FACTS = "aws"
_PREDICATES = ("matches", "one_of", "at_least", "includes", "same_as", "among")
# What only reads, and returns no secret value.
_READING = re.compile(r"(describe|get|list)-[a-z0-9-]+")
_SECRET = re.compile(
    r"secret-value|get-parameter|authorization-token|login-password|password-data|credential|session-token"
)


class MayChange(Section, frozen=True):
    """The variable that may change the answer, and the query for what it then has to be."""

    by: str
    to: str


class Row(Section, frozen=True):
    """One statement.

    Attributes:
        id: Stable: what `--accept-contract-change` names.
        section, row: Where the specification states it.
        why: What breaks where it does not hold, or how to mend it.
    """

    id: str
    section: str
    statement: str
    query: str
    expect: Any
    row: str = ""
    may_change: MayChange | None = None
    why: str | None = None


class Fact(Section, frozen=True):
    """What AWS is asked: one call, in the words of the AWS CLI, or whether subnets are isolated (`isolation`).

    Attributes:
        ask: `ec2 describe-vpcs`.
        parameters: The call's, by the API's names; `{query: ...}` anywhere in them is the answer to a query.
        isolated, admitted, groups: Queries for the ids of subnets, subnets and security groups.
    """

    ask: str | None = None
    parameters: dict[str, Any] = msgspec.field(default_factory=dict, name="with")
    isolated: str | None = None
    admitted: str | None = None
    groups: str | None = None

    @property
    def call(self) -> tuple[str, str]:
        """Service and operation."""
        service, _, operation = (self.ask or "").partition(" ")
        return service, operation.strip()


class Contract(Section, frozen=True):
    """The whole file.

    Attributes:
        specification: What the rows are taken from, for people.
        region: Query for the region that AWS is asked in; without one it is the state bucket's.
    """

    version: int
    specification: str
    rows: tuple[Row, ...]
    region: str | None = None
    facts: dict[str, Fact] = msgspec.field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Contract:
        """Read and check a contract.

        Raises:
            ConfigError: With `file:line: key: what is wrong`.
        """
        return load(path, cls, smallest="version: 1")

    def check_values(self, fail: Fail) -> None:
        """What a type can't say of a value."""
        if self.version != 1:
            fail(("version",), f"this wealist reads version 1, not {self.version}")
        _check_query(self.region, ("region",), fail)
        for name, fact in self.facts.items():
            _check_fact(fact, ("facts", name), fail)
        used = {name for row in self.rows for name in _fact_names(row)}
        for name in self.facts:
            if name not in used:
                fail(("facts", name), "no row asks for it")
        seen: set[str] = set()
        for number, row in enumerate(self.rows):
            key = ("rows", str(number))
            if row.id in seen:
                fail((*key, "id"), f"{row.id!r} stands here a second time")
            seen.add(row.id)
            _check_row(row, key, self.facts, fail)


def _check_query(expression: str | None, key: tuple[str, ...], fail: Fail) -> None:
    if expression is None:
        return
    try:
        query.check(expression)
    except query.QueryError as error:
        fail(key, f"this is no JMESPath: {error}", "https://jmespath.org")


def _check_fact(fact: Fact, key: tuple[str, ...], fail: Fail) -> None:
    service, operation = fact.call
    if (fact.ask is None) == (fact.isolated is None) or (fact.isolated is None) != (fact.admitted is None):
        fail(key, "a fact is either `ask`, or `isolated` and `admitted`")
    if fact.ask is not None and (not _READING.fullmatch(operation) or _SECRET.search(operation)):
        fail((*key, "ask"), f"{fact.ask!r}: only calls that read, and no secret, are made here", "as ec2 describe-vpcs")
    for name in ("isolated", "admitted", "groups"):
        _check_query(getattr(fact, name), (*key, name), fail)
    for expression in _queries(fact.parameters):
        _check_query(expression, (*key, "with"), fail)
    if fact.ask is not None and not service:
        fail((*key, "ask"), "the service is missing", "as ec2 describe-vpcs")


def _check_row(row: Row, key: tuple[str, ...], facts: Mapping[str, Fact], fail: Fail) -> None:
    _check_query(row.query, (*key, "query"), fail)
    if row.may_change is not None:
        _check_query(row.may_change.to, (*key, "may_change", "to"), fail)
    if isinstance(row.expect, dict) and (len(row.expect) != 1 or next(iter(row.expect)) not in _PREDICATES):
        fail((*key, "expect"), "is neither a value nor one predicate", f"known here: {', '.join(_PREDICATES)}")
    for expression in _predicate_queries(row.expect):
        _check_query(expression, (*key, "expect"), fail)
    for name in _fact_names(row):
        if name not in facts:
            fail((*key, "query"), f"there is no fact {name!r}", f"known here: {', '.join(facts) or 'none'}")
    if isinstance(row.expect, dict) and "matches" in row.expect:
        try:
            re.compile(str(row.expect["matches"]))
        except re.error as error:
            fail((*key, "expect"), f"this is no pattern: {error}")


def _fact_names(row: Row) -> list[str]:
    """The facts that a row's query comes to."""
    return re.findall(rf"\b{FACTS}\.(\w+)", row.query)


def _predicate_queries(expect: Any) -> list[str]:
    return (
        [str(item) for name, item in expect.items() if name in ("same_as", "among")] if isinstance(expect, dict) else []
    )


def _queries(value: Any) -> list[str]:
    """The queries among the parameters of a call."""
    if isinstance(value, dict):
        if value.keys() == {"query"}:
            return [str(value["query"])]
        return [found for item in value.values() for found in _queries(item)]
    if isinstance(value, list):
        return [found for item in value for found in _queries(item)]
    return []


def filled(parameters: Any, document: Mapping[str, Any]) -> Any:
    """The parameters with each query replaced by its answer.

    Raises:
        NotKnownError, QueryError: One of them has none.
    """
    if isinstance(parameters, dict):
        if parameters.keys() == {"query"}:
            return query.search(str(parameters["query"]), document)
        return {name: filled(item, document) for name, item in parameters.items()}
    if isinstance(parameters, list):
        return [filled(item, document) for item in parameters]
    return parameters


class Status(StrEnum):
    """What became of a row."""

    HOLDS = "holds"
    BROKEN = "broken"
    NOT_APPLICABLE = "not-applicable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A row, checked.

    Attributes:
        expected: The value or the predicate that counted; with a scaled-up layer that of `may_change`.
        seen: The answer to the query.
        reason: Why a row does not apply or is unknown; for one that was scaled up, by what.
    """

    row: Row = field(repr=False)
    status: Status
    expected: Any = None
    seen: Any = None
    reason: str = ""

    @property
    def is_broken(self) -> bool:
        return self.status is Status.BROKEN

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.row.id,
            "section": self.row.section,
            "statement": self.row.statement,
            "status": str(self.status),
            "expected": self.expected,
            "seen": self.seen,
            "reason": self.reason or None,
        }


class NotAskedError(Exception):
    """A fact that only AWS can tell was asked for where AWS is not asked."""


class UnansweredError(Exception):
    """AWS was asked and did not answer; `str()` is why."""


class Facts(dict[str, Any]):
    """The facts by name, each looked up when a query comes to it."""

    def __init__(self, look_up: Callable[[str], Any]) -> None:
        super().__init__()
        self._look_up = look_up

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ARG002 - the signature of a dict
        return self._look_up(key)


Facts.__name__ = "dict"


def not_asked(name: str) -> Any:
    """The look-up of a plan: nothing is live."""
    raise NotAskedError(name)


def judge(
    contract: Contract,
    document: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any],
    look_up: Callable[[str], Any] = not_asked,
) -> tuple[Verdict, ...]:
    """Check every row.

    Args:
        document: The layer's, with the values of its variables under `var`.
        defaults: The variables' own.
        look_up: Answers what AWS is asked, by the fact's name.
    """
    whole = {**document, FACTS: Facts(look_up)}
    return tuple(_judged(row, whole, defaults) for row in contract.rows)


def _judged(row: Row, document: Mapping[str, Any], defaults: Mapping[str, Any]) -> Verdict:
    expected, scaled = row.expect, ""
    try:
        if row.may_change is not None:
            name = row.may_change.by
            value = document[VARIABLE].get(name)
            if name in document[VARIABLE] and not is_same(value, defaults.get(name)):
                expected, scaled = query.search(row.may_change.to, document), f"{name} = {_word(value)}"
        expected = _resolved(expected, document)
        seen = query.search(row.query, document)
    except query.NotKnownError as error:
        return Verdict(
            row=row, status=Status.NOT_APPLICABLE, expected=expected, reason=f"known after the apply: {error}"
        )
    except NotAskedError:
        return Verdict(
            row=row, status=Status.NOT_APPLICABLE, expected=expected, reason="only a live layer can be asked"
        )
    except UnansweredError as error:
        return Verdict(row=row, status=Status.UNKNOWN, expected=expected, reason=str(error))
    except query.QueryError as error:
        return Verdict(row=row, status=Status.BROKEN, expected=expected, reason=f"the query has no answer: {error}")
    status = Status.HOLDS if fulfils(seen, expected) else Status.BROKEN
    return Verdict(row=row, status=status, expected=expected, seen=seen, reason=scaled)


def _resolved(expected: Any, document: Mapping[str, Any]) -> Any:
    """An expectation without the queries in it."""
    if isinstance(expected, dict) and "same_as" in expected:
        return query.search(str(expected["same_as"]), document)
    if isinstance(expected, dict) and "among" in expected:
        return {"among": query.search(str(expected["among"]), document)}
    return expected


def fulfils(seen: Any, expected: Any) -> bool:
    """Whether an answer is the value, or what the predicate demands."""
    if not isinstance(expected, dict):
        return is_same(seen, expected)
    ((predicate, demanded),) = expected.items()
    if predicate == "matches":
        return isinstance(seen, str) and re.fullmatch(str(demanded), seen) is not None
    if predicate == "one_of":
        return any(is_same(seen, item) for item in demanded)
    if predicate == "among":
        items = seen if isinstance(seen, list) else [seen]
        return isinstance(demanded, list) and all(any(is_same(item, have) for have in demanded) for item in items)
    if predicate == "at_least":
        return isinstance(seen, (int, float)) and not isinstance(seen, bool) and seen >= demanded
    return isinstance(seen, list) and all(any(is_same(item, have) for have in seen) for item in demanded)


def is_same(one: Any, other: Any) -> bool:
    """Equal as JSON: 20 and 20.0 are, 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_same(one[name], other[name]) for name in one)
    if _is_list(one) and _is_list(other):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def words(value: Any) -> str:
    """A value or a predicate as a person reads it."""
    if value is None:
        return "not there"
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _PREDICATES:
        ((predicate, demanded),) = value.items()
        return f"{predicate.replace('_', ' ')} {json.dumps(demanded, ensure_ascii=False)}"
    return json.dumps(value, ensure_ascii=False)
