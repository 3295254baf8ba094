"""ElastiCache: replication groups with real members, subnet groups that go, parameter groups.

moto 5.2.5 keeps a replication group as a record of what was asked. AWS runs it as cache clusters, one
a node, and it is from the first of these that Terraform reads versions, parameter group, subnet group and
encryption back: so members are what most of this package is about.
"""

from __future__ import annotations

from orchestrator.sandbox.extensions.elasticache import (
    parameter_group,
    replication_group,
    subnet_group,
)


def install() -> None:
    parameter_group.install()
    subnet_group.install()
    replication_group.install()
