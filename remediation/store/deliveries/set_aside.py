"""Limits on what a sender with a stolen secret can leave behind: it is deleted in time, and told.

That is quarantined deliveries, of which only so many are accepted (see Inbox), and the findings and scans that
SchoolScan does not know, of which the oldest make room. Nothing else that is parked ever goes by itself. What is
deleted has a line in the audit, which is added by the same script.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from remediation.domain.cases.records import CaseKey
from remediation.store.audit.chain import AuditKeys, waiting
from remediation.store.audit.entries import AuditEntry, Forgotten, ForgottenCause, forgotten
from remediation.store.deliveries.inbox import milliseconds
from remediation.store.keys import DELETED, NOT_FOUND, QUARANTINED, SET_ASIDE
from remediation.store.server.connection import Connection

MOST_NOT_FOUND = 1_000
"""How many findings and scans that SchoolScan does not know are kept for each district: about two megabytes."""

_LAST = "at:"
"""In front of the name of a list, where it is kept when something of it last made room."""

_AT_ONCE = 200
"""The most that is deleted in one step of Redis."""

_TRIES = 10
"""How often a step is tried whose lines speak of something else than there is by then: others delete, too."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was deleted of one account (`schoolscan/lakeside`) or district.

    `over` were kept for as long as they are, `room` made room for others.
    """

    kind: Forgotten
    account: str
    over: int
    room: int


class SetAsideLimits:
    """Deletes what is beyond the limits. `quarantined` and `not_found` are how long these are kept; `audit` signs.

    Every method raises StoreUnavailable.
    """

    def __init__(
        self,
        connection: Connection,
        audit: AuditKeys,
        quarantined: timedelta = timedelta(days=90),
        not_found: timedelta = timedelta(days=30),
        most: int = MOST_NOT_FOUND,
    ) -> None:
        self._connection = connection
        self._audit = audit
        self._kept = (milliseconds(quarantined), milliseconds(not_found))
        self._most = most

    def keeping(self, quarantined: timedelta, not_found: timedelta) -> "SetAsideLimits":
        """The same limits, with these spans."""
        return SetAsideLimits(self._connection, self._audit, quarantined, not_found, self._most)

    async def trim(self, now: float) -> list[Deleted]:
        """Delete some of what is beyond the limits, of all accounts and districts."""
        return await self._trim(now, "", "")

    async def make_room(self, district: str, now: float, nobodys: CaseKey | None = None) -> list[Deleted]:
        """Delete what this district has beyond the limit on what was not found, and a tenth of it.

        `nobodys` is a case that was looked at just now, under its lease, and of which neither a finding nor a ticket
        was found although nothing was known of it before; it counts from now on.
        """
        return await self._trim(now, district, nobodys.ref if nobodys else "")

    async def _trim(self, now: float, *one: str) -> list[Deleted]:
        """Delete what the script finds, once there are lines that say so: it does nothing else than these."""
        numbers = (int(now * 1000), *self._kept, self._most, _AT_ONCE)
        told, lines = b"", list[bytes]()
        for _ in range(_TRIES):
            is_done, *found = await self._connection.run("trim_set_aside", *numbers, told, *one, *lines)
            due = [Deleted(*_named(name.decode()), over, room) for name, over, room in _triples(found)]
            if is_done:
                return due
            told = b"\n".join(part if isinstance(part, bytes) else b"%d" % part for part in found)
            lines = [waiting(entry, self._audit) for each in due for entry in _entries(each, now)]
        return []


def _entries(deleted: Deleted, now: float) -> Iterator[AuditEntry]:
    for cause, count in ((ForgottenCause.AGE, deleted.over), (ForgottenCause.ROOM, deleted.room)):
        if count:
            yield forgotten(deleted.kind, deleted.account, count, cause, now)


def _triples(flat: Sequence[Any]) -> Iterator[tuple[bytes, int, int]]:
    return zip(flat[::3], flat[1::3], flat[2::3], strict=True)


@dataclass(frozen=True, slots=True)
class KeptAside:
    """What is kept of one account (`schoolscan/lakeside`) or district: its kind, and how much.

    `made_room` is how many were ever deleted to make room for others, the last of them at `last` (Unix seconds, None
    for never).
    """

    kind: Forgotten
    account: str
    count: int
    made_room: int = 0
    last: float | None = None


async def what_is_kept(connection: Connection) -> list[KeptAside]:
    """What is kept of all accounts and districts, by kind and name. Raises StoreUnavailable."""
    redis = connection.redis
    deleted = {name.decode(): int(value) for name, value in (await connection.ask(redis.hgetall(DELETED))).items()}
    listed = {name.decode() for name in await connection.ask(redis.smembers(SET_ASIDE))}
    names = sorted(listed | {name for name in deleted if not name.startswith(_LAST)})
    asked = redis.pipeline(transaction=False)
    for name in names:
        asked.zcard(name)
    counts = await connection.ask(asked.execute())
    return [
        KeptAside(*_named(name), int(count), deleted.get(name, 0), _moment(deleted.get(_LAST + name)))
        for name, count in zip(names, counts, strict=True)
    ]


def _moment(milliseconds_: int | None) -> float | None:
    return None if milliseconds_ is None else milliseconds_ / 1000


def _named(name: str) -> tuple[Forgotten, str]:
    """What is on a list, and whose it is."""
    if name.startswith(QUARANTINED):
        return Forgotten.QUARANTINED, name.removeprefix(QUARANTINED)
    return Forgotten.NOT_FOUND, name.removeprefix(NOT_FOUND)
