"""What AWS knows of the network around a database: subnets, routes, the rules of security groups, VPC endpoints.

Everything is asked for by filter, so that what is gone is missing from the answer and not an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import TYPE_CHECKING, Any

from orchestrator.aws.session import translated

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orchestrator.aws.session import Session

AddressRange = IPv4Network | IPv6Network

_EVERYWHERE = ("0.0.0.0/0", "::/0")
_TARGETS = (
    *("GatewayId", "NatGatewayId", "TransitGatewayId", "VpcPeeringConnectionId", "NetworkInterfaceId", "InstanceId"),
    *("EgressOnlyInternetGatewayId", "LocalGatewayId", "CarrierGatewayId", "CoreNetworkArn"),
)
_ANY_PROTOCOL = "-1"
_TCP = ("tcp", "6")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """A subnet and its IPv4 range."""

    id: str
    zone: str
    network: AddressRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route. `target` is the id of what it leads to: `igw-...`, `nat-...`, `local`."""

    destination: str
    target: str
    is_active: bool

    @property
    def is_to_internet_gateway(self) -> bool:
        return self.target.startswith("igw-")

    @property
    def is_default(self) -> bool:
        return self.destination in _EVERYWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTable:
    """A route table, and the subnets that are tied to it; those that are tied to none have the main one."""

    id: str
    is_main: bool
    subnet_ids: frozenset[str]
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingress:
    """Who is admitted on one port by a set of security groups."""

    networks: tuple[AddressRange, ...] = ()
    groups: tuple[str, ...] = ()
    prefix_lists: tuple[str, ...] = ()

    def admits(self, network: AddressRange) -> bool:
        """Whether all of a network is admitted by ranges, be it by several together."""
        same = [known for known in self.networks if known.version == network.version]
        return any(network.subnet_of(known) for known in collapse_addresses(same))  # type: ignore[type-var, arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcEndpoint:
    """An endpoint of a VPC for one service."""

    id: str
    service: str
    state: str
    has_private_dns: bool

    @property
    def is_usable(self) -> bool:
        return self.state.lower() == "available" and self.has_private_dns


def read_subnets(session: Session, region: str, ids: Sequence[str]) -> dict[str, Subnet]:
    """Those of these subnets that exist, by id."""
    found = _pages(session, region, "describe_subnets", "Subnets", {"subnet-id": ids})
    return {
        one["SubnetId"]: Subnet(
            id=one["SubnetId"], zone=one.get("AvailabilityZone", ""), network=ip_network(one["CidrBlock"])
        )
        for one in found
    }


def read_route_tables(session: Session, region: str, vpc_id: str) -> tuple[RouteTable, ...]:
    """All route tables of a VPC."""
    found = _pages(session, region, "describe_route_tables", "RouteTables", {"vpc-id": [vpc_id]})
    return tuple(
        RouteTable(
            id=one["RouteTableId"],
            is_main=any(tie.get("Main") for tie in one.get("Associations", ())),
            subnet_ids=frozenset(tie["SubnetId"] for tie in one.get("Associations", ()) if tie.get("SubnetId")),
            routes=tuple(map(_route, one.get("Routes", ()))),
        )
        for one in found
    )


def table_of(subnet_id: str, tables: Iterable[RouteTable]) -> RouteTable | None:
    """The route table that a subnet goes by."""
    tables = tuple(tables)
    tied = next((table for table in tables if subnet_id in table.subnet_ids), None)
    return tied or next((table for table in tables if table.is_main), None)


def read_ingress(session: Session, region: str, group_ids: Sequence[str], port: int) -> tuple[Ingress, tuple[str, ...]]:
    """Who these security groups admit on a TCP port together, and those of them that don't exist."""
    found = _pages(session, region, "describe_security_groups", "SecurityGroups", {"group-id": group_ids})
    rules = [rule for group in found for rule in group.get("IpPermissions", ()) if _is_for(rule, port)]
    ranges = [one["CidrIp"] for rule in rules for one in rule.get("IpRanges", ())]
    ranges += [one["CidrIpv6"] for rule in rules for one in rule.get("Ipv6Ranges", ())]
    groups = {one["GroupId"] for rule in rules for one in rule.get("UserIdGroupPairs", ()) if one.get("GroupId")}
    lists = {one["PrefixListId"] for rule in rules for one in rule.get("PrefixListIds", ())}
    ingress = Ingress(
        networks=tuple(ip_network(text, strict=False) for text in ranges),
        groups=tuple(sorted(groups)),
        prefix_lists=tuple(sorted(lists)),
    )
    existing = {group["GroupId"] for group in found}
    return ingress, tuple(id_ for id_ in group_ids if id_ not in existing)


def read_vpc_endpoints(session: Session, region: str, vpc_id: str, service: str) -> tuple[VpcEndpoint, ...]:
    """The interface endpoints of a VPC for a service: `secretsmanager`."""
    found = _pages(session, region, "describe_vpc_endpoints", "VpcEndpoints", {"vpc-id": [vpc_id]})
    return tuple(
        VpcEndpoint(
            id=one["VpcEndpointId"],
            service=one["ServiceName"],
            state=one.get("State", ""),
            has_private_dns=bool(one.get("PrivateDnsEnabled")),
        )
        for one in found
        # `com.amazonaws.` is `cn.com.amazonaws.` in China.
        if one.get("VpcEndpointType") == "Interface" and one["ServiceName"].endswith(f".{region}.{service}")
    )


def read_ranges(session: Session, region: str, vpc_id: str) -> tuple[AddressRange, ...]:
    """The IPv4 and IPv6 ranges of a VPC."""
    found = _pages(session, region, "describe_vpcs", "Vpcs", {"vpc-id": [vpc_id]})
    texts = [tie["CidrBlock"] for vpc in found for tie in vpc.get("CidrBlockAssociationSet", ())]
    texts += [vpc["CidrBlock"] for vpc in found if vpc.get("CidrBlock")]
    texts += [tie["Ipv6CidrBlock"] for vpc in found for tie in vpc.get("Ipv6CidrBlockAssociationSet", ())]
    return tuple(ip_network(text) for text in dict.fromkeys(texts))


def _pages(session: Session, region: str, call: str, key: str, filters: dict[str, Sequence[str]]) -> list[Any]:
    client = session.client("ec2", region)
    if not all(filters.values()):
        return []
    wanted = [{"Name": name, "Values": list(values)} for name, values in filters.items()]
    with translated(f"ec2 {call.replace('_', '-')}"):
        return [item for page in client.get_paginator(call).paginate(Filters=wanted) for item in page[key]]


def _route(data: dict[str, Any]) -> Route:
    destination = (
        data.get("DestinationCidrBlock") or data.get("DestinationIpv6CidrBlock") or data.get("DestinationPrefixListId")
    )
    target = next((data[kind] for kind in _TARGETS if data.get(kind)), "")
    return Route(destination=destination or "", target=target, is_active=data.get("State", "active") == "active")


def _is_for(rule: dict[str, Any], port: int) -> bool:
    protocol = rule.get("IpProtocol")
    if protocol == _ANY_PROTOCOL:
        return True
    return protocol in _TCP and rule.get("FromPort", 0) <= port <= rule.get("ToPort", 65535)
