"""What stands in for the outside world: a runner that answers as a recorded Terraform did, and the recordings."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.process import Cancellation, Command, Completed, OnLine
from orchestrator.root_module import read_layer
from orchestrator.schedule import Desk
from tests.data.record import CANARY, REPLACEMENT

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CANARY", "REPLACEMENT", "VERSION", "FakeRunner", "InlineDesk", "Reply", "recorded", "recorded_json"]

T = TypeVar("T")
DATA = Path(__file__).parent / "data"
VERSION = "1.11.4"
PLAN_FILE = b"PK a plan file, which holds canary-hunter2-Zq9/+x in clear"


def recorded(name: str) -> str:
    """A recording, as Terraform wrote it."""
    return (DATA / name).read_text(encoding="utf-8")


def recorded_json(name: str) -> Any:
    return json.loads(recorded(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one command answers.

    Attributes:
        plan_file: Written to the path after `-out`.
        does: Called with the command before it answers: what else it changes in the world.
        error: Raised instead of an answer: the program could not be started.
    """

    returncode: int = 0
    stdout: str = ""
    stderr: str = ""
    plan_file: bytes | None = None
    was_interrupted: bool = False
    stops_after: float | None = None
    does: Callable[[Command], None] | None = None
    error: OSError | None = None


def _initialize(command: Command) -> None:
    """What an init leaves behind."""
    (command.cwd / ".terraform" / "providers").mkdir(parents=True, exist_ok=True)
    (command.cwd / ".terraform.lock.hcl").touch()
    if not any(command.cwd.glob("*.tf")):
        return
    backend = read_layer("layer", command.cwd).backend
    kept: dict[str, Any] = {"bucket": backend.bucket, "key": backend.key, "region": backend.region}
    kept |= {"dynamodb_table": backend.dynamodb_table, "use_lockfile": backend.use_lockfile}
    text = json.dumps({"version": 3, "backend": {"type": "s3", "config": kept}})
    (command.cwd / ".terraform" / "terraform.tfstate").write_text(text)


def _replies() -> dict[str, list[Reply]]:
    """A layer that was never applied, and goes well."""
    return {
        "version": [Reply(stdout=recorded("version.json"))],
        "init": [Reply(stdout=recorded("init.jsonl"), does=_initialize)],
        "plan": [Reply(returncode=2, stdout=recorded("plan-create.jsonl"), plan_file=PLAN_FILE)],
        "show": [Reply(stdout=recorded("plan-create.json"))],
        "apply": [Reply(stdout=recorded("apply-create.jsonl"))],
    }


@dataclass(repr=False)
class FakeRunner:
    """A `Runner` that starts nothing.

    Every sub-command has its replies, taken one after the other; the last one stays. Where nothing is scripted it
    answers as Terraform did for a first `up` that goes well.
    """

    commands: list[Command] = field(default_factory=list)
    replies: dict[str, list[Reply]] = field(default_factory=_replies)

    def answer(self, command: str, *replies: Reply) -> FakeRunner:
        """Script a sub-command."""
        self.replies[command] = list(replies)
        return self

    def plans(self, name: str) -> FakeRunner:
        """Let plans be the recorded ones of this name."""
        code = 0 if name == "none" else 2
        self.answer("plan", Reply(returncode=code, stdout=recorded(f"plan-{name}.jsonl"), plan_file=PLAN_FILE))
        if code:
            self.answer("show", Reply(stdout=recorded(f"plan-{name}.json")))
        return self

    @property
    def started(self) -> list[str]:
        """The sub-commands in the order in which they were started, `version` left out."""
        return [command.argv[1] for command in self.commands if command.argv[1] != "version"]

    def last(self, name: str) -> Command:
        return [command for command in self.commands if command.argv[1] == name][-1]

    def __call__(
        self,
        command: Command,
        *,
        on_line: OnLine | None = None,
        on_stopping: Callable[[float], None] | None = None,
        cancellation: Cancellation | None = None,
    ) -> Completed:
        self.commands.append(command)
        replies = self.replies[command.argv[1]]
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if reply.error is not None:
            raise reply.error
        if reply.plan_file is not None:
            (out,) = [word.removeprefix("-out=") for word in command.argv if word.startswith("-out=")]
            Path(out).write_bytes(reply.plan_file)
        for line in reply.stdout.splitlines(keepends=True):
            if on_line is not None:
                on_line(line)
        if reply.stops_after is not None and on_stopping is not None:
            on_stopping(reply.stops_after)
        if reply.does is not None:
            reply.does(command)
        return Completed(
            returncode=reply.returncode,
            stdout=reply.stdout,
            stderr=reply.stderr,
            was_interrupted=reply.was_interrupted,
        )


class InlineDesk(Desk):
    """A desk whose questions are asked where they come up: the test is the thread that waits."""

    def __init__(self) -> None:
        super().__init__(SimpleQueue())

    def ask(self, question: Callable[[], T]) -> T:
        return question()
