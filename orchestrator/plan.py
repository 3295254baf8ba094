"""A Terraform plan, from `terraform show -json PLANFILE`: what would change, and nothing that is secret.

Only what wealist decides or shows by is modelled; unknown keys are ignored, an unknown major format is refused.
Source: Terraform's "JSON Output Format" page.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from orchestrator import payload
from orchestrator.errors import OutputFormatError
from orchestrator.inventory import Inventory, walk
from orchestrator.provider_config import read_planned
from orchestrator.redaction import MASK, SENSITIVE_ATTRIBUTES, leaves

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from orchestrator.layer import Provider

FORMAT_MAJOR = "1"
# The top-level keys that plans of Terraform 1.11 to 1.15 were seen with (tests/data/plan-keys.json), and that are judged here or
# change nothing. Whatever else is in a plan is nothing that a guard could see.
KNOWN_KEYS = frozenset(
    {
        *("format_version", "terraform_version", "timestamp", "applyable", "complete", "errored"),
        *("variables", "configuration", "prior_state", "planned_values", "relevant_attributes", "checks"),
        *("resource_changes", "resource_drift", "output_changes"),
    }
)
# What Terraform 1.14 and newer does beside changing resources.
ACTIONS = ("action_invocations", "deferred_action_invocations")
UNKNOWN = "(known after apply)"
# What changes by itself, or by another resource of the same layer.
_MOVING = frozenset(
    {
        ("aws_db_instance", "latest_restorable_time"),
        ("aws_iam_role", "inline_policy"),
        ("aws_iam_role", "managed_policy_arns"),
        ("aws_rds_cluster", "latest_restorable_time"),
    }
)
_NOTHING: tuple[Any, ...] = (None, "", [], {})


class Action(StrEnum):
    """What a plan does to one resource or output."""

    NO_OP = "no-op"
    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    FORGET = "forget"

    @classmethod
    def from_json(cls, actions: Iterable[str]) -> Action:
        """Terraform writes a list: a replacement is a delete and a create, in either order."""
        names = [name for name in actions if name != "open"]
        if {"delete", "create"} <= set(names) or {"create", "forget"} <= set(names):
            return cls.REPLACE
        try:
            return cls(names[0]) if names else cls.NO_OP
        except ValueError:
            raise OutputFormatError(
                f"the plan holds an action that this wealist does not know: {names}",
                hint="upgrade wealist, or use an older Terraform",
            ) from None

    @property
    def is_change(self) -> bool:
        """Whether applying it does something to the world or the state (a data read does not)."""
        return self not in (Action.NO_OP, Action.READ)

    @property
    def is_destructive(self) -> bool:
        return self in (Action.DELETE, Action.REPLACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeChange:
    """One attribute of one resource, before and after, ready to be shown: secrets are already masked."""

    path: str
    before: Any
    after: Any
    forces_replacement: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ResourceChange:
    """What the plan does to one resource instance.

    Attributes:
        address: `module.db.aws_db_instance.this[0]`.
        before, after: Attribute values, in clear; never print them, print `attribute_changes`.
        import_id: The provider's id of what an `import` block takes over, or None.
        deposed: The key of the object that was replaced before and not destroyed then, where the change is about that one.
        is_forgotten: Whether an object stays in AWS and leaves the state, by a `removed` block or `destroy = false`.
        reason: Terraform's own word for why (`replace_because_cannot_update`), or empty.
    """

    address: str
    type: str
    name: str
    mode: str
    action: Action
    before: Any
    after: Any
    after_unknown: Any
    before_sensitive: Any
    after_sensitive: Any
    replace_paths: tuple[tuple[str | int, ...], ...] = ()
    previous_address: str | None = None
    import_id: str | None = None
    deposed: str | None = None
    is_forgotten: bool = False
    reason: str = ""

    @property
    def is_destroyed(self) -> bool:
        """Whether an object is destroyed by it, also to be replaced."""
        return self.action.is_destructive and not self.is_forgotten

    @property
    def is_shown(self) -> bool:
        """Whether there is anything to tell of it: a change, a new address, an import."""
        return self.action.is_change or self.previous_address is not None or self.import_id is not None

    def __repr__(self) -> str:
        return f"ResourceChange({self.action} {self.address})"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ResourceChange:
        change = data["change"]
        return cls(
            address=data["address"],
            type=data["type"],
            name=data["name"],
            mode=data["mode"],
            action=Action.from_json(change["actions"]),
            before=change.get("before"),
            after=change.get("after"),
            after_unknown=change.get("after_unknown"),
            before_sensitive=change.get("before_sensitive"),
            after_sensitive=change.get("after_sensitive"),
            replace_paths=tuple(tuple(path) for path in change.get("replace_paths") or ()),
            previous_address=data.get("previous_address"),
            import_id=_import_id(change.get("importing")),
            deposed=data.get("deposed"),
            is_forgotten="forget" in change["actions"],
            reason=data.get("action_reason") or "",
        )

    def attribute_changes(self) -> Iterator[AttributeChange]:
        """What differs, attribute by attribute, in the provider's order; sensitive values are the mask."""
        replacing = {_dotted(path) for path in self.replace_paths}
        for path, before, after in _differences(
            self.before, self.after, self.after_unknown, self.before_sensitive, self.after_sensitive
        ):
            name = _dotted(path)
            forces = any(name == r or name.startswith(f"{r}.") for r in replacing)
            yield AttributeChange(path=name, before=before, after=after, forces_replacement=forces)

    def drifted_attributes(self) -> Iterator[AttributeChange]:
        """The same without what only looks different: a provider reads back `{}` where the state has nothing."""
        return (
            a
            for a in self.attribute_changes()
            if not (a.before in _NOTHING and a.after in _NOTHING)
            and (self.type, a.path.partition(".")[0]) not in _MOVING
        )

    def secrets(self) -> Iterator[str]:
        """The sensitive texts and long numbers in it, for a redactor."""
        for value, marks in ((self.before, self.before_sensitive), (self.after, self.after_sensitive)):
            yield from _of_resource(value, marks)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputChange:
    """What the plan does to one output, before and after ready to be shown: secrets are already masked."""

    name: str
    action: Action
    is_sensitive: bool
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Plan:
    """A saved plan.

    Attributes:
        digest: `sha256:...` of the plan file, which is what ties a shown plan to an applied one.
        drift: What Terraform found changed in the world since the last apply.
        is_refresh_only: Whether it only asks the world, and changes nothing in it.
        prior: All that the layer has, as AWS tells it.
        planned: All that it will have, also what a plan with targets says nothing of.
        providers: Whose account it is made in: every provider configuration, those of modules too.
        unknown_keys: Top-level keys that hold something wealist does not know, with what can be told of it.
        is_complete: Whether applying it leaves nothing undone; a plan with targets is not complete.
        is_applicable: Whether Terraform would apply it.
        is_errored: Whether it was saved although planning failed.
    """

    digest: str
    terraform_version: str
    changes: tuple[ResourceChange, ...]
    outputs: tuple[OutputChange, ...]
    drift: tuple[ResourceChange, ...] = ()
    is_refresh_only: bool = False
    unknown_keys: Mapping[str, str] = field(default_factory=dict)
    is_complete: bool = True
    is_applicable: bool = True
    is_errored: bool = False
    prior: Inventory = field(default_factory=Inventory, compare=False)
    planned: Inventory = field(default_factory=Inventory, compare=False)
    providers: tuple[Provider, ...] = field(default=(), compare=False)
    secrets: frozenset[str] = field(default=frozenset(), compare=False)

    def __repr__(self) -> str:
        return f"Plan({self.digest}, {self.counts})"

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, digest: str, is_refresh_only: bool = False) -> Plan:
        """Read the output of `terraform show -json PLANFILE`.

        Raises:
            OutputFormatError: Another major format than 1, or a field of another shape.
        """
        version = str(data.get("format_version", "none"))
        if version.partition(".")[0] != FORMAT_MAJOR:
            raise OutputFormatError(
                f"Terraform wrote plan format {version}, and this wealist reads {FORMAT_MAJOR}.x",
                hint="upgrade wealist, or use an older Terraform",
            )
        try:
            changes = tuple(ResourceChange.from_json(item) for item in data.get("resource_changes") or ())
            drift = tuple(ResourceChange.from_json(item) for item in data.get("resource_drift") or ())
            outputs = data.get("output_changes") or {}
            return cls(
                digest=digest,
                terraform_version=str(data.get("terraform_version", "")),
                changes=tuple(c for c in changes if c.action is not Action.NO_OP or c.is_shown),
                outputs=tuple(_output_change(name, item) for name, item in outputs.items()),
                drift=tuple(c for c in drift if c.action is Action.DELETE or any(c.drifted_attributes())),
                is_refresh_only=is_refresh_only,
                unknown_keys={key: _summary(value) for key, value in data.items() if value and key not in KNOWN_KEYS},
                # What a Terraform before 1.8 does not say.
                is_complete=data.get("complete") is not False,
                is_applicable=data.get("applyable") is not False,
                is_errored=data.get("errored") is True,
                prior=Inventory.prior(data),
                planned=Inventory.planned(data),
                providers=tuple(read_planned(data)),
                secrets=frozenset(_plan_secrets(data, (*changes, *drift))),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise OutputFormatError(f"the plan is of an unexpected shape: {error!r}") from error

    @property
    def counts(self) -> dict[Action, int]:
        """How many resources each action touches, moved ones and data reads left out."""
        return dict(Counter(change.action for change in self.changes if change.action.is_change))

    @property
    def removed_outputs(self) -> tuple[str, ...]:
        return tuple(output.name for output in self.outputs if output.action is Action.DELETE)

    @property
    def has_changes(self) -> bool:
        return any(change.is_shown for change in self.changes) or any(
            output.action.is_change for output in self.outputs
        )


def _import_id(importing: Any) -> str | None:
    """What is imported, by id or by identity; an import whose id is not known yet still is one."""
    if importing is None:
        return None
    identity = importing.get("identity")
    by_identity = ", ".join(f"{key}={value}" for key, value in identity.items()) if isinstance(identity, dict) else ""
    return str(importing.get("id") or by_identity or UNKNOWN)


def _summary(value: Any) -> str:
    """What may be told of something unknown: how much it is, and the addresses in it."""
    if not isinstance(value, (list, dict)):
        return "a value"
    addresses = [str(item["address"]) for item in value if isinstance(item, dict) and "address" in item]
    return ", ".join(dict.fromkeys(addresses)) or f"{len(value)} {'entry' if len(value) == 1 else 'entries'}"


def _plan_secrets(data: Mapping[str, Any], changes: Iterable[ResourceChange]) -> Iterator[str]:
    for change in changes:
        yield from change.secrets()
    for output in (data.get("output_changes") or {}).values():
        for side in ("before", "after"):
            yield from _marked(output.get(side), output.get(f"{side}_sensitive"))
    # What was read while it was planned is no change, and stands nowhere else.
    for values in ((data.get("prior_state") or {}).get("values"), data.get("planned_values")):
        for item in walk((values or {}).get("root_module") or {}):
            yield from _of_resource(item.get("values"), item.get("sensitive_values"))
        for output in ((values or {}).get("outputs") or {}).values():
            yield from _marked(output.get("value"), output.get("sensitive"))
    root = (data.get("configuration") or {}).get("root_module") or {}
    given = {name: item.get("value") for name, item in (data.get("variables") or {}).items()}
    yield from _of_variables(root, given)


def _of_resource(value: Any, marks: Any) -> Iterator[str]:
    yield from _marked(value, marks)
    if isinstance(value, dict):
        for name in SENSITIVE_ATTRIBUTES & value.keys():
            yield from leaves(value[name])


def _of_variables(module: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    """The values of a module's sensitive variables, and of those of the modules that it calls, as far as they are literal."""
    for name, variable in (module.get("variables") or {}).items():
        if variable.get("sensitive"):
            yield from leaves([given.get(name), variable.get("default")])
    for call in (module.get("module_calls") or {}).values():
        expressions = call.get("expressions") or {}
        literal = {name: item.get("constant_value") for name, item in expressions.items() if isinstance(item, dict)}
        yield from _of_variables(call.get("module") or {}, literal)


def _output_change(name: str, data: Mapping[str, Any]) -> OutputChange:
    sensitive = data.get("after_sensitive") or data.get("before_sensitive")
    before = _masked(data.get("before"), data.get("before_sensitive"))
    after = UNKNOWN if data.get("after_unknown") is True else _masked(data.get("after"), data.get("after_sensitive"))
    action = Action.from_json(data["actions"])
    return OutputChange(name=name, action=action, is_sensitive=bool(sensitive), before=before, after=after)


def _marked(value: Any, marks: Any) -> Iterator[str]:
    """The texts and long numbers of a value under Terraform's parallel structure of `true` marks."""
    if marks is True:
        yield from leaves(value)
    elif isinstance(marks, dict) and isinstance(value, dict):
        for key, mark in marks.items():
            yield from _marked(value.get(key), mark)
    elif isinstance(marks, list) and isinstance(value, list):
        for item, mark in zip(value, marks, strict=False):
            yield from _marked(item, mark)


_Difference = tuple[tuple[str | int, ...], Any, Any]


def _differences(
    before: Any, after: Any, unknown: Any, before_marks: Any, after_marks: Any, path: tuple[str | int, ...] = ()
) -> Iterator[_Difference]:
    """Walk both sides down to what differs; a mapping or a list of equal length is walked into."""
    if before_marks is True or after_marks is True:
        if before != after or unknown is True:
            shown = UNKNOWN if unknown is True else None if after is None else MASK
            yield path, None if before is None else MASK, shown
        return
    if unknown is True:
        yield path, _masked(before, before_marks), UNKNOWN
        return
    before, after = _documents(before, after)
    if isinstance(before, dict) and isinstance(after, dict):
        keys: Iterable[str | int] = dict.fromkeys((*before, *after, *(unknown if isinstance(unknown, dict) else ())))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        keys = range(len(before))
    elif before is None and isinstance(after, dict) and not path:
        before, keys = {}, dict.fromkeys((*after, *(unknown if isinstance(unknown, dict) else ())))
    elif after is None and isinstance(before, dict) and not path:
        after, keys = {}, tuple(before)
    else:
        if before != after:
            yield path, _masked(before, before_marks), _masked(after, after_marks)
        return
    for key in keys:
        yield from _differences(
            _item(before, key),
            _item(after, key),
            _item(unknown, key),
            _item(before_marks, key),
            _item(after_marks, key),
            (*path, key),
        )


def _documents(before: Any, after: Any) -> tuple[Any, Any]:
    """Two texts that are both JSON documents, as a policy is, decoded: what differs in them is what matters."""
    if not (isinstance(before, str) and isinstance(after, str)):
        return before, after
    try:
        decoded = payload.load(before), payload.load(after)
    except ValueError:
        return before, after
    return decoded if all(isinstance(side, (dict, list)) for side in decoded) else (before, after)


def _masked(value: Any, marks: Any) -> Any:
    if marks is True:
        return None if value is None else MASK
    if isinstance(value, dict):
        return {key: _masked(item, _item(marks, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, _item(marks, index)) for index, item in enumerate(value)]
    return value


def _item(value: Any, key: str | int) -> Any:
    try:
        return value[key]
    except (KeyError, IndexError, TypeError):
        return None


def _dotted(path: Iterable[str | int]) -> str:
    return ".".join(map(str, path))
