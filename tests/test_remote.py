"""The seam in testinfra's backends: which line is run on this side, and what goes into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from orchestrator import remote
from orchestrator.errors import UsageError, WealistError
from orchestrator.process import Command, Completed
from orchestrator.remote import RemoteHost, SilenceError

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "canary-hunter2-Zq9"


class Line:
    """A runner that answers every line as a host would, or as it is told."""

    def __init__(self, *answers: Completed) -> None:
        self.commands: list[Command] = []
        self.answers = list(answers)

    def __call__(self, command: Command, **_: Any) -> Completed:
        self.commands.append(command)
        if self.answers:
            return self.answers.pop(0)
        return Completed(returncode=0, stdout="wealist\n", stderr="")

    @property
    def last(self) -> str:
        shell, option, line = self.commands[-1].argv
        assert (shell, option) == ("/bin/sh", "-c")
        return line


def host(spec: str, line: Line, folder: Path) -> RemoteHost:
    return RemoteHost(spec, environ={"PATH": "/bin"}, cwd=folder, runner=line)


@pytest.mark.parametrize(
    ("spec", "plain", "interactive"),
    [
        ("local://", "sh -c 'id -u'", "sh -c 'id -u'"),
        (
            "docker://app",
            "docker exec app /bin/sh -c 'sh -c '\"'\"'id -u'\"'\"''",
            "docker exec -i app /bin/sh -c 'sh -c '\"'\"'id -u'\"'\"''",
        ),
        (
            "docker://root@app",
            "docker exec -u root app /bin/sh -c 'sh -c '\"'\"'id -u'\"'\"''",
            "docker exec -i -u root app /bin/sh -c 'sh -c '\"'\"'id -u'\"'\"''",
        ),
        (
            "podman://app",
            "podman exec app /bin/sh -c 'sh -c '\"'\"'id -u'\"'\"''",
            "podman exec -i app /bin/sh -c 'sh -c '\"'\"'id -u'\"'\"''",
        ),
        (
            "kubectl://pod?namespace=web&container=app",
            "kubectl -n web -c app exec pod -- /bin/sh -c 'sh -c '\"'\"'id -u'\"'\"''",
            "kubectl -n web -c app exec -i pod -- /bin/sh -c 'sh -c '\"'\"'id -u'\"'\"''",
        ),
    ],
)
def test_standard_input_is_kept_open_where_there_is_some(
    tmp_path: Path, spec: str, plain: str, interactive: str
) -> None:
    line = Line()
    place = host(spec, line, tmp_path)

    place.script("id -u")
    assert (line.last, line.commands[-1].stdin) == (plain, None)

    place.script("id -u", stdin=SECRET)
    assert (line.last, line.commands[-1].stdin) == (interactive, SECRET)


def test_ssh_asks_nothing_and_passes_standard_input_on(tmp_path: Path) -> None:
    line = Line()
    place = host("ssh://ops@bastion:2222", line, tmp_path)

    place.script("cat", stdin=SECRET)

    assert line.last.startswith("ssh -o BatchMode=yes -o User=ops -o Port=2222 ")
    assert line.last.endswith(" bastion 'sh -c cat'")
    assert line.commands[-1].stdin == SECRET


def test_the_environment_is_the_one_that_was_given_and_the_secret_in_none(tmp_path: Path) -> None:
    line = Line()
    host("docker://app", line, tmp_path).script("read -r x", stdin=SECRET)

    assert {tuple(command.env.items()) for command in line.commands} == {(("PATH", "/bin"),)}
    assert {command.cwd for command in line.commands} == {tmp_path}
    assert SECRET not in repr(line.commands)


def test_words_that_are_no_ascii_are_sent_as_they_are_and_nothing_is_asked_for_it(tmp_path: Path) -> None:
    line = Line()
    place = host("docker://app", line, tmp_path)
    before = len(line.commands)
    line.answers = [Completed(returncode=0, stdout="grün\n", stderr="")]

    assert place.script("echo grün").stdout == "grün\n"
    assert len(line.commands) == before + 1
    assert "grün" in line.last


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("bastion", "names no place to look from"),
        ("telnet://bastion", "names no place to look from"),
        ("paramiko://bastion", "names no place to look from"),
        ("ssh://", "names no host"),
        ("ssh://-oProxyCommand=id", "names no host"),
        ("ssh://-l@bastion", "names no host"),
        (f"ssh://ops:{SECRET}@bastion", "a password has no place here"),
    ],
)
def test_what_names_no_place_is_refused_before_anything_is_run(tmp_path: Path, spec: str, message: str) -> None:
    line = Line()

    with pytest.raises(UsageError, match=message) as caught:
        host(spec, line, tmp_path)

    assert line.commands == []
    assert SECRET not in caught.value.message


def test_without_testinfra_the_message_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "find_spec", lambda name: None)

    with pytest.raises(UsageError, match="needs pytest-testinfra") as caught:
        host("local://", Line(), tmp_path)

    assert caught.value.hint == "pip install 'wealist[diagnose]'"


@pytest.mark.parametrize(
    ("spec", "code", "stderr", "message"),
    [
        ("ssh://bastion", 255, "banner\nssh: no route to host\n", "can't be reached: ssh: no route to host"),
        (
            "docker://app",
            1,
            "Error: No such container: app\n",
            "nothing can be run there: Error: No such container: app",
        ),
        ("kubectl://pod", 127, "", "nothing can be run there: it exits with 127"),
    ],
)
def test_a_place_that_can_not_be_had_is_an_error_with_its_own_words(
    tmp_path: Path, spec: str, code: int, stderr: str, message: str
) -> None:
    line = Line(Completed(returncode=code, stdout="", stderr=stderr))

    with pytest.raises(WealistError) as caught:
        host(spec, line, tmp_path)

    assert caught.value.message == f"--from {spec}: {message}"
    assert "ssh://host" in str(caught.value.hint)


@pytest.mark.parametrize("name", ["db.test; id", "$(id)", "-x", "", "a b"])
def test_only_the_name_of_a_host_gets_into_testinfras_lines(tmp_path: Path, name: str) -> None:
    line = Line()
    place = host("local://", line, tmp_path)
    before = len(line.commands)

    with pytest.raises(SilenceError, match="is no host's name"):
        place.addresses(name)
    with pytest.raises(SilenceError, match="is no host's name"):
        place.is_open(name, 5432)

    assert len(line.commands) == before


def test_a_tool_that_answers_as_nobody_expects_is_silence(tmp_path: Path) -> None:
    line = Line()
    place = host("local://", line, tmp_path)
    line.answers = [Completed(returncode=99, stdout="", stderr="")]

    with pytest.raises(SilenceError, match="does not answer as expected"):
        place.addresses("db.test")


def test_a_way_that_breaks_is_silence(tmp_path: Path) -> None:
    line = Line()
    place = host("ssh://bastion", line, tmp_path)
    line.answers = [Completed(returncode=255, stdout="", stderr="Connection reset by peer\n")] * 2

    with pytest.raises(SilenceError, match="Connection reset by peer"):
        place.script("true")
    with pytest.raises(SilenceError, match="Connection reset by peer"):
        place.has("psql")


def test_ctrl_c_is_not_swallowed(tmp_path: Path) -> None:
    line = Line()
    place = host("local://", line, tmp_path)
    line.answers = [Completed(returncode=-2, stdout="", stderr="", was_interrupted=True)]

    with pytest.raises(KeyboardInterrupt):
        place.script("sleep 60")


def test_a_command_has_its_time(tmp_path: Path) -> None:
    place = RemoteHost("local://", environ={"PATH": "/usr/bin:/bin"}, cwd=tmp_path, timeout=0.5)

    with pytest.raises(SilenceError, match="no answer within"):
        place.script("exec sleep 60")


@pytest.mark.parametrize(
    "settings",
    [
        "context=$(id)",
        "kubeconfig=a`id`",
        "namespace=a;id",
        "context=a%22b",
        "container=a%20b",
        "namespace=",
        "namespace=-n",
        "context=a%0Aid",
    ],
)
def test_a_setting_that_means_something_to_a_shell_is_refused(tmp_path: Path, settings: str) -> None:
    line = Line()

    with pytest.raises(UsageError, match="must be of letters, digits"):
        host(f"kubectl://pod?{settings}", line, tmp_path)

    assert line.commands == []


@pytest.mark.parametrize(
    "spec", ["kubectl://pod?user=me", "docker://app?namespace=a", "local://?kubeconfig=a", "ssh://h?ssl=true"]
)
def test_a_setting_that_a_place_does_not_have_is_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="has no setting") as caught:
        remote.check_place(spec)

    assert str(caught.value.hint).startswith("it has ")


def test_the_settings_that_people_have_are_let_through(tmp_path: Path) -> None:
    line = Line()
    context = "arn:aws:eks:ap-northeast-2:123456789012:cluster/prod"

    host(f"kubectl://pod?namespace=web_1&context={context}&kubeconfig=/home/me/.kube/config-2", line, tmp_path)

    assert f'--context="{context}"' in line.last
    assert '--kubeconfig="/home/me/.kube/config-2" ' in line.last
    assert remote.check_place("ssh://me@bastion?ssh_config=~/.ssh/config&sudo=true") == "ssh"


def test_a_program_of_the_projects_own_is_not_what_is_run(tmp_path: Path) -> None:
    line = Line()
    RemoteHost("local://", environ={"PATH": ".:/usr/bin::bin:/bin"}, cwd=tmp_path, runner=line)

    assert line.commands[-1].env["PATH"] == "/usr/bin:/bin"
