"""`wealist.yaml`: what HCL can't say.

The file is optional in all its parts but one: `version: 1`. Unknown keys are errors, since a misspelt guard
that is silently ignored is worse than none. Every message names file, line and key, and offers the key that
was probably meant. Bucket, key, region, lock table and layer edges are never here: HCL is their source.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import msgspec
import yaml

from orchestrator.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FILENAME = "wealist.yaml"
DURATION = r"\d+(ms|s|m|h)"
# Words that `wealist secrets` has, or may come to have, a meaning for.
RESERVED_SECRET_NAMES = frozenset({"exec", "rotate", "list"})

DIAGNOSABLE = ("postgresql", "redis")

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


# What msgspec calls a kind of value, in words that a YAML file is read with.
_KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


class Fail(Protocol):
    """Raises the error for a key path: message, and what to do."""

    def __call__(self, key: tuple[str, ...], message: str, hint: str | None = None) -> NoReturn: ...


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping in the file in which every key is known."""


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


class LayersConfig(_Section, frozen=True):
    """Where layers live: glob patterns below the estate's root, and folders to pass over.

    A layer's id is its path below the fixed part of the pattern: with `terraform/*/*`,
    `terraform/prod/foundation` is `prod/foundation`.

    Attributes:
        external: `s3://bucket/key` of states that belong to others, and that layers here may read.
    """

    include: tuple[str, ...] = ("terraform/*/*",)
    exclude: tuple[str, ...] = ("terraform/modules/*",)
    external: tuple[str, ...] = ()


class GuardsConfig(_Section, frozen=True):
    """What a plan may not do without being told to.

    Attributes:
        stateful: Resource types that are not destroyed or replaced without `--allow-destroy ADDRESS`.
        deletion_protection: By layer: the values of its variables that lift the deletion protection of what is in it,
            for `wealist down --lift-deletion-protection`.
    """

    stateful: tuple[str, ...] = STATEFUL
    deletion_protection: dict[str, dict[str, str]] = {}


class SecretConfig(_Section, frozen=True):
    """A named secret: the layer's output that holds its ARN, and the JSON field that holds the value."""

    layer: str
    output: str
    field: str | None = None


class DiagnoseConfig(_Section, frozen=True):
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


class TerraformConfig(_Section, frozen=True):
    """How Terraform is run; each has a flag of the same name."""

    bin: str = "terraform"
    lock_timeout: str = "0s"
    parallelism: int = 10


class Config(_Section, frozen=True):
    """The whole file.

    Attributes:
        accounts: The one AWS account, 12 digits, that an environment's layers may touch.
        depends_on: By layer: layers that come before it, beside those whose state it reads.
        parallelism: Layers that are worked on at once; None is the number of cores, at most 4.
        interrupt_grace: Seconds that Terraform gets to stop after the first Ctrl-C.
    """

    version: int
    layers: LayersConfig = LayersConfig()
    accounts: dict[str, str] = {}
    depends_on: dict[str, tuple[str, ...]] = {}
    secrets: dict[str, SecretConfig] = {}
    diagnose: dict[str, DiagnoseConfig] = {}
    guards: GuardsConfig = GuardsConfig()
    terraform: TerraformConfig = TerraformConfig()
    parallelism: int | None = None
    interrupt_grace: float = 60.0

    @classmethod
    def load(cls, path: Path) -> Config:
        """Read and check a file.

        Raises:
            ConfigError: With `file:line: key: what is wrong`.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: can't be read: {error}") from error
        return cls.parse(text, path=path)

    @classmethod
    def parse(cls, text: str, *, path: Path = Path(FILENAME)) -> Config:
        try:
            node = yaml.compose(text, Loader=_Loader)
            data = yaml.load(text, Loader=_Loader)  # noqa: S506 - the safe loader, in C where there is one
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise ConfigError(f"{path}:{line}: this is not valid YAML: {error.problem}") from error
        except (yaml.YAMLError, ValueError) as error:
            raise ConfigError(f"{path}:1: this is not valid YAML: {error}") from error
        if not isinstance(data, dict):
            raise ConfigError(f"{path}:1: the file must be a mapping", hint="the smallest is: version: 1")
        lines: dict[tuple[str, ...], int] = {}
        for key, line in _lines(node):
            if key in lines:
                raise ConfigError(f"{path}:{line}: {'.'.join(key)}: stands here a second time", hint="keep one of them")
            lines[key] = line

        def fail(key: tuple[str, ...], message: str, hint: str | None = None) -> NoReturn:
            line = next((lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in lines), 1)
            raise ConfigError(f"{path}:{line}: {'.'.join(key)}: {message}", hint=hint)

        _check(data, cls, (), fail)
        config = msgspec.convert(data, cls)
        config.check_values(fail)
        return config

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
        for name, diagnose in self.diagnose.items():
            diagnose.check_values(name, self.secrets, fail)
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


def line_of(path: Path, key: tuple[str, ...]) -> int:
    """The line that a key of the file stands on, 1 where it is not there."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, yaml.YAMLError):
        return 1
    return dict(_lines(node)).get(key, 1)


def _lines(node: Any, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
    """Every key path of the document with the line of its key, 1-based."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            path = (*prefix, str(key.value))
            yield path, key.start_mark.line + 1
            yield from _lines(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            path = (*prefix, str(index))
            yield path, value.start_mark.line + 1
            yield from _lines(value, path)


def _check(data: Any, model: Any, key: tuple[str, ...], fail: Fail) -> None:
    """Walk file and model side by side, so that whatever is wrong is found at its own key and line."""
    if isinstance(model, type) and issubclass(model, msgspec.Struct):
        if not isinstance(data, dict):
            fail(key, "must be a mapping")
        fields = {field.encode_name: field for field in msgspec.structs.fields(model)}
        for name, value in data.items():
            if name not in fields:
                near = get_close_matches(str(name), fields, n=1)
                fail((*key, str(name)), "unknown key", f"did you mean {near[0]}?" if near else _known(fields))
            _check(value, fields[name].type, (*key, name), fail)
        for name, field in fields.items():
            if field.required and name not in data:
                fail((*key, name), "is required")
    elif getattr(model, "__origin__", None) is dict:
        if not isinstance(data, dict):
            fail(key, "must be a mapping")
        for name, value in data.items():
            if not isinstance(name, str):
                fail((*key, str(name)), "this key is not text", "put the key in quotes")
            _check(value, model.__args__[1], (*key, name), fail)
    else:
        try:
            msgspec.convert(data, model)
        except msgspec.ValidationError as error:
            message = re.sub(r"`(\w+)( \| null)?`", _kind, str(error).partition(" - at ")[0])
            quoted = isinstance(data, (int, float)) and _KINDS["str"] in message
            fail(key, message[:1].lower() + message[1:], "put the value in quotes" if quoted else None)


def _kind(match: re.Match[str]) -> str:
    return _KINDS.get(match[1], match[1])


def _known(names: Iterable[str]) -> str:
    return f"known here: {', '.join(sorted(names))}"
