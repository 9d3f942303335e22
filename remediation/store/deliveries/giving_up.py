"""How long parked work waits for a person's decision: then it is given up, as if somebody had discarded it.

The case stays: it is only the action that is not done. What nobody can read has a time of its own (see set_aside.py).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from remediation.store.audit.chain import AuditKeys, waiting
from remediation.store.audit.entries import AuditEntry, Forgotten, ForgottenCause, forgotten
from remediation.store.deliveries.parked import LEFT_MS
from remediation.store.server.connection import Connection

_AT_ONCE = 200
"""The most that is given up in one step of Redis."""

_TRIES = 10
"""How often a step is tried whose lines speak of something else than there is by then: people decide, too."""


@dataclass(frozen=True, slots=True)
class GivenUpWork:
    """A piece that was given up.

    `account` is its district, or else the system that it came from; `case` is the reference of the case whose action it
    was, empty for a delivery and a scan.
    """

    name: str
    account: str
    case: str

    @property
    def action(self) -> str:
        """The action of the case; `look` for the whole case."""
        return self.name.removeprefix(f"{self.case}/")


class ParkedRetention:
    """Gives parked work up. `audit` signs."""

    def __init__(self, connection: Connection, audit: AuditKeys) -> None:
        self._connection = connection
        self._audit = audit

    async def give_up(self, kept: timedelta, now: float) -> list[GivenUpWork]:
        """Give up some of what was set aside so long before `now` (Unix seconds). Raises StoreUnavailable.

        The lines of the audit, one for each account, are added by the same script: it does nothing else than they say.
        """
        head = (int(now * 1000), int((now - kept.total_seconds()) * 1000), _AT_ONCE, LEFT_MS)
        told, lines = b"", list[bytes]()
        for _ in range(_TRIES):
            is_done, *found = await self._connection.run("give_up_parked", *head, told, *lines)
            words = [part.decode() for part in found]
            given_up = [GivenUpWork(*words[at : at + 3]) for at in range(0, len(words), 3)]
            if is_done:
                return given_up
            told, lines = b"\n".join(found), [waiting(each, self._audit) for each in _entries(given_up, now)]
        return []


def _entries(given_up: Sequence[GivenUpWork], now: float) -> list[AuditEntry]:
    counts = Counter(each.account for each in given_up)
    return [forgotten(Forgotten.PARKED, of, count, ForgottenCause.AGE, now) for of, count in sorted(counts.items())]
