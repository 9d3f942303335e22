"""One incident and its whole world, in memory: what its feed shows, what we keep of it, and what we decided."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.incidents import Decided, DecidedPage, Incident, IncidentType, Told
from remediation.domain.policy import Policy
from remediation.domain.status import Status
from remediation.domain.subjects import Subject
from remediation.ports import ListedSource, Ruling, SourceKey, SubjectPage
from remediation.sources.incident_feed.source import IncidentSource
from tests.gated import Deed, Gates
from tests.gated import Told as Hears
from tests.shelves import Shelves
from tests.stand_ins import Troubles
from tests.worlds.judging import SCHOOLSCAN
from tests.worlds.outside import Change
from tests.worlds.world import BareRulebook, World
from workers.resources import WorkerContexts
from workers.selection import IncidentCase, incident_cases

UUID = "8f14e45f-ceea-467f-a0c2-9f2b1d4c6e01"
INCIDENT = CaseKey(SCHOOLSCAN, CaseKind.INCIDENT, UUID)
FEED = "lakeside/handbook"


@dataclass(slots=True)
class KeptOfFeed:
    """What a store has of the incident. Fulfils Records of the source."""

    incident: Incident | None = None
    status: Status | None = None
    told: Told | None = None
    swept: bool = False

    async def find(self, district: str, feeds: tuple[str, ...], uuid: str) -> tuple[str, Decided] | None:
        del district, uuid
        return (feeds[0], self.decided(self.incident)) if self.incident is not None else None

    async def page(self, district: str, feed: str, cursor: int) -> DecidedPage:
        raise NotImplementedError

    async def decide(self, district: str, feeds: tuple[str, ...], incident: Incident, status: Status) -> None:
        del district, feeds
        self.status, self.told = status, self.told or Told(incident, b"test-only")

    async def is_swept(self, feed: str) -> bool:
        del feed
        return self.swept

    def decided(self, incident: Incident) -> Decided:
        return Decided(incident, self.status, self.told)


class GatedIncidents:
    """The district's incidents behind gates: what they are is read from our own rows, and decided there."""

    def __init__(self, kept: KeptOfFeed, gates: Gates, told: Hears) -> None:
        self.troubles, self.updates = Troubles(), list[tuple[str, Status, str]]()
        self.kept, self._gates, self._told = kept, gates, told

    @property
    def _source(self) -> IncidentSource:
        return IncidentSource(SCHOOLSCAN, {FEED: UTC}, self.kept)

    async def subject(self, key: CaseKey) -> Subject:
        await self._gates.pass_by()
        self.troubles.meet("finding")
        subject = await self._source.subject(key)
        self._told(Deed(SCHOOLSCAN, "finding", status=subject.status))
        await self._gates.pass_by()
        return subject

    async def set_status(self, key: CaseKey, status: Status, note: str) -> None:
        await self._gates.pass_by()
        self.troubles.meet("update_finding")
        await self._source.set_status(key, status, note)
        self.updates.append((key.id, status, note))
        self._told(Deed(SCHOOLSCAN, "update_finding", text=note, status=status))
        await self._gates.pass_by()
        self.troubles.meet("updated")

    async def page(self, filters: Mapping[str, str], cursor: str | None) -> SubjectPage:
        return await self._source.page(filters, cursor)


class ByType(BareRulebook):
    """An incident that is still pending is taken by no rule."""

    def ruling(self, subject: Subject, at: datetime, known: str = "", said: Policy | None = None) -> Ruling:
        ruling = super().ruling(subject, at, known, said)
        incident = subject.detail
        is_pending = isinstance(incident, Incident) and incident.type is IncidentType.PENDING
        return replace(ruling, policy=Policy("", ())) if is_pending else ruling  # type: ignore[type-var]  # a dataclass


