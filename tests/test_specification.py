"""Nothing in the specification goes unchecked: every row of its tables has a home in what wealist checks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.config import Config
from orchestrator.contract import Contract
from orchestrator.duration import Span
from orchestrator.judgement import Status, judge
from orchestrator.price import Book

REPOSITORY = Path(__file__).parents[1]
FOUNDATION = REPOSITORY / "terraform" / "prod" / "foundation"
SPECIFICATION = (FOUNDATION / "SPECIFICATION.ko.md").read_text(encoding="utf-8")
# Tables that say how long things take and what they cost, and no setting: where their rows are kept instead.
DURATIONS, COSTS = "배포 소요 시간", "현재 설정 (최소 비용)"


def sections() -> dict[str, str]:
    """The text below each heading, up to the next; code blocks are no headings."""
    found, title, is_code = dict[str, list[str]](), "", False
    for line in SPECIFICATION.splitlines():
        is_code ^= line.startswith("```")
        heading = re.fullmatch(r"#+ (.+)", line)
        if heading and not is_code:
            title = heading[1]
        found.setdefault(title, []).append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}


def table_rows() -> list[tuple[str, str]]:
    """Section and first cell of every row of every table."""
    found = []
    for name, text in sections().items():
        lines = [line for line in text.splitlines() if line.startswith("|")]
        found += [(name, line.split("|")[1].strip().strip("*")) for line in lines[2:]]
    return found


def contract_rows() -> set[tuple[str, str]]:
    return {(row.section, row.row) for row in Contract.load(FOUNDATION / "contract.yaml").rows}


def test_the_tables_are_found() -> None:
    names = {section for section, _ in table_rows()}
    settings = {"VPC", "RDS PostgreSQL", "ElastiCache Redis", "ECR", "S3", "KMS"}
    assert names == {"구성 요소", *settings, DURATIONS, COSTS}
    assert len(table_rows()) == 44


@pytest.mark.parametrize(("section", "row"), [row for row in table_rows() if row[0] not in (DURATIONS, COSTS)])
def test_every_row_of_every_table_is_in_the_contract(section: str, row: str) -> None:
    assert (section, row) in contract_rows()


@pytest.mark.parametrize("cidr", re.findall(r"10\.0\.\d+\.0/24", sections()["아키텍처"]))
def test_every_subnet_of_the_drawing_is_in_the_contract(cidr: str) -> None:
    assert ("아키텍처", cidr) in contract_rows()


@pytest.mark.parametrize("output", re.findall(r"(?m)^(\w+) += ", sections()["출력 값"]))
def test_every_output_is_in_the_contract(output: str) -> None:
    assert ("출력 값", output) in contract_rows()


@pytest.mark.parametrize("caution", re.findall(r"(?m)^\d\. \*\*(.+)\*\*:", sections()["주의사항"]))
def test_every_caution_is_in_the_contract(caution: str) -> None:
    assert ("주의사항", caution) in contract_rows()


@pytest.mark.parametrize("prerequisite", re.findall(r"(?m)^\d\. (.+): `", sections()["사전 요구사항"]))
def test_every_prerequisite_is_in_the_contract(prerequisite: str) -> None:
    assert ("사전 요구사항", prerequisite) in contract_rows()


def test_every_row_of_the_contract_is_in_the_specification() -> None:
    """What the contract quotes stands there: a section that was renamed, or a row that was dropped, is seen."""
    known = sections()
    lost = [row for row in contract_rows() if row[0] not in known or row[1] not in known[row[0]]]
    assert lost == []


def cells(section: str) -> list[list[str]]:
    """The rows of a section's table, cell by cell."""
    lines = [line for line in sections()[section].splitlines() if line.startswith("|")]
    return [[cell.strip().strip("*") for cell in line.split("|")[1:-1]] for line in lines[2:]]


@pytest.mark.parametrize(("names", "minutes"), cells(DURATIONS))
def test_every_duration_is_what_wealist_starts_from(names: str, minutes: str) -> None:
    guide = Config.load(REPOSITORY / "wealist.yaml").guide("prod/foundation")
    assert guide is not None
    low, _, high = minutes.removesuffix("분").partition("-")
    takes = {component.name: component.takes for component in guide.components}
    for name in names.split(", "):
        assert takes[name] == Span(low=60.0 * int(low), high=60.0 * int(high or low))


