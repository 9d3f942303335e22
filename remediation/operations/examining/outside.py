"""SchoolScan, feeds and trackers: our account there, limits, clocks, and whether they are as mappings.yaml says."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from remediation.deliveries.signatures import TOLERANCE
from remediation.domain.errors import OutsideError, Refused, RemediationError, TryLater, Waiting
from remediation.domain.ownership import Site, SiteHistory
from remediation.mapping.config.trackers.tracker_settings import TrackerSettings
from remediation.mapping.explain.inspections import InspectionOutcome
from remediation.mapping.reading.loading import Loaded
from remediation.operations.examining.checks import Check
from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import TROUBLES, Diagnosis, trouble, well
from remediation.operations.examining.placing import PlacedInspection, placed
from remediation.operations.examining.sites import left_site, remembered, site_of
from remediation.outbound.answers import NotedAnswer, noting_answers
from remediation.ports import Inspector, Tracker
from remediation.read_model.cases.words import time_words
from remediation.read_model.status.levels import Level
from remediation.sources.incident_feed.inspection import FeedInspector
from remediation.sources.schoolscan.client import SchoolScan
from remediation.sources.schoolscan.inspection import AccountInspector
from remediation.store.server.connection import Connection
from remediation.trackers.adapters import adapter_of

SECONDS = 45.0
"""Seconds for one system: two of the longest calls, and everything that mappings.yaml asks about it."""
INSPECTION_SECONDS = 25.0
_CLOCK_SECONDS = 60.0
"""Seconds that are no difference: a header has whole seconds, and an answer takes some time to arrive."""
_LOW = 0.1

Said = Callable[[OutsideError], str]
"""Why a system did not answer, in words."""


@dataclass(frozen=True, slots=True)
class AskedSystem:
    """One outside system. `who` returns our account there; `signs` says that it refuses times too far from its own.

    `district` is whose it is; empty for a tracker, which is of all. `inspector` compares it with mappings.yaml, where
    that asks more than `who` does. `more_advice` is what else may keep us out whose secret is right.
    """

    name: str
    what: str
    who: Callable[[], Awaitable[str]]
    inspector: Inspector | None
    district: str = ""
    tracker: Tracker | None = None
    more_advice: str = ""
    signs: bool = False


def account_system(name: str, source: SchoolScan) -> AskedSystem:
    """A district's account at SchoolScan."""
    return AskedSystem(name, f"SchoolScan of {name}", source.check, AccountInspector(name, source), name, signs=True)


def feed_system(name: str, inspector: FeedInspector) -> AskedSystem:
    """A feed of incidents, by its name `district/feed`."""
    return AskedSystem(name, f"feed {name}", inspector.check, inspector, name.partition("/")[0])


def tracker_system(tracker: Tracker, config: TrackerSettings, inspector: Inspector) -> AskedSystem:
    """A tracker, as it is configured."""
    advice = adapter_of(config).sign_in_advice(config)
    more = f" Besides: {advice}" if advice else ""
    name = tracker.name
    return AskedSystem(name, f"tracker {name}", _told_who(tracker), inspector, tracker=tracker, more_advice=more)


def said_words(error: OutsideError) -> str:
    """The system's own words."""
    return error.words if error.status is None else f"{error.status}: {error.words}"


def told_problem(answer: PlacedInspection) -> str:
    """An answer about a word of mappings.yaml, whole, with its place."""
    return str(answer.problem)


@dataclass(frozen=True, slots=True)
class Examination:
    """How systems are asked, and what is said of their answers.

    A system is asked for `seconds` at most, and for `inspecting` of them about mappings.yaml. Without a connection it
    is not told whether a tracker is the site that it was.
    """

    loaded: Loaded
    connection: Connection | None
    seconds: float = SECONDS
    inspecting: float = INSPECTION_SECONDS
    said: Said = said_words
    told: Callable[[PlacedInspection], str] = told_problem

    def check(self, system: AskedSystem) -> Check:
        """The check of one system."""
        return Check(system.what, self.seconds, partial(self._look, system))

    async def _look(self, system: AskedSystem) -> list[Diagnosis]:
        with noting_answers(time.time) as answers:
            who = await _asked(system, self.said)
        found = [who, *_clock(system, answers), *_limit(system, answers)]
        if not who.is_well:
            return found
        if (tracker := system.tracker) is not None and self.connection is not None:
            former = self.loaded.mappings.trackers[tracker.name].former_sites
            found += await _site(tracker, self.connection, former)
        return found + await self._inspected(system)

    async def _inspected(self, system: AskedSystem) -> list[Diagnosis]:
        """What `remedy mappings check --live` asks of this system."""
        if system.inspector is None:
            return []
        what = f"mappings for {system.name}"
        try:
            async with asyncio.timeout(self.inspecting):
                inspections = await system.inspector.inspect(self.loaded.mappings)
        except TimeoutError:
            says = f"not all was asked within {self.inspecting:.0f} seconds"
            return [trouble(Code.UNFINISHED, what, says, severity=Level.WARNING)]
        except OutsideError as error:
            return [trouble(_code_of(error), what, self.said(error))]
        return _judged(what, placed(self.loaded, inspections), self.told)


