"""Redis and what is stored in it: opened once, checked at the same time."""

import contextlib
import time
from collections.abc import AsyncIterator
from functools import partial

from remediation.domain.errors import StoreRefuses, StoreUnavailable
from remediation.mapping.reading.loading import Loaded
from remediation.operations.examining.checks import Check, run_checks
from remediation.operations.examining.codes import Code
from remediation.operations.examining.diagnosis import Diagnosis, trouble
from remediation.sealing import Keyring
from remediation.settings import Settings
from remediation.store.server.connection import Connection
from remedy.doctor.stored.audit import look_at_audit
from remedy.doctor.stored.channels import look_at_channels
from remedy.doctor.stored.data_keys import look_at_key_ages
from remedy.doctor.stored.feeds import look_at_feeds
from remedy.doctor.stored.lists import look_at_lists
from remedy.doctor.stored.processes import look_at_processes
from remedy.doctor.stored.rotation import look_at_rotation
from remedy.doctor.stored.rules import look_at_rules
from remedy.doctor.stored.server import clock_agrees, look_at_server
from remedy.doctor.stored.shredding import look_at_shredding
from remedy.doctor.stored.signed_times import look_at_signed_times
from remedy.doctor.stored.tables import look_at_former_trackers, look_at_tables
from remedy.doctor.stored.work import look_at_seals, look_at_work
from remedy.runtime.assembly import open_connection, redis_address
from remedy.runtime.clock import clock_of

REDIS_SECONDS = 25.0
"""Seconds for all of it; no single question waits for longer than two."""
_STORED_SECONDS = 10.0


@contextlib.asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Connection]:
    """Redis, or the embedded server, while this context is open. Raises ConfigurationError where there is none."""
    with redis_address(settings) as address:
        async with open_connection(address, socket_timeout=2.0, retries=0) as connection:
            yield connection


async def look_at_store(
    connection: Connection, settings: Settings, keyring: Keyring | None, loaded: Loaded | None
) -> list[Diagnosis]:
    """The server, and what is stored in it where it can be used."""
    try:
        server, is_readable = await look_at_server(connection, settings)
        if not is_readable:
            return server
        clock, now = await _time(connection)
    except StoreUnavailable as error:
        return [trouble(Code.REDIS_AWAY, "Redis", str(error))]
    checks = [
        Check("work", _STORED_SECONDS, partial(look_at_work, connection, now)),
        Check("processes", _STORED_SECONDS, partial(look_at_processes, connection, settings.mappings_path, now)),
    ]
    checks.append(Check("lists", _STORED_SECONDS, partial(look_at_lists, connection)))
    checks.append(Check("shredded data", _STORED_SECONDS, partial(look_at_shredding, connection, now)))
    if loaded is not None:
        look = partial(look_at_rotation, connection, loaded.mappings, now)
        checks.append(Check("webhook secrets in use", _STORED_SECONDS, look))
        signed = partial(look_at_signed_times, connection, loaded.mappings, now)
        checks.append(Check("signed times", _STORED_SECONDS, signed))
        tables = partial(look_at_tables, connection, loaded.mappings)
        checks.append(Check("former tables", _STORED_SECONDS, tables))
        checks.append(Check("rules in use", _STORED_SECONDS, partial(look_at_rules, connection, loaded.mappings)))
        trackers = partial(look_at_former_trackers, connection, loaded.mappings)
        checks.append(Check("former trackers", _STORED_SECONDS, trackers))
        checks.append(Check("feeds read", _STORED_SECONDS, partial(look_at_feeds, connection, loaded.mappings, now)))
        checks.append(Check("channels", _STORED_SECONDS, partial(look_at_channels, connection, loaded.mappings)))
    if keyring is not None:
        checks.append(Check("audit", _STORED_SECONDS, partial(look_at_audit, connection, keyring, now)))
        checks.append(Check("sealed data", _STORED_SECONDS, partial(look_at_seals, connection, keyring)))
        ages = partial(look_at_key_ages, connection, keyring, now)
        checks.append(Check("data keys in use", _STORED_SECONDS, ages))
    return [*server, clock, *await run_checks(checks, lambda _names: None)]


async def _time(connection: Connection) -> tuple[Diagnosis, float]:
    """Whether the clocks agree, and the time: the machine's, where our user may not ask Redis."""
    try:
        clock = await clock_of(connection)
    except StoreRefuses:
        return trouble(Code.REDIS_RIGHTS, "clock", "our user may not ask Redis for the time"), time.time()
    return clock_agrees(clock.difference), clock()
