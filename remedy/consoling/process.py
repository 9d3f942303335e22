"""The console: opened, served and ended."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import structlog

from console.app import Application, create_app, end_tasks, readiness_of
from console.context import ConsoleContext
from console.ending import ConsoleEnding
from console.http.prefix import prefix_problems
from console.people.oidc import url_of
from console.rendering import PageTemplates
from receiver.app import create_metrics_app
from receiver.stopping import LastAnswers, Stop
from remediation.domain.errors import ConfigurationError, StoreUnavailable
from remediation.logs import LOSSES
from remediation.mapping.config.console import RoleName, address_of
from remediation.mapping.config.schema import Mappings
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.reading.secrets import console_secrets
from remediation.mapping.reading.watching import files_named
from remediation.operations.auditing import OperationAudit
from remediation.operations.console_entry import LinkTerms, make_link
from remediation.operations.stores import OperationStores
from remediation.readiness import Readiness
from remediation.redis_address import RedisAddress
from remediation.sealing import Keyring
from remediation.settings import Settings, environ
from remediation.sharing import SharedReading
from remediation.store.server.clock import SharedClock
from remediation.store.server.connection import Connection
from remediation.store.server.readiness import store_problems
from remedy.runtime.assembly import open_connection
from remedy.runtime.auditing import os_user
from remedy.runtime.calls.outbound import outbound
from remedy.runtime.clock import open_clock
from remedy.runtime.data_keys import DataKeys
from remedy.runtime.garbage import leave_alone_what_stays
from remedy.runtime.heartbeat import open_heartbeat, version
from remedy.runtime.http.guarding import console_guard
from remedy.runtime.http.serving import address, listener, server
from remedy.runtime.polling import all_asked
from remedy.runtime.reload import Follower
from remedy.runtime.stopping import ServersStop, on_hangup, on_stop, until_open
from remedy.runtime.store_watch import StoreWatch, open_store_watch

logger = structlog.get_logger()

SOCKET_SECONDS = 2.0
"""Seconds that a page waits for one answer of Redis, twice at most."""

CONNECTIONS = 64
"""The most connections to Redis. A page has one at a time."""

_LOOPBACK = frozenset({"127.0.0.1", "::1"})

AUDITED_AS = "console"
"""Who wrote a line of the audit: this process, which has signed people in. Beside it stands who they are."""


class RulesHere:
    """The mappings.yaml in force, for pages, whose addresses begin with `prefix`."""

    def __init__(self, loaded: Loaded, prefix: str = "") -> None:
        self._loaded = loaded
        self._prefix = prefix

    def __call__(self) -> Loaded:
        """The file in force."""
        return self._loaded

    async def take(self, loaded: Loaded) -> None:
        """Show this one from now on.

        Raises ConfigurationError where the secret of the sign-in cannot be read, or people reach another address.
        """
        console_secrets(loaded, environ())
        if problems := prefix_problems(url_of(loaded.mappings), self._prefix):
            raise ConfigurationError(problems)
        self._loaded = loaded


@dataclass(frozen=True, slots=True)
class OpenConsole:
    """A console that has everything but a port. `reload` has it read changed files now."""

    settings: Settings
    app: Application
    context: ConsoleContext
    ending: ConsoleEnding
    watch: StoreWatch
    reload: Callable[[], None]

    async def serve(self, bound: socket.socket, metrics_bound: socket.socket) -> None:
        """Show pages at `bound`, and what operators ask at `metrics_bound`, until a stop."""
        stop = Stop()
        pages = server(LastAnswers(self.app, stop), console_guard())
        shown = server(create_metrics_app(readiness=readiness_of(self.app)))
        end_servers = ServersStop(self.settings, stop, [pages, shown], "console_stopping")

        def end() -> None:
            self.ending.begin()  # streams end now: the servers would wait for them
            end_servers()

        async with self.watch.going_on(end):
            on_stop(end)
            on_hangup(self.reload, end)
            leave_alone_what_stays()
            logger.info("console_listens", address=address(bound))
            logger.info("metrics_listen", address=address(metrics_bound))
            await self._offer_link(bound)
            await asyncio.gather(pages.serve([bound]), shown.serve([metrics_bound]))

    async def _offer_link(self, bound: socket.socket) -> None:
        """On a laptop, print the link that enters: nobody but who sees this terminal can use it.

        Only where mappings.yaml names no way to sign in, and nothing but this machine reaches the port.
        """
        loaded, host = self.context.loaded(), str(bound.getsockname()[0])
        console = loaded.mappings.console
        if (console and console.sign_in) or host not in _LOOPBACK:
            return
        stores = OperationStores(self.context.audit, self.context.clock, self.context.connection, self.context.keyring)
        terms = LinkTerms(os_user(), RoleName.ADMINISTRATOR)
        url = address_of(console.url) if console else f"{address(bound)}{self.settings.root_path or ''}"
        with contextlib.suppress(StoreUnavailable):
            click.echo(f"Open the console, within ten minutes: {await make_link(stores, terms, terms.name, url)}")


async def run_console(settings: Settings, redis: RedisAddress) -> None:
    """Run the console until it is told to stop."""
    until_open()
    with (
        listener(settings.console_host, settings.console_port, "CONSOLE") as bound,
        listener(settings.console_metrics_host, settings.console_metrics_port, "CONSOLE_METRICS") as metrics_bound,
    ):
        async with _open(settings, redis) as console:
            await console.serve(bound, metrics_bound)
    logger.info("console_stopped")


def console_files(mappings: Mappings) -> Iterable[Path]:
    """The files with the secret of its own sign-in, and with a proxy's key."""
    return files_named(mappings.console) if mappings.console else ()


@contextlib.asynccontextmanager
async def _open(settings: Settings, redis: RedisAddress) -> AsyncIterator[OpenConsole]:
    follower = Follower(settings.mappings_path, console_files, time.time)
    rules, data_keys, ending = (
        RulesHere(follower.first(), settings.root_path or ""),
        DataKeys(settings),
        ConsoleEnding(),
    )
    await rules.take(rules())
    connected = open_connection(redis, socket_timeout=SOCKET_SECONDS, retries=1, max_connections=CONNECTIONS)
    async with (
        connected as connection,
        open_store_watch(connection) as watch,
        open_clock(connection) as clock,
    ):
        with contextlib.suppress(StoreUnavailable):  # /readyz reports it; the clock is asked again soon
            await clock.set()

        async def asked() -> Readiness:
            problems = await store_problems(connection, allow_weak_durability=settings.allow_weak_durability)
            return Readiness(problems, [*follower.problems, *data_keys.problems, *LOSSES.problems])

        context = _context(connection, data_keys.keyring, clock, rules, outbound().reach())
        app = create_app(context, ending, SharedReading(asked), prefix=settings.root_path or "")
        async with (
            open_heartbeat(connection, "console", lambda: follower.digest, clock, data_keys.ids),
            follower.following(rules.take),
            data_keys.following(),
        ):
            try:
                yield OpenConsole(settings, app, context, ending, watch, partial(all_asked, follower, data_keys))
            finally:
                await end_tasks(app)


def _context(
    connection: Connection, keyring: Keyring, clock: SharedClock, rules: RulesHere, reach: Mapping[str, Any]
) -> ConsoleContext:
    templates = PageTemplates({"version": version()})
    audit = OperationAudit(connection, keyring, clock, AUDITED_AS)
    return ConsoleContext(connection, keyring, clock, rules, templates, audit, reach=reach)
