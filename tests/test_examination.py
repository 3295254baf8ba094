"""The hops that AWS answers for, each with its fault; the network ones are in tests/service."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from moto.elasticache.models import elasticache_backends
from moto.rds.models import rds_backends

from orchestrator import examination, network_hop
from orchestrator.aws.session import Session
from orchestrator.diagnosis import AFTER_BROKEN, Diagnosis, Hop, HopOutcome, ok
from orchestrator.discovery import Estate
from orchestrator.errors import AwsError, ConfigError, PreflightError, StateError, UsageError
from orchestrator.redaction import Redactor
from orchestrator.sandbox import extensions
from orchestrator.target import AwsSettings, Target, aws_target
from tests.estate import ACCOUNT, REGION, Store, target_of, write_estate
from tests.fakes import CANARY
from tests.vpc import YAML, Vpc, client, make_group, make_instance

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from orchestrator.diagnosis import Endpoint

NETWORK = ("dns", "tcp", "tls", "login")


class FakeVantage:
    """Answers as it is told; everything holds where nothing was said."""

    place = "here"

    def __init__(self) -> None:
        self.answers: dict[str, Hop] = {}
        self.asked: list[str] = []
        self.endpoint: Endpoint | None = None
        self.secret: str | None = None
        self.refusal: tuple[str, bool] | None = None

    def _answer(self, id_: str, endpoint: Endpoint) -> Hop:
        self.asked.append(id_)
        self.endpoint = endpoint
        return self.answers.get(id_, ok(id_, "fine"))

    def dns(self, id_: str, endpoint: Endpoint) -> Hop:
        return self._answer(id_, endpoint)

    tcp = tls = dns

    def login(self, id_: str, endpoint: Endpoint, secret: str) -> Hop:
        self.secret = secret
        hop = self._answer(id_, endpoint)
        if self.refusal is None:
            return hop
        why, is_wrong_secret = self.refusal
        return network_hop.refused(id_, endpoint, why, is_wrong_secret=is_wrong_secret)

    def breaks(self, id_: str) -> None:
        self.answers[id_] = Hop(id=id_, outcome=HopOutcome.BROKEN, seen=f"no {id_}", expected=id_, remedy="mend it")


@pytest.fixture(autouse=True)
def _extended(monkeypatch: pytest.MonkeyPatch) -> None:
    # A thousand images that no test looks at are most of the time it takes to make an empty account.
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    extensions.install("ec2", "rds", "elasticache")
    for module in ("examination", "lookup"):
        monkeypatch.setattr(f"orchestrator.{module}.Session", lambda *_, **__: _session())


@cache
def _session() -> Session:
    # Kept from test to test: making clients takes longer than all calls in here.
    return Session(AwsSettings())


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return Estate.find(write_estate(tmp_path / "estate", YAML))


@pytest.fixture
def vantage(monkeypatch: pytest.MonkeyPatch) -> FakeVantage:
    """Where the network is looked at from: a place outside the VPC."""
    fake = FakeVantage()
    monkeypatch.setattr("orchestrator.vantage.LocalVantage", lambda ca_file: fake)
    monkeypatch.setattr(examination, "own_address_in", lambda ranges: None)
    return fake


@pytest.fixture
def db(store: Store, vantage: FakeVantage) -> Vpc:
    return make_instance(store, password=CANARY)


@pytest.fixture
def redis(store: Store, vantage: FakeVantage) -> Vpc:
    return make_group(store, token=CANARY)


def examine(estate: Estate, name: str = "db", **options: Any) -> Diagnosis:
    return examination.examine(estate, name, target_of(estate.root), **{"redact": Redactor(), **options})


def broken_at(found: Diagnosis, id_: str) -> Hop:
    """The broken hop; behind it nothing was looked at."""
    assert found.broken is not None, found.verdict
    assert found.broken.id == id_, found.verdict
    behind = found.hops[found.hops.index(found.broken) + 1 :]
    assert {(hop.outcome, hop.seen) for hop in behind} <= {(HopOutcome.SKIPPED, AFTER_BROKEN)}
    return found.broken


def hop(found: Diagnosis, id_: str) -> Hop:
    (one,) = [hop for hop in found.hops if hop.id == id_]
    return one


def test_all_hops_of_a_database_that_is_well(estate: Estate, db: Vpc, vantage: FakeVantage) -> None:
    redact = Redactor()

    found = examine(estate, redact=redact)

    outcomes = {hop.id: str(hop.outcome) for hop in found.hops}
    assert list(outcomes) == [
        *("instance", "dns", "subnets", "security-group", "vpc-endpoints", "secret", "tcp", "tls", "login")
    ]
    assert {id_ for id_, outcome in outcomes.items() if outcome != "ok"} == {"vpc-endpoints"}
    assert hop(found, "vpc-endpoints").seen.startswith(
        "not needed: the private subnets reach Secrets Manager through nat-"
    )
    assert (found.exit_code, found.verdict) == (0, "db: nothing is broken; 8 of 9 hops hold, 1 skipped")
    assert vantage.endpoint is not None
    assert (vantage.endpoint.user, vantage.endpoint.database, vantage.endpoint.port) == ("app", "app", 5432)
    assert vantage.secret == CANARY
    assert redact(CANARY) == "(redacted)"
    assert CANARY not in repr(found)


def test_all_hops_of_a_cache_that_is_well(estate: Estate, redis: Vpc, vantage: FakeVantage) -> None:
    found = examine(estate, "cache")

    assert [hop.id for hop in found.hops] == ["group", "dns", "security-group", "secret", "tcp", "tls", "login"]
    assert {hop.outcome for hop in found.hops} == {HopOutcome.OK}
    assert vantage.endpoint is not None
    assert (vantage.endpoint.user, vantage.endpoint.database, vantage.endpoint.port) == (None, None, 6379)
    assert vantage.endpoint.host.startswith("master.acme-cache.")


def test_hops_are_told_as_they_are_known(estate: Estate, db: Vpc) -> None:
    told: list[Hop] = []

    found = examine(estate, on_hop=told.append)

    assert tuple(told) == found.hops


def test_credentials_of_another_account_are_refused_before_anything_is_read(
    tmp_path: Path, db: Vpc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There the instance would not exist either, and Terraform would be told to make it again."""
    monkeypatch.setattr("orchestrator.custody.Session", lambda *_, **__: _session())
    estate = Estate.find(write_estate(tmp_path / "pinned", f'{YAML}accounts:\n  prod: "999999999999"\n'))
    told: list[Hop] = []
    read: list[str] = []
    monkeypatch.setattr(examination, "read_subject", lambda *_: read.append("state"))

    with pytest.raises(PreflightError, match=f"these credentials are of account {ACCOUNT}: .* 999999999999") as caught:
        examine(estate, on_hop=told.append)

    assert caught.value.exit_code == 10
    assert (told, read) == ([], [])


