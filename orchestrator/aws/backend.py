"""What stands behind a `backend "s3"` block: the state bucket and the lock table, looked at one call at a time.

Each function makes one AWS call and changes nothing. Preflight makes them all at once and turns them into findings;
bootstrap makes them to see what is left to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator import payload
from orchestrator.aws.session import translated
from orchestrator.errors import AwsError

if TYPE_CHECKING:
    from orchestrator.aws.session import Session
    from orchestrator.layer import Backend

LOCK_KEY = "LockID"
PUBLIC_ACCESS_BLOCK = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A lock table. `key` is its partition key as `name:type`, or all its keys where it has more."""

    status: str
    key: str
    has_deletion_protection: bool

    @property
    def fits(self) -> bool:
        """Whether Terraform can lock with it: one partition key, `LockID`, a string."""
        return self.key == f"{LOCK_KEY}:S"


def bucket_region(session: Session, backend: Backend, *, owner: str | None = None) -> str:
    """The region that the bucket is in.

    Args:
        owner: Fail with 403 when the bucket belongs to another account than this.

    Raises:
        AwsError: `404` for no such bucket; `403` for one that this identity may not see or that has another owner.
    """
    expected = {"ExpectedBucketOwner": owner} if owner else {}
    with translated(f"looking at bucket {backend.bucket}"):
        answer = _s3(session, backend).head_bucket(Bucket=backend.bucket, **expected)
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    return str(answer.get("BucketRegion") or headers.get("x-amz-bucket-region") or backend.region)


def is_versioned(session: Session, backend: Backend) -> bool:
    with translated(f"reading the versioning of {backend.bucket}"):
        answer = _s3(session, backend).get_bucket_versioning(Bucket=backend.bucket)
    return bool(answer.get("Status") == "Enabled")


def is_encrypted(session: Session, backend: Backend) -> bool:
    """Whether the bucket has a default encryption. AWS gives every bucket one since 2023; others don't."""
    answer = _optional(
        "ServerSideEncryptionConfigurationNotFoundError",
        f"reading the encryption of {backend.bucket}",
        _s3(session, backend).get_bucket_encryption,
        Bucket=backend.bucket,
    )
    return bool(answer)


def blocks_public_access(session: Session, backend: Backend) -> bool:
    """Whether all four blocks are on."""
    answer = _optional(
        "NoSuchPublicAccessBlockConfiguration",
        f"reading the public access block of {backend.bucket}",
        _s3(session, backend).get_public_access_block,
        Bucket=backend.bucket,
    )
    return answer.get("PublicAccessBlockConfiguration") == PUBLIC_ACCESS_BLOCK


def bucket_policy(session: Session, backend: Backend) -> dict[str, Any]:
    """The bucket's policy, or an empty mapping."""
    answer = _optional(
        "NoSuchBucketPolicy",
        f"reading the policy of {backend.bucket}",
        _s3(session, backend).get_bucket_policy,
        Bucket=backend.bucket,
    )
    policy: dict[str, Any] = payload.load(answer["Policy"]) if answer else {}
    return policy


def lifecycle_rules(session: Session, backend: Backend) -> list[dict[str, Any]]:
    """The bucket's lifecycle rules."""
    answer = _optional(
        "NoSuchLifecycleConfiguration",
        f"reading the lifecycle rules of {backend.bucket}",
        _s3(session, backend).get_bucket_lifecycle_configuration,
        Bucket=backend.bucket,
    )
    return list(answer.get("Rules", []))


def probe_write(session: Session, backend: Backend) -> AwsError | None:
    """Prove that this identity may write the state object, without writing anything.

    Starting a multipart upload needs the permission to put that very object, with that very encryption; ending it at
    once leaves no object and no version. (A put that is made to fail would be a call fewer, but a store that ignores
    the condition would overwrite the state.)

    Returns why the upload could not be ended: it may write then, and leaves the start of an upload behind.

    Raises:
        AwsError: It may not.
    """
    s3 = _s3(session, backend)
    with translated(f"preparing to write {backend.url}"):
        upload = s3.create_multipart_upload(Bucket=backend.bucket, Key=backend.key, **write_settings(backend))
    try:
        with translated(f"ending the upload that showed that {backend.url} can be written"):
            s3.abort_multipart_upload(Bucket=backend.bucket, Key=backend.key, UploadId=upload["UploadId"])
    except AwsError as error:
        return error
    return None


def write_settings(backend: Backend) -> dict[str, str]:
    """What a write of state or lock object asks for; like Terraform, a key counts only where `encrypt` is true."""
    acl = {"ACL": backend.acl} if backend.acl else {}
    if not backend.encrypt:
        return acl
    if backend.kms_key_id:
        return {**acl, "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": backend.kms_key_id}
    return {**acl, "ServerSideEncryption": "AES256"}


def lock_table(session: Session, backend: Backend) -> Table:
    """The lock table.

    Raises:
        AwsError: `ResourceNotFoundException` where there is none.
    """
    name = backend.dynamodb_table
    with translated(f"looking at lock table {name}"):
        table = _dynamodb(session, backend).describe_table(TableName=name)["Table"]
    types = {item["AttributeName"]: item["AttributeType"] for item in table["AttributeDefinitions"]}
    keys = [f"{item['AttributeName']}:{types[item['AttributeName']]}" for item in table["KeySchema"]]
    return Table(
        status=table["TableStatus"],
        key=" ".join(keys),
        has_deletion_protection=bool(table.get("DeletionProtectionEnabled")),
    )


def has_point_in_time_recovery(session: Session, backend: Backend) -> bool:
    with translated(f"reading the backups of {backend.dynamodb_table}"):
        answer = _dynamodb(session, backend).describe_continuous_backups(TableName=backend.dynamodb_table)
    recovery = answer["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
    return bool(recovery.get("PointInTimeRecoveryStatus") == "ENABLED")


def _optional(absent: str, doing: str, call: Any, **parameters: Any) -> dict[str, Any]:
    """Make a call whose answer "there is none" AWS gives as an error."""
    try:
        with translated(doing):
            answer: dict[str, Any] = call(**parameters)
            return answer
    except AwsError as error:
        if error.code == absent:
            return {}
        raise


def _s3(session: Session, backend: Backend) -> Any:
    return session.client("s3", backend.region)


def _dynamodb(session: Session, backend: Backend) -> Any:
    return session.client("dynamodb", backend.region)
