"""Whether there is something in what would be destroyed."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from orchestrator.aws.contents import has_images, object_keys
from orchestrator.aws.session import Session
from orchestrator.errors import AwsError
from orchestrator.target import AwsSettings
from tests.estate import REGION

NAME = "acme-logs"
MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}


@pytest.fixture
def s3(aws: None) -> Any:
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


@pytest.fixture
def ecr(aws: None) -> Any:
    client = boto3.client("ecr", region_name=REGION)
    client.create_repository(repositoryName="app")
    return client


def is_empty(bucket: str = NAME) -> bool:
    return not object_keys(Session(AwsSettings()), bucket, REGION)


def is_full(repository: str = "app") -> bool:
    return has_images(Session(AwsSettings()), repository, REGION)


def version(client: Any) -> None:
    client.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": "Enabled"})


def test_a_bucket_is_empty_until_there_is_an_object_in_it(s3: Any) -> None:
    assert is_empty()

    s3.put_object(Bucket=NAME, Key="a/b", Body=b"")

    assert not is_empty()


def test_a_delete_marker_is_in_the_way_as_well(s3: Any) -> None:
    version(s3)
    first = s3.put_object(Bucket=NAME, Key="a", Body=b"")["VersionId"]
    s3.delete_object(Bucket=NAME, Key="a")
    s3.delete_object(Bucket=NAME, Key="a", VersionId=first)

    found = s3.list_object_versions(Bucket=NAME)
    assert (len(found["DeleteMarkers"]), found.get("Versions")) == (1, None)
    assert not is_empty()


def test_an_object_that_only_an_old_version_is_left_of_is_in_the_way(s3: Any) -> None:
    version(s3)
    s3.put_object(Bucket=NAME, Key="a", Body=b"")
    marker = s3.delete_object(Bucket=NAME, Key="a")["VersionId"]
    s3.delete_object(Bucket=NAME, Key="a", VersionId=marker)

    assert not is_empty()


def test_a_bucket_that_is_gone_is_empty(aws: None) -> None:
    assert is_empty()


def test_a_repository_holds_images_once_one_is_pushed(ecr: Any) -> None:
    assert not is_full()

    ecr.put_image(repositoryName="app", imageManifest=json.dumps(MANIFEST))

    assert is_full()


def test_a_repository_that_is_gone_holds_none(aws: None) -> None:
    assert not is_full()


@pytest.mark.parametrize(
    ("service", "call", "ask"), [("s3", "list_object_versions", is_empty), ("ecr", "list_images", is_full)]
)
def test_what_aws_does_not_say_is_not_made_up(
    service: str, call: str, ask: Any, aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Denying:
        def __getattr__(self, name: str) -> Any:
            def deny(**_: Any) -> None:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, name)

            return deny if name == call else None

    monkeypatch.setattr(Session, "client", lambda _, asked, __: Denying() if asked == service else None)

    with pytest.raises(AwsError) as caught:
        ask()

    assert caught.value.code == "AccessDenied"
