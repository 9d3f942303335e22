"""The sums of each hour and each day in Redis: what all processes have counted.

A hash for each hour (and day) has what belongs to the whole service, another one what belongs to a district. How many
fields one may have is limited by the script that adds to it. The hours of the whole service and all days are kept for a
month, the hours of a district for eight days: there may be hundreds of districts.
"""

import json
import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from remediation.store.activity.samples import SAMPLE, ActivitySample, sample_of
from remediation.store.activity.tally import WHOLE, ActivityTally
from remediation.store.keys import ACTIVITY_DAY, ACTIVITY_HOUR
from remediation.store.server.connection import Connection
from remediation.store.terms import ACTIVITY_KEPT_MS, ACTIVITY_KEPT_OF_DISTRICT_MS

KEPT = timedelta(milliseconds=ACTIVITY_KEPT_MS)
"""How long the days are kept, and the hours of the whole service."""

KEPT_OF_DISTRICT = timedelta(milliseconds=ACTIVITY_KEPT_OF_DISTRICT_MS)
"""How long the hours of one district are kept."""

_AT_ONCE = 500
"""Sums that one script adds: less than a millisecond."""

_READ_AT_ONCE = 100
"""Hashes that one message asks for."""


class ActivityStep(Enum):
    """How long the spans are for which sums are kept: its value is in seconds."""

    HOUR = 3_600
    DAY = 86_400

    def number_at(self, moment: float) -> int:
        """The number of the span in which a moment (Unix seconds) lies."""
        return int(moment) // self.value

    def begin_of(self, number: int) -> int:
        """When (Unix seconds) the span with this number begins."""
        return number * self.value

    def key(self, number: int, district: str = WHOLE) -> str:
        """The name of the hash with the sums of this span."""
        kind = ACTIVITY_HOUR if self is ActivityStep.HOUR else ACTIVITY_DAY
        return f"{kind}{number}/{district}" if district else f"{kind}{number}"

    def kept(self, district: str = WHOLE) -> timedelta:
        """How long its sums are kept."""
        return KEPT_OF_DISTRICT if district and self is ActivityStep.HOUR else KEPT


@dataclass(frozen=True, slots=True)
class ActivitySums:
    """What was counted in one span, by the names of the counts, and the last sample in it; None for none."""

    counts: Mapping[str, int] = field(default_factory=dict)
    sample: ActivitySample | None = None


@dataclass(frozen=True, slots=True)
class _Message:
    """Sums on their way to Redis. By its name Redis knows whether it has added them already."""

    name: str
    at: float
    parts: Sequence[str | int]


class ActivityWriter:
    """Adds what a process has counted to the sums in Redis, all of it in one message as a rule.

    What Redis does not take is sent again with the next call, and counts once: under its name the same message is added
    once within an hour. The process goes on counting meanwhile.
    """

    def __init__(self, connection: Connection, tally: ActivityTally) -> None:
        self._connection = connection
        self._tally = tally
        self._waiting: deque[_Message] = deque()

    async def write(self, now: float) -> None:
        """Add everything that was counted until `now` (Unix seconds). Raises StoreUnavailable."""
        while self._waiting or self._tally:
            if not self._waiting:
                self._waiting.extend(_messages(self._tally.take(), now))
            await self._send(self._waiting[0])
            self._waiting.popleft()

    async def _send(self, message: _Message) -> None:
        spans = [ActivityStep.HOUR.number_at(message.at), ActivityStep.DAY.number_at(message.at)]
        await self._connection.run("add_activity", message.name, *spans, *message.parts)


def _messages(sums: Mapping[tuple[str, str], int], now: float) -> Iterator[_Message]:
    rows = [(district, name, count) for (district, name), count in sums.items()]
    for at in range(0, len(rows), _AT_ONCE):
        parts = [part for row in rows[at : at + _AT_ONCE] for part in row]
        yield _Message(secrets.token_hex(8), now, parts)


class ActivityLog:
    """The sums in Redis, for whoever reads them, and for who samples. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self, step: ActivityStep, numbers: Iterable[int], district: str = WHOLE) -> list[ActivitySums]:
        """The sums of these spans, in this order: of the whole service, or of one district."""
        keys, found = [step.key(number, district) for number in numbers], []
        for at in range(0, len(keys), _READ_AT_ONCE):
            asked = self._connection.redis.pipeline(transaction=False)
            for key in keys[at : at + _READ_AT_ONCE]:
                asked.hgetall(key)
            found += [_sums_of(row) for row in await self._connection.ask(asked.execute())]
        return found

    async def sample(self, step: ActivityStep, now: float) -> ActivitySample | None:
        """The sample of the whole service in the present span."""
        found = await self._connection.ask(self._connection.redis.hget(step.key(step.number_at(now)), SAMPLE))
        return sample_of(found) if found else None

    async def keep(self, step: ActivityStep, samples: Mapping[str, ActivitySample], now: float) -> None:
        """Have these be the samples of the present span, by district."""
        rows = [(step.key(step.number_at(now), district), district, sample) for district, sample in samples.items()]
        for at in range(0, len(rows), _READ_AT_ONCE):
            asked = self._connection.redis.pipeline(transaction=True)
            for key, district, sample in rows[at : at + _READ_AT_ONCE]:
                asked.hset(key, SAMPLE, json.dumps(sample.json(), separators=(",", ":")))
                asked.pexpire(key, int(step.kept(district).total_seconds() * 1000))
            await self._connection.ask(asked.execute())


def _sums_of(row: Mapping[bytes, bytes]) -> ActivitySums:
    named = {name.decode(): value for name, value in row.items()}
    sample = named.pop(SAMPLE, None)
    return ActivitySums({name: int(count) for name, count in named.items()}, sample_of(sample) if sample else None)
