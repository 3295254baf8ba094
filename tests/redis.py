"""A Redis in moto, its AUTH token in a secret, and the state that says so: what a rotation works on."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from moto.elasticache.models import elasticache_backends
from moto.secretsmanager.models import secretsmanager_backends

from orchestrator.sandbox import extensions
from orchestrator.sandbox.extensions.elasticache import replication_group
from tests.estate import ACCOUNT, REGION, Store, state_text, write_estate
from tests.plans import change, plan_json

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

GROUP = "acme-redis"
VERSION = "aws_secretsmanager_secret_version.token"
TARGET = "aws_elasticache_replication_group.redis"
TOKENS = ("first-token-0123456789", "second-token-0123456789", "third-token-0123456789")

YAML = f"""\
version: 1
secrets:
  token:
    layer: prod/foundation
    output: token_secret_arn
    rotation: {{ replace: {VERSION}, target: {TARGET} }}
  password:
    layer: prod/foundation
    output: password_arn
    rotation: {{ managed_by: RDS }}
  plain:
    layer: prod/foundation
    output: plain_arn
"""


@cache
def client(service: str) -> Any:
    # Kept from test to test: making one takes longer than any call in here.
    return boto3.client(service, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing")


@dataclass(slots=True)
class Redis:
    """The secret and the group.

    Attributes:
        calls: Of ModifyReplicationGroup: strategy and token.
    """

    store: Store
    elasticache: Any
    secrets: Any
    arn: str
    calls: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def make(cls, store: Store, monkeypatch: pytest.MonkeyPatch, root: Path) -> Redis:
        extensions.install()
        monkeypatch.setitem(replication_group.CHANGES, "SET", 0.05)
        monkeypatch.setattr("orchestrator.aws.replication_group._FIRST_PAUSE", 0.01)
        write_estate(root, YAML)
        elasticache, secrets = client("elasticache"), client("secretsmanager")
        arn = secrets.create_secret(Name="token", SecretString=TOKENS[0])["ARN"]
        elasticache.create_replication_group(
            ReplicationGroupId=GROUP,
            ReplicationGroupDescription="cache",
            Engine="redis",
            CacheNodeType="cache.t4g.small",
            NumCacheClusters=1,
            TransitEncryptionEnabled=True,
            AuthToken=TOKENS[0],
        )
        redis = cls(store, elasticache, secrets, arn)
        # An hour ago, since what is older than what decides where a rotation stands.
        redis.group.replication_group_create_time -= timedelta(hours=1)
        redis.group.auth_token_last_modified_date -= timedelta(hours=1)
        for version in redis.secret.versions.values():
            version["createdate"] -= 3600
        redis.write_state()
        original = replication_group._change_auth_token

        def spied(group: Any, token: str | None, strategy: str | None) -> None:
            original(group, token, strategy)
            redis.calls.append((strategy or "", token or ""))

        monkeypatch.setattr(replication_group, "_change_auth_token", spied)
        return redis

    @property
    def versions(self) -> dict[str, str]:
        """Version ids by label."""
        found = self.secrets.describe_secret(SecretId=self.arn)["VersionIdsToStages"]
        return {label: version for version, labels in found.items() for label in labels}

    def token(self, stage: str = "AWSCURRENT") -> str:
        text: str = self.secrets.get_secret_value(SecretId=self.arn, VersionStage=stage)["SecretString"]
        return text

    def write_state(self, *, token: str | None = None, serial: int = 7, **more: Any) -> None:
        """What Terraform leaves; with another token, what it leaves of an apply that did not come to the group."""
        arn = self.elasticache.describe_replication_groups()["ReplicationGroups"][0]["ARN"]
        group = {"id": GROUP, "arn": arn, "auth_token": token or self.token(), **more}
        version = {"id": "v", "version_id": self.versions["AWSCURRENT"]}
        resources = [
            {"mode": "managed", "type": type_, "name": name, "instances": [{"attributes": attributes}]}
            for address, attributes in ((VERSION, version), (TARGET, group))
            for type_, name in [address.split(".")]
        ]
        self.store.put_state(state_text(serial=serial, outputs={"token_secret_arn": self.arn}, resources=resources))

    @property
    def group(self) -> Any:
        """The group, from inside moto."""
        return elasticache_backends[ACCOUNT][REGION].replication_groups[GROUP]

    @property
    def secret(self) -> Any:
        """The secret, from inside moto."""
        return secretsmanager_backends[ACCOUNT][REGION].secrets[self.arn]

    def store_token(self, token: str) -> None:
        """The first half of step one: the secret has another version."""
        self.secrets.put_secret_value(SecretId=self.arn, SecretString=token)

    def give_token(self, strategy: str = "ROTATE") -> None:
        """The second half: the group has it as well."""
        self.elasticache.modify_replication_group(
            ReplicationGroupId=GROUP, AuthToken=self.token(), AuthTokenUpdateStrategy=strategy, ApplyImmediately=True
        )
        self.elasticache.get_waiter("replication_group_available").wait(
            ReplicationGroupId=GROUP, WaiterConfig={"Delay": 0, "MaxAttempts": 10_000}
        )

    @staticmethod
    def plan(**group: Any) -> dict[str, Any]:
        """The plan of step one; with more of the group, one that changes that as well."""
        before = {"id": GROUP, "auth_token": TOKENS[0], **dict.fromkeys(group, "as it was")}
        hidden = {"before_sensitive": {"auth_token": True}, "after_sensitive": {"auth_token": True}}
        return plan_json(
            change(VERSION, "replace", {"id": "v"}, {}, after_unknown={"id": True}),
            change(TARGET, "update", before, {"id": GROUP, **group}, after_unknown={"auth_token": True}, **hidden),
        )

    def rotate(self, token: str = TOKENS[1]) -> None:
        """What the apply of step one does."""
        self.store_token(token)
        self.give_token()
        self.write_state(serial=8)
