"""Real small programs: what this module does can't be seen on a fake."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator import process
from orchestrator.process import Cancellation, Command, Completed, StartError

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 10.0


def command(folder: Path, program: str, *, grace: float = 5.0, **env: str) -> Command:
    return Command(argv=[sys.executable, "-u", "-c", program], cwd=folder, env={"PATH": "", **env}, grace=grace)


def wait_for(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_true():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie whose parent is slow to collect it does nothing any more.
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return True


def test_exit_code_and_both_streams_come_back(tmp_path: Path) -> None:
    done = process.run(command(tmp_path, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"))

    assert done == Completed(returncode=7, stdout="out\n", stderr="err\n")


def test_lines_come_as_they_are_written(tmp_path: Path) -> None:
    seen: list[str] = []
    gate = tmp_path / "gate"
    program = f"""
import pathlib, time
print("one")
while not pathlib.Path({str(gate)!r}).exists():
    time.sleep(0.01)
print("two")
"""

    def on_line(line: str) -> None:
        seen.append(line)
        gate.touch()

    process.run(command(tmp_path, program), on_line=on_line)

    assert seen == ["one\n", "two\n"]


def test_huge_output_on_both_pipes_does_not_stop_the_child(tmp_path: Path) -> None:
    program = (
        "import sys\nfor _ in range(200):\n  sys.stderr.write('e' * 9999 + '\\n'); sys.stdout.write('o' * 9999 + '\\n')"
    )

    done = process.run(command(tmp_path, program))

    assert (len(done.stdout), len(done.stderr)) == (2_000_000, 2_000_000)


def test_the_child_can_not_ask(tmp_path: Path) -> None:
    assert process.run(command(tmp_path, "import sys; print(repr(sys.stdin.read()))")).stdout == "''\n"


def test_folder_and_environment_are_those_that_were_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INHERITED", "yes")
    program = "import os; print(os.getcwd(), os.environ.get('INHERITED'), os.environ['GIVEN'])"

    assert process.run(command(tmp_path, program, GIVEN="1")).stdout == f"{tmp_path} None 1\n"


def test_the_child_has_a_process_group_of_its_own(tmp_path: Path) -> None:
    done = process.run(command(tmp_path, "import os; print(os.getpid(), os.getpgrp(), os.getsid(0))"))

    pid, group, session = map(int, done.stdout.split())
    assert pid == group == session
    assert group != os.getpgrp()


def test_bytes_that_are_no_text_do_not_stop_it(tmp_path: Path) -> None:
    done = process.run(command(tmp_path, "import sys; sys.stdout.buffer.write(b'caf\\xff\\n')"))

    assert done.stdout == "caf\ufffd\n"


def test_a_program_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(StartError):
        process.run(Command(argv=[str(tmp_path / "gone")], cwd=tmp_path, env={}))


def test_an_error_in_the_callback_is_raised_once_the_child_has_ended(tmp_path: Path) -> None:
    seen: list[str] = []
    ended = tmp_path / "ended"

    def on_line(line: str) -> None:
        seen.append(line)
        raise ValueError("from the callback")

    program = f"print('a' * 100_000)\nprint('b' * 100_000)\nopen({str(ended)!r}, 'w')"
    with pytest.raises(ValueError, match="from the callback"):
        process.run(command(tmp_path, program), on_line=on_line)

    assert len(seen) == 1
    assert ended.exists()


POLITE = """
import signal, sys, time
def stop(*_):
    print("saving")
    sys.exit({code})
signal.signal(signal.SIGINT, stop)
print("ready")
time.sleep(30)
"""

DEAF = """
import signal, time
signal.signal(signal.SIGINT, lambda *_: print("no"))
print("ready")
while True:
    time.sleep(0.05)
