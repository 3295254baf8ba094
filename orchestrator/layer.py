"""A layer: one Terraform root module with an S3 backend, and what wealist reads from its HCL.

Everything here is a value. HCL is the source of truth, so there is no field that a person fills in by hand;
`discovery` fills them all, and keeps the file and line of each for messages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_HOST = "registry.terraform.io"
AWS = f"{DEFAULT_HOST}/hashicorp/aws"

CONTRACT_FILE = "contract.yaml"
"""Beside a layer's HCL: what has to hold of what it makes."""


@dataclass(frozen=True, slots=True)
class Location:
    """A line in a file, printed as `file:line`."""

    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The `backend "s3"` block.

    Attributes:
        dynamodb_table: The lock table, or None where the block names none.
        use_lockfile: Whether Terraform also (or only) locks with a `.tflock` object beside the state.
        encrypt: Whether state is written with server-side encryption asked for.
        kms_key_id: The key it is encrypted with; None means the bucket's default.
        profile: A profile of the AWS configuration, where the block names one.
        role_arn: The role that the backend assumes, where the block names one.
        role_arguments: How it is assumed: the other arguments of sts:AssumeRole by its names for them. Lists are tuples,
            and tags pairs.
        acl: The canned ACL that state and lock object are written with.
        workspace_key_prefix: Below which the states of other workspaces than `default` are kept, where the block says so.
    """

    bucket: str
    key: str
    region: str
    dynamodb_table: str | None = None
    use_lockfile: bool = False
    encrypt: bool = False
    kms_key_id: str | None = None
    profile: str | None = None
    role_arn: str | None = None
    role_arguments: tuple[tuple[str, Any], ...] = ()
    acl: str | None = None
    workspace_key_prefix: str | None = None
    location: Location = field(compare=False)

    @property
    def identity(self) -> tuple[Any, ...]:
        """What backends share that are read by the same identity."""
        return (self.profile, self.role_arn, self.role_arguments)

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def lock_id(self) -> str:
        """The `LockID` that Terraform uses in the table for this state."""
        return f"{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """That a provider is required, by its source address."""

    source: str
    location: Location = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One configuration of a provider: that of one module, under one alias, with override files merged into it.

    Attributes:
        source: `registry.terraform.io/hashicorp/aws`.
        module: The address of the module that it stands in, `module.dns`; empty in the root module.
        arguments: Every argument and nested block that has a value, with where; but for `alias`.
        profile: The profile that it works with, as far as it can be read; a variable may have another value on the next run.
        endpoints: Of services, in place of AWS's own, as far as they can be read.
        role_arn: The role that it works as in the end, or None where it assumes none, or one that can't be read.
        elsewhere: The argument that makes it another identity than the shell's in a way that can't be read.
        allowed_accounts: The only accounts that it works in; None where it does not say, or not in a way that can be read.
        location: None where it is known from a plan.
    """

    source: str = AWS
    module: str = ""
    alias: str | None = None
    arguments: Mapping[str, Location] = field(default_factory=dict, hash=False, compare=False)
    profile: str | None = field(default=None, compare=False)
    endpoints: tuple[str, ...] = field(default=(), compare=False)
    role_arn: str | None = None
    elsewhere: str | None = None
    allowed_accounts: tuple[str, ...] | None = None
    location: Location | None = field(compare=False)

    @property
    def account(self) -> str | None:
        """The account of the role that it assumes."""
        parts = (self.role_arn or "").split(":")
        return parts[4] if len(parts) > 5 and parts[4].isdigit() else None

    @property
    def key(self) -> tuple[str, str, str | None]:
        """What tells it from the others of its layer."""
        return (self.source, self.module, self.alias)

    @property
    def place(self) -> str:
        """Where it stands, for messages: file and line, or the module whose files were not read."""
        if self.location is not None:
            return str(self.location)
        return f"{self.module or 'the root module'}{f', alias {self.alias}' if self.alias else ''}"

    @property
    def is_aws(self) -> bool:
        """Whether what it makes is made in an AWS account."""
        return self.source.rpartition("/")[2] in ("aws", "awscc")

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing: in a module it then only stands for the one that the module is given."""
        return not (self.arguments or self.role_arn or self.elsewhere or self.allowed_accounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """An input variable.

    Attributes:
        type: Its type expression as written, or None where there is none.
        is_sensitive: Whether it is marked so, or as ephemeral, or handed to such a variable of a module that is called by path.
    """

    name: str
    type: str | None
    is_sensitive: bool
    location: Location = field(compare=False)

    @property
    def is_primitive(self) -> bool:
        """Whether Terraform takes a value from the command line literally, not as an expression."""
        return self.type in (None, "string", "number", "bool")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteState:
    """A `terraform_remote_state` data source on S3: the edge to the layer that owns that bucket and key.

    Attributes:
        bucket, key: None where the HCL does not say it in a way that can be read without evaluating it.
        variables: Variables of the root module that both were read through, and the value that each has here. With another
            one Terraform would read another state than the one that the order of layers rests on.
        arguments: What its `config` says anything of; None where that is made of other values.
        profile: The profile that it is read with, as far as it can be read.
    """

    name: str
    bucket: str | None
    key: str | None
    variables: Mapping[str, str] = field(default_factory=dict, hash=False)
    arguments: tuple[str, ...] | None = ()
    profile: str | None = field(default=None, compare=False)
    location: Location = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRead:
    """One place in the HCL that reads an output of another layer.

    Attributes:
        state: The name of the `terraform_remote_state` that it is read through.
        is_optional: Whether the HCL copes with the output not being there: `try()`, `can()`, `defaults`.
    """

    state: str
    output: str
    is_optional: bool = False
    location: Location = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One root module.

    Attributes:
        id: `prod/foundation`: the path below the folder that holds all layers.
        path: The folder with its `.tf` files.
        outputs: The outputs that it declares, by name, with where.
        blocks: What it declares: `aws_vpc.this`, `data.aws_region.this`, `module.vpc`.
        remote_states, reads: What it takes from other layers, in its own files and in those of its local modules.
        required_version: The version constraint on Terraform, all such constraints joined, or None.
        init_inputs: The source text of every block that decides what `terraform init` does: backend,
            required providers, module calls, here and in local modules.
        local_modules: The folders of the modules that it calls by path, directly or not.
        providers: Every `provider` block, those of modules that are called by path too.
        requirements: Every provider that these modules require.
        remote_modules: Addresses of the modules that are called from elsewhere, whose providers are only known after an init.
        sensitive_literals: What the HCL itself gives to sensitive variables, here and in local modules: plain data, or an
            expression's source.
    """

    id: str
    path: Path
    backend: Backend
    variables: dict[str, Variable]
    outputs: dict[str, Location]
    blocks: frozenset[str] = field(repr=False)
    remote_states: tuple[RemoteState, ...]
    reads: tuple[OutputRead, ...]
    required_version: str | None
    init_inputs: tuple[str, ...] = field(repr=False)
    local_modules: tuple[Path, ...] = field(repr=False)
    providers: tuple[Provider, ...] = ()
    requirements: tuple[Requirement, ...] = field(default=(), repr=False)
    remote_modules: tuple[str, ...] = ()
    sensitive_literals: tuple[Any, ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        """The short name: the id's last part."""
        return self.id.rpartition("/")[2]

    @property
    def environment(self) -> str:
        """`prod` in `prod/foundation`; empty for a layer that has none."""
        return self.id.rpartition("/")[0]
