"""Facts that moto does not come by; the rest is in tests/test_examination.py."""

from __future__ import annotations

import shlex
from ipaddress import ip_network

from orchestrator import reach
from orchestrator.aws.database import Database
from orchestrator.aws.network import Ingress, Route, RouteTable, Subnet
from orchestrator.database_layer import DatabaseLayer
from orchestrator.diagnosis import POSTGRESQL, HopOutcome
from orchestrator.inventory import Inventory, Resource

SUBNET = Subnet(id="subnet-1", zone="a", network=ip_network("10.0.1.0/24"))
DATABASE = Database(
    id="db",
    status="available",
    host="db.test",
    port=5432,
    vpc_id="vpc-1",
    subnet_group="database",
    subnet_ids=("subnet-9",),
    security_group_ids=("sg-1",),
)


def layer(*resources: Resource) -> DatabaseLayer:
    return DatabaseLayer(
        kind=POSTGRESQL,
        name="foundation",
        region="eu-west-1",
        inventory=Inventory(resources=resources),
        command=lambda *words: shlex.join(["wealist", *words]),
    )


def table(*routes: Route, subnet: str = "subnet-9") -> RouteTable:
    return RouteTable(id="rtb-1", is_main=False, subnet_ids=frozenset({subnet}), routes=routes)


def test_a_prefix_list_whose_entries_are_not_read_says_nothing() -> None:
    ingress = Ingress(prefix_lists=("pl-1",))

    hop = reach.security_group_hop("security-group", layer(), DATABASE, [SUBNET], ingress, ())

    assert hop.outcome is HopOutcome.UNDETERMINED
    assert "from prefix list pl-1" in hop.seen


def test_a_group_that_is_gone() -> None:
    hop = reach.security_group_hop("security-group", layer(), DATABASE, [SUBNET], Ingress(), ("sg-1",))

    assert hop.is_broken
    assert hop.seen == "security group sg-1 of db no longer exists"


def test_a_rule_of_the_older_kind_is_found_too() -> None:
    values = {"security_group_id": "sg-1", "type": "ingress", "from_port": 5432, "cidr_blocks": ["10.0.1.0/24"]}
    rule = Resource(address="aws_security_group_rule.db", type="aws_security_group_rule", values=values)

    hop = reach.security_group_hop("security-group", layer(rule), DATABASE, [SUBNET], Ingress(), ())

    assert hop.address == "aws_security_group_rule.db"


def test_a_route_by_ipv6_is_a_way_from_the_internet_as_well() -> None:
    route = Route(destination="::/0", target="igw-1", is_active=True)
    subnets = {"subnet-9": Subnet(id="subnet-9", zone="a", network=ip_network("10.0.201.0/24"))}

    hop = reach.subnets_hop("subnets", layer(), DATABASE, subnets, [table(route)])

    assert hop.is_broken
    assert hop.command == (
        "aws ec2 delete-route --route-table-id rtb-1 --destination-ipv6-cidr-block ::/0 --region eu-west-1"
    )


def test_a_route_whose_gateway_is_gone_leads_nowhere() -> None:
    lost = table(Route(destination="0.0.0.0/0", target="nat-1", is_active=False), subnet="subnet-1")
    made = Resource(address="aws_route.nat", type="aws_route", values={"route_table_id": "rtb-1"})

    hop = reach.endpoints_hop("vpc-endpoints", layer(made), "vpc-1", [SUBNET], [lost], [])

    assert hop.is_broken
    assert hop.address == "aws_route.nat"


def test_a_transit_gateway_is_a_way_out() -> None:
    way = table(Route(destination="0.0.0.0/0", target="tgw-1", is_active=True), subnet="subnet-1")

    hop = reach.endpoints_hop("vpc-endpoints", layer(), "vpc-1", [SUBNET], [way], [])

    assert (hop.outcome, hop.seen) == (
        HopOutcome.SKIPPED,
        "not needed: the private subnets reach Secrets Manager through tgw-1",
    )
