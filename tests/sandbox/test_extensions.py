from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.secretsmanager.models import secretsmanager_backends

from orchestrator.sandbox import extensions
from orchestrator.sandbox.extensions.elasticache import replication_group

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "ap-northeast-2"
TAGS = [{"Key": "Layer", "Value": "prod/foundation"}]


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An extended AWS in this process, empty before each test."""
    # A thousand images that no test looks at are most of the time it takes to make an empty account.
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    extensions.install()
    with mock_aws():
        yield


@cache
def client(service: str) -> Any:
    # Kept from test to test: reading a service's model takes longer than any call in here.
    return boto3.client(service, region_name=REGION)


@pytest.fixture
def subnet_ids() -> list[str]:
    found = client("ec2").describe_subnets()["Subnets"]
    return [subnet["SubnetId"] for subnet in sorted(found, key=lambda found: found["AvailabilityZone"])]


@pytest.fixture
def elasticache(subnet_ids: list[str]) -> Any:
    """A client; the groups that a replication group needs are there."""
    elasticache = client("elasticache")
    elasticache.create_cache_subnet_group(
        CacheSubnetGroupName="database",
        CacheSubnetGroupDescription="database subnets",
        SubnetIds=subnet_ids[:3],
    )
    elasticache.create_cache_parameter_group(
        CacheParameterGroupName="sessions", CacheParameterGroupFamily="redis7", Description="sessions"
    )
    return elasticache


def create_group(elasticache: Any, **overrides: Any) -> Any:
    asked: dict[str, Any] = {
        "ReplicationGroupId": "redis",
        "ReplicationGroupDescription": "cache",
        "Engine": "redis",
        "EngineVersion": "7.1",
        "CacheNodeType": "cache.t4g.small",
        "NumCacheClusters": 1,
        "CacheSubnetGroupName": "database",
        "CacheParameterGroupName": "sessions",
        "SecurityGroupIds": ["sg-0123"],
        "AtRestEncryptionEnabled": True,
        "TransitEncryptionEnabled": True,
        "AuthToken": "x" * 32,
        "KmsKeyId": "arn:aws:kms:ap-northeast-2:123456789012:key/1",
        "PreferredMaintenanceWindow": "Sun:18:30-Sun:19:30",
        "SnapshotWindow": "17:00-18:00",
        "SnapshotRetentionLimit": 1,
        "AutoMinorVersionUpgrade": False,
        "Tags": TAGS,
        **overrides,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    return elasticache.create_replication_group(**given)["ReplicationGroup"]


def the_group(elasticache: Any) -> Any:
    [group] = elasticache.describe_replication_groups(ReplicationGroupId="redis")["ReplicationGroups"]
    return group


def change_token(elasticache: Any, strategy: str, token: str = "y" * 32) -> Any:
    return elasticache.modify_replication_group(
        ReplicationGroupId="redis", AuthToken=token, AuthTokenUpdateStrategy=strategy
    )["ReplicationGroup"]


def members(elasticache: Any) -> list[Any]:
    found: list[Any] = elasticache.describe_cache_clusters()["CacheClusters"]
    return found


def refusal(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


class TestReplicationGroup:
    def test_a_member_shows_what_the_group_was_asked_for(self, elasticache: Any) -> None:
        group = create_group(elasticache)
        [member] = members(elasticache)

        assert group["Status"] == member["CacheClusterStatus"] == "available"
        assert group["MemberClusters"] == [member["CacheClusterId"]] == ["redis-001"]
        assert group["KmsKeyId"].endswith("key/1")
        expected = {
            "ReplicationGroupId": "redis",
            "Engine": "redis",
            "EngineVersion": "7.1.0",
            "CacheNodeType": "cache.t4g.small",
            "NumCacheNodes": 1,
            "CacheSubnetGroupName": "database",
            "CacheParameterGroup": {"CacheParameterGroupName": "sessions", "ParameterApplyStatus": "in-sync"},
            "SecurityGroups": [{"SecurityGroupId": "sg-0123", "Status": "active"}],
            "PreferredMaintenanceWindow": "sun:18:30-sun:19:30",
            "SnapshotWindow": "17:00-18:00",
            "SnapshotRetentionLimit": 1,
            "AutoMinorVersionUpgrade": False,
            "AtRestEncryptionEnabled": True,
            "TransitEncryptionEnabled": True,
            "TransitEncryptionMode": "required",
            "AuthTokenEnabled": True,
        }
        assert {name: member.get(name) for name in expected} == expected
        for arn in (group["ARN"], member["ARN"]):
            assert elasticache.list_tags_for_resource(ResourceName=arn)["TagList"] == TAGS

    def test_nodes_spread_over_the_zones_of_the_subnet_group(self, elasticache: Any) -> None:
        group = create_group(elasticache, NumCacheClusters=3, AutomaticFailoverEnabled=True, MultiAZEnabled=True)

        [shard] = group["NodeGroups"]
        assert [(node["CurrentRole"], node["PreferredAvailabilityZone"]) for node in shard["NodeGroupMembers"]] == [
            ("primary", f"{REGION}a"),
            ("replica", f"{REGION}b"),
            ("replica", f"{REGION}c"),
        ]
        assert (group["AutomaticFailover"], group["MultiAZ"]) == ("enabled", "enabled")
        assert shard["PrimaryEndpoint"]["Address"].startswith("master.redis.")
        assert shard["PrimaryEndpoint"]["Address"].endswith(".apn2.cache.amazonaws.com")
        assert shard["ReaderEndpoint"]["Address"].startswith("replica.redis.")
        assert len(members(elasticache)) == 3

    def test_what_is_not_asked_for_is_chosen_as_aws_does(self, elasticache: Any) -> None:
        create_group(elasticache, EngineVersion=None, CacheParameterGroupName=None, AutoMinorVersionUpgrade=None)

        [member] = members(elasticache)
        assert member["EngineVersion"] == "7.1.0"
        assert member["CacheParameterGroup"]["CacheParameterGroupName"] == "default.redis7"
        assert member["AutoMinorVersionUpgrade"] is True

    @pytest.mark.parametrize(
        ("overrides", "code"),
        [
            ({"TransitEncryptionEnabled": False}, "InvalidParameterCombination"),
            ({"AutomaticFailoverEnabled": True}, "InvalidParameterCombination"),
            ({"NumCacheClusters": 2, "MultiAZEnabled": True}, "InvalidParameterCombination"),
            ({"CacheParameterGroupName": "nobody"}, "CacheParameterGroupNotFound"),
            ({"CacheSubnetGroupName": "nowhere"}, "CacheSubnetGroupNotFoundFault"),
        ],
    )
    def test_what_aws_refuses_is_refused(self, elasticache: Any, overrides: dict[str, Any], code: str) -> None:
        with pytest.raises(ClientError) as error:
            create_group(elasticache, **overrides)

        assert refusal(error) == code
        assert members(elasticache) == []

    def test_cluster_mode_makes_a_cluster_for_each_node_of_each_shard(self, elasticache: Any) -> None:
        create_group(
            elasticache,
            NumCacheClusters=None,
            NumNodeGroups=2,
            ReplicasPerNodeGroup=1,
            ClusterMode="enabled",
            AutomaticFailoverEnabled=True,
            CacheParameterGroupName=None,
        )

        found = members(elasticache)
        assert [member["CacheClusterId"] for member in found] == [
            "redis-0001-001",
            "redis-0001-002",
            "redis-0002-001",
            "redis-0002-002",
        ]
        assert found[0]["CacheParameterGroup"]["CacheParameterGroupName"] == "default.redis7.cluster.on"

    def test_a_change_shows_in_group_and_members(self, elasticache: Any) -> None:
        create_group(elasticache)
        elasticache.create_cache_parameter_group(
            CacheParameterGroupName="other", CacheParameterGroupFamily="redis7", Description="other"
        )

        elasticache.modify_replication_group(
            ReplicationGroupId="redis",
            ReplicationGroupDescription="sessions",
            CacheParameterGroupName="other",
            CacheNodeType="cache.m7g.large",
            EngineVersion="7.2",
            SecurityGroupIds=["sg-0456"],
            PreferredMaintenanceWindow="mon:01:00-mon:02:00",
            SnapshotWindow="03:00-04:00",
            SnapshotRetentionLimit=7,
            AutoMinorVersionUpgrade=True,
            NotificationTopicArn="arn:aws:sns:ap-northeast-2:123456789012:cache",
            UserGroupIdsToAdd=["people"],
            ApplyImmediately=True,
        )

        group, [member] = the_group(elasticache), members(elasticache)
        assert group["Description"] == "sessions"
        assert group["UserGroupIds"] == ["people"]
        assert member["CacheParameterGroup"]["CacheParameterGroupName"] == "other"
        assert member["SecurityGroups"] == [{"SecurityGroupId": "sg-0456", "Status": "active"}]
        assert member["NotificationConfiguration"]["TopicStatus"] == "active"
        assert member["EngineVersion"] == "7.2.0"
        for shown in (group, member):
            assert shown["CacheNodeType"] == "cache.m7g.large"
            assert shown["SnapshotWindow"] == "03:00-04:00"
            assert shown["SnapshotRetentionLimit"] == 7
            assert shown["AutoMinorVersionUpgrade"] is True

    def test_log_delivery_is_added_and_taken_away(self, elasticache: Any) -> None:
        destination = {
            "LogType": "slow-log",
            "DestinationType": "cloudwatch-logs",
            "DestinationDetails": {"CloudWatchLogsDetails": {"LogGroup": "/redis/slow"}},
            "LogFormat": "json",
        }
        create_group(elasticache, LogDeliveryConfigurations=[destination])

        [delivery] = the_group(elasticache)["LogDeliveryConfigurations"]
        assert {name: delivery[name] for name in destination} == destination
        assert delivery["Status"] == "active"

        elasticache.modify_replication_group(
            ReplicationGroupId="redis",
            LogDeliveryConfigurations=[{"LogType": "slow-log", "Enabled": False}],
        )
        assert the_group(elasticache)["LogDeliveryConfigurations"] == []

    def test_the_auth_token_is_rotated_and_set(self, elasticache: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(replication_group.CHANGES, "SET", 60)
        before = create_group(elasticache)["AuthTokenLastModifiedDate"]

        rotating = change_token(elasticache, "ROTATE")
        assert (rotating["Status"], rotating["PendingModifiedValues"]) == ("modifying", {"AuthTokenStatus": "ROTATING"})
        rotated = the_group(elasticache)
        assert (rotated["Status"], rotated["AuthTokenEnabled"]) == ("available", True)
        assert "AuthTokenStatus" not in rotated.get("PendingModifiedValues", {})
        assert rotated["AuthTokenLastModifiedDate"] > before

        change_token(elasticache, "SET")
        setting = the_group(elasticache)
        assert (setting["Status"], setting["PendingModifiedValues"]) == ("modifying", {"AuthTokenStatus": "SETTING"})
        with pytest.raises(ClientError) as error:
            change_token(elasticache, "ROTATE")
        assert refusal(error) == "InvalidReplicationGroupState"

    @pytest.mark.parametrize("steps", [["SET"], ["ROTATE", "SET", "SET"]])
    def test_the_auth_token_is_set_only_after_it_was_rotated(
        self, elasticache: Any, steps: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(replication_group.CHANGES, "SET", 0)
        create_group(elasticache)
        for step in steps[:-1]:
            change_token(elasticache, step)
            the_group(elasticache)

        with pytest.raises(ClientError) as error:
            change_token(elasticache, steps[-1])

        assert refusal(error) == "InvalidParameterValue"

    @pytest.mark.parametrize("token", ["short", "with a space in it", "with-an-@-in-it-0123", "x" * 129])
    def test_an_auth_token_that_redis_would_not_take(self, elasticache: Any, token: str) -> None:
        create_group(elasticache)

        with pytest.raises(ClientError) as error:
            change_token(elasticache, "ROTATE", token)

        assert refusal(error) == "InvalidParameterValue"
        assert the_group(elasticache)["Status"] == "available"

    def test_the_auth_token_is_taken_away(self, elasticache: Any) -> None:
        create_group(elasticache)

        elasticache.modify_replication_group(ReplicationGroupId="redis", AuthTokenUpdateStrategy="DELETE")

        assert members(elasticache)[0]["AuthTokenEnabled"] is False

    def test_scaling_out_and_in_keeps_the_nodes_that_stay(self, elasticache: Any) -> None:
        create_group(elasticache)
        created = members(elasticache)[0]["CacheClusterCreateTime"]

        elasticache.increase_replica_count(ReplicationGroupId="redis", NewReplicaCount=1, ApplyImmediately=True)
        elasticache.modify_replication_group(
            ReplicationGroupId="redis", AutomaticFailoverEnabled=True, MultiAZEnabled=True
        )
        group = the_group(elasticache)
        assert group["MemberClusters"] == ["redis-001", "redis-002"]
        assert (group["AutomaticFailover"], group["MultiAZ"]) == ("enabled", "enabled")

        with pytest.raises(ClientError) as error:
            elasticache.decrease_replica_count(ReplicationGroupId="redis", NewReplicaCount=0, ApplyImmediately=True)
        assert refusal(error) == "InvalidParameterCombination"

        elasticache.modify_replication_group(
            ReplicationGroupId="redis", AutomaticFailoverEnabled=False, MultiAZEnabled=False
        )
        elasticache.decrease_replica_count(ReplicationGroupId="redis", NewReplicaCount=0, ApplyImmediately=True)
        [member] = members(elasticache)
        assert (member["CacheClusterId"], member["CacheClusterCreateTime"]) == ("redis-001", created)

    @pytest.mark.parametrize("replicas", [0, 6])
    def test_a_replica_count_out_of_range_is_refused(self, elasticache: Any, replicas: int) -> None:
        create_group(elasticache)

        with pytest.raises(ClientError) as error:
            elasticache.increase_replica_count(
                ReplicationGroupId="redis", NewReplicaCount=replicas, ApplyImmediately=True
            )

        assert refusal(error) == "InvalidParameterValue"

    def test_deletion_completes_and_takes_members_and_tags_along(self, elasticache: Any) -> None:
        arn = create_group(elasticache)["ARN"]

        deleted = elasticache.delete_replication_group(ReplicationGroupId="redis", FinalSnapshotIdentifier="last")

        assert deleted["ReplicationGroup"]["Status"] == "deleting"
        with pytest.raises(ClientError) as error:
            the_group(elasticache)
        assert refusal(error) == "ReplicationGroupNotFoundFault"
        assert members(elasticache) == []
        assert elasticache.list_tags_for_resource(ResourceName=arn)["TagList"] == []
        [snapshot] = elasticache.describe_snapshots(SnapshotName="last")["Snapshots"]
        assert snapshot["ReplicationGroupId"] == "redis"

    def test_the_primary_can_be_retained(self, elasticache: Any) -> None:
        create_group(elasticache, NumCacheClusters=2)

        elasticache.delete_replication_group(ReplicationGroupId="redis", RetainPrimaryCluster=True)

        assert [member["CacheClusterId"] for member in members(elasticache)] == ["redis-001"]

    def test_a_cluster_is_deleted_unless_it_belongs_to_a_group(self, elasticache: Any) -> None:
        create_group(elasticache)
        elasticache.create_cache_cluster(
            CacheClusterId="alone", Engine="redis", CacheNodeType="cache.t4g.small", NumCacheNodes=1
        )

        elasticache.delete_cache_cluster(CacheClusterId="alone")
        with pytest.raises(ClientError) as error:
            elasticache.delete_cache_cluster(CacheClusterId="redis-001")

        assert refusal(error) == "InvalidCacheClusterState"
        assert [member["CacheClusterId"] for member in members(elasticache)] == ["redis-001"]


class TestCacheSubnetGroup:
    def test_it_changes(self, elasticache: Any, subnet_ids: list[str]) -> None:
        elasticache.modify_cache_subnet_group(CacheSubnetGroupName="database", SubnetIds=subnet_ids[:1])

        [group] = elasticache.describe_cache_subnet_groups(CacheSubnetGroupName="database")["CacheSubnetGroups"]
        assert [subnet["SubnetAvailabilityZone"]["Name"] for subnet in group["Subnets"]] == [f"{REGION}a"]
        assert [subnet["SubnetIdentifier"] for subnet in group["Subnets"]] == subnet_ids[:1]
        assert group["CacheSubnetGroupDescription"] == "database subnets"

    def test_it_is_deleted_once_nothing_uses_it(self, elasticache: Any) -> None:
        create_group(elasticache)
        with pytest.raises(ClientError) as error:
            elasticache.delete_cache_subnet_group(CacheSubnetGroupName="database")
        assert refusal(error) == "CacheSubnetGroupInUse"

        elasticache.delete_replication_group(ReplicationGroupId="redis")
        elasticache.delete_cache_subnet_group(CacheSubnetGroupName="database")

        assert elasticache.describe_cache_subnet_groups()["CacheSubnetGroups"] == []


class TestCacheParameterGroup:
    def values(self, elasticache: Any) -> dict[str, str]:
        found = elasticache.describe_cache_parameters(CacheParameterGroupName="sessions", Source="user")
        return {parameter["ParameterName"]: parameter["ParameterValue"] for parameter in found["Parameters"]}

    def test_it_is_created_in_lower_case_with_its_tags(self, elasticache: Any) -> None:
        created = elasticache.create_cache_parameter_group(
            CacheParameterGroupName="Mixed",
            CacheParameterGroupFamily="redis7",
            Description="mixed",
            Tags=TAGS,
        )["CacheParameterGroup"]

        assert created["CacheParameterGroupName"] == "mixed"
        assert elasticache.list_tags_for_resource(ResourceName=created["ARN"])["TagList"] == TAGS
        [found] = elasticache.describe_cache_parameter_groups(CacheParameterGroupName="mixed")["CacheParameterGroups"]
        assert found == created

    @pytest.mark.parametrize(
        ("name", "family", "code"),
        [
            ("sessions", "redis7", "CacheParameterGroupAlreadyExists"),
            ("new", "redis99", "InvalidParameterValue"),
        ],
    )
    def test_what_aws_refuses_is_refused(self, elasticache: Any, name: str, family: str, code: str) -> None:
        with pytest.raises(ClientError) as error:
            elasticache.create_cache_parameter_group(
                CacheParameterGroupName=name, CacheParameterGroupFamily=family, Description="-"
            )

        assert refusal(error) == code

    def test_values_are_set_and_reset(self, elasticache: Any) -> None:
        wanted = {"maxmemory-policy": "volatile-lru", "timeout": "300"}
        pairs = [{"ParameterName": name, "ParameterValue": value} for name, value in wanted.items()]

        elasticache.modify_cache_parameter_group(CacheParameterGroupName="sessions", ParameterNameValues=pairs)
        assert self.values(elasticache) == wanted

        elasticache.reset_cache_parameter_group(CacheParameterGroupName="sessions", ParameterNameValues=pairs[:1])
        assert self.values(elasticache) == {"timeout": "300"}

        elasticache.reset_cache_parameter_group(CacheParameterGroupName="sessions", ResetAllParameters=True)
        assert self.values(elasticache) == {}

    def test_the_defaults_of_aws_are_there_and_stay_as_they_are(self, elasticache: Any) -> None:
        [group] = elasticache.describe_cache_parameter_groups(CacheParameterGroupName="default.redis7")[
            "CacheParameterGroups"
        ]
        assert group["CacheParameterGroupFamily"] == "redis7"
        with pytest.raises(ClientError) as error:
            elasticache.delete_cache_parameter_group(CacheParameterGroupName="default.redis7")
        assert refusal(error) == "InvalidParameterValue"

    def test_it_is_deleted_once_nothing_uses_it(self, elasticache: Any) -> None:
        create_group(elasticache)
        with pytest.raises(ClientError) as error:
            elasticache.delete_cache_parameter_group(CacheParameterGroupName="sessions")
        assert refusal(error) == "InvalidCacheParameterGroupState"

        elasticache.delete_replication_group(ReplicationGroupId="redis")
        elasticache.delete_cache_parameter_group(CacheParameterGroupName="sessions")

        with pytest.raises(ClientError) as error:
            elasticache.describe_cache_parameter_groups(CacheParameterGroupName="sessions")
        assert refusal(error) == "CacheParameterGroupNotFound"


class TestRds:
    @pytest.fixture
    def rds(self, subnet_ids: list[str]) -> Any:
        rds = client("rds")
        rds.create_db_subnet_group(
            DBSubnetGroupName="database", DBSubnetGroupDescription="database", SubnetIds=subnet_ids[:2]
        )
        return rds

    def create(self, rds: Any, name: str, **overrides: Any) -> Any:
        return rds.create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass="db.t4g.small",
            Engine="postgres",
            EngineVersion="17.7",
            AllocatedStorage=20,
            MasterUsername="wealist_admin",
            ManageMasterUserPassword=True,
            DBSubnetGroupName="database",
            **overrides,
        )["DBInstance"]

    def test_each_instance_has_an_id_of_its_own(self, rds: Any) -> None:
        ids = {self.create(rds, name)["DbiResourceId"] for name in ("one", "two")}

        assert len(ids) == 2
        for resource_id in ids:
            [found] = rds.describe_db_instances(Filters=[{"Name": "dbi-resource-id", "Values": [resource_id]}])[
                "DBInstances"
            ]
            assert found["DbiResourceId"] == resource_id

    def test_the_managed_secret_holds_the_user_and_a_password_of_its_own(self, rds: Any) -> None:
        secrets = []
        for name in ("one", "two"):
            arn = self.create(rds, name)["MasterUserSecret"]["SecretArn"]
            value = client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
            secrets.append(json.loads(value))

        assert [secret["username"] for secret in secrets] == ["wealist_admin"] * 2
        assert len({secret["password"] for secret in secrets}) == 2
        for secret in secrets:
            assert len(secret["password"]) == 32
            assert not set(secret["password"]) & set("/@\" '")

    def test_performance_insights_are_reported(self, rds: Any) -> None:
        plain = self.create(rds, "plain")
        watched = self.create(rds, "watched", EnablePerformanceInsights=True, PerformanceInsightsKMSKeyId="k")
        assert plain["PerformanceInsightsEnabled"] is False
        assert watched["PerformanceInsightsEnabled"] is True
        assert watched["PerformanceInsightsRetentionPeriod"] == 7
        assert watched["PerformanceInsightsKMSKeyId"] == "k"

        changed = rds.modify_db_instance(DBInstanceIdentifier="watched", EnablePerformanceInsights=False)

        assert changed["DBInstance"]["PerformanceInsightsEnabled"] is False

    def test_a_subnet_group_that_was_changed_is_still_there(self, rds: Any, subnet_ids: list[str]) -> None:
        rds.modify_db_subnet_group(DBSubnetGroupName="database", SubnetIds=subnet_ids[:3])

        [group] = rds.describe_db_subnet_groups(DBSubnetGroupName="database")["DBSubnetGroups"]
        assert [subnet["SubnetIdentifier"] for subnet in group["Subnets"]] == subnet_ids[:3]
        assert group["DBSubnetGroupDescription"] == "database"
        with pytest.raises(ClientError) as error:
            rds.modify_db_subnet_group(DBSubnetGroupName="nowhere", SubnetIds=subnet_ids[:3])
        assert refusal(error) == "DBSubnetGroupNotFoundFault"

    def test_groups_in_use_are_not_deleted(self, rds: Any) -> None:
        rds.create_db_parameter_group(
            DBParameterGroupName="tls", DBParameterGroupFamily="postgres17", Description="TLS only"
        )
        self.create(rds, "one", DBParameterGroupName="tls")

        with pytest.raises(ClientError) as error:
            rds.delete_db_subnet_group(DBSubnetGroupName="database")
        assert refusal(error) == "InvalidDBSubnetGroupStateFault"
        with pytest.raises(ClientError) as error:
            rds.delete_db_parameter_group(DBParameterGroupName="tls")
        assert refusal(error) == "InvalidDBParameterGroupState"

        rds.delete_db_instance(DBInstanceIdentifier="one", SkipFinalSnapshot=True)
        rds.delete_db_subnet_group(DBSubnetGroupName="database")
        rds.delete_db_parameter_group(DBParameterGroupName="tls")
        assert rds.describe_db_subnet_groups()["DBSubnetGroups"] == []

    def test_a_parameter_that_was_set_says_who_set_it(self, rds: Any) -> None:
        name = "tls"
        rds.create_db_parameter_group(
            DBParameterGroupName=name, DBParameterGroupFamily="postgres17", Description="TLS only"
        )
        force_ssl = {
            "ParameterName": "rds.force_ssl",
            "ParameterValue": "1",
            "ApplyMethod": "pending-reboot",
        }
        rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=[force_ssl])

        [found] = rds.describe_db_parameters(DBParameterGroupName=name, Source="user")["Parameters"]
        assert {**force_ssl, "Source": "user"}.items() <= found.items()
        others = rds.describe_db_parameters(DBParameterGroupName=name, Source="system")
        assert others["Parameters"] == []

        rds.reset_db_parameter_group(DBParameterGroupName=name, Parameters=[force_ssl])
        assert rds.describe_db_parameters(DBParameterGroupName=name)["Parameters"] == []
        with pytest.raises(ClientError) as error:
            rds.reset_db_parameter_group(DBParameterGroupName="nobody", ResetAllParameters=True)
        assert refusal(error) == "DBParameterGroupNotFound"


@pytest.mark.parametrize(("asked", "period"), [({"RotationPeriodInDays": 180}, 180), ({}, 365)])
def test_a_key_says_how_often_it_rotates(asked: dict[str, int], period: int) -> None:
    kms = client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    assert kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"] is False

    kms.enable_key_rotation(KeyId=key_id, **asked)

    status = kms.get_key_rotation_status(KeyId=key_id)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, period)


def test_the_versions_of_a_secret_have_their_dates() -> None:
    secrets = client("secretsmanager")
    arn = secrets.create_secret(Name="token", SecretString="1")["ARN"]
    for text in ("2", "3"):
        secrets.put_secret_value(SecretId=arn, SecretString=text)
    made = list(secretsmanager_backends["123456789012"][REGION].secrets[arn].versions.values())
    for hours, version in enumerate(reversed(made)):
        version["createdate"] -= hours * 3600

    labelled = secrets.list_secret_version_ids(SecretId=arn)["Versions"]
    every = secrets.list_secret_version_ids(SecretId=arn, IncludeDeprecated=True)["Versions"]

    assert [version["VersionStages"] for version in labelled] == [["AWSPREVIOUS"], ["AWSCURRENT"]]
    assert [version["VersionStages"] for version in every] == [[], ["AWSPREVIOUS"], ["AWSCURRENT"]]
    assert [int(version["CreatedDate"].timestamp()) for version in every] == [it["createdate"] for it in made]
    with pytest.raises(ClientError) as error:
        secrets.list_secret_version_ids(SecretId="other")
    assert refusal(error) == "ResourceNotFoundException"


class TestBucketPolicy:
    @pytest.fixture
    def s3(self) -> Any:
        s3 = client("s3")
        s3.create_bucket(Bucket="state", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket="state", Key="terraform.tfstate", Body=b"{}")
        return s3

    def put(self, s3: Any, *statements: dict[str, Any]) -> None:
        s3.put_bucket_policy(
            Bucket="state", Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        )

    def statement(self, condition: dict[str, Any] | None, **overrides: Any) -> dict[str, Any]:
        statement = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::state", "arn:aws:s3:::state/*"],
            **overrides,
        }
        return statement if condition is None else {**statement, "Condition": condition}

    @pytest.mark.parametrize("value", ["false", False, ["false"]])
    def test_denying_plain_http_denies_nothing_here(self, s3: Any, value: object) -> None:
        self.put(s3, self.statement({"Bool": {"aws:SecureTransport": value}}))

        s3.put_object(Bucket="state", Key="terraform.tfstate", Body=b"{1}")

        assert s3.get_object(Bucket="state", Key="terraform.tfstate")["Body"].read() == b"{1}"

    @pytest.mark.parametrize(
        "condition",
        [
            None,
            {"Bool": {"aws:SecureTransport": "true"}},
            {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}},
            {"Bool": {"aws:SecureTransport": "true", "aws:MultiFactorAuthPresent": "false"}},
        ],
    )
    def test_other_denials_deny(self, s3: Any, condition: dict[str, Any] | None) -> None:
        self.put(s3, self.statement({"Bool": {"aws:SecureTransport": "false"}}), self.statement(condition))

        with pytest.raises(ClientError) as error:
            s3.get_object(Bucket="state", Key="terraform.tfstate")

        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403

    def test_permission_on_an_unknown_condition_neither_allows_nor_denies(self, s3: Any) -> None:
        self.put(s3, self.statement({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, Effect="Allow"))

        assert s3.get_object(Bucket="state", Key="terraform.tfstate")["Body"].read() == b"{}"


def test_installing_twice_changes_nothing(elasticache: Any) -> None:
    extensions.install()
    extensions.install("rds", "s3")

    create_group(elasticache, NumCacheClusters=2)

    assert len(members(elasticache)) == 2
