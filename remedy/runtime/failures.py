"""How the command reports a failure: one clear message on stderr, and an exit code for scripts."""

import io
import json
import logging
import sys
import threading
import warnings
from enum import IntEnum
from pathlib import Path
from typing import TextIO

import click

from remediation.defects import words_of_defect
from remediation.domain.errors import (
    ConfigurationError,
    OutsideError,
    Refused,
    RemediationError,
    StoreEnded,
    StoreRefuses,
    StoreUnavailable,
    TryLater,
)
from remediation.redaction import terminal
from remedy.screen_lines import print_line


class ExitCode(IntEnum):
    """The exit codes. A test holds the table in docs/exit-codes.md to them."""

    DONE = 0
    FAILED = 1
    CONFIGURATION = 2
    UNREACHABLE = 3
    REFUSED = 4
    STORE_ENDED = 5
    INTERRUPTED = 130
    TERMINATED = 143


Failure = RemediationError | click.ClickException | click.Abort
"""The errors with which commands end in a message. Any other error is a defect (see show_defect)."""


def exit_code_of(failure: Failure) -> ExitCode:
    """The exit code for a failure."""
    match failure:
        case ConfigurationError() | StoreRefuses() | click.UsageError():
            return ExitCode.CONFIGURATION
        case TryLater() | StoreUnavailable():
            return ExitCode.UNREACHABLE
        case Refused():
            return ExitCode.REFUSED
        case StoreEnded():
            return ExitCode.STORE_ENDED
        case click.Abort():
            return ExitCode.INTERRUPTED
        case _:
            return ExitCode.FAILED


def show(failure: Failure, *, as_json: bool) -> None:
    """Print the failure to stderr: for people, or as one JSON object on one line."""
    if as_json:
        click.echo(json.dumps(json_of(failure)), err=True)
    elif isinstance(failure, click.UsageError):
        failure.show(words := io.StringIO())  # it quotes what was typed, or pasted
        click.echo(terminal(words.getvalue(), lines=True), err=True, nl=False)
    else:
        for line in _lines(failure):
            print_line(f"error: {line}", err=True)


def show_defect(error: Exception, *, as_json: bool) -> None:
    """Print an error that nobody foresaw: its class and our own lines. Its text may quote what it was raised over."""
    words = words_of_defect(error)
    described = {"error": ExitCode.FAILED.name.lower(), "exit_code": int(ExitCode.FAILED), "message": words}
    click.echo(json.dumps(described), err=True) if as_json else print_line(f"error: {words}", err=True)


def hide_texts() -> None:
    """Show what is raised outside of a command, in a thread, a finalizer or a library, without its text.

    The same holds for what libraries log and what they warn of. For commands, which write no logs. A process that does
    replaces all of this (see remediation/logs.py).
    """
    sys.excepthook = lambda _kind, error, _trace: _tell(error)
    threading.excepthook = lambda args: _tell(args.exc_value)
    sys.unraisablehook = lambda args: _tell(args.exc_value)
    logging.lastResort = _Told(logging.WARNING)
    warnings.showwarning = _tell_warning


class _Told(logging.Handler):
    """Log records of libraries where logs go nowhere else, without their messages: these quote what the library saw."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        _tell(error, f"{record.levelname.lower()}: {record.name}, {record.module}:{record.lineno}")


def _tell_warning(
    message: Warning | str,  # noqa: ARG001 - Python calls it with all of these
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - as above
    line: str | None = None,  # noqa: ARG001 - as above
) -> None:
    """The class of a warning and where it arose; packages put what they were answered into its text."""
    _tell(None, f"warning: {category.__name__}, {Path(filename).name}:{lineno}")


def _tell(error: BaseException | None, what: str = "error") -> None:
    click.echo(terminal(f"{what}: {words_of_defect(error)}" if error else what), err=True)


def json_of(failure: Failure) -> dict[str, object]:
    """The failure as an object: `error` (its class), `exit_code`, `message`, and the fields of its class."""
    code = exit_code_of(failure)
    described: dict[str, object] = {
        "error": code.name.lower(),
        "exit_code": int(code),
        "message": "\n".join(_lines(failure)),
    }
    if isinstance(failure, ConfigurationError):
        described["problems"] = [
            {"where": problem.where, "line": problem.line, "column": problem.column, "message": problem.message}
            for problem in failure.problems
        ]
    if isinstance(failure, OutsideError):
        described |= {"system": failure.system, "status": failure.status}
    return described


def _lines(failure: Failure) -> list[str]:
    match failure:
        case ConfigurationError():
            return [str(problem) for problem in failure.problems]
        case click.ClickException():
            return failure.format_message().splitlines()
        case click.Abort():
            return ["interrupted"]
        case _:
            return [str(failure)]