"""


def stopped(folder: Path, program: str, *, grace: float = 5.0, requests: int = 1) -> tuple[Completed, list[float]]:
    """Run a program, ask it to stop once it is ready, and ask again when it says no."""
    cancellation = Cancellation()
    told: list[float] = []

    def on_line(line: str) -> None:
        if line == "ready\n" or (line == "no\n" and requests > 1):
            cancellation.request()

    done = process.run(
        command(folder, program, grace=grace), on_line=on_line, on_stopping=told.append, cancellation=cancellation
    )
    return done, told


@pytest.mark.parametrize("code", [0, 1])
def test_the_first_request_asks_and_waits(tmp_path: Path, code: int) -> None:
    done, told = stopped(tmp_path, POLITE.format(code=code))

    assert done.stdout == "ready\nsaving\n"
    assert (done.returncode, done.was_interrupted) == (code, True)
    assert told == [5.0]


def test_the_second_request_ends_it(tmp_path: Path) -> None:
    done, told = stopped(tmp_path, DEAF, grace=60.0, requests=2)

    assert (done.returncode, done.was_interrupted) == (-signal.SIGTERM, True)
    assert told == [60.0, 0.0]


def test_the_grace_is_not_for_ever(tmp_path: Path) -> None:
    done, told = stopped(tmp_path, DEAF, grace=0.2)

    assert done.returncode == -signal.SIGTERM
    assert told == [0.2, 0.0]


def test_what_ignores_every_signal_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_KILL_AFTER", 0.2)
    program = DEAF.replace('print("ready")', "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready')")

    done, told = stopped(tmp_path, program, grace=0.1)

    assert done.returncode == -signal.SIGKILL
    assert told == [0.1, 0.0]


def test_a_child_that_was_not_asked_was_not_interrupted(tmp_path: Path) -> None:
    assert not process.run(command(tmp_path, ""), cancellation=Cancellation()).was_interrupted


@pytest.mark.parametrize("failure", [SystemExit, BrokenPipeError, KeyboardInterrupt])
def test_a_display_that_fails_does_not_take_the_child_with_it(failure: type[BaseException], tmp_path: Path) -> None:
    """`wealist up 2>&1 | tee log`, and Ctrl-C: tee is gone, and whatever is printed fails."""
    program = """
import signal, sys, time
from dataclasses import replace
from pathlib import Path
def stop(*_):
    Path("saved").write_text("its state")
    sys.exit(0)
signal.signal(signal.SIGINT, stop)
print("ready", flush=True)
time.sleep(60)
"""
    cancellation = Cancellation()

    def on_line(_line: str) -> None:
        cancellation.request()
        raise failure

    def on_stopping(_grace: float) -> None:
        raise failure

    with pytest.raises(failure):
        process.run(command(tmp_path, program), on_line=on_line, on_stopping=on_stopping, cancellation=cancellation)

    assert (tmp_path / "saved").read_text() == "its state"


def test_a_pipe_is_read_on_after_its_reader_has_failed(tmp_path: Path) -> None:
    """A full pipe would stop Terraform for ever, with the lock in its hand."""

    def on_line(_line: str) -> None:
        raise SystemExit

    program = "for n in range(20_000):\n    print('x' * 50)\nopen('done', 'w').close()"
    with pytest.raises(SystemExit):
        process.run(command(tmp_path, program), on_line=on_line)

    assert (tmp_path / "done").exists()


def test_a_grandchild_that_keeps_the_pipe_open_does_not_outlive_a_killed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_KILL_AFTER", 0.2)
    program = """
