"""Going back to an earlier state and mending a digest, judged by the real Terraform."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from typing import Any

import pytest

from orchestrator.aws.lock import lock_info
from orchestrator.layer import Backend, Location
from tests.integration.conftest import SMALL_LAYER, Answer, Rehearsal, dialogue

pytestmark = pytest.mark.real

CANARY = "canary-Zq7+w/9=x&y"
TABLE, REGION = "small-estate-lock", "eu-west-1"
STATE = {"Bucket": "small-estate-state", "Key": "dev/base/terraform.tfstate"}
LOCK_ID = "small-estate-state/dev/base/terraform.tfstate"
WHERE = f"s3://{LOCK_ID}"


@pytest.fixture
def applied(small: Rehearsal) -> Rehearsal:
    """The small estate, applied, with a secret in its state."""
    small.ok("up", "base", "-y", "--set", f"db_password={CANARY}")
    return small


def say(estate: Rehearsal, *words: str) -> Answer:
    """Run a command, which must show no secret whatever it says."""
    answer = estate(*words)
    assert CANARY not in answer.said
    return answer


def body(estate: Rehearsal) -> bytes:
    content: bytes = estate.client("s3", REGION).get_object(**STATE)["Body"].read()
    return content


def serial(estate: Rehearsal) -> int:
    return int(json.loads(body(estate))["serial"])


def history(estate: Rehearsal) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(say(estate, "state", "history", "base", "--json").out)["versions"]
    return found


def digest(estate: Rehearsal) -> str:
    key = {"LockID": {"S": f"{LOCK_ID}-md5"}}
    return str(estate.client("dynamodb", REGION).get_item(TableName=TABLE, Key=key)["Item"]["Digest"]["S"])


def put_digest(estate: Rehearsal, value: str) -> None:
    item = {"LockID": {"S": f"{LOCK_ID}-md5"}, "Digest": {"S": value}}
    estate.client("dynamodb", REGION).put_item(TableName=TABLE, Item=item)


def test_a_state_comes_back_and_the_next_plan_shows_the_difference(applied: Rehearsal) -> None:
    before = history(applied)[0]
    assert before["is_current"]
    resource = '\nresource "terraform_data" "bad" {\n  input = "bad"\n}\n'
    applied.layer.write_text(SMALL_LAYER + resource)
    applied.ok("up", "base", "-y", "--set", f"db_password={CANARY}")
    bad = history(applied)[0]
    assert bad["resources"] == before["resources"] + 1

    answer = say(applied, "state", "restore", "base", "--version", before["version_id"], "--confirm", "base")

    assert answer.code == 0, answer.said
    assert "- terraform_data.bad" in answer.err
    assert serial(applied) == bad["serial"] + 1
    assert digest(applied) == hashlib.md5(body(applied), usedforsecurity=False).hexdigest()
    restored = history(applied)
    assert [version["serial"] for version in restored[:2]] == [bad["serial"] + 1, bad["serial"]]
    old = applied.client("s3", REGION).get_object(**STATE, VersionId=before["version_id"])["Body"].read()
    changed = [line for line in body(applied).splitlines() if line not in old.splitlines()]
    assert changed == [f'  "serial": {bad["serial"] + 1},'.encode()]
    plan = say(applied, "plan", "base", "--set", f"db_password={CANARY}", "--detailed-exitcode")
    assert plan.code == 2, plan.said
    assert "+ terraform_data.bad" in plan.out
    applied.layer.write_text(SMALL_LAYER)
    again = applied.ok("up", "base", "-y", "--set", f"db_password={CANARY}")
    assert "nothing to change" in again.err
    entries = [json.loads(line) for line in (applied.home / "ledger.jsonl").read_text().splitlines()]
    assert "restored" in [entry["event"] for entry in entries]
    assert CANARY not in (applied.home / "ledger.jsonl").read_text()


def test_a_state_that_was_deleted_is_missed_and_comes_back(applied: Rehearsal) -> None:
    before = history(applied)[0]
    applied.client("s3", REGION).delete_object(**STATE)

    status = say(applied, "status", "base")
    assert "the state was deleted behind Terraform's back" in status.out
    refused = say(applied, "plan", "base")
    assert refused.code == 10, refused.said
    assert "state-digest.mismatch" in refused.err
    command = f"state restore dev/base --version {before['version_id']}"
    assert f"wealist --sandbox {command}" in refused.err
    assert history(applied)[0]["is_delete_marker"]

    assert say(applied, *command.split(), "--confirm", "base").code == 0

    again = applied.ok("up", "base", "-y", "--set", f"db_password={CANARY}")
    assert "nothing to change" in again.err


def test_a_state_that_was_replaced_is_told_from_a_stale_digest(applied: Rehearsal) -> None:
    before = history(applied)[0]
    applied.client("s3", REGION).put_object(**STATE, Body=body(applied).replace(b'"hello"', b'"by hand"'))

    locks = say(applied, "locks", "base")
    assert "the state was replaced behind Terraform's back" in locks.out
    command = f"state restore dev/base --version {before['version_id']}"
    assert f"wealist --sandbox {command}\n" in locks.out
    assert say(applied, *command.split(), "--confirm", "dev/base").code == 0

    again = applied.ok("up", "base", "-y", "--set", f"db_password={CANARY}")
    assert "nothing to change" in again.err


def test_a_stale_digest_is_explained_and_mended_and_terraform_takes_the_state(applied: Rehearsal) -> None:
    right = digest(applied)
    put_digest(applied, "0" * 32)
    status = say(applied, "status", "base")
    assert "the digest is stale" in status.out
    assert "wealist --sandbox state mend dev/base" in status.out
    refused = say(applied, "up", "base", "-y")
    assert refused.code == 10, refused.said
    assert "state-digest.mismatch" in refused.err
    with dialogue(applied, "state", "mend", "base") as talk:
        shown = talk.read_until("Type dev/base to go on:")
        assert "0" * 32 in shown
        talk.answer("base")
        talk.read_until("nothing was done: not confirmed")
        assert talk.process.wait(timeout=60) == 1
    assert digest(applied) == "0" * 32

    mended = say(applied, "state", "mend", "base", "--confirm", "base")

    assert mended.code == 0, mended.said
    assert digest(applied) == right
    plan = applied.ok("plan", "base", "--set", f"db_password={CANARY}")
    assert "nothing to change" in plan.err
    assert say(applied, "state", "mend", "base", "--confirm", "base").err == "dev/base: nothing to mend\n"


def test_terraform_itself_refuses_what_preflight_refuses(applied: Rehearsal) -> None:
    """The rule is Terraform's: without it the finding would be a false alarm."""
    right = digest(applied)
    put_digest(applied, "0" * 32)
    folder = applied.home / "work" / "terraform" / "dev" / "base"
    env = json.loads(applied.ok("sandbox", "env", "--json").out)
    environment = {"PATH": os.environ["PATH"], "HOME": str(applied.root), **{k: v for k, v in env.items() if v}}
    try:
        done = subprocess.run(
            ["terraform", "plan", "-lock=false", "-input=false"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        put_digest(applied, right)
    assert done.returncode == 1
    assert "checksum" in done.stderr


def test_a_held_lock_keeps_a_restore_out(applied: Rehearsal) -> None:
    applied.ok("up", "base", "-y", "--set", f"db_password={CANARY}", "--set", "greeting=newer")
    old = history(applied)[1]["version_id"]
    before = serial(applied)
    info = {"ID": "1", "Who": "minsu@build-7", "Operation": "OperationTypeApply", "Created": "2026-01-02T03:04:05Z"}
    dynamodb = applied.client("dynamodb", REGION)
    dynamodb.put_item(TableName=TABLE, Item={"LockID": {"S": LOCK_ID}, "Info": {"S": json.dumps(info)}})
    try:
        answer = say(applied, "state", "restore", "base", "--version", old, "--confirm", "base")
    finally:
        dynamodb.delete_item(TableName=TABLE, Key={"LockID": {"S": LOCK_ID}})
    assert answer.code == 12, answer.said
    assert "locked by minsu@build-7" in answer.err
    assert "wealist --sandbox locks dev/base" in answer.err
    assert serial(applied) == before


def test_a_wrong_name_restores_nothing(applied: Rehearsal) -> None:
    applied.ok("up", "base", "-y", "--set", f"db_password={CANARY}", "--set", "greeting=newest")
    old = history(applied)[1]["version_id"]
    before = body(applied)
    with dialogue(applied, "state", "restore", "base", "--version", old) as talk:
        talk.read_until("Type dev/base to go on:")
        talk.answer("base")
        talk.read_until("nothing was done: not confirmed")
        assert talk.process.wait(timeout=60) == 1
        assert CANARY not in talk.said
    assert applied("state", "restore", "base", "--version", old, "--confirm", "other").code == 64
    assert body(applied) == before


def test_a_restored_lock_is_one_that_terraform_respects(applied: Rehearsal) -> None:
    """The lock that wealist takes is Terraform's own: what it reads of it is what wealist wrote."""
    backend = Backend(
        bucket=STATE["Bucket"],
        key=STATE["Key"],
        region=REGION,
        dynamodb_table=TABLE,
        location=Location(applied.layer, 1),
    )
    text = lock_info(backend, who="minsu@build-7", operation="OperationTypeRestore", note="wealist, pid 1")
    dynamodb = applied.client("dynamodb", REGION)
    dynamodb.put_item(TableName=TABLE, Item={"LockID": {"S": LOCK_ID}, "Info": {"S": text}})
    try:
        answer = say(applied, "tf", "base", "--", "plan", "-input=false", "-no-color")
    finally:
        dynamodb.delete_item(TableName=TABLE, Key={"LockID": {"S": LOCK_ID}})
    assert answer.code == 1
    assert json.loads(text)["ID"] in answer.err
    assert "minsu@build-7" in answer.err
    assert "wealist, pid 1" in answer.err
