"""An estate to test with: its files, and the bucket and table behind it, in moto."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from orchestrator.layer import Backend, Layer, Location, RemoteState, Variable
from orchestrator.target import Target, aws_target

BUCKET = "acme-state"
TABLE = "acme-lock"
REGION = "ap-northeast-2"
ACCOUNT = "123456789012"
KEY = "prod/foundation/terraform.tfstate"
HERE = Location(Path("terraform.tf"), 1)

YAML = """\
version: 1
secrets:
  db-password:
    layer: prod/foundation
    output: db_secret_arn
    field: password
"""

VARIABLES = """
variable "name" {
  type = string
}
variable "zones" {
  type    = list(string)
  default = []
}
variable "password" {
  type      = string
  sensitive = true
}
"""


def backend_block(key: str = KEY, *, more: str = f'dynamodb_table = "{TABLE}"') -> str:
    return f"""\
terraform {{
  required_version = ">= 1.11, < 2"
  backend "s3" {{
    bucket = "{BUCKET}"
    key    = "{key}"
    region = "{REGION}"
    {more}
  }}
}}
"""


def remote_state(key: str, name: str = "other") -> str:
    return f"""
data "terraform_remote_state" "{name}" {{
  backend = "s3"
  config = {{
    bucket = "{BUCKET}"
    key    = "{key}"
    region = "{REGION}"
  }}
}}
"""


def write_layer(root: Path, id_: str, text: str | None = None) -> Path:
    """A layer's folder with one file."""
    folder = root / "terraform" / id_
    folder.mkdir(parents=True, exist_ok=True)
    if text is None:
        text = backend_block(f"{id_}/terraform.tfstate") + VARIABLES
    (folder / "main.tf").write_text(text, encoding="utf-8")
    return folder


def write_estate(root: Path, yaml: str = YAML) -> Path:
    """Two layers, of which compute stands on foundation."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "wealist.yaml").write_text(yaml, encoding="utf-8")
    write_layer(root, "prod/foundation")
    compute = backend_block("prod/compute/terraform.tfstate") + remote_state(KEY) + VARIABLES
    write_layer(root, "prod/compute", compute)
    return root


def backend(**changes: Any) -> Backend:
    given = {"bucket": BUCKET, "key": KEY, "region": REGION, "dynamodb_table": TABLE, "location": HERE}
    return Backend(**{**given, **changes})


def variable(name: str, type_: str | None = "string") -> Variable:
    return Variable(name=name, type=type_, is_sensitive=False, location=HERE)


def layer(id_: str = "prod/foundation", *, reads: tuple[str, ...] = (), **changes: Any) -> Layer:
    """A layer as a value, with no files behind it; `reads` are ids of layers whose state it reads."""
    given = {
        "id": id_,
        "path": Path("/estate/terraform", id_),
        "backend": backend(key=f"{id_}/terraform.tfstate"),
        "variables": {},
        "outputs": {},
        "blocks": frozenset(),
        "reads": (),
        "remote_states": tuple(
            RemoteState(name="other", bucket=BUCKET, key=f"{other}/terraform.tfstate", location=HERE) for other in reads
        ),
        "required_version": None,
        "init_inputs": (),
        "local_modules": (),
    }
    return Layer(**{**given, **changes})


def write_program(folder: Path, name: str = "terraform") -> Path:
    """A program that can be found, and is never started."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/false\n")
    path.chmod(0o755)
    return path


def target_of(root: Path, **environ: str) -> Target:
    """An estate's target on AWS, with a Terraform on its PATH."""
    return aws_target(root, {"PATH": str(write_program(root / "bin").parent), **environ})


@cache
def _client(service: str) -> Any:
    # Kept from test to test: making one takes longer than any call in here, and moto is what is behind it each time.
    return boto3.client(service, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing")


@dataclass(frozen=True, slots=True)
class Store:
    """The bucket and the table of the estate, in moto."""

    s3: Any
    dynamodb: Any

    @classmethod
    def make(cls) -> Store:
        """Make both, and leave the bucket as bootstrap would."""
        store = cls(_client("s3"), _client("dynamodb"))
        store.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        store.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        store.s3.put_public_access_block(
            Bucket=BUCKET,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "IgnorePublicAcls": True,
                "BlockPublicPolicy": True,
                "RestrictPublicBuckets": True,
            },
        )
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        store.s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
        store.make_table()
        return store

    def make_table(self, key: str = "LockID", type_: str = "S") -> None:
        self.dynamodb.create_table(
            TableName=TABLE,
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": type_}],
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def put_state(self, text: str, key: str = KEY) -> None:
        self.put_version(text, key)

    def put_version(self, text: str, key: str = KEY) -> str:
        """Write a state object; returns the version that it became."""
        version: str = self.s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())["VersionId"]
        return version

    def body(self, key: str = KEY) -> bytes:
        """The bytes of the current object."""
        body: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def item(self, lock_id: str) -> dict[str, str] | None:
        """An item of the lock table: the values of its attributes."""
        found = self.dynamodb.get_item(TableName=TABLE, Key={"LockID": {"S": lock_id}}).get("Item")
        return {name: value["S"] for name, value in found.items()} if found else None

    def put_digest(self, digest: str | None = None, key: str = KEY) -> str:
        """A digest in the table: that of the current object, where none is given."""
        digest = digest or hashlib.md5(self.body(key)).hexdigest()
        item = {"LockID": {"S": f"{BUCKET}/{key}-md5"}, "Digest": {"S": digest}}
        self.dynamodb.put_item(TableName=TABLE, Item=item)
        return digest

    def put_lock(
        self,
        *,
        created: str = "2026-01-02T03:04:05.123456789Z",
        key: str = KEY,
        who: str = "alice@laptop",
        operation: str = "OperationTypeApply",
    ) -> None:
        """A lock in the table, as Terraform writes one."""
        info = {
            "ID": "0a1b2c3d-0000-1111-2222-333344445555",
            "Operation": operation,
            "Info": "",
            "Who": who,
            "Version": "1.11.4",
            "Created": created,
            "Path": f"{BUCKET}/{key}",
        }
        item = {"LockID": {"S": f"{BUCKET}/{key}"}, "Info": {"S": json.dumps(info)}}
        self.dynamodb.put_item(TableName=TABLE, Item=item)

    def objects(self) -> list[str]:
        found = self.s3.list_object_versions(Bucket=BUCKET)
        return [item["Key"] for item in found.get("Versions", [])]


LINEAGE = "989e611d-165a-d7f6-5b16-b5b096ae390c"


def state_text(
    *,
    serial: int = 7,
    outputs: dict[str, Any] | None = None,
    resources: list[Any] | None = None,
    lineage: str = LINEAGE,
) -> str:
    """A state object with these outputs: values, or whole entries where they are mappings with a `value`."""
    entries = {
        name: value if isinstance(value, dict) and "value" in value else {"value": value, "type": "string"}
        for name, value in (outputs or {}).items()
    }
    return json.dumps(
        {
            "version": 4,
            "terraform_version": "1.11.4",
            "serial": serial,
            "lineage": lineage,
            "outputs": entries,
            "resources": resources or [],
        }
    )
