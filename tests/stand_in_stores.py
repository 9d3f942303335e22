"""In-memory stand-ins for the stores that a look uses, for tests that need no Redis.

They are held to the suite that the real ones pass (tests/contract/test_stores.py). A row is kept field by field as
Redis has it, so that what is remembered takes the same way there and back.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from remediation.domain.cases.records import CaseKey, CaseRecord, Link, Memory, key_of_ref
from remediation.domain.cases.renaming import Names, renamed, renamed_memory
from remediation.domain.errors import LeaseLost
from remediation.domain.tickets import Ticket, TicketChange
from remediation.store.cases.entries import LookCause
from remediation.store.cases.links import NO_SITES
from remediation.store.cases.rows import key_in, link_of, link_wire, memory_json, record_of
from remediation.store.cases.todo import SWEEP_BATCH, Found, Lease, Mark, Todo
from remediation.store.terms import GRACE_MS
from tests.shelves import Shelves, milliseconds


class MemoryTodo(Todo):
    """The to-do list of cases; of wake-ups it knows which there are, and not their order."""

    def __init__(self, shelves: Shelves) -> None:
        self._on = shelves

    async def mark(self, cases: Iterable[Mark], now: float, cause: str = LookCause.AGAIN) -> None:
        def work() -> None:
            for key, band in cases:
                self._on.mark(key.ref, key.id, milliseconds(now), -1 if band is None else int(band), cause)

        await self._on.call(work)

    async def mark_found(self, cases: Iterable[Found], now: float, listed: Iterable[str] = ()) -> None:
        names = {*listed}

        def work() -> None:
            for key, band, tickets in cases:
                for tracker, ids in tickets.items():
                    self._on.expect_others(key.ref, tracker, ids, names)
                if band is not None:
                    self._on.row(key.ref).setdefault("band", str(int(band)).encode())
                self._on.mark(key.ref, key.id, milliseconds(now), -1, LookCause.RECONCILE)

        await self._on.call(work)

    async def mark_changes(
        self, tracker: str, changes: Iterable[tuple[TicketChange, CaseKey]], cursor: str, now: float, place: str = ""
    ) -> int:
        def work() -> int:
            self._on.cursors[f"{tracker}/{place}" if place else tracker] = cursor
            return sum(self._is_news(tracker, change, key, milliseconds(now)) for change, key in changes)

        return await self._on.call(work)

    def _is_news(self, tracker: str, change: TicketChange, key: CaseKey, now: int) -> bool:
        if change.version:
            if self._on.seen.get((tracker, change.ticket_id)) == change.version:
                return False
            self._on.seen[tracker, change.ticket_id] = change.version
            if self._on.is_as_opened(key.ref, tracker, change.ticket_id, change.opened_as):
                return False
        self._on.expect_ticket(key.ref, tracker)
        self._on.look_at_tied(tracker, change.ticket_id, key.ref, now, f"{LookCause.POLL}:{tracker}")
        self._on.mark(key.ref, key.id, now, -1, f"{LookCause.POLL}:{tracker}")
        if key.ref in self._on.leases and change.version:
            self._on.noted.setdefault(key.ref, []).append((tracker, change))
        return True

    async def cursor(self, tracker: str, place: str = "") -> str | None:
        return self._on.cursors.get(f"{tracker}/{place}" if place else tracker)

    async def keys_of_tickets(self, tracker: str, ticket_ids: list[str]) -> list[CaseKey | None]:
        refs = [self._on.tickets.get((tracker, ticket_id)) for ticket_id in ticket_ids]
        return [await self.key_of(ref) if ref else None for ref in refs]

    async def key_of(self, ref: str) -> CaseKey | None:
        if key := key_of_ref(ref):
            return key
        case_id = self._on.rows.get(ref, {}).get("id")
        return key_in(ref, case_id.decode()) if case_id else None

    async def is_known(self, ref: str) -> bool:
        return ref in self._on.rows

    async def take(self, ref: str, now: float) -> Lease | None:
        def work() -> Lease | None:
            if ref not in self._on.dirty or ref in self._on.leases:
                return None
            born = self._on.born
            self._on.born = milliseconds(now) if born is None else min(born, milliseconds(now))
            for name, value in self._on.row(ref).items():
                if name.startswith("intent:") and float(value) > now:
                    self._on.write(ref, **{name: repr(now)})
            self._on.noted.pop(ref, None)
            token = self._on.leases[ref] = f"token-{next(self._on.numbers)}"
            row = self._on.row(ref) | {"born": str(self._on.born).encode()}
            marked_at = int(row["marked_at"]) / 1000
            at = self._on.appointments.get(ref)
            look_at = at / 1000 if at is not None else None
            return Lease(
                ref, token, row["gen"].decode(), record_of(ref, row), row["cause"].decode(), marked_at, look_at
            )

        return await self._on.call(work)

    async def let_go(self, lease: Lease) -> None:
        """Who dies over a case is not counted here."""

    async def renew(self, lease: Lease, fields: Mapping[str, str | bytes] | None = None) -> bool:
        def work() -> bool:
            if not self._on.holds(lease):
                return False
            self._on.write(lease.ref, **(fields or {}))
            return True

        return await self._on.call(work)

    async def remember(self, lease: Lease, memory: Memory, audit: bytes = b"") -> bool:
        if not await self.renew(lease, {"memory": memory_json(memory)}):
            return False
        self._on.note_line(audit)
        return True

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
        ref, text, fields = lease.ref, memory_json(memory), list(drop)

        def work() -> bool:
            if not self._on.holds(lease):
                return False
            self._on.write(ref, memory=text)
            self._on.note_line(audit)
            self._on.appointments.pop(ref, None)
            if look_at is not None:
                self._on.appointments[ref] = milliseconds(look_at)
            own = {(each.tracker, each.id): each.version for each in seen if each.version}
            self._on.seen.update(own)
            self._on.drop(ref, "attempts", "overtaken", *fields)
            for name in fields:
                self._on.parked.pop(f"{ref}/{name.removeprefix('parked:')}", None)
            self._on.lapse(ref)
            if int(self._on.row(ref)["gen"]) == int(lease.generation) + self._on.echoes(ref, own):
                del self._on.dirty[ref]
            else:
                self._on.dirty[ref] = milliseconds(now) + GRACE_MS
                self._on.wake(ref)
            return True

        return await self._on.call(work)

    async def note_unnamed(self, lease: Lease, trackers: Iterable[str], now: float) -> bool:
        del now
        names = sorted(trackers)

        def work() -> bool:
            if not self._on.holds(lease):
                return False
            self._on.drop(lease.ref, "unnamed")
            if names:
                self._on.write(lease.ref, unnamed=",".join(names))
            return True

        return await self._on.call(work)

    async def rename_trackers(self, lease: Lease, names: Names) -> Lease:
        memory = renamed_memory(lease.record.memory, names)

        def work() -> None:
            if not self._on.holds(lease):
                raise LeaseLost(lease.ref)
            row = self._on.row(lease.ref)
            if "memory" in row:
                self._on.write(lease.ref, memory=memory_json(memory))
            for former, name in names.items():
                self._on.rename_tracker(lease.ref, former, name)

        await self._on.call(work)
        return replace(lease, record=renamed(lease.record, names))

    async def name_trackers(self, names: Iterable[str], now: float) -> int:
        known = set(names)

        def work() -> int:
            noted = {ref: row.get("unnamed", b"").decode().split(",") for ref, row in self._on.rows.items()}
            found = [ref for ref, unnamed in noted.items() if known.intersection(unnamed)]
            for ref in found:
                self._on.drop(ref, "unnamed")
                self._on.mark(ref, self._on.row(ref)["id"].decode(), milliseconds(now), -1, LookCause.MAPPINGS)
            return len(found)

        return await self._on.call(work)

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
        del held_by  # nobody is told, and nothing brought forward
        ref, fields = lease.ref, list(drop)

        def work() -> bool:
            if not self._on.holds(lease):
                return False
            if not budget:
                self._on.add(ref, "overtaken" if overtaken else "attempts")
            self._on.drop(ref, *fields, *(() if overtaken or budget else ("overtaken",)))
            if self._on.row(ref)["gen"].decode() == lease.generation:
                self._on.write(ref, cause=LookCause.SWEEP, marked_at=milliseconds(now))
                self._on.dirty[ref] = milliseconds(due)
            else:
                self._on.dirty[ref] = milliseconds(now)
            self._on.lapse(ref)
            return True

        return await self._on.call(work)

    async def sweep(self, now: float) -> dict[str, int]:
        moment = milliseconds(now)

        def work() -> dict[str, int]:
            due = [ref for ref, at in self._on.appointments.items() if at <= moment][:SWEEP_BATCH]
            for ref in due:
                self._on.write(ref, came_due=self._on.appointments.pop(ref))
                self._on.mark(ref, self._on.row(ref)["id"].decode(), moment, -1, LookCause.APPOINTMENT)
            late = [ref for ref, at in self._on.dirty.items() if at <= moment][:SWEEP_BATCH]
            woken = [ref for ref in late if ref not in self._on.leases and ref not in self._on.woken]
            for ref in late:
                self._on.dirty[ref] = moment + GRACE_MS
            for ref in woken:
                self._on.wake(ref)
            return {"delivery": 0, "scan": 0, "case": len(woken), "appointment": len(due)}

        return await self._on.call(work)

    async def appointment(self, ref: str) -> float | None:
        at = self._on.appointments.get(ref)
        return None if at is None else at / 1000

    async def record(self, ref: str) -> CaseRecord | None:
        row = self._on.rows.get(ref)
        return record_of(ref, row | {"born": str(self._on.born or 0).encode()}) if row else None

    async def dirty(self) -> int:
        return len(self._on.dirty)


class MemoryLeasedLinks:
    """The links of the case that a worker holds."""

    def __init__(
        self,
        shelves: Shelves,
        lease: Lease,
        sites: Mapping[str, str] = NO_SITES,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._on, self._lease, self._sites, self._clock = shelves, lease, sites, clock

    async def hold(self) -> None:
        await self._write(lambda: None)

    async def intend(self, tracker: str, now: float, place: str = "") -> None:
        intent = {f"intent:{tracker}": repr(now), f"place:{tracker}": place}
        await self._write(lambda: self._on.write(self._lease.ref, **intent))

    async def link(self, ticket: Ticket) -> Link:
        link, ref = link_of(ticket, self._sites.get(ticket.tracker, ""), self._lease.record.born), self._lease.ref

        def work() -> None:
            text, more = link_wire(link)
            self._on.look_at_tied(ticket.tracker, ticket.id, ref, milliseconds(self._clock()), LookCause.AGAIN)
            fields: dict[str, str | bytes] = {f"link:{ticket.tracker}": text, f"tie:{ticket.tracker}": more}
            self._on.write(ref, **fields)
            self._on.tickets[ticket.tracker, ticket.id] = ref
            self._on.drop(ref, *(f"{kind}:{ticket.tracker}" for kind in ("intent", "place", "opened")))
            if not ticket.version and ticket.state.is_active:
                self._on.write(ref, **{f"opened:{ticket.tracker}": 1})

        await self._write(work)
        return link

    async def unlink(self, tracker: str) -> None:
        await self._write(lambda: self._forget(tracker))

    async def disown(self, link: Link, *, replaced: bool) -> None:
        def work() -> None:
            self._forget(link.tracker)
            if self._on.tickets.get((link.tracker, link.ticket_id)) == self._lease.ref:
                del self._on.tickets[link.tracker, link.ticket_id]
            if replaced:
                self._on.expect_ticket(self._lease.ref, link.tracker)

        await self._write(work)

    def _forget(self, tracker: str) -> None:
        self._on.drop(self._lease.ref, *(f"{kind}:{tracker}" for kind in ("link", "tie", "intent", "place", "opened")))

    async def _write(self, work: Callable[[], None]) -> None:
        def held() -> bool:
            if is_held := self._on.holds(self._lease):
                work()
            return is_held

        if not await self._on.call(held):
            raise LeaseLost(self._lease.ref)
