"""What moto's cluster has no place for, kept beside it, and the finding of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from moto.core.utils import utcnow
from moto.eks.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.eks.models import paginated_list
from moto.moto_api._internal import mock_random

if TYPE_CHECKING:
    from collections.abc import Iterable

    from moto.eks.models import Cluster
    from moto.eks.responses import EKSResponse

# One thing as the API shows it, by the API's names.
Document: TypeAlias = dict[str, Any]

_PAGE = 100


@dataclass(slots=True, kw_only=True)
class Holding:
    """Add-ons by name, access entries by principal, their policies by ARN, the others by id."""

    addons: dict[str, Document] = field(default_factory=dict)
    access_entries: dict[str, Document] = field(default_factory=dict)
    access_policies: dict[str, dict[str, Document]] = field(default_factory=dict)
    pod_identities: dict[str, Document] = field(default_factory=dict)
    updates: dict[str, Document] = field(default_factory=dict)


def holding_of(cluster: Cluster) -> Holding:
    holding: Holding = vars(cluster).setdefault("holding", Holding())
    return holding


def find_cluster(response: EKSResponse) -> Cluster:
    """The cluster that the call's path names."""
    return response.eks_backend.describe_cluster(response.uri_match["name"])


def not_found(message: str) -> ResourceNotFoundException:
    return ResourceNotFoundException(message=message)


def invalid(message: str) -> InvalidParameterException:
    return InvalidParameterException(message=message)


def arn_of(response: EKSResponse, kind: str, *path: str) -> str:
    backend = response.eks_backend
    return f"arn:{backend.partition}:eks:{backend.region_name}:{backend.account_id}:{'/'.join((kind, *path))}"


def born(**values: Any) -> Document:
    """A new thing: these values and when it was made. Values that are None are left out."""
    now = utcnow()
    given = {name: value for name, value in values.items() if value is not None}
    return {**given, "createdAt": now, "modifiedAt": now}


def change(document: Document, **values: Any) -> None:
    """Set those of the values that aren't None; AWS leaves what a call doesn't name as it is."""
    document.update({name: value for name, value in values.items() if value is not None})
    document["modifiedAt"] = utcnow()


def one_page(response: EKSResponse, keys: Iterable[str]) -> tuple[list[str], str | None]:
    """One page of these in order, and where the next begins."""
    size = response._get_int_param("maxResults", _PAGE)
    return paginated_list(list(keys), size, response._get_param("nextToken"))


def random_id(length: int) -> str:
    return mock_random.get_random_hex(length)
