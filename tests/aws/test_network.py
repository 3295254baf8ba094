"""What `tests/test_examination.py` does not come by."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from orchestrator.aws import network
from orchestrator.aws.network import Ingress, Route, RouteTable, table_of
from orchestrator.aws.session import Session
from orchestrator.target import AwsSettings
from tests.estate import REGION
from tests.vpc import client


@pytest.fixture
def session(aws: None, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    return Session(AwsSettings())


@pytest.mark.parametrize(
    ("ranges", "admitted"),
    [
        (("10.0.1.0/24",), True),
        (("0.0.0.0/0",), True),
        (("10.0.1.0/25", "10.0.1.128/25"), True),
        (("10.0.1.0/25",), False),
        (("10.0.2.0/24",), False),
        (("::/0",), False),
        ((), False),
    ],
)
def test_a_subnet_is_admitted_where_all_of_it_is(ranges: tuple[str, ...], admitted: bool) -> None:
    ingress = Ingress(networks=tuple(map(ip_network, ranges)))

    assert ingress.admits(ip_network("10.0.1.0/24")) is admitted


def test_rules_of_several_groups_count_together_and_those_for_other_ports_do_not(session: Session) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    groups = [ec2.create_security_group(GroupName=n, Description=n, VpcId=vpc)["GroupId"] for n in "ab"]
    for group, rule in (
        (groups[0], {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.1.0/24"}]}),
        (groups[0], {"IpProtocol": "udp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "10.0.3.0/24"}]}),
        (groups[1], {"IpProtocol": "tcp", "FromPort": 5000, "ToPort": 6000, "IpRanges": [{"CidrIp": "10.0.2.0/24"}]}),
        (groups[1], {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}),
    ):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])

    ingress, gone = network.read_ingress(session, REGION, [*groups, "sg-0123"], 5432)

    assert {str(one) for one in ingress.networks} == {"10.0.1.0/24", "10.0.2.0/24"}
    assert gone == ("sg-0123",)


def test_a_vpc_has_all_its_ranges(session: Session) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="100.64.0.0/16")

    assert {str(one) for one in network.read_ranges(session, REGION, vpc)} == {"10.0.0.0/16", "100.64.0.0/16"}
    assert network.read_ranges(session, REGION, "vpc-0123") == ()


def test_nothing_is_asked_for_where_there_is_nothing_to_ask_for(session: Session) -> None:
    """An empty filter would be answered with everything."""
    assert network.read_subnets(session, REGION, []) == {}
    assert network.read_route_tables(session, REGION, "") == ()


def test_a_subnet_goes_by_its_own_table_or_the_main_one() -> None:
    route = Route(destination="10.0.0.0/16", target="local", is_active=True)
    main = RouteTable(id="main", is_main=True, subnet_ids=frozenset(), routes=(route,))
    own = RouteTable(id="own", is_main=False, subnet_ids=frozenset({"a"}), routes=(route,))

    assert table_of("a", [main, own]) is own
    assert table_of("b", [main, own]) is main
    assert table_of("b", [own]) is None