def test_the_account_that_is_pinned_is_examined(tmp_path: Path, db: Vpc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.custody.Session", lambda *_, **__: _session())
    estate = Estate.find(write_estate(tmp_path / "pinned", f'{YAML}accounts:\n  prod: "{ACCOUNT}"\n'))

    assert examine(estate).exit_code == 0


# The database itself


def test_an_instance_that_is_gone(estate: Estate, db: Vpc, vantage: FakeVantage) -> None:
    client("rds").delete_db_instance(DBInstanceIdentifier="acme-db", SkipFinalSnapshot=True)

    one = broken_at(examine(estate), "instance")

    assert one.seen == "RDS instance acme-db does not exist"
    assert (one.address, one.command) == ("aws_db_instance.this[0]", "wealist plan foundation")
    assert vantage.asked == []


@pytest.mark.parametrize(
    ("status", "command"),
    [
        ("stopped", "rds start-db-instance --db-instance-identifier acme-db"),
        ("creating", "rds wait db-instance-available --db-instance-identifier acme-db"),
        ("storage-full", "rds describe-events --source-type db-instance --source-identifier acme-db --duration 1440"),
        ("inaccessible-encryption-credentials", "rds describe-events"),
        ("failed", "rds describe-events"),
    ],
)
def test_an_instance_that_does_not_serve(estate: Estate, db: Vpc, status: str, command: str) -> None:
    vars(rds_backends[ACCOUNT][REGION].databases["acme-db"])["status"] = status

    one = broken_at(examine(estate), "instance")

    assert one.seen == f"RDS instance acme-db is {status}"
    assert one.address == "aws_db_instance.this[0]"
    assert str(one.command).startswith(f"aws {command}")
    assert str(one.command).endswith(f" --region {REGION}")


def test_a_command_of_the_aws_cli_leads_to_where_the_run_went(estate: Estate, db: Vpc) -> None:
    vars(rds_backends[ACCOUNT][REGION].databases["acme-db"])["status"] = "stopped"
    target = aws_target(estate.root, {}, profile="the team's")

    one = broken_at(examination.examine(estate, "db", target, redact=Redactor()), "instance")

    assert str(one.command).endswith(f" --region {REGION} --profile 'the team'\"'\"'s'")


def test_a_group_that_is_gone(estate: Estate, redis: Vpc) -> None:
    client("elasticache").delete_replication_group(ReplicationGroupId="acme-cache")

    one = broken_at(examine(estate, "cache"), "group")

    assert one.seen == "replication group acme-cache does not exist"
    assert one.address == "aws_elasticache_replication_group.cache"


@pytest.mark.parametrize(
    ("status", "command"), [("creating", "wait replication-"), ("create-failed", "describe-events")]
)
def test_a_group_that_does_not_serve(estate: Estate, redis: Vpc, status: str, command: str) -> None:
    elasticache_backends[ACCOUNT][REGION].replication_groups["acme-cache"].status = status

    one = broken_at(examine(estate, "cache"), "group")

    assert one.seen == f"replication group acme-cache is {status}"
    assert command in str(one.command)


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"AuthToken": None}, "without an AUTH token"),
        ({"AuthToken": None, "TransitEncryptionEnabled": False}, "without encryption in transit"),
    ],
)
def test_a_group_that_takes_no_token(
    estate: Estate, store: Store, vantage: FakeVantage, changes: dict[str, Any], seen: str
) -> None:
    make_group(store, token=CANARY, **changes)

    one = broken_at(examine(estate, "cache"), "group")

    assert seen in one.seen


