"""The Kubernetes versions of EKS, and for each the versions of add-ons that it offers.

AWS has more add-ons and many more builds of each, and there is no list of them to be had offline. What is
here is a sample that is right in form and order: enough for a default that changes with the Kubernetes
version and for a newer build to move to. A version that isn't in it is taken, see `addon`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KUBERNETES_VERSIONS = ("1.31", "1.32", "1.33", "1.34", "1.35", "1.36")
DEFAULT_KUBERNETES_VERSION = "1.35"
PLATFORM_VERSION = "eks.1"
_AMI_DATE = "20260415"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddonProduct:
    """An add-on as EKS offers it; `builds` are oldest first, the last but one is the default."""

    kind: str
    namespace: str
    builds: Mapping[str, Sequence[str]]


def _everywhere(*builds: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(KUBERNETES_VERSIONS, builds)


ADDONS = {
    "aws-ebs-csi-driver": AddonProduct(
        kind="storage",
        namespace="kube-system",
        builds=_everywhere("v1.48.0-eksbuild.1", "v1.53.0-eksbuild.1", "v1.54.0-eksbuild.1"),
    ),
    "coredns": AddonProduct(
        kind="networking",
        namespace="kube-system",
        builds={
            "1.31": ("v1.11.3-eksbuild.1", "v1.11.4-eksbuild.2", "v1.11.4-eksbuild.24"),
            "1.32": ("v1.11.4-eksbuild.2", "v1.11.4-eksbuild.24", "v1.11.4-eksbuild.28"),
            "1.33": ("v1.12.1-eksbuild.2", "v1.12.4-eksbuild.1", "v1.12.4-eksbuild.6"),
            "1.34": ("v1.12.3-eksbuild.1", "v1.12.4-eksbuild.1", "v1.13.2-eksbuild.1"),
            "1.35": ("v1.13.1-eksbuild.1", "v1.13.2-eksbuild.1", "v1.14.2-eksbuild.1"),
            "1.36": ("v1.14.2-eksbuild.1", "v1.14.3-eksbuild.1", "v1.14.3-eksbuild.2"),
        },
    ),
    "eks-pod-identity-agent": AddonProduct(
        kind="security",
        namespace="kube-system",
        builds=_everywhere("v1.3.8-eksbuild.2", "v1.3.9-eksbuild.3", "v1.3.10-eksbuild.2"),
    ),
    "kube-proxy": AddonProduct(
        kind="networking",
        namespace="kube-system",
        builds={
            version: (f"v{version}.0-eksbuild.2", f"v{version}.1-eksbuild.2", f"v{version}.2-eksbuild.1")
            for version in KUBERNETES_VERSIONS
        },
    ),
    "vpc-cni": AddonProduct(
        kind="networking",
        namespace="kube-system",
        builds=_everywhere("v1.20.4-eksbuild.2", "v1.21.1-eksbuild.1", "v1.21.1-eksbuild.3"),
    ),
}


def default_build(product: AddonProduct, kubernetes_version: str) -> str:
    return product.builds[kubernetes_version][-2]


def minor_of(version: str) -> int:
    return int(version.split(".")[1])


def release_version(kubernetes_version: str) -> str:
    """The release of EKS's node image, such as 1.35.2-20260415: patch of Kubernetes, then the day."""
    return f"{kubernetes_version}.2-{_AMI_DATE}"
