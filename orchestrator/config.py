"""`wealist.yaml`: what HCL can't say.

The file is optional in all its parts but one: `version: 1`. Unknown keys are errors, since a misspelt guard
that is silently ignored is worse than none. Every message names file, line and key, and offers the key that
was probably meant. Bucket, key, region, lock table and layer edges are never here: HCL is their source.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from orchestrator import document
from orchestrator.document import Section
from orchestrator.duration import NOTHING, WAY_TO_WRITE, Span
from orchestrator.estimate import Component, Guide

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from orchestrator.document import Fail

_T = TypeVar("_T")
FILENAME = "wealist.yaml"
DURATION = r"\d+(ms|s|m|h)"
# Words that `wealist secrets` has, or may come to have, a meaning for.
RESERVED_SECRET_NAMES = frozenset({"exec", "rotate", "list"})
_ACCOUNT = r"\d{12}"
_SMALLEST = "version: 1"
DIAGNOSABLE = ("postgresql", "redis")

# The resource type whose secret wealist can rotate.
ROTATABLE = "aws_elasticache_replication_group"
REPLACEABLE = "aws_secretsmanager_secret_version"


class LayersConfig(Section, frozen=True):
    """Where layers live: glob patterns below the estate's root, and folders to pass over.

    A layer's id is its path below the fixed part of the pattern: with `terraform/*/*`,
    `terraform/prod/foundation` is `prod/foundation`.

    Attributes:
        external: `s3://bucket/key` of states that belong to others, and that layers here may read.
        settings: By layer, id or short name: where a rule does not fit it.
    """

    include: tuple[str, ...] = ("terraform/*/*",)
    exclude: tuple[str, ...] = ("terraform/modules/*",)
    external: tuple[str, ...] = ()
    settings: dict[str, LayerSettings] = msgspec.field(default_factory=dict)


class LayerSettings(Section, frozen=True):
    """Where a rule that holds for all layers does not fit one.

    Attributes:
        accounts: Other AWS accounts than the pinned one that its providers may work in by a role of their own.
        accounts_unknown: `allow` lets a run that nobody confirms at a prompt go on where it can't be told whether every
            provider of the layer works in the account that it is pinned to.
        state_providers: Source addresses of providers that its state may name, though its HCL does not require them.
        workspace: `default` says that the layer's state is that of the default workspace, whatever else there is.
    """

    accounts: tuple[str, ...] = ()
    accounts_unknown: str | None = None
    state_providers: tuple[str, ...] = ()
    workspace: str | None = None

    def check_values(self, name: str, fail: Fail) -> None:
        """What a type can't say of a value."""
        for account in self.accounts:
            if not re.fullmatch(_ACCOUNT, account):
                key = ("layers", "settings", name, "accounts")
                fail(key, f"{account!r} is not an AWS account id (12 digits)")
        if self.accounts_unknown not in (None, "allow"):
            key = ("layers", "settings", name, "accounts_unknown")
            fail(key, f"there is no {self.accounts_unknown!r} here", "write allow, or leave it out")
        for source in self.state_providers:
            if not re.fullmatch(r"(?:[\w.-]+(?::\d+)?/)?[\w-]+/[\w-]+", source):
                key = ("layers", "settings", name, "state_providers")
                fail(key, f"{source!r} is no provider's source", "write it as hashicorp/random or HOST/NAMESPACE/TYPE")
        if self.workspace not in (None, "default"):
            key = ("layers", "settings", name, "workspace")
            fail(key, f"wealist does not work in workspace {self.workspace!r}", "write default, or leave it out")


class GuardsConfig(Section, frozen=True):
    """What a plan may not do without being told to.

    Attributes:
        stateful: Resource types that are not destroyed, replaced or forgotten without being allowed by address, beside those
            of the guards' own table (`guard_table`).
        deletion_protection: By layer: the values of its variables that lift the deletion protection of what is in it,
            for `wealist down --lift-deletion-protection`.
    """

    stateful: tuple[str, ...] = ()
    deletion_protection: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)

    @property
    def stateful_types(self) -> frozenset[str]:
        """All resource types that are guarded."""
        from orchestrator.guard_table import STATEFUL_TYPES

        return STATEFUL_TYPES.union(self.stateful)


class RotationConfig(Section, frozen=True):
    """How a secret gets another value: by wealist, in two steps, or by somebody else.

    Attributes:
        replace: The address of the secret's version, an `aws_secretsmanager_secret_version` in the secret's layer;
            replacing it makes a new value.
        target: The address of what takes the value: an `aws_elasticache_replication_group`, as its `auth_token`.
        managed_by: Who rotates it, where that is not wealist: `RDS`.
    """

    replace: str | None = None
    target: str | None = None
    managed_by: str | None = None


