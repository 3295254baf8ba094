"""The guards' table, held against the AWS provider's own schema and against the page that lists it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from orchestrator.guard_table import BY_NAME, BY_TYPE, PROTECTING, STATEFUL, STATEFUL_TYPES
from tests.fakes import recorded_json

SCHEMA = recorded_json("guarded-schema.json")
PAGE = (Path(__file__).parents[1] / "docs" / "guards.md").read_text(encoding="utf-8")


def test_every_type_in_the_table_is_one_of_the_provider() -> None:
    assert sorted({*STATEFUL_TYPES, *PROTECTING, *BY_TYPE} - set(SCHEMA["types"])) == []


def test_every_attribute_in_the_table_is_one_of_the_provider() -> None:
    assert sorted(BY_NAME.keys() - set(SCHEMA["names"])) == []
    assert {type_: sorted(own) for type_, own in BY_TYPE.items()} == {
        type_: sorted(paths) for type_, paths in SCHEMA["paths"].items()
    }


def test_no_type_stands_in_the_table_twice() -> None:
    assert sum(map(len, STATEFUL.values())) == len(STATEFUL_TYPES)


@pytest.mark.parametrize(
    "type_",
    [
        *("aws_db_instance", "aws_rds_cluster", "aws_rds_cluster_instance", "aws_dynamodb_table", "aws_s3_bucket"),
        *("aws_ebs_volume", "aws_redshift_cluster", "aws_neptune_cluster", "aws_memorydb_cluster", "aws_backup_vault"),
        *("aws_fsx_lustre_file_system", "aws_fsx_windows_file_system", "aws_cognito_user_pool", "aws_instance"),
        *("aws_secretsmanager_secret", "aws_msk_cluster", "aws_kinesis_stream", "aws_route53_zone", "aws_dsql_cluster"),
        *("aws_cloudwatch_log_group", "aws_timestreamwrite_table", "aws_sqs_queue", "aws_vpc", "aws_eks_cluster"),
    ],
)
def test_what_holds_data_or_carries_the_rest_is_in_the_table(type_: str) -> None:
    assert type_ in STATEFUL_TYPES


def test_the_page_lists_the_whole_table_and_nothing_else() -> None:
    assert page() in PAGE


def page() -> str:
    """The tables of docs/guards.md: `python -m tests.test_guard_table` prints them."""
    stateful = [f"| {what} | {', '.join(f'`{t}`' for t in sorted(types))} |" for what, types in STATEFUL.items()]
    anywhere = [f"| `{name}` | {protects.what} |" for name, protects in BY_NAME.items()]
    own = [
        f"| `{t}` | `{path}` | {protects.what} |" for t, rules in BY_TYPE.items() for path, protects in rules.items()
    ]
    gone = [f"| `{type_}` | {what} |" for type_, what in PROTECTING.items()]
    parts = [
        ["## Stateful types", "", "| what | types |", "|---|---|", *stateful],
        ["## Protections on any type", "", "| attribute | protects |", "|---|---|", *anywhere],
        ["## Protections on one type", "", "| type | attribute | protects |", "|---|---|---|", *own],
        ["## Resources that are a protection", "", "| type | protects |", "|---|---|", *gone],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
