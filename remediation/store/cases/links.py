"""P2, nothing twice: which tickets belong to which case, and which ticket we were about to open.

A link is written under the lease of its case. Reading asks by a change of a ticket (whose it is), and tracker by
tracker (all links, and the places of their tickets), without a look at any case.
"""

import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from remediation.domain.cases.records import CaseKey, Link, ref_of_mark
from remediation.domain.errors import LeaseLost
from remediation.domain.status import Status
from remediation.domain.subjects import Subject
from remediation.domain.tickets import Ticket, TicketChange, TicketState, place_in
from remediation.ports import Rulebook
from remediation.store.cases.groups import GroupCases
from remediation.store.cases.rows import link_of, link_wire, memory_kept
from remediation.store.cases.todo import Lease, Todo
from remediation.store.keys import CASE, INDEX, TICKETS
from remediation.store.server.connection import Connection, passing_errors

NO_SITES: Mapping[str, str] = MappingProxyType({})

_PAGES_OF_A_FEW = 20
_LINKS_AT_ONCE = 500
"""Tickets that one question looks at: a few milliseconds of Redis."""

_IDS_AT_ONCE = 1_000
_COUNTED = b"tickets:"
"""In front of a place: the field of the index that counts its tickets."""


class LeasedLinks:
    """The links of a case, for the worker that holds its lease. Every write raises LeaseLost when it is lost.

    `sites` names the site of each tracker, where it is known.
    """

    def __init__(
        self,
        connection: Connection,
        lease: Lease,
        sites: Mapping[str, str] = NO_SITES,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connection = connection
        self._sites = sites
        self._clock = clock
        self._todo = Todo(connection)
        self._lease = lease

    async def hold(self) -> None:
        """Verify that the lease is still held, and renew it."""
        if not await self._todo.renew(self._lease):
            raise LeaseLost(self._lease.ref)

    async def intend(self, tracker: str, now: float, place: str = "") -> None:
        """Store durably that a create is about to be sent, when and to which place, and renew the lease."""
        if not await self._todo.renew(self._lease, {f"intent:{tracker}": repr(now), f"place:{tracker}": place}):
            raise LeaseLost(self._lease.ref)

    async def link(self, ticket: Ticket) -> Link:
        """Store the link and delete the intent.

        Where the ticket has no version, the ticket as it was opened is no news until a look has read it (see
        TicketChange). A case to which the ticket was linked until now must be looked at again.
        """
        link = link_of(ticket, self._sites.get(ticket.tracker, ""), self._lease.record.born)
        is_untold = "1" if not ticket.version and ticket.state.is_active else ""
        at = int(self._clock() * 1000)
        await self._write("link_ticket", ticket.tracker, ticket.id, *link_wire(link), at, is_untold)
        return link

    async def unlink(self, tracker: str) -> None:
        """Delete the link to a ticket that is gone, and any intent."""
        await self._write("unlink_ticket", tracker, "", "", "")

    async def disown(self, link: Link, *, replaced: bool) -> None:
        """Delete the link to a ticket that is not the case's; later changes of it are then news for the case.

        With `replaced`, another ticket is linked next; until then a look must search for it.
        """
        expects = "1" if replaced else ""
        await self._write("unlink_ticket", link.tracker, link.ticket_id, link.ticket_key, expects)

    async def _write(self, script: str, *args: str | bytes | int) -> None:
        if not await self._connection.run(script, self._lease.ref, self._lease.token, *args):
            raise LeaseLost(self._lease.ref)


@dataclass(frozen=True, slots=True)
class Owners:
    """Finds the case of a ticket: by the correlation mark that it carries, or else by our own link.

    A link is to an id, and a tracker that was restored or moved gives the same ids again. Anybody who may write a label
    can write a mark, so a mark counts only in a tracker to which a rule may send the district's findings: nobody
    reaches the cases of another district from a tracker that is not theirs. Where mappings.yaml does not name the
    district (any more), that cannot be checked: a mark then counts for cases that are known, and these are held until
    the district is named again. Where a mark and a link disagree, the scripts mark both cases: only a look decides
    whose a ticket is.
    """

    todo: Todo
    rulebook: Rulebook

    async def of(self, tracker: str, changes: Sequence[TicketChange]) -> list[CaseKey | None]:
        """The case of each changed ticket; None for a ticket that is not ours. Raises StoreUnavailable."""
        return [next(iter(cases), None) for cases in await self.concerned(tracker, changes)]

    async def concerned(self, tracker: str, changes: Sequence[TicketChange]) -> list[tuple[CaseKey, ...]]:
        """The cases that each change concerns: the one whose mark the ticket carries, then the one linked to it."""
        linked = await self._linked(tracker, [change.ticket_id for change in changes])
        marked = [await self._marked(tracker, change) for change in changes]
        return [tuple(key for key in dict.fromkeys(pair) if key) for pair in zip(marked, linked, strict=True)]

    async def of_subjects(
        self, district: str, subjects: Sequence[Subject], now: float, *, by_backfill: bool = False
    ) -> list[CaseKey]:
        """The case of each subject of a list: the one to be marked. It then knows of those that are members of it.

        A finding of which the store may have lost tickets is named in no case of a group: a look at its own case comes
        first. `by_backfill`: the list is that of a backfill, of which cases may be taken back.
        """
        own = [subject.key for subject in subjects]
        identity = self.rulebook.identity(district)
        if identity is not None:
            homes = [identity.case_of(district, subject.detail) for subject in subjects]
        elif self.rulebook.groups(district):
            homes = await self._groups(subjects, now)
        else:
            return own
        named = [(subject, home) for subject, home in zip(subjects, homes, strict=True) if home is not None]
        marked = await self.todo.name_members(named, by_backfill=by_backfill)
        of_each = dict(zip([each.key for each, _ in named], marked, strict=True))
        return [of_each.get(key, key) for key in own]

    async def _groups(self, subjects: Sequence[Subject], now: float) -> list[CaseKey | None]:
        """The case of a group that takes each subject now; None for one that is not named there."""
        cases = GroupCases(self.todo.connection)
        since, at = await cases.knows_since(), datetime.fromtimestamp(now, tz=UTC)
        firsts = [self.rulebook.group_of(each, at) if _is_new(each, since) else None for each in subjects]
        current = {first: await cases.current_of(first) for first in dict.fromkeys(firsts) if first is not None}
        return [current[first] if first is not None else None for first in firsts]

    async def _linked(self, tracker: str, ticket_ids: list[str]) -> list[CaseKey | None]:
        """The case of each ticket, linked under the tracker's name or, until a look has seen to it, a former one."""
        keys = await self.todo.keys_of_tickets(tracker, ticket_ids)
        for former, name in self.rulebook.former_names.items():
            if name == tracker and not all(keys):
                before = await self.todo.keys_of_tickets(former, ticket_ids)
                keys = [key or known for key, known in zip(keys, before, strict=True)]
        return keys

    async def _marked(self, tracker: str, change: TicketChange) -> CaseKey | None:
        ref = ref_of_mark(change.mark)
        key = await self.todo.key_of(ref) if ref else None
        if key is None:
            return None
        if not self.rulebook.names(key.district):
            return key if await self.todo.is_known(key.ref) else None
        if change.meant_for not in {"", tracker} and self.rulebook.concerns(key.district, change.meant_for):
            return None  # another tracker's, on the same installation: its own list tells of it
        return key if self.rulebook.concerns(key.district, tracker) else None


def _is_new(subject: Subject, since: float) -> bool:
    """Whether the subject is unsolved and was detected after `since` (Unix seconds)."""
    detected = subject.detected_at
    return subject.status.is_unsolved and detected is not None and detected.timestamp() >= since


@dataclass(frozen=True, slots=True)
class LinkedCase:
    """One link: the reference of its case, and the ticket's key for people (see Link).

    `at_rest` says that nobody waited for anything when the case was remembered: its finding was solved or gone, and the
    ticket done.
    """

    ref: str
    ticket_key: str
    at_rest: bool

    @property
    def district(self) -> str:
        """The district whose case it is."""
        return self.ref.partition(":")[0]


async def linked_cases(connection: Connection, tracker: str) -> AsyncIterator[list[LinkedCase]]:
    """Every link to a ticket there, page by page; one made meanwhile may come twice. Raises StoreUnavailable."""
    cursor = ""
    while True:
        answer, *told = await connection.run("linked_cases", tracker, cursor, _LINKS_AT_ONCE)
        cursor, links = answer.decode(), zip(told[::3], told[1::3], told[2::3], strict=True)
        yield [
            LinkedCase(ref.decode(), json.loads(link)[1], _is_at_rest(tracker, memory)) for ref, link, memory in links
        ]
        if not cursor:
            return


async def some_linked_tickets(connection: Connection, tracker: str, most: int) -> tuple[str, ...]:
    """The ids of a few tickets there that are linked, in no order. Raises StoreUnavailable."""
    found: dict[str, None] = {}
    cursor = ""
    for _ in range(_PAGES_OF_A_FEW):
        answer, *told = await connection.run("linked_cases", tracker, cursor, _LINKS_AT_ONCE)
        found |= dict.fromkeys(str(json.loads(link)[0]) for link in told[1::3])
        cursor = answer.decode()
        if not cursor or len(found) >= most:
            break
    return tuple(found)[:most]


async def ticket_keys(connection: Connection, refs: Sequence[str], trackers: Sequence[str]) -> list[tuple[str, ...]]:
    """The keys of the tickets in these trackers that are linked to each of these cases. Raises StoreUnavailable."""
    fields = [f"link:{name}" for name in trackers]
    if not (refs and fields):
        return [() for _ in refs]
    with passing_errors():
        async with connection.redis.pipeline(transaction=False) as pipe:
            for ref in refs:
                pipe.hmget(CASE + ref, fields)
            rows = await pipe.execute()
    return [tuple(str(json.loads(link)[1]) for link in links if link) for links in rows]


def _is_at_rest(tracker: str, kept: bytes) -> bool:
    """Whether the memory says so; one in a form that this version does not know says nothing."""
    if not kept:
        return False
    try:
        memory = memory_kept(kept)
    except ValueError:
        return False
    return memory.finding in {Status.RESOLVED, Status.GONE} and memory.tickets.get(tracker) is TicketState.DONE


async def linked_places(connection: Connection, tracker: str) -> Counter[str]:
    """How many linked tickets each place has, as far as their ids name places: ServiceNow's tables.

    A ticket that was deleted counts for as long as the index has it. Of a store of an earlier version, the ids that are
    not in the index yet are read. Raises StoreUnavailable.
    """
    places = await _unmoved(connection, tracker)
    head = await connection.ask(connection.redis.hgetall(INDEX + tracker))
    counts = {name.removeprefix(_COUNTED).decode(): int(each) for name, each in head.items() if _COUNTED in name}
    places.update({place: count for place, count in counts.items() if place and count})
    return places


async def _unmoved(connection: Connection, tracker: str) -> Counter[str]:
    places: Counter[str] = Counter()
    cursor = 0
    while True:
        cursor, tickets = await connection.ask(connection.redis.hscan(TICKETS + tracker, cursor, count=_IDS_AT_ONCE))
        places.update(place for ticket_id in tickets if (place := place_in(ticket_id.decode())))
        if not cursor:
            return places
