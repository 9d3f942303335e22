"""What a person does at the command line, as lines of the audit: who, what, and each piece of it."""

import os
import pwd
import re
from collections.abc import Callable
from typing import Any

import click

from remediation.redaction import plain
from remediation.sealing import Keyring
from remediation.store.audit.chain import waiting
from remediation.store.audit.entries import LONGEST_TEXT, AuditAct, AuditEntry
from remediation.store.audit.trail import AuditTrail
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


class CommandAudit:
    """Writes the lines of one command. `clock` returns Unix seconds."""

    def __init__(self, connection: Connection, keyring: Keyring, clock: Callable[[], float]) -> None:
        self.trail = AuditTrail.sealed_by(connection, keyring)
        self._clock = clock

    def entry(
        self, act: AuditAct, who: str = "", *, piece: str = "", choice: str = "", of: str = "", count: int | None = None
    ) -> AuditEntry:
        """An entry of now. `who` is who decides, where the command was told; texts are cut to their length."""
        return AuditEntry(
            act,
            int(self._clock() * 1000),
            by=who or os_user(),
            user=os_user(),
            of=of,
            piece=plain(piece, LONGEST_TEXT),
            choice=plain(choice, LONGEST_TEXT),
            count=count,
        )

    def line(self, entry: AuditEntry) -> bytes:
        """The entry as a line for the script that carries out what it says."""
        return waiting(entry, self.trail.keys)

    async def note(self, entry: AuditEntry) -> AuditEntry:
        """Write the entry down, before what it says is done or shown. Raises StoreUnavailable: then it must not be."""
        await self.trail.note([entry], self._clock())
        return entry

    async def chain(self) -> None:
        """Chain what waits. Raises StoreUnavailable."""
        await self.trail.chain(self._clock())
