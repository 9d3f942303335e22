"""SchoolScan, feeds and trackers: our account there, limits, clocks, and whether they are as mappings.yaml says."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from remediation.deliveries.signatures import TOLERANCE
from remediation.domain.errors import ConfigurationError, OutsideError, Refused, RemediationError, TryLater, Waiting
from remediation.domain.ownership import Site, SiteHistory
from remediation.mapping.config.trackers.tracker_settings import TrackerSettings
from remediation.mapping.explain.inspections import Inspection, InspectionOutcome
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.secrets import channel_urls, worker_secrets
from remediation.outbound.answers import NotedAnswer, noting_answers
from remediation.ports import Inspector, Tracker
from remediation.read_model.case_words import time_words
from remediation.read_model.status.levels import Level
from remediation.read_model.wording import count_words
from remediation.settings import environ
from remediation.sources.incident_feed.inspection import FeedInspector
from remediation.sources.schoolscan.client import SchoolScan
from remediation.sources.schoolscan.inspection import AccountInspector
from remediation.store.server.connection import Connection
from remediation.trackers.adapters import adapter_of
from remedy.doctor.checks import Check
from remedy.doctor.codes import Code
from remedy.doctor.diagnosis import TROUBLES, Diagnosis, ordinary, trouble, well
from remedy.mappings.live_answers import feed_inspectors, placed
from remedy.mappings.tracker_sites import left_site, remembered, site_of
from remedy.notify.addresses import ChannelInspector
from remedy.runtime.assembly import open_outside
from remedy.runtime.calls.outbound import outbound

SECONDS = 45.0
"""Seconds for one system: two of the longest calls, and everything that mappings.yaml asks about it."""
INSPECTION_SECONDS = 25.0
_CLOCK_SECONDS = 60.0
"""Seconds that are no difference: a header has whole seconds, and an answer takes some time to arrive."""
_LOW = 0.1

_ADDRESS_CODES = {
    InspectionOutcome.WRONG: Code.CHANNEL_ADDRESS,
    InspectionOutcome.UNKNOWN: Code.CHANNEL_UNSEEN,
}
"""What an address of a channel is told as that is not known to have a form that can be used."""


@dataclass(frozen=True, slots=True)
class _System:
    """One outside system. `who` returns our account there; `signs` says that it refuses times too far from its own."""

    name: str
    what: str
    who: Callable[[], Awaitable[str]]
    inspector: Inspector
    more_advice: str = ""
    signs: bool = False


async def open_checks(stack: contextlib.AsyncExitStack, loaded: Loaded, connection: Connection | None) -> list[Check]:
    """Every SchoolScan account, feed of incidents and tracker; their clients are open until `stack` ends."""
    try:
        outside = await stack.enter_async_context(open_outside(loaded))
        _, secrets, tokens = worker_secrets(loaded, environ())
        way = outbound()
        feeds = feed_inspectors(loaded, tokens, way, await stack.enter_async_context(way.open_client()))
    except ConfigurationError as error:  # a token that cannot be sent in a header
        return [Check("secrets", 1.0, partial(_unusable, error))]
    checks = [channel_check(loaded)] if loaded.mappings.notify else []
    checks += [_check(_account(name, each), loaded, connection, None) for name, each in outside.accounts.items()]
    checks += [_check(_feed(name, each), loaded, connection, None) for name, each in feeds.items()]
    for name, tracker in outside.trackers.items():
        config = loaded.mappings.trackers[name]
        inspector = way.inspector(name, config, secrets[name])
        stack.push_async_callback(inspector.close)
        system = _System(name, f"tracker {name}", _told_who(tracker), inspector, _more_advice(config))
        checks.append(_check(system, loaded, connection, tracker))
    return checks


def channel_check(loaded: Loaded) -> Check:
    """The check of the form of the addresses of channels; nothing is sent by them."""
    what = "channels"

    async def look() -> list[Diagnosis]:
        try:
            urls = channel_urls(loaded, environ())
        except ConfigurationError:  # told with the other secrets
            return []
        found = await ChannelInspector(urls).inspect(loaded.mappings)
        flaws = [
            trouble(_ADDRESS_CODES[each.outcome], f"channel {each.where[1]}", each.message)
            for each in found
            if each.outcome in _ADDRESS_CODES
        ]
        usable = count_words(len(found) - len(flaws), "address", "addresses")
        return ordinary(what, f"{usable} of a form that can be used", *flaws)

    return Check(what, SECONDS, look)


async def _unusable(error: ConfigurationError) -> list[Diagnosis]:
    return [trouble(Code.SECRET_MISSING, "secrets", str(problem)) for problem in error.problems]


def _account(name: str, source: SchoolScan) -> _System:
    return _System(name, f"SchoolScan of {name}", source.check, AccountInspector(name, source), signs=True)


def _feed(name: str, inspector: FeedInspector) -> _System:
    return _System(name, f"feed {name}", inspector.check, inspector)


def _check(system: _System, loaded: Loaded, connection: Connection | None, tracker: Tracker | None) -> Check:
    async def look() -> list[Diagnosis]:
        with noting_answers(time.time) as answers:
            who = await _asked(system)
        found = [who, *_clock(system, answers), *_limit(system, answers)]
        if not who.is_well:
            return found
        if tracker is not None and connection is not None:
            found += await _site(tracker, connection, loaded.mappings.trackers[tracker.name].former_sites)
        return found + await _inspected(system, loaded)

    return Check(system.what, SECONDS, look)


async def _asked(system: _System) -> Diagnosis:
    try:
        return well(system.what, await system.who())
    except OutsideError as error:
        code = _code_of(error)
        more = system.more_advice if code in {Code.SIGN_IN, Code.RIGHTS} else ""
        says = error.words if error.status is None else f"{error.status}: {error.words}"
        return trouble(code, system.what, says, f"{TROUBLES[code].advice}{more}")


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


def _more_advice(config: TrackerSettings) -> str:
    """What else may keep an account out whose secret is right."""
    advice = adapter_of(config).sign_in_advice(config)
    return f" Besides: {advice}" if advice else ""


def _clock(system: _System, answers: Sequence[NotedAnswer]) -> Iterator[Diagnosis]:
    """The difference of the clocks. The smallest one says most: the other answers took longer to arrive."""
    ahead = min((each.ahead for each in answers if each.ahead is not None), key=abs, default=0.0)
    if abs(ahead) <= _CLOCK_SECONDS:
        return
    says = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    severity = Level.FAILURE if system.signs and abs(ahead) > TOLERANCE else Level.WARNING
    yield trouble(Code.CLOCK_OUTSIDE, f"clock of {system.what}", says, severity=severity)


def _limit(system: _System, answers: Sequence[NotedAnswer]) -> Iterator[Diagnosis]:
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


async def _inspected(system: _System, loaded: Loaded) -> list[Diagnosis]:
    """What `remedy mappings check --live` asks of this system."""
    what = f"mappings for {system.name}"
    try:
        async with asyncio.timeout(INSPECTION_SECONDS):
            inspections = await system.inspector.inspect(loaded.mappings)
    except TimeoutError:
        says = f"not all was asked within {INSPECTION_SECONDS:.0f} seconds"
        return [trouble(Code.UNFINISHED, what, says, severity=Level.WARNING)]
    return _judged(what, loaded, inspections)


def _judged(what: str, loaded: Loaded, inspections: Sequence[Inspection]) -> list[Diagnosis]:
    answers = placed(loaded, inspections)
    codes = {InspectionOutcome.WRONG: Code.MAPPINGS_OUTSIDE, InspectionOutcome.UNREACHABLE: Code.OUTSIDE_AWAY}
    bad = dict.fromkeys(
        (codes[each.inspection.outcome], str(each.problem)) for each in answers if each.inspection.outcome in codes
    )
    if bad:
        return [trouble(code, what, says) for code, says in bad]
    untold = sum(each.inspection.outcome is InspectionOutcome.UNKNOWN for each in answers)
    return [well(what, f"{len(answers) - untold} right, {untold} cannot be told")]
