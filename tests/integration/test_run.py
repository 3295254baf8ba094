"""What `plan` and `up` promise, on the real Terraform."""

from __future__ import annotations

import base64
import json
import shlex
import signal
import socketserver
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Self

import pytest
import testinfra

from tests.integration.conftest import SMALL_LAYER, Rehearsal, dialogue

pytestmark = pytest.mark.real

CANARY = "canary-Zq7+w/9=x&y"
HOST = testinfra.get_host("local://")
STATE = {"Bucket": "small-estate-state", "Key": "dev/base/terraform.tfstate"}
LOCK_ID = "small-estate-state/dev/base/terraform.tfstate"


def serial(estate: Rehearsal) -> int:
    body = estate.client("s3", "eu-west-1").get_object(**STATE)["Body"]
    return int(json.load(body)["serial"])


def of_layers(estate: Rehearsal) -> list[dict[str, Any]]:
    """The ledger's entries about layers, not about whole runs."""
    entries = map(json.loads, (estate.home / "ledger.jsonl").read_text().splitlines())
    return [entry for entry in entries if "layer" in entry]


def parameter(estate: Rehearsal, name: str) -> str:
    answer = estate.client("ssm", "eu-west-1").get_parameter(Name=name, WithDecryption=True)
    return str(answer["Parameter"]["Value"])


def everything_left_behind(estate: Rehearsal) -> dict[Path, str]:
    """Every file below the estate, the provider's binary left out."""
    files = [path for path in estate.root.rglob("*") if path.is_file() and "providers" not in path.parts]
    return {path: path.read_bytes().decode(errors="replace") for path in files}


def test_up_applies_and_the_second_finds_nothing(small: Rehearsal) -> None:
    first = small.ok("up", "base", "-y", "--set", "greeting=annyeong", "--set", 'names=["a", "b"]')
    assert 'greeting   = "annyeong"' in first.out
    assert 'names      = ["a", "b"]' in first.out
    assert parameter(small, "/small/greeting") == "annyeong"
    before = serial(small)
    second = small.ok("up", "base", "-y", "--set", "greeting=annyeong", "--set", 'names=["a", "b"]')
    assert "nothing to change" in second.err
    assert "init      not needed" in second.err
    assert serial(small) == before


def test_a_canary_secret_is_nowhere(small: Rehearsal) -> None:
    said = [
        small.ok("up", "base", "-y", "--set", f"db_password={CANARY}").said,
        small.ok("plan", "base", "--set", f"db_password={CANARY}", "--set", "greeting=other").said,
        small.ok("plan", "base", "--set", "db_password=another-one-entirely").said,
        small.ok("up", "base", "-y", "--json", "--set", f"db_password={CANARY}", "--log-format", "json").said,
        small.ok("output", "base").said,
        small.ok("output", "base", "--json").said,
        small.ok("preflight").said,
    ]
    assert small.ok("secrets", "app-password").out == f"{CANARY}\n", "the canary was never in the estate"
    encoded = base64.b64encode(CANARY.encode()).decode().rstrip("=")
    for text in said:
        assert CANARY not in text
        assert encoded not in text
    left = everything_left_behind(small)
    assert small.home / "ledger.jsonl" in left
    assert [path for path, text in left.items() if CANARY in text or encoded in text] == []


def test_what_a_run_leaves_is_private(small: Rehearsal) -> None:
    small.ok("plan", "base", "--set", "greeting=private")
    newest = max((small.home / "runs").iterdir())
    assert HOST.file(str(small.home)).mode == 0o700
    assert HOST.file(str(newest)).mode == 0o700
    names = {path.name for path in newest.iterdir()}
    assert names == {"alive", "events.jsonl", "report.json"}, "a plan or a variables file stayed behind"
    assert {HOST.file(str(newest / name)).mode for name in names} == {0o600}
    assert HOST.file(str(small.home / "ledger.jsonl")).mode == 0o600


