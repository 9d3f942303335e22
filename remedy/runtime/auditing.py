"""What a person does at the command line, as lines of the audit: who, what, and each piece of it."""

import os
import pwd
import re
from collections.abc import Callable
from typing import Any

import click

from remediation.operations.auditing import OperationAudit
from remediation.sealing import Keyring
from remediation.store.server.connection import Connection

_WHO = re.compile(r"[A-Za-z0-9._@+:-]{1,64}")


def os_user() -> str:
    """The operating system's user of this process: what a person says with --by is only said."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid:{os.getuid()}"


def _names_somebody(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str:
    if value is None:
        return os_user()
    if not _WHO.fullmatch(value):
        raise click.BadParameter("a short name, like a login: letters, digits and . _ @ + : -")
    return value


def with_by(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option `--by`: who decides, as `who`."""
    words = "Who decides, for the audit, which has the OS user besides. [default: the OS user]"
    return click.option("--by", "who", callback=_names_somebody, help=words)(command)


class CommandAudit(OperationAudit):
    """Writes the lines of one command. `clock` returns Unix seconds."""

    def __init__(self, connection: Connection, keyring: Keyring, clock: Callable[[], float]) -> None:
        super().__init__(connection, keyring, clock, os_user())