# The network around it


def test_a_route_to_an_internet_gateway(estate: Estate, db: Vpc) -> None:
    table = db.tables["database"]
    client("ec2").create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=db.gateway)

    one = broken_at(examine(estate), "subnets")

    assert one.seen == (
        f"subnet {db.database[0]} has a route to an internet gateway: 0.0.0.0/0 -> {db.gateway} in {table}"
    )
    assert one.address == "aws_route_table.database"
    assert (
        one.command
        == f"aws ec2 delete-route --route-table-id {table} --destination-cidr-block 0.0.0.0/0 --region {REGION}"
    )


def test_a_route_to_an_internet_gateway_that_terraform_made(estate: Estate, db: Vpc) -> None:
    table = db.tables["database"]
    client("ec2").create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=db.gateway)
    db.has("aws_route", "open", route_table_id=table, destination_cidr_block="0.0.0.0/0")
    db.put_state()

    assert broken_at(examine(estate), "subnets").address == "aws_route.open"


def test_a_subnet_without_a_table_of_its_own_goes_by_the_main_one(estate: Estate, db: Vpc) -> None:
    ec2 = client("ec2")
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [db.id]}])["RouteTables"]
    (main,) = [t["RouteTableId"] for t in tables if any(tie.get("Main") for tie in t["Associations"])]
    ec2.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", GatewayId=db.gateway)
    ties = [tie for t in tables for tie in t["Associations"] if tie.get("SubnetId") == db.database[1]]
    ec2.disassociate_route_table(AssociationId=ties[0]["RouteTableAssociationId"])

    one = broken_at(examine(estate), "subnets")

    assert one.seen.startswith(f"subnet {db.database[1]} has a route to an internet gateway")