def test_a_destroy_in_the_environment_is_left_out(small: Rehearsal) -> None:
    small.ok("up", "base", "-y")
    answer = small.ok(
        "up", "base", "-y", TF_CLI_ARGS_plan="-destroy", TF_VAR_greeting="from the shell", TF_WORKSPACE="other"
    )
    assert "nothing to change" in answer.err
    for name in ("TF_CLI_ARGS_plan", "TF_VAR_greeting", "TF_WORKSPACE"):
        assert f"note: {name} is left out" in answer.err
    assert parameter(small, "/small/greeting") == "hello"


def test_the_plan_that_was_shown_is_the_plan_that_is_applied(small: Rehearsal) -> None:
    """While the question stands, the HCL changes; the answer is about what was shown."""
    small.ok("up", "base", "-y")
    with dialogue(small, "up", "base", "--set", "greeting=shown") as talk:
        assert '"hello" → "shown"' in talk.read_until("Only 'yes' will do:")
        copy = small.home / "work" / "terraform" / "dev" / "base" / "main.tf"
        for path in (small.layer, copy):
            path.write_text(SMALL_LAYER.replace('"/small/greeting"', '"/small/never-shown"'))
        talk.answer("yes")
        talk.read_until("1 changed")
        assert talk.process.wait(timeout=60) == 0
    assert parameter(small, "/small/greeting") == "shown"
    names = {p["Name"] for p in small.client("ssm", "eu-west-1").describe_parameters()["Parameters"]}
    assert "/small/never-shown" not in names
    started, finished = of_layers(small)[-2:]
    assert started["event"] == "apply-started"
    assert started["plan_digest"] == finished["plan_digest"]


def test_a_no_applies_nothing(small: Rehearsal) -> None:
    small.ok("up", "base", "-y")
    before = serial(small)
    with dialogue(small, "up", "base", "--set", "greeting=declined") as talk:
        # Typed before the plan was shown: no answer to it.
        talk.answer("yes")
        talk.read_until("Only 'yes' will do:")
        talk.answer("y")
        talk.read_until("not confirmed, so not applied")
        assert talk.process.wait(timeout=60) == 1
    assert serial(small) == before
    assert parameter(small, "/small/greeting") == "hello"


def test_a_held_lock_is_named_and_nothing_is_done(small: Rehearsal) -> None:
    small.ok("up", "base", "-y")
    info = {
        "ID": "3f0d5f2c-0000-4000-8000-000000000000",
        "Who": "minsu@build-7",
        "Operation": "OperationTypeApply",
        "Version": "1.11.4",
        "Created": "2026-01-02T03:04:05.123456789Z",
    }
    dynamodb = small.client("dynamodb", "eu-west-1")
    dynamodb.put_item(TableName="small-estate-lock", Item={"LockID": {"S": LOCK_ID}, "Info": {"S": json.dumps(info)}})
    try:
        answer = small("up", "base", "-y", "--set", "greeting=locked")
    finally:
        dynamodb.delete_item(TableName="small-estate-lock", Key={"LockID": {"S": LOCK_ID}})
    assert answer.code == 12, answer.said
    assert "locked by minsu@build-7 (apply, since 2026-01-02 03:04:05 UTC" in answer.err
    assert "--lock-timeout" in answer.err
    assert parameter(small, "/small/greeting") == "hello"


SLOW = (
    SMALL_LAYER
    + """
resource "terraform_data" "slow" {
  input = "slow"
  provisioner "local-exec" {
    command = "sleep 30"
  }
}
"""
)


def test_ctrl_c_stops_terraform_politely(small: Rehearsal) -> None:
    small.ok("up", "base", "-y")
    small.layer.write_text(SLOW)
    process = small.start("up", "base", "-y", "--log-format", "json")
    wait_for_event(small, "terraform_data.slow")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "Stopping" in err
    assert "interrupted" in err
    assert lock_item(small) is None, "the lock was left behind"
    assert small.processes() == []
    entry = of_layers(small)[-1]
    assert entry["outcome"] == "interrupted"
    small.layer.write_text(SMALL_LAYER)
    small.ok("up", "base", "-y")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP, signal.SIGTERM])
