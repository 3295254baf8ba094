from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from orchestrator.errors import SandboxError
from orchestrator.process import Command, spawn
from orchestrator.sandbox import control

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Stands in the real server's place, by its name: it writes what the real one writes, and answers as it does.
LOOKALIKE = """
import hashlib, hmac, http.server, json, os, pathlib, signal, sys, urllib.parse
home = pathlib.Path(sys.argv[sys.argv.index("--runtime") + 1])
keys = json.loads(sys.stdin.read() or "{}")
known = keys.get("secret_key", "known")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        challenge = urllib.parse.parse_qs(self.path.partition("?")[2])["challenge"][0]
        proof = hmac.new(known.encode(), b"health\\0" + challenge.encode(), hashlib.sha256).hexdigest()
        file = home / "answer"
        body = file.read_bytes() if file.exists() else json.dumps({"proof": proof}).encode()
        self.send_response(200); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_):
        pass
SETUP = None
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
import psutil
state = {"pid": os.getpid(), "process_started": psutil.Process().create_time(), "port": server.server_port,
         "access_key": "KEY", "secret_key": known, "account_id": "1", "started_at": "now", "modules": ["/mirror"],
         **keys, "argv": sys.argv[1:], "environment": sorted(os.environ)}
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
        if child.stdin is not None:
            child.stdin.close()
    _children.clear()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "sandbox"
    home.mkdir()
    return home


def program_folder(home: Path, program: str) -> Path:
    """A folder from which `python -m orchestrator.sandbox.server` runs this program."""
    folder = home.parent / "program"
    package = folder / "orchestrator" / "sandbox"
    package.mkdir(parents=True, exist_ok=True)
    for init in (package.parent, package):
        (init / "__init__.py").touch()
    (package / "server.py").write_text(program)
    return folder


def run_server(home: Path, program: str = LOOKALIKE, *, module: str = "orchestrator.sandbox.server") -> dict[str, Any]:
    """A server that was started before; returns what it wrote down."""
    _children.append(
        subprocess.Popen(
            [sys.executable, "-P", "-m", module, "--runtime", str(home)],
            env={**os.environ, "PYTHONPATH": str(program_folder(home, program))},
            stdin=subprocess.DEVNULL,
        )
    )
    deadline = time.monotonic() + 20
    while not (home / "server.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    state: dict[str, Any] = json.loads((home / "server.json").read_text())
    return state


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a server that no test ends."""
    home = tmp_path_factory.mktemp("shared") / "sandbox"
    home.mkdir()
    run_server(home)
    child = _children.pop()
    yield home
    child.kill()
    child.wait()


@pytest.fixture
def lasting(shared: Path) -> Path:
    """The same, its answers as they should be."""
    (shared / "answer").unlink(missing_ok=True)
    return shared


def write(home: Path, state: dict[str, Any]) -> None:
    (home / "server.json").write_text(json.dumps(state))


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def stand_in(monkeypatch: pytest.MonkeyPatch, program: str) -> list[Command]:
    """Let another program be started in the server's place."""
    commands: list[Command] = []

    def spawn_other(command: Command, *, log: Path) -> subprocess.Popen[bytes]:
        commands.append(command)
        # The server takes no module from the folder that it starts in.
        env = {**command.env, "PYTHONPATH": str(program_folder(command.cwd, program))}
        _children.append(spawn(replace(command, env=env), log=log))
        return _children[-1]

    monkeypatch.setattr(control, "spawn", spawn_other)
    return commands


