"""One case and its whole world, in memory: the outside, time, and workers that fail and die."""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from redis.asyncio import Redis

from remediation.domain.actions import SetStatus, Why
from remediation.domain.policy import Policy
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject
from remediation.domain.tickets import Ticket
from remediation.ports import Ruling, Tracker
from remediation.sealing import Keyring, generate_key
from remediation.store.audit.chain import AuditKeys
from remediation.store.audit.trail import AuditTrail
from remediation.store.cases.relations import CaseRelations
from remediation.store.console.questions import Questions
from remediation.store.cursors import SealedCursors
from remediation.store.deliveries.inbox import Inbox
from remediation.store.incidents.feeds import Feeds
from remediation.store.incidents.records import IncidentRecords
from remediation.store.incidents.retention import IncidentRetention
from remediation.store.scans.counting import Countings
from remediation.store.scans.listing import Scans
from remediation.store.scans.reporting import ScanReports
from remediation.store.server.connection import Connection
from remediation.store.verifications import Verifications
from tests.gated import Happening
from tests.shelves import Shelves
from tests.stand_in_lists import (
    MemoryParkedWork,
    MemoryTimeline,
    NoBudgets,
    NoSystems,
    NothingSetAside,
    NoTrackerBudgets,
)
from tests.stand_in_stores import MemoryLeasedLinks, MemoryTodo
from tests.stand_ins import AccountSources, PlainRulebook, PlainRuling
from tests.worlds.agreement import counts_late, decided_anew, disagreement, surprise
from tests.worlds.judging import SCHOOLSCAN
from tests.worlds.outside import DAY, HORIZON, Change, Outside
from workers.jobs.cases import look_at_case
from workers.metering import TrackerLimits
from workers.resources import WorkerContext, WorkerContexts
from workers.rounds.polls import poll_trackers
from workers.sites import TicketPlaces, TrackerSites

URGENCIES = {
    Severity.LOW: {"priority": "Low", "duedate": "2027-09-01"},
    Severity.HIGH: {"priority": "High", "duedate": "2027-06-01"},
    Severity.CRITICAL: {"priority": "Highest", "duedate": "2027-07-01"},
}
KEYRING = Keyring.parse(generate_key())
AUDIT_KEYS = AuditKeys(KEYRING)
NOT_WIRED = Connection(Redis())


class OnePlace(TicketPlaces):
    """Of a tracker in memory, whose one list has all: nobody is asked."""

    async def former(self, tracker: Tracker) -> tuple[str, ...]:
        return tracker.former_places(())


class BareRulebook(PlainRulebook):
    """Texts say what they are about, and nothing that changes meanwhile, such as a ticket's key."""

    def ruling(self, subject: Subject, at: datetime, known: str = "", said: Policy | None = None) -> Ruling:
        del at, known, said
        return BareRuling(self, subject, self.terms)


@dataclass(frozen=True)
class BareRuling(PlainRuling):
    """What a BareRulebook says about one subject."""

    def note(self, change: SetStatus, tickets: tuple[Ticket, ...], now: datetime, words: str = "") -> str:
        del tickets, now, words
        return change.why

    def comment(self, why: Why, ticket: Ticket, now: datetime, fact: str = "") -> str:
        del now
        return f"{why} {ticket.id if why is Why.CONTINUED else fact}"