def test_a_closed_terminal_stops_terraform_as_politely(small: Rehearsal, number: signal.Signals) -> None:
    """Nobody reads what is printed any more, as after `2>&1 | tee log` and Ctrl-C, or a lost connection."""
    small.ok("up", "base", "-y")
    small.layer.write_text(SLOW.replace("terraform_data.slow", f"terraform_data.slow{number}"))
    process = small.start("up", "base", "-y")
    wait_for_event(small, "terraform_data.slow")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    process.stderr.close()
    process.send_signal(number)
    process.wait(timeout=60)
    assert lock_item(small) is None, "the lock was left behind"
    assert small.processes() == []
    entry = of_layers(small)[-1]
    assert (entry["event"], entry["outcome"]) == ("finished", "interrupted")
    small.layer.write_text(SMALL_LAYER)
    small.ok("up", "base", "-y")


def test_terraform_saves_what_it_made_where_wealist_is_killed(small: Rehearsal) -> None:
    """As the kernel does it when memory runs out: what was made must not end up in no state."""
    small.ok("up", "base", "-y")
    made = '\nresource "aws_ssm_parameter" "orphan" {\n  name = "/small/orphan"\n  type = "String"\n  insecure_value = "v"\n}\n'
    small.layer.write_text(
        SLOW.replace("sleep 30", "sleep 6").replace("terraform_data.slow", "terraform_data.once") + made
    )
    process = small.start("up", "base", "-y")
    wait_for_event(small, "terraform_data.slow")
    process.kill()
    process.communicate()

    deadline = time.monotonic() + 60
    while lock_item(small) is not None and time.monotonic() < deadline:
        time.sleep(0.2)

    assert lock_item(small) is None, "Terraform did not give its lock back"
    addresses = small.ok("tf", "base", "--", "state", "list").out.splitlines()
    assert {"aws_ssm_parameter.orphan", "terraform_data.slow"} <= set(addresses)
    assert "nothing to change" in small.ok("up", "base", "-y").err
    small.layer.write_text(SMALL_LAYER)
    small.ok("up", "base", "-y")


def test_a_sensitive_value_that_terraform_quotes_is_not_kept(small: Rehearsal) -> None:
    checked = """
  validation {
    condition     = length(var.db_password) > 40
    error_message = "Too short."
  }
}"""
    small.layer.write_text(SMALL_LAYER.replace("  sensitive = true\n}", f"  sensitive = true\n{checked}", 1))
    answer = small("plan", "base", "--set", f"db_password={CANARY}")
    assert answer.code == 1
    assert "Too short." in answer.err
    assert CANARY not in answer.said
    assert [path for path, text in everything_left_behind(small).items() if CANARY in text] == []


def test_a_selected_workspace_stops_the_run_until_it_is_gone(small: Rehearsal) -> None:
    """The state that was checked is the state that is written, and whoever selected another one meant another one."""
    small.ok("up", "base", "-y")
    folder = small.home / "work" / "terraform" / "dev" / "base"
    (folder / ".terraform" / "environment").write_text("other")
    refused = small("up", "base", "-y")
    assert refused.code == 10
    (remedy,) = [line.strip() for line in refused.err.splitlines() if line.strip().startswith("rm ")]
    subprocess.run(shlex.split(remedy.partition(" selects")[0]), check=True)
    assert "nothing to change" in small.ok("up", "base", "-y").err


def test_an_import_is_shown_and_counted(small: Rehearsal) -> None:
    small.ok("up", "base", "-y")
    small.client("ssm", "eu-west-1").put_parameter(Name="/small/found", Value="v", Type="String", Overwrite=True)
    small.layer.write_text(
        SMALL_LAYER
        + """
import {
  to = aws_ssm_parameter.found
  id = "/small/found"
}

resource "aws_ssm_parameter" "found" {
  name           = "/small/found"
  type           = "String"
  insecure_value = "v"
}
"""
    )
    answer = small("plan", "base", "--detailed-exitcode")
    assert answer.code == 2, answer.said
    assert "1 to import" in answer.out
    assert "aws_ssm_parameter.found" in answer.out


def test_no_process_outlives_a_run(small: Rehearsal) -> None:
    small.ok("up", "base", "-y")
    assert small.processes() == []


