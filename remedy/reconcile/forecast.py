"""What reconciling would do: each case is observed and planned as a worker would, and nothing is written."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from remediation.domain.cases.records import CaseKey, CaseRecord, Intent
from remediation.domain.cases.renaming import renamed
from remediation.domain.errors import OutsideError, Refused, TryLater
from remediation.domain.ownership import Doubt
from remediation.domain.status import Status
from remediation.domain.subjects import Subject
from remediation.domain.tickets import TicketState
from remediation.look.grouping import SeenCase, rehearsed
from remediation.look.members import reading_of
from remediation.look.observing import Snapshot, observe
from remediation.look.relating import with_relations
from remediation.planning import plan
from remediation.ports import Rulebook, Source, SourceKey, Tracker
from remediation.store.cases.entries import PlannedStep, steps_of
from remediation.store.cases.todo import Todo
from remedy.reconcile.silent import SilentTracker
from remedy.reconcile.walk import Candidate, Walk

AT_ONCE = 8
"""Cases that are observed at the same time: few enough for the other side's limits, enough to hide its latency."""

_TRIES = 3
"""Tries for a case, which take a few seconds where a system does not say how long to wait (see backoff): enough for a
short outage of a system whose list was read just before. A system that still does not answer is given up for this run.
"""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would be done about a case. `failures` are systems that could not be asked, by name.

    `doubts` are about linked tickets that do not carry the case's mark; links to those that are not its own would go.
    `unnamed` are the trackers that the file does not name and without whose tickets nothing is concluded.
    """

    ref: str
    steps: tuple[PlannedStep, ...] = ()
    parked: tuple[str, ...] = ()
    failures: Mapping[str, OutsideError] | None = None
    doubts: tuple[Doubt, ...] = ()
    unnamed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Reading:
    """A source that answers from the list where it can, and never writes."""

    source: Source
    listed: Mapping[CaseKey, Subject]

    async def subject(self, key: CaseKey) -> Subject:
        return self.listed.get(key) or await self.source.subject(key)

    async def set_status(self, key: CaseKey, status: Status, note: str) -> None:
        del key, status, note
        raise Refused("remedy", "a dry run writes nothing")


@dataclass(frozen=True, slots=True)
class _Silent:
    """Who was waited for in vain while a case was looked at, and why: sources, and trackers by name."""

    sources: dict[SourceKey, TryLater] = field(default_factory=dict)
    trackers: dict[str, TryLater] = field(default_factory=dict)

    def beside(self, trackers: Mapping[str, Tracker]) -> Mapping[str, Tracker]:
        """The trackers; in place of each silent one, an object that raises its error at once."""
        return {**trackers, **{name: SilentTracker(trackers[name], error) for name, error in self.trackers.items()}}


async def forecasts(walk: Walk, rulebook: Rulebook) -> AsyncIterator[Forecast]:
    """A forecast for every case of the walk, in its order. A system that was waited for in vain is not asked again."""
    silent = _Silent()
    async for batch in walk.batches():
        for start in range(0, len(batch), AT_ONCE):
            asked = [_forecast(each, walk, rulebook, silent) for each in batch[start : start + AT_ONCE]]
            for some in await asyncio.gather(*asked):
                for forecast in some:
                    yield forecast


async def _forecast(candidate: Candidate, walk: Walk, rulebook: Rulebook, silent: _Silent) -> list[Forecast]:
    """The forecast for a case, and those for cases of its group to which some of its findings would move on."""
    record = renamed(await _record(candidate, walk.owners.todo), rulebook.former_names)
    if record.key.has_members and not record.members:
        return [Forecast(record.key.ref)]  # nobody knows (any more) which findings it has
    unlisted = {link.ticket_id for name, link in record.links.items() if name not in walk.trackers}
    linked = {name: {link.ticket_id} for name, link in record.links.items()}
    found = candidate.tickets.items()
    hints = {name: Intent(name, 0.0) for name, ids in found if ids - unlisted - linked.get(name, set())}
    record = replace(record, intents={**hints, **record.intents})
    if not candidate.subjects and (gone := silent.sources.get((record.key.district, record.key.kind))):
        return [Forecast(record.key.ref, parked=_parked(record), failures={gone.system: gone})]
    return await _forecasts_of(record, candidate.subjects, walk, rulebook, silent)


def _parked(record: CaseRecord) -> tuple[str, ...]:
    return tuple(sorted(map(str, record.undecided)))


async def _forecasts_of(
    record: CaseRecord, listed: Sequence[Subject], walk: Walk, rulebook: Rulebook, silent: _Silent
) -> list[Forecast]:
    try:
        seen = await _sight(record, listed, walk, rulebook, silent)
        record, snapshot = seen.record, seen.snapshot
        if walk.relations is not None:
            snapshot = await with_relations(snapshot, walk.relations, rulebook, walk.trackers)
    except OutsideError as error:
        return [Forecast(record.key.ref, parked=_parked(record), failures={error.system: error})]
    steps = steps_of(plan(snapshot.observation, snapshot.policy, record, snapshot.at))
    unnamed = (
        ()
        if _is_at_rest(record, snapshot)
        else tuple(sorted(snapshot.observation.unnamed & snapshot.observation.unseen))
    )
    doubts = tuple(snapshot.doubts.values())
    forecast = Forecast(record.key.ref, steps, _parked(record), snapshot.failures, doubts, unnamed)
    others = await _forecasts_of(seen.others, listed, walk, rulebook, silent) if seen.others else []
    return [forecast, *others]


def _is_at_rest(record: CaseRecord, snapshot: Snapshot) -> bool:
    """Whether the tickets that cannot be seen do not matter: the finding is solved or gone, and they were done."""
    unnamed, seen = snapshot.observation.unnamed, snapshot.observation
    linked = [record.memory.tickets.get(name) is TicketState.DONE for name in unnamed & record.links.keys()]
    return not seen.subject.status.is_unsolved and not unnamed & record.intents.keys() and all(linked)


async def _record(candidate: Candidate, todo: Todo) -> CaseRecord:
    """The record that the candidate's case would have after each of these findings has joined it."""
    key = candidate.key
    record = await todo.record(key.ref) or CaseRecord(key)
    if record.home:
        return await todo.record(record.home) or record
    if key.has_members:
        for subject in candidate.subjects:
            record = record.with_member(await todo.record(subject.key.ref) or CaseRecord(subject.key))
    return record


