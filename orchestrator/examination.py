"""`wealist diagnose`: the hops of a database that wealist.yaml describes, in their order, from a place to look from.

    PostgreSQL   instance, dns, subnets, security-group, vpc-endpoints, secret, tcp, tls, login
    Redis        group, dns, security-group, secret, tcp, tls, login

AWS is asked from here always. The network hops (dns, tcp, tls, login) are looked at from here, or from the host that
`--from` names. A database in a private subnet can't be reached from outside its VPC, and that is as it should be: from a
machine that has no address in the VPC's ranges such a hop is skipped and no failure. From inside, and with `--from`, it is
broken. The secret is fetched at its own hop, kept for the login and given to the redactor.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from orchestrator import lookup, reach
from orchestrator.aws import network
from orchestrator.aws.database import Database, read_group, read_instance
from orchestrator.aws.session import DENIED, Session
from orchestrator.condition import database_hop
from orchestrator.custody import check_account
from orchestrator.diagnosis import (
    POSTGRESQL,
    SECRET,
    Diagnosis,
    Endpoint,
    Hop,
    HopOutcome,
    broken,
    ok,
    skipped,
    undetermined,
    walk,
)
from orchestrator.errors import AwsError, SecretError
from orchestrator.local_vantage import check_authorities, own_address_in
from orchestrator.reach import SECRETS_MANAGER
from orchestrator.subject import layer_of, read_subject
from orchestrator.vantage import looking

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from orchestrator.discovery import Estate
    from orchestrator.redaction import Redactor
    from orchestrator.subject import Subject
    from orchestrator.target import Target
    from orchestrator.vantage import Vantage

HERE = "here"
_AS_DESIGNED = "not reachable from here, as designed"
_SANDBOX = "not checked: nothing listens behind the sandbox's endpoints"


def examine(
    estate: Estate,
    name: str,
    target: Target,
    *,
    redact: Redactor,
    from_host: str | None = None,
    ca_file: Path | None = None,
    on_hop: Callable[[Hop], None] | None = None,
) -> Diagnosis:
    """Follow the way to a database up to the first broken hop.

    Args:
        name: A name under `diagnose` in wealist.yaml.
        redact: Learns the secret.
        from_host: Where the network hops are looked at from, as testinfra writes it: `ssh://bastion`.
        ca_file: The authorities that TLS trusts; without it those of the system's store.
        on_hop: Told of each hop as it is known.

    Raises:
        UsageError: No such name, or no such place to look from.
        ConfigError: An output that wealist.yaml names is not there, or of another shape.
        PreflightError: The credentials are of another account than the one that is pinned.
        StateError: The layer was never applied.
        AwsError: AWS can't be asked at all.
    """
    if ca_file is not None:
        check_authorities(ca_file)
    # First of all: another account has none of what the state names, and "make it again" would be a lie about this one.
    check_account(layer_of(estate, name), target, estate.config)
    subject = read_subject(estate, name, target)
    with looking(target, from_host, ca_file) as vantage:
        examination = _Examination(estate, subject, target, redact, vantage, is_remote=from_host is not None)
        hops = walk(examination.steps(), on_hop=on_hop)
    return Diagnosis(name=name, kind=subject.layer.kind, vantage=from_host or HERE, hops=hops)


class _Examination:
    """One diagnosis under way: what was learnt at a hop is there at the next."""

    def __init__(
        self, estate: Estate, subject: Subject, target: Target, redact: Redactor, vantage: Vantage, *, is_remote: bool
    ) -> None:
        self._estate = estate
        self._subject = subject
        self._target = target
        self._redact = redact
        self._vantage = vantage
        self._is_remote = is_remote
        self._layer = subject.layer
        # The backend's identity is for the state alone.
        self._session = Session(target.aws)
        self._database: Database | None = None
        self._secret: str | None = None
        self._unreachable: Hop | None = None

    def steps(self) -> list[tuple[str, Callable[[str], Hop]]]:
        """The hops of this kind of database."""
        is_postgresql = self._layer.kind == POSTGRESQL
        return [
            ("instance" if is_postgresql else "group", self._look_at_database),
            ("dns", self._resolve),
            *([("subnets", self._asked(self._look_at_subnets))] if is_postgresql else []),
            ("security-group", self._asked(self._look_at_security_group)),
            *([("vpc-endpoints", self._asked(self._look_at_endpoints))] if is_postgresql else []),
            (SECRET, self._fetch),
            ("tcp", self._connect),
            ("tls", lambda id_: self._far(id_) or self._vantage.tls(id_, self._endpoint)),
            ("login", self._log_in),
        ]

    # What AWS answers for

    def _look_at_database(self, id_: str) -> Hop:
        read = read_instance if self._layer.kind == POSTGRESQL else read_group
        self._database = read(self._session, self._layer.region, self._subject.identifier)
        return database_hop(id_, self._layer, self._subject.identifier, self._database)

    def _look_at_subnets(self, id_: str) -> Hop:
        subnets = network.read_subnets(self._session, self._layer.region, self._found.subnet_ids)
        return reach.subnets_hop(id_, self._layer, self._found, subnets, self._tables)

    def _look_at_security_group(self, id_: str) -> Hop:
        groups, port = self._found.security_group_ids, self._endpoint.port
        ingress, gone = network.read_ingress(self._session, self._layer.region, groups, port)
        subnets = network.read_subnets(self._session, self._layer.region, self._subject.private_subnets)
        if lost := reach.lost_subnets(id_, self._layer, self._subject.private_subnets, subnets):
            return lost
        return reach.security_group_hop(id_, self._layer, self._found, subnets.values(), ingress, gone)

    def _look_at_endpoints(self, id_: str) -> Hop:
        vpc, region = self._found.vpc_id or "", self._layer.region
        subnets = network.read_subnets(self._session, region, self._subject.private_subnets)
        endpoints = network.read_vpc_endpoints(self._session, region, vpc, SECRETS_MANAGER)
        return reach.endpoints_hop(id_, self._layer, vpc, subnets.values(), self._tables, endpoints)

    def _fetch(self, id_: str) -> Hop:
        name = self._subject.secret
        try:
            secret = lookup.find_secret(self._estate, name, self._target)
            self._secret = secret.value(lookup.secret_config(self._estate, name).field)
        except SecretError as error:
            return broken(
                id_,
                error.message,
                expected=f"the secret {name}, readable",
                remedy=error.hint or "see what became of it",
                address=self._secret_address(),
                command=self._about_secret("describe-secret"),
            )
        self._redact.add([self._secret])
        return ok(id_, f"secret {name} can be read: version {secret.version_id}, of {secret.created}")

    @property
    def _secret_arn(self) -> str | None:
        output = self._subject.outputs.get(lookup.secret_config(self._estate, self._subject.secret).output)
        return output.value if output is not None and isinstance(output.value, str) else None

    def _secret_address(self) -> str | None:
        # A password that RDS manages has no resource of its own: it goes with the instance.
        return self._layer.address("aws_secretsmanager_secret", arn=self._secret_arn) or self._layer.database_address(
            self._subject.identifier
        )

    def _about_secret(self, call: str) -> str:
        """A command that tells about the secret, and does not show it."""
        return self._layer.aws("secretsmanager", call, "--secret-id", self._secret_arn or self._subject.secret)

    # What the network answers for

    def _resolve(self, id_: str) -> Hop:
        if self._target.aws.is_hermetic:
            return skipped(id_, _SANDBOX)
        hop = self._vantage.dns(id_, self._endpoint)
        if not hop.is_broken:
            return hop
        address = self._layer.address("aws_vpc", id=self._found.vpc_id)
        return self._designed(id_) or replace(hop, address=address)

    def _connect(self, id_: str) -> Hop:
        if far := self._far(id_):
            return far
        hop = self._vantage.tcp(id_, self._endpoint)
        if not hop.is_broken:
            return hop
        subnets = ",".join(self._found.subnet_ids)
        command = self._layer.aws(
            "ec2", "describe-network-acls", "--filters", f"Name=association.subnet-id,Values={subnets}"
        )
        return self._designed(id_) or replace(hop, command=command)

    def _log_in(self, id_: str) -> Hop:
        if far := self._far(id_):
            return far
        if self._secret is None:
            return undetermined(id_, f"can't be checked: secret {self._subject.secret} was not read")
        hop = self._vantage.login(id_, self._endpoint, self._secret)
        if hop.command is None:
            return hop
        # About the secret, and nothing else: the database has another.
        return replace(hop, address=self._layer.database_address(self._subject.identifier))

    def _far(self, id_: str) -> Hop | None:
        """The hop where nothing can be looked at: in the sandbox, or behind one that is out of reach by design."""
        if self._target.aws.is_hermetic:
            return skipped(id_, _SANDBOX)
        if self._unreachable is None:
            return None
        is_designed = self._unreachable.outcome is HopOutcome.SKIPPED
        return skipped(id_, _AS_DESIGNED if is_designed else "not checked: no answer before")

    def _designed(self, id_: str) -> Hop | None:
        """The hop of somebody outside, for whom it is as it should be that nothing answers."""
        if self._is_remote:
            return None
        try:
            ranges = network.read_ranges(self._session, self._layer.region, self._found.vpc_id or "")
        except AwsError as error:
            if error.code not in DENIED:
                raise
            why = f"no answer, and whether this machine is in {self._found.vpc_id} can't be told: {error.message}"
            self._unreachable = undetermined(id_, why)
            return self._unreachable
        if own_address_in(ranges) is not None:
            return None
        self._unreachable = skipped(
            id_,
            f"{_AS_DESIGNED}: {self._endpoint.host} is for {self._found.vpc_id} alone, and this machine is not in it",
            remedy="look from a host inside: ssh://, docker:// or kubectl://",
            command=self._target.command("diagnose", self._subject.name, "--from", "ssh://HOST"),
        )
        return self._unreachable

    # What all of them need

    @property
    def _found(self) -> Database:
        # The first hop is broken without one, and no other is looked at then.
        assert self._database is not None
        return self._database

    @property
    def _endpoint(self) -> Endpoint:
        assert self._found.host is not None
        return Endpoint(
            kind=self._layer.kind,
            host=self._found.host,
            port=self._found.port or 0,
            user=self._subject.user,
            database=self._subject.database,
            secret_command=self._about_secret("list-secret-version-ids")
            if self._layer.kind == POSTGRESQL
            else self._target.command("secrets", "rotate", self._subject.secret),
        )

    @cached_property
    def _tables(self) -> tuple[network.RouteTable, ...]:
        return network.read_route_tables(self._session, self._layer.region, self._found.vpc_id or "")

    def _asked(self, look: Callable[[str], Hop]) -> Callable[[str], Hop]:
        """A hop that is undetermined where this identity may not ask."""

        def call(id_: str) -> Hop:
            try:
                return look(id_)
            except AwsError as error:
                if error.code not in DENIED:
                    raise
                return undetermined(id_, f"can't be checked: {error.message}", remedy="let this identity read it")

        return call
