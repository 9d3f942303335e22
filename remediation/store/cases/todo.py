"""P4, it settles: which cases must be looked at, who holds each, and what was found when it was let go.

A case is dirty from the moment that something says "look again" until a look has seen that moment's generation. One
worker at a time holds its lease; a trigger that arrives meanwhile raises the generation, and the case is woken again
when the holder lets go. The arq job is only the wake-up.

An appointment is the known time at which a case must be looked at although nothing happens, because an accepted risk
ends. It is written together with what a look remembers, and survives restarts. After a wipe of Redis, the next look at
a case makes its appointment again.
"""

import json
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from remediation.domain.cases.identities import known_of
from remediation.domain.cases.records import CaseKey, CaseRecord, Memory, key_of_ref
from remediation.domain.cases.renaming import Names, renamed
from remediation.domain.errors import LeaseLost
from remediation.domain.subjects import Subject
from remediation.domain.tickets import Ticket, TicketChange
from remediation.queue import Band
from remediation.store.cases.entries import LookCause
from remediation.store.cases.lists import facts_of
from remediation.store.cases.rows import change_wire, key_in, links_to_pack, memory_wire, record_of
from remediation.store.deliveries.crash_counter import CrashCounter, Crashes, Taken
from remediation.store.keys import APPOINTMENTS, BORN, CASE, CURSOR, DIRTY, FORGETTING
from remediation.store.server.connection import Connection
from remediation.telemetry import NOWHERE, Origin

LEASE_SECONDS = 8.0
"""How long a worker that died keeps its case. Renewed every third of it while the worker lives."""

SWEEP_BATCH = 1_000
"""Pieces of work of each kind, and appointments, that one sweep wakes."""

SWEEP_STEP = 100
"""How many of them one script wakes: Redis does nothing else for 20 to 30 µs each, more on a busy machine."""

MOST_MARKS = 25
"""Cases that one step marks where there may be a thousand: Redis does nothing else for 40 to 80 µs each."""

_NAMED_BATCH = 100
"""Cases of one tracker that a sweep marks because mappings.yaml names it again: the tracker must not be overloaded."""


