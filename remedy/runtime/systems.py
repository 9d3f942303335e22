"""The outside systems as they are asked how they are: by `remedy doctor`, and by workers for the console."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import date, datetime

from remediation.mapping.config.incident_feeds import IncidentFeed
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.secrets import worker_secrets
from remediation.operations.examining.outside import AskedSystem, account_system, feed_system, tracker_system
from remediation.ports import Tracker
from remediation.settings import environ
from remediation.sources.incident_feed.inspection import FeedInspector
from remediation.sources.incident_feed.polled import PolledFeed
from remediation.sources.schoolscan.client import SchoolScan
from remedy.runtime.calls.outbound import outbound


@contextlib.asynccontextmanager
async def open_systems(
    loaded: Loaded,
    accounts: Mapping[str, SchoolScan],
    feeds: Mapping[str, PolledFeed],
    trackers: Mapping[str, Tracker],
) -> AsyncIterator[list[AskedSystem]]:
    """Every account, feed and tracker of the file, over these clients; what inspects trackers is open meanwhile.

    Sends nothing yet. Raises ConfigurationError where a secret is missing.
    """
    _, secrets, _ = worker_secrets(loaded, environ())
    written, way = loaded.mappings, outbound()
    systems = [account_system(name, each) for name, each in accounts.items()]
    systems += [feed_system(name, each) for name, each in feed_inspectors(loaded, feeds).items()]
    async with contextlib.AsyncExitStack() as stack:
        for name, tracker in trackers.items():
            inspector = way.inspector(name, written.trackers[name], secrets[name])
            stack.push_async_callback(inspector.close)
            systems.append(tracker_system(tracker, written.trackers[name], inspector))
        yield systems


def feed_inspectors(loaded: Loaded, feeds: Mapping[str, PolledFeed]) -> dict[str, FeedInspector]:
    """An inspector for each feed of incidents, by `district/feed`."""
    return {
        f"{name}/{feed}": FeedInspector(name, feed, feeds[f"{name}/{feed}"].client, _today_in(written))
        for name, district in loaded.mappings.districts.items()
        for feed, written in district.incidents.items()
    }


def _today_in(feed: IncidentFeed) -> Callable[[], date]:
    """What today is where the feed's schools are."""
    return lambda: datetime.now(feed.timetable.zone).date()
