"""`remedy run`: the receiver, a worker or the console, as a process."""

import asyncio
import contextlib
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial

import click
import structlog
import uvloop

from remediation.domain.errors import RemediationError, StoreUnavailable
from remediation.logs import LOSSES, configure_logs
from remediation.mapping.reading.loading import Loaded
from remediation.readiness import STOPPING
from remediation.redis_address import RedisAddress
from remediation.settings import Settings, load_settings
from remediation.store.processes import Role
from remediation.store.server.connection import Connection, cancel_until_done
from remediation.store.server.readiness import lets_us_work, store_state
from remediation.trackers.threads import broken_pools
from remedy.consoling.process import run_console
from remedy.embedded.server import EmbeddedServer
from remedy.foreign_keys import ForeignKeys
from remedy.receiving.group import run_several
from remedy.receiving.process import run_one_of_several, run_receiver
from remedy.runtime.activity import writing_activity
from remedy.runtime.assembly import (
    open_connection,
    open_contexts,
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
from remedy.runtime.http.serving import HttpServer, address, listener, server
from remedy.runtime.polling import all_asked
from remedy.runtime.reload import Follower
from remedy.runtime.rules_in_use import RulesInUse
from remedy.runtime.stopping import end_at_last, leave, on_hangup, on_stop, until_open
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

MOST_PROCESSES = 64
"""More than any machine has use for, as each asks Redis and its sockets for itself."""

HEALTH_LEAVES = 1.0
"""Seconds in which a worker may answer probes and Prometheus for the last time."""


@click.command()
@click.argument("role", type=click.Choice(["receiver", "worker", "console"]))
@click.option(
    "--processes",
    type=click.IntRange(1, MOST_PROCESSES),
    default=1,
    metavar="N",
    help="Receivers behind one port (Linux), for a machine with several cores; on Kubernetes take replicas.",
)
@click.option(
    "--sockets", type=(int, int), hidden=True, help="Descriptors of the sockets that the process above has opened."
)
@click.option("--embedded", metavar="URL", hidden=True, help="The embedded server that the process above has started.")
@click.pass_context
def run(ctx: click.Context, role: Role, processes: int, sockets: tuple[int, int] | None, embedded: str | None) -> None:
    """Run the receiver, a worker or the console until SIGTERM or Ctrl-C.

    Work in hand ends first, within COMPLETION_WAIT; a second signal waits for nothing.

    Everything is configured in mappings.yaml (MAPPINGS_PATH) and the environment. Without REDIS_URL an embedded server
    keeps its data in DATA_DIR (.remedy); a second process joins it with the REDIS_URL that its message names.

    A changed mappings.yaml or DATA_KEYS_FILE is taken without a restart: within seconds, or at once on SIGHUP. A wrong
    one is refused: the earlier one stays in use, and the log, /readyz and a metric tell.

    \b
    On a laptop, in terminals of their own:
      export DATA_KEYS="$(remedy keys generate)"     (the same in each)
      remedy run receiver
      REDIS_URL=unix://$PWD/.remedy/valkey.sock remedy run worker
    and in a third one, for its pages:
      REDIS_URL=unix://$PWD/.remedy/valkey.sock remedy run console
    """
    if role != "receiver" and processes > 1:
        raise click.UsageError(f"--processes is for receivers: start as many {role}s as you like instead")
    settings = _joined(load_settings(), embedded)
    configure_logs(settings.log_level, json=not sys.stderr.isatty())
    signal.signal(signal.SIGTERM, _end)
    stopped_early = contextlib.suppress(asyncio.CancelledError)  # a stop during the start
    code = 0
    with _defects_logged(), stopped_early:
        if processes > 1:
            code = _run_group(settings, processes, ctx.find_root().params.get("context_name"))
        else:
            _run_process(settings, role, sockets)
    leave()
    sys.exit(code)


def _run_process(settings: Settings, role: Role, sockets: tuple[int, int] | None) -> None:
    """Run one process. `sockets` are descriptors that the process above has given it (see group.py)."""
    turn_on_failpoints(settings)
    PROCESS.info({"role": role, "version": version()})
    receiver = partial(run_one_of_several, sockets) if sockets else run_receiver
    runs = {"receiver": receiver, "worker": _run_worker, "console": run_console}
    with told_outside(settings, role), redis_address(settings, keep=True) as redis:
        uvloop.run(runs[role](settings, redis))


def _joined(settings: Settings, embedded: str | None) -> Settings:
    """The settings of one of several receivers: the process above them may have an embedded server at this address."""
    return settings.model_copy(update={"redis_url": RedisAddress.parse(embedded)}) if embedded else settings


def _run_group(settings: Settings, processes: int, context_name: str | None) -> int:
    """Run several receivers, and the embedded server that they share where REDIS_URL is not set."""
    chosen = ["--context", context_name] if context_name else []
    with redis_address(settings, keep=True):
        own = ["--embedded", EmbeddedServer(settings.data_dir).url] if settings.redis_url is None else []
        return uvloop.run(run_several(processes, settings, [*chosen, "run", "receiver", *own]))


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
    until_open()
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
            open_contexts(first, settings, connection, clock, data_keys.keyring, follower.is_refused) as contexts,
            open_heartbeat(connection, "worker", lambda: follower.digest, clock, data_keys.ids),
            writing_activity(connection, contexts.tally, clock),
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
            reader = StoreReader(connection, clock, allow_weak_durability=settings.allow_weak_durability)
            health = server(create_health_app(problems, reader.refresh, partial(_dead, supervisor), _told))
            on_stop(supervisor.stop)
            on_hangup(partial(all_asked, follower, data_keys), supervisor.stop)
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
