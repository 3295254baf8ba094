"""What `tests/test_examination.py` does not come by: shapes of ElastiCache's that moto has no way to make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from orchestrator.aws.database import read_group, read_instance
from orchestrator.aws.session import Session
from orchestrator.errors import AwsError
from orchestrator.target import AwsSettings
from tests.estate import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP: dict[str, Any] = {
    "ReplicationGroupId": "cache",
    "Status": "available",
    "MemberClusters": ["cache-001"],
    "NodeGroups": [{"PrimaryEndpoint": {"Address": "master.cache.test", "Port": 6379}}],
}
MEMBER: dict[str, Any] = {
    "CacheClusterId": "cache-001",
    "CacheSubnetGroupName": "database",
    "SecurityGroups": [{"SecurityGroupId": "sg-1", "Status": "active"}],
}
SUBNETS = {"VpcId": "vpc-1", "Subnets": [{"SubnetIdentifier": "subnet-1"}, {"SubnetIdentifier": "subnet-2"}]}


@pytest.fixture
def session() -> Session:
    return Session(AwsSettings(access_key="x", secret_key="x", endpoint_url="http://127.0.0.1:1"))


@pytest.fixture
def elasticache(session: Session) -> Iterator[Stubber]:
    with Stubber(session.client("elasticache", REGION)) as stubber:
        yield stubber


def test_a_group_is_where_its_members_are(session: Session, elasticache: Stubber) -> None:
    elasticache.add_response("describe_replication_groups", {"ReplicationGroups": [GROUP]})
    elasticache.add_response("describe_cache_clusters", {"CacheClusters": [MEMBER]})
    elasticache.add_response("describe_cache_subnet_groups", {"CacheSubnetGroups": [SUBNETS]})

    found = read_group(session, REGION, "cache")

    assert found is not None
    assert (found.host, found.port, found.vpc_id) == ("master.cache.test", 6379, "vpc-1")
    assert (found.subnet_ids, found.security_group_ids) == (("subnet-1", "subnet-2"), ("sg-1",))
    assert (found.takes_token, found.is_encrypted_in_transit) == (False, False)


def test_a_group_in_cluster_mode_is_asked_at_its_configuration_endpoint(session: Session, elasticache: Stubber) -> None:
    sharded = {**GROUP, "ConfigurationEndpoint": {"Address": "clustercfg.cache.test", "Port": 6380}}
    elasticache.add_response("describe_replication_groups", {"ReplicationGroups": [sharded]})
    elasticache.add_client_error("describe_cache_clusters", "CacheClusterNotFound")

    found = read_group(session, REGION, "cache")

    assert found is not None
    assert (found.host, found.port) == ("clustercfg.cache.test", 6380)
    assert (found.vpc_id, found.subnet_ids, found.security_group_ids) == (None, (), ())


def test_a_group_that_is_being_made_has_no_endpoint_yet(session: Session, elasticache: Stubber) -> None:
    made = {"ReplicationGroupId": "cache", "Status": "creating", "MemberClusters": []}
    elasticache.add_response("describe_replication_groups", {"ReplicationGroups": [made]})

    found = read_group(session, REGION, "cache")

    assert found is not None
    assert (found.host, found.port, found.is_serving) == (None, None, False)


@pytest.mark.parametrize("code", ["ReplicationGroupNotFoundFault", "ReplicationGroupNotFound"])
def test_a_group_that_is_gone_is_none(session: Session, elasticache: Stubber, code: str) -> None:
    elasticache.add_client_error("describe_replication_groups", code)

    assert read_group(session, REGION, "cache") is None


def test_what_aws_refuses_is_not_taken_for_gone(session: Session, elasticache: Stubber) -> None:
    elasticache.add_client_error("describe_replication_groups", "AccessDenied")

    with pytest.raises(AwsError, match="looking at replication group cache: AccessDenied"):
        read_group(session, REGION, "cache")


def test_an_instance_that_may_not_be_looked_at_is_not_taken_for_gone(session: Session) -> None:
    with Stubber(session.client("rds", REGION)) as rds:
        rds.add_client_error("describe_db_instances", "AccessDenied")
        with pytest.raises(AwsError, match="looking at RDS instance db: AccessDenied"):
            read_instance(session, REGION, "db")
