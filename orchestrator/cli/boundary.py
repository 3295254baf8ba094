"""Where an error becomes a line, a hint and an exit code.

Expected errors (`WealistError`) keep their own exit code and show no traceback. Usage errors of the parser are 64, not
the parser's 2, which here means "there are changes". Anything else is a bug of ours: 3, with the traceback in a file
that only the caller can read and that went through the redactor.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator import printable
from orchestrator.cli.stream import never_fail
from orchestrator.errors import WealistError
from orchestrator.redaction import Redactor
from orchestrator.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = 64
BUG = 3
INTERRUPTED = 130

# Set by the shell's completion script; the parser answers it and exits.
_COMPLETION = "_WEALIST_COMPLETE"

redact = Redactor()
"""Stands on everything that this process writes for people; whoever learns a secret value adds it."""


def run(argv: Sequence[str]) -> int:
    """Run the command line; returns the exit code."""
    import typer

    from orchestrator.cli.app import app
    from orchestrator.cli.invocation import Start

    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    if sys.stdout is None:
        show("standard output is closed", "nothing was done")
        return WealistError.exit_code
    never_fail(sys.stdout, sys.stderr)
    words, after = _split(argv)
    parser: Any = typer.main.get_command(app)
    try:
        code = parser(args=words, prog_name="wealist", standalone_mode=False, obj=Start(after=after))
        sys.stdout.flush()
    except WealistError as error:
        show(error.message, error.hint)
        return error.exit_code
    except typer.TyperException as error:
        if error.format_message():
            show(error.format_message(), f"wealist {_command(words, parser)}--help")
        return USAGE
    except (SystemExit, BrokenPipeError) as error:
        if _COMPLETION in os.environ and isinstance(error, SystemExit):
            return error.code if isinstance(error.code, int) else 0
        # The reader has gone, as with `| head`: the parser exits by itself then, and then only. The null device keeps
        # the interpreter's last flush quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
        return 128 + signal.SIGPIPE
    except UnicodeEncodeError:
        # A word or a file's name that is no UTF-8. It is not shown: it may be a secret.
        show("a word, a value or the name of a file here is not UTF-8", "write it in UTF-8, and set LC_ALL=C.UTF-8")
        return USAGE
    except MemoryError:
        show("there is not enough memory for this", None)
        return WealistError.exit_code
    except OSError as error:
        show(f"{error.filename or 'this machine'}: {error.strerror or error}", "check permissions and free space")
        return WealistError.exit_code
    except Exception:  # noqa: BLE001 - the boundary: a bug must not look like a failed run
        show(
            f"this is a bug in wealist {__version__}; nothing more was done", f"the traceback is in {_keep_traceback()}"
        )
        return BUG
    if code == INTERRUPTED:
        print("interrupted", file=sys.stderr)
    return code if isinstance(code, int) else 0


def show(message: str, hint: str | None) -> None:
    """One or two lines on stderr."""
    here = f"{Path.cwd()}/"
    message, hint = message.replace(here, ""), hint and hint.replace(here, "")
    bold, dim, off = ("\x1b[1;31m", "\x1b[2m", "\x1b[0m") if _has_color() else ("", "", "")
    print(f"{bold}error:{off} {_shown(message)}", file=sys.stderr)
    if hint:
        print(f"{dim} next:{off} {_shown(hint)}", file=sys.stderr)


def _shown(text: str) -> str:
    return printable.indented(redact(text), "       ")


def _split(argv: Sequence[str]) -> tuple[list[str], tuple[str, ...] | None]:
    """What comes after a lone `--` is not for us: native flags, or a command to run."""
    words = list(argv)
    if "--" not in words:
        return words, None
    at = words.index("--")
    return words[:at], tuple(words[at + 1 :])


def _command(words: Sequence[str], parser: Any) -> str:
    return next((f"{word} " for word in words if word in parser.commands), "")


def _has_color() -> bool:
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")


def _keep_traceback() -> str:
    fd, name = tempfile.mkstemp(prefix="wealist-bug-", suffix=".log")
    with os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace") as file, suppress(OSError):
        file.write(redact(f"wealist {__version__}, Python {sys.version}\n{traceback.format_exc()}"))
    return str(Path(name))
