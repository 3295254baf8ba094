"""The facts of a contract, asked of an AWS that is there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from orchestrator import document
from orchestrator.aws.inquiry import call, inquire
from orchestrator.aws.session import Session
from orchestrator.contract import Contract
from orchestrator.errors import AwsError
from orchestrator.judgement import UnansweredError
from orchestrator.target import AwsSettings
from tests.estate import REGION

pytestmark = pytest.mark.usefixtures("aws")

CONTRACT = """\
version: 1
specification: README.md
facts:
  vpc: {ask: ec2 describe-vpcs, with: {VpcIds: {query: "[output.vpc]"}}}
  lifecycle: {ask: s3api get-bucket-lifecycle-configuration, with: {Bucket: {query: output.bucket}}}
  wrong: {ask: ec2 describe-wishes}
  odd: {ask: ec2 describe-vpcs, with: {VpcIds: {query: "length(output.none)"}}}
  nobody: {ask: nobody describe-anything}
  isolation: {isolated: output.subnets, admitted: output.private, groups: "[output.group]"}
  nothing: {isolated: output.none, admitted: output.private}
  renamed: {isolated: output.subnets, admitted: output.private, groups: "[output.group, output.lost]"}
rows:
  - {id: a, section: S, statement: s, query: "[aws.vpc, aws.lifecycle, aws.wrong, aws.odd]", expect: 1}
  - {id: b, section: S, statement: s, query: "[aws.nobody, aws.isolation, aws.nothing, aws.renamed]", expect: 1}
"""


@pytest.fixture
def made() -> dict[str, Any]:
    """A VPC with a subnet that is isolated and one that may use it."""
    ec2 = boto3.client("ec2", region_name=REGION)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet, private = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"] for cidr in ("10.0.201.0/24", "10.0.1.0/24")
    )
    group = ec2.create_security_group(GroupName="db", Description="db", VpcId=vpc)["GroupId"]
    boto3.client("s3", region_name=REGION).create_bucket(
        Bucket="files", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    return {"vpc": vpc, "subnets": [subnet], "private": [private], "group": group, "bucket": "files"}


def ask(made: dict[str, Any]) -> Any:
    contract = document.parse(CONTRACT, Contract, path=Path("contract.yaml"), smallest="")
    return inquire(Session(AwsSettings()), contract, {"output": made}, region=REGION)


def open_to_the_world(made: dict[str, Any]) -> None:
    ec2 = boto3.client("ec2", region_name=REGION)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=made["vpc"])
    (main,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [made["vpc"]]}])["RouteTables"]
    ec2.create_route(RouteTableId=main["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    rule = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=made["group"], IpPermissions=[rule])
    ec2.modify_subnet_attribute(SubnetId=made["subnets"][0], MapPublicIpOnLaunch={"Value": True})


def test_calls_are_made_with_what_queries_find(made: dict[str, Any]) -> None:
    (vpc,) = ask(made)("vpc")["Vpcs"]
    assert vpc["VpcId"] == made["vpc"]


def test_what_aws_has_none_of_is_an_answer(made: dict[str, Any]) -> None:
    assert ask(made)("lifecycle") is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("wrong", "aws ec2 describe-wishes: there is no such call"),
        ("nobody", "nobody"),
        ("odd", "fact odd: .*length"),
        ("nothing", "output.none does not name them all: None"),
        ("renamed", r"\[output.group, output.lost\] does not name them all"),
    ],
)
def test_what_can_not_be_asked_is_that_facts_own_answer(made: dict[str, Any], name: str, reason: str) -> None:
    answers = ask(made)
    with pytest.raises(UnansweredError, match=reason):
        answers(name)
    assert answers("vpc")["Vpcs"]


def test_isolation_is_proved_and_disproved(made: dict[str, Any]) -> None:
    assert ask(made)("isolation") == {"routes": [], "addresses": [], "paths": []}

    open_to_the_world(made)

    found = ask(made)("isolation")
    assert [len(found[name]) for name in ("routes", "addresses", "paths")] == [1, 1, 1]
    assert "0.0.0.0/0 -> igw-" in found["routes"][0]
    assert found["paths"] == [f"{made['group']} admits 0.0.0.0/0 on tcp 5432"]


def test_all_pages_are_read() -> None:
    dynamodb = boto3.client("dynamodb", region_name=REGION)
    for name in ("a-table", "b-table", "c-table"):
        dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    pages = {"PaginationConfig": {"PageSize": 1}}
    found = call(Session(AwsSettings()), "dynamodb", "list-tables", pages, region=REGION)
    assert found["TableNames"] == ["a-table", "b-table", "c-table"]


def test_a_wrong_parameter_is_an_error_with_the_call() -> None:
    with pytest.raises(AwsError, match="aws ec2 describe-vpcs: Parameter validation failed"):
        call(Session(AwsSettings()), "ec2", "describe-vpcs", {"Vpc": "x"}, region=REGION)


def test_answers_are_plain_and_secrets_in_them_are_masked() -> None:
    session = Session(AwsSettings())
    client = session.client("cognito-idp", REGION)
    with Stubber(client) as stub:
        answer = {
            "UserPoolClient": {
                "ClientName": "web",
                "ClientSecret": "hunter2" * 6,
                "CreationDate": datetime(2026, 1, 2, tzinfo=UTC),
            }
        }
        stub.add_response("describe_user_pool_client", answer)
        asked = {"UserPoolId": "eu-west-1_a", "ClientId": "1"}
        found = call(session, "cognito-idp", "describe-user-pool-client", asked, region=REGION)
    assert found["UserPoolClient"] == {
        "ClientName": "web",
        "ClientSecret": "(redacted)",
        "CreationDate": "2026-01-02T00:00:00+00:00",
    }


def test_a_region_that_finds_nothing_is_the_buckets(made: dict[str, Any]) -> None:
    text = CONTRACT.replace("facts:", "region: output.region\nfacts:")
    contract = document.parse(text, Contract, path=Path("contract.yaml"), smallest="")
    answers = inquire(Session(AwsSettings()), contract, {"output": made}, region=REGION)
    assert answers("vpc")["Vpcs"]
