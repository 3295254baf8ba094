"""The production foundation scaled up, compute on it, and all of it taken down, on the real Terraform and AWS provider.

A file of its own with an estate of its own, so that it can run beside the other tests of the foundation.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.integration.conftest import FLAGS, REGION, outputs

if TYPE_CHECKING:
    from tests.integration.conftest import Rehearsal

pytestmark = pytest.mark.real


def test_the_scale_up_switches_replace_nothing_and_end_clean(foundation: Rehearsal) -> None:
    before = outputs(foundation)
    report = json.loads(foundation.ok("up", "foundation", "-y", "--json", *FLAGS).out)
    (result,) = report["results"]
    assert result["outcome"] == "applied"
    assert (result["monthly_delta"], result["cost"]["before"], result["cost"]["after"]) == (107, 75, 182)
    assert {change["action"] for change in result["changes"]} <= {"create", "update"}
    after = outputs(foundation)
    same = (
        "vpc_id",
        "private_subnet_ids",
        "public_subnet_ids",
        "database_subnet_ids",
        "rds_endpoint",
        "redis_endpoint",
    )
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    rds = foundation.client("rds", REGION).describe_db_instances()["DBInstances"][0]
    assert rds["MultiAZ"] is True
    group = foundation.client("elasticache", REGION).describe_replication_groups()["ReplicationGroups"][0]
    assert len(group["MemberClusters"]) == 2
    assert len(foundation.client("ec2", REGION).describe_nat_gateways()["NatGateways"]) == 3
    assert "nothing to change" in foundation.ok("up", "foundation", "-y", *FLAGS).err
    (verified,) = json.loads(foundation.ok("verify", "foundation", "--json", *FLAGS).out)["results"]
    scaled = {row["id"]: row["scaled_by"] for row in verified["contract"] if row["scaled_by"]}
    assert scaled["rds.multi-az"] == "rds_multi_az = true"
    assert scaled["vpc.nat-live"] == "single_nat_gateway = false"


def test_compute_comes_up_on_it_and_the_second_run_of_both_finds_nothing(foundation: Rehearsal) -> None:
    report = json.loads(foundation.ok("up", "compute", "--with-dependencies", "-y", "--json", *FLAGS).out)
    assert {r["layer"]: r["outcome"] for r in report["results"]} == {
        "prod/foundation": "no-changes",
        "prod/compute": "applied",
    }
    eks = foundation.client("eks", REGION)
    cluster = eks.describe_cluster(name="wealist-prod-eks")["cluster"]
    assert cluster["resourcesVpcConfig"]["endpointPrivateAccess"] is True
    assert cluster["resourcesVpcConfig"]["endpointPublicAccess"] is False
    assert set(cluster["resourcesVpcConfig"]["subnetIds"]) == set(outputs(foundation)["private_subnet_ids"])
    assert set(eks.list_addons(clusterName="wealist-prod-eks")["addons"]) == {
        "coredns",
        "eks-pod-identity-agent",
        "kube-proxy",
        "vpc-cni",
    }
    foundation.ok("verify", *FLAGS)
    again = json.loads(foundation.ok("plan", "--all", "--json", *FLAGS).out)
    assert {r["outcome"] for r in again["results"]} == {"no-changes"}


def test_an_output_that_compute_reads_can_not_be_removed(foundation: Rehearsal) -> None:
    path = foundation.root / "terraform" / "prod" / "foundation" / "outputs.tf"
    text = path.read_text()
    path.write_text(text.replace('output "private_subnet_ids"', 'output "subnets"'))
    try:
        answer = foundation("plan", "foundation", *FLAGS)
    finally:
        path.write_text(text)

    assert answer.code == 13, answer.said
    assert (
        "the plan removes output 'private_subnet_ids', which prod/compute reads at terraform/prod/compute/"
        in answer.err
    )


def test_all_of_it_goes_down_and_leaves_nothing(foundation: Rehearsal) -> None:
    names = ("--confirm", "foundation", "--confirm", "compute")
    guarded = foundation("down", "--all", *names, *FLAGS)
    assert guarded.code == 13, "compute is down by now; the database is protected"
    assert "aws_db_instance.this[0] is protected" in guarded.err

    answer = foundation("down", "--all", *names, "--lift-deletion-protection", *FLAGS)

    assert answer.code == 0, answer.said
    ec2 = foundation.client("ec2", REGION)
    vpcs = [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
    assert vpcs == []
    assert ec2.describe_launch_templates()["LaunchTemplates"] == []
    assert foundation.client("rds", REGION).describe_db_instances()["DBInstances"] == []
    elasticache = foundation.client("elasticache", REGION)
    assert elasticache.describe_replication_groups()["ReplicationGroups"] == []
    assert elasticache.describe_cache_clusters()["CacheClusters"] == []
    assert foundation.client("ecr", REGION).describe_repositories()["repositories"] == []
    assert foundation.client("eks", REGION).list_clusters()["clusters"] == []
    kms = foundation.client("kms", REGION)
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    ours = [key["KeyState"] for key in keys if key["KeyManager"] == "CUSTOMER"]
    assert ours == ["PendingDeletion"]
    buckets = [bucket["Name"] for bucket in foundation.client("s3", REGION).list_buckets()["Buckets"]]
    assert buckets == ["wealist-tf-state-advanced-k8s"]
    for layer in ("foundation", "compute"):
        body = foundation.client("s3", REGION).get_object(
            Bucket="wealist-tf-state-advanced-k8s", Key=f"prod/{layer}/terraform.tfstate"
        )["Body"]
        state = json.load(body)
        assert (state["resources"], state["outputs"]) == ([], {})
