from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from orchestrator.cli.boundary import run
from tests.fakes import FakeRunner, Reply, recorded
from tests.plans import script
from tests.redis import GROUP, TARGET, TOKENS, VERSION, Redis

if TYPE_CHECKING:
    from orchestrator.discovery import Estate
    from tests.cli.conftest import Terminal
    from tests.estate import Store

    Capture = pytest.CaptureFixture[str]


@pytest.fixture
def redis(shell: FakeRunner, store: Store, estate: Estate, monkeypatch: pytest.MonkeyPatch) -> Redis:
    """The estate of the shell, with a Redis in it; an apply rotates its token."""
    redis = Redis.make(store, monkeypatch, estate.root)
    script(shell, Redis.plan())
    shell.answer("apply", Reply(stdout=recorded("apply-create.jsonl"), does=lambda _: redis.rotate()))
    return redis


def said(capsys: Capture) -> str:
    """What was printed to either stream; no token may be in it."""
    out, err = capsys.readouterr()
    assert not any(token in out + err for token in TOKENS)
    return out + err


def test_both_steps_each_shown_and_asked_about(
    redis: Redis, shell: FakeRunner, terminal: Terminal, capsys: Capture
) -> None:
    terminal("yes\n")
    assert run(["secrets", "rotate", "token"]) == 0

    text = said(capsys)
    assert f"token gets a new value; {GROUP} will accept it beside the one that it has now" in text
    before, _, _ = text.partition("Apply this to prod/foundation (aws)? Only 'yes' will do:")
    assert (
        f"until the apply ends, {GROUP} refuses a client that reads token anew: it has to try again, or to use "
        "wealist secrets token --version-stage AWSPREVIOUS\n"
    ) in before
    assert text.endswith(
        f"{GROUP} accepts both: the new value, and the one before. Next:\n"
        "  1. let every client read the secret again: wealist secrets token\n"
        "  2. wealist secrets rotate token --finish\n"
    )
    assert f"-replace={VERSION}" in shell.last("plan").argv
    assert f"-target={TARGET}" in shell.last("plan").argv

    previous = redis.versions["AWSPREVIOUS"]
    terminal("yes\n")
    assert run(["secrets", "rotate", "token", "--finish"]) == 0

    text = said(capsys)
    assert f"{GROUP} (ap-northeast-2, aws) accepts two tokens of token:\n" in text
    assert f"  - version {previous}, the one before, and any older: refused from then on\n" in text
    assert f"End the older token of {GROUP}? Only 'yes' will do:" in text
    assert text.endswith(f"done: {GROUP} accepts the current value of token, and no other\n")
    assert redis.calls == [("ROTATE", TOKENS[1]), ("SET", TOKENS[1])]
    assert shell.started.count("plan") == 1


@pytest.mark.parametrize("words", [[], ["--finish"]])
def test_what_is_not_confirmed_is_not_done(words: list[str], redis: Redis, terminal: Terminal, capsys: Capture) -> None:
    if words:
        redis.rotate()
    calls = len(redis.calls)
    terminal("no\n")

    assert run(["secrets", "rotate", "token", *words]) == 1

    assert "not confirmed" in said(capsys)
    assert len(redis.calls) == calls


@pytest.mark.parametrize("words", [[], ["--finish"], ["--finish", "--non-interactive"]])
def test_without_a_terminal_it_fails_at_once_and_names_the_flag(
    words: list[str], redis: Redis, shell: FakeRunner, capsys: Capture
) -> None:
    redis.rotate()

    assert run(["secrets", "rotate", "token", *words]) == 64

    assert "pass --auto-approve, once you have seen what it will do" in said(capsys)
    assert shell.started == []
    assert len(redis.calls) == 1


