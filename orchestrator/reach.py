"""The hops of the network around a database, which AWS answers for: facts in, hops out, each broken one with its address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.aws.network import table_of
from orchestrator.diagnosis import Hop, broken, ok, skipped, undetermined

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from orchestrator.aws.database import Database
    from orchestrator.aws.network import Ingress, Route, RouteTable, Subnet, VpcEndpoint
    from orchestrator.database_layer import DatabaseLayer

SECRETS_MANAGER = "secretsmanager"


def subnets_hop(
    id_: str, layer: DatabaseLayer, database: Database, subnets: Mapping[str, Subnet], tables: Sequence[RouteTable]
) -> Hop:
    """Whether the subnets of the database's group exist, and none has a way from the internet."""
    group = database.subnet_group
    expected = f"the subnets of group {group}, none with a route to an internet gateway"
    gone = [subnet for subnet in database.subnet_ids if subnet not in subnets]
    if gone or not database.subnet_ids:
        address = next((found for subnet in gone if (found := layer.address("aws_subnet", id=subnet))), None)
        return broken(
            id_,
            f"subnet group {group} names {_list('subnet', gone)} that no longer exist{'s' if len(gone) == 1 else ''}"
            if gone
            else f"subnet group {group} has no subnets",
            expected=expected,
            remedy="make the subnets again, and let the group name them",
            address=address or layer.address("aws_db_subnet_group", name=group),
            command=layer.plan,
        )
    for subnet in database.subnet_ids:
        table = table_of(subnet, tables)
        route = next((one for one in table.routes if one.is_to_internet_gateway), None) if table else None
        if table and route:
            made = layer.address("aws_route", route_table_id=table.id, destination_cidr_block=route.destination)
            tie = layer.address("aws_route_table_association", route_table_id=table.id, subnet_id=subnet)
            # One that Terraform didn't make it doesn't take away either.
            words = ("ec2", "delete-route", "--route-table-id", table.id, *_destination(route))
            return broken(
                id_,
                f"subnet {subnet} has a route to an internet gateway: {route.destination} -> {route.target} in {table.id}",
                expected=expected,
                remedy=f"take the route {route.destination} out of {table.id}, or give the subnet another table",
                address=made or tie or layer.address("aws_route_table", "aws_default_route_table", id=table.id),
                command=layer.plan if made else layer.aws(*words),
            )
    unknown = [subnet for subnet in database.subnet_ids if table_of(subnet, tables) is None]
    if unknown:
        return _no_table(id_, unknown)
    names = ", ".join(database.subnet_ids)
    return ok(
        id_, f"{len(database.subnet_ids)} subnets of {group} exist, none with a route to an internet gateway: {names}"
    )


def _no_table(id_: str, subnets: Sequence[str]) -> Hop:
    """Every subnet has a route table, so one that isn't seen is no answer: a VPC's main one is always there."""
    return undetermined(
        id_, f"no route table is seen for {_list('subnet', subnets)}", remedy="let this identity read it"
    )


def _destination(route: Route) -> tuple[str, str]:
    """The option of `aws ec2 delete-route` that names it."""
    return (
        "--destination-ipv6-cidr-block" if ":" in route.destination else "--destination-cidr-block",
        route.destination,
    )


def lost_subnets(id_: str, layer: DatabaseLayer, ids: Sequence[str], subnets: Mapping[str, Subnet]) -> Hop | None:
    """The hop where private subnets are gone: then nothing can be said of whether they are admitted."""
    gone = [subnet for subnet in ids if subnet not in subnets]
    if not gone:
        return None
    return broken(
        id_,
        f"{_list('private subnet', gone)} no longer exist{'s' if len(gone) == 1 else ''}",
        expected="the private subnets that the layer's state names",
        remedy="Terraform makes it again",
        address=next((found for subnet in gone if (found := layer.address("aws_subnet", id=subnet))), None),
        command=layer.plan,
    )


