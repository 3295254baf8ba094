"""Whether subnets are cut off from everything but the subnets that may use them: pure, over what the EC2 API says.

Three questions, each answered with the holes that were found, one a line; no hole is the proof.

    routes     every route of every isolated subnet's table, the VPC's main table where a subnet has none of its own. What
               stays in the VPC (`local`, a gateway endpoint's prefix list) is no hole. Everything else is: an internet, NAT, egress-only or
               carrier gateway, an instance, and peerings and transit gateways too, since what is behind them can't be seen.
    addresses  subnets that hand out public addresses, and network interfaces in them that have one.
    paths      every rule of every security group that stands before something in the isolated subnets: its source must lie in
               an admitted or an isolated subnet. Of a source that is a group, each of its members must.

Source: "Subnet route tables" and "Security group rules" of the Amazon VPC user guide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, ip_network
from typing import Any

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What EC2 says of a VPC, each in the API's own shape.

    Attributes:
        isolated, admitted: Subnets.
        groups: All security groups of the VPC.
        guards: Ids of security groups that stand before something in the isolated subnets, beside those that network
            interfaces there have.
    """

    isolated: Sequence[Answer]
    admitted: Sequence[Answer]
    route_tables: Sequence[Answer]
    interfaces: Sequence[Answer] = field(repr=False)
    groups: Sequence[Answer] = field(repr=False)
    guards: Sequence[str] = ()


def holes(network: Network) -> dict[str, list[str]]:
    """The three answers, by the names above."""
    return {
        "routes": sorted(_routes(network)),
        "addresses": sorted(_addresses(network)),
        "paths": sorted(set(_paths(network))),
    }


def _routes(network: Network) -> Iterator[str]:
    main = next((table for table in network.route_tables if _is_main(table)), None)
    own = {
        association["SubnetId"]: table
        for table in network.route_tables
        for association in table.get("Associations", ())
        if association.get("SubnetId")
    }
    for subnet in network.isolated:
        id_ = subnet["SubnetId"]
        table = own.get(id_, main)
        if table is None:
            yield f"{id_}: no route table was found, so its routes are not known"
            continue
        for route in table.get("Routes", ()):
            target = _way_out(route)
            if target is not None:
                yield f"{id_}: {_destination(route)} -> {target} ({table['RouteTableId']})"


def _is_main(table: Answer) -> bool:
    return any(association.get("Main") for association in table.get("Associations", ()))


def _way_out(route: Answer) -> str | None:
    """Where a route leads out of the VPC, or None where it doesn't."""
    gateway = str(route.get("GatewayId") or "")
    if gateway == "local":
        return None
    # A gateway endpoint is reached by its prefix list. One of a gateway load balancer takes whole blocks, and leads on.
    if gateway.startswith("vpce-") and route.get("DestinationPrefixListId"):
        return None
    ids = (
        value for name, value in route.items() if name.endswith("Id") and not name.startswith("Destination") and value
    )
    return gateway or next(map(str, ids), "an unknown target")


def _destination(route: Answer) -> str:
    names = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
    return next((str(route[name]) for name in names if route.get(name)), "?")


def _addresses(network: Network) -> Iterator[str]:
    isolated = {subnet["SubnetId"] for subnet in network.isolated}
    for subnet in network.isolated:
        for setting in ("MapPublicIpOnLaunch", "AssignIpv6AddressOnCreation"):
            if subnet.get(setting):
                yield f"{subnet['SubnetId']}: {setting} is on"
    for interface in network.interfaces:
        if interface.get("SubnetId") not in isolated:
            continue
        private = (interface, *interface.get("PrivateIpAddresses", ()))
        public = {(item.get("Association") or {}).get("PublicIp") for item in private}
        for address in (*public, *(item.get("Ipv6Address") for item in interface.get("Ipv6Addresses") or ())):
            if address:
                yield f"{interface['NetworkInterfaceId']} in {interface['SubnetId']}: {address}"


def _paths(network: Network) -> Iterator[str]:
    isolated = {subnet["SubnetId"] for subnet in network.isolated}
    inside = isolated | {subnet["SubnetId"] for subnet in network.admitted}
    blocks = [ip_network(subnet["CidrBlock"]) for subnet in (*network.isolated, *network.admitted)]
    known = {group["GroupId"]: group for group in network.groups}
    standing = {
        group["GroupId"]
        for interface in network.interfaces
        if interface.get("SubnetId") in isolated
        for group in interface.get("Groups", ())
    }
    for id_ in sorted(standing | set(network.guards)):
        if id_ not in known:
            yield f"{id_}: there is no such security group in the VPC, so its rules are not known"
            continue
        for permission in known[id_].get("IpPermissions", ()):
            for source in _sources(permission, blocks, inside, network.interfaces, known):
                yield f"{id_} admits {source} on {_ports(permission)}"


def _sources(
    permission: Answer,
    blocks: Sequence[Any],
    inside: set[str],
    interfaces: Sequence[Answer],
    known: Mapping[str, Answer],
) -> Iterator[str]:
    """The sources of a rule that lie outside."""
    for item in permission.get("IpRanges") or ():
        if not _is_within(item["CidrIp"], blocks):
            yield str(item["CidrIp"])
    for item in permission.get("Ipv6Ranges") or ():
        yield str(item["CidrIpv6"])
    for item in permission.get("PrefixListIds") or ():
        yield f"{item['PrefixListId']}, whose addresses are not looked up"
    for item in permission.get("UserIdGroupPairs") or ():
        if item.get("VpcPeeringConnectionId") or item.get("GroupId") not in known:
            # Over a peering or a transit gateway: its members can't be seen from here.
            yield f"{item.get('GroupId')} of another VPC"
            continue
        for interface in interfaces:
            is_member = any(group["GroupId"] == item.get("GroupId") for group in interface.get("Groups", ()))
            if is_member and interface.get("SubnetId") not in inside:
                where = f"{interface['NetworkInterfaceId']} in {interface.get('SubnetId')}"
                yield f"members of {item['GroupId']}, which {where} is,"


def _is_within(cidr: str, blocks: Sequence[Any]) -> bool:
    block = ip_network(cidr, strict=False)
    return isinstance(block, IPv4Network) and any(
        isinstance(known, IPv4Network) and block.subnet_of(known) for known in blocks
    )


def _ports(permission: Answer) -> str:
    protocol = permission.get("IpProtocol")
    if protocol == "-1":
        return "every port"
    first, last = permission.get("FromPort"), permission.get("ToPort")
    return f"{protocol} {first}" if first == last else f"{protocol} {first}-{last}"
