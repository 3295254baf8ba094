"""The `provider` blocks of a layer, as Terraform puts them together, and the providers that its HCL requires.

A block may stand in the root module or in any module that is called by path, have an alias, and be changed by override
files: argument by argument, nested blocks type by type (Terraform, "Override Files"). Each comes back as one value for one
module and alias. What only Terraform can evaluate is left open, and so is a variable: it may be another on every run.

A provider is named by its source address, `registry.terraform.io/hashicorp/aws`, since a module may call it what it likes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from orchestrator import hcl
from orchestrator.layer import DEFAULT_HOST, Provider, Requirement
from orchestrator.provider_config import IDENTITY, ROLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from orchestrator.layer import Location
    from orchestrator.remote_state import Scope

BUILTIN = "terraform.io/builtin/terraform"
_ARN = re.compile(r'"(arn:[\w-]+:iam::\d{12}:)[^"\\]*"')
# The first label of these is a type, whose first part is the provider's local name.
_TYPED = ("resource", "data", "ephemeral", "list")
# These name what is no more, or what is to come; its provider is needed for that.
_MENTIONS = {"moved": ("from", "to"), "removed": ("from",), "import": ("to",)}


def read_providers(modules: Iterable[tuple[str, Scope]]) -> tuple[Provider, ...]:
    """Every provider configuration of a layer, of every type, overrides merged.

    Args:
        modules: The root module, under an empty address, and every module that is called by path, under its own.
    """
    return tuple(provider for address, scope in modules for provider in _of_module(address, scope))


def required_sources(files: Iterable[hcl.Block]) -> dict[str, str]:
    """What one module's `required_providers` say: by local name the source address."""
    found: dict[str, str] = {}
    for file in files:
        for setting in file.find("terraform"):
            for block in setting.find("required_providers"):
                for name, attribute in block.attributes.items():
                    given = attribute.value.get("source") if isinstance(attribute.value, dict) else None
                    # Before Terraform 0.13 a version stood there alone.
                    found[name] = source_address(given if isinstance(given, str) else name)
    return found


def required_providers(files: Sequence[hcl.Block]) -> Iterator[Requirement]:
    """Every provider that one module requires: by name, or since it has a block of it, a resource, or what was one."""
    sources = required_sources(files)
    for file in files:
        for setting in file.find("terraform"):
            for block in setting.find("required_providers"):
                for name, attribute in block.attributes.items():
                    yield Requirement(source=sources[name], location=attribute.location)
        for name, location in _local_names(file):
            yield Requirement(source=sources.get(name) or source_address(name), location=location)


def source_address(source: str) -> str:
    """A source in full: `aws` and `hashicorp/aws` are `registry.terraform.io/hashicorp/aws`."""
    parts = source.lower().split("/")
    if parts == ["terraform"]:
        return BUILTIN
    defaults = [DEFAULT_HOST, "hashicorp"]
    return "/".join([*defaults[: max(0, 3 - len(parts))], *parts])


def _of_module(address: str, scope: Scope) -> Iterator[Provider]:
    sources = required_sources(scope.files)
    merged: dict[tuple[str, str | None], tuple[dict[str, hcl.Attribute], tuple[hcl.Block, ...], Location]] = {}
    for file in scope.files:
        for block in file.find("provider"):
            if not block.labels:
                continue
            given = block.attributes.get("alias")
            key = block.labels[0], str(given.value) if given else None
            attributes, blocks, location = merged.get(key, ({}, (), block.location))
            replaced = {_type_of(inner) for inner in block.blocks}
            kept = (inner for inner in blocks if _type_of(inner) not in replaced)
            merged[key] = ({**attributes, **block.attributes}, (*kept, *block.blocks), location)
    for (name, alias), (attributes, blocks, location) in merged.items():
        source = sources.get(name) or source_address(name)
        yield _provider(source, address, alias, attributes, blocks, location, scope)