@dataclass(frozen=True, slots=True)
class Received:
    """A delivery that waits for something to be done: when it was received (Unix seconds), and from which sender."""

    at: float
    sender: str


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a case. `generation` is what was to be looked at when it was taken.

    `cause` says what made it so (see LookCause), and `marked_at` (Unix seconds) when; the last of several counts.
    `look_at` (Unix seconds) is the appointment of the case. `crashes` says how often workers died with it before.
    `awaited` are the deliveries that no look has dealt with, by the field of the row which says for what each waits.
    `origins` say how deliveries came that led to the look, by the field of the row which names each.
    """

    ref: str
    token: str
    generation: str
    record: CaseRecord
    cause: str = LookCause.AGAIN
    marked_at: float = 0.0
    look_at: float | None = None
    crashes: Crashes = field(default_factory=Crashes)
    awaited: Mapping[str, Received] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)


CAME_DUE = "came_due"
"""The field of a row with the time (ms) of an appointment that has come and that no look has dealt with."""

AWAITED_TICKET = "awaited:ticket"
AWAITED_STATUS = "awaited:status"

Mark = tuple[CaseKey, Band | None]
"""A case to look at and how urgent it is; None keeps the urgency that it had."""

Found = tuple[CaseKey, Band | None, Mapping[str, AbstractSet[str]]]
"""The same, with the ids of the tickets that are its own, by tracker."""


def marks_of(cases: Iterable[Mark]) -> list[str | int]:
    """Cases as the scripts take them."""
    return [part for key, band in cases for part in (key.ref, key.id, -1 if band is None else int(band))]


class Todo:
    """The to-do list of cases. A process that works on cases passes its own crash counter, one for all its stores."""

    def __init__(self, connection: Connection, crash_counter: CrashCounter | None = None) -> None:
        self._connection = connection
        self._beginnings = crash_counter or CrashCounter(connection)

    @property
    def connection(self) -> Connection:
        """The connection to the store."""
        return self._connection

    async def mark(self, cases: Iterable[Mark], now: float, cause: str = LookCause.AGAIN) -> None:
        """Mark cases dirty and wake a worker for each; `cause` says what made us look."""
        every = [*cases]
        for start in range(0, len(every), MOST_MARKS):
            marks = marks_of(every[start : start + MOST_MARKS])
            await self._connection.run("mark_cases", int(now * 1000), cause, *marks)

    async def mark_found(self, cases: Iterable[Found], now: float, listed: Iterable[str] = ()) -> None:
        """Mark cases because somebody wants all of them looked at again, behind any other work, the worst first.

        Where the store has no link to a ticket that is there, the look will search for it, also beside a linked one.
        `listed` are the trackers whose lists were read: a ticket of theirs may be linked under one that is not.
        """
        parts: list[str | int] = []
        for key, band, tickets in cases:
            ids = json.dumps({tracker: sorted(of_tracker) for tracker, of_tracker in tickets.items()})
            parts += [key.ref, key.id, -1 if band is None else int(band), ids]
        if parts:
            await self._connection.run("mark_found", int(now * 1000), json.dumps(dict.fromkeys(listed, 1)), *parts)

    async def mark_changes(
        self, tracker: str, changes: Iterable[tuple[TicketChange, CaseKey]], cursor: str, now: float, place: str = ""
    ) -> int:
        """Mark the cases of tickets that changed, together with the cursor (sealed) of the list that named them.

        That is the list of a former `place`, or else the one of where new tickets go. A version of a ticket that we
        know already marks nothing: lists overlap, and our own writes come back in them. Neither does a ticket that is
        still as a look has opened it, whose version that look was not told.
        Returns how many were marked.
        """
        parts = [part for change, key in changes for part in change_wire(change, key)]
        args: list[str | int] = [int(now * 1000), tracker, list_name(tracker, place), cursor]
        return int(await self._connection.run("mark_changes", *args, *parts))

    async def cursor(self, tracker: str, place: str = "") -> str | None:
        """How far a list of changes has been read, as `mark_changes` stored it."""
        value = await self._connection.ask(self._connection.redis.get(CURSOR + list_name(tracker, place)))
        return value.decode() if value else None

    async def keys_of_tickets(self, tracker: str, ticket_ids: list[str]) -> list[CaseKey | None]:
        """The case of each ticket, as far as we have linked it."""
        if not ticket_ids:
            return []
        refs = await self._connection.run("cases_of_tickets", tracker, *ticket_ids)
        return [await self.key_of(ref.decode()) if ref else None for ref in refs]

    async def key_of(self, ref: str) -> CaseKey | None:
        """The key behind a reference; for one that holds a digest, as far as the case is known."""
        if key := key_of_ref(ref):
            return key
        case_id = await self._connection.ask(self._connection.redis.hget(CASE + ref, "id"))
        return key_in(ref, case_id.decode()) if case_id else None

    async def is_known(self, ref: str) -> bool:
        """Whether the store has anything of a case."""
        return bool(await self._connection.ask(self._connection.redis.exists(CASE + ref)))

    async def take(self, ref: str, now: float) -> Lease | None:
        """The lease on a case that must be looked at; None when it is clean, or another worker holds it.

        The caller must `let_go` of it, whatever the result of the look is. Raises StoreUnavailable.
        """
        taken = await self._beginnings.take("take_case", ref, ref, now, int(LEASE_SECONDS * 1000))
        if taken is None:
            return None
        try:
            lease = _lease_of(ref, taken)
            if fields := links_to_pack(lease.record, taken.row):
                await self.renew(lease, fields)
        except BaseException:  # a row that nobody can read: an error of ours, and no death
            await self._beginnings.let_go(taken.token)
            raise
        return lease

    async def let_go(self, lease: Lease) -> None:
        """Report that the look is over and its worker alive. It writes no row, so a lost lease does no harm."""
        await self._beginnings.let_go(lease.token)

    async def renew(self, lease: Lease, fields: Mapping[str, str | bytes] | None = None) -> bool:
        """Keep the lease for another LEASE_SECONDS and write fields of the row under it. False: it is lost."""
        pairs = [part for pair in (fields or {}).items() for part in pair]
        return bool(
            await self._connection.run("renew_lease", lease.ref, lease.token, int(LEASE_SECONDS * 1000), *pairs)
        )

    async def remember(self, lease: Lease, memory: Memory, audit: bytes = b"") -> bool:
        """Keep the lease, and what is known of the case so far. False: it is lost.

        `audit` is a line of the audit (see audit/chain.py), added together with that, and once; empty for none.
        """
        facts = facts_of(memory, is_news=memory != lease.record.memory)
        fields: dict[str, str | bytes] = {"memory": memory_wire(memory), "living": memory.living_rule, "facts": facts}
        return await self.renew(lease, fields | ({"audit": audit} if audit else {}))

    async def settle(
        self,
        lease: Lease,
        memory: Memory,
        now: float,
        *,
        seen: Iterable[Ticket] = (),
        drop: Iterable[str] = (),
        look_at: float | None = None,
        audit: bytes = b"",
    ) -> bool:
        """Remember, let go, and clear the mark if nothing happened since.

        `seen` are tickets whose versions are then known, so that they mark nothing. `drop` names fields of the row to
        delete; work that is parked under such a field is taken off the list of parked work.
        `look_at` (Unix seconds) makes the case's appointment; None cancels one that it had. `audit` is a line of the
        audit that is added together with all that; empty for none.
        False: the lease was lost, nothing was written, and the worker that has it now goes on.
        """
        versions = [part for each in seen if each.version for part in (each.tracker, each.id, each.version)]
        args: list[str | bytes | int] = [lease.ref, lease.token, lease.generation, int(now * 1000), memory_wire(memory)]
        args += [memory.living_rule, facts_of(memory, is_news=memory != lease.record.memory)]
        args += ["" if look_at is None else int(look_at * 1000), audit, _ended(lease, memory, look_at)]
        args += [len(versions) // 3, *versions, *drop]
        return self._ended(lease, held=await self._connection.run("settle_case", *args) != b"lost")

    async def note_unnamed(self, lease: Lease, trackers: Iterable[str], now: float) -> bool:
        """Note which trackers of the case mappings.yaml does not name; False: the lease was lost.

        When one of them is named (again), the case is looked at.
        """
        names = sorted(trackers)
        return bool(await self._connection.run("note_unnamed", lease.ref, lease.token, int(now * 1000), *names))

    async def rename_trackers(self, lease: Lease, names: Names) -> Lease:
        """The lease on the case after its trackers are renamed; `names` has the new name of each former one.

        Raises LeaseLost.
        """
        record = renamed(lease.record, names)
        pairs = [part for pair in names.items() for part in pair]
        if not await self._connection.run(
            "rename_trackers", lease.ref, lease.token, memory_wire(record.memory), *pairs
        ):
            raise LeaseLost(lease.ref)
        return replace(lease, record=record)

    async def name_trackers(self, names: Iterable[str], now: float) -> int:
        """Note that mappings.yaml names these trackers, and mark some of the cases that were looked at without one.

        Returns how many were marked.
        """
        return int(await self._connection.run("name_trackers", int(now * 1000), _NAMED_BATCH, *sorted(names)))

    async def join(self, lease: Lease, home: CaseKey, now: float) -> bool:
        """Let go of a finding's own case, because it belongs to `home`, which is to be looked at instead.

        False: another worker looks at that case now, nothing was written, and the lease is still held. Raises LeaseLost
        where it is lost.
        """
        own = (lease.ref, lease.token, lease.generation, lease.record.key.id)
        answer = await self._connection.run("join_case", *own, int(now * 1000), lease.cause, home.ref, home.id)
        if answer == b"lost":
            raise LeaseLost(lease.ref)
        return self._ended(lease, held=answer == b"joined")

    async def name_members(
        self, named: Iterable[tuple[Subject, CaseKey]], *, by_backfill: bool = False
    ) -> list[CaseKey]:
        """The case to be marked for each finding of a list, given with the case that it belongs to.

        It is the finding's own case where the store has a row of that. `by_backfill`: the list is that of a backfill,
        of which cases may be taken back.
        """
        pairs = list(named)
        if not pairs:
            return []
        parts = [
            part
            for each, home in pairs
            for part in (each.key.ref, each.key.id, home.ref, home.id, known_of(each, 0).code)
        ]
        answer = await self._connection.run("name_members", "1" if by_backfill else "", *parts)
        return [_marked(each.key, ref.decode()) for (each, _), ref in zip(pairs, answer, strict=True)]

    async def put_off(
        self,
        lease: Lease,
        due: float,
        now: float,
        *,
        overtaken: bool = False,
        held_by: str = "",
        budget: str = "",
        drop: Iterable[str] = (),
    ) -> bool:
        """Let go of the case; it is looked at again at `due` (Unix seconds), or at once if something happened since.

        `overtaken`: somebody else changed the ticket first, which is no failed attempt. `held_by` is the system that it
        waits for: when that answers again, it is due sooner (see systems.py). `budget` is the one that it waits for,
        which is no failed attempt, either: it is due as soon as there is room (see budgets/). Fields in `drop` are
        deleted from the case's row. False: the lease was lost.
        """
        args: list[str | int] = [lease.ref, lease.token, int(due * 1000), lease.generation, int(now * 1000)]
        counted = "" if budget else "overtaken" if overtaken else "attempts"
        args += [counted, held_by, budget, *drop]
        return self._ended(lease, held=bool(await self._connection.run("put_off_case", *args)))

    def _ended(self, lease: Lease, *, held: bool) -> bool:
        if held:
            self._beginnings.ended(lease.token)
        return held

    async def sweep(self, now: float) -> dict[str, int]:
        """Wake whatever is due and has no live wake-up: put off, orphaned by a crash, or forgotten by the queue.

        Cases whose appointment has come are marked, and these appointments deleted. Its cost follows what is due, not
        what is known. Returns how many of each kind were woken.
        """
        due = await self._sweep_all("mark_due", int(now * 1000))
        kinds = ("delivery", "scan", "case")
        return {kind: await self._sweep_all("sweep", kind, int(now * 1000)) for kind in kinds} | {"appointment": due}

    async def _sweep_all(self, script: str, *args: str | int) -> int:
        """Wake what is due, some at a time. Returns how many were woken."""
        woken = 0
        for _ in range(SWEEP_BATCH // SWEEP_STEP):
            some, seen = await self._connection.run(script, *args, SWEEP_STEP)
            woken += some
            if seen < SWEEP_STEP:
                break
        return woken

    async def appointment(self, ref: str) -> float | None:
        """The time (Unix seconds) of a case's appointment; None where it has none."""
        score = await self._connection.ask(self._connection.redis.zscore(APPOINTMENTS, ref))
        return float(score) / 1000 if score is not None else None

    async def record(self, ref: str) -> CaseRecord | None:
        """What is kept of a case."""
        asked = self._connection.redis.pipeline(transaction=False)
        asked.hgetall(CASE + ref)
        asked.get(BORN)
        asked.hget(FORGETTING, "forgotten")
        row, born, forgotten = await self._connection.ask(asked.execute())
        if not row:
            return None
        store = {"born": born or b"0", "forgotten": forgotten or b"0"}
        return record_of(ref, {name.decode(): value for name, value in row.items()} | store)

    async def dirty(self) -> int:
        """How many cases wait to be looked at."""
        return int(await self._connection.ask(self._connection.redis.zcard(DIRTY)))


