"""The assembled command line. Importing a module of commands registers them; the order here is that of `--help`."""

from __future__ import annotations

# isort: off
from orchestrator.cli.root import app
from orchestrator.cli.command import backend
from orchestrator.cli.command import run
from orchestrator.cli.command import look
from orchestrator.cli.command import cost
from orchestrator.cli.command import diagnose
from orchestrator.cli.command import state
from orchestrator.cli.command import secret
from orchestrator.cli.command import escape
from orchestrator.cli.command import sandbox
# isort: on

__all__ = ["app", "backend", "cost", "diagnose", "escape", "look", "run", "sandbox", "secret", "state"]
