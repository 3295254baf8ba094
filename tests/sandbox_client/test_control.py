from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from orchestrator.errors import SandboxError
from orchestrator.process import Command, spawn
from orchestrator.sandbox import control
from orchestrator.sandbox.control import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Writes what the real server writes, and answers as it does.
LOOKALIKE = """
import http.server, json, os, pathlib, sys
home = pathlib.Path(sys.argv[sys.argv.index("--runtime") + 1])
token = sys.argv[sys.argv.index("--token") + 1]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"token": token}).encode()
        self.send_response(200); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
state = {"pid": os.getpid(), "port": server.server_port, "url": f"http://127.0.0.1:{server.server_port}",
         "token": token, "account_id": "1", "started_at": "now", "modules": [], "argv": sys.argv[1:],
         "environment": sorted(os.environ)}
draft = home / "draft"
draft.write_text(json.dumps(state))
draft.rename(home / "server.json")
server.serve_forever()
"""


_children: list[subprocess.Popen[bytes]] = []


@pytest.fixture(autouse=True)
def _collect_children() -> Iterator[None]:
    """What a test leaves running ends with it."""
    yield
    for child in _children:
        child.kill()
        child.wait()
    _children.clear()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "sandbox"
    home.mkdir()
    return home


@pytest.fixture
def health() -> Iterator[Callable[[Any], int]]:
    """Something that answers on a port of this machine; returns the port."""
    servers: list[http.server.HTTPServer] = []

    def serve(answer: Any) -> int:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

            def log_message(self, *_: object) -> None:
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.01}).start()
        servers.append(server)
        return server.server_port

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def write(home: Path, port: int, **changes: Any) -> None:
    state = {
        "pid": os.getpid(),
        "port": port,
        "url": f"http://127.0.0.1:{port}",
        "token": "nonce",
        "account_id": "123456789012",
        "started_at": "2026-01-02T03:04:05+00:00",
        "modules": ["/mirror"],
    }
    (home / "server.json").write_text(json.dumps({**state, **changes}))


def stand_in(monkeypatch: pytest.MonkeyPatch, program: str) -> list[Command]:
    """Let another program be started in the server's place."""
    commands: list[Command] = []

    def spawn_other(command: Command, *, log: Path) -> subprocess.Popen[bytes]:
        commands.append(command)
        words = list(command.argv)[3:]
        other = Command(argv=[sys.executable, "-c", program, *words], cwd=command.cwd, env=command.env)
        _children.append(spawn(other, log=log))
        return _children[-1]

    monkeypatch.setattr(control, "spawn", spawn_other)
    return commands


def test_a_server_that_says_the_token_is_ours(
    home: Path, health: Callable[[Any], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:3128")
    port = health({"token": "nonce"})
    write(home, port)

    server = control.find(home)

    assert server is not None
    assert (server.port, server.url, server.account_id) == (port, f"http://127.0.0.1:{port}", "123456789012")


@pytest.mark.parametrize("answer", [{"token": "another"}, {}, [], None, b"<html>", b"\xff"])
def test_another_program_on_that_port_is_not_ours(answer: Any, home: Path, health: Callable[[Any], int]) -> None:
    write(home, health(answer))

    assert control.find(home) is None


def test_a_stale_file_is_no_server(home: Path) -> None:
    write(home, 1)

    assert control.find(home) is None


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"pid": "x"}'])
def test_a_file_that_can_not_be_read_is_no_server(text: str, home: Path) -> None:
    (home / "server.json").write_text(text)

    assert control.find(home) is None


def test_no_file_is_no_server(home: Path) -> None:
    assert control.find(home) is None


def test_a_server_is_described_without_its_token(home: Path, health: Callable[[Any], int]) -> None:
    write(home, health({"token": "nonce"}))
    server = control.find(home)
    assert server is not None

    assert server.to_json() == {
        "pid": os.getpid(),
        "url": server.url,
        "account_id": "123456789012",
        "started_at": "2026-01-02T03:04:05+00:00",
        "modules": ["/mirror"],
    }


def test_a_server_is_started_found_and_stopped(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands = stand_in(monkeypatch, LOOKALIKE)
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_PROFILE": "production",
        "AWS_SECRET_ACCESS_KEY": "x",
        "TF_VAR_password": "x",
        "HTTPS_PROXY": "http://192.0.2.1:3128",
    }

    server = control.start(home, environ=environ, modules=[tmp_path / "a", tmp_path / "b"], account_id="210987654321")
    try:
        state = json.loads((home / "server.json").read_text())
        assert control.find(home) == server
        assert set(state["environment"]) - {"LC_CTYPE"} == {"PATH", "HOME"}
    finally:
        assert control.stop(home) is True
    (command,) = commands
    assert list(command.argv)[:4] == [sys.executable, "-P", "-m", "orchestrator.sandbox.server"]
    words = state["argv"]
    assert words[words.index("--token") + 1] == server.token
    assert [words[i + 1] for i, word in enumerate(words) if word == "--modules"] == [
        str(tmp_path / "a"),
        str(tmp_path / "b"),
    ]
    assert words[-2:] == ["--account-id", "210987654321"]
    assert control.find(home) is None
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)


