"""`remedy run`: the receiver or a worker, as a process."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import click
import structlog
import uvloop

from receiver.accounts import Accounts
from receiver.app import (
    Application,
    Clocks,
    Limits,
    create_app,
    create_metrics_app,
    readiness_of,
    replace_accounts,
    stop_of,
)
from receiver.refused import noting_refusals
from receiver.stopping import STOPPING
from remediation.domain.errors import RemediationError, StoreUnavailable
from remediation.logs import LOSSES, configure_logs
from remediation.mapping.reading.loading import Loaded
from remediation.redis_address import RedisAddress
from remediation.settings import Settings, load_settings
from remediation.store.deliveries.inbox import Inbox
from remediation.store.deliveries.refused import RefusedLog
from remediation.store.processes import Role
from remediation.store.server.connection import CANCEL_PAUSE, Connection, cancel_until_done
from remediation.store.server.readiness import lets_us_work, store_state
from remediation.trackers.threads import broken_pools
from remedy.foreign_keys import ForeignKeys
from remedy.runtime.assembly import (
    accounts_of,
    open_connection,
    open_contexts,
    receiver_files,
    redis_address,
    refurnish,
    turn_on_failpoints,
    worker_files,
)
from remedy.runtime.clock import open_clock
from remedy.runtime.data_keys import DataKeys
from remedy.runtime.failures import ExitCode
from remedy.runtime.garbage import leave_alone_what_stays
from remedy.runtime.heartbeat import open_heartbeat, version
from remedy.runtime.http.guarding import REDIS_CONNECTIONS, receiver_guard
from remedy.runtime.http.serving import HttpServer, address, listener, server
from remedy.runtime.reload import Follower
from remedy.runtime.rules_in_use import RulesInUse
from remedy.runtime.stopping import ReceiverStop, end_at_last, leave
from remedy.runtime.store_watch import open_store_watch
from remedy.telemetry.metrics import PROCESS
from remedy.telemetry.store_metrics import StoreReader
from remedy.telemetry.switches import told_outside
from workers.health import create_health_app
from workers.process import Supervisor
from workers.resources import WorkerContexts
from workers.rounds.schedule import SweepWatch
from workers.settings import upkeep_worker, work_worker

logger = structlog.get_logger()

HEALTH_LEAVES = 1.0
"""Seconds in which a worker may answer probes and Prometheus for the last time."""


@click.command()
@click.argument("role", type=click.Choice(["receiver", "worker"]))
def run(role: Role) -> None:
    """Run the receiver or a worker until SIGTERM or Ctrl-C.

    Work in hand ends first, within COMPLETION_WAIT; a second signal waits for nothing.

    Everything is configured in mappings.yaml (MAPPINGS_PATH) and the environment. Without REDIS_URL an embedded server
    keeps its data in DATA_DIR (.remedy); a second process joins it with the REDIS_URL that its message names.

    A changed mappings.yaml or DATA_KEYS_FILE is taken without a restart: within seconds, or at once on SIGHUP. A wrong
    one is refused: the earlier one stays in use, and the log, /readyz and a metric tell.

    \b
    On a laptop, in two terminals:
      export DATA_KEYS="$(remedy keys generate)"     (the same in both)
      remedy run receiver
      REDIS_URL=unix://$PWD/.remedy/valkey.sock remedy run worker
    """
    settings = load_settings()
    configure_logs(settings.log_level, json=not sys.stderr.isatty())
    turn_on_failpoints(settings)
    PROCESS.info({"role": role, "version": version()})
    signal.signal(signal.SIGTERM, _end)
    process = _run_receiver if role == "receiver" else _run_worker
    stopped_early = contextlib.suppress(asyncio.CancelledError)  # a stop during the start
    with _defects_logged(), told_outside(settings, role), redis_address(settings, keep=True) as redis, stopped_early:
        uvloop.run(process(settings, redis))
    leave()


@contextlib.contextmanager
def _defects_logged() -> Iterator[None]:
    """Log an unforeseen error, and end the process: a process that writes logs says nothing in another form."""
    try:
        yield
    except (RemediationError, click.ClickException, click.Abort):
        raise
    except Exception:  # noqa: BLE001 - a defect can be any
        sys.excepthook(*sys.exc_info())
        sys.exit(ExitCode.FAILED)


def _end(_number: int, _frame: object) -> None:
    """Exit on SIGTERM, until the event loop takes signals.

    A container's first process ignores signals without a handler.
    """
    sys.exit(0)


def on_stop(stop: Callable[[], object]) -> None:
    """Call `stop` on SIGTERM and Ctrl-C, each time, from now on."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


