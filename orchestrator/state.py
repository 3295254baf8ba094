"""A Terraform state object, read as JSON: outputs, serial, resources, and the secret values in it.

The state format (version 4) is Terraform's own and not a public interface; the few fields read here have
stood since Terraform 0.12. Any other version is refused rather than guessed at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator import payload, printable
from orchestrator.errors import StateError
from orchestrator.inventory import instances
from orchestrator.outputs import Output
from orchestrator.protection import is_deletion_protected
from orchestrator.redaction import SENSITIVE_ATTRIBUTES, leaves

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FORMAT = 4
_KINDS = {int: "whole number", str: "text", dict: "object"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What may stand in the way of taking a layer down.

    Attributes:
        name: Of a bucket or a repository.
        is_protected: Whether AWS refuses to delete it.
        is_forced: Whether it goes with all that is in it.
    """

    address: str
    type: str
    name: str
    arn: str
    is_protected: bool
    is_forced: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One version of a layer's state.

    Attributes:
        serial: Grows by one with every write.
        lineage: Given at birth; two states with different lineages are different estates.
        resource_count: Managed resource instances.
        addresses: Of those, sorted, as `terraform state list` writes them.
        providers: The provider configurations that its resources are made with, each with the address of one of these.
        held: What may stand in the way of taking it down.
        secrets: The sensitive texts and long numbers in it, for a redactor; never shown.
    """

    serial: int
    lineage: str
    terraform_version: str
    resource_count: int
    addresses: tuple[str, ...] = field(repr=False)
    outputs: dict[str, Output]
    providers: Mapping[str, str] = field(default_factory=dict, repr=False)
    held: tuple[Held, ...] = field(default=(), repr=False)
    secrets: frozenset[str] = field(repr=False)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in it: what a layer leaves that was taken down."""
        return not self.resource_count and not self.outputs

    @property
    def public(self) -> frozenset[str]:
        """The texts and long numbers in outputs that are not sensitive."""
        shown = (output.value for output in self.outputs.values() if not output.is_sensitive)
        return frozenset(text for value in shown for text in leaves(value))

    @classmethod
    def from_json(cls, text: bytes | str, *, url: str) -> State:
        """Read a state object.

        Raises:
            StateError: Not JSON, or not a state of the known format.
        """
        try:
            data = payload.load(text)
            if not isinstance(data, dict):
                raise StateError(f"{url}: this is not a Terraform state: it is no object of JSON")
            if data["version"] != FORMAT:
                raise StateError(
                    f"{url}: state format {data['version']}, and wealist reads {FORMAT}",
                    hint="terraform apply with a current Terraform upgrades it",
                )
            _check_kinds(data)
            resources = data["resources"]
            return cls(
                serial=data["serial"],
                lineage=data["lineage"],
                terraform_version=printable.line(data["terraform_version"]),
                resource_count=sum(len(r["instances"]) for r in resources if r["mode"] == "managed"),
                addresses=tuple(sorted({address for r in resources for address, _ in instances(r)})),
                outputs={name: Output.from_json(name, value) for name, value in data["outputs"].items()},
                providers=_providers(resources),
                held=tuple(held for r in resources for held in _held(r)),
                secrets=frozenset(_secrets(data)),
            )
        except payload.PayloadError as error:
            raise StateError(f"{url}: this is not a Terraform state: {error}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StateError(
                f"{url}: this is not a Terraform state ({type(error).__name__}: {error})",
            ) from error


def _check_kinds(data: Any) -> None:
    """Refuse what would only fail where it is shown or counted.

    Raises:
        TypeError: A value is of another kind than Terraform writes.
    """
    for name, kind in (("serial", int), ("lineage", str), ("terraform_version", str), ("outputs", dict)):
        if type(data[name]) is not kind:
            raise TypeError(f"{name} is no {_KINDS[kind]}")


def attributes(text: bytes | str, address: str) -> dict[str, Any] | None:
    """What a state that was read before holds of one resource, in clear; None where it is not in it."""
    for resource in payload.load(text)["resources"]:
        for found, instance in instances(resource):
            # A deposed one is what is left of a replacement.
            if found == address and "deposed" not in instance:
                return dict(instance.get("attributes") or {})
    return None


def _providers(resources: Iterable[dict[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for resource in resources:
        if "provider" in resource:
            module = f"{resource['module']}." if "module" in resource else ""
            data = "data." if resource["mode"] == "data" else ""
            found.setdefault(str(resource["provider"]), f"{module}{data}{resource['type']}.{resource['name']}")
    return found


def _held(resource: dict[str, Any]) -> Iterator[Held]:
    kind = resource["type"]
    for address, instance in instances(resource):
        attributes = instance.get("attributes") or {}
        is_protected = is_deletion_protected(kind, attributes)
        if is_protected or kind in ("aws_s3_bucket", "aws_ecr_repository"):
            yield Held(
                address=address,
                type=kind,
                name=str(attributes.get("bucket") or attributes.get("name") or ""),
                arn=str(attributes.get("arn") or ""),
                is_protected=is_protected,
                is_forced=bool(attributes.get("force_destroy") or attributes.get("force_delete")),
            )


def _secrets(data: dict[str, Any]) -> Iterator[str]:
    for output in data["outputs"].values():
        if output.get("sensitive"):
            yield from leaves(output.get("value"))
    for resource in data["resources"]:
        for instance in resource["instances"]:
            attributes = instance.get("attributes") or {}
            for name in SENSITIVE_ATTRIBUTES & attributes.keys():
                yield from leaves(attributes[name])
            for path in instance.get("sensitive_attributes") or ():
                yield from leaves(_at(attributes, path))


def _at(value: Any, path: list[dict[str, Any]]) -> Any:
    for step in path:
        key = step.get("value")
        if isinstance(key, dict):
            key = key.get("value")
        try:
            value = _unwrapped(value)[key]
        except (KeyError, IndexError, TypeError):
            return None
    return _unwrapped(value)


def _unwrapped(value: Any) -> Any:
    """A value of dynamic type is wrapped together with its type, which a path to it goes past."""
    return value["value"] if isinstance(value, dict) and value.keys() == {"value", "type"} else value
