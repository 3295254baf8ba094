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
(a list that holds all of these), and three that compare with what another query finds: `same_as`, `among` (something of it; of a
list every item) and `not_among`. Where that other query finds nothing, the row is broken. `may_change` names the variable that scales the layer up: where it is not at its default, the
answer must be that of its own query instead. Values are compared as JSON compares them: true is not 1.

`facts` are what AWS itself is asked, once, when a row's query comes to `aws.NAME`:

    facts:
      rotation: { ask: kms get-key-rotation-status, with: { KeyId: { query: output.kms_key_id } } }
      isolation: { isolated: output.database_subnet_ids, admitted: output.private_subnet_ids, groups: "[output.rds_sg]" }

Here a contract is read and checked; `judgement` judges, and `aws.inquiry` asks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from orchestrator import query
from orchestrator.document import Section, load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from orchestrator.document import Fail

FACTS = "aws"
_EXAMPLE = "docs/commands.md, under wealist verify"
PREDICATES = ("matches", "one_of", "at_least", "includes", "same_as", "among", "not_among")
# Those whose operand is a query.
COMPARING = frozenset({"same_as", "among", "not_among"})
# What only reads. A `get-` may return anything, so that each is named; what a `describe-` calls a secret, `inquiry` masks.
_READING = re.compile(r"(describe|list)-[a-z0-9-]+")
_GETTING = {
    "ec2": re.compile(r"get-(ebs-encryption-by-default|ebs-default-kms-key-id|managed-prefix-list-entries)"),
    "ecr": re.compile(r"get-(lifecycle-policy|repository-policy|registry-policy|registry-scanning-configuration)"),
    "iam": re.compile(r"get-(role|policy|policy-version|role-policy|account-summary|account-password-policy)"),
    "kms": re.compile(r"get-key-(policy|rotation-status)"),
    "s3api": re.compile(r"get-(bucket-[a-z-]+|public-access-block|object-lock-configuration)"),
    "secretsmanager": re.compile(r"get-resource-policy"),
    "sns": re.compile(r"get-topic-attributes"),
    "sqs": re.compile(r"get-queue-attributes"),
}


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
        return load(path, cls, smallest=f"version: 1, specification: FILE, rows: [...], as in {_EXAMPLE}")

    def check_values(self, fail: Fail) -> None:
        """What a type can't say of a value."""
        if self.version != 1:
            fail(("version",), f"this wealist reads version 1, not {self.version}")
        _check_query(self.region, ("region",), fail)
        for name, fact in self.facts.items():
            _check_fact(fact, ("facts", name), fail)
        if not self.rows:
            fail(("rows",), "there are none, so nothing would be checked")
        used = {name for row in self.rows for name in _fact_names(row)}
        seen: set[str] = set()
        for number, row in enumerate(self.rows):
            key = ("rows", str(number))
            if row.id in seen:
                fail((*key, "id"), f"{row.id!r} stands here a second time")
            seen.add(row.id)
            _check_row(row, key, self.facts, fail)
        for name in self.facts:
            if name not in used:
                fail(("facts", name), "no row asks for it")


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
    getting = _GETTING.get(service)
    is_reading = _READING.fullmatch(operation) or (getting is not None and getting.fullmatch(operation))
    if fact.ask is not None and not is_reading:
        known = f"of {service} also {getting.pattern}" if getting else "as ec2 describe-vpcs"
        fail((*key, "ask"), f"{fact.ask!r}: only describe- and list- calls and some get- ones are made here", known)
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
    if isinstance(row.expect, dict) and (len(row.expect) != 1 or next(iter(row.expect)) not in PREDICATES):
        fail((*key, "expect"), "is neither a value nor one predicate", f"known here: {', '.join(PREDICATES)}")
    if isinstance(row.expect, dict):
        _check_operand(*next(iter(row.expect.items())), (*key, "expect"), fail)
    for expression in _predicate_queries(row.expect):
        _check_query(expression, (*key, "expect"), fail)
    for name in _fact_names(row):
        if name not in facts:
            fail((*key, "query"), f"there is no fact {name!r}", f"known here: {', '.join(facts) or 'none'}")


def _check_operand(predicate: str, operand: Any, key: tuple[str, ...], fail: Fail) -> None:
    """What stands after a predicate must be of its kind."""
    if predicate in ("one_of", "includes") and not isinstance(operand, list):
        fail((*key, predicate), "must be a list")
    if predicate == "at_least" and (isinstance(operand, bool) or not isinstance(operand, (int, float))):
        fail((*key, predicate), "must be a number")
    if predicate in ("matches", *COMPARING) and not isinstance(operand, str):
        fail((*key, predicate), "must be text", "put it in quotes")
    if predicate == "matches":
        try:
            re.compile(operand)
        except re.error as error:
            fail((*key, predicate), f"this is no pattern: {error}")


def _fact_names(row: Row) -> list[str]:
    """The facts that a row's queries come to."""
    queries = [row.query, *_predicate_queries(row.expect), *([row.may_change.to] if row.may_change else [])]
    return [name for text in queries for name in re.findall(rf"\b{FACTS}\.(\w+)", text)]


def _predicate_queries(expect: Any) -> list[str]:
    return [str(item) for name, item in expect.items() if name in COMPARING] if isinstance(expect, dict) else []


def _queries(value: Any) -> list[str]:
    """The queries among the parameters of a call."""
    if isinstance(value, dict):
        if value.keys() == {"query"}:
            return [str(value["query"])]
        return [found for item in value.values() for found in _queries(item)]
    if isinstance(value, list):
        return [found for item in value for found in _queries(item)]
    return []