class FeedWorld(World):
    """One incident from its first day on, and the feed that shows it.

    What happens to it is kept as soon as the feed is read, which marks its case in the same step. `shown` is None where
    the feed lists it no more.
    """

    key = INCIDENT

    def __init__(self, policy: Policy, kind: IncidentType = IncidentType.REFERRAL) -> None:
        super().__init__(policy)
        self.kept = KeptOfFeed(swept=True)
        self.incidents = GatedIncidents(self.kept, self.gates, self._hear)
        self.source = self.incidents  # type: ignore[assignment]  # what is asked of it is there
        rulebook = ByType(*policy.trackers, terms=policy)
        sources: dict[SourceKey, ListedSource] = {(SCHOOLSCAN, CaseKind.INCIDENT): self.incidents}
        self.context = replace(self.context, sources=sources, rulebook=rulebook)
        self.arq_context = {"contexts": WorkerContexts(self.context)}
        self.truth = Incident(UUID, kind, "1", day=self._now().date(), weapons=("KNIFE",))
        self.is_listed, self._edits = True, 0
        self._kept_open: set[str] = set()
        self._is_touched = False

    async def read_feed(self) -> None:
        """The feed is read whole: what it shows is kept, and the case is marked where that is new, in one step."""
        before, may_be_lost = self.kept.incident, not self.kept.swept
        self.kept.swept = True
        if not self.is_listed or before == self.truth:
            return
        self.kept.incident = self.truth
        for word in _words(before, self.truth):
            self.judge.speak(SCHOOLSCAN, word)
        for case in self._cases():
            if case.is_wanted or case.ref in self.shelves.rows or (may_be_lost and case.is_taken):
                await self.context.todo.mark([case.mark], self.clock())

    def _cases(self) -> list[IncidentCase]:
        shown = [] if self.kept.incident is None else [self.kept.decided(self.kept.incident)]
        return incident_cases(self.context.rulebook, SCHOOLSCAN, ZoneInfo("UTC"), shown, self.clock())

    async def mark(self) -> None:
        """It is noticed that something happened: in the feed, which is read, or to a ticket."""
        await self.read_feed()
        if self._is_touched or self.key.ref in self.shelves.rows:
            self._is_touched = False
            await super().mark()

    async def touch(self) -> None:
        """A ticket's webhook comes, and a worker looks, before the feed is read."""
        if self.current:
            await super().mark()
            await self.work()

    async def poll(self) -> None:
        await self.read_feed()
        await super().poll()

    async def rest(self) -> None:
        await super().rest()
        now, parked = self.picture(), self.on_the_list()[1]
        if now.status is Status.GONE and self.policy.closes_gone and not parked:
            left = {name for name in now.active if now.tickets[name].id not in self._kept_open}
            self.judge.wrongs += [f"deleted, and its ticket in {name} is open" for name in sorted(left)]

    def happen(self, change: Change) -> None:
        super().happen(change)
        ticket = self.picture().tickets.get(change.where)
        self._is_touched |= ticket is not None
        if change.becomes == "reopened" and ticket is not None:  # by somebody who may know that it is deleted
            self._kept_open.add(ticket.id)

    def restore(self, backup: Shelves) -> None:
        super().restore(backup)
        self.kept.incident = self.kept.status = self.kept.told = None
        self.kept.swept = False

    def status_now(self) -> Status:
        """Where the incident stands: what the feed showed last counts, and what we decided."""
        shown = self.kept.incident or (self.truth if self.is_listed else None)
        if shown is None:
            return Status.UNKNOWN
        return Status.GONE if shown.is_deleted else self.kept.status or Status.OPEN

    def _happen_in_schoolscan(self, change: Change) -> None:
        """Nobody knows of it before the feed is read."""
        truth = self.truth
        match change.becomes:
            case "back" | "gone":
                self.truth = replace(truth, is_deleted=change.becomes == "gone")
            case "codes":
                self._edits += 1
                self.truth = replace(truth, weapons=("KNIFE", f"W{self._edits}"))
            case "referred":
                self.truth = replace(truth, type=IncidentType.REFERRAL)
            case _:
                self.is_listed = change.becomes == "listed"


def _words(before: Incident | None, now: Incident) -> Iterator[str]:
    """What a reading of the feed tells of an incident."""
    if before is None:
        return
    if before.is_deleted != now.is_deleted:
        yield "gone" if now.is_deleted else "back"
    if before.weapons != now.weapons:
        yield "codes"
    if before.type is not now.type:
        yield "referred"