@pytest.mark.parametrize("variable", ["WEALIST_AUTO_APPROVE", "WEALIST_FINISH", "WEALIST_DROP_OLDEST"])
def test_no_variable_says_yes(variable: str, redis: Redis, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    redis.rotate()
    monkeypatch.setenv(variable, "1")

    assert run(["secrets", "rotate", "token", *(["-y"] if "APPROVE" not in variable else [])]) in (13, 64)

    said(capsys)
    assert len(redis.calls) == 1


def test_a_pipeline_rotates_and_finishes(redis: Redis, capsys: Capture) -> None:
    assert run(["secrets", "rotate", "token", "-y", "--json"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert [result["outcome"] for result in report["results"]] == ["applied"]
    assert not any(token in out + err for token in TOKENS)

    assert run(["secrets", "rotate", "token", "--finish", "-y", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "secret": "token",
        "layer": "prod/foundation",
        "group": GROUP,
        "outcome": "finished",
        "version_id": redis.versions["AWSCURRENT"],
        "retired_version_id": redis.versions["AWSPREVIOUS"],
    }

    assert run(["secrets", "rotate", "token", "--finish", "-y", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["outcome"] == "nothing-to-finish"
    assert err == f"nothing to finish: {GROUP} accepts the current value of token, and no other\n"


def test_an_unfinished_rotation_is_told_and_its_end_offered(redis: Redis, shell: FakeRunner, capsys: Capture) -> None:
    redis.rotate()

    assert run(["secrets", "rotate", "token", "-y"]) == 13

    text = said(capsys)
    assert "error: the last rotation of token is not finished: acme-redis accepts two tokens" in text
    assert "wealist secrets rotate token --finish" in text
    assert shell.started == []

    shell.answer("apply", Reply(stdout=recorded("apply-create.jsonl"), does=lambda _: redis.rotate(TOKENS[2])))
    assert run(["secrets", "rotate", "token", "-y", "--drop-oldest"]) == 0
    assert f"the oldest token of {GROUP} is dropped: clients that still use it are cut off" in said(capsys)
    assert redis.calls[-1] == ("ROTATE", TOKENS[2])


def test_a_value_that_never_arrived_is_replaced_by_another(redis: Redis, capsys: Capture) -> None:
    redis.store_token("lost-token-0123456789")

    assert run(["secrets", "rotate", "token", "--finish", "-y"]) == 13
    assert "wealist secrets rotate token makes another" in said(capsys)

    assert run(["secrets", "rotate", "token", "-y"]) == 0
    text = said(capsys)
    assert f"the current value of token never reached {GROUP}: it is replaced by another" in text
    assert "reads token anew: it has to try again\n" in text


def test_an_interrupted_wait_says_how_to_go_on_waiting(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    redis.rotate()

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("orchestrator.rotation.wait_until_changed", interrupted)
    assert run(["secrets", "rotate", "token", "--finish", "-y"]) == 130

    assert "AWS may go on with it; wealist secrets rotate token --finish tells, and waits" in said(capsys)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rotate"], "rotate needs the name of one secret"),
        (["rotate", "token", "other"], "rotate needs the name of one secret"),
        (["rotate", "password", "-y"], "password is rotated by RDS itself"),
        (["rotate", "plain"], "wealist.yaml does not say how plain is rotated"),
        (["rotate", "tokne", "-y"], "did you mean token?"),
        (["rotate", "token", "--field", "x"], "rotate shows no value, so --field means nothing"),
        (["rotate", "token", "--env", "X"], "rotate shows no value, so --env means nothing"),
        (["rotate", "token", "--show-command"], "rotate shows no value, so --show-command means nothing"),
        (["rotate", "token", "--version-stage", "AWSPREVIOUS"], "so --version-stage means nothing"),
        (["rotate", "token", "--finish", "--drop-oldest"], "--drop-oldest means nothing with it"),
        (["rotate", "token", "--finish", "-y", "--", "-refresh=false"], "nothing is passed on here"),
        (["token", "--finish"], "--finish is for `rotate`"),
        (["token", "-y"], "--auto-approve is for `rotate`"),
        (["--drop-oldest"], "--drop-oldest is for `rotate`"),
    ],
)
def test_words_that_make_no_sense(
    words: list[str], message: str, redis: Redis, shell: FakeRunner, capsys: Capture
) -> None:
    assert run(["secrets", *words]) == 64

    assert message in said(capsys)
    assert (shell.started, redis.calls) == ([], [])


def test_a_variable_for_every_command_keeps_no_secret_from_being_shown(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("WEALIST_NON_INTERACTIVE", "1")
    monkeypatch.setenv("WEALIST_LOCK_TIMEOUT", "5m")

    assert run(["secrets", "token"]) == 0
    assert capsys.readouterr() == (f"{TOKENS[0]}\n", "")
