"""The production foundation, brought up and looked at, on the real Terraform and the real AWS provider."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from orchestrator import timing
from orchestrator.config import Config
from tests.integration.conftest import ADDED, FLAGS, REGION, outputs

if TYPE_CHECKING:
    from tests.integration.conftest import Rehearsal

pytestmark = pytest.mark.real


def test_preflight_is_all_green(foundation: Rehearsal) -> None:
    findings = json.loads(foundation.ok("preflight", "--json").out)["findings"]
    assert [finding for finding in findings if finding["severity"] != "ok"] == []
    assert {"credentials.ok", "state-bucket.ok", "state-write.ok", "lock-table.ok", "terraform.ok"} <= {
        finding["id"] for finding in findings
    }


def test_outputs_have_the_documented_names_and_shapes(foundation: Rehearsal) -> None:
    found = outputs(foundation)
    assert re.fullmatch(r"vpc-\w+", found["vpc_id"])
    assert len(found["private_subnet_ids"]) == 3
    assert re.fullmatch(rf"wealist-prod-postgres\.\w+\.{REGION}\.rds\.amazonaws\.com:5432", found["rds_endpoint"])
    assert found["rds_master_user_secret_arn"].startswith("arn:aws:secretsmanager:")
    assert "wealist-prod-redis" in found["redis_endpoint"]
    assert found["redis_auth_token_secret_arn"].startswith("arn:aws:secretsmanager:")
    assert found["s3_bucket_name"] == "wealist-prod-storage"
    assert found["kms_key_arn"].startswith("arn:aws:kms:")


def test_both_secrets_come_out_bare_and_stay_out_of_everything_else(foundation: Rehearsal) -> None:
    password = foundation.ok("secrets", "rds-password").out.removesuffix("\n")
    token = foundation.ok("secrets", "redis-auth-token").out.removesuffix("\n")
    assert len(password) >= 16
    assert 16 <= len(token) <= 128
    secret = json.loads(foundation.ok("secrets", "rds-password", "--json").out)
    assert secret["value"] == password
    left = [path for path in foundation.home.rglob("*") if path.is_file() and "providers" not in path.parts]
    texts = {path: path.read_bytes().decode(errors="replace") for path in left}
    assert [path for path, text in texts.items() if password in text or token in text] == []


def test_the_second_run_finds_nothing_to_change(foundation: Rehearsal) -> None:
    assert "nothing to change" in foundation.ok("up", "foundation", "-y").err


def test_every_statement_of_the_specification_holds(foundation: Rehearsal) -> None:
    (result,) = json.loads(foundation.ok("verify", "foundation", "--json").out)["results"]
    rows = result["contract"]
    assert len(rows) > 80
    assert [row for row in rows if row["status"] != "holds"] == []


def test_what_is_broken_behind_terraform_is_found_and_named(foundation: Rehearsal) -> None:
    """Each fault, and the rows that see it; afterwards all is as it was."""
    ec2, s3 = foundation.client("ec2", REGION), foundation.client("s3", REGION)
    found = outputs(foundation)
    (database, *_), group = found["database_subnet_ids"], found["rds_security_group_id"]
    (table,) = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [database]}])[
        "RouteTables"
    ]
    (nat,) = ec2.describe_nat_gateways()["NatGateways"]
    route = {"RouteTableId": table["RouteTableId"], "DestinationCidrBlock": "0.0.0.0/0"}
    rule = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.create_route(**route, NatGatewayId=nat["NatGatewayId"])
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    ec2.modify_subnet_attribute(SubnetId=database, MapPublicIpOnLaunch={"Value": True})
    s3.put_bucket_versioning(Bucket="wealist-prod-storage", VersioningConfiguration={"Status": "Suspended"})
    try:
        answer = foundation("verify", "foundation", "--json")
    finally:
        ec2.delete_route(**route)
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])
        ec2.modify_subnet_attribute(SubnetId=database, MapPublicIpOnLaunch={"Value": False})
        s3.put_bucket_versioning(Bucket="wealist-prod-storage", VersioningConfiguration={"Status": "Enabled"})

    assert answer.code == 13, answer.said
    rows = json.loads(answer.out)["results"][0]["contract"]
    broken = {row["id"] for row in rows if row["status"] == "broken"}
    assert broken == {
        "isolation.routes",
        "isolation.paths",
        "isolation.addresses",
        "s3.versioning",
        "s3.versioning-live",
    }
    seen = {row["id"]: row["seen"] for row in rows}
    assert f"0.0.0.0/0 -> {nat['NatGatewayId']}" in seen["isolation.routes"][0]
    assert seen["isolation.paths"] == [f"{group} admits 0.0.0.0/0 on tcp 5432"]


def test_up_stops_on_a_plan_that_breaks_the_contract(foundation: Rehearsal) -> None:
    answer = foundation("up", "foundation", "-y", "--set", "rds_backup_retention_days=1")
    assert answer.code == 13, answer.said
    assert "--accept-contract-change 'prod/foundation:rds.backup'" in answer.err
    assert "nothing to change" in foundation.ok("up", "foundation", "-y").err


def test_the_redis_token_is_rotated_in_two_steps_that_leave_no_difference(foundation: Rehearsal) -> None:
    def token(*words: str) -> str:
        return foundation.ok("secrets", "redis-auth-token", *words).out.removesuffix("\n")

    old = token()
    rotated = foundation.ok("secrets", "rotate", "redis-auth-token", "-y", "--json")
    new = token()
    assert new != old
    assert token("--version-stage", "AWSPREVIOUS") == old
    (result,) = json.loads(rotated.out)["results"]
    assert {change["address"]: change["action"] for change in result["changes"]} == {
        "aws_elasticache_replication_group.redis": "update",
        "aws_secretsmanager_secret_version.redis_auth_token": "replace",
    }
    assert foundation("plan", "foundation", "--detailed-exitcode").code == 0
    again = foundation("secrets", "rotate", "redis-auth-token", "-y")
    assert again.code == 13, again.said

    finished = foundation.ok("secrets", "rotate", "redis-auth-token", "--finish", "-y")
    assert "waiting: wealist-prod-redis is modifying (SETTING)" in finished.err
    assert "nothing to finish" in foundation.ok("secrets", "rotate", "redis-auth-token", "--finish", "-y").err
    assert token() == new
    assert foundation("plan", "foundation", "--detailed-exitcode").code == 0

    left = [path for path in foundation.home.rglob("*") if path.is_file() and "providers" not in path.parts]
    texts = {str(path): path.read_bytes().decode(errors="replace") for path in left}
    texts |= {"rotate": rotated.said, "again": again.said, "finish": finished.said}
    assert [name for name, text in texts.items() if old in text or new in text] == []


def test_a_database_is_diagnosed_up_to_the_hop_that_is_broken(foundation: Rehearsal) -> None:
    whole = foundation.ok("diagnose", "rds").out
    assert "security-group" in whole
    ec2, group = foundation.client("ec2", REGION), outputs(foundation)["rds_security_group_id"]
    rule = {
        "IpProtocol": "tcp",
        "FromPort": 5432,
        "ToPort": 5432,
        "IpRanges": [{"CidrIp": "10.0.2.0/24", "Description": "PostgreSQL from the private subnet in ap-northeast-2b"}],
    }
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])
    try:
        answer = foundation("diagnose", "rds", "--json")
    finally:
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    assert answer.code == 1, answer.said
    assert 'aws_vpc_security_group_ingress_rule.rds[\\"ap-northeast-2b\\"]' in answer.out
    foundation.ok("diagnose", "rds")


def test_a_secret_that_is_gone_is_the_broken_hop(foundation: Rehearsal) -> None:
    secrets, arn = foundation.client("secretsmanager", REGION), outputs(foundation)["redis_auth_token_secret_arn"]
    secrets.delete_secret(SecretId=arn)
    try:
        answer = foundation("diagnose", "redis")
    finally:
        secrets.restore_secret(SecretId=arn)
    assert answer.code == 14, answer.said
    assert "✗ secret" in answer.out
    foundation.ok("diagnose", "redis")


def test_what_it_costs_and_what_each_switch_would_add(foundation: Rehearsal) -> None:
    deployed = json.loads(foundation.ok("cost", "foundation", "--json").out)
    assert deployed["monthly"] == {"deployed": 75}
    (layer,) = deployed["layers"]
    assert [(row["item"], row["choice"], row["monthly"]) for row in layer["deployed"]["items"]] == [
        ("NAT Gateway", "1", 32),
        ("RDS", "Single-AZ", 23),
        ("Redis", "1 node", 20),
    ]
    assert {"aws_kms_key", "aws_s3_bucket", "aws_ecr_repository", "aws_secretsmanager_secret", "aws_eip"} == {
        resource["type"] for resource in layer["deployed"]["unpriced"]
    }

    planned = json.loads(foundation.ok("cost", "foundation", "--json", *FLAGS).out)
    assert planned["monthly"] == {"before": 75, "planned": 182, "difference": 107}
    assert {item["item"]: item["difference"] for item in planned["layers"][0]["delta"]["items"]} == ADDED

    answer = foundation("up", "foundation", "-y", "--max-monthly-delta", "50", *FLAGS)
    assert answer.code == 13, answer.said
    assert "a month would cost $107 more, and --max-monthly-delta is $50" in answer.err
    assert json.loads(foundation.ok("cost", "foundation", "--json").out) == deployed


def test_every_component_that_takes_its_time_is_of_something_that_was_made(foundation: Rehearsal) -> None:
    guide = Config.load(foundation.root / "wealist.yaml").guide("prod/foundation")
    assert guide is not None
    made = [
        address for address, action in timing.read(foundation.home, "prod/foundation").resources if action == "create"
    ]

    found = {component.name for address in made if (component := guide.component(address))}
    assert found == {component.name for component in guide.components}
