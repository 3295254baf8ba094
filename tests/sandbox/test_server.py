from __future__ import annotations

import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from orchestrator.sandbox.credential import Credential
from orchestrator.sandbox.server import refuse_outside, write_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

START_TIMEOUT = 30.0
ACCOUNT = "210987654321"
REGION = "ap-northeast-2"
CREDENTIAL = Credential.create()
KEYS = json.dumps(CREDENTIAL.to_json())


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningServer:
    process: subprocess.Popen[bytes]
    runtime: Path
    state: Mapping[str, Any]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.state['port']}"

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            return json.load(answer)

    def is_well(self) -> bool:
        answer: dict[str, str] = self.get("/_wealist/health?challenge=who")
        return answer == {"proof": CREDENTIAL.answer("who")}

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=CREDENTIAL.access_key,
            aws_secret_access_key=CREDENTIAL.secret_key,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )


def command(runtime: Path, *more: str) -> list[str]:
    module = [sys.executable, "-m", "orchestrator.sandbox.server"]
    return [*module, "--runtime", str(runtime), "--modules", str(runtime), *more]


def wait_until(is_true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not is_true():
        assert time.monotonic() < deadline, f"timed out waiting for {what}"
        time.sleep(0.02)


def start(runtime: Path) -> RunningServer:
    # A stray proxy or profile of a real account must make no difference.
    environment = {
        **os.environ,
        "AWS_PROFILE": "production",
        "AWS_ENDPOINT_URL": "https://example.com",
        "HTTPS_PROXY": "http://192.0.2.1:3128",
    }
    with (runtime.parent / "log").open("ab") as log:
        process = subprocess.Popen(
            command(runtime, "--account-id", ACCOUNT),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
    assert process.stdin is not None
    with process.stdin as keys:
        keys.write(KEYS.encode())
    state_file = runtime / "server.json"
    wait_until(lambda: state_file.exists() or process.poll() is not None, "server.json")
    assert process.poll() is None, (runtime.parent / "log").read_text()
    return RunningServer(process=process, runtime=runtime, state=json.loads(state_file.read_text()))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for the tests that leave it running."""
    server = start(tmp_path_factory.mktemp("sandbox") / "runtime")
    yield server
    server.process.terminate()
    assert server.process.wait(START_TIMEOUT) == 0


def test_server_json_tells_where_it_is_to_its_owner_alone(server: RunningServer) -> None:
    state_file = server.runtime / "server.json"

    assert state_file.stat().st_mode & 0o777 == 0o600
    assert server.runtime.stat().st_mode & 0o777 == 0o700
    assert server.state["pid"] == server.process.pid
    assert Credential.from_json(server.state) == CREDENTIAL
    assert server.state["account_id"] == ACCOUNT
    assert server.state["modules"] == [str(server.runtime)]
    started = datetime.datetime.fromisoformat(server.state["started_at"])
    assert datetime.timedelta() <= datetime.datetime.now(datetime.UTC) - started < datetime.timedelta(minutes=5)


def test_health_is_a_proof(server: RunningServer) -> None:
    assert server.is_well()


@pytest.mark.skipif(not Path("/proc").exists(), reason="reads what the kernel shows of a process")
def test_nothing_that_others_may_read_holds_a_secret(server: RunningServer) -> None:
    shown = Path("/proc", str(server.process.pid), "cmdline").read_text()

    assert "orchestrator.sandbox.server" in shown
    assert not [key for key in CREDENTIAL.to_json().values() if key in shown]


@pytest.mark.parametrize("given", ["", "{", "[]", "{}", '{"access_key": "", "secret_key": ""}'])
def test_without_a_credential_it_does_not_start(tmp_path: Path, given: str) -> None:
    ended = subprocess.run(
        command(tmp_path / "runtime"), input=given, capture_output=True, text=True, timeout=START_TIMEOUT, check=False
    )

    assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert "credential on standard input" in ended.stderr
    assert not (tmp_path / "runtime").exists()


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/bucket/state", {}),
        ("/bucket/state", {"Authorization": "AWS4-HMAC-SHA256 Credential=sandbox/20260101/eu-west-1/s3/aws4_request"}),
        ("/_wealist/health?challenge=who", {"Host": "rebind.example"}),
        ("/_wealist/health?challenge=who", {"Origin": "https://page.example"}),
        ("/moto-api/data.json", {}),
    ],
)
def test_strangers_are_turned_away(server: RunningServer, path: str, headers: dict[str, str]) -> None:
    asked = urllib.request.Request(f"{server.url}{path}", headers=headers)

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(asked, timeout=10)

    assert refused.value.code == 403
    refused.value.close()


def test_a_role_of_the_sandboxs_can_be_assumed(server: RunningServer) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/deploy"
    given = server.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], REGION)

    found = session.client("sts", endpoint_url=server.url).get_caller_identity()

    assert found["Account"] == ACCOUNT


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads the kernel's list of sockets")
def test_it_listens_on_loopback_only(server: RunningServer) -> None:
    port = f"{server.state['port']:04X}"
    listening = []
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        rows = table.read_text().splitlines()[1:] if table.exists() else []
        addresses = [(fields[1], fields[3]) for fields in map(str.split, rows)]
        listening += [local for local, state in addresses if state == "0A" and local.endswith(f":{port}")]

    assert listening == [f"0100007F:{port}"]


def test_the_modules_are_served(server: RunningServer) -> None:
    (server.runtime / "acme" / "vpc" / "aws" / "1.0.0").mkdir(parents=True)

    answer = server.get(f"/_wealist/{CREDENTIAL.registry}/v1/acme/vpc/aws/versions")

    assert answer["modules"][0]["versions"] == [{"version": "1.0.0"}]


def test_the_rest_is_an_extended_aws(server: RunningServer) -> None:
    assert server.client("sts").get_caller_identity()["Account"] == ACCOUNT
    groups = server.client("elasticache").describe_cache_parameter_groups()["CacheParameterGroups"]
    assert "default.redis7" in [group["CacheParameterGroupName"] for group in groups]
    policy = "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"
    assert server.client("iam").get_policy(PolicyArn=policy)["Policy"]["Arn"] == policy


@pytest.mark.parametrize(
    ("service", "call", "arguments"),
    [
        ("elasticache", "list_allowed_node_type_modifications", {}),
        ("ec2", "describe_trunk_interface_associations", {}),
        ("kms", "generate_data_key_pair", {"KeyId": "x", "KeyPairSpec": "RSA_2048"}),
    ],
)
def test_a_call_that_is_missing_fails_at_once_and_by_name(
    server: RunningServer, service: str, call: str, arguments: dict[str, str]
) -> None:
    with pytest.raises(ClientError) as error:
        getattr(server.client(service), call)(**arguments)

    response = error.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert response["Error"]["Code"] == "NotImplemented"
    assert call in response["Error"]["Message"]


def test_a_second_server_for_the_folder_refuses_to_start(server: RunningServer) -> None:
    second = subprocess.run(
        command(server.runtime), check=False, input=KEYS, capture_output=True, text=True, timeout=START_TIMEOUT
    )

    assert second.returncode == 1
    assert str(server.runtime) in second.stderr
    assert server.is_well()


def test_it_outlives_its_terminal(server: RunningServer) -> None:
    server.process.send_signal(signal.SIGHUP)

    assert server.is_well()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_and_takes_server_json_along(tmp_path: Path, stop: signal.Signals) -> None:
    server = start(tmp_path / "runtime")

    server.process.send_signal(stop)

    assert server.process.wait(START_TIMEOUT) == 0
    assert not (server.runtime / "server.json").exists()
    assert (tmp_path / "log").read_text() == ""
    with pytest.raises(urllib.error.URLError):
        server.is_well()


def test_it_does_not_outlive_its_folder(tmp_path: Path) -> None:
    server = start(tmp_path / "runtime")

    shutil.rmtree(server.runtime)

    assert server.process.wait(START_TIMEOUT) == 0


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("socket.connect", (None, ("192.0.2.1", 443))),
        ("socket.connect", (None, ("2001:db8::1", 443, 0, 0))),
        ("socket.connect", (None, "/var/run/docker.sock")),
        ("socket.sendto", (None, ("192.0.2.1", 53))),
        ("socket.getaddrinfo", ("127.example.com", 443, 0, 0, 0)),
        ("socket.getaddrinfo", ("sts.amazonaws.com", 443, 0, 0, 0)),
        ("subprocess.Popen", ("docker", ["docker", "ps"], None, None)),
        ("os.system", (b"docker ps",)),
    ],
)
def test_it_reaches_nothing_outside(event: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(PermissionError, match="The sandbox refuses"):
        refuse_outside(event, arguments)


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("socket.connect", (None, ("127.0.0.1", 80))),
        ("socket.connect", (None, ("::1", 80, 0, 0))),
        ("socket.getaddrinfo", ("127.0.0.1", 80, 0, 0, 0)),
        ("socket.getaddrinfo", ("localhost", 80, 0, 0, 0)),
        ("open", ("/etc/hosts", "r", 0)),
    ],
)
def test_it_may_talk_to_itself(event: str, arguments: tuple[Any, ...]) -> None:
    refuse_outside(event, arguments)


def test_state_replaces_what_was_there(tmp_path: Path) -> None:
    state_file = tmp_path / "server.json"
    state_file.write_text("stale")
    state_file.chmod(0o644)

    write_state(state_file, {"pid": 1})

    assert json.loads(state_file.read_text()) == {"pid": 1}
    assert state_file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [state_file]


def test_the_process_ends_without_finalizing_what_it_holds() -> None:
    """A thousand objects take moto seconds to give up, one by one; whoever stops the server waits for that."""
    program = (
        "import sys, time\n"
        "from orchestrator.sandbox import server\n"
        "class Held:\n"
        "    def __del__(self): time.sleep(60)\n"
        "server.held = Held()\n"
        "def main(): print('served'); sys.exit(0)\n"
        "server.main = main\n"
        "server.serve_and_end()\n"
    )

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=START_TIMEOUT, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"served\n", b"")
