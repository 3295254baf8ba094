"""Locks that a killed run leaves behind, on the real Terraform: explained, respected, broken."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from orchestrator.holder import who
from tests.integration.conftest import Answer, Rehearsal, dialogue, make_estate

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

CANARY = "canary-Zq7+w/9=x&y"
BUCKET, TABLE, REGION = "small-estate-state", "small-estate-lock", "eu-west-1"


def layer(name: str, *, more: str = "") -> str:
    """A layer that needs no provider, and can be told to be slow."""
    return f"""\
terraform {{
  required_version = ">= 1.11"
  backend "s3" {{
    bucket         = "{BUCKET}"
    key            = "dev/{name}/terraform.tfstate"
    region         = "{REGION}"
    dynamodb_table = "{TABLE}"
    encrypt        = true
    {more}
  }}
}}

variable "secret" {{
  type      = string
  default   = "{CANARY}"
  sensitive = true
}}

variable "slow" {{
  type    = number
  default = 0
}}

resource "terraform_data" "secret" {{
  input = var.secret
}}

resource "terraform_data" "slow" {{
  count = var.slow
  input = "slow"
  provisioner "local-exec" {{
    command = "sleep 60"
  }}
}}
"""


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    files = {
        "wealist.yaml": "version: 1\n",
        "terraform/dev/plain/main.tf": layer("plain"),
        "terraform/dev/native/main.tf": layer("native", more="use_lockfile   = true"),
    }
    estate = make_estate(tmp_path_factory.mktemp("locks").resolve(), files)
    try:
        estate.ok("bootstrap", "-y")
        estate.ok("up", "plain", "native", "-y")
        yield estate
    finally:
        estate("sandbox", "stop")


def say(estate: Rehearsal, *words: str) -> Answer:
    """Run a command, which must show no secret whatever it says."""
    answer = estate(*words)
    assert CANARY not in answer.said
    return answer


def item(estate: Rehearsal, name: str) -> str | None:
    key = {"LockID": {"S": f"{BUCKET}/dev/{name}/terraform.tfstate"}}
    found = estate.client("dynamodb", REGION).get_item(TableName=TABLE, Key=key).get("Item")
    return str(found["Info"]["S"]) if found else None


@contextmanager
def slow_up(estate: Rehearsal, name: str) -> Iterator[tuple[psutil.Process, psutil.Process]]:
    """An apply in the middle of its work: wealist and its Terraform, both of which are gone after the block."""
    process = estate.start("up", name, "-y", "--set", "slow=1")
    terraform: psutil.Process | None = None
    try:
        deadline = time.monotonic() + 60
        while terraform is None:
            assert time.monotonic() < deadline, "the apply never began"
            assert process.poll() is None, process.communicate()
            time.sleep(0.2)
            for child in psutil.Process(process.pid).children():
                # One that ends just now has no command line any more.
                with suppress(psutil.Error):
                    words = child.cmdline()
                    if "apply" in words and any("sleep" in part for c in child.children() for part in c.cmdline()):
                        terraform = child
        yield psutil.Process(process.pid), terraform
    finally:
        process.kill()
        process.communicate()
        if terraform is not None and terraform.is_running():
            os.killpg(terraform.pid, signal.SIGKILL)


def kill(wealist: psutil.Process, terraform: psutil.Process) -> None:
    """As the kernel does it when memory runs out: no one gets to say goodbye."""
    wealist.kill()
    os.killpg(terraform.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while terraform.is_running() and terraform.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["plain", "native"])
def test_a_killed_up_leaves_a_lock_that_is_explained_and_broken(name: str, estate: Rehearsal) -> None:
    with slow_up(estate, name) as (wealist, terraform):
        running = say(estate, "status", name)
        assert f"dev/{name}" in running.out
        assert "locked" in running.out
        assert "killed" not in running.out
        kill(wealist, terraform)
    where = [f"table {TABLE}", *([f"s3://{BUCKET}/dev/{name}/terraform.tfstate.tflock"] if name == "native" else [])]

    shown = say(estate, "locks")
    assert shown.out.count(f"dev/{name} is locked") == len(where)
    assert f"{who()}, this is you" in shown.out
    assert "apply, with Terraform 1." in shown.out
    assert "no Terraform process on this host works on this state, as far as can be seen" in shown.out
    assert all(f", in {place}\n" in shown.out for place in where)
    assert f"wealist --sandbox unlock dev/{name}" in shown.err
    status = say(estate, "status")
    assert "the last one from here was killed" in status.out
    blocked = say(estate, "up", name, "-y", "--set", "slow=0", "--set", "secret=other-than-before")
    assert blocked.code == 12, blocked.said
    assert f"wealist --sandbox locks dev/{name}" in blocked.err

    freed = say(estate, "unlock", name, "--confirm", name)
    assert freed.code == 0, freed.said
    assert f"dev/{name} is free" in freed.err
    assert json.loads(say(estate, "locks", "--json").out)["locks"] == []
    entries = [json.loads(line) for line in (estate.home / "ledger.jsonl").read_text().splitlines()]
    broken = [entry["lock"] for entry in entries if entry["event"] == "unlocked" and entry["layer"] == f"dev/{name}"]
    assert sorted(lock["where"] for lock in broken) == sorted(where)
    assert {lock["holder"] for lock in broken} == {who()}
    estate.ok("up", name, "-y", "--set", "secret=other-than-before")
    assert "  applied  " in estate.ok("status", name).out
    assert say(estate, "unlock", name, "--confirm", name).err == f"dev/{name} is not locked\n"


def test_a_terraform_that_still_runs_is_not_robbed_of_its_lock(estate: Rehearsal) -> None:
    with slow_up(estate, "plain") as (_, terraform):
        info = item(estate, "plain")
        assert info is not None
        refused = say(estate, "unlock", "plain", "--confirm", "dev/plain")
        assert refused.code == 13, refused.said
        assert "the lock's holder is alive" in refused.err
        assert f" next: kill -INT {terraform.pid}" in refused.err
        assert item(estate, "plain") == info
        (shown,) = json.loads(say(estate, "locks", "plain", "--json").out)["locks"]
        assert (shown["holder_life"], shown["holder_pid"]) == ("running", terraform.pid)
        os.kill(terraform.pid, signal.SIGINT)
        os.kill(terraform.pid, signal.SIGINT)
        terraform.wait(60)
    if item(estate, "plain") is not None:
        estate.ok("unlock", "plain", "--confirm", "plain")
    estate.ok("up", "plain", "-y")


def test_only_the_layers_whole_name_breaks_a_lock(estate: Rehearsal) -> None:
    info = {"ID": "1", "Who": "minsu@build-7", "Operation": "OperationTypeApply", "Created": "2026-01-02T03:04:05Z"}
    dynamodb = estate.client("dynamodb", REGION)
    key = {"LockID": {"S": f"{BUCKET}/dev/plain/terraform.tfstate"}}
    dynamodb.put_item(TableName=TABLE, Item={**key, "Info": {"S": json.dumps(info)}})
    for answer in ("plain", "yes", "dev/native"):
        with dialogue(estate, "unlock", "plain") as talk:
            assert "minsu@build-7" in talk.read_until("Type dev/plain to go on:")
            talk.answer(answer)
            talk.read_until("nothing was done: not confirmed")
            assert talk.process.wait(timeout=60) == 1
    assert item(estate, "plain") is not None
    assert estate("unlock", "plain", "--confirm", "native").code == 64
    assert estate("unlock", "plain").code == 64
    assert item(estate, "plain") is not None
    with dialogue(estate, "unlock", "plain") as talk:
        talk.read_until("can't be told from here")
        talk.read_until("Type dev/plain to go on:")
        talk.answer("dev/plain")
        talk.read_until("dev/plain is free")
        assert talk.process.wait(timeout=60) == 0
    assert item(estate, "plain") is None