def test_the_sandbox_never_looks_at_real_credentials(small: Rehearsal, tmp_path: Path) -> None:
    """A shell full of keys, a profile in the HCL, and a trap at every address that they could lead to."""
    small.layer.write_text(small.layer.read_text().replace('provider "aws" {', 'provider "aws" {\n  profile = "prod"'))
    aws = tmp_path / ".aws"
    aws.mkdir()
    with Trap() as trap:
        (aws / "config").write_text(f"[profile prod]\nregion = eu-west-1\nendpoint_url = {trap.url}\n")
        (aws / "credentials").write_text("[prod]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\n")
        answer = small.ok(
            "up",
            "base",
            "-y",
            "--set",
            "greeting=hermetic",
            HOME=str(tmp_path),
            AWS_PROFILE="prod",
            AWS_ACCESS_KEY_ID="AKIAREAL",
            AWS_SECRET_ACCESS_KEY="real",
            AWS_SESSION_TOKEN="real",
            AWS_ENDPOINT_URL=trap.url,
            AWS_ENDPOINT_URL_S3=trap.url,
            AWS_ENDPOINT_URL_DYNAMODB=trap.url,
            AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{trap.url}/credentials",
            AWS_EC2_METADATA_SERVICE_ENDPOINT=trap.url,
            HTTP_PROXY=trap.url,
            http_proxy=trap.url,
        )
        assert trap.calls == []
    assert "AKIAREAL" not in answer.said
    assert parameter(small, "/small/greeting") == "hermetic"


def test_the_sandbox_listens_on_loopback_only(small: Rehearsal) -> None:
    port = json.loads((small.home / "server.json").read_text())["port"]
    listening = [
        line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"
    ]
    ours = [address for address in listening if int(address.partition(":")[2], 16) == port]
    assert ours == [f"0100007F:{port:04X}"]


def test_the_escape_hatch_runs_in_the_same_clean_environment(small: Rehearsal) -> None:
    small.ok("up", "base", "-y")
    answer = small.ok("tf", "base", "--", "state", "list", TF_CLI_ARGS_state="-nonsense")
    assert "aws_ssm_parameter.greeting" in answer.out.splitlines()
    assert "note: TF_CLI_ARGS_state is left out" in answer.err


def test_a_secret_reaches_a_program_without_touching_a_screen(small: Rehearsal) -> None:
    small.ok("up", "base", "-y", "--set", "db_password=handed-over-quietly")
    answer = small.ok(
        "secrets", "exec", "app-password", "--env", "PGPASSWORD", "--", "sh", "-c", "printenv PGPASSWORD | wc -c"
    )
    assert answer.out.strip() == str(len("handed-over-quietly") + 1)
    assert "handed-over-quietly" not in answer.said
    small.ok("up", "base", "-y")


def test_a_failed_apply_says_what_terraform_said(small: Rehearsal) -> None:
    small.ok("up", "base", "-y")
    small.layer.write_text(
        SMALL_LAYER
        + '\nresource "terraform_data" "bad" {\n  provisioner "local-exec" {\n    command = "exit 3"\n  }\n}\n'
    )
    answer = small("up", "base", "-y", "--json")
    assert answer.code == 1
    report = json.loads(answer.out)
    assert report["results"][0]["outcome"] == "failed"
    assert "local-exec provisioner error" in answer.err
    assert "main.tf:" in answer.err
    assert "Traceback" not in answer.said
    small.layer.write_text(SMALL_LAYER)
    small.ok("up", "base", "-y")


def wait_for_event(estate: Rehearsal, text: str, *, timeout: float = 120.0) -> None:
    """Wait until the newest run's log tells of a resource's start."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        log = max((estate.home / "runs").iterdir()) / "events.jsonl"
        if log.exists() and any(text in line and '"apply_start"' in line for line in log.read_text().splitlines()):
            return
        time.sleep(0.2)
    pytest.fail(f"{text} never started")


def lock_item(estate: Rehearsal) -> str | None:
    answer = estate.client("dynamodb", "eu-west-1").get_item(
        TableName="small-estate-lock", Key={"LockID": {"S": LOCK_ID}}
    )
    info = answer.get("Item", {}).get("Info", {}).get("S")
    return None if info is None else str(info)


class Trap:
    """A loopback server that writes down whoever calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        calls = self.calls

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                calls.append(self.rfile.readline().decode(errors="replace"))

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
