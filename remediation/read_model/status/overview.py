"""Whether the service works, as far as the store tells: what runs, what waits for what, and what is late.

What is read is judged in lines.py, so that every front end says the same of it.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from remediation.deliveries.events import SCHOOLSCAN
from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.webhook_secrets import SecretEnd, secret_ends, secret_ids
from remediation.read_model.activity.responses import ResponseTimes
from remediation.read_model.activity.today import responses_today
from remediation.read_model.delivery_list import path_of
from remediation.read_model.status.levels import RISK_SECONDS
from remediation.store.activity.tally import ResponseKind
from remediation.store.budgets.learned import BudgetFigures, Budgets
from remediation.store.cases.appointments import EndingRisks, ending_risks
from remediation.store.cases.dependents import districts_heard_of, trackers_heard_of
from remediation.store.cursors import lists_read
from remediation.store.deliveries.parked_causes import ParkedCause, parked_causes
from remediation.store.deliveries.refused import RefusedDeliveries, RefusedLog
from remediation.store.deliveries.signing import read_secret_uses
from remediation.store.figures import Figures, read_figures
from remediation.store.incidents.feeds import Feeds, FeedState
from remediation.store.incidents.figures import FeedFigures, feed_figures
from remediation.store.keys import UNNAMED
from remediation.store.notifications.memories import ChannelMemories
from remediation.store.notifications.memory import ChannelMemory
from remediation.store.processes import Process, Processes
from remediation.store.server.connection import Connection
from remediation.store.systems import Systems, SystemTrouble


@dataclass(frozen=True, slots=True)
class InstalledFile:
    """What the mappings.yaml names that whoever asks has: the start of its digest, and who may be heard of.

    `accounts` are the paths of senders (`schoolscan/lakeside`), in order. `secret_ends` are the webhook secrets that
    have ended, or soon will, and `channels` the names of those by which people are told. `is_refused`: the file was
    changed since, and a process goes on with this one, since it cannot use the other.
    """

    digest: str
    accounts: tuple[str, ...]
    trackers: tuple[str, ...]
    secret_ends: tuple[SecretEnd, ...] = ()
    channels: tuple[str, ...] = ()
    is_refused: bool = False


def installed_file(mappings: Mappings, digest: str, now: float) -> InstalledFile:
    """What this file names, at `now` (Unix seconds)."""
    accounts, ends = tuple(secret_ids(mappings, now)), secret_ends(mappings, now)
    return InstalledFile(digest, accounts, tuple(mappings.trackers), ends, tuple(mappings.notify))


@dataclass(frozen=True, slots=True)
class SenderStatus:
    """When a delivery of this account was last accepted, to about a minute, in Unix seconds; None for never.

    `refused` are those of one kind and day that were refused last; None where none is known.
    """

    account: str
    accepted: float | None
    refused: RefusedDeliveries | None = None


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """How far a feed was read, and what is being read of it."""

    figures: FeedFigures
    state: FeedState


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One reading of everything, at `at` (Unix seconds), by a process of this `version`, which is called `asker`.

    `here` is the file of whoever asks; None where it cannot be used. `unnamed` says by tracker how many cases it holds
    up because mappings.yaml does not name it, and `polls` when (Unix seconds) the changes of each tracker were last
    read; None for never. `risks` are accepted risks that end soon, and `channels` how each channel of that file is.
    `responses` are the times that deliveries of today took.
    """

    at: float
    version: str
    here: InstalledFile | None
    processes: tuple[Process, ...]
    figures: Figures
    senders: tuple[SenderStatus, ...]
    troubles: tuple[SystemTrouble, ...]
    unnamed: Mapping[str, int]
    causes: tuple[ParkedCause, ...]
    budgets: tuple[BudgetFigures, ...]
    polls: Mapping[str, float | None]
    feeds: tuple[FeedStatus, ...]
    risks: EndingRisks = field(default_factory=EndingRisks)
    channels: Mapping[str, ChannelMemory] = field(default_factory=dict)
    asker: str = "this command"
    responses: Mapping[ResponseKind, ResponseTimes] = field(default_factory=dict)


async def service_status(
    connection: Connection, here: InstalledFile | None, version: str, now: float, asker: str = "this command"
) -> ServiceStatus:
    """The status at `now` (Unix seconds of Redis's clock). Reads only. Raises StoreUnavailable."""
    accounts = here.accounts if here else _accounts_of(await districts_heard_of(connection))
    # One after the other these would take twenty round trips, all at once a dozen connections.
    processes, figures, senders, troubles, unnamed, causes = await asyncio.gather(
        Processes(connection).running(now),
        read_figures(connection, now),
        _senders(connection, accounts),
        Systems(connection).in_trouble(),
        _held_up(connection),
        parked_causes(connection),
    )
    budgets, polls, feeds, risks, channels, responses = await asyncio.gather(
        Budgets(connection).figures(now),
        _polls(connection, here),
        feed_statuses(connection),
        ending_risks(connection, now, RISK_SECONDS),
        _channels(connection, here.channels if here else (), now),
        responses_today(connection, now),
    )
    return ServiceStatus(
        now,
        version,
        here,
        tuple(processes),
        figures,
        senders,
        tuple(troubles),
        unnamed,
        tuple(causes),
        tuple(budgets),
        polls,
        feeds,
        risks,
        channels,
        asker,
        responses,
    )


def _accounts_of(districts: Iterable[str]) -> tuple[str, ...]:
    return tuple(SCHOOLSCAN.path(name) for name in sorted(districts))


async def _senders(connection: Connection, accounts: Iterable[str]) -> tuple[SenderStatus, ...]:
    uses, refused = await asyncio.gather(read_secret_uses(connection, accounts), RefusedLog(connection).listed())
    latest = {path_of(each): each for each in reversed(refused)}
    return tuple(
        SenderStatus(
            account,
            max((use.last for use in of_account.values() if use.last is not None), default=None),
            latest.get(account),
        )
        for account, of_account in uses.items()
    )


async def _held_up(connection: Connection) -> dict[str, int]:
    names = sorted(await trackers_heard_of(connection))
    asked = connection.redis.pipeline(transaction=False)
    for name in names:
        asked.zcard(UNNAMED + name)
    counts = await connection.ask(asked.execute()) if names else []
    return {name: int(count) for name, count in zip(names, counts, strict=True) if count}


async def _channels(connection: Connection, names: Iterable[str], now: float) -> dict[str, ChannelMemory]:
    memories = ChannelMemories(connection)
    return {name: await memories.memory(name) or ChannelMemory(now) for name in names}


async def _polls(connection: Connection, here: InstalledFile | None) -> dict[str, float | None]:
    read = await lists_read(connection)
    trackers = here.trackers if here else await trackers_heard_of(connection)
    return {name: read.get(name) for name in sorted(trackers)}


async def feed_statuses(connection: Connection) -> tuple[FeedStatus, ...]:
    """Every feed that mappings.yaml names. Raises StoreUnavailable."""
    figures = await feed_figures(connection)
    states = await Feeds(connection).states([each.name for each in figures])
    return tuple(FeedStatus(each, states[each.name]) for each in figures)
