"""What a person does, as lines of the audit: who, what, and each piece of it."""

from collections.abc import Callable

from remediation.redaction import plain
from remediation.sealing import Keyring
from remediation.store.audit.chain import waiting
from remediation.store.audit.entries import LONGEST_TEXT, AuditAct, AuditEntry
from remediation.store.audit.trail import AuditTrail
from remediation.store.server.connection import Connection


class OperationAudit:
    """Writes the lines of what people do. `clock` returns Unix seconds.

    `user` is who this process is sure of: the operating system's user of a command, or `console`, which has signed
    people in itself.
    """

    def __init__(self, connection: Connection, keyring: Keyring, clock: Callable[[], float], user: str) -> None:
        self.trail = AuditTrail.sealed_by(connection, keyring)
        self._clock = clock
        self._user = user

    def entry(
        self, act: AuditAct, who: str = "", *, piece: str = "", choice: str = "", of: str = "", count: int | None = None
    ) -> AuditEntry:
        """An entry of now. `who` is who decides, where that is known; texts are cut to their length."""
        return AuditEntry(
            act,
            int(self._clock() * 1000),
            by=who or self._user,
            user=self._user,
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
