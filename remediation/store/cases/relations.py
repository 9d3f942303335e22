"""Which cases are found at a site or a school on a day, so that incidents and findings find each other.

A spot lies in Redis under a fingerprint, and nothing that is kept tells school, site or day: a school and a day are
enough for somebody to recognise a student. It is forgotten a while after a case was last found there: an end that
counts from its day would tell the day. It has few cases, because few are told of.
"""

from collections.abc import Mapping

from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord
from remediation.domain.cases.relations import KEPT_FOR, Spot, Vicinity
from remediation.domain.tickets import Ticket
from remediation.sealing import Keyring
from remediation.store.cases.lists import CaseLists
from remediation.store.server.connection import Connection

_MOST_AT_A_SPOT = 50
"""The most cases at a site or a school on one day: a scan finds thousands on one site."""

_MOST_FOUND = 200
_MOST_READ = 20
"""How many of the cases that are found are read, until some have tickets."""


class CaseRelations:
    """The spots. Implements remediation.ports.Relations. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring
        self._cases = CaseLists(connection)

    async def note(self, key: CaseKey, vicinity: Vicinity, tickets: Mapping[str, Ticket], now: float) -> None:
        """Have the case be found at its spot.

        Where it is that of a finding and is new there, or its tickets are others than before, the incidents of its
        vicinity are marked in the same step, to be told of them.
        """
        wakes = key.kind is CaseKind.FINDING
        others = self._names(vicinity.others) if wakes else []
        shown = ",".join(f"{name}={ticket.id}" for name, ticket in sorted(tickets.items())) if wakes else ""
        args = (int(KEPT_FOR.total_seconds() * 1000), _MOST_AT_A_SPOT, "1" if wakes else "")
        own = self._keyring.fingerprint(vicinity.own.text.encode())
        await self._connection.run("note_spot", int(now * 1000), key.ref, own, shown, *args, *others)

    async def found(self, vicinity: Vicinity) -> tuple[CaseRecord, ...]:
        """Some of the cases with tickets at the other spots, by their references in order."""
        refs = await self._connection.run("cases_at_spots", _MOST_FOUND, *self._names(vicinity.others))
        some = sorted({ref.decode() for ref in refs})[:_MOST_READ]
        records = await self._cases.records(some)
        return tuple(record for ref in some if (record := records.get(ref)) is not None and record.links)

    def _names(self, spots: tuple[Spot, ...]) -> list[str]:
        return [name for spot in spots for name in self._keyring.fingerprints(spot.text.encode())]
