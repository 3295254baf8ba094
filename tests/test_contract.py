"""A contract, read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator import document
from orchestrator.contract import Contract
from orchestrator.errors import ConfigError

HEAD = "version: 1\nspecification: README.md\n"
ROW = "  - {id: a, section: S, statement: It is so, query: output.a, expect: 1}\n"
FACT = "facts:\n  vpc: {ask: ec2 describe-vpcs, with: {VpcIds: [{query: output.id}]}}\n"


def read(text: str) -> Contract:
    return document.parse(text, Contract, path=Path("contract.yaml"), smallest="version: 1")


def row(**changes: Any) -> str:
    whole = {"id": "a", "section": "S", "statement": "It is so", "query": "output.a", "expect": 1, **changes}
    return "rows:\n  - " + repr(whole).replace("True", "true").replace("False", "false") + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + row(query="output.["), "contract.yaml:4: rows.0.query: this is no JMESPath"),
        (HEAD + row(expect={"like": "x"}), "rows.0.expect: is neither a value nor one predicate"),
        (HEAD + row(expect={"matches": "("}), "rows.0.expect.matches: this is no pattern"),
        (HEAD + row(expect={"same_as": "a.["}), "rows.0.expect: this is no JMESPath"),
        (HEAD + row(query="aws.vpc.Vpcs"), "rows.0.query: there is no fact 'vpc'"),
        (HEAD + row(statment="x"), "contract.yaml:4: rows.0.statment: unknown key"),
        (HEAD + row(may_change={"by": "x"}), "rows.0.may_change.to: is required"),
        (HEAD + "rows:\n" + ROW + ROW, "contract.yaml:5: rows.1.id: 'a' stands here a second time"),
        (HEAD + FACT + row(), "contract.yaml:4: facts.vpc: no row asks for it"),
        (HEAD + "rows: []\n", "rows: there are none"),
        (HEAD + row(expect={"one_of": 5}), "rows.0.expect.one_of: must be a list"),
        (HEAD + row(expect={"at_least": "7"}), "rows.0.expect.at_least: must be a number"),
        (HEAD + row(expect={"same_as": 5}), "rows.0.expect.same_as: must be text"),
        (HEAD + row(expect={"same_as": "aws.vpc.x"}), "rows.0.query: there is no fact 'vpc'"),
        ("version: 2\nspecification: x\nrows: []\n", "version: this wealist reads version 1, not 2"),
        (HEAD, "rows: is required"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert message in caught.value.message


@pytest.mark.parametrize(
    "ask",
    [
        "ec2 terminate-instances",
        "secretsmanager get-secret-value",
        "secretsmanager batch-get-secret-value",
        "ssm get-parameter",
        "sts get-federation-token",
        "s3api get-object",
        "lambda get-function",
        "lightsail get-relational-database-master-user-password",
        "apigateway get-api-keys",
        "ssm get-parameters-by-path",
        "ecr get-authorization-token",
        "describe-vpcs",
    ],
)
def test_a_fact_only_reads_and_reads_no_secret(ask: str) -> None:
    with pytest.raises(ConfigError, match=r"facts\.vpc"):
        read(HEAD + FACT.replace("ec2 describe-vpcs", ask) + row(query="aws.vpc.x"))


@pytest.mark.parametrize("ask", ["kms get-key-rotation-status", "s3api get-bucket-cors", "rds describe-db-instances"])
def test_what_is_known_to_return_no_secret_may_be_asked(ask: str) -> None:
    contract = read(
        HEAD + FACT.replace("ec2 describe-vpcs", ask) + row(query="output.a", expect={"same_as": "aws.vpc.x"})
    )
    assert contract.facts["vpc"].call == tuple(ask.split())