def list_name(tracker: str, place: str) -> str:
    """Returns the name of a list of changes: the tracker's, with the place where it is the list of a former one."""
    return f"{tracker}/{place}" if place else tracker


def _marked(own: CaseKey, ref: str) -> CaseKey:
    """The key of a reference, which is the finding's own or that of the case to which it belongs."""
    return own if ref == own.ref else key_of_ref(ref) or own


def _ended(lease: Lease, memory: Memory, look_at: float | None) -> str:
    """Whether the case comes to its end (`now`), was at it with the same status (`since`), or is not at its end."""
    if not memory.is_over or look_at is not None:
        return ""
    return "since" if lease.record.memory.finding is memory.finding else "now"


def _lease_of(ref: str, taken: Taken) -> Lease:
    row = taken.row
    return Lease(
        ref,
        taken.token,
        row["gen"].decode(),
        record_of(ref, row),
        cause=row.get("cause", b"").decode(),
        marked_at=int(row.get("marked_at", 0)) / 1000,
        look_at=float(row["look_at"]) / 1000 if "look_at" in row else None,
        crashes=taken.crashes,
        awaited={name: _received(row[name]) for name in (AWAITED_TICKET, AWAITED_STATUS) if name in row},
        origins={name: origin for name in sorted(row) if (origin := _origin_in(name, row)) != NOWHERE},
    )


def _origin_in(name: str, row: Mapping[str, bytes]) -> Origin:
    if not name.startswith("origin:"):
        return NOWHERE
    request_id, _, trace = row[name].decode().partition(" ")
    return Origin.parse(request_id, trace)


def _received(value: bytes) -> Received:
    at, _, sender = value.decode().partition(" ")
    return Received(int(at) / 1000, sender)
