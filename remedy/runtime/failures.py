"""How the command reports a failure: one clear message on stderr, and an exit code for scripts."""

import json
from enum import IntEnum

import click

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
"""The errors with which commands end in a message. Any other error is a defect, and shows its trace."""


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
        failure.show()
    else:
        for line in _lines(failure):
            click.echo(f"error: {terminal(line)}", err=True)


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