def test_a_database_subnet_that_is_gone(estate: Estate, db: Vpc) -> None:
    client("ec2").delete_subnet(SubnetId=db.database[1])

    one = broken_at(examine(estate), "subnets")

    assert one.seen == f"subnet group database names subnet {db.database[1]} that no longer exists"
    assert one.address == "aws_subnet.database[1]"


def test_a_rule_that_was_taken_away(estate: Estate, db: Vpc) -> None:
    db.revoke("10.0.2.0/24")

    found = examine(estate)

    one = broken_at(found, "security-group")
    assert one.seen == f"{db.group} does not admit tcp 5432 from 10.0.2.0/24 ({db.private[1]}, {REGION}b)"
    assert one.address == 'aws_vpc_security_group_ingress_rule.db["b"]'
    assert one.command == "wealist plan foundation"
    assert found.exit_code == 1
    assert found.verdict.startswith("db is broken at security-group: ")


def test_a_rule_that_the_state_never_had(estate: Estate, db: Vpc) -> None:
    db.revoke("10.0.1.0/24", "10.0.2.0/24")
    db.resources = [one for one in db.resources if one["type"] != "aws_vpc_security_group_ingress_rule"]
    db.put_state()

    one = broken_at(examine(estate), "security-group")

    assert one.remedy == "add ingress rules for tcp 5432 from 10.0.1.0/24, 10.0.2.0/24"
    assert one.address == "aws_security_group.db"


def test_a_rule_for_another_port_admits_nobody(estate: Estate, redis: Vpc) -> None:
    redis.revoke("10.0.1.0/24", "10.0.2.0/24")
    redis.admit(6380, IpRanges=[{"CidrIp": "10.0.0.0/16"}])

    assert "does not admit tcp 6379" in broken_at(examine(estate, "cache"), "security-group").seen


@pytest.mark.parametrize("ranges", [("10.0.0.0/16",), ("10.0.1.0/25", "10.0.1.128/25", "10.0.2.0/23")])
def test_ranges_that_contain_the_subnets_admit_them(estate: Estate, db: Vpc, ranges: tuple[str, ...]) -> None:
    db.revoke("10.0.1.0/24", "10.0.2.0/24")
    db.admit(5432, IpRanges=[{"CidrIp": one} for one in ranges])

    assert hop(examine(estate), "security-group").outcome is HopOutcome.OK


@pytest.mark.parametrize("is_own", [False, True])
def test_who_is_a_member_of_a_group_is_not_known(estate: Estate, db: Vpc, *, is_own: bool) -> None:
    db.revoke("10.0.1.0/24", "10.0.2.0/24")
    nodes = client("ec2").create_security_group(GroupName="nodes", Description="nodes", VpcId=db.id)["GroupId"]
    source = db.group if is_own else nodes
    db.admit(5432, UserIdGroupPairs=[{"GroupId": source}])

    one = hop(examine(estate), "security-group")

    assert one.outcome is HopOutcome.UNDETERMINED
    assert f"from members of {source}, whose addresses are not read; by range it does not admit 10.0.1.0/24" in one.seen


def test_members_of_a_group_beside_ranges_that_contain_the_subnets(estate: Estate, db: Vpc) -> None:
    db.admit(5432, UserIdGroupPairs=[{"GroupId": db.group}])

    assert hop(examine(estate), "security-group").outcome is HopOutcome.OK