def security_group_hop(
    id_: str, layer: DatabaseLayer, database: Database, subnets: Iterable[Subnet], ingress: Ingress, gone: Sequence[str]
) -> Hop:
    """Whether every private subnet is admitted on the database's port."""
    port, groups = database.port, ", ".join(database.security_group_ids)
    address = next((a for g in database.security_group_ids if (a := layer.address("aws_security_group", id=g))), None)
    if gone or not database.security_group_ids:
        return broken(
            id_,
            f"{_list('security group', gone)} of {database.id} no longer exists"
            if gone
            else f"{database.id} has no security group",
            expected=f"a security group that admits tcp {port} from the private subnets",
            remedy="make it again",
            address=address or layer.database_address(database.id),
            command=layer.plan,
        )
    subnets = tuple(subnets)
    refused = [subnet for subnet in subnets if not ingress.admits(subnet.network)]
    if not refused:
        shown = ", ".join(str(subnet.network) for subnet in subnets)
        return ok(id_, f"{groups} admits tcp {port} from every private subnet: {shown}")
    names = ", ".join(
        f"{subnet.network} ({subnet.id}{f', {subnet.zone}' if subnet.zone else ''})" for subnet in refused
    )
    # Who is in a group is not read, and it may be the database's own: that admits the database and nobody else.
    unread = [f"members of {', '.join(ingress.groups)}"] if ingress.groups else []
    unread += [f"prefix list {', '.join(ingress.prefix_lists)}"] if ingress.prefix_lists else []
    if unread:
        sources = " and from ".join(unread)
        return undetermined(
            id_,
            f"{groups} admits tcp {port} from {sources}, whose addresses are not read; by range it does not admit {names}",
            remedy="see whether what connects is among them",
        )
    rule = _rule_address(layer, database, refused)
    again = "Terraform has the rule in its state, and makes it again" if rule else None
    return broken(
        id_,
        f"{groups} does not admit tcp {port} from {names}",
        expected=f"tcp {port} admitted from every private subnet",
        remedy=again or f"add ingress rules for tcp {port} from {', '.join(str(one.network) for one in refused)}",
        address=rule or address,
        command=layer.plan,
    )


def _rule_address(layer: DatabaseLayer, database: Database, refused: Sequence[Subnet]) -> str | None:
    """The rules in the state that should admit these subnets, and that AWS has no more."""
    ranges = {str(subnet.network) for subnet in refused}
    found = [
        address
        for group in database.security_group_ids
        for address, values in (
            *layer.resources("aws_vpc_security_group_ingress_rule", security_group_id=group),
            *layer.resources("aws_security_group_rule", security_group_id=group, type="ingress"),
        )
        if (values.get("cidr_ipv4") in ranges or ranges & set(values.get("cidr_blocks") or ()))
        and values.get("from_port") == database.port
    ]
    return ", ".join(sorted(found)) or None


def endpoints_hop(
    id_: str,
    layer: DatabaseLayer,
    vpc_id: str,
    subnets: Iterable[Subnet],
    tables: Sequence[RouteTable],
    endpoints: Sequence[VpcEndpoint],
) -> Hop:
    """Whether what runs in the private subnets can reach Secrets Manager: by a way out, or by an endpoint of the VPC."""
    without: list[str] = []
    unknown: list[str] = []
    ways: set[str] = set()
    for subnet in subnets:
        table = table_of(subnet.id, tables)
        if table is None:
            unknown.append(subnet.id)
        elif route := next((one for one in table.routes if one.is_default and one.is_active), None):
            ways.add(route.target)
        else:
            without.append(subnet.id)
    if not without and not unknown:
        return skipped(id_, f"not needed: the private subnets reach Secrets Manager through {', '.join(sorted(ways))}")
    usable = next((one for one in endpoints if one.is_usable), None)
    if usable is not None:
        return ok(id_, f"{usable.id} leads from {vpc_id} to Secrets Manager")
    if not without:
        return _no_table(id_, unknown)
    known = ", ".join(
        f"{one.id} is {one.state}{'' if one.has_private_dns else ', without private DNS'}" for one in endpoints
    )
    tables_without = [table for subnet in without if (table := table_of(subnet, tables))]
    lost = next((a for t in tables_without if (a := layer.address("aws_route", route_table_id=t.id))), None)
    endpoint = next((a for one in endpoints if (a := layer.address("aws_vpc_endpoint", id=one.id))), None)
    return broken(
        id_,
        f"{_list('private subnet', without)} without a route out, and {vpc_id} without a usable endpoint for "
        f"{SECRETS_MANAGER}{f': {known}' if known else ''}",
        expected="a route to a NAT gateway, or an interface endpoint for Secrets Manager with private DNS",
        remedy="bring the route back, or add an interface endpoint: nothing in these subnets can read the secret",
        address=endpoint or lost,
        command=layer.plan,
    )


def _list(noun: str, names: Sequence[str]) -> str:
    return f"{noun}{'s' if len(names) != 1 else ''} {', '.join(names)}"
