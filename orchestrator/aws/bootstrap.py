"""Making the state bucket and the lock table, hardened, and nothing that is there already.

`plan_bootstrap` looks and returns the steps that are left; each step says what it does before it does it. Run twice,
the second finds none. What other people put on a bucket stays: a policy statement or a lifecycle rule is added to
theirs, never put in their place. A bucket that belongs to another account is refused.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from orchestrator.aws import backend as look
from orchestrator.aws.session import DENIED, translated
from orchestrator.errors import AwsError, ConfigError, GuardError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchestrator.aws.session import Session
    from orchestrator.layer import Backend

    Check = Callable[[Session, Backend], bool]

NONCURRENT_DAYS = 90
UPLOAD_DAYS = 7
_TLS_SID = "DenyInsecureTransport"
_RULE_ID = "wealist-noncurrent-state-versions"
_WAIT = {"Delay": 1, "MaxAttempts": 120}
# What AWS says for some seconds of what was made or changed a moment ago.
_NOT_YET = frozenset({"ContinuousBackupsUnavailableException", "OperationAborted", "NoSuchBucket"})
_PAUSES = (1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do. `text` is shown before `run` does it."""

    subject: str
    text: str
    run: Callable[[], None]


def plan_bootstrap(session: Session, backend: Backend, *, account: str) -> list[Step]:
    """The steps that bring bucket and table of a backend to where they should be; nothing is changed yet.

    Raises:
        GuardError: The bucket belongs to another account.
        ConfigError: The bucket or the table is there and can't be used: another region, another key.
        AwsError: AWS said no.
    """
    steps = list(_bucket_steps(session, backend, account))
    if backend.dynamodb_table:
        steps.extend(_table_steps(session, backend))
    return steps


def _bucket_steps(session: Session, backend: Backend, account: str) -> Iterator[Step]:
    s3, bucket = session.client("s3", backend.region), backend.bucket

    def step(text: str, call: Callable[..., Any], *, check: Check | None = None, **parameters: Any) -> Step:
        def do() -> None:
            call(Bucket=bucket, **parameters)

        def run() -> None:
            _take(f"bucket {bucket}: {text}", do, check and partial(check, session, backend))

        return Step(subject=f"s3://{bucket}", text=text, run=run)

    exists = _bucket_exists(session, backend, account)
    if not exists:
        location = {} if backend.region == "us-east-1" else {"LocationConstraint": backend.region}
        extra: dict[str, Any] = {"CreateBucketConfiguration": location} if location else {}
        yield step(f"create the bucket in {backend.region}", s3.create_bucket, **extra)
    if not exists or not look.blocks_public_access(session, backend):
        yield step(
            "block all public access",
            s3.put_public_access_block,
            check=look.blocks_public_access,
            PublicAccessBlockConfiguration=look.PUBLIC_ACCESS_BLOCK,
        )
    if not exists or not look.is_versioned(session, backend):
        on = {"Status": "Enabled"}
        yield step("keep every version", s3.put_bucket_versioning, check=look.is_versioned, VersioningConfiguration=on)
    if not exists or not look.is_encrypted(session, backend):
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": True}
        yield step(
            "encrypt by default",
            s3.put_bucket_encryption,
            check=look.is_encrypted,
            ServerSideEncryptionConfiguration={"Rules": [rule]},
        )
    policy = look.bucket_policy(session, backend) if exists else {}
    if not _denies_plain_http(policy):
        yield step("refuse plain HTTP", s3.put_bucket_policy, Policy=json.dumps(_with_tls_only(policy, backend)))
    rules = look.lifecycle_rules(session, backend) if exists else []
    if not any(_expires_noncurrent(rule) for rule in rules):
        yield step(
            f"let replaced versions expire after {NONCURRENT_DAYS} days",
            s3.put_bucket_lifecycle_configuration,
            LifecycleConfiguration={"Rules": [*rules, _rule()]},
        )


