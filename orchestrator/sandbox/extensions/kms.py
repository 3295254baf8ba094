"""KMS: how often a key rotates."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from moto.core.utils import unix_time, utcnow
from moto.kms.responses import KmsResponse

from orchestrator.sandbox.extensions.patch import extend

if TYPE_CHECKING:
    from moto.kms.models import Key

_DEFAULT_PERIOD = 365

_enable_key_rotation = KmsResponse.enable_key_rotation


def enable_key_rotation(self: KmsResponse) -> str:
    """EnableKeyRotation: moto drops `RotationPeriodInDays`, 365 in AWS where it isn't given."""
    answer = _enable_key_rotation(self)
    key = _find_key(self)
    vars(key)["rotation_period"] = self._get_int_param("RotationPeriodInDays", _DEFAULT_PERIOD)
    vars(key)["next_rotation"] = utcnow() + timedelta(days=vars(key)["rotation_period"])
    return answer


def get_key_rotation_status(self: KmsResponse) -> str:
    """GetKeyRotationStatus: moto says only whether; AWS also how often and when next."""
    self._validate_cmk_id(self._get_param("KeyId"))
    key = _find_key(self)
    status = {"KeyId": key.id, "KeyRotationEnabled": key.key_rotation_status}
    if key.key_rotation_status:
        status["RotationPeriodInDays"] = vars(key).get("rotation_period", _DEFAULT_PERIOD)
        if "next_rotation" in vars(key):
            status["NextRotationDate"] = unix_time(vars(key)["next_rotation"])
    return json.dumps(status)


def install() -> None:
    extend(KmsResponse, enable_key_rotation, get_key_rotation_status)


def _find_key(response: KmsResponse) -> Key:
    backend = response.kms_backend
    return backend.keys[backend.get_key_id(response._get_param("KeyId"))]