def test_subnets_whose_route_tables_are_not_seen_are_undetermined(
    estate: Estate, db: Vpc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.aws.network.read_route_tables", lambda *_: ())

    found = examine(estate)

    assert hop(found, "subnets").outcome is HopOutcome.UNDETERMINED
    assert hop(found, "subnets").seen == f"no route table is seen for subnets {', '.join(db.database)}"
    assert hop(found, "vpc-endpoints").outcome is HopOutcome.UNDETERMINED
    assert hop(found, "vpc-endpoints").seen == f"no route table is seen for subnets {', '.join(db.private)}"


def test_a_private_subnet_that_is_gone(estate: Estate, db: Vpc) -> None:
    client("ec2").delete_subnet(SubnetId=db.private[1])

    one = broken_at(examine(estate), "security-group")

    assert one.seen == f"private subnet {db.private[1]} no longer exists"
    assert one.address == "aws_subnet.private[1]"


def test_private_subnets_without_a_way_out(estate: Estate, db: Vpc) -> None:
    client("ec2").delete_route(RouteTableId=db.tables["private"], DestinationCidrBlock="0.0.0.0/0")

    one = broken_at(examine(estate), "vpc-endpoints")

    assert one.seen == (
        f"private subnets {db.private[0]}, {db.private[1]} without a route out, and {db.id} without a usable endpoint "
        "for secretsmanager"
    )
    assert one.address == "aws_route.nat"


def test_private_subnets_without_a_way_out_but_with_an_endpoint(estate: Estate, db: Vpc) -> None:
    ec2 = client("ec2")
    ec2.delete_route(RouteTableId=db.tables["private"], DestinationCidrBlock="0.0.0.0/0")
    made = ec2.create_vpc_endpoint(
        VpcId=db.id,
        ServiceName=f"com.amazonaws.{REGION}.secretsmanager",
        VpcEndpointType="Interface",
        SubnetIds=db.private,
        PrivateDnsEnabled=True,
    )["VpcEndpoint"]["VpcEndpointId"]

    one = hop(examine(estate), "vpc-endpoints")

    assert (one.outcome, one.seen) == (HopOutcome.OK, f"{made} leads from {db.id} to Secrets Manager")


def test_an_endpoint_without_private_dns_is_of_no_use(estate: Estate, db: Vpc) -> None:
    ec2 = client("ec2")
    ec2.delete_route(RouteTableId=db.tables["private"], DestinationCidrBlock="0.0.0.0/0")
    made = ec2.create_vpc_endpoint(
        VpcId=db.id,
        ServiceName=f"com.amazonaws.{REGION}.secretsmanager",
        VpcEndpointType="Interface",
        SubnetIds=db.private,
        PrivateDnsEnabled=False,
    )["VpcEndpoint"]["VpcEndpointId"]
    db.has("aws_vpc_endpoint", "secrets", id=made)
    db.put_state()

    one = broken_at(examine(estate), "vpc-endpoints")

    assert one.seen.endswith(f"{made} is available, without private DNS")
    assert one.address == "aws_vpc_endpoint.secrets"


def test_what_this_identity_may_not_read_is_undetermined(
    estate: Estate, db: Vpc, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise AwsError("ec2 describe-subnets: UnauthorizedOperation", code="UnauthorizedOperation")

    monkeypatch.setattr("orchestrator.aws.network.read_subnets", denied)

    found = examine(estate)

    undetermined = {hop.id for hop in found.hops if hop.outcome is HopOutcome.UNDETERMINED}
    assert undetermined == {"subnets", "security-group", "vpc-endpoints"}
    assert found.exit_code == 0
    assert "3 undetermined" in found.verdict


# The secret


@pytest.mark.parametrize("name", ["db", "cache"])
def test_a_secret_that_was_deleted_is_14(estate: Estate, store: Store, vantage: FakeVantage, name: str) -> None:
    vpc = make_instance(store, password=CANARY) if name == "db" else make_group(store, token=CANARY)
    client("secretsmanager").delete_secret(SecretId=vpc.secret, RecoveryWindowInDays=7)

    found = examine(estate, name)

    one = broken_at(found, "secret")
    assert found.exit_code == 14
    assert "marked for deletion" in one.seen
    assert one.command == f"aws secretsmanager describe-secret --secret-id {vpc.secret} --region {REGION}"
    assert str(one.remedy).startswith("aws secretsmanager restore-secret --secret-id arn:")
    # A password that RDS manages goes with its instance.
    assert one.address == ("aws_db_instance.this[0]" if name == "db" else "aws_secretsmanager_secret.cache")
    assert vantage.asked == ["dns"]


def test_a_secret_of_another_shape_is_14(estate: Estate, db: Vpc) -> None:
    client("secretsmanager").put_secret_value(SecretId=db.secret, SecretString="plain")

    assert examine(estate).exit_code == 14


def test_a_secret_is_not_fetched_behind_a_broken_hop(estate: Estate, db: Vpc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.lookup.find_secret", lambda *_: pytest.fail("it was fetched"))
    db.revoke("10.0.2.0/24")

    broken_at(examine(estate), "security-group")


# The place that is looked from


@pytest.mark.parametrize("id_", ["dns", "tcp"])
def test_outside_the_vpc_no_answer_is_as_designed(estate: Estate, db: Vpc, vantage: FakeVantage, id_: str) -> None:
    vantage.breaks(id_)

    found = examine(estate)

    one = hop(found, id_)
    assert (one.outcome, found.exit_code) == (HopOutcome.SKIPPED, 0)
    assert one.seen.startswith("not reachable from here, as designed")
    assert one.command == "wealist diagnose db --from ssh://HOST"
    assert {hop.seen for hop in found.hops if hop.id in ("tls", "login")} == {"not reachable from here, as designed"}
    assert hop(found, "secret").outcome is HopOutcome.OK


@pytest.mark.parametrize("id_", NETWORK)
def test_inside_the_vpc_no_answer_is_broken(
    estate: Estate, db: Vpc, vantage: FakeVantage, monkeypatch: pytest.MonkeyPatch, id_: str
) -> None:
    ranges: list[str] = []

    def own_address_in(known: Iterable[object]) -> str:
        ranges.extend(map(str, known))
        return "10.0.1.7"

    monkeypatch.setattr(examination, "own_address_in", own_address_in)
    vantage.breaks(id_)

    found = examine(estate)

    one = broken_at(found, id_)
    assert found.exit_code == 1
    assert set(ranges) <= {"10.0.0.0/16"}
    assert one.address == {"dns": "aws_vpc.this"}.get(id_)
    assert str(one.command).startswith({"tcp": "aws ec2 describe-network-acls"}.get(id_, "None"))


@pytest.mark.parametrize(
    ("name", "address", "command"),
    [
        ("db", "aws_db_instance.this[0]", "aws secretsmanager list-secret-version-ids --secret-id arn:"),
        ("cache", "aws_elasticache_replication_group.cache", "wealist secrets rotate cache-token"),
    ],
)
def test_a_secret_that_the_server_refuses(
    estate: Estate, store: Store, vantage: FakeVantage, name: str, address: str, command: str
) -> None:
    (make_instance(store, password=CANARY) if name == "db" else make_group(store, token=CANARY))
    vantage.refusal = ("not this one", True)

    one = broken_at(examine(estate, name), "login")

    assert one.address == address
    assert str(one.command).startswith(command)


@pytest.mark.parametrize("name", ["db", "cache"])
def test_a_login_that_fails_for_another_reason_leaves_the_secret_alone(
    estate: Estate, store: Store, vantage: FakeVantage, name: str
) -> None:
    (make_instance(store, password=CANARY) if name == "db" else make_group(store, token=CANARY))
    vantage.refusal = ("max number of clients reached", False)

    found = examine(estate, name)

    one = broken_at(found, "login")
    assert (one.address, one.command) == (None, None)
    assert found.verdict.endswith("max number of clients reached")
    assert found.broken is not None
    assert found.broken.remedy == "mend what it says (max number of clients reached); the secret was not refused"


def test_from_another_host_no_answer_is_broken(
    estate: Estate, db: Vpc, vantage: FakeVantage, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr("orchestrator.vantage.RemoteHost", lambda spec, **settings: given.update(settings, spec=spec))
    monkeypatch.setattr("orchestrator.vantage.RemoteVantage", lambda host, ca_file: vantage)
    vantage.breaks("tcp")

    found = examine(estate, from_host="ssh://bastion")

    assert (given["spec"], given["cwd"]) == ("ssh://bastion", estate.root)
    assert broken_at(found, "tcp").seen == "no tcp"
    assert found.to_json()["from"] == "ssh://bastion"


def test_behind_the_sandboxs_endpoints_nothing_listens(estate: Estate, db: Vpc, vantage: FakeVantage) -> None:
    aws = AwsSettings(access_key="testing", secret_key="testing")
    plain = aws_target(estate.root, {})
    target = Target(
        name="sandbox",
        home=plain.home,
        aws=aws,
        environ={},
        source_root=plain.source_root,
        work_root=plain.work_root,
    )

    found = examination.examine(estate, "db", target, redact=Redactor())

    assert {hop.seen for hop in found.hops if hop.id in NETWORK} == {
        "not checked: nothing listens behind the sandbox's endpoints"
    }
    assert {hop.id for hop in found.hops if hop.outcome is HopOutcome.OK} == {
        *("instance", "subnets", "security-group", "secret")
    }
    assert vantage.asked == []
    aws = AwsSettings(access_key="testing", secret_key="testing", endpoint_url="http://127.0.0.1:9")
    db.revoke("10.0.2.0/24")
    client("ec2").create_route(
        RouteTableId=db.tables["database"], DestinationCidrBlock="0.0.0.0/0", GatewayId=db.gateway
    )
    found = examination.examine(estate, "db", replace(target, aws=aws), redact=Redactor())
    assert str(broken_at(found, "subnets").command).endswith(" --endpoint-url http://127.0.0.1:9")


# What was asked for


def test_a_name_that_is_not_declared(estate: Estate, store: Store) -> None:
    with pytest.raises(UsageError, match="there is nothing to diagnose named 'dbs'") as caught:
        examine(estate, "dbs")

    assert caught.value.hint == "did you mean db?"


def test_authorities_that_are_not_there(estate: Estate, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        examine(estate, ca_file=tmp_path / "ca.pem")


def test_a_file_that_holds_no_authorities(estate: Estate, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("no certificate")

    with pytest.raises(UsageError, match="there are no PEM certificates in it"):
        examine(estate, ca_file=path)


def test_whether_one_is_inside_may_not_be_told(
    estate: Estate, db: Vpc, vantage: FakeVantage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise AwsError("ec2 describe-vpcs: UnauthorizedOperation", code="UnauthorizedOperation")

    monkeypatch.setattr("orchestrator.aws.network.read_ranges", denied)
    vantage.breaks("tcp")

    found = examine(estate)

    assert (hop(found, "tcp").outcome, found.exit_code) == (HopOutcome.UNDETERMINED, 0)
    assert hop(found, "login").seen == "not checked: no answer before"


def test_a_layer_that_was_never_applied(estate: Estate, store: Store) -> None:
    with pytest.raises(StateError, match="layer prod/foundation was never applied"):
        examine(estate)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"db_id": None}, "diagnose.db.identifier: layer prod/foundation has no output 'db_id'"),
        ({"db_id": ["acme-db"]}, "diagnose.db.identifier: output db_id is no text"),
        ({"private_ids": "subnet-1"}, "diagnose.db.private_subnets: output private_ids is no list of ids"),
        ({"db_user": None}, "diagnose.db.user: layer prod/foundation has no output 'db_user'"),
    ],
)
def test_an_output_that_is_not_there_or_of_another_shape(
    estate: Estate, db: Vpc, outputs: dict[str, Any], message: str
) -> None:
    for name, value in outputs.items():
        if value is None:
            del db.outputs[name]
        else:
            db.outputs[name] = {"value": value, "type": "dynamic"}
    db.put_state()

    with pytest.raises(ConfigError, match=r"wealist\.yaml:1[0-9]: ") as caught:
        examine(estate)

    assert message in caught.value.message


def test_the_region_is_the_databases_own(estate: Estate, db: Vpc, monkeypatch: pytest.MonkeyPatch) -> None:
    regions: list[str] = []
    monkeypatch.setattr(examination, "read_instance", lambda session, region, id_: regions.append(region))
    for one in db.resources:
        if one["type"] == "aws_db_instance":
            one["instances"][0]["attributes"]["arn"] = "arn:aws:rds:eu-west-1:123456789012:db:acme-db"
    db.put_state()

    broken_at(examine(estate), "instance")

    assert regions == ["eu-west-1"]