def _until_open() -> None:
    """Until everything is open, a stop cancels this task: no request or job is in hand yet.

    The task is cancelled repeatedly, because one cancellation may be lost (see remediation/store/server/connection.py).
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def insist() -> None:
        if task is not None and not task.done():
            task.cancel()
            loop.call_later(CANCEL_PAUSE, insist)

    on_stop(insist)


def on_hangup(reload: Callable[[], None], stop: Callable[[], None]) -> None:
    """Call `reload` on SIGHUP; or `stop` where it means that the terminal, and with it the logs' reader, is gone."""
    had_terminal = sys.stderr.isatty()

    def hung_up() -> None:
        if had_terminal and not sys.stderr.isatty():
            with Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), sys.stderr.fileno())
            stop()
        else:
            reload()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hung_up)


async def _run_receiver(settings: Settings, redis: RedisAddress) -> None:
    _until_open()
    follower = Follower(settings.mappings_path, receiver_files, time.time)
    accounts, data_keys = accounts_of(follower.first(), time.time()), DataKeys(settings)
    with (
        listener(settings.receiver_host, settings.receiver_port, "RECEIVER") as bound,
        listener(settings.metrics_host, settings.metrics_port, "METRICS") as metrics_bound,
    ):
        # one wait of a second and one more try: the receiver's own deadline for Redis is little more than two
        connected = open_connection(redis, socket_timeout=1.0, retries=1, max_connections=REDIS_CONNECTIONS)
        async with (
            connected as connection,
            open_store_watch(connection) as watch,
            open_clock(connection) as clock,
        ):
            clocks = Clocks(signed=time.time, stored=clock)
            inbox = Inbox(connection, data_keys.keyring)
            app = _receiver(
                settings, accounts, inbox, connection, clocks, lambda: [*follower.problems, *data_keys.problems]
            )
            with contextlib.suppress(StoreUnavailable):  # /readyz reports it; the first look at a case repeats this
                await clock.set()
                await connection.begin(clock())
            shown = create_metrics_app(_reader(settings, connection, clock).refresh, readiness_of(app))
            servers = server(app, receiver_guard(settings)), server(shown)
            stops = ReceiverStop(settings, stop_of(app), servers)
            async with (
                open_heartbeat(connection, "receiver", lambda: follower.digest, clock, data_keys.ids),
                follower.following(partial(_take_accounts, app)),
                data_keys.following(),
                watch.going_on(stops),
                noting_refusals(RefusedLog(connection), clock),
            ):
                await _receive(servers, (bound, metrics_bound), stops, partial(_ask, follower, data_keys))
    logger.info("receiver_stopped")


