"""How a command ends: what is said about an error, and the exit code."""

import logging
import os
import sys
import traceback
from collections.abc import Callable

from steadyhand.cli._shell import Shell
from steadyhand.cli._terminal import Terminal
from steadyhand.errors import SteadyhandError, UsageError

_OURS = "steadyhand"
_MISUSE = 2


def exit_code_of(program: Callable[[], object], shell: Shell) -> int:
    """Run `program` and say what went wrong: 0 good, 1 problems found, 2 misuse, 130 Ctrl-C, 143 SIGTERM."""
    _log_to(shell.terminal)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal that knows few characters
    try:
        program()
        sys.stdout.flush()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if code == _MISUSE:  # said on stderr by the parser of the command line
            _explain_to_program(shell, UsageError.code, "the command line is wrong; stderr says where", "")
        return _flushed(code)
    except KeyboardInterrupt:
        return _flushed(130)
    except BrokenPipeError:
        return _flushed(1)
    except Exception as error:  # noqa: BLE001 - the edge of the program, where an error must not show its insides
        _explain(error, shell)
        return _flushed(_MISUSE if isinstance(error, UsageError) and error.status < 500 else 1)
    return 0


def _explain(error: Exception, shell: Shell) -> None:
    """`error: ...` and `hint: ...` on stderr, below the traceback if that was asked for; an object for --json."""
    if shell.is_debugging:
        shell.terminal.complain("".join(traceback.format_exception(error)).rstrip())
    match error:
        case SteadyhandError():
            message, hint = str(error), error.hint
        case OSError(filename=place, strerror=reason):
            message = f"{place}: {reason}" if place else reason or str(error)
            hint = "check the path, who may use it, and the space on its disk"
        case _:
            message = (
                f"unexpected {type(error).__name__}: {error}. This is a mistake of Steadyhand: please report it"
            )
            message += " with what --debug (or STEADYHAND_DEBUG=1) prints"
            hint = ""
    shell.terminal.complain(f"error: {message}")
    if hint:
        shell.terminal.complain(f"hint: {hint}")
    code = error.code if isinstance(error, SteadyhandError) else SteadyhandError.code
    _explain_to_program(shell, code, message, hint)


def _explain_to_program(shell: Shell, code: str, message: str, hint: str) -> None:
    """The same form as the HTTP API's."""
    if shell.is_json:
        shell.terminal.json({"error": {"code": code, "message": message, "hint": hint}})


def _flushed(code: int) -> int:
    """Write out what waits. When the reader is gone, nothing is left to say, not even by the interpreter's end."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _log_to(terminal: Terminal) -> None:
    logging.basicConfig(handlers=[_TerminalLog(terminal)])
    logging.getLogger(_OURS).setLevel(logging.INFO)


class _TerminalLog(logging.Handler):
    """One line each, above a bar that is being drawn: what we say, and the warnings of libraries."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(logging.INFO)
        self._terminal = terminal

    def emit(self, record: logging.LogRecord) -> None:
        line = f"{record.levelname.lower()}: {record.getMessage()}"
        if record.levelno >= logging.WARNING:
            self._terminal.complain(line)
        elif record.name.startswith(f"{_OURS}."):
            self._terminal.say(line)
