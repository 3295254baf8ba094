"""A VPC with a database in it, in moto, as an estate's layer would have made it, and the state that says so."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3

from tests.estate import REGION, Store, state_text

PORTS = {"postgresql": 5432, "redis": 6379}
YAML = """\
version: 1
secrets:
  db-password:
    layer: prod/foundation
    output: db_secret_arn
    field: password
  cache-token:
    layer: prod/foundation
    output: cache_secret_arn
diagnose:
  db:
    kind: postgresql
    layer: foundation
    identifier: db_id
    private_subnets: private_ids
    user: db_user
    database: db_name
    secret: db-password
  cache:
    kind: redis
    layer: foundation
    identifier: cache_id
    private_subnets: private_ids
    secret: cache-token
"""
PRIVATE = ("10.0.1.0/24", "10.0.2.0/24")


@cache
def client(service: str) -> Any:
    # Kept from test to test: making one takes longer than any call in here.
    return boto3.client(service, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing")


@dataclass(slots=True)
class Vpc:
    """What there is, by id, so that a test can break one thing of it."""

    store: Store
    id: str = ""
    private: list[str] = field(default_factory=list)
    database: list[str] = field(default_factory=list)
    gateway: str = ""
    tables: dict[str, str] = field(default_factory=dict)
    group: str = ""
    secret: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)
    resources: list[Any] = field(default_factory=list)

    def put_state(self) -> None:
        self.store.put_state(state_text(outputs=self.outputs, resources=self.resources))

    def has(self, type_: str, name: str, /, index: str | int | None = None, **attributes: Any) -> None:
        """Let the state have a resource."""
        instance = {"attributes": attributes, **({"index_key": index} if index is not None else {})}
        for one in self.resources:
            if (one["type"], one["name"]) == (type_, name):
                one["instances"].append(instance)
                return
        self.resources.append({"mode": "managed", "type": type_, "name": name, "instances": [instance]})

    def revoke(self, *ranges: str) -> None:
        """Take ingress rules away, behind Terraform's back."""
        (found,) = client("ec2").describe_security_groups(GroupIds=[self.group])["SecurityGroups"]
        for rule in found["IpPermissions"]:
            gone = [one for one in rule["IpRanges"] if one["CidrIp"] in ranges]
            permission = {name: rule[name] for name in ("IpProtocol", "FromPort", "ToPort")}
            client("ec2").revoke_security_group_ingress(
                GroupId=self.group, IpPermissions=[{**permission, "IpRanges": [{"CidrIp": g["CidrIp"]} for g in gone]}]
            )

    def admit(self, port: int, **source: Any) -> None:
        permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **source}
        client("ec2").authorize_security_group_ingress(GroupId=self.group, IpPermissions=[permission])


def make_network(store: Store, port: int) -> Vpc:
    """Two private subnets that go out by a NAT gateway, two for databases that don't, and a group that admits the former."""
    ec2, vpc = client("ec2"), Vpc(store)
    vpc.id = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    vpc.has("aws_vpc", "this", id=vpc.id)
    for kind, ids, ranges in (
        ("private", vpc.private, PRIVATE),
        ("database", vpc.database, ("10.0.201.0/24", "10.0.202.0/24")),
    ):
        vpc.tables[kind] = ec2.create_route_table(VpcId=vpc.id)["RouteTable"]["RouteTableId"]
        vpc.has("aws_route_table", kind, id=vpc.tables[kind])
        for n, range_ in enumerate(ranges):
            made = ec2.create_subnet(VpcId=vpc.id, CidrBlock=range_, AvailabilityZone=f"{REGION}{'ab'[n]}")
            ids.append(made["Subnet"]["SubnetId"])
            vpc.has("aws_subnet", kind, index=n, id=ids[-1])
            ec2.associate_route_table(RouteTableId=vpc.tables[kind], SubnetId=ids[-1])
    vpc.gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=vpc.gateway, VpcId=vpc.id)
    nat = ec2.create_nat_gateway(SubnetId=vpc.private[0], ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    ec2.create_route(RouteTableId=vpc.tables["private"], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    vpc.has("aws_route", "nat", route_table_id=vpc.tables["private"], destination_cidr_block="0.0.0.0/0")
    vpc.group = ec2.create_security_group(GroupName="db", Description="db", VpcId=vpc.id)["GroupId"]
    vpc.has("aws_security_group", "db", id=vpc.group)
    for n, range_ in enumerate(PRIVATE):
        vpc.admit(port, IpRanges=[{"CidrIp": range_}])
        rule = {"security_group_id": vpc.group, "cidr_ipv4": range_, "from_port": port, "to_port": port}
        vpc.has("aws_vpc_security_group_ingress_rule", "db", index="ab"[n], **rule)
    vpc.outputs["private_ids"] = {"value": vpc.private, "type": ["list", "string"]}
    return vpc


def make_instance(store: Store, *, password: str, port: int = 5432, user: str = "app", database: str = "app") -> Vpc:
    """An RDS instance and the secret to it."""
    vpc = make_network(store, port)
    rds = client("rds")
    rds.create_db_subnet_group(
        DBSubnetGroupName="database", DBSubnetGroupDescription="database", SubnetIds=vpc.database
    )
    made = rds.create_db_instance(
        DBInstanceIdentifier="acme-db",
        Engine="postgres",
        EngineVersion="17.7",
        DBInstanceClass="db.t4g.small",
        AllocatedStorage=20,
        MasterUsername="app",
        MasterUserPassword="not the one in use",
        Port=port,
        DBSubnetGroupName="database",
        VpcSecurityGroupIds=[vpc.group],
    )
    text = json.dumps({"username": user, "password": password})
    vpc.secret = client("secretsmanager").create_secret(Name="acme/db", SecretString=text)["ARN"]
    vpc.has("aws_db_instance", "this", index=0, identifier="acme-db", arn=made["DBInstance"]["DBInstanceArn"])
    vpc.has("aws_db_subnet_group", "this", name="database")
    vpc.outputs |= {"db_id": "acme-db", "db_user": user, "db_name": database, "db_secret_arn": vpc.secret}
    vpc.put_state()
    return vpc


def make_group(store: Store, *, token: str, port: int = 6379, **changes: Any) -> Vpc:
    """A replication group and the secret to it."""
    vpc = make_network(store, port)
    elasticache = client("elasticache")
    elasticache.create_cache_subnet_group(
        CacheSubnetGroupName="database", CacheSubnetGroupDescription="database", SubnetIds=vpc.database
    )
    asked = {
        "ReplicationGroupId": "acme-cache",
        "ReplicationGroupDescription": "cache",
        "Engine": "redis",
        "EngineVersion": "7.1",
        "CacheNodeType": "cache.t4g.small",
        "NumCacheClusters": 1,
        "Port": port,
        "CacheSubnetGroupName": "database",
        "SecurityGroupIds": [vpc.group],
        "TransitEncryptionEnabled": True,
        "AuthToken": token,
    }
    asked |= changes
    made = elasticache.create_replication_group(**{name: value for name, value in asked.items() if value is not None})
    vpc.secret = client("secretsmanager").create_secret(Name="acme/cache", SecretString=token)["ARN"]
    arn = made["ReplicationGroup"]["ARN"]
    vpc.has("aws_elasticache_replication_group", "cache", replication_group_id="acme-cache", arn=arn)
    vpc.has("aws_secretsmanager_secret", "cache", arn=vpc.secret)
    vpc.outputs |= {"cache_id": "acme-cache", "cache_secret_arn": vpc.secret}
    vpc.put_state()
    return vpc
