"""What one call of the command line amounts to: which folder, which estate, which target, which streams.

`command` registers a function with the parser. The function's own parameters are its own options; the options that every
command has are added here and come to it as an `Invocation`, whose parts are made when they are first asked for.
"""

from __future__ import annotations

import gc
import inspect
import os
import signal
import sys
import termios
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer

from orchestrator import printable, shell
from orchestrator.cli import options
from orchestrator.cli.boundary import redact
from orchestrator.cli.parameter import LightCommand
from orchestrator.cli.stream import PrintableStream, guarded_stdout
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orchestrator.discovery import Estate
    from orchestrator.engine import Engine
    from orchestrator.layer import Layer
    from orchestrator.process import Cancellation
    from orchestrator.target import Target


@dataclass(slots=True, kw_only=True)
class Start:
    """What was said before the command's name, and after a lone `--`."""

    after: tuple[str, ...] | None = None
    chdir: Path | None = None
    sandbox: bool = False


class Invocation:
    """One call of one command."""

    def __init__(
        self,
        start: Start,
        *,
        chdir: Path | None,
        sandbox: bool,
        terraform_bin: str | None,
        profile: str | None,
        allow_local_endpoint: bool,
        no_color: bool,
        log_format: options.LogFormat,
    ) -> None:
        self.environ = dict(os.environ)
        from orchestrator.environment_secrets import secrets_of

        redact.add(secrets_of(self.environ))
        self.after = start.after
        self.folder = chdir or start.chdir or Path()
        self.wants_sandbox = sandbox or start.sandbox
        self.log_format = log_format
        self._terraform_bin = terraform_bin
        self.profile = profile
        self._allows_local_endpoint = allow_local_endpoint
        self._no_color = no_color or bool(os.environ.get("NO_COLOR"))
        # Holds back what others have to say, so that a question stands alone.
        self.quiet: Callable[[], AbstractContextManager[None]] = nullcontext

    @cached_property
    def estate(self) -> Estate:
        from orchestrator.discovery import Estate

        if not self.folder.is_dir():
            raise UsageError(f"--chdir {self.folder}: no such folder")
        return Estate.find(self.folder)

    @cached_property
    def target(self) -> Target:
        """AWS, or the sandbox, which is started where it doesn't run."""
        program = self._terraform_bin or self.estate.config.terraform.bin
        if not self.wants_sandbox:
            return self._aws(program)
        from orchestrator.sandbox.target import start_sandbox

        sandbox = start_sandbox(self.estate, self.environ, terraform_bin=program)
        if sandbox.was_started:
            self.say(f"sandbox started at {sandbox.server.url}: an empty AWS, until `wealist sandbox stop`")
            self.say(f"  provider from {sandbox.provider}\n  modules from {sandbox.modules}")
        for name in sandbox.unheeded:
            self.say(f"note: {name} has changed; it counts when the sandbox starts: wealist sandbox stop")
        for name in sandbox.profiles:
            self.say(f"note: the HCL names the profile {name}; in the sandbox it stands for the sandbox's own keys")
        return sandbox.target

    def _aws(self, program: str) -> Target:
        """AWS itself, unless what stands for it is on this machine: every command that calls it comes by here."""
        from orchestrator import endpoint
        from orchestrator.target import aws_target

        options = (endpoint.OPTION,) if self._allows_local_endpoint else ()
        target = aws_target(
            self.estate.root, self.environ, terraform_bin=program, profile=self.profile, options=options
        )
        if self._allows_local_endpoint:
            return target
        endpoint.refuse_local(endpoint.of_environment(target.environ, profile=target.aws.profile))

        def check(layer: Layer, _folder: Path) -> None:
            endpoint.refuse_local(endpoint.of_layer(layer, target.environ))

        return replace(target, check=check)

    @cached_property
    def stderr(self) -> TextIO:
        return PrintableStream(sys.stderr, redact.lines)  # type: ignore[return-value]

    @property
    def is_colored(self) -> bool:
        return not self._no_color and self.log_format is options.LogFormat.PRETTY

    @property
    def is_live(self) -> bool:
        """Whether stderr is a terminal that a display can be kept on."""
        return self.is_colored and sys.stderr.isatty() and self.environ.get("TERM") != "dumb"

    def say(self, text: str) -> None:
        """A line of talk."""
        print(printable.indented(text), file=self.stderr)

    def no_rest(self) -> None:
        """Refuse words after `--` where they mean nothing."""
        if self.after:
            raise UsageError(f"nothing is passed on here, so -- {' '.join(self.after)} means nothing")

    @contextmanager
    def engine(self, *, is_stdout_data: bool = False) -> Iterator[Engine]:
        """An engine whose events are shown, and that Ctrl-C and SIGTERM stop politely.

        Args:
            is_stdout_data: Only a program's JSON may go to stdout, so that plans are shown on stderr as well.
        """
        from orchestrator.cli.progress import reporter
        from orchestrator.engine import Engine
        from orchestrator.process import Cancellation

        gc.enable()
        cancellation = Cancellation()
        target = self.target
        with reporter(self, is_stdout_data=is_stdout_data) as watcher, _stoppable(cancellation):
            self.quiet = watcher.quiet
            yield Engine(self.estate, target, on_event=watcher.on_event, redact=redact, cancellation=cancellation)

    def must_be_asked(self, flag: str, *, non_interactive: bool) -> None:
        """Fail at once where a question will come up and there is nobody to answer it."""
        if non_interactive or not sys.stdin.isatty():
            why = "--non-interactive was given" if non_interactive else "there is no terminal to ask on"
            raise UsageError(
                f"this asks for a confirmation, and {why}", hint=f"pass {flag}, once you have seen what it will do"
            )

    def ask(self, question: str, *, expected: str = "yes") -> bool:
        """Ask on the terminal; only the expected word is a yes.

        What was typed before the question stood there is thrown away: it can't be an answer to it.

        Raises:
            KeyboardInterrupt: Ctrl-C was the answer.
        """
        # A closed terminal and a job that is ended are a no as well, and not a question that stands for ever.
        before = {number: signal.signal(number, signal.default_int_handler) for number in _STOPPING}
        try:
            with self.quiet():
                if sys.stdin.isatty():
                    termios.tcflush(sys.stdin, termios.TCIFLUSH)
                print(question, end=" ", file=self.stderr, flush=True)
                return sys.stdin.readline().strip() == expected
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def must_be_named(self, layer_id: str, given: str | None, *, non_interactive: bool) -> None:
        """Fail at once where `confirm_by_name` will: nobody to answer, or another layer's name in `--confirm`."""
        if given is None:
            self.must_be_asked(shell.command("--confirm", layer_id), non_interactive=non_interactive)
        else:
            self.confirm_by_name(layer_id, "", given=given)

    def confirm_by_name(self, layer_id: str, question: str, *, given: str | None) -> bool:
        """Demand a layer's name: for what can't be undone, a `yes` is too short.

        Args:
            given: What `--confirm` said; then nothing is asked.

        Raises:
            UsageError: `--confirm` names another layer.
        """
        if given is None:
            return self.ask(f"{question} Type {layer_id} to go on:", expected=layer_id)
        if self.estate.resolve(given) != layer_id:
            raise UsageError(f"--confirm {given}: this is about {layer_id}", hint=shell.command("--confirm", layer_id))
        return True