class SecretConfig(Section, frozen=True):
    """A named secret: the layer's output that holds its ARN, and the JSON field that holds the value."""

    layer: str
    output: str
    field: str | None = None
    rotation: RotationConfig = RotationConfig()


class DiagnoseConfig(Section, frozen=True):
    """What `wealist diagnose NAME` follows: a database of a layer, hop by hop.

    Attributes:
        kind: One of `DIAGNOSABLE`.
        identifier: The layer's output that holds the instance's identifier or the replication group's id.
        private_subnets: The output that holds the ids of the subnets that must reach it.
        secret: A name in `secrets`: the password or the token.
        user: The output that holds the user's name. Without one Redis takes the token alone.
        database: The output that holds the name of the database.
    """

    kind: str
    layer: str
    identifier: str
    private_subnets: str
    secret: str
    user: str | None = None
    database: str | None = None

    def check_values(self, name: str, secrets: Iterable[str], fail: Fail) -> None:
        """What a type can't say of a value."""
        key = ("diagnose", name)
        if self.kind not in DIAGNOSABLE:
            fail((*key, "kind"), f"there is no kind {self.kind!r}", f"known here: {', '.join(DIAGNOSABLE)}")
        if self.secret not in secrets:
            near = get_close_matches(self.secret, secrets, n=1)
            hint = f"did you mean {near[0]}?" if near else "declare it under `secrets`"
            fail((*key, "secret"), f"there is no secret {self.secret!r}", hint)
        if self.kind == "postgresql":
            for field in ("user", "database"):
                if getattr(self, field) is None:
                    fail((*key, field), "is required for postgresql", "name the layer's output that holds it")
        elif self.database is not None:
            fail((*key, "database"), "means nothing for redis", "leave it out")


class ComponentConfig(Section, frozen=True):
    """What takes its time in a layer.

    Attributes:
        match: Patterns for addresses, with `*` and `?`: of the resources that the time is spent on.
        takes: `2m`, or `8m-12m`.
        after: Components of the same layer that are made first.
    """

    match: str | tuple[str, ...]
    takes: str
    after: tuple[str, ...] = ()


class DurationsConfig(Section, frozen=True):
    """How long things take in a layer the first time; what was measured wins over it.

    Attributes:
        plan, apply: The whole of each: `2m`, or `15m-20m`.
    """

    plan: str | None = None
    apply: str | None = None
    components: dict[str, ComponentConfig] = msgspec.field(default_factory=dict)


class TerraformConfig(Section, frozen=True):
    """How Terraform is run; each has a flag of the same name.

    Attributes:
        bin: A name to be found on PATH, or an absolute path; a relative one is taken from the command line alone.
    """

    bin: str = "terraform"
    lock_timeout: str = "0s"
    parallelism: int = 10


