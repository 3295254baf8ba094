"""`wealist.yaml`: what HCL can't say.

The file is optional in all its parts but one: `version: 1`. Unknown keys are errors, since a misspelt guard
that is silently ignored is worse than none. Every message names file, line and key, and offers the key that
was probably meant. Bucket, key, region, lock table and layer edges are never here: HCL is their source.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from orchestrator import document
from orchestrator.document import Section

if TYPE_CHECKING:
    from orchestrator.document import Fail

FILENAME = "wealist.yaml"
DURATION = r"\d+(ms|s|m|h)"
# Words that `wealist secrets` has, or may come to have, a meaning for.
RESERVED_SECRET_NAMES = frozenset({"exec", "rotate", "list"})
_SMALLEST = "version: 1"

# What holds data that can't be made again, or a network that everything stands in.
STATEFUL = (
    "aws_db_instance",
    "aws_docdb_cluster",
    "aws_dynamodb_table",
    "aws_ecr_repository",
    "aws_efs_file_system",
    "aws_eks_cluster",
    "aws_elasticache_cluster",
    "aws_elasticache_replication_group",
    "aws_kms_key",
    "aws_opensearch_domain",
    "aws_rds_cluster",
    "aws_s3_bucket",
    "aws_vpc",
)


class LayersConfig(Section, frozen=True):
    """Where layers live: glob patterns below the estate's root, and folders to pass over.

    A layer's id is its path below the fixed part of the pattern: with `terraform/*/*`,
    `terraform/prod/foundation` is `prod/foundation`.

    Attributes:
        external: `s3://bucket/key` of states that belong to others, and that layers here may read.
    """

    include: tuple[str, ...] = ("terraform/*/*",)
    exclude: tuple[str, ...] = ("terraform/modules/*",)
    external: tuple[str, ...] = ()


class GuardsConfig(Section, frozen=True):
    """What a plan may not do without being told to.

    Attributes:
        stateful: Resource types that are not destroyed or replaced without `--allow-destroy ADDRESS`.
        deletion_protection: By layer: the values of its variables that lift the deletion protection of what is in it,
            for `wealist down --lift-deletion-protection`.
    """

    stateful: tuple[str, ...] = STATEFUL
    deletion_protection: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)


class SecretConfig(Section, frozen=True):
    """A named secret: the layer's output that holds its ARN, and the JSON field that holds the value."""

    layer: str
    output: str
    field: str | None = None


class TerraformConfig(Section, frozen=True):
    """How Terraform is run; each has a flag of the same name."""

    bin: str = "terraform"
    lock_timeout: str = "0s"
    parallelism: int = 10


class Config(Section, frozen=True):
    """The whole file.

    Attributes:
        accounts: The one AWS account, 12 digits, that an environment's layers may touch.
        prices: The price book, relative to this file; None is `prices.yaml`, where there is one.
        depends_on: By layer: layers that come before it, beside those whose state it reads.
        parallelism: Layers that are worked on at once; None is the number of cores, at most 4.
        interrupt_grace: Seconds that Terraform gets to stop after the first Ctrl-C.
    """

    version: int
    layers: LayersConfig = LayersConfig()
    accounts: dict[str, str] = msgspec.field(default_factory=dict)
    depends_on: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    secrets: dict[str, SecretConfig] = msgspec.field(default_factory=dict)
    guards: GuardsConfig = GuardsConfig()
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

    def check_values(self, fail: Fail) -> None:
        """What a type can't say of a value."""
        if self.version != 1:
            fail(("version",), f"this wealist reads version 1, not {self.version}")
        for environment, account in self.accounts.items():
            if not re.fullmatch(r"\d{12}", account):
                fail(("accounts", environment), f"{account!r} is not an AWS account id (12 digits)")
        for name in self.secrets:
            if name in RESERVED_SECRET_NAMES:
                fail(("secrets", name), "the name is reserved for `wealist secrets` itself; choose another")
        if not re.fullmatch(DURATION, self.terraform.lock_timeout):
            fail(("terraform", "lock_timeout"), f"{self.terraform.lock_timeout!r} is no duration; write 30s or 5m")
        if self.terraform.parallelism < 1:
            fail(("terraform", "parallelism"), "must be at least 1")
        if self.parallelism is not None and self.parallelism < 1:
            fail(("parallelism",), "must be at least 1")
        for url in self.layers.external:
            if not re.fullmatch(r"s3://[^/]+/.+", url):
                fail(("layers", "external"), f"{url!r} is no state", "write it as s3://bucket/key")
        if not self.interrupt_grace > 0:  # a comparison that is also false of not-a-number
            fail(("interrupt_grace",), "must be a number of seconds above 0")