def command(
    app: typer.Typer, name: str | None = None, *, panel: str | None = None
) -> Callable[[Callable[..., Any]], Any]:
    """Register `function(invocation, ...)` as a command with the common options added, under a heading of `--help`.

    A parameter annotated with `options.RunWords` stands for all the options that runs share.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        shared = [parameter.name for parameter in own if parameter.annotation is options.RunWords]
        own = [parameter for parameter in own if parameter.name not in shared]
        words = list(inspect.signature(options.RunWords, eval_str=True).parameters.values()) if shared else []

        @wraps(function)
        def call(ctx: typer.Context, **given: Any) -> Any:
            common = {parameter.name: given.pop(parameter.name) for parameter in _COMMON}
            for parameter in shared:
                given[parameter] = options.RunWords(**{word.name: given.pop(word.name) for word in words})
            run = Invocation(ctx.obj or Start(), **common)
            declared = [name for parameter in ctx.command.params for name in parameter.opts]
            for note in options.without_effect(declared, run.environ):
                run.say(note)
            with guarded_stdout():
                return function(run, **given)

        context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
        parameters = [
            context,
            *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*own, *words, *_COMMON)),
        ]
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        app.command(name, cls=LightCommand, rich_help_panel=panel)(call)
        return function

    return register


def _common(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


_COMMON = (
    _common("chdir", options.Chdir, None),
    _common("sandbox", options.UseSandbox, False),
    _common("terraform_bin", options.TerraformBin, None),
    _common("profile", options.Profile, None),
    _common("allow_local_endpoint", options.AllowLocalEndpoint, False),
    _common("no_color", options.NoColor, False),
    _common("log_format", options.Log, options.LogFormat.PRETTY),
)


# SIGHUP is a closed terminal or a lost connection: the apply is stopped politely, not left to die of a broken pipe.
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def _stoppable(cancellation: Cancellation) -> Iterator[None]:
    def on_signal(number: int, _frame: object) -> None:
        if not cancellation.is_watched:
            raise KeyboardInterrupt
        # A terminal that closes may say so several times; only a person who asks again is in a hurry.
        if number != signal.SIGHUP or not cancellation.is_requested:
            cancellation.request()

    before = {number: signal.signal(number, on_signal) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