class Config(Section, frozen=True):
    """The whole file.

    Attributes:
        accounts: The one AWS account, 12 digits, that an environment's layers may touch.
        prices: The price book, relative to this file; None is `prices.yaml`, where there is one.
        depends_on: By layer: layers that come before it, beside those whose state it reads.
        durations: By layer: how long things take there the first time.
        parallelism: Layers that are worked on at once; None is the number of cores, at most 4.
        interrupt_grace: Seconds that Terraform gets to stop after the first Ctrl-C.
    """

    version: int
    layers: LayersConfig = LayersConfig()
    accounts: dict[str, str] = msgspec.field(default_factory=dict)
    depends_on: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    secrets: dict[str, SecretConfig] = msgspec.field(default_factory=dict)
    diagnose: dict[str, DiagnoseConfig] = msgspec.field(default_factory=dict)
    guards: GuardsConfig = GuardsConfig()
    durations: dict[str, DurationsConfig] = msgspec.field(default_factory=dict)
    terraform: TerraformConfig = TerraformConfig()
    prices: str | None = None
    parallelism: int | None = None
    interrupt_grace: float = 60.0

    @classmethod
    def load(cls, path: Path) -> Config:
        """Read and check a file.

        Raises:
            ConfigError: With `file:line: key: what is wrong`.
        """
        return document.load(path, cls, smallest=_SMALLEST)

    @classmethod
    def parse(cls, text: str, *, path: Path = Path(FILENAME)) -> Config:
        return document.parse(text, cls, path=path, smallest=_SMALLEST)

    def guide(self, layer_id: str) -> Guide | None:
        """What `durations` says of a layer, which may stand there by its id or its short name."""
        said = _of_layer(self.durations, layer_id)
        if said is None:
            return None
        return Guide(
            plan=Span.parse(said.plan) if said.plan else None,
            apply=Span.parse(said.apply) if said.apply else None,
            components=tuple(
                Component(
                    name=name,
                    match=(component.match,) if isinstance(component.match, str) else component.match,
                    takes=Span.parse(component.takes) or NOTHING,
                    after=component.after,
                )
                for name, component in said.components.items()
            ),
        )

    def settings(self, layer_id: str) -> LayerSettings:
        """What `layers.settings` says of a layer."""
        return _of_layer(self.layers.settings, layer_id) or LayerSettings()

    def check_values(self, fail: Fail) -> None:
        """What a type can't say of a value."""
        if self.version != 1:
            fail(("version",), f"this wealist reads version 1, not {self.version}")
        for environment, account in self.accounts.items():
            if not re.fullmatch(_ACCOUNT, account):
                fail(("accounts", environment), f"{account!r} is not an AWS account id (12 digits)")
        for name, secret in self.secrets.items():
            if name in RESERVED_SECRET_NAMES:
                fail(("secrets", name), "the name is reserved for `wealist secrets` itself; choose another")
            _check_rotation(secret.rotation, ("secrets", name, "rotation"), fail)
        for name, diagnose in self.diagnose.items():
            diagnose.check_values(name, self.secrets, fail)
        if not self.terraform.bin or ("/" in self.terraform.bin and not self.terraform.bin.startswith("/")):
            fail(
                ("terraform", "bin"),
                f"{self.terraform.bin!r} is neither a name nor an absolute path: a project does not bring the program along "
                "that it is run with",
                "leave it out, and pass --terraform-bin on the command line",
            )
        if not re.fullmatch(DURATION, self.terraform.lock_timeout):
            fail(("terraform", "lock_timeout"), f"{self.terraform.lock_timeout!r} is no duration; write 30s or 5m")
        if self.terraform.parallelism < 1:
            fail(("terraform", "parallelism"), "must be at least 1")
        if self.parallelism is not None and self.parallelism < 1:
            fail(("parallelism",), "must be at least 1")
        for url in self.layers.external:
            if not re.fullmatch(r"s3://[^/]+/.+", url):
                fail(("layers", "external"), f"{url!r} is no state", "write it as s3://bucket/key")
        for layer, settings in self.layers.settings.items():
            settings.check_values(layer, fail)
        for layer, said in self.durations.items():
            _check_durations(("durations", layer), said, fail)
        if not self.interrupt_grace > 0:  # a comparison that is also false of not-a-number
            fail(("interrupt_grace",), "must be a number of seconds above 0")


def _of_layer(said: Mapping[str, _T], layer_id: str) -> _T | None:
    """What is said of a layer, which may stand there by its id or its short name."""
    names = (name for name in said if layer_id.endswith(f"/{name}"))
    name = layer_id if layer_id in said else next(names, None)
    return None if name is None else said[name]


def _check_rotation(rotation: RotationConfig, key: tuple[str, ...], fail: Fail) -> None:
    if rotation.managed_by is not None and (rotation.replace or rotation.target):
        fail((*key, "managed_by"), "is for a secret that wealist does not rotate", "keep it, or `replace` and `target`")
    if bool(rotation.replace) != bool(rotation.target):
        missing = "target" if rotation.replace else "replace"
        fail((*key, missing), "is required", "`replace` is the secret's version, `target` what takes its value")
    if rotation.replace and REPLACEABLE not in rotation.replace.split("."):
        fail((*key, "replace"), f"{rotation.replace} is no version of a secret", f"name an {REPLACEABLE}")
    if rotation.target and ROTATABLE not in rotation.target.split("."):
        fail(
            (*key, "target"), f"{rotation.target} can't be rotated", f"wealist rotates the AUTH token of an {ROTATABLE}"
        )


def _check_durations(key: tuple[str, ...], said: DurationsConfig, fail: Fail) -> None:
    written: dict[tuple[str, ...], str | None] = {("plan",): said.plan, ("apply",): said.apply}
    written |= {("components", name, "takes"): component.takes for name, component in said.components.items()}
    for path, text in written.items():
        if text is not None and Span.parse(text) is None:
            fail((*key, *path), f"{text!r} is no duration", WAY_TO_WRITE)
    for name, component in said.components.items():
        if not component.match:
            fail((*key, "components", name, "match"), "is empty", "write the addresses that take the time")
        for other in component.after:
            if other not in said.components:
                near = get_close_matches(other, said.components, n=1)
                hint = f"did you mean {near[0]}?" if near else f"components here: {', '.join(said.components)}"
                fail((*key, "components", name, "after"), f"there is no component {other!r}", hint)
    try:
        TopologicalSorter({name: component.after for name, component in said.components.items()}).prepare()
    except CycleError as error:
        circle: list[str] = list(reversed(error.args[1]))
        fail(
            (*key, "components", circle[0], "after"),
            f"components come after each other in a circle: {' -> '.join(circle)}",
            "take one of these out",
        )
