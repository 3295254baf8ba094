"""Looking at states and their locks, and the few commands that change them."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from orchestrator import ledger
from orchestrator.cli.boundary import run
from orchestrator.holder import Holder, Life, who
from tests.estate import ACCOUNT, BUCKET, KEY, TABLE, YAML, Store, backend_block, state_text, write_layer
from tests.fakes import CANARY, FakeRunner, recorded

if TYPE_CHECKING:
    from orchestrator.discovery import Estate
    from tests.cli.conftest import Terminal

    Capture = pytest.CaptureFixture[str]

ITEM = f"{BUCKET}/{KEY}"
STALE = "d" * 32


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.aws.digest._PAUSES", ())


@pytest.fixture
def empty_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Terraform runs here, whatever else the machine does while the tests run."""
    monkeypatch.setattr(psutil, "process_iter", lambda *_, **__: iter(()))


def resource(name: str) -> dict[str, Any]:
    attributes = {"password": CANARY}
    return {"mode": "managed", "type": "aws_x", "name": name, "instances": [{"attributes": attributes}]}


def let_the_holder_run(monkeypatch: pytest.MonkeyPatch) -> None:
    holder = Holder(life=Life.RUNNING, why="terraform runs here, pid 4711", is_you=True, pid=4711)
    monkeypatch.setattr("orchestrator.evidence.find_holder", lambda *_: holder)


# status