def _bucket_exists(session: Session, backend: Backend, account: str) -> bool:
    try:
        region = look.bucket_region(session, backend, owner=account)
    except AwsError as error:
        if error.code in ("404", "NoSuchBucket", "NotFound"):
            return False
        if error.code in DENIED:
            raise GuardError(
                f"bucket {backend.bucket} exists and belongs to another account, or {account} may not see it",
                hint=f"bucket names are global: choose another in {backend.location}, or use the owner's credentials",
            ) from error
        raise
    if region != backend.region:
        raise ConfigError(
            f"{backend.location}: bucket {backend.bucket} is in {region}, and the block says {backend.region}",
            hint=f'write region = "{region}" in the block',
        )
    return True


def _table_steps(session: Session, backend: Backend) -> Iterator[Step]:
    dynamodb, name = session.client("dynamodb", backend.region), backend.dynamodb_table

    def step(text: str, call: Callable[..., Any], *, check: Check | None = None, **parameters: Any) -> Step:
        def do() -> None:
            call(TableName=name, **parameters)
            dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=_WAIT)

        def run() -> None:
            _take(f"table {name}: {text}", do, check and partial(check, session, backend))

        return Step(subject=f"table {name}", text=text, run=run)

    try:
        table = look.lock_table(session, backend)
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
        table = None
        yield step(
            f"create the table in {backend.region}, on demand, key {look.LOCK_KEY}, protected against deletion",
            dynamodb.create_table,
            AttributeDefinitions=[{"AttributeName": look.LOCK_KEY, "AttributeType": "S"}],
            KeySchema=[{"AttributeName": look.LOCK_KEY, "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            DeletionProtectionEnabled=True,
        )
    if table is not None and not table.fits:
        raise ConfigError(
            f"{backend.location}: table {name} has the key {table.key}, and Terraform locks with {look.LOCK_KEY}:S only",
            hint="a table's key can't be changed: name another table in the block",
        )
    if table is not None and not table.has_deletion_protection:
        yield step("protect the table against deletion", dynamodb.update_table, DeletionProtectionEnabled=True)
    if table is None or not look.has_point_in_time_recovery(session, backend):
        yield step(
            "turn on point-in-time recovery",
            dynamodb.update_continuous_backups,
            check=look.has_point_in_time_recovery,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )


def _take(doing: str, do: Callable[[], None], check: Callable[[], bool] | None) -> None:
    """Take a step, and read back that it took effect; what was made a moment ago is given time to settle.

    Raises:
        AwsError: AWS said no, or the step did not take effect.
    """
    for pause in (*_PAUSES, None):
        try:
            with translated(doing):
                do()
            if check is None or check():
                return
        except AwsError as error:
            if pause is None or error.code not in _NOT_YET:
                raise
        if pause is not None:
            time.sleep(pause)
    raise AwsError(f"{doing}: AWS took it, and it is not so yet", code="NotSettled", hint="look again in a minute")


def _denies_plain_http(policy: dict[str, Any]) -> bool:
    return any(
        statement.get("Effect") == "Deny"
        and statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") in ("false", ["false"], False)
        for statement in _statements(policy)
    )


def _statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    """A lone statement may stand without a list, and comes back as it was put."""
    found = policy.get("Statement", [])
    return [found] if isinstance(found, dict) else found


def _with_tls_only(policy: dict[str, Any], backend: Backend) -> dict[str, Any]:
    partition = (
        "aws-cn"
        if backend.region.startswith("cn-")
        else "aws-us-gov"
        if backend.region.startswith("us-gov-")
        else "aws"
    )
    arn = f"arn:{partition}:s3:::{backend.bucket}"
    statement = {
        "Sid": _TLS_SID,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    base = policy or {"Version": "2012-10-17"}
    return {**base, "Statement": [*_statements(base), statement]}


def _expires_noncurrent(rule: dict[str, Any]) -> bool:
    return rule.get("Status") == "Enabled" and bool(rule.get("NoncurrentVersionExpiration"))


def _rule() -> dict[str, Any]:
    return {
        "ID": _RULE_ID,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": NONCURRENT_DAYS},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UPLOAD_DAYS},
    }