def test_plan_and_apply_are_expected_to_take_what_the_specification_says() -> None:
    guide = Config.load(REPOSITORY / "wealist.yaml").guide("prod/foundation")
    assert guide is not None
    assert "계획 확인 (약 2분)" in SPECIFICATION
    assert guide.plan == Span(low=120, high=120)
    assert "적용 (약 15-20분)" in SPECIFICATION
    assert guide.apply == Span(low=900, high=1200)


@pytest.mark.parametrize(("item", "_choice", "price", "_trade_off"), cells(COSTS))
def test_every_price_is_in_the_book_with_its_trade_off(item: str, _choice: str, price: str, _trade_off: str) -> None:
    entries = {entry.item: entry for entry in Book.load(REPOSITORY / "prices.yaml").prices}
    assert f"~${entries[item].price:.0f}" == price
    assert entries[item].tradeoffs


# Rows that say that something must not be there, so that nothing is not what breaks them; with what does.
MUST_NOT_BE: dict[str, dict[str, Any]] = {
    "vpc.flow-logs": {"aws_flow_log": [{"address": "aws_flow_log.this"}]},
    "ecr.prefix": {"aws_ecr_repository": [{"name": "dev/a"}]},
    "ecr.mutability": {"aws_ecr_repository": [{"image_tag_mutability": "MUTABLE", "address": "a"}]},
    "ecr.scan": {"aws_ecr_repository": [{"image_scanning_configuration": [{"scan_on_push": False}], "address": "a"}]},
    "caution.public-database": {"aws_db_instance": [{"publicly_accessible": True, "address": "a"}]},
    "caution.database-routes": {"aws_route": [{"address": "module.vpc.aws_route.database_nat_gateway[0]"}]},
    "caution.database-sources-else": {
        "aws_vpc_security_group_ingress_rule": [{"cidr_ipv6": "::/0", "cidr_ipv4": None, "address": "a"}]
    },
    "caution.database-rules": {"aws_security_group_rule": [{"cidr_blocks": ["0.0.0.0/0"]}]},
    "caution.order": {"layer": {"needs": ["prod/compute"]}},
    "cluster.public-cidrs": {"var": {"cluster_public_access_cidrs": ["0.0.0.0/0"]}},
}


def statuses(found: dict[str, Any]) -> dict[str, Status]:
    """Of the rows of both contracts over a document, AWS asked and without an answer."""
    whole = {"output": {}, "var": {}, "layer": {"needs": []}, "backend": {}, **found}
    contracts = [Contract.load(path) for path in sorted(REPOSITORY.glob("terraform/*/*/contract.yaml"))]
    verdicts = [v for c in contracts for v in judge(c, whole, defaults=whole["var"], look_up=lambda _: None)]
    return {verdict.row.id: verdict.status for verdict in verdicts}


def test_hardly_a_row_holds_where_there_is_nothing() -> None:
    held = {id_ for id_, status in statuses({}).items() if status is Status.HOLDS}
    assert held <= set(MUST_NOT_BE)


@pytest.mark.parametrize(("id_", "found"), MUST_NOT_BE.items())
def test_what_must_not_be_there_breaks_its_row(id_: str, found: dict[str, Any]) -> None:
    assert statuses(found)[id_] is Status.BROKEN


@pytest.mark.parametrize("variable", re.findall(r'variable "(\w+)"', sections()["향후 확장 시"]))
def test_every_switch_for_scaling_up_may_change_a_row(variable: str) -> None:
    rows = Contract.load(FOUNDATION / "contract.yaml").rows
    assert any(row.may_change and row.may_change.by == variable for row in rows)


def test_the_layers_name_the_contracts_specification() -> None:
    for path in REPOSITORY.glob("terraform/*/*/contract.yaml"):
        named = yaml.safe_load(path.read_text(encoding="utf-8"))["specification"]
        assert (REPOSITORY / named).is_file()
