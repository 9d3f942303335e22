"""One incident whose feed changes, is read and breaks off anywhere, on a real Valkey, and what must hold of it."""

import asyncio
import random
from dataclasses import dataclass, replace
from functools import partial

from remediation.domain.actions import Why
from remediation.domain.policy import KEPT_OPEN, Policy
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, TicketState
from remediation.queue import WORK_QUEUE
from remediation.sealing import Keyring
from remediation.store.keys import DIRTY, LEASE
from remediation.store.server.connection import Connection
from tests.gated import Deed, GatedTracker, Gates, Happening
from tests.integration.histories import GatedConnection
from tests.integration.offices import HORIZON
from tests.integration.test_feeds import FIGHT, FeedOffice, key_of
from tests.stand_ins import ManualClock, Troubles
from workers.jobs.cases import look_at_case
from workers.rounds.feeds import poll_feeds
from workers.rounds.polls import poll_trackers

KEY = key_of(FIGHT)
RULE = Policy(rule="weapons", closes_gone=True)
A_WHILE = 1_000.0
"""Seconds after which the feed is due once more, and what a dead worker asked for is known to be over."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happens: to the incident (`where` is `feed`), or to its ticket in a tracker."""

    where: str
    becomes: str
    reason: Reason = Reason.FIXED


class FeedStory(FeedOffice):
    """One incident from its first day on."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self.gates, clock = Gates(), ManualClock()
        self.books = {
            name: GatedTracker(name, clock, self.gates, self._hear, horizon=HORIZON) for name in ("snow", "jira")
        }
        gated = GatedConnection(connection, self.gates)
        super().__init__(gated, keyring, terms=RULE, trackers=dict(self.books), clock=clock)
        self.snow, self.jira = self.books["snow"], self.books["jira"]
        self.context = replace(self.context, chance=random.Random(0))  # noqa: S311 - the same history must end the same
        self.truth, self._edits = FIGHT, 0
        self.feed.incidents = {FIGHT.uuid: FIGHT}

    def _hear(self, deed: Deed) -> None:
        """Nobody asks: what came of it counts."""

    @property
    def troubles(self) -> dict[str, Troubles]:
        """What may go wrong, by system."""
        return {"feed": self.feed.troubles, **{name: each.troubles for name, each in self.books.items()}}

    def happen(self, event: Event) -> None:
        """Somebody outside changes something. A ticket that is not there does not change."""
        if event.where == "feed":
            self._happen_in_feed(event.becomes)
            return
        state = TicketState(event.becomes)
        for ticket in self.books[event.where].present(KEY.mark):
            reason = event.reason if state is TicketState.DONE else None
            self.books[event.where].change(ticket.id, state, reason, by="person-1")

    def _happen_in_feed(self, becomes: str) -> None:
        self._edits += 1
        match becomes:
            case "gone" | "back":
                self.truth = replace(self.truth, is_deleted=becomes == "gone", last_modified=str(self._edits))
            case "codes":
                self.truth = replace(self.truth, weapons=(f"W{self._edits}",), last_modified=str(self._edits))
            case _:
                pass
        self.feed.incidents = {} if becomes == "unlisted" else {FIGHT.uuid: self.truth}

    async def noticed(self, *events: Event) -> None:
        """All of this happens; the feed and the trackers are asked, and a worker works."""
        for event in events:
            self.happen(event)
        await self.poll(A_WHILE)
        await poll_trackers(self.arq_context)
        await self.work()
        await self.later()

    async def wipe(self) -> None:
        """Redis is lost, at a moment when every search knows every ticket."""
        self.clock.pass_by(HORIZON)
        await self.redis.flushall()
        await self.context.connection.begin(self.clock())

    async def poll_and_at(self, gate: int, happening: Happening) -> None:
        """The feed is read and its cases are looked at, and at this gate something happens."""
        self.gates.at(gate, happening)
        await self.poll(A_WHILE)
        self.gates.clear()

    async def poll_broken_off(self, gate: int, *, killed: bool) -> None:
        """A worker reads the feed and ends at this gate: stopped gently, or killed."""
        self.clock.pass_by(A_WHILE)
        await self._broken_off(asyncio.create_task(poll_feeds(self.arq_context)), gate, killed=killed)

    async def look_broken_off(self, gate: int, *, killed: bool) -> None:
        """A worker looks and ends at this gate. Its lease and its wake-up are gone."""
        if not await self.redis.exists(f"remedy:case:{KEY.ref}"):
            return
        await self.mark(KEY, None)
        await self._broken_off(asyncio.create_task(look_at_case(self.arq_context, KEY.ref)), gate, killed=killed)
        await self.redis.delete(LEASE + KEY.ref, WORK_QUEUE)

    async def _broken_off(self, task: asyncio.Task[None], gate: int, *, killed: bool) -> None:
        self.gates.at(gate, partial(self._break_off, task, killed=killed))
        await asyncio.gather(task, return_exceptions=True)
        self.gates.clear()

    async def _break_off(self, task: asyncio.Task[None], *, killed: bool) -> None:
        self.gates.dead = killed
        task.cancel()
        await asyncio.Event().wait()

    async def replay(self) -> None:
        """A person asks for everything that is parked once more."""
        for name in await self.parked():
            await self.context.parked.replay(name, self.clock())
        await self.work()

    async def rest(self) -> None:
        """Everything works again, every change is noticed, and time goes by."""
        for troubles in self.troubles.values():
            troubles.heal()
        for _ in range(3):
            await self.noticed()

    async def status_now(self) -> Status:
        """Where it stands: what the feed showed last counts, and what was decided."""
        return await self.decided(FIGHT)

    def active(self) -> set[str]:
        """The trackers whose ticket is active."""
        return {ticket.tracker for ticket in self.tickets_of(FIGHT) if ticket.state.is_active}

    async def agreement(self) -> str:
        """In what way both sides do not agree; empty where they do. A deleted one's may be reopened."""
        status, active = await self.status_now(), self.active()
        missing = [name for name, each in self.books.items() if not each.present(KEY.mark)]
        if status is Status.GONE:
            return ""
        if status.is_solved:
            return f"{status} with active tickets in {active}" if active else ""
        waits = any(ticket.reason in KEPT_OPEN for ticket in self.tickets_of(FIGHT))
        agrees = status is Status.REVIEWING and (active or waits) and not missing
        return "" if agrees else f"{status} with active tickets in {active} and none in {missing}"

    def told(self) -> int:
        """How often readers were told that it was changed."""
        return sum(self.comments(FIGHT, Why.INCIDENT_CHANGED))

    async def is_clean(self) -> bool:
        """Nobody has to look at the case, and nobody holds it."""
        return not await self.redis.zcard(DIRTY) and not await self.redis.exists(LEASE + KEY.ref)
