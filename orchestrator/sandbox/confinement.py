"""What in the HCL could lead a rehearsal out of the sandbox: found before Terraform runs, and refused with its line.

The environment names the sandbox to every client of AWS, and an argument in the HCL wins over it: another endpoint, a file with
somebody's credentials, keys that are written down. So none of these may stand in a `provider "aws"` block or in the `config` of a
`terraform_remote_state`, be it in the root module, in a module that is called by path or in one that an init has fetched.
(In a `backend "s3"` block they are refused in any target, see `access`.)

A profile is another matter, since many projects name theirs: in the sandbox it stands for the sandbox's own keys
(`credentials_file`); one that can't be read from the HCL is unknown to Terraform then, and leads nowhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestrator import data_folder, hcl, payload, project_file
from orchestrator.errors import ConfigError
from orchestrator.provider import read_providers
from orchestrator.remote_state import Scope, remote_states

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from orchestrator.layer import Layer, Location, Provider, RemoteState
    from orchestrator.sandbox.credential import Credential

# Of the AWS provider 5 and 6, and of the backend "s3" of Terraform 1.11, the older names included.
EXITS = frozenset(
    {
        *(
            "endpoints",
            "endpoint",
            "dynamodb_endpoint",
            "iam_endpoint",
            "sts_endpoint",
            "ec2_metadata_service_endpoint",
        ),
        *("access_key", "secret_key", "token", "assume_role_with_web_identity", "custom_ca_bundle"),
        *("shared_credentials_file", "shared_credentials_files", "shared_config_file", "shared_config_files"),
        *("http_proxy", "https_proxy", "no_proxy"),
    }
)
_NAMED = re.compile(rf"\b({'|'.join(sorted(EXITS))})\b")
# A file without either needs no parsing.
_WORTH_READING = re.compile(rb"\bprovider\b|\bterraform_remote_state\b")
# As a module's name in a profile: what would end a section of a credentials file is in none that AWS knows.
_PROFILE = re.compile(r"[^\[\]\r\n]+")


def check(layer: Layer, folder: Path) -> None:
    """Refuse a layer that could reach anything but the sandbox.

    Args:
        folder: Where its Terraform runs; what an init has fetched is below it.

    Raises:
        ConfigError: With file, line and argument.
    """
    _check(layer.providers, layer.remote_states, [layer.path, *layer.local_modules])
    for module in _installed(folder):
        scope = Scope(_parse(module))
        _check(read_providers([("", scope)]), remote_states(scope), [module])


def profiles(layers: Iterable[Layer]) -> tuple[str, ...]:
    """The profiles that the HCL of these layers names, as far as they can be read."""
    named = {
        name
        for layer in layers
        for name in (
            layer.backend.profile,
            *(provider.profile for provider in layer.providers if provider.is_aws),
            *(state.profile for state in layer.remote_states),
        )
        if name and _PROFILE.fullmatch(name)
    }
    return tuple(sorted(named))


def credentials_file(names: Iterable[str], credential: Credential) -> str:
    """The text of an AWS credentials file in which each of these profiles is the sandbox."""
    keys = f"aws_access_key_id = {credential.access_key}\naws_secret_access_key = {credential.secret_key}\n"
    return "\n".join(f"[{name}]\n{keys}" for name in names)


def _check(providers: Iterable[Provider], states: Iterable[RemoteState], folders: Iterable[Path]) -> None:
    for provider in providers:
        if provider.is_aws:
            for name, location in provider.arguments.items():
                if name in EXITS:
                    raise _refused(location, name, f"provider {provider.source.rpartition('/')[2]}")
    for state in states:
        where = f"terraform_remote_state {state.name}"
        if state.arguments is None:
            # Made of other values: what it could hold is looked for in all that the module says.
            named = next((match[1] for path in _files(folders) if (match := _NAMED.search(_text(path)))), None)
        else:
            named = next((name for name in state.arguments if name in EXITS), None)
        if named:
            raise _refused(state.location, named, where)


def _refused(location: Location, name: str, where: str) -> ConfigError:
    return ConfigError(
        f"{location}: {name} of {where} could lead a rehearsal out of the sandbox",
        hint="take it out, and leave it to a profile of your AWS config or to the environment, which the sandbox replaces",
    )


def _installed(folder: Path) -> Iterator[Path]:
    """The folders of the modules that the last init has fetched, those called by path left out."""
    data = folder / data_folder.NAME
    try:
        listed = payload.load(project_file.read_text(data / "modules" / "modules.json"))["Modules"]
        folders = [folder / module["Dir"] for module in listed if module["Key"]]
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{data}/modules/modules.json: can't be read, so it is not known which modules Terraform would use: {error}",
            hint=f"rm -r {data}, and run the command again",
        ) from error
    yield from (module for module in dict.fromkeys(folders) if module.is_relative_to(data))


def _parse(module: Path) -> list[hcl.Block]:
    found = []
    for path in _files([module]):
        source = project_file.read_bytes(path)
        if path.suffix == ".json":
            _check_json(path, source)
        elif _WORTH_READING.search(source):
            found.append(hcl.parse_file(path))
    return found


def _check_json(path: Path, source: bytes) -> None:
    """Refuse a file in Terraform's JSON syntax that may say anything which would have to be read.

    By its words: HCL's reader of JSON takes arrays, keys that come twice and broken text in ways of its own.
    """
    if any(word in source for word in (b'"provider"', b"terraform_remote_state", b"\\u")):
        raise ConfigError(
            f"{path}:1: wealist does not read .tf.json, and would not see where this module's provider leads",
            hint="use a version of the module that is written in HCL, or that takes its provider from its caller",
        )


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        for pattern in ("*.tf", "*.tf.json"):
            yield from sorted(path for path in folder.glob(pattern) if path.name[0] != ".")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
