"""What reconciling would do: each case observed and planned as a worker would, and nothing written anywhere."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cli.reconcile_walk import Candidate, Walk
from remediation.cases import CaseRecord, Intent
from remediation.errors import OutsideError, Refused, TryLater
from remediation.findings import Finding, FindingStatus
from remediation.observing import Sight, observe
from remediation.planning import plan
from remediation.ports import FindingsPage, Rulebook, Source
from remediation.store.entries import Step, steps_of

AT_ONCE = 8
"""Cases observed at the same time: what is kind to the other side's limits, and enough to hide its latency."""


_TRIES = 3


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would be done about a case. `failures` are systems that could not be asked, by name."""

    ref: str
    steps: tuple[Step, ...] = ()
    parked: tuple[str, ...] = ()
    failures: Mapping[str, OutsideError] | None = None


@dataclass(frozen=True, slots=True)
class _Reading:
    """A source that answers from the list where it can, and writes nothing whoever asks."""

    source: Source
    listed: Finding | None

    async def finding(self, finding_id: str) -> Finding:
        return self.listed or await self.source.finding(finding_id)

    async def findings_page(self, filters: Mapping[str, str], cursor: str | None) -> FindingsPage:
        return await self.source.findings_page(filters, cursor)

    async def update_finding(self, finding_id: str, status: FindingStatus, note: str) -> None:
        del finding_id, status, note
        raise Refused("remedy", "a dry run writes nothing")


async def forecasts(walk: Walk, rulebook: Rulebook) -> AsyncIterator[Forecast]:
    """A forecast for every case of the walk, in its order."""
    async for batch in walk.batches():
        for start in range(0, len(batch), AT_ONCE):
            asked = [_forecast(each, walk, rulebook) for each in batch[start : start + AT_ONCE]]
            for forecast in await asyncio.gather(*asked):
                yield forecast


async def _forecast(candidate: Candidate, walk: Walk, rulebook: Rulebook) -> Forecast:
    record = await walk.owners.todo.record(candidate.key.ref) or CaseRecord(candidate.key)
    hints = {name: Intent(name, 0.0) for name in candidate.trackers - record.links.keys() - record.intents.keys()}
    record = replace(record, intents={**record.intents, **hints})
    source = _Reading(walk.sources[record.key.district], candidate.finding)

    async def look() -> Sight:
        sight = await observe(record, source, walk.trackers, rulebook, walk.now.timestamp())
        for error in sight.failures.values():
            if isinstance(error, TryLater) and not _is_horizon(error) and error.system not in walk.not_listed:
                raise _Unseen(error, sight)
        return sight

    try:
        sight = await walk.patiently(look, _TRIES)
    except _Unseen as error:
        sight = error.sight
    except OutsideError as error:
        return Forecast(record.key.ref, parked=tuple(sorted(record.parked)), failures={error.system: error})
    steps = steps_of(
        plan(sight.observation, sight.policy, record, datetime.fromtimestamp(walk.now.timestamp(), tz=UTC))
    )
    return Forecast(record.key.ref, steps, tuple(sorted(record.parked)), sight.failures)


def _is_horizon(error: TryLater) -> bool:
    """Whether nobody asked us to wait, but an earlier create may still come to light: long after this dry run."""
    return error.status is None and error.after is not None


class _Unseen(TryLater):
    """A tracker that could not be asked, and all else that was seen."""

    def __init__(self, error: TryLater, sight: Sight) -> None:
        super().__init__(error.system, error.words, after=error.after, status=error.status)
        self.sight = sight
