"""Every question that mappings.yaml raises about outside systems, asked there, with its place in the file.

Sends only what reads. The one exception is a tracker that signs in with OAuth: an access token is fetched by POST, as
the standard requires.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import httpx2

from remediation.domain.errors import Problem
from remediation.domain.ownership import SiteHistory
from remediation.mapping.config.incident_feeds import IncidentFeed
from remediation.mapping.explain.inspections import Inspection, InspectionOutcome
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.positions import Positions, Steps
from remediation.mapping.reading.secrets import channel_urls, worker_secrets
from remediation.ports import Inspector
from remediation.settings import environ
from remediation.sources.incident_feed.inspection import FeedInspector
from remediation.sources.schoolscan.inspection import AccountInspector
from remedy.mappings.ticket_creators import CreatorInspector
from remedy.mappings.tracker_sites import SiteInspector
from remedy.notify.addresses import ChannelInspector
from remedy.runtime.calls.outbound import Outbound, outbound


@dataclass(frozen=True, slots=True)
class PlacedInspection:
    """An inspection, and the place in the file of the word that it is about."""

    inspection: Inspection
    path: Steps
    problem: Problem

    @property
    def order(self) -> tuple[int, int]:
        """Line and column."""
        return self.problem.line, self.problem.column


async def answers_of(
    loaded: Loaded,
    sites: Mapping[str, SiteHistory],
    linked: Mapping[str, Collection[str]],
    known: Iterable[Inspection] = (),
) -> list[PlacedInspection]:
    """Ask all inspectors at the same time: one that waits for a system does not delay the others.

    `linked` are some tickets of each tracker that cases are linked to; `known` are inspections that need no question.
    """
    async with _open_inspectors(loaded, sites, linked) as inspectors:
        found = await asyncio.gather(*(inspector.inspect(loaded.mappings) for inspector in inspectors))
    return placed(loaded, (*known, *(each for inspections in found for each in inspections)))


def placed(loaded: Loaded, inspections: Iterable[Inspection]) -> list[PlacedInspection]:
    """Each answer once, in the order of the file."""
    book = _Book(loaded.positions)
    answers = (_placed(loaded, book, each) for each in inspections)
    return sorted(dict.fromkeys(answers), key=lambda answer: answer.order)


@contextlib.asynccontextmanager
async def _open_inspectors(
    loaded: Loaded, sites: Mapping[str, SiteHistory], linked: Mapping[str, Collection[str]]
) -> AsyncIterator[tuple[Inspector, ...]]:
    """An inspector for each account and tracker, while this context is open."""
    tokens, secrets, feeds = worker_secrets(loaded, environ())
    async with contextlib.AsyncExitStack() as stack:
        way = outbound()
        client = await stack.enter_async_context(way.open_client())
        inspectors: list[Inspector] = [
            AccountInspector(name, way.source(name, district.schoolscan, tokens[name], client))
            for name, district in loaded.mappings.districts.items()
        ]
        inspectors += feed_inspectors(loaded, feeds, way, client).values()
        trackers = loaded.mappings.trackers
        inspectors += [way.inspector(name, each, secrets[name]) for name, each in trackers.items()]
        inspectors += [
            SiteInspector(way.tracker(name, each, secrets[name]), sites[name])
            for name, each in trackers.items()
            if name in sites
        ]
        inspectors += [
            CreatorInspector(way.tracker(name, each, secrets[name]), linked[name])
            for name, each in trackers.items()
            if name in linked
        ]
        if loaded.mappings.notify:
            inspectors.append(ChannelInspector(channel_urls(loaded, environ())))
        for inspector in inspectors:
            stack.push_async_callback(inspector.close)
        yield tuple(inspectors)


def feed_inspectors(
    loaded: Loaded, tokens: Mapping[str, str], way: Outbound, client: httpx2.AsyncClient
) -> dict[str, FeedInspector]:
    """An inspector for each feed of incidents, by `district/feed`, as the tokens are."""
    return {
        f"{name}/{feed}": FeedInspector(
            name, feed, way.feed(f"{name}/{feed}", written, tokens[f"{name}/{feed}"], client).client, _today_in(written)
        )
        for name, district in loaded.mappings.districts.items()
        for feed, written in district.incidents.items()
    }


def _today_in(feed: IncidentFeed) -> Callable[[], date]:
    """What today is where the feed's schools are."""
    return lambda: datetime.now(feed.timetable.zone).date()


class _Book:
    """Where a word is written: in the rule itself, or in `defaults`."""

    def __init__(self, positions: Positions) -> None:
        self._below: dict[Steps, dict[str, str | int]] = {}
        for steps in positions.values:
            if steps:
                self._below.setdefault(steps[:-1], {})[str(steps[-1]).lower()] = steps[-1]

    def written(self, steps: Steps) -> Steps:
        """The path of the word in the file; the given path where it is not written."""
        return next(filter(None, map(self._found, _ways(steps))), steps)

    def _found(self, steps: Steps) -> Steps | None:
        """The path as it is written: keys in their own case; one word for all severities."""
        found: Steps = ()
        for number, step in enumerate(steps):
            below = self._below.get(found, {})
            if str(step).lower() not in below:
                is_one_for_all = not below and number == len(steps) - 1
                return found if is_one_for_all else None
            found = (*found, below[str(step).lower()])
        return found


def _ways(steps: Steps) -> Iterator[Steps]:
    """The places where a rule's word may be written, the nearest first."""
    yield steps
    match steps:
        case ("rules", int(number), "tickets", tracker, "due", *words):
            yield ("rules", number, "due", *words)
            yield ("defaults", "tickets", tracker, "due", *words)
            yield ("defaults", "due", *words)
        case ("rules", _, "tickets", tracker, _, *_):
            yield ("defaults", "tickets", tracker, *steps[4:])
        case _:
            pass


def _placed(loaded: Loaded, book: _Book, inspection: Inspection) -> PlacedInspection:
    path = book.written(inspection.where)
    says = "cannot be told: " if inspection.outcome is InspectionOutcome.UNKNOWN else ""
    advice = f"; {inspection.advice}" if inspection.advice else ""
    return PlacedInspection(inspection, path, loaded.problem(path, f"{says}{inspection.message}{advice}"))
