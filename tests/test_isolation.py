"""Whether subnets are cut off: each hole is found, and what is no hole is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.isolation import Network, holes

DATABASE = {"SubnetId": "subnet-db", "CidrBlock": "10.0.201.0/24", "VpcId": "vpc-1"}
PRIVATE = {"SubnetId": "subnet-app", "CidrBlock": "10.0.1.0/24", "VpcId": "vpc-1"}
LOCAL = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"}
ENDPOINT = {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1"}
OPEN = {"DestinationCidrBlock": "0.0.0.0/0"}
INTERFACE = {"NetworkInterfaceId": "eni-db", "SubnetId": "subnet-db", "Groups": [{"GroupId": "sg-db"}]}


def table(*routes: dict[str, Any], subnet: str | None = "subnet-db", id_: str = "rtb-1") -> dict[str, Any]:
    association = {"SubnetId": subnet} if subnet else {"Main": True}
    return {"RouteTableId": id_, "Associations": [association], "Routes": list(routes)}


def group(id_: str = "sg-db", **source: Any) -> dict[str, Any]:
    return {"GroupId": id_, "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, **source}]}


def network(**changes: Any) -> Network:
    tight = Network(
        isolated=[DATABASE],
        admitted=[PRIVATE],
        route_tables=[table(LOCAL, ENDPOINT)],
        interfaces=[INTERFACE],
        groups=[group(IpRanges=[{"CidrIp": "10.0.1.0/24"}])],
    )
    return replace(tight, **changes)


def test_what_is_tight_has_no_holes() -> None:
    assert holes(network()) == {"routes": [], "addresses": [], "paths": []}


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ({"GatewayId": "igw-1"}, "igw-1"),
        ({"NatGatewayId": "nat-1"}, "nat-1"),
        ({"EgressOnlyInternetGatewayId": "eigw-1"}, "eigw-1"),
        ({"TransitGatewayId": "tgw-1"}, "tgw-1"),
        ({"VpcPeeringConnectionId": "pcx-1"}, "pcx-1"),
        ({"NetworkInterfaceId": "eni-nat"}, "eni-nat"),
        ({"GatewayId": "vpce-gwlb"}, "vpce-gwlb"),
        ({}, "an unknown target"),
    ],
)
def test_a_route_out_is_a_hole(target: dict[str, str], named: str) -> None:
    found = holes(network(route_tables=[table(LOCAL, {**OPEN, **target})]))
    assert found["routes"] == [f"subnet-db: 0.0.0.0/0 -> {named} (rtb-1)"]


def test_a_subnet_without_a_table_has_the_main_one() -> None:
    main = table({**OPEN, "GatewayId": "igw-1"}, subnet=None, id_="rtb-main")
    other = table(LOCAL, subnet="subnet-app")
    assert holes(network(route_tables=[main, other]))["routes"] == ["subnet-db: 0.0.0.0/0 -> igw-1 (rtb-main)"]


def test_routes_that_nobody_knows_are_a_hole() -> None:
    (hole,) = holes(network(route_tables=[]))["routes"]
    assert "not known" in hole


def test_public_addresses_are_holes() -> None:
    subnet = {**DATABASE, "MapPublicIpOnLaunch": True}
    public = {
        **INTERFACE,
        "Association": {"PublicIp": "203.0.113.1"},
        "Ipv6Addresses": [{"Ipv6Address": "2001:db8::1"}],
    }
    public["PrivateIpAddresses"] = [{"Association": {"PublicIp": "203.0.113.9"}}, {}]
    elsewhere = {**public, "NetworkInterfaceId": "eni-nat", "SubnetId": "subnet-public", "Groups": []}
    assert holes(network(isolated=[subnet], interfaces=[public, elsewhere]))["addresses"] == [
        "eni-db in subnet-db: 2001:db8::1",
        "eni-db in subnet-db: 203.0.113.1",
        "eni-db in subnet-db: 203.0.113.9",
        "subnet-db: MapPublicIpOnLaunch is on",
    ]


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ({"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, "0.0.0.0/0"),
        ({"IpRanges": [{"CidrIp": "10.0.0.0/16"}]}, "10.0.0.0/16"),
        ({"IpRanges": [{"CidrIp": "10.0.101.5/32"}]}, "10.0.101.5/32"),
        ({"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}, "::/0"),
        ({"PrefixListIds": [{"PrefixListId": "pl-9"}]}, "pl-9, whose addresses are not looked up"),
        ({"UserIdGroupPairs": [{"GroupId": "sg-far", "VpcId": "vpc-9"}]}, "sg-far of another VPC"),
        ({"UserIdGroupPairs": [{"GroupId": "sg-x", "VpcPeeringConnectionId": "pcx-1"}]}, "sg-x of another VPC"),
    ],
)
def test_a_source_from_outside_is_a_hole(source: dict[str, Any], named: str) -> None:
    assert holes(network(groups=[group(**source)]))["paths"] == [f"sg-db admits {named} on tcp 5432"]


def test_a_group_is_as_open_as_its_members() -> None:
    inside = {"NetworkInterfaceId": "eni-app", "SubnetId": "subnet-app", "Groups": [{"GroupId": "sg-app"}]}
    outside = {"NetworkInterfaceId": "eni-lb", "SubnetId": "subnet-public", "Groups": [{"GroupId": "sg-app"}]}
    admits = [group(UserIdGroupPairs=[{"GroupId": "sg-app"}]), {"GroupId": "sg-app"}]
    assert holes(network(groups=admits, interfaces=[INTERFACE, inside]))["paths"] == []
    (hole,) = holes(network(groups=admits, interfaces=[INTERFACE, inside, outside]))["paths"]
    assert hole == "sg-db admits members of sg-app, which eni-lb in subnet-public is, on tcp 5432"


def test_part_of_an_admitted_subnet_and_the_isolated_ones_are_inside() -> None:
    sources = [{"CidrIp": "10.0.1.128/25"}, {"CidrIp": "10.0.201.7/32"}]
    assert holes(network(groups=[group(IpRanges=sources)]))["paths"] == []


def test_groups_count_that_no_interface_shows_yet() -> None:
    every = {"GroupId": "sg-new", "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}
    found = holes(network(interfaces=[], groups=[every], guards=["sg-new", "sg-lost"]))["paths"]
    assert found == [
        "sg-lost: there is no such security group in the VPC, so its rules are not known",
        "sg-new admits 0.0.0.0/0 on every port",
    ]