async def _asked(system: AskedSystem, said: Said) -> Diagnosis:
    try:
        return well(system.what, await system.who())
    except OutsideError as error:
        code = _code_of(error)
        more = system.more_advice if code in {Code.SIGN_IN, Code.RIGHTS} else ""
        return trouble(code, system.what, said(error), f"{TROUBLES[code].advice}{more}")


def _code_of(error: OutsideError) -> Code:
    if isinstance(error, TryLater) and error.waiting is Waiting.LIMIT:
        return Code.LIMIT_REACHED
    if isinstance(error, TryLater) and error.waiting is Waiting.SIGN_IN:
        return Code.SIGN_IN
    if error.status == HTTPStatus.FORBIDDEN:
        return Code.RIGHTS
    return Code.OUTSIDE_REFUSED if isinstance(error, Refused) else Code.OUTSIDE_AWAY


def _told_who(tracker: Tracker) -> Callable[[], Awaitable[str]]:
    """Our account there. A system that does not tell it may still have signed us in."""

    async def look() -> str:
        try:
            return await tracker.whoami()
        except Refused as no:
            if no.status is not None:
                raise
            return f"signed in, but {no.words}"

    return look


def _clock(system: AskedSystem, answers: Sequence[NotedAnswer]) -> Iterator[Diagnosis]:
    """The difference of the clocks. The smallest one says most: the other answers took longer to arrive."""
    ahead = min((each.ahead for each in answers if each.ahead is not None), key=abs, default=0.0)
    if abs(ahead) <= _CLOCK_SECONDS:
        return
    says = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    severity = Level.FAILURE if system.signs and abs(ahead) > TOLERANCE else Level.WARNING
    yield trouble(Code.CLOCK_OUTSIDE, f"clock of {system.what}", says, severity=severity)


def _limit(system: AskedSystem, answers: Sequence[NotedAnswer]) -> Iterator[Diagnosis]:
    told = [(each.remaining, each.limit) for each in answers if each.remaining is not None and each.limit]
    if told and (last := told[-1])[0] < _LOW * last[1]:
        yield trouble(Code.LIMIT_LOW, f"limit of {system.what}", f"{last[0]} of {last[1]} requests are left")


async def _site(tracker: Tracker, connection: Connection, former_sites: Collection[str]) -> list[Diagnosis]:
    """Whether the tracker is the site on which our links were made; nothing where that cannot be told."""
    try:
        known = (await remembered(connection, {tracker.name: tracker})).get(tracker.name)
    except RemediationError:
        return []
    site = await site_of(tracker) if known else None
    return [_same_site(tracker.name, known, site, former_sites)] if known and site else []


def _same_site(name: str, history: SiteHistory, site: Site, former_sites: Collection[str]) -> Diagnosis:
    what, former = f"site of {name}", left_site(history, site, former_sites)
    if former is not None and not history.site.is_same(site):
        return trouble(Code.SITE_CHANGED, what, f"is {site.key}, and our links were made on {former.key}")
    if history.before is None or not history.site.is_same(site):
        return well(what, f"{site.key}{', as it always was' if history.site.is_same(site) else ''}")
    says = f"{site.key} since {time_words(history.since)} UTC, before that {history.before.key}"
    return well(what, says) if former is None else trouble(Code.SITE_CHANGED, what, says, severity=Level.WARNING)


def _judged(what: str, answers: Sequence[PlacedInspection], told: Callable[[PlacedInspection], str]) -> list[Diagnosis]:
    codes = {InspectionOutcome.WRONG: Code.MAPPINGS_OUTSIDE, InspectionOutcome.UNREACHABLE: Code.OUTSIDE_AWAY}
    bad = dict.fromkeys(
        (codes[each.inspection.outcome], told(each)) for each in answers if each.inspection.outcome in codes
    )
    if bad:
        return [trouble(code, what, says) for code, says in bad]
    untold = sum(each.inspection.outcome is InspectionOutcome.UNKNOWN for each in answers)
    return [well(what, f"{len(answers) - untold} right, {untold} cannot be told")]