def _receiver(
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


def _reader(settings: Settings, connection: Connection, clock: Callable[[], float]) -> StoreReader:
    """The reader of the figures for /metrics that all processes share."""
    return StoreReader(connection, clock, allow_weak_durability=settings.allow_weak_durability)


def _ask(follower: Follower, data_keys: DataKeys) -> None:
    """Read changed files now."""
    follower.ask()
    data_keys.ask()


async def _take_accounts(app: Application, loaded: Loaded) -> None:
    replace_accounts(app, await asyncio.to_thread(accounts_of, loaded, time.time()))


async def _receive(
    servers: tuple[HttpServer, HttpServer],
    bound: tuple[socket.socket, socket.socket],
    stop: Callable[[], None],
    reload: Callable[[], None],
) -> None:
    """Serve senders, and Prometheus on another port, until a stop."""
    on_stop(stop)
    on_hangup(reload, stop)
    leave_alone_what_stays()
    logger.info("receiver_listens", address=address(bound[0]))
    logger.info("metrics_listen", address=address(bound[1]))
    await asyncio.gather(*(each.serve([listening]) for each, listening in zip(servers, bound, strict=True)))


async def _worker_problems(
    settings: Settings,
    connection: Connection,
    refused: Callable[[], list[str]],
    supervisor: Supervisor,
    sweeps: SweepWatch,
    keys: ForeignKeys,
) -> list[str]:
    """Why a worker does not work, or what a person must correct.

    `refused` returns why files that have changed are not in use.
    """
    if supervisor.is_stopping:
        return [STOPPING]
    store = await store_state(connection)
    problems = store.problems(allow_weak_durability=settings.allow_weak_durability)
    if not problems:
        problems = [*supervisor.restarting(), *await keys.problems()]
    problems += [*refused(), *supervisor.standing_still()]
    # a worker's own connections wait longer for a Redis that hangs than any probe waits for an answer
    return [*problems, *await sweeps.problems()] if store.takes_writes else problems


def _dead(supervisor: Supervisor) -> list[str]:
    """The parts of this process that have ended and come back only with a new process. Nothing outside counts."""
    loops = [f"the {name} loop has ended" for name in supervisor.ended()]
    return [*loops, *(f"a thread of {name} has died" for name in broken_pools())]


def _told() -> Sequence[str]:
    """What a person must correct although it prevents nothing."""
    return LOSSES.problems


@contextlib.asynccontextmanager
async def _served(health: HttpServer, bound: socket.socket) -> AsyncIterator[None]:
    """Answer probes and Prometheus while this context is open."""
    serving = asyncio.create_task(health.serve([bound]))
    try:
        yield
    finally:
        health.leave(HEALTH_LEAVES)
        await serving


async def _take_rules(contexts: WorkerContexts, rules: RulesInUse, loaded: Loaded) -> None:
    await refurnish(contexts, loaded)
    await rules.take(loaded.mappings)


async def _note_sites(contexts: WorkerContexts) -> None:
    """Log at the start which trackers are on another site than before. While Redis is away, each look asks again."""
    with contextlib.suppress(StoreUnavailable), contexts.at_work() as context:
        await context.sites.of(context.trackers)


async def _run_worker(settings: Settings, redis: RedisAddress) -> None:
    _until_open()
    files = partial(worker_files, outbound_ca=settings.outbound_ca_file)
    follower = Follower(settings.mappings_path, files, time.time)
    first, data_keys = follower.first(), DataKeys(settings)
    with listener(settings.worker_host, settings.worker_port, "WORKER") as bound:
        # five retries cover a restart of Redis; a longer outage ends in StoreUnavailable, and the sweep continues
        most = settings.max_jobs * 4 + 32
        async with (
            open_connection(redis, socket_timeout=5.0, retries=5, max_connections=most) as connection,
            open_store_watch(connection) as watch,
            open_clock(connection) as clock,
            open_contexts(first, settings, connection, clock, data_keys.keyring) as contexts,
            open_heartbeat(connection, "worker", lambda: follower.digest, clock, data_keys.ids),
        ):
            pool = connection.redis.connection_pool
            work = partial(work_worker, pool, contexts, settings.max_jobs, clock.set, settings.completion_wait)
            upkeep = partial(upkeep_worker, pool, contexts, settings.poll_seconds, clock.set, settings.completion_wait)
            loops = {"work": work, "upkeep": upkeep}
            supervisor = Supervisor(loops, lambda: lets_us_work(connection), partial(end_at_last, settings))
            sweeps, keys = SweepWatch(connection), ForeignKeys(connection, data_keys.keyring)
            rules = RulesInUse(connection, first.mappings)
            problems = partial(
                _worker_problems,
                settings,
                connection,
                lambda: [*follower.problems, *data_keys.problems],
                supervisor,
                sweeps,
                keys,
            )
            reader = _reader(settings, connection, clock)
            health = server(create_health_app(problems, reader.refresh, partial(_dead, supervisor), _told))
            on_stop(supervisor.stop)
            on_hangup(partial(_ask, follower, data_keys), supervisor.stop)
            async with (
                _served(health, bound),
                watch.going_on(supervisor.stop),
                follower.following(partial(_take_rules, contexts, rules)),
                data_keys.following(),
            ):
                leave_alone_what_stays()
                logger.info("worker_runs", address=address(bound), count=settings.max_jobs)
                noting = asyncio.create_task(_note_sites(contexts))
                telling = asyncio.create_task(keys.problems())  # it logs what it finds
                counting = asyncio.create_task(rules.tell_gone())
                await supervisor.run()
                await asyncio.gather(*(cancel_until_done(each) for each in (noting, telling, counting)))
    logger.info("worker_stopped")
