"""Where a layer keeps its state: the block `backend "s3"`.

wealist reads and writes the same state as Terraform, and must be the same identity for it. So every argument of the backend
is either honoured, or changes nothing that wealist does, or is refused with its line: one that is passed over in silence
would make the two look at different things.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from orchestrator import hcl
from orchestrator.errors import ConfigError
from orchestrator.layer import Backend

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# An argument of `assume_role`, what the block called it before that, and what sts:AssumeRole calls it.
# Source: Terraform 1.11, "Backend Type: s3", Assume Role Configuration.
_ROLE = (
    ("external_id", "external_id", "ExternalId"),
    ("session_name", "session_name", "RoleSessionName"),
    ("duration", "assume_role_duration_seconds", "DurationSeconds"),
    ("policy", "assume_role_policy", "Policy"),
    ("policy_arns", "assume_role_policy_arns", "PolicyArns"),
    ("source_identity", None, "SourceIdentity"),
    ("tags", "assume_role_tags", "Tags"),
    ("transitive_tag_keys", "assume_role_transitive_tag_keys", "TransitiveTagKeys"),
)
_READ = frozenset(
    {
        *("bucket", "key", "region", "dynamodb_table", "use_lockfile", "encrypt", "kms_key_id", "acl"),
        "workspace_key_prefix",
        *("profile", "role_arn", "assume_role", *(old for _, old, _ in _ROLE if old)),
    }
)
# What Terraform does with these makes no difference to which state is read and written, and by whom.
_HARMLESS = frozenset(
    {
        *("allowed_account_ids", "forbidden_account_ids", "max_retries", "retry_mode", "sts_region", "use_path_style"),
        *("force_path_style", "skip_credentials_validation", "skip_metadata_api_check", "skip_region_validation"),
        *("skip_requesting_account_id", "skip_s3_checksum", "use_legacy_workflow"),
    }
)
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[hms])+")
_SECONDS = {"h": 3600, "m": 60, "s": 1}


def read_backend(id_: str, folder: Path, settings: Iterable[hcl.Block]) -> Backend:
    """The backend of a root module, from its `terraform` blocks.

    Raises:
        ConfigError: No usable `backend "s3"` block, or an argument that wealist can't honour; with file and line.
    """
    blocks = [block for setting in settings for block in setting.blocks if block.type in ("backend", "cloud")]
    if not blocks:
        raise ConfigError(
            f'{folder}: layer {id_} has no backend "s3" block, so its state would stay on this machine',
            hint='add: terraform { backend "s3" { bucket = ... key = ... region = ... } }',
        )
    block = blocks[-1]
    kind = block.labels[0] if block.labels else block.type
    if kind != "s3":
        raise ConfigError(
            f'{block.location}: layer {id_} keeps its state in "{kind}"; wealist drives backend "s3" only',
            hint='change the block to backend "s3", or leave this folder out with layers.exclude in wealist.yaml',
        )
    for name, attribute in block.attributes.items():
        if name not in _READ | _HARMLESS and attribute.value is not None:
            raise _not_honoured(attribute.location, name)
    for nested in block.blocks:
        raise _not_honoured(nested.location, nested.type)

    def value(name: str, kind: type = str, *, required: bool = False) -> Any:
        attribute = block.attributes.get(name)
        if attribute is None or (attribute.value is None and not required):
            if required:
                raise ConfigError(
                    f'{block.location}: backend "s3" of layer {id_} has no {name}',
                    hint=f"write {name} in the block: what is in HCL is what wealist checks",
                )
            return None
        if isinstance(attribute.value, hcl.Expression):
            raise ConfigError(f"{attribute.location}: {name} = {attribute.text}: a backend takes literal values only")
        if not isinstance(attribute.value, kind):
            wanted = "true or false" if kind is bool else "a string"
            raise ConfigError(f"{attribute.location}: {name} = {attribute.text}: must be {wanted}")
        return attribute.value

    arguments = dict(_role(block))
    return Backend(
        bucket=value("bucket", required=True),
        key=value("key", required=True),
        region=value("region", required=True),
        dynamodb_table=value("dynamodb_table"),
        use_lockfile=bool(value("use_lockfile", bool)),
        encrypt=bool(value("encrypt", bool)),
        kms_key_id=value("kms_key_id"),
        acl=value("acl"),
        workspace_key_prefix=value("workspace_key_prefix"),
        profile=value("profile"),
        role_arn=arguments.pop("RoleArn", None),
        role_arguments=tuple(sorted(arguments.items())),
        location=block.location,
    )


def _not_honoured(where: object, name: str) -> ConfigError:
    return ConfigError(
        f'{where}: wealist does not honour {name} of backend "s3", and would look at another state than Terraform, or as '
        "somebody else",
        hint="take it out; a profile of your AWS config can hold credentials, role and endpoints: profile = ...",
    )


def _role(block: hcl.Block) -> Iterator[tuple[str, Any]]:
    """The role that the backend assumes, and how, as sts:AssumeRole calls it."""
    attribute = block.attributes.get("assume_role")
    given: dict[str, Any] = {}
    if attribute is not None and attribute.value is not None:
        if not isinstance(attribute.value, dict):
            raise ConfigError(
                f"{attribute.location}: assume_role = {attribute.text}: a backend takes literal values only"
            )
        given = dict(attribute.value)
    role = given.pop("role_arn", None)
    places = {"role_arn": attribute.location if attribute else block.location}
    if role is None and "role_arn" in block.attributes:
        role, places["role_arn"] = block.attributes["role_arn"].value, block.attributes["role_arn"].location
    if role is None:
        return
    yield "RoleArn", _literal("role_arn", role, places["role_arn"])
    for name, old, called in _ROLE:
        where = attribute.location if attribute else block.location
        argument = given.pop(name, None)
        if argument is None and old in block.attributes:
            argument, where = block.attributes[old].value, block.attributes[old].location
        if argument is not None:
            yield called, _as_sts_takes_it(called, _literal(name, argument, where), where)
    for name in given:
        raise _not_honoured(places["role_arn"], f"assume_role.{name}")


def _literal(name: str, value: Any, where: object) -> Any:
    parts = value if isinstance(value, list) else value.values() if isinstance(value, dict) else [value]
    for part in parts:
        if isinstance(part, hcl.Expression):
            raise ConfigError(f"{where}: {name} = {part.text}: a backend takes literal values only")
    return value


def _as_sts_takes_it(called: str, value: Any, where: object) -> Any:
    """Values that can be compared and hashed; `session` makes of them what boto3 takes."""
    if called == "DurationSeconds" and isinstance(value, str):
        if not _DURATION.fullmatch(value):
            raise ConfigError(f"{where}: duration = {value}: must be a duration as 1h or 30m")
        return int(sum(float(number) * _SECONDS[unit] for number, unit in re.findall(r"([\d.]+)([hms])", value)))
    if isinstance(value, dict):
        return tuple(sorted((str(key), str(text)) for key, text in value.items()))
    return tuple(value) if isinstance(value, list) else value
