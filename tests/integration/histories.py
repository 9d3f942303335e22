"""A case whose outside changes, fails and breaks off anywhere, and what must hold of it whatever has happened."""

import asyncio
import random
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from remediation.domain.findings import Finding
from remediation.domain.policy import KEPT_OPEN
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from remediation.queue import WORK_QUEUE
from remediation.sealing import Keyring
from remediation.store.keys import DIRTY, LEASE
from remediation.store.server.connection import Connection
from tests.gated import Deed, GatedSource, GatedTracker, Gates, Happening
from tests.integration.offices import HORIZON, KEY, Office
from tests.stand_ins import LATER, ManualClock, Troubles
from workers.jobs.cases import look_at_case
from workers.rounds.expiring import forget_cases
from workers.rounds.polls import poll_trackers

LONG = 401 * 86_400.0
"""Seconds after which a case at its end is deleted."""


class GatedConnection(Connection):
    """Redis behind gates."""

    def __init__(self, connection: Connection, gates: Gates) -> None:
        super().__init__(connection.redis)
        self._gates = gates

    async def run(self, name: str, *args: str | bytes | float) -> Any:
        await self._gates.pass_by()
        reply = await super().run(name, *args)
        await self._gates.pass_by()
        return reply


@dataclass(frozen=True, slots=True)
class Change:
    """What happens outside: the finding, or the case's ticket in a tracker, becomes something else.

    A ticket that is done is then done for another reason; `word` is the tracker's own for it.
    """

    where: str
    becomes: Status | TicketState
    reason: Reason = Reason.FIXED
    word: str = ""


