"""Where a run goes: a real account or the sandbox. The engine is told, and never asks which it is.

Made once, at the edge: by the command line from its environment, by the sandbox from its running server, or by a
program that uses the library. Nothing below the edge reads `os.environ`.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from orchestrator.layer import Layer

HOME = private_folder.NAME

# What the SDKs take before a profile, or in its place. boto3 leaves it aside where a profile is named to it, and the
# provider, which is told of the profile by a variable, does not.
_OTHER_IDENTITIES = frozenset(
    {
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
        *("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_DEFAULT_PROFILE"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSettings:
    """How to reach AWS.

    Attributes:
        endpoint_url: One endpoint for every service, or None for AWS itself.
        options: What a wealist command has to be given to come to the same place again: `--profile`, `-C`.
        access_key, secret_key: Fixed credentials. When given, no other source of credentials is looked at:
            no profile, no file, no instance metadata.
    """

    profile: str | None = None
    endpoint_url: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    options: tuple[str, ...] = ()

    @property
    def is_hermetic(self) -> bool:
        return self.access_key is not None

    def command(self, *words: str) -> str:
        """A wealist command that goes to the same AWS, to be shown to a person: each word quoted for the shell."""
        return shlex.join(["wealist", *(["--sandbox"] if self.is_hermetic else []), *self.options, *words])


def _allow(_layer: Layer, _folder: Path) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a run goes.

    Attributes:
        name: `aws` or `sandbox`, for people.
        home: The `.wealist` folder that runs, plans and the ledger are written to.
        environ: The environment that Terraform's is built from.
        fetching: What an init has in its place: it alone may have to reach a registry.
        check: Refuses a layer whose HCL leads elsewhere, with a `ConfigError`; it is given the folder that Terraform runs in, to
            be asked again when an init has fetched modules.
        source_root: The estate's root.
        work_root: What stands for it when Terraform runs: the same folder, or the sandbox's copy.
        terraform_bin: A name to be found on PATH, or a path.
    """

    name: str
    home: Path
    aws: AwsSettings
    environ: Mapping[str, str] = field(repr=False)
    source_root: Path
    work_root: Path
    terraform_bin: str = "terraform"
    fetching: Mapping[str, str] = field(default_factory=dict, repr=False)
    check: Callable[[Layer, Path], None] = field(default=_allow, repr=False)

    def command(self, *words: str) -> str:
        """A wealist command for this target, to be shown to a person: each word quoted for the shell."""
        return self.aws.command(*words)

    def folder(self, layer_path: Path) -> Path:
        """Where Terraform runs for a layer's folder."""
        return self.work_root / layer_path.relative_to(self.source_root)


def aws_target(
    root: Path,
    environ: Mapping[str, str],
    *,
    terraform_bin: str = "terraform",
    profile: str | None = None,
    options: Sequence[str] = (),
) -> Target:
    """The target of an estate that goes to AWS itself, with the credentials of the usual sources.

    Args:
        profile: A profile of the AWS configuration, for wealist's own calls and for Terraform's. Keys and tokens in the
            environment are left out then: they would win over it in Terraform, and only there.
        options: What else the commands that are shown to a person have to be given, as `-C` and a folder.
    """
    options = (*(("--profile", profile) if profile is not None else ()), *options)
    if profile is not None:
        kept = {name: value for name, value in environ.items() if name not in _OTHER_IDENTITIES}
        environ = {**kept, "AWS_PROFILE": profile}
    elif not {"AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"} & environ.keys():
        # boto3 reads the older variable first, Terraform the newer one.
        profile = environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE") or None
    return Target(
        name="aws",
        home=root / HOME,
        aws=AwsSettings(profile=profile, options=options),
        environ=environ,
        source_root=root,
        work_root=root,
        terraform_bin=terraform_bin,
    )