async def _sight(
    record: CaseRecord, listed: Sequence[Subject], walk: Walk, rulebook: Rulebook, silent: _Silent
) -> SeenCase:
    """A case and the observation of it, after waiting for systems that are away. Raises what its account raises.

    Findings of a group have joined it, or have moved on to the next case.
    """
    which = (record.key.district, record.key.kind)
    reading = _Reading(walk.sources[which], {subject.key: subject for subject in listed})

    async def observed(case: CaseRecord) -> tuple[Source, Snapshot]:
        source = reading_of(case, reading)
        trackers = silent.beside(walk.trackers)
        return source, await observe(case, source, trackers, rulebook, walk.clock(), walk.sites)

    async def look() -> SeenCase:
        seen = await rehearsed(record, observed, silent.beside(walk.trackers))
        for name, error in seen.snapshot.failures.items():
            if isinstance(error, TryLater) and not _is_horizon(error) and name not in silent.trackers:
                raise _Unseen(name, error, seen)
        return seen

    try:
        return await walk.patiently(look, _TRIES)
    except _Unseen as error:
        silent.trackers[error.name] = error.why
        return error.seen
    except TryLater as error:
        silent.sources[which] = error
        raise


def _is_horizon(error: TryLater) -> bool:
    """Whether no system asked us to wait, but an earlier create may still appear: long after this dry run."""
    return error.status is None and error.after is not None


class _Unseen(TryLater):
    """A tracker that could not be asked, and everything else that was seen."""

    def __init__(self, name: str, why: TryLater, seen: SeenCase) -> None:
        super().__init__(why.system, why.words, after=why.after, status=why.status, waiting=why.waiting)
        self.name, self.why, self.seen = name, why, seen
