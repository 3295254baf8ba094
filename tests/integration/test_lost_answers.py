"""A lock write that AWS has done and whose answer gets lost, which is how Terraform comes to meet its own lock."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from orchestrator.sandbox.listener import create_server
from tests.integration.conftest import PROGRAM, TIMEOUT, Answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

pytestmark = pytest.mark.real

REGION, BUCKET, TABLE, KEY = "eu-west-1", "lossy-states", "lossy-locks", "dev/net.tfstate"
LAYER = """
terraform {{
  backend "s3" {{
    bucket = "{bucket}"
    key    = "{key}"
    region = "{region}"
    {lock}
  }}
}}
resource "terraform_data" "a" {{ input = "x" }}
"""
LOCKS = {"table": f'dynamodb_table = "{TABLE}"', "lock file": "use_lockfile = true"}


@dataclass(slots=True)
class Lossy:
    """An AWS that does everything, and loses the answer to the first lock write of an operation.

    Attributes:
        lose: `OperationTypePlan`, or another of Terraform's words.
        lost: How many answers were lost.
    """

    aws: WSGIApplication
    lose: str = ""
    lost: int = 0
    locks: list[str] = field(default_factory=list)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        answer = list(self.aws({**environ, "wsgi.input": io.BytesIO(body)}, start_response))
        is_write = environ["PATH_INFO"].endswith(".tflock") and environ["REQUEST_METHOD"] == "PUT"
        is_write |= environ.get("HTTP_X_AMZ_TARGET", "").endswith(".PutItem") and b"Info" in body
        if is_write and self.lose and self.lose.encode() in body:
            self.lose = ""
            self.lost += 1
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return answer


@dataclass(slots=True)
class Rig:
    root: Path
    lossy: Lossy
    port: int

    def client(self, service: str) -> Any:
        url = f"http://127.0.0.1:{self.port}"
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        return session.client(service, endpoint_url=url)

    def __call__(self, *words: str) -> Answer:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
        env = {
            **kept,
            "HOME": str(self.root),
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        done = subprocess.run(
            [PROGRAM, *words, "--allow-local-endpoint"],
            cwd=self.root,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        return Answer(code=done.returncode, out=done.stdout, err=done.stderr)

    def locks(self) -> int:
        """How many locks there are."""
        items = self.client("dynamodb").scan(TableName=TABLE)["Items"]
        objects = self.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return len([item for item in items if "Info" in item]) + len(
            [item for item in objects if item["Key"].endswith(".tflock")]
        )

    def serial(self) -> int | None:
        objects = self.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
        if KEY not in [item["Key"] for item in objects]:
            return None
        body = self.client("s3").get_object(Bucket=BUCKET, Key=KEY)["Body"].read()
        return int(str(json.loads(body)["serial"]))


@pytest.fixture(params=LOCKS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    lossy = Lossy(DomainDispatcherApplication(create_backend_app))
    server = create_server("127.0.0.1", lossy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    layer = tmp_path / "terraform" / "dev" / "net"
    layer.mkdir(parents=True)
    (tmp_path / "wealist.yaml").write_text("version: 1\n")
    text = LAYER.format(bucket=BUCKET, key=KEY, region=REGION, lock=LOCKS[request.param])
    (layer / "main.tf").write_text(text)
    rig = Rig(tmp_path, lossy, server.port)
    rig.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    rig.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    rig.client("dynamodb").create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield rig
    rig.client("dynamodb").delete_table(TableName=TABLE)
    versions = rig.client("s3").list_object_versions(Bucket=BUCKET)
    for version in (*versions.get("Versions", ()), *versions.get("DeleteMarkers", ())):
        rig.client("s3").delete_object(Bucket=BUCKET, Key=version["Key"], VersionId=version["VersionId"])
    rig.client("s3").delete_bucket(Bucket=BUCKET)
    server.shutdown()
    server.server_close()


def test_a_plan_goes_on(rig: Rig) -> None:
    rig.lossy.lose = "OperationTypePlan"

    answer = rig("up", "net", "-y")

    assert (answer.code, rig.lossy.lost) == (0, 1), answer.said
    assert "met the lock" in answer.err
    assert rig.locks() == 0
    assert rig.serial() is not None


def test_an_apply_is_not_done_again_and_leaves_no_lock(rig: Rig) -> None:
    rig.lossy.lose = "OperationTypeApply"

    answer = rig("up", "net", "-y")

    assert (answer.code, rig.lossy.lost) == (1, 1), answer.said
    assert "nothing was applied, and the lock is released" in answer.err
    assert (rig.locks(), rig.serial()) == (0, None)
    assert rig("up", "net", "-y").code == 0
    assert rig.serial() is not None
