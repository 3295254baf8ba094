"""`wealist sandbox`: start, stop, status, env."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from orchestrator.cli import plain
from orchestrator.sandbox import control
from orchestrator.sandbox import target as sandbox_target

if TYPE_CHECKING:
    from orchestrator.cli.invocation import Invocation
    from orchestrator.sandbox.target import Sandbox


def start(run: Invocation, *, json: bool) -> None:
    """Start the sandbox, where it doesn't run, and say where it is."""
    sandbox = sandbox_target.start_sandbox(run.estate, run.environ)
    if json:
        plain.print_json(_describe(sandbox))
        return
    run.say("started" if sandbox.was_started else "it runs already")
    _print(sandbox)


def stop(run: Invocation) -> None:
    """Stop it; where none runs, say so and be content."""
    stopped = sandbox_target.stop_sandbox(run.estate.root)
    run.say("stopped; everything in it is gone" if stopped else "it doesn't run")


def status(run: Invocation, *, json: bool) -> int:
    """0 where it runs, 1 where it doesn't."""
    if control.find(sandbox_target.sandbox_home(run.estate.root)) is None:
        if json:
            plain.print_json({"running": False})
        run.say("it doesn't run: wealist sandbox start")
        return 1
    sandbox = sandbox_target.start_sandbox(run.estate, run.environ)
    if json:
        plain.print_json(_describe(sandbox))
    else:
        _print(sandbox)
    return 0


def env(run: Invocation, *, json: bool) -> None:
    """Shell commands, or a JSON object, that point Terraform and the AWS CLI at the sandbox."""
    sandbox = sandbox_target.start_sandbox(run.estate, run.environ)
    pointing = ("AWS_", "TF_CLI_CONFIG", "NO_PROXY", "no_proxy")
    variables = {name: value for name, value in sandbox.target.environ.items() if name.startswith(pointing)}
    regions = {layer.backend.region for layer in run.estate.layers}
    if len(regions) == 1:
        # The AWS CLI asks for one; with several, which is meant is for the person to say.
        variables["AWS_DEFAULT_REGION"] = regions.pop()
    run.say("note: wealist itself goes to the sandbox with --sandbox only; without it, it refuses this endpoint")
    # A profile, a token or an endpoint of one service would lead away from the sandbox again.
    stray = sorted(name for name in run.environ if name.startswith("AWS_") and name not in variables)
    if json:
        plain.print_json({**variables, **dict.fromkeys(stray)})
        return
    for name in stray:
        plain.print_bare(f"unset {name}")
    for name, value in variables.items():
        plain.print_bare(f"export {name}={shlex.quote(value)}")


def _describe(sandbox: Sandbox) -> dict[str, object]:
    return {
        "running": True,
        **sandbox.server.to_json(),
        "provider": sandbox.provider,
        "module_source": sandbox.modules,
        "work_root": str(sandbox.target.work_root),
    }


def _print(sandbox: Sandbox) -> None:
    server = sandbox.server
    for name, value in (
        ("url", server.url),
        ("account", server.account_id),
        ("pid", server.pid),
        ("since", server.started_at),
        ("provider", sandbox.provider),
        ("modules", sandbox.modules),
        ("copy of the estate", sandbox.target.work_root),
    ):
        print(f"{name}: {value}")
