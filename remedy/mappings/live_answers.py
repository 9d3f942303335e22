"""Every question that mappings.yaml raises about outside systems, asked there, with its place in the file.

Sends only what reads. The one exception is a tracker that signs in with OAuth: an access token is fetched by POST, as
the standard requires.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Iterable, Mapping

from remediation.domain.ownership import SiteHistory
from remediation.mapping.explain.inspections import Inspection
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.secrets import channel_urls, worker_secrets
from remediation.operations.examining.placing import PlacedInspection, placed
from remediation.operations.examining.sites import SiteInspector
from remediation.ports import Inspector
from remediation.settings import environ
from remediation.sources.schoolscan.inspection import AccountInspector
from remedy.mappings.ticket_creators import CreatorInspector
from remedy.notify.addresses import ChannelInspector
from remedy.runtime.calls.outbound import outbound
from remedy.runtime.systems import feed_inspectors


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
        read = {
            name: way.feed(name, written, feeds[name], client)
            for district, each in loaded.mappings.districts.items()
            for name, written in ((f"{district}/{feed}", written) for feed, written in each.incidents.items())
        }
        inspectors += feed_inspectors(loaded, read).values()
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
