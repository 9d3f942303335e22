"""One receiver: as a process by itself, or as one of several that a process above them has started."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from receiver.accounts import Accounts
from receiver.app import (
    Application,
    create_app,
    create_metrics_app,
    readiness_of,
    replace_accounts,
    stop_of,
    tally_of,
)
from receiver.context import Clocks, Limits
from receiver.refused import noting_refusals
from remediation.domain.errors import StoreUnavailable
from remediation.logs import LOSSES
from remediation.mapping.reading.loading import Loaded
from remediation.redis_address import RedisAddress
from remediation.settings import Settings
from remediation.store.deliveries.inbox import Inbox
from remediation.store.deliveries.refused import RefusedLog
from remediation.store.server.connection import Connection
from remedy.receiving.ports import inherited
from remedy.receiving.reports import ProcessReport, answering
from remedy.runtime.activity import writing_activity
from remedy.runtime.assembly import accounts_of, open_connection, receiver_files
from remedy.runtime.clock import open_clock
from remedy.runtime.data_keys import DataKeys
from remedy.runtime.garbage import leave_alone_what_stays
from remedy.runtime.heartbeat import open_heartbeat
from remedy.runtime.http.guarding import REDIS_CONNECTIONS, receiver_guard
from remedy.runtime.http.serving import HttpServer, address, listener, server
from remedy.runtime.polling import all_asked
from remedy.runtime.reload import Follower
from remedy.runtime.stopping import ServersStop, on_hangup, on_stop, until_open
from remedy.runtime.store_watch import StoreWatch, open_store_watch
from remedy.telemetry.store_metrics import StoreReader

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class OpenReceiver:
    """A receiver that has everything but a port. `reload` has it read changed files now."""

    settings: Settings
    app: Application
    reader: StoreReader
    watch: StoreWatch
    reload: Callable[[], None]

    @contextlib.asynccontextmanager
    async def serving(
        self, bound: socket.socket, others: Sequence[HttpServer] = ()
    ) -> AsyncIterator[tuple[ServersStop, asyncio.Task[None]]]:
        """Take deliveries at `bound` until a stop, and at the end of this context wait for that.

        `others` end with the server of this port. The context is what stops them, and the task that ends then.
        """
        senders = server(self.app, receiver_guard(self.settings))
        stop = ServersStop(self.settings, stop_of(self.app), (senders, *others), "receiver_stopping")
        async with self.watch.going_on(stop):
            on_stop(stop)
            on_hangup(self.reload, stop)
            leave_alone_what_stays()
            logger.info("receiver_listens", address=address(bound))
            serving = asyncio.create_task(senders.serve([bound]))
            yield stop, serving
            await serving


async def run_receiver(settings: Settings, redis: RedisAddress) -> None:
    """Run a receiver that is a process by itself until it is told to stop."""
    until_open()
    with (
        listener(settings.receiver_host, settings.receiver_port, "RECEIVER") as bound,
        listener(settings.metrics_host, settings.metrics_port, "METRICS") as metrics_bound,
    ):
        async with _open(settings, redis) as receiver:
            shown = server(create_metrics_app(receiver.reader.refresh, readiness_of(receiver.app)))
            async with receiver.serving(bound, [shown]):
                logger.info("metrics_listen", address=address(metrics_bound))
                await shown.serve([metrics_bound])
    logger.info("receiver_stopped")


async def run_one_of_several(descriptors: tuple[int, int], settings: Settings, redis: RedisAddress) -> None:
    """Run a receiver with the sockets that the process above has left open in these descriptors.

    At the first one deliveries are taken; at the second one that process is told what this one counts. Where that
    process is gone, this is told to stop.
    """
    until_open()
    with inherited(descriptors[0]) as bound, inherited(descriptors[1]) as channel:
        async with (
            _open(settings, redis) as receiver,
            receiver.serving(bound) as (stop, serving),
            answering(channel, partial(_report, receiver), stop),
        ):
            await serving
    logger.info("receiver_stopped")


async def _report(receiver: OpenReceiver, *, of_store: bool) -> ProcessReport:
    if of_store:
        await receiver.reader.refresh()
    else:
        receiver.reader.forget()
    return ProcessReport.now(await readiness_of(receiver.app)())


@contextlib.asynccontextmanager
async def _open(settings: Settings, redis: RedisAddress) -> AsyncIterator[OpenReceiver]:
    follower = Follower(settings.mappings_path, receiver_files, time.time)
    accounts, data_keys = accounts_of(follower.first(), time.time()), DataKeys(settings)
    # one wait of a second and one more try: the receiver's own deadline for Redis is little more than two
    connected = open_connection(redis, socket_timeout=1.0, retries=1, max_connections=REDIS_CONNECTIONS)
    async with (
        connected as connection,
        open_store_watch(connection) as watch,
        open_clock(connection) as clock,
    ):
        clocks = Clocks(signed=time.time, stored=clock)
        inbox = Inbox(connection, data_keys.keyring)
        app = _application(
            settings, accounts, inbox, connection, clocks, lambda: [*follower.problems, *data_keys.problems]
        )
        with contextlib.suppress(StoreUnavailable):  # /readyz reports it; the first look at a case repeats this
            await clock.set()
            await connection.begin(clock())
        reader = StoreReader(connection, clock, allow_weak_durability=settings.allow_weak_durability)
        async with (
            open_heartbeat(connection, "receiver", lambda: follower.digest, clock, data_keys.ids),
            follower.following(partial(_take_accounts, app)),
            data_keys.following(),
            noting_refusals(RefusedLog(connection), clock),
            writing_activity(connection, tally_of(app), clock),
        ):
            yield OpenReceiver(settings, app, reader, watch, partial(all_asked, follower, data_keys))


def _application(
    settings: Settings,
    accounts: Accounts,
    inbox: Inbox,
    connection: Connection,
    clocks: Clocks,
    refused: Callable[[], list[str]],
) -> Application:
    """The receiver's application. `refused` returns why files that have changed are not in use."""
    return create_app(
        accounts,
        connection,
        inbox,
        clocks,
        limits=Limits(settings.max_body_bytes, settings.body_deadline),
        allow_weak_durability=settings.allow_weak_durability,
        troubles=lambda: [*refused(), *LOSSES.problems],
    )


async def _take_accounts(app: Application, loaded: Loaded) -> None:
    replace_accounts(app, await asyncio.to_thread(accounts_of, loaded, time.time()))