import signal, subprocess, sys, time
ignore = "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (2, 15)]; print('ready'); time.sleep(60)"
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.run([sys.executable, "-u", "-c", ignore])
"""
    began = time.monotonic()

    done, _ = stopped(tmp_path, program, grace=0.1)

    assert done.returncode == -signal.SIGKILL
    assert time.monotonic() - began < PATIENCE


LEAVES_ONE = """
import subprocess, sys
left = subprocess.Popen([sys.executable, "-u", "-c", {program!r}], start_new_session={in_session})
print(left.pid)
print("last words", end="")
sys.exit(3)
"""
SILENT = "import time; time.sleep(30)"
CHATTY = "import time\nwhile True: print('still here' * 1000)"


@pytest.mark.parametrize("program", [SILENT, CHATTY], ids=["silent", "chatty"])
@pytest.mark.parametrize("in_session", [False, True], ids=["group", "session"])
def test_what_the_child_left_running_does_not_hold_up_the_run(
    tmp_path: Path, program: str, *, in_session: bool
) -> None:
    """As `sh -c 'daemon & exit 3'`."""
    began = time.monotonic()

    done = process.run(command(tmp_path, LEAVES_ONE.format(program=program, in_session=in_session)))

    seconds = time.monotonic() - began
    pid = int(done.stdout.split("\n")[0])
    try:
        # It was asked to do nothing, and is not ours to end.
        assert is_alive(pid)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert (done.returncode, done.was_interrupted) == (3, False)
    assert "last words" in done.stdout
    assert seconds < PATIENCE / 2


WITHOUT_PARENT = """
import sys
from dataclasses import replace
from pathlib import Path
from orchestrator.process import Command, run
child = "import time; print('begun', flush=True); time.sleep(1); print('saved'); open('state', 'w').write('whole')"
run(Command(argv=[sys.executable, "-c", child], cwd=Path(sys.argv[1]), env={}), on_line=lambda line: print(line, flush=True))
"""


def test_a_child_whose_parent_is_killed_goes_on_to_its_end(tmp_path: Path) -> None:
    """As Terraform must: what it has made is in no state before it has saved it."""
    argv = [sys.executable, "-c", WITHOUT_PARENT, str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "begun\n"
        parent.kill()

    deadline = time.monotonic() + PATIENCE
    while not (tmp_path / "state").exists() and time.monotonic() < deadline:
        time.sleep(0.05)

    assert (tmp_path / "state").read_text() == "whole"


def test_a_line_that_comes_in_pieces_is_one(tmp_path: Path) -> None:
    seen: list[str] = []
    long = "print('x' * 300_000, end=''); print('y'); print('z', end='')"

    done = process.run(command(tmp_path, long), on_line=seen.append)

    assert seen == ["x" * 300_000 + "y\n", "z"]
    assert done.stdout == "".join(seen)


def test_requests_are_counted_across_threads() -> None:
    cancellation = Cancellation()
    assert not cancellation.is_requested

    thread = threading.Thread(target=cancellation.request)
    thread.start()
    thread.join()
    cancellation.request()

    assert (cancellation.is_requested, cancellation.requests) == (True, 2)


def test_no_environment_shows_in_a_repr(tmp_path: Path) -> None:
    assert "hunter2" not in repr(command(tmp_path, "", PASSWORD="hunter2"))
    assert "hunter2" not in repr(Completed(returncode=0, stdout="hunter2", stderr="hunter2"))


def test_a_spawned_program_writes_to_its_log_and_is_left_running(tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = (
        "import os, sys, time; print('up', os.getsid(0) == os.getpid()); print('err', file=sys.stderr); time.sleep(60)"
    )

    child = process.spawn(command(tmp_path, program), log=log)
    try:
        wait_for(lambda: "err" in log.read_text())
        assert child.poll() is None
        assert log.read_text() == "up True\nerr\n"
        assert log.stat().st_mode & 0o777 == 0o600
    finally:
        child.kill()
        child.wait()


def test_a_spawned_program_is_given_its_secret_where_nobody_else_sees_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    given = replace(command(tmp_path, "import sys; print(len(sys.stdin.read()), sys.argv[1:])"), stdin="hunter2" * 3)

    child = process.spawn(given, log=log)

    assert child.wait(20) == 0
    assert log.read_text() == "21 []\n"


def test_a_plugin_does_not_outlive_a_terraform_that_was_ended(tmp_path: Path) -> None:
    pids: list[int] = []
    cancellation = Cancellation()
    program = """
import signal, subprocess, sys, time
plugin = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(2, signal.SIG_IGN); time.sleep(3)"])
signal.signal(signal.SIGINT, lambda *_: print("no"))
print(plugin.pid)
while True:
    time.sleep(0.05)
"""

    def on_line(line: str) -> None:
        if line != "no\n":
            pids.append(int(line))
        cancellation.request()

    began = time.monotonic()
    process.run(command(tmp_path, program), on_line=on_line, cancellation=cancellation)

    assert time.monotonic() - began < 2.0
    wait_for(lambda: not is_alive(pids[0]))


def test_standard_input_comes_through_a_pipe_and_shows_in_no_repr(tmp_path: Path) -> None:
    given = replace(command(tmp_path, "import sys; print(sys.stdin.read()[::-1])"), stdin="canary-Zq9")

    assert process.run(given).stdout == "9qZ-yranac\n"
    assert "canary" not in repr(given)


def test_more_standard_input_than_a_pipe_holds(tmp_path: Path) -> None:
    given = replace(command(tmp_path, "import sys; print(len(sys.stdin.read()))"), stdin="x" * 1_000_000)

    assert process.run(given).stdout == "1000000\n"


def test_a_child_that_does_not_read_its_standard_input_ends_all_the_same(tmp_path: Path) -> None:
    given = replace(command(tmp_path, "print('done')"), stdin="x" * 1_000_000)

    assert process.run(given) == Completed(returncode=0, stdout="done\n", stderr="")
