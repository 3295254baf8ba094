"""EKS: clusters with all that moto's lack, so that a layer can be built on them, changed and taken down.

moto 5.2.5 has clusters, node groups and Fargate profiles, each a record of what was asked. AWS also runs
add-ons in a cluster, keeps who may use it (access entries, access policies) and which role a pod has
(Pod Identity), gives it a security group in its VPC, and makes every change as an update that clients
wait for. No machine is started: a node group is as ready as it says at once.

Calls to this service are found by their path, and moto lists the paths that it answers. `install` adds
one that matches them all; a call that is still missing is then answered like any other.
"""

from __future__ import annotations

from moto.eks import urls

from orchestrator.sandbox.extensions.eks import (
    access,
    addon,
    cluster,
    nodegroup,
    pod_identity,
    tag,
    update,
)


def install() -> None:
    urls.url_paths["{0}/(?P<route>.+)$"] = urls.response.dispatch
    cluster.install()
    nodegroup.install()
    addon.install()
    access.install()
    pod_identity.install()
    update.install()
    tag.install()