def _provider(
    source: str,
    module: str,
    alias: str | None,
    attributes: Mapping[str, hcl.Attribute],
    blocks: Sequence[hcl.Block],
    location: Location,
    scope: Scope,
) -> Provider:
    given = {name: attribute.location for name, attribute in attributes.items() if attribute.value is not None}
    given |= {_type_of(block): block.location for block in blocks}
    role = _role(attributes, blocks, scope)
    profile = scope.resolve(attributes["profile"].value) if "profile" in attributes else None
    return Provider(
        source=source,
        module=module,
        alias=alias,
        arguments={name: where for name, where in given.items() if name != "alias"},
        profile=profile.value if profile else None,
        endpoints=tuple(_endpoints(blocks, scope)),
        role_arn=role,
        elsewhere=None if role else next((name for name in IDENTITY if name in given), None),
        allowed_accounts=_accounts(attributes.get("allowed_account_ids"), scope),
        location=location,
    )


def _endpoints(blocks: Sequence[hcl.Block], scope: Scope) -> Iterator[str]:
    for block in blocks:
        if block.type == "endpoints":
            for attribute in block.attributes.values():
                if (url := scope.resolve(attribute.value)) is not None:
                    yield url.value


def _type_of(block: hcl.Block) -> str:
    return block.labels[0] if block.type == "dynamic" and block.labels else block.type


def _role(attributes: Mapping[str, hcl.Attribute], blocks: Sequence[hcl.Block], scope: Scope) -> str | None:
    """The role that the provider works as in the end, as far as it can be read: its account is what matters."""
    if any(name in attributes for name in ROLES):
        given = attributes["assume_role"].value if "assume_role" in attributes else None
        return _arn(given.get("role_arn"), scope) if isinstance(given, dict) else None
    for type_ in reversed(ROLES):
        found = [block for block in blocks if _type_of(block) == type_]
        if found:
            # Roles are assumed one after the other. How many a dynamic block makes is not known.
            arn = found[-1].attributes.get("role_arn")
            return _arn(arn.value, scope) if arn and all(block.type == type_ for block in found) else None
    return None


def _arn(value: Any, scope: Scope) -> str | None:
    known = _text(value, scope)
    if known is None and isinstance(value, hcl.Expression):
        literal = _ARN.fullmatch(value.text)
        return literal[0].strip('"') if literal else None
    return known or None


def _text(value: Any, scope: Scope) -> str | None:
    """A literal, a local that is one, or a text made of such."""
    text = scope.resolve(str(value) if isinstance(value, int) else value)
    return text.value if text and not text.variables else None


def _accounts(attribute: hcl.Attribute | None, scope: Scope) -> tuple[str, ...] | None:
    if attribute is None or not isinstance(attribute.value, list):
        return None
    found = [_text(item, scope) for item in attribute.value]
    return tuple(text for text in found if text) if all(found) else None


def _local_names(file: hcl.Block) -> Iterator[tuple[str, Location]]:
    """By what a module calls them: every provider that something in a file needs."""
    for block in file.blocks:
        if block.type == "provider" and block.labels:
            yield block.labels[0], block.location
        elif block.type in _TYPED and block.labels:
            chosen = block.attributes.get("provider")
            yield _first(chosen.text, ".") if chosen else _first(block.labels[0], "_"), block.location
        elif block.type == "check":
            for inner in block.find("data"):
                yield from ((_first(label, "_"), inner.location) for label in inner.labels[:1])
        for name in _MENTIONS.get(block.type, ()):
            # `module.a.aws_vpc.this`: the last part but one is the type, but for an instance's key.
            if name in block.attributes and (type_ := _type_at(block.attributes[name].text)):
                yield _first(type_, "_"), block.location


def _type_at(address: str) -> str | None:
    """The resource type in an address; None in that of a module."""
    parts = re.sub(r"\[[^\]]*\]", "", address).replace(" ", "").split(".")
    while parts[:1] == ["module"]:
        parts = parts[2:]
    return parts[0] if len(parts) > 1 else None


def _first(text: str, separator: str) -> str:
    return text.partition(separator)[0].strip().strip('"')
