"""What reconciling would do: each case is observed and planned as a worker would, and nothing is written."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from remediation.domain.cases import CaseKey, CaseRecord, Intent
from remediation.domain.errors import OutsideError, Refused, TryLater
from remediation.domain.ownership import Doubt
from remediation.domain.renaming import renamed
from remediation.domain.status import Status
from remediation.domain.subjects import Subject
from remediation.domain.tickets import TicketState
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
            for forecast in await asyncio.gather(*asked):
                yield forecast


async def _forecast(candidate: Candidate, walk: Walk, rulebook: Rulebook, silent: _Silent) -> Forecast:
    record = renamed(await _record(candidate, walk.owners.todo), rulebook.former_names)
    if record.key.is_of_identity and not record.members:
        return Forecast(record.key.ref)  # nobody knows (any more) which findings it has
    hints = {name: Intent(name, 0.0) for name in candidate.trackers - record.links.keys() - record.intents.keys()}
    record = replace(record, intents={**record.intents, **hints})
    parked = tuple(sorted(map(str, record.undecided)))
    if not candidate.subjects and (gone := silent.sources.get((record.key.district, record.key.kind))):
        return Forecast(record.key.ref, parked=parked, failures={gone.system: gone})
    try:
        snapshot = await _sight(record, candidate.subjects, walk, rulebook, silent)
        if walk.relations is not None:
            snapshot = await with_relations(snapshot, walk.relations, rulebook, walk.trackers)
    except OutsideError as error:
        return Forecast(record.key.ref, parked=parked, failures={error.system: error})
    steps = steps_of(plan(snapshot.observation, snapshot.policy, record, snapshot.at))
    unnamed = (
        ()
        if _is_at_rest(record, snapshot)
        else tuple(sorted(snapshot.observation.unnamed & snapshot.observation.unseen))
    )
    return Forecast(record.key.ref, steps, parked, snapshot.failures, tuple(snapshot.doubts.values()), unnamed)


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
    if key.is_of_identity:
        for subject in candidate.subjects:
            record = record.with_member(await todo.record(subject.key.ref) or CaseRecord(subject.key))
    return record


async def _sight(
    record: CaseRecord, listed: Sequence[Subject], walk: Walk, rulebook: Rulebook, silent: _Silent
) -> Snapshot:
    """The observation of a case, after waiting for systems that are away. Raises what its account raises."""
    which = (record.key.district, record.key.kind)
    reading = _Reading(walk.sources[which], {subject.key: subject for subject in listed})

    async def look() -> Snapshot:
        source = reading_of(record, reading)
        snapshot = await observe(record, source, silent.beside(walk.trackers), rulebook, walk.clock(), walk.sites)
        for name, error in snapshot.failures.items():
            if isinstance(error, TryLater) and not _is_horizon(error) and name not in silent.trackers:
                raise _Unseen(name, error, snapshot)
        return snapshot

    try:
        return await walk.patiently(look, _TRIES)
    except _Unseen as error:
        silent.trackers[error.name] = error.why
        return error.snapshot
    except TryLater as error:
        silent.sources[which] = error
        raise


def _is_horizon(error: TryLater) -> bool:
    """Whether no system asked us to wait, but an earlier create may still appear: long after this dry run."""
    return error.status is None and error.after is not None


class _Unseen(TryLater):
    """A tracker that could not be asked, and everything else that was seen."""

    def __init__(self, name: str, why: TryLater, snapshot: Snapshot) -> None:
        super().__init__(why.system, why.words, after=why.after, status=why.status, waiting=why.waiting)
        self.name, self.why, self.snapshot = name, why, snapshot