def test_a_server_that_proves_itself_is_ours(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:3128")
    state = run_server(home)

    server = control.find(home)

    assert server is not None
    assert (server.port, server.url, server.account_id) == (state["port"], f"http://127.0.0.1:{state['port']}", "1")


@pytest.mark.parametrize("answer", [{"proof": "another"}, {"proof": None}, {}, [], None, b"<html>", b"\xff"])
def test_a_process_that_can_not_prove_it_is_not_ours(answer: Any, lasting: Path) -> None:
    (lasting / "answer").write_bytes(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    assert control.find(lasting) is None


def test_another_port_is_not_the_servers(home: Path) -> None:
    """A listener that knows the keys, because it wrote the file, is still another process."""
    state = run_server(home)
    other = home.parent / "other" / "sandbox"
    other.mkdir(parents=True)
    port = run_server(other)["port"]

    write(home, {**state, "port": port, "secret_key": "known"})

    assert control.find(home) is None
    assert control.stop(home) is False
    assert is_alive(state["pid"])


def test_an_address_in_the_file_is_never_asked(home: Path) -> None:
    state = run_server(home)
    write(home, {**state, "url": "http://192.0.2.1:9"})

    server = control.find(home)

    assert server is not None
    assert server.url == f"http://127.0.0.1:{state['port']}"


@pytest.mark.parametrize(
    "changes",
    [
        {"process_started": 1.0},
        {"pid": os.getpid()},
        {"pid": 1},
        {"pid": 0},
        {"pid": -1},
        {"pid": 2**40},
        {"secret_key": "another"},
        {"secret_key": ""},
    ],
)
def test_a_file_that_is_not_true_is_not_believed(changes: dict[str, Any], lasting: Path) -> None:
    state = json.loads((lasting / "server.json").read_text())
    assert control.find(lasting) is not None

    write(lasting, {**state, **changes})

    assert control.find(lasting) is None
    write(lasting, state)


def test_a_program_that_the_file_names_is_not_ended(home: Path) -> None:
    state = run_server(home)
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "--runtime", str(home)])
    _children.append(sleeper)
    started = psutil.Process(sleeper.pid).create_time()

    write(home, {**state, "pid": sleeper.pid, "process_started": started})

    assert control.stop(home) is False
    assert is_alive(sleeper.pid)


def test_the_server_of_another_folder_is_not_ended(home: Path) -> None:
    other = home.parent / "other" / "sandbox"
    other.mkdir(parents=True)
    state = run_server(other)

    write(home, state)

    assert control.find(home) is None
    assert control.stop(home) is False
    assert is_alive(state["pid"])


def test_a_stale_file_is_no_server(home: Path) -> None:
    state = run_server(home)
    _children[0].kill()
    _children[0].wait()

    write(home, state)

    assert control.find(home) is None
    assert control.stop(home) is False


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"pid": "x"}'])
def test_a_file_that_can_not_be_read_is_no_server(text: str, home: Path) -> None:
    (home / "server.json").write_text(text)

    assert control.find(home) is None


def test_no_file_is_no_server(home: Path) -> None:
    assert control.find(home) is None


def test_a_server_is_described_without_its_keys(home: Path) -> None:
    state = run_server(home)
    server = control.find(home)
    assert server is not None

    assert server.to_json() == {
        "pid": state["pid"],
        "url": f"http://127.0.0.1:{state['port']}",
        "account_id": "1",
        "started_at": "now",
        "modules": ["/mirror"],
    }
    assert "known" not in repr(server)


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
        assert set(state["environment"]) - {"LC_CTYPE", "PYTHONPATH"} == {"PATH", "HOME"}
    finally:
        assert control.stop(home) is True
    (command,) = commands
    assert list(command.argv)[:4] == [sys.executable, "-P", "-m", "orchestrator.sandbox.server"]
    words = state["argv"]
    keys = server.credential.to_json()
    assert {name: state[name] for name in keys} == keys
    assert not [key for key in keys.values() if key in " ".join(command.argv) or key in " ".join(command.env.values())]
    assert [words[i + 1] for i, word in enumerate(words) if word == "--modules"] == [
        str(tmp_path / "a"),
        str(tmp_path / "b"),
    ]
    assert words[-2:] == ["--account-id", "210987654321"]
    assert control.find(home) is None
    assert not psutil.pid_exists(server.pid)


def test_each_start_has_keys_of_its_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, LOOKALIKE)
    found = []
    for _ in range(2):
        found.append(control.start(home, environ={"PATH": os.environ["PATH"]}, modules=[]).credential.to_json())
        control.stop(home)

    assert not set(found[0].values()) & set(found[1].values())
    assert min(map(len, found[0].values())) > 32


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


def test_a_server_that_does_not_stop_says_how_to_end_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_STOP_TIMEOUT", 0.1)
    deaf = run_server(home, LOOKALIKE.replace("SETUP = None", "signal.signal(15, signal.SIG_IGN)"))

    with pytest.raises(SandboxError, match=f"pid {deaf['pid']}\\) does not stop") as caught:
        control.stop(home)

    assert caught.value.hint == f"kill -9 {deaf['pid']}"


def test_a_server_that_does_not_answer_any_more_is_stopped(home: Path) -> None:
    state = run_server(home)
    (home / "answer").write_text("?")

    assert control.stop(home) is True
    assert not psutil.pid_exists(state["pid"])


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