class Story(Office):
    """One case from its first day on. `wrongs` collects what must never be done, the moment that it is done."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.gates, clock = Gates(), ManualClock()
        self.books = {
            name: GatedTracker(name, clock, self.gates, self._hear, horizon=HORIZON) for name in ("snow", "jira")
        }
        super().__init__(GatedConnection(connection, self.gates), keyring, trackers=dict(self.books), clock=clock)
        self.source = GatedSource(Finding("fnd_1", Status.OPEN, detected_at=LATER), self.gates, self._hear)
        self.accounts["lakeside"] = self.source
        self.context = replace(self.context, chance=random.Random(0))  # noqa: S311 - the same history must end the same
        self.wrongs: list[str] = []
        self._closed_by_a_person = self._reopened_by_a_person = self._reason_changed = False
        self._is_accepted_in_schoolscan = self._was_wiped = False
        self._read = Status.OPEN

    def _hear(self, deed: Deed) -> None:
        if deed.verb == "finding" and deed.status is not None:
            self._read = deed.status
        if deed.verb == "update_finding" and deed.status is not None:
            self._judge(self._read, deed.status)

    def _judge(self, was: Status, status: Status) -> None:
        """Of an update of ours, `was` being what we had read. No system lets one depend on what is there."""
        is_still_accepted = status is Status.ACCEPTED_RISK and self._is_accepted()
        if status.is_solved and not self._closed_by_a_person and not is_still_accepted:
            self.wrongs.append(f"the finding became {status}, and nobody has closed a ticket since it was found")
        may_reopen = self._reopened_by_a_person or self._reason_changed
        if was.is_solved and status.is_unsolved and not may_reopen:
            self.wrongs.append(f"the finding was {was}, and nobody has reopened a ticket since all agreed")

    def _is_accepted(self) -> bool:
        """Whether somebody has accepted the risk, in SchoolScan or by a ticket: being found again does not end that."""
        tickets = [ticket for book in self.books.values() for ticket in book.present(KEY.mark)]
        by_ticket = any(
            ticket.state is TicketState.DONE and ticket.reason is Reason.ACCEPTED_RISK for ticket in tickets
        )
        return by_ticket or self._is_accepted_in_schoolscan

    @property
    def troubles(self) -> dict[str, Troubles]:
        """What may go wrong, by system."""
        return {"lakeside": self.source.troubles, **{name: each.troubles for name, each in self.books.items()}}

    def happen(self, change: Change) -> None:
        """Somebody outside changes something. A ticket that is not there does not change."""
        if isinstance(change.becomes, Status):
            was = self.status()
            if (was is not Status.OPEN and change.becomes is Status.OPEN) or (
                was.is_solved and change.becomes.is_unsolved
            ):
                self._closed_by_a_person = False
            if change.becomes is not Status.OPEN:  # found again, an accepted risk stays accepted
                self._is_accepted_in_schoolscan = change.becomes is Status.ACCEPTED_RISK
            self.source.set_status("fnd_1", change.becomes)
            return
        for ticket in self.books[change.where].present(KEY.mark):
            done = change.becomes is TicketState.DONE
            counted = ticket.state is TicketState.DONE and ticket.reason not in KEPT_OPEN
            self._reason_changed |= done and counted and change.reason is not ticket.reason
            reason = change.reason if done else None
            self.books[change.where].change(ticket.id, change.becomes, reason, by="person-1", word=change.word)
            self._closed_by_a_person |= done
            self._reopened_by_a_person |= change.becomes.is_active

    async def look(self) -> list[str]:
        ran = await super().look()
        if await self.is_clean() and not self.agreement():
            self._reopened_by_a_person = self._reason_changed = False
        return ran

    async def look_and_at(self, gate: int, happening: Happening) -> None:
        """A worker looks, and at this gate something happens."""
        await self.mark()
        self.gates.at(gate, happening)
        await self.work()
        self.gates.clear()

    async def look_broken_off(self, gate: int, *, killed: bool) -> None:
        """A worker looks and ends at this gate: stopped gently, or killed. Its lease and its wake-up are gone."""
        await self.mark()
        look = asyncio.create_task(look_at_case(self.arq_context, KEY.ref))
        self.gates.at(gate, partial(self._break_off, look, killed=killed))
        await asyncio.gather(look, return_exceptions=True)
        self.gates.clear()
        await self.redis.delete(LEASE + KEY.ref, WORK_QUEUE)

    async def _break_off(self, look: asyncio.Task[None], *, killed: bool) -> None:
        self.gates.dead = killed
        look.cancel()
        await asyncio.Event().wait()

    async def change_during_a_look(self, gate: int, change: Change) -> None:
        """Somebody changes something, and it is noticed, in the middle of a look."""

        async def happening() -> None:
            self.happen(change)
            await self.context.todo.mark([(KEY, None)], self.clock())

        await self.look_and_at(gate, happening)

    async def replay(self) -> None:
        """A person asks for everything that is parked once more."""
        for name in await self.parked():
            await self.context.parked.replay(name, self.clock())
        await self.work()

    async def poll(self) -> None:
        await poll_trackers(self.arq_context)
        await self.work()

    async def wipe(self) -> None:
        """Redis is lost, at a moment when every search knows every ticket."""
        self.clock.pass_by(HORIZON)
        await self.redis.flushall()
        self._was_wiped = True

    async def be_forgotten(self) -> None:
        """A year and more goes by; a case that is at its end, as far as anybody has noticed, is deleted."""
        self.clock.pass_by(LONG)
        await forget_cases(self.arq_context)
        if await self.context.todo.record(KEY.ref) is None:
            self._was_wiped = True

    async def rest(self) -> None:
        """Everything works again, every change is noticed, and time goes by."""
        for troubles in self.troubles.values():
            troubles.heal()
        await self.look()
        if self._was_wiped:  # of a solved finding's ticket that we have forgotten only the tracker can tell
            await self.poll()
        for _ in range(4):
            await self.later()

    def agreement(self) -> str:
        """In what way both sides do not agree; empty where they do."""
        tickets = {name: tracker.present(KEY.mark) for name, tracker in self.books.items()}
        active = [name for name, kept in tickets.items() if any(ticket.state.is_active for ticket in kept)]
        status = self.status()
        if status.is_solved:
            return f"{status} with active tickets in {active}" if active else ""
        missing = [name for name, kept in tickets.items() if not kept]
        waits = any(ticket.reason in KEPT_OPEN for kept in tickets.values() for ticket in kept)  # for a person's word
        agrees = status is Status.REVIEWING and (active or waits) and not missing
        return "" if agrees else f"{status} with active tickets in {active} and none in {missing}"

    async def on_the_list(self) -> tuple[set[str], set[str]]:
        """The actions that the case's row calls parked, and those that the list shows."""
        record = await self.context.todo.record(KEY.ref)
        return {str(name) for name in record.parked} if record else set(), {
            name.partition("/")[2] for name in await self.parked()
        }

    def written(self) -> tuple[object, ...]:
        """All that we or anybody has ever written outside."""
        kept = [(k.ticket, tuple(k.comments)) for each in self.books.values() for k in each.books.values()]
        return self.status(), len(self.source.updates), *kept

    async def is_clean(self) -> bool:
        """Nobody has to look at the case, and nobody holds it."""
        return not await self.redis.zcard(DIRTY) and not await self.redis.exists(LEASE + KEY.ref)