def test_a_server_that_does_not_come_up_says_its_last_words(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, "import sys; sys.stderr.write('Traceback\\n'); sys.exit('no module named flask\\n\\n')")

    with pytest.raises(SandboxError, match="the sandbox did not start: no module named flask") as caught:
        control.start(home, environ={}, modules=[])

    assert caught.value.hint == f"its log: {home / 'server.log'}"


def test_a_server_that_says_nothing_says_that(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, "raise SystemExit(1)")

    with pytest.raises(SandboxError, match="it said nothing"):
        control.start(home, environ={}, modules=[])


def test_a_server_that_never_answers_is_ended(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_START_TIMEOUT", 0.3)
    children: list[subprocess.Popen[bytes]] = []

    def spawn_sleeper(command: Command, *, log: Path) -> subprocess.Popen[bytes]:
        sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
        children.append(spawn(Command(argv=sleeper, cwd=home, env={}), log=log))
        return children[0]

    monkeypatch.setattr(control, "spawn", spawn_sleeper)

    with pytest.raises(SandboxError, match="the sandbox did not start"):
        control.start(home, environ={}, modules=[])

    assert children[0].wait(5) != 0


@pytest.mark.parametrize("missing", ["moto", "flask"])
def test_packages_that_are_not_installed_say_how_to(missing: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "find_spec", lambda name: None if name == missing else object())

    with pytest.raises(SandboxError, match="packages that are not installed") as caught:
        control.start(home, environ={}, modules=[])

    assert caught.value.hint == f"{sys.executable} -m pip install 'wealist[sandbox]'"


def test_stopping_what_does_not_run_is_fine(home: Path) -> None:
    assert control.stop(home) is False


def test_a_server_that_does_not_stop_says_how_to_end_it(
    home: Path, health: Callable[[Any], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_STOP_TIMEOUT", 0.1)
    deaf = subprocess.Popen(
        [
            sys.executable,
            "-u",
            "-c",
            "import signal, time; signal.signal(15, signal.SIG_IGN); print(1); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
    )
    assert deaf.stdout is not None
    deaf.stdout.readline()
    write(home, health({"token": "nonce"}), pid=deaf.pid)
    try:
        with pytest.raises(SandboxError, match=f"pid {deaf.pid}\\) does not stop") as caught:
            control.stop(home)
        assert caught.value.hint == f"kill -9 {deaf.pid}"
    finally:
        deaf.kill()
        deaf.wait()
        deaf.stdout.close()


def test_a_server_that_is_gone_already_is_stopped(home: Path, health: Callable[[Any], int]) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write(home, health({"token": "nonce"}), pid=gone.pid)

    assert control.stop(home) is True


def test_one_at_a_time_changes_the_sandbox(home: Path) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with control.only_one(home):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with control.only_one(home):
        inside.set()
        time.sleep(0.1)
        order.append("first")
    thread.join()

    assert order == ["first", "second"]
    assert (home / "sandbox.lock").stat().st_mode & 0o777 == 0o600


def test_the_lock_is_let_go_by_an_error(home: Path) -> None:
    with pytest.raises(ZeroDivisionError), control.only_one(home):
        raise ZeroDivisionError

    with control.only_one(home):
        assert (home / "sandbox.lock").exists()


def test_a_described_server_is_read_back() -> None:
    data = {
        "pid": 1,
        "port": 2,
        "url": "http://127.0.0.1:2",
        "token": "t",
        "account_id": "1",
        "started_at": "now",
        "modules": ["/a", "/b"],
    }

    assert [str(folder) for folder in Server.from_json(data).modules] == ["/a", "/b"]