class World(Outside):
    """One case from its first day on. `judge.wrongs` has what must never be, the moment that it is."""

    def __init__(self, policy: Policy, status: Status = Status.OPEN) -> None:
        super().__init__(policy, status)
        self.shelves = Shelves(gate=self.gates.pass_by, born=int(self.clock() * 1000) - 2_000)
        self.context = self._context()
        self.arq_context = {"contexts": WorkerContexts(self.context)}
        self._is_wiped = self.was_wiped = self._was_haunted = False

    def _context(self) -> WorkerContext:
        rulebook = BareRulebook(*self.policy.trackers, terms=self.policy)
        rulebook.by_severity = {severity: dict(fields) for severity, fields in URGENCIES.items()}
        return WorkerContext(
            connection=NOT_WIRED,
            todo=MemoryTodo(self.shelves),
            inbox=Inbox(NOT_WIRED, KEYRING),
            scans=Scans(NOT_WIRED, KEYRING),
            countings=Countings(NOT_WIRED, KEYRING),
            reports=ScanReports(NOT_WIRED),
            cursors=SealedCursors(KEYRING),
            parked=MemoryParkedWork(self.shelves),
            set_aside=NothingSetAside(NOT_WIRED, AUDIT_KEYS),
            systems=NoSystems(),
            budgets=NoBudgets(),
            tracker_limits=TrackerLimits(NoTrackerBudgets(), self.clock),
            timeline=MemoryTimeline(self.shelves),
            links=partial(MemoryLeasedLinks, self.shelves, clock=self.clock),
            relations=CaseRelations(NOT_WIRED, KEYRING),
            sites=TrackerSites(NOT_WIRED, {}, self.clock),
            places=OnePlace(NOT_WIRED, self.clock),
            incidents=IncidentRecords(NOT_WIRED, KEYRING),
            incident_retention=IncidentRetention(NOT_WIRED, KEYRING),
            keeps_incidents=timedelta(days=400),
            feed_states=Feeds(NOT_WIRED),
            sources=AccountSources({SCHOOLSCAN: self.source}),
            trackers=dict(self.books),
            feeds={},
            scanners={},
            verifications=Verifications(NOT_WIRED, KEYRING),
            questions=Questions(NOT_WIRED, KEYRING),
            rulebook=rulebook,
            clock=self.clock,
            chance=random.Random(0),  # noqa: S311 - the same history must end the same
            audit=AUDIT_KEYS,
            trail=AuditTrail(NOT_WIRED, AUDIT_KEYS),
            keeps_audit=timedelta(days=400),
            keeps_cases=timedelta(days=400),
            keeps_parked=timedelta(days=400),
        )

    def wipe(self) -> None:
        """Redis is lost, with all that it remembered."""
        self.restore(Shelves())

    def restore(self, backup: Shelves) -> None:
        """Redis is lost, and another one remembers what the backup holds."""
        self.shelves.restore(backup)
        self._is_wiped = self.was_wiped = self.judge.lenient = True
        self.judge.stirs["again"] += 1

    async def mark(self) -> None:
        await self.context.todo.mark([(self.key, None)], self.clock())

    async def work(self) -> None:
        """Run every look that somebody was woken for, and what these call for."""
        for _ in range(50):
            if not self.shelves.woken:
                self._check()
                return
            self.shelves.woken.clear()
            await look_at_case(self.arq_context, self.key.ref)
        self.judge.wrongs.append("work that makes work for ever")

    async def look(self) -> None:
        """It is noticed that something happened, and a worker looks."""
        await self.mark()
        await self.work()

    async def later(self, seconds: float) -> None:
        """Time goes by; the sweep wakes what is due, and a worker looks."""
        self.clock.pass_by(seconds)
        if seconds >= DAY:
            self.judge.stirs["time"] += 1
            self.judge.is_pure &= self.judge.changed is None
        await self.context.todo.sweep(self.clock())
        await self.work()

    async def poll(self) -> None:
        await poll_trackers(self.arq_context)
        await self.work()

    async def replay(self) -> None:
        """A person asks for everything that is parked once more."""
        for name in list(self.shelves.parked):
            await self.context.parked.replay(name, self.clock())
            self.judge.lenient = True
            self.judge.stirs["again"] += 1
        await self.work()

    async def look_and_at(self, gate: int, happening: Happening) -> None:
        """A worker looks, and at this gate something happens."""
        await self.mark()
        self.gates.at(gate, happening)
        await self.work()
        self.gates.clear()

    async def change_during_a_look(self, gate: int, change: Change) -> None:
        async def happening() -> None:
            self.is_looked_at = True
            self.happen(change)
            self.is_looked_at = False
            await self.mark()

        await self.look_and_at(gate, happening)

    async def look_broken_off(self, gate: int, *, killed: bool) -> None:
        """A worker looks and ends at this gate: stopped gently, or killed. Its lease and its wake-up are gone."""
        await self.mark()
        look = asyncio.create_task(look_at_case(self.arq_context, self.key.ref))

        async def break_off() -> None:
            self.gates.dead = killed
            self.judge.stirs["crash"] += 1
            self.judge.was_cut_off = True
            look.cancel()
            await asyncio.Event().wait()

        self.gates.at(gate, break_off)
        await asyncio.gather(look, return_exceptions=True)
        self.gates.clear()
        self.shelves.lapse(self.key.ref)
        self.shelves.woken.clear()
        self._check()

    @property
    def _is_haunted(self) -> bool:
        """A ticket that followed another was deleted: of a forgotten one nobody knows that it had been followed."""
        present = self.picture().tickets
        return any(book.present(self.key.mark) and name not in present for name, book in self.books.items())

    @property
    def is_clean(self) -> bool:
        """Nobody has to look at the case, and nobody holds it."""
        return not (self.shelves.dirty or self.shelves.leases or self.shelves.woken)

    def on_the_list(self) -> tuple[set[str], set[str]]:
        """The actions that the case's row calls parked, and those that the list shows."""
        row = self.shelves.rows.get(self.key.ref, {})
        in_row = {name.partition(":")[2] for name in row if name.startswith("parked:")}
        return in_row, {name.partition("/")[2] for name in self.shelves.parked}

    def _check(self) -> None:
        """After any work: where nothing is left to do, everything is as it ought to be."""
        is_new = self.judge.before is None and self.judge.changed is None
        if is_new or not self.is_clean or self._has_unread_words():
            return
        in_row, on_list = self.on_the_list()
        if in_row != on_list:
            self.judge.wrongs.append(f"parked are {in_row}, and shown are {on_list}")
        if in_row or on_list:
            self.judge.lenient = True
            return
        self.judge.wrongs += self._faults()
        if not self._is_wiped:
            self.judge.agree(self.picture())

    def _has_unread_words(self) -> bool:
        return any(word.number > self.judge.known[word.where] for word in self.judge.words)

    def _faults(self) -> Iterator[str]:
        now, judge = self.picture(), self.judge
        for (where, ticket_id, name), (_, value) in judge.theirs.items():
            kept = self.books[where].books.get(ticket_id)
            if kept is not None and kept.ticket.urgency.get(name) != value:
                yield f"{name} in {where} is no longer what a person wrote"
        was_haunted, self._was_haunted = self._was_haunted, self._is_haunted
        if self._is_wiped or was_haunted or self._was_haunted:
            return
        if fault := disagreement(now, self.policy):
            yield f"settled, but they do not agree: {fault}"
        if judge.changed is None or judge.lenient or not judge.is_pure:
            return
        ends = [
            surprise(judge.before, replace(judge.changed, at=at), now, self.policy) for at in (judge.changed.at, now.at)
        ]
        is_late = judge.may_be_late and counts_late(judge.before, judge.changed, now, self.policy)
        if all(ends) and not is_late and not (judge.is_unsure and "not worked on" in ends[0]):
            yield ends[0]

    async def rest(self) -> None:
        """Everything works again, every change is noticed, and time goes by."""
        self.heal()
        await self.look()
        if self._is_wiped:  # of a solved finding's ticket that we have forgotten only the tracker can tell, in its time
            await self.later(HORIZON)
            self._is_wiped = False
        await self.poll()
        for _ in range(6):
            if self.is_clean:
                break
            await self.later(1_000.0)
        self._check()
        if moot := sorted(filter(self._is_moot, self.on_the_list()[0])):
            self.judge.wrongs.append(f"{moot} stays parked, and would change nothing")
        self.judge.has_failed = self.judge.was_blind = False

    def _is_moot(self, name: str) -> bool:
        """Whether what a parked action was to do is so already."""
        verb, _, target = name.partition(":")
        now = self.picture()
        match verb:
            case "resolve":
                return target not in now.active
            case "open" | "reopen":
                return target in now.active
            case "patch":
                return target == now.status and not decided_anew(self.judge.before, now)  # then a note is owed
            case _:
                return verb == "look" and not self.was_wiped

    def written(self) -> tuple[object, ...]:
        """All that we or anybody has ever written outside."""
        kept = [(k.ticket, len(k.comments)) for each in self.books.values() for k in each.books.values()]
        return self.picture().status, len(self.source.updates), *kept

    def calls(self) -> dict[str, list[str]]:
        """Every call since the last time that somebody asked, by system."""
        made = {name: list(troubles.calls) for name, troubles in self.troubles.items()}
        for troubles in self.troubles.values():
            troubles.calls.clear()
        return made
