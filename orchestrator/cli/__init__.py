"""The command line: `wealist`.

    app         the commands, each: parse -> library -> render -> exit code
    options     every option and argument, declared once
    invocation  what one call of the command line amounts to: folder, estate, target, streams
    render      values to text for people (with `progress`, the only users of rich)
    boundary    errors to a line, a hint and an exit code

stdout is data, stderr is talk. This is the only place that reads `os.environ`, prints, or exits.
"""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """The console script."""
    # Answered before anything is imported: it is what scripts and installers ask.
    if sys.argv[1:] == ["--version"]:
        from orchestrator.version import __version__

        print(f"wealist {__version__}")
        return
    # Most commands end before a collection would free anything; the long ones turn it on again.
    gc.disable()
    from orchestrator.cli.boundary import run

    sys.exit(run(sys.argv[1:]))
