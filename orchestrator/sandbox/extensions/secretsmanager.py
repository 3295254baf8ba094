"""Secrets Manager: when the versions of a secret were made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from moto.secretsmanager.exceptions import SecretNotFoundException
from moto.secretsmanager.responses import SecretsManagerResponse

from orchestrator.sandbox.extensions.patch import extend

if TYPE_CHECKING:
    from moto.secretsmanager.models import SecretsManagerBackend


def list_secret_version_ids(self: SecretsManagerResponse) -> str:
    """ListSecretVersionIds: moto gives every version the time of the call, and those without a label unasked."""
    backend: SecretsManagerBackend = self.backend
    name = self._get_param("SecretId", if_none="")
    if name not in backend.secrets:
        raise SecretNotFoundException
    secret = backend.secrets[name]
    wants_deprecated = self._get_param("IncludeDeprecated", if_none=False)
    versions = [
        {"VersionId": id_, "VersionStages": version["version_stages"], "CreatedDate": version["createdate"]}
        for id_, version in secret.versions.items()
        if version["version_stages"] or wants_deprecated
    ]
    return json.dumps({"ARN": secret.arn, "Name": secret.name, "Versions": versions})


def install() -> None:
    extend(SecretsManagerResponse, list_secret_version_ids)
