"""Which states a module reads: bucket and key of every `terraform_remote_state` on S3, and what they were read from.

Nothing is evaluated. Where one is a local or a variable with a literal value, or a string made of such, it is followed, also
out of a module into the call of it; anything else is left open, for `graph` to complain of. What only a run could tell must
never be passed over: an edge that is missing in silence runs layers in the wrong order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from orchestrator import hcl, shell, tfvars
from orchestrator.errors import ConfigError
from orchestrator.layer import RemoteState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from orchestrator.hcl import Attribute, Block
    from orchestrator.layer import Location

TYPE = "terraform_remote_state"
# Runs are forced into it, see `tf.env`.
_WORKSPACE = "default"
# Source: "Backend Type: s3", workspace_key_prefix.
_WORKSPACE_KEY_PREFIX = "env:"


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is known, and the variables of the root module that it rests on, with the values they were read with."""

    value: str
    variables: Mapping[str, str] = field(default_factory=dict)


class Scope:
    """What the references in one module stand for.

    Args:
        folder: Of a root module: it may hold values for the module's variables.
        call: Of any other: the arguments that it is called with.
        outer: The scope that these are written in.
    """

    def __init__(
        self,
        files: Iterable[Block],
        *,
        folder: Path | None = None,
        call: Mapping[str, Attribute] | None = None,
        outer: Scope | None = None,
    ) -> None:
        self.files = tuple(files)
        self._folder = folder
        self._call = call or {}
        self.outer = outer

    def argument(self, name: str) -> Attribute | None:
        """What the module is called with for a variable."""
        return self._call.get(name)

    def resolve(self, value: Any) -> Text | None:
        """A text that is literal, or made of references that are known; None for any other."""
        if not isinstance(value, hcl.Expression):
            return Text(value) if isinstance(value, str) else None
        template = re.fullmatch(r'"([^"\\]*)"', value.text)
        if template is None:
            return self._reference(value.text)
        used: dict[str, str] = {}

        def fill(match: re.Match[str]) -> str:
            known = self._reference(match[1])
            used.update(known.variables if known else {})
            return known.value if known else match[0]

        text = re.sub(r"\$\{\s*([\w.-]+)\s*\}", fill, template[1])
        return None if "${" in text or "%{" in text else Text(text, used)

    def _reference(self, text: str) -> Text | None:
        root, _, name = text.partition(".")
        if text == "terraform.workspace":
            return Text(_WORKSPACE)
        if root == "local":
            value = self._locals.get(name)
            return Text(value) if isinstance(value, str) else None
        return self._variable(name) if root == "var" else None

    def _variable(self, name: str) -> Text | None:
        if self.outer is not None and name in self._call:
            return self.outer.resolve(self._call[name].value)
        value = self._assigned.get(name, self._defaults.get(name))
        if not isinstance(value, str):
            return None
        return Text(value, {name: value} if self.outer is None else {})

    @cached_property
    def _locals(self) -> dict[str, Any]:
        blocks = (block for file in self.files for block in file.find("locals"))
        return {name: attribute.value for block in blocks for name, attribute in block.attributes.items()}

    @cached_property
    def _defaults(self) -> dict[str, Any]:
        declared = merged(self.files, "variable")
        return {name: given["default"].value for (name,), (given, _) in declared.items() if "default" in given}

    @cached_property
    def _assigned(self) -> dict[str, Any]:
        """The values of files that Terraform reads by itself."""
        if self._folder is None:
            return {}
        return {
            name: value for path in tfvars.automatic(self._folder) for name, value in tfvars.read_values(path).items()
        }


def merged(
    files: Iterable[Block], type_: str, *labels: str
) -> dict[tuple[str, ...], tuple[dict[str, Attribute], Location]]:
    """Blocks by the rest of their labels, with where they stand; override files come last and win, argument by argument."""
    found: dict[tuple[str, ...], tuple[dict[str, Attribute], Location]] = {}
    for file in files:
        for block in file.find(type_, *labels):
            check_labels(block, len(labels) + 1)
            given, location = found.get(block.labels[len(labels) :], ({}, block.location))
            found[block.labels[len(labels) :]] = ({**given, **block.attributes}, location)
    return found


def check_labels(block: Block, count: int) -> None:
    """Refuse a block that Terraform would refuse, before its name is asked for."""
    if len(block.labels) != count:
        raise ConfigError(
            f"{block.location}: a {block.type} block has {count} label{'s' if count > 1 else ''}, not {len(block.labels)}",
            hint=shell.command("terraform", f"-chdir={block.location.path.parent}", "validate"),
        )


def remote_states(scope: Scope) -> Iterator[RemoteState]:
    """The remote states on S3 of one module, as it is called here."""
    for (name,), (given, location) in merged(scope.files, "data", TYPE).items():
        kind = scope.resolve(given["backend"].value) if "backend" in given else None
        if kind is not None and kind.value != "s3":
            continue
        config = given["config"].value if "config" in given else None
        settings = config if isinstance(config, dict) else {}
        bucket = scope.resolve(settings.get("bucket"))
        key = _key(scope, settings, given.get("workspace"))
        profile = scope.resolve(settings.get("profile"))
        texts = [text for text in (kind, bucket, key) if text is not None]
        used = {name: value for text in texts for name, value in text.variables.items()}
        yield RemoteState(
            name=name,
            bucket=bucket.value if kind and bucket else None,
            key=key.value if kind and key else None,
            variables=used if len(texts) == 3 else {},
            arguments=_arguments(config),
            profile=profile.value if profile else None,
            location=location,
        )


def _arguments(config: Any) -> tuple[str, ...] | None:
    if isinstance(config, hcl.Expression):
        return None
    return tuple(name for name, value in config.items() if value is not None) if isinstance(config, dict) else ()


def _key(scope: Scope, settings: Mapping[str, Any], workspace: Attribute | None) -> Text | None:
    """The key of the object: that of any workspace but the default one has a prefix, and the workspace's name."""
    key = scope.resolve(settings.get("key"))
    if workspace is None or workspace.value is None:
        return key
    prefix = scope.resolve(settings.get("workspace_key_prefix", _WORKSPACE_KEY_PREFIX))
    name = scope.resolve(workspace.value)
    if key is None or name is None or prefix is None:
        return None
    parts: Sequence[Text] = (key,) if name.value == _WORKSPACE else (prefix, name, key)
    used = {name: value for part in (*parts, name) for name, value in part.variables.items()}
    return Text("/".join(part.value for part in parts), used)
