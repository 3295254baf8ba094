"""What a layer has, or will have, as one document that can be queried.

    {
      "aws_db_instance": [{"address": "module.rds....this[0]", "multi_az": false, ...}],   each type with its resources
      "output":          {"vpc_id": "vpc-0a1b"},
      "var":             {"rds_multi_az": false}                                            where a plan says them
    }

A policy or another document that AWS takes as text is decoded, so that a query can look into it.

It is read from a plan (what there is by AWS's own word when it was made, and what there will be) or from a state object (what
there was when it was written). Sensitive values are masked before anything can ask for them, and what is only known after
the apply is pending (`query.Pending`). Sources: Terraform's "JSON Output Format" page; for state objects see `state`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator import payload
from orchestrator.query import Partial, Pending
from orchestrator.redaction import MASK, SENSITIVE_ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MANAGED = "managed"
# No resource type has these names.
OUTPUT, VARIABLE, ADDRESS = "output", "var", "address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A managed resource instance. `values` are its attributes, masked, and pending where they are not known yet."""

    address: str
    type: str
    values: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The resources, outputs and variables of one layer.

    Attributes:
        variables: By name, those of the run that planned it; empty where there was none.
        defaults: The variables' defaults in the HCL.
    """

    resources: tuple[Resource, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    defaults: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def planned(cls, data: Mapping[str, Any]) -> Inventory:
        """What there is once a plan, as `terraform show -json` writes it, is applied.

        A plan with targets tells only of those. What it says nothing of stays as it is.
        """
        told = {
            address
            for item in data.get("resource_changes") or ()
            for address in (item["address"], item.get("previous_address"))
        }
        prior = cls.prior(data)
        resources = (
            Resource(
                address=item["address"],
                type=item["type"],
                values=_shown(
                    change["after"], change.get("after_unknown"), change.get("after_sensitive"), item["address"]
                ),
            )
            for item in data.get("resource_changes") or ()
            if item["mode"] == MANAGED and (change := item["change"]).get("after") is not None
        )
        outputs = {
            name: _shown(
                change.get("after"), change.get("after_unknown"), change.get("after_sensitive"), f"{OUTPUT}.{name}"
            )
            for name, change in (data.get("output_changes") or {}).items()
            if change.get("actions") != ["delete"]
        }
        staying = (resource for resource in prior.resources if resource.address not in told)
        untold = {name: v for name, v in prior.outputs.items() if name not in (data.get("output_changes") or {})}
        return cls(
            resources=(*resources, *staying),
            outputs=Partial({**untold, **outputs}),
            variables=prior.variables,
            defaults=prior.defaults,
        )

    @classmethod
    def prior(cls, data: Mapping[str, Any]) -> Inventory:
        """What there was when a plan was made, the state refreshed from AWS."""
        values = (data.get("prior_state") or {}).get("values") or {}
        resources = (
            Resource(
                address=item["address"],
                type=item["type"],
                values=_shown(item["values"], None, item.get("sensitive_values"), item["address"]),
            )
            for item in walk(values.get("root_module") or {})
            if item["mode"] == MANAGED
        )
        return cls(resources=tuple(resources), outputs=_outputs(values.get("outputs") or {}), **_variables(data))

    @classmethod
    def of_state(cls, text: bytes | str) -> Inventory:
        """What a state object says, whose format `State.from_json` has looked at."""
        data = payload.load(text)
        resources = (
            Resource(address=address, type=resource["type"], values=_stored(instance, address))
            for resource in data["resources"]
            for address, instance in instances(resource)
        )
        return cls(resources=tuple(resources), outputs=_outputs(data["outputs"]))

    def document(self) -> dict[str, Any]:
        """What queries are made over."""
        found: dict[str, Any] = {OUTPUT: self.outputs, VARIABLE: dict(self.variables)}
        for resource in sorted(self.resources, key=lambda resource: resource.address):
            found.setdefault(resource.type, []).append(with_address(resource))
        return found


def with_address(resource: Resource) -> dict[str, Any]:
    """A resource as the document holds it."""
    return type(resource.values)({**resource.values, ADDRESS: resource.address})


def instances(resource: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The instances of a managed resource in a state object, with the address that `terraform state list` gives each."""
    if resource["mode"] != MANAGED:
        return
    module = f"{resource['module']}." if resource.get("module") else ""
    for instance in resource["instances"]:
        key = instance.get("index_key")
        index = "" if key is None else f"[{json.dumps(key, ensure_ascii=False)}]"
        yield f"{module}{resource['type']}.{resource['name']}{index}", instance


def _stored(instance: Mapping[str, Any], address: str) -> dict[str, Any]:
    attributes = dict(instance.get("attributes") or {})
    for path in instance.get("sensitive_attributes") or ():
        # The first step is enough: a list or a block with a secret in it is masked whole.
        name = path[0].get("value") if path else None
        if isinstance(name, str) and attributes.get(name) is not None:
            attributes[name] = MASK
    return dict(_shown(attributes, None, None, address))


def walk(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The resources of a module and of those in it, as a plan's `values` hold them."""
    yield from module.get("resources") or ()
    for child in module.get("child_modules") or ():
        yield from walk(child)


def _outputs(outputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: MASK if output.get("sensitive") else output.get("value") for name, output in outputs.items()}


def _variables(data: Mapping[str, Any]) -> dict[str, Any]:
    declared = ((data.get("configuration") or {}).get("root_module") or {}).get("variables") or {}
    given = {name: item.get("value") for name, item in (data.get("variables") or {}).items()}
    masked = {name: MASK for name, item in declared.items() if item.get("sensitive") and name in given}
    return {
        "variables": {**given, **masked},
        "defaults": {name: item.get("default") for name, item in declared.items()},
    }


def _shown(value: Any, unknown: Any, marks: Any, name: str) -> Any:
    """A value with what is sensitive masked and what is unknown pending, under Terraform's parallel structures of marks."""
    if unknown is True:
        return Pending(name)
    if marks is True:
        return None if value is None else MASK
    if isinstance(value, dict):
        return _shown_object(value, unknown, marks, name)
    if isinstance(value, str) and value.startswith("{"):
        return _decoded(value)
    if isinstance(value, list):
        return [_shown(item, _at(unknown, n), _at(marks, n), f"{name}.{n}") for n, item in enumerate(value)]
    return value


def _shown_object(value: Mapping[str, Any], unknown: Any, marks: Any, name: str) -> dict[str, Any]:
    hidden = {key for key, mark in unknown.items() if mark is True} if isinstance(unknown, dict) else set()
    found = {}
    for key in (*value, *(key for key in hidden if key not in value)):
        if key in SENSITIVE_ATTRIBUTES and isinstance(value.get(key), str):
            found[key] = MASK
        else:
            found[key] = _shown(value.get(key), _at(unknown, key), _at(marks, key), f"{name}.{key}")
    # Only an object that has something pending needs to look out for it.
    return Partial(found) if hidden else found


def _decoded(text: str) -> Any:
    try:
        return payload.load(text)
    except ValueError:
        return text


def _at(value: Any, key: str | int) -> Any:
    try:
        return value[key]
    except (KeyError, IndexError, TypeError):
        return None
