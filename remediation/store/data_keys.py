"""What every data key seals in Redis, exactly, and since when each is known. Nothing is opened for it."""

import base64
import binascii
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from remediation.sealing import key_id_of
from remediation.store.audit.chain import line_in
from remediation.store.cursors import sealed_in
from remediation.store.keys import (
    AUDIT_TRAIL,
    AUDIT_WAITING,
    CONSOLE_LINK,
    CONSOLE_SESSION,
    CURSOR,
    EVERY,
    FEED,
    INBOX,
    INCIDENTS,
    INCIDENTS_TOLD,
    KEY_TIMES,
    PARKED_ROW,
    SCAN,
    VERIFICATION,
)
from remediation.store.processes import Processes
from remediation.store.server.connection import Connection

_AT_ONCE = 500

_HEAD = 96
"""Bytes from the beginning of a value that tell its key: of a cursor in base64 half as many again as of a sealed value.
The rest, which may be a body of a megabyte, stays in Redis."""


class Place(StrEnum):
    """Where something is under a data key."""

    DELIVERIES = "deliveries"
    PARKED = "parked work"
    INCIDENTS = "incidents"
    CURSORS = "how far lists were read"
    """Without its key such a list begins anew, and nothing is missed."""
    AUDIT = "lines of the audit"
    """They are signed, and need the key to be proven."""
    NAMES = "names in the audit"
    SESSIONS = "sessions of the console"
    """Without its key whoever has signed in signs in again."""


PROVEN = frozenset({Place.AUDIT, Place.NAMES})
"""What works without its key, and can then neither be proven nor read."""

_FIELDS: Mapping[str, tuple[Place, tuple[str, ...] | None]] = {
    INBOX: (Place.DELIVERIES, ("body",)),
    PARKED_ROW: (Place.PARKED, ("words", "lines")),
    SCAN: (Place.CURSORS, ("cursor",)),
    FEED: (Place.CURSORS, None),
    INCIDENTS: (Place.INCIDENTS, None),
    INCIDENTS_TOLD: (Place.INCIDENTS, None),
    VERIFICATION: (Place.CURSORS, ("host", "cursor")),
    CONSOLE_LINK: (Place.SESSIONS, ("sealed",)),
    CONSOLE_SESSION: (Place.SESSIONS, ("sealed",)),
}
"""By the beginning of a hash's name: the fields that may be sealed; None for every one."""

Uses = Mapping[str, Mapping[Place, int]]
"""How many values are under each data key, by its id and by where they are."""


@dataclass(frozen=True, slots=True)
class KeyTimes:
    """When a running process first had a data key, and when it was first the one that seals; in Unix seconds."""

    since: float
    first: float | None = None


async def key_times(connection: Connection) -> dict[str, KeyTimes]:
    """The times of every key that a process ever had, by id. Raises StoreUnavailable."""
    kept = await connection.ask(connection.redis.hgetall(KEY_TIMES))
    told = {field.decode(): int(value) / 1000 for field, value in kept.items()}
    ids = sorted(field.removeprefix("since:") for field in told if field.startswith("since:"))
    return {each: KeyTimes(told[f"since:{each}"], told.get(f"first:{each}")) for each in ids}


async def times_in_use(connection: Connection, now: float) -> dict[str, KeyTimes]:
    """The times of the keys that running processes report at `now` (Unix seconds), by id. Raises StoreUnavailable."""
    told = {each for process in await Processes(connection).running(now) for each in process.key_ids}
    return {key_id: times for key_id, times in (await key_times(connection)).items() if key_id in told}


async def uses_of_keys(connection: Connection) -> Uses:
    """Everything that is under a data key, counted. Looks at every key of ours in Redis. Raises StoreUnavailable.

    What changes meanwhile may be counted as before or as after.
    """
    found: dict[str, Counter[Place]] = {}

    def count(place: Place, key_ids: Iterable[str]) -> None:
        for key_id in filter(None, key_ids):
            found.setdefault(key_id, Counter())[place] += 1

    async for names in _names(connection):
        for prefix, (place, fields) in _FIELDS.items():
            rows = [name for name in names if name.startswith(prefix)]
            count(place, [_key_of(value) for value in await _values(connection, rows, fields)])
        cursors = [name for name in names if name.startswith(CURSOR)]
        count(Place.CURSORS, [_key_of(value) for value in await _texts(connection, cursors)])
    async for lines in _entries(connection, AUDIT_TRAIL):
        for at, kept in lines:
            count(Place.AUDIT, [key_id_of(kept)])
            count(Place.NAMES, _beside(at, kept))
    async for lines in _entries(connection, AUDIT_WAITING):
        count(Place.AUDIT, [key_id_of(kept) for _, kept in lines])
    return found


def _key_of(value: bytes) -> str:
    """The key of a value that begins like this, sealed or as a cursor; empty where it is neither."""
    if not (cursor := sealed_in(value)):
        return key_id_of(value)
    try:
        return key_id_of(base64.b64decode(cursor[: len(cursor) // 4 * 4]))
    except binascii.Error:
        return ""


def _beside(place: str, kept: bytes) -> Iterator[str]:
    """The key of the names beside a line of the audit, if there are any."""
    try:
        yield key_id_of(line_in(place, kept).sealed)
    except ValueError:
        return


async def _names(connection: Connection) -> AsyncIterator[list[str]]:
    cursor = 0
    while True:
        cursor, names = await connection.ask(connection.redis.scan(cursor, match=EVERY, count=_AT_ONCE))
        yield [name.decode(errors="replace") for name in names]
        if not cursor:
            return


async def _values(connection: Connection, rows: list[str], fields: tuple[str, ...] | None) -> list[bytes]:
    """The beginnings of the values of these fields in these hashes; of every field where none are named."""
    if not rows:
        return []
    if fields is None:
        return [value for row in rows for value in await _every_value(connection, row)]
    asked = [part for row in rows for field in fields for part in (row, field)]
    found: list[bytes] = await connection.run("heads", _HEAD, *asked)
    return [value for value in found if value]


async def _every_value(connection: Connection, row: str) -> list[bytes]:
    found: dict[bytes, bytes] = {}
    cursor = b"0"
    while True:
        cursor, *some = await connection.run("heads_of", _HEAD, row, cursor, _AT_ONCE)
        found |= zip(some[::2], some[1::2], strict=True)  # one may come twice
        if cursor == b"0":
            return list(found.values())


async def _texts(connection: Connection, names: list[str]) -> list[bytes]:
    return [value for value in await connection.ask(connection.redis.mget(names)) if value] if names else []


async def _entries(connection: Connection, stream: str) -> AsyncIterator[list[tuple[str, bytes]]]:
    """The entries of a stream, by their places."""
    after = "-"
    while rows := await connection.ask(connection.redis.xrange(stream, min=after, count=_AT_ONCE)):
        yield [(name.decode(), next(iter(fields.values()), b"")) for name, fields in rows]
        after = f"({rows[-1][0].decode()}"