def test_status_is_for_people(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    store.put_state(recorded("state.json"))

    assert run(["status"]) == 0

    out, err = capsys.readouterr()
    heading, compute, foundation = out.splitlines()
    assert heading == "LAYER            STATUS   SERIAL  RES.  TERRAFORM  WRITTEN (UTC)"
    assert compute == "prod/compute     never applied"
    assert foundation.startswith("prod/foundation  applied       7     6  1.11.4     20")
    assert re.search(r" \d\d:\d\d, \d s ago$", foundation)
    assert err == ""
    assert shell.commands == [], "Terraform was started"


def test_status_says_below_a_row_what_is_wrong_with_it(
    shell: FakeRunner, store: Store, estate: Estate, capsys: Capture
) -> None:
    store.put_state(recorded("state.json"))
    store.put_digest(STALE)
    store.put_lock()
    home = estate.root / ".wealist"
    home.mkdir()
    entry = {"event": "apply-started", "target": "aws", "layer": "prod/foundation", "run_id": "r"}
    (home / ledger.FILENAME).write_text(json.dumps({"time": "2026-01-02T03:04:05+00:00", **entry}))

    assert run(["status", "foundation"]) == 0

    out = capsys.readouterr().out
    assert "prod/foundation  locked" in out
    assert "\n  lock     alice@laptop (apply, since 2026-01-02 03:04:05 UTC, " in out
    assert "\n  apply    the last one from here was killed, 2026-01-02 03:04:05 UTC, " in out
    assert "\n  digest   the digest is stale: no version of the state fits\n" in out
    assert "\n  remedy   wealist state mend prod/foundation\n" in out


def test_status_is_for_scripts(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    store.put_state(recorded("state.json"))

    assert run(["status", "--json"]) == 0

    out, err = capsys.readouterr()
    layers = json.loads(out)["layers"]
    assert [(layer["layer"], layer["status"]) for layer in layers] == [
        ("prod/compute", "never applied"),
        ("prod/foundation", "applied"),
    ]
    assert err == ""


def test_a_layer_that_can_not_be_read_is_a_row_and_no_failure(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    store.put_state("<html>")

    assert run(["status"]) == 0

    out, err = capsys.readouterr()
    assert "prod/foundation  unreadable" in out
    assert err.startswith(f"! prod/foundation: s3://{ITEM}: this is not a Terraform state")
    assert "\n    wealist state history prod/foundation\n" in err


def test_what_several_layers_have_in_common_is_said_once(
    shell: FakeRunner, store: Store, capsys: Capture, estate: Estate
) -> None:
    write_layer(estate.root, "prod/third")
    store.dynamodb.delete_table(TableName=TABLE)

    assert run(["status"]) == 0

    err = capsys.readouterr().err
    assert err.count("!") == 1
    assert err.startswith("! prod/compute (and 2 more): reading the lock table acme-lock: ResourceNotFoundException")


def test_where_nothing_can_be_read_it_is_one_error_and_a_failure(
    shell: FakeRunner, capsys: Capture, estate: Estate
) -> None:
    for number in range(20):
        write_layer(estate.root, f"prod/l{number}")

    assert run(["status"]) == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 2
    assert "Unable to locate credentials" in err
    assert " next: no credentials: aws configure sso" in err


def test_where_nothing_can_be_read_scripts_get_the_rows_and_the_failure(shell: FakeRunner, capsys: Capture) -> None:
    assert run(["status", "--json"]) == 1

    layers = json.loads(capsys.readouterr().out)["layers"]
    assert {layer["status"] for layer in layers} == {"unreadable"}


def test_different_troubles_everywhere_are_all_told(
    shell: FakeRunner, store: Store, capsys: Capture, estate: Estate
) -> None:
    store.put_state("<html>")
    store.put_state("[]", key="prod/compute/terraform.tfstate")

    assert run(["status"]) == 1

    out, err = capsys.readouterr()
    assert out.count("unreadable") == 2
    assert err.count("! prod/") == 2


# locks


def test_no_lock_is_said_to_be_none(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    assert run(["locks"]) == 0
    assert capsys.readouterr() == ("", "no layer is locked\n")

    assert run(["locks", "foundation"]) == 0
    assert capsys.readouterr() == ("", "prod/foundation is not locked\n")


def test_locks_shows_the_holder_and_signs_of_life(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    store.put_state(state_text())
    store.put_lock()

    assert run(["locks"]) == 0

    out, err = capsys.readouterr()
    assert out.splitlines()[:3] == [
        "prod/foundation is locked",
        "  holder   alice@laptop",
        "  doing    apply, with Terraform 1.11.4",
    ]
    assert "\n  since    2026-01-02 03:04:05 UTC, " in out
    assert f"\n  lock     0a1b2c3d-0000-1111-2222-333344445555, in table {TABLE}\n" in out
    assert "\n  process  it works on laptop: can't be told from here (" in out
    assert "\n  state    written 20" in out
    assert err == "once its holder is surely gone: wealist unlock prod/foundation\n"


def test_a_holder_that_is_this_user_is_told(
    shell: FakeRunner, store: Store, capsys: Capture, empty_machine: None
) -> None:
    store.put_lock(who=who())

    assert run(["locks"]) == 0

    out = capsys.readouterr().out
    assert f"  holder   {who()}, this is you\n" in out
    assert "  process  no Terraform process on this host works on this state, as far as can be seen\n" in out


def test_locks_explains_a_wrong_digest(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    wanted = store.put_version(state_text(serial=1))
    store.put_digest()
    store.put_state(state_text(serial=1, outputs={"a": "b"}))

    assert run(["locks"]) == 0

    out = capsys.readouterr().out
    assert "prod/foundation has a wrong digest, which stops Terraform\n" in out
    assert f"the digest is that of version {wanted} (serial 1)\n" in out
    assert f"  remedy   wealist state restore prod/foundation --version {wanted}\n" in out


def test_locks_are_for_scripts(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    store.put_state(state_text())
    store.put_digest(STALE)
    store.put_lock()

    assert run(["locks", "--json"]) == 0

    out, err = capsys.readouterr()
    data = json.loads(out)
    assert [(lock["layer"], lock["holder"], lock["holder_life"]) for lock in data["locks"]] == [
        ("prod/foundation", "alice@laptop", "unknown")
    ]
    assert [(digest["layer"], digest["recorded"]) for digest in data["digest_mismatches"]] == [
        ("prod/foundation", STALE)
    ]
    assert (data["errors"], err) == ({}, "")


def test_locks_that_can_not_be_seen_are_one_error(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    store.dynamodb.delete_table(TableName=TABLE)

    assert run(["locks"]) == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert "error: reading the lock table acme-lock: ResourceNotFoundException" in err


# unlock


def test_unlock_shows_asks_for_the_whole_name_and_unlocks(
    shell: FakeRunner, store: Store, terminal: Terminal, estate: Estate, capsys: Capture
) -> None:
    store.put_lock()
    terminal("prod/foundation\n")

    assert run(["unlock", "foundation"]) == 0

    out, err = capsys.readouterr()
    assert out == ""
    assert "  holder   alice@laptop\n" in err
    assert "Type prod/foundation to go on:" in err
    assert "prod/foundation is free" in err
    assert store.item(ITEM) is None
    assert [entry["event"] for entry in ledger.read(estate.root / ".wealist")] == ["unlocked"]


@pytest.mark.parametrize("answer", ["foundation\n", "yes\n", "prod/compute\n", "\n", ""])
def test_any_other_answer_unlocks_nothing(
    answer: str, shell: FakeRunner, store: Store, terminal: Terminal, capsys: Capture
) -> None:
    store.put_lock()
    terminal(answer)

    assert run(["unlock", "foundation"]) == 1
    assert "error: nothing was done: not confirmed" in capsys.readouterr().err
    assert store.item(ITEM) is not None


@pytest.mark.parametrize("name", ["foundation", "prod/foundation"])
def test_the_name_can_be_given_ahead(name: str, shell: FakeRunner, store: Store) -> None:
    store.put_lock()

    assert run(["unlock", "foundation", "--confirm", name]) == 0
    assert store.item(ITEM) is None


@pytest.mark.parametrize("words", [["unlock", "foundation"], ["state", "mend", "foundation"]])
@pytest.mark.parametrize("name", ["compute", "foundatio"])
def test_another_name_is_a_mistake(
    name: str, words: list[str], shell: FakeRunner, store: Store, capsys: Capture
) -> None:
    store.put_lock()

    assert run([*words, "--confirm", name]) == 64
    assert store.item(ITEM) is not None


@pytest.mark.parametrize(
    "words",
    [["unlock", "foundation"], ["state", "mend", "foundation"], ["state", "restore", "foundation", "--version", "v"]],
)
def test_without_a_terminal_the_flag_is_named_before_anything(
    words: list[str], shell: FakeRunner, capsys: Capture
) -> None:
    """There is not even an AWS to ask."""
    assert run(words) == 64

    err = capsys.readouterr().err
    assert "there is no terminal to ask on" in err
    assert "pass --confirm prod/foundation" in err


def test_what_is_not_locked_needs_no_unlocking(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    assert run(["unlock", "foundation", "--confirm", "foundation"]) == 0
    assert capsys.readouterr().err == "prod/foundation is not locked\n"


def test_a_holder_that_runs_here_is_not_robbed(
    shell: FakeRunner, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    store.put_lock()
    let_the_holder_run(monkeypatch)

    assert run(["unlock", "foundation", "--confirm", "foundation"]) == 13

    err = capsys.readouterr().err
    assert "the lock's holder is alive: terraform runs here, pid 4711" in err
    assert " next: kill -INT 4711" in err
    assert store.item(ITEM) is not None


@pytest.mark.parametrize(
    "words",
    [["unlock", "foundation"], ["state", "mend", "foundation"], ["state", "restore", "foundation", "--version", "v"]],
)
def test_what_writes_stops_at_the_guard_of_the_account(
    words: list[str], shell: FakeRunner, store: Store, estate: Estate, capsys: Capture
) -> None:
    (estate.root / "wealist.yaml").write_text(f"{YAML}accounts:\n  prod: '210987654321'\n")
    store.put_lock()

    assert run([*words, "--confirm", "foundation"]) == 10
    assert f"of account {ACCOUNT}: prod is pinned to account 210987654321" in capsys.readouterr().err
    assert store.item(ITEM) is not None


# state history


def test_history_is_for_people(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    first = store.put_version(state_text(serial=1, resources=[resource("one")]))
    second = store.put_version("<html>")
    third = store.s3.delete_object(Bucket=BUCKET, Key=KEY)["VersionId"]

    assert run(["state", "history", "foundation"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("* deleted      20")
    assert lines[1] == f"  {third}"
    assert {lines[3], lines[5]} == {f"  {first}", f"  {second}"}
    told = "\n".join(lines)
    assert "serial 1 " in told
    assert "1 resource, 1.11.4, " in told
    assert "6 B: this is not a Terraform state" in told


def test_history_is_for_scripts_and_has_a_limit(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    for serial in range(3):
        store.put_state(state_text(serial=serial))

    assert run(["state", "history", "foundation", "--limit", "2", "--json"]) == 0

    data = json.loads(capsys.readouterr().out)
    assert data["layer"] == "prod/foundation"
    assert [version["serial"] for version in data["versions"]] == [2, 1]


def test_a_layer_that_was_never_applied_has_no_history(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    assert run(["state", "history", "foundation"]) == 0
    assert capsys.readouterr() == ("", f"prod/foundation was never applied: there is nothing at s3://{ITEM}\n")


# state restore


@pytest.fixture
def old(store: Store) -> str:
    """A version before a bad apply."""
    version = store.put_version(state_text(serial=1, resources=[resource("kept"), resource("lost")]))
    store.put_state(state_text(serial=2, resources=[resource("kept"), *(resource(f"new{n:02}") for n in range(25))]))
    return version


def test_restore_shows_asks_and_brings_back(
    shell: FakeRunner, store: Store, old: str, terminal: Terminal, capsys: Capture
) -> None:
    terminal("prod/foundation\n")

    assert run(["state", "restore", "foundation", "--version", old]) == 0

    out, err = capsys.readouterr()
    assert out == ""
    assert "\n  now      serial 2 " in err
    assert "\n  then     serial 1 " in err
    assert ", under serial 3\n" in err
    assert "\n  + aws_x.lost\n" in err
    assert "\n  - aws_x.new19\n  - and 5 more\n" in err
    assert "aws_x.kept" not in err
    assert "prod/foundation has its state back, as serial 3; wealist plan prod/foundation shows" in err
    assert json.loads(store.body())["serial"] == 3


def test_a_restore_that_is_not_confirmed_does_nothing(
    shell: FakeRunner, store: Store, old: str, terminal: Terminal, capsys: Capture
) -> None:
    terminal("yes\n")

    assert run(["state", "restore", "foundation", "--version", old]) == 1
    assert "nothing was done: not confirmed" in capsys.readouterr().err
    assert json.loads(store.body())["serial"] == 2


def test_a_restore_without_a_lock_says_so_before_it_asks(
    shell: FakeRunner, store: Store, estate: Estate, capsys: Capture
) -> None:
    write_layer(estate.root, "prod/foundation", backend_block(KEY, more=""))
    old = store.put_version(state_text(serial=4))
    store.put_state(state_text(serial=5))

    assert run(["state", "restore", "foundation", "--version", old, "--confirm", "foundation"]) == 0

    assert "the backend block asks for none: see to it that nobody else writes this state" in capsys.readouterr().err


def test_a_restore_of_a_locked_state_is_12(shell: FakeRunner, store: Store, old: str, capsys: Capture) -> None:
    store.put_lock()

    assert run(["state", "restore", "foundation", "--version", old, "--confirm", "foundation"]) == 12
    assert " next: wait for it; is its holder alive? wealist locks prod/foundation" in capsys.readouterr().err
    assert json.loads(store.body())["serial"] == 2


def test_a_signal_waits_until_state_and_digest_are_both_written(
    shell: FakeRunner, store: Store, old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestrator import restore
    from orchestrator.aws.digest import write_digest

    def interrupted(*given: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        write_digest(*given)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(restore, "write_digest", interrupted)

    assert run(["state", "restore", "foundation", "--version", old, "--confirm", "foundation"]) == 130
    assert json.loads(store.body())["serial"] == 3
    assert store.item(f"{ITEM}-md5") is not None
    assert store.item(ITEM) is None
    assert signal.getsignal(signal.SIGTERM) is before


def test_ctrl_c_at_the_question_changes_nothing(
    shell: FakeRunner, store: Store, old: str, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def readline() -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(terminal, "readline", readline)

    assert run(["state", "restore", "foundation", "--version", old]) == 130
    assert json.loads(store.body())["serial"] == 2


# state mend


def test_mend_shows_asks_and_mends(shell: FakeRunner, store: Store, terminal: Terminal, capsys: Capture) -> None:
    store.put_state(state_text(serial=4))
    store.put_digest(STALE)
    terminal("prod/foundation\n")

    assert run(["state", "mend", "foundation"]) == 0

    err = capsys.readouterr().err
    assert "  digest   the digest is stale: no version of the state fits\n" in err
    assert f"  table    {TABLE} holds {STALE}\n" in err
    assert "  state    serial 4, 0 resources, 20" in err
    assert "prod/foundation: the digest is right again; wealist plan prod/foundation\n" in err
    assert run(["status"]) == 0
    assert "digest" not in capsys.readouterr().out


def test_mend_names_the_other_way_where_a_version_has_the_digest(
    shell: FakeRunner, store: Store, terminal: Terminal, capsys: Capture
) -> None:
    wanted = store.put_version(state_text(serial=4))
    store.put_digest()
    store.put_state(state_text(serial=5))
    terminal("no\n")

    assert run(["state", "mend", "foundation"]) == 1
    assert f"  or       wealist state restore prod/foundation --version {wanted} brings back" in capsys.readouterr().err


def test_nothing_to_mend_is_said(shell: FakeRunner, store: Store, capsys: Capture) -> None:
    assert run(["state", "mend", "foundation", "--confirm", "foundation"]) == 0
    assert capsys.readouterr().err == "prod/foundation: nothing to mend\n"


# all of them


def test_no_secret_of_any_state_is_shown(
    shell: FakeRunner, store: Store, estate: Estate, capsys: Capture, empty_machine: None
) -> None:
    data = json.loads(recorded("state.json"))
    old = store.put_version(recorded("state.json"))
    store.put_state(json.dumps({**data, "serial": 8, "resources": [*data["resources"], resource("more")]}))
    store.put_digest(STALE)
    named = ["--confirm", "foundation"]

    for words in (
        ["status"],
        ["status", "--json"],
        ["locks"],
        ["locks", "--json"],
        ["state", "history", "foundation"],
        ["state", "history", "foundation", "--json"],
        ["state", "mend", "foundation", *named],
        ["state", "restore", "foundation", "--version", old, *named],
        ["unlock", "foundation", *named],
    ):
        assert run(words) == 0, words

    out, err = capsys.readouterr()
    assert "serial 7" in out
    assert CANARY not in out + err
    home = estate.root / ".wealist"
    assert [path for path in home.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()] == []


def test_a_narrow_terminal_gets_short_rows(
    shell: FakeRunner, store: Store, capsys: Capture, estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_layer(estate.root, "prod/a-layer-with-a-long-name")
    store.put_state(recorded("state.json"))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")

    assert run(["status"]) == 0

    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1].endswith(" s ago")
    assert re.search(r"1\.11\.4     \d s ago", lines[-1])
