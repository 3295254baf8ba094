"""One secret value from AWS Secrets Manager.

The value is returned and nothing else is done with it: it is never logged, never in an argv, never in an error.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator import payload, shell
from orchestrator.aws.session import DENIED, translated
from orchestrator.errors import AwsError, SecretError

if TYPE_CHECKING:
    from datetime import datetime

    from orchestrator.aws.session import Session

CURRENT = "AWSCURRENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A version of a secret. `text` is its whole SecretString, in clear."""

    name: str
    arn: str
    version_id: str
    stages: tuple[str, ...]
    created: str
    text: str = field(repr=False)

    def value(self, field_name: str | None) -> str:
        """The whole text, or one field of it where it is a JSON object.

        Raises:
            SecretError: It is no JSON object, or has no such field; the message names the fields, never a value.
        """
        if field_name is None:
            return self.text
        try:
            data: Any = payload.load(self.text)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise SecretError(
                f"secret {self.name} is plain text, so it has no field {field_name!r}",
                hint=f"leave --field out, or remove `field` from secrets.{self.name} in wealist.yaml",
            )
        if field_name not in data:
            raise SecretError(
                f"secret {self.name} has no field {field_name!r}; it has {', '.join(sorted(data)) or 'none'}",
                hint="name one of them with --field",
            )
        value = data[field_name]
        return value if isinstance(value, str) else json.dumps(value)


def fetch(session: Session, *, name: str, arn: str, layer: str, stage: str = CURRENT) -> Secret:
    """Fetch one version of a secret.

    Args:
        name: What wealist.yaml calls it, for messages.
        arn: Its ARN; the region is taken from it.
        layer: The layer that made it, for messages.
        stage: `AWSCURRENT`, `AWSPREVIOUS`, or a stage of your own.

    Raises:
        SecretError: Deleted, denied, without that stage, or binary.
        AwsError: Anything else that AWS says.
    """
    parts = arn.split(":")
    if len(parts) < 7 or parts[2] != "secretsmanager":
        raise SecretError(
            f"secret {name}: the output holds {arn!r}, which is not the ARN of a secret",
            hint=f"check secrets.{name}.output in wealist.yaml",
        )
    try:
        with translated(f"fetching secret {name}"):
            answer = session.client("secretsmanager", parts[3]).get_secret_value(SecretId=arn, VersionStage=stage)
    except AwsError as error:
        raise _explain(error, session, name, arn, layer, stage) from error
    if "SecretString" not in answer:
        raise SecretError(f"secret {name} is binary, and wealist hands out text only", hint=f"secret: {arn}")
    return Secret(
        name=name,
        arn=answer["ARN"],
        version_id=answer["VersionId"],
        stages=tuple(answer.get("VersionStages", ())),
        created=answer["CreatedDate"].isoformat(timespec="seconds"),
        text=answer["SecretString"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a secret, without its value."""

    id: str
    created: datetime
    stages: tuple[str, ...]


def read_versions(session: Session, secret: Secret) -> list[Version]:
    """Every version that AWS still has, the oldest first; also those that no label is on.

    Raises:
        AwsError: AWS said no.
    """
    found: list[Version] = []
    more: dict[str, str] = {}
    while True:
        with translated(f"reading the versions of secret {secret.name}"):
            page = _client(session, secret).list_secret_version_ids(SecretId=secret.arn, IncludeDeprecated=True, **more)
        found += [
            Version(id=item["VersionId"], created=item["CreatedDate"], stages=tuple(item.get("VersionStages", ())))
            for item in page["Versions"]
        ]
        if not page.get("NextToken"):
            break
        more = {"NextToken": page["NextToken"]}
    return sorted(found, key=lambda version: version.created)


def move_stage(session: Session, secret: Secret, stage: str, *, to: str, off: str | None = None) -> None:
    """Put a staging label of one's own on a version.

    Args:
        off: The version that has it now; AWS wants it named.

    Raises:
        AwsError: AWS said no.
    """
    taken = {"RemoveFromVersionId": off} if off else {}
    with translated(f"labelling a version of secret {secret.name}"):
        _client(session, secret).update_secret_version_stage(
            SecretId=secret.arn, VersionStage=stage, MoveToVersionId=to, **taken
        )


def _client(session: Session, secret: Secret) -> Any:
    return session.client("secretsmanager", secret.arn.split(":")[3])


def _explain(error: AwsError, session: Session, name: str, arn: str, layer: str, stage: str) -> AwsError | SecretError:
    code = error.code
    if code in DENIED or code == "KMSAccessDeniedException":
        return SecretError(
            f"secret {name}: this identity may not read it ({code})",
            hint=f"it needs secretsmanager:GetSecretValue on {arn} and kms:Decrypt on its key",
        )
    if code == "ResourceNotFoundException":
        if stage != CURRENT:
            return SecretError(
                f"secret {name} has no version in stage {stage}, or is gone",
                hint=shell.command("aws", "secretsmanager", "list-secret-version-ids", "--secret-id", arn),
            )
        return SecretError(
            f"secret {name} does not exist any more: {arn}",
            hint=f"{session.settings.command('plan', layer)} shows what would make it again",
        )
    if code == "InvalidRequestException":
        return SecretError(
            f"secret {name} can't be read as it stands, most likely because it is marked for deletion",
            hint=shell.command("aws", "secretsmanager", "restore-secret", "--secret-id", arn),
        )
    if code in ("DecryptionFailure", "KMSNotFoundException", "KMSInvalidStateException", "KMSDisabledException"):
        return SecretError(
            f"secret {name}: its KMS key can't decrypt it ({code})",
            hint=shell.command("aws", "secretsmanager", "describe-secret", "--secret-id", arn, "--query", "KmsKeyId"),
        )
    return error
