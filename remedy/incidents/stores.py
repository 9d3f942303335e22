"""What the commands about incidents work with: the feeds of mappings.yaml, and what is kept of them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import click

from remediation.domain.errors import ConfigurationError, Problem
from remediation.domain.walks import Timetable
from remediation.mapping.config.suggestions import listed
from remediation.mapping.reading.loading import Loaded, load_mappings
from remediation.read_model.cases.pages import UnknownName
from remediation.read_model.incidents import timetables_of
from remediation.redis_address import RedisAddress
from remediation.settings import load_settings
from remediation.store.incidents.feeds import Feeds
from remediation.store.incidents.records import IncidentRecords
from remediation.store.server.clock import SharedClock
from remediation.store.server.connection import Connection
from remedy.runtime.assembly import open_for_command, redis_address
from remedy.runtime.auditing import CommandAudit
from remedy.runtime.clock import clock_of
from remedy.runtime.data_keys import keyring_of

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class IncidentStores:
    """`timetables` are of the feeds that are meant, by `district/feed`, in order."""

    loaded: Loaded
    timetables: Mapping[str, Timetable]
    connection: Connection
    records: IncidentRecords
    states: Feeds
    clock: SharedClock
    audit: CommandAudit

    @property
    def feeds(self) -> tuple[str, ...]:
        """The names of the feeds that are meant."""
        return tuple(self.timetables)


def with_stores(
    use: Callable[[IncidentStores], Awaitable[ResultT]], district: str | None = None, feed: str | None = None
) -> ResultT:
    """What `use` returns for the feeds that are meant: of one district, a single one, or all.

    Raises UsageError for a name that there is not; ConfigurationError where mappings.yaml has no feed at all, or no
    data key is set; StoreUnavailable.
    """
    settings = load_settings()
    loaded = load_mappings(settings.mappings_path)
    timetables, keyring = _meant(loaded, district, feed), keyring_of(settings)

    async def work(address: RedisAddress) -> ResultT:
        async with open_for_command(address) as connection:
            records, clock = IncidentRecords(connection, keyring), await clock_of(connection)
            audit = CommandAudit(connection, keyring, clock)
            return await use(IncidentStores(loaded, timetables, connection, records, Feeds(connection), clock, audit))

    with redis_address(settings) as address:
        return asyncio.run(work(address))


def _meant(loaded: Loaded, district: str | None, feed: str | None) -> dict[str, Timetable]:
    known = timetables_of(loaded.mappings)
    if not known:
        raise ConfigurationError([Problem(loaded.where, "no district has a feed of incidents: docs/incidents.md")])
    if district is not None and district not in loaded.mappings.districts:
        raise click.UsageError(UnknownName("district", district, loaded.mappings.districts).says)
    if feed is not None and feed not in known:
        raise click.UsageError(UnknownName("feed", feed, known).says)
    of_district = {name: each for name, each in known.items() if district in {None, name.partition("/")[0]}}
    if not of_district:
        raise click.UsageError(f"the district {district} has no feed of incidents; there is {listed(known)}")
    if feed is not None and feed not in of_district:
        raise click.UsageError(f"the feed {feed} is not of the district {district}")
    return {name: each for name, each in of_district.items() if feed in {None, name}}
