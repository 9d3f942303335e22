"""How senders have signed: when each webhook secret last did, and which districts' senders sign a time.

The first shows which secrets are not needed any more, and which are not used yet. The second is P3, nobody else: from
the first signed time on, `auto` refuses formats without one.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from remediation.store.keys import SECRETS, SIGNED_TIMES, SIGNED_TIMES_TOLD
from remediation.store.server.connection import Connection, passing_errors

NOTED_SECONDS = 60.0
"""After a receiver has noted how a district's sender signs, it does not note it again for so many seconds: not each
delivery costs a request, and a district that was taken back is known again within a minute."""


@dataclass(frozen=True, slots=True)
class SecretUse:
    """The use of one secret, in Unix seconds.

    `since` is the first delivery while the secret was listed, whichever secret signed it; `last` is the last one that
    it signed itself, to about a minute, and None where it never did.
    """

    since: float
    last: float | None = None


async def read_secret_uses(connection: Connection, accounts: Iterable[str]) -> Mapping[str, Mapping[str, SecretUse]]:
    """What is known of the secrets of these accounts (`schoolscan/lakeside`), by account and id.

    Raises StoreUnavailable.
    """
    names = list(accounts)
    asked = connection.redis.pipeline(transaction=False)
    for name in names:
        asked.hgetall(SECRETS + name)
    rows = await connection.ask(asked.execute())
    return {name: _uses_of(row) for name, row in zip(names, rows, strict=True)}


def _uses_of(row: Mapping[bytes, bytes]) -> dict[str, SecretUse]:
    times = {field.decode(): int(value) / 1000 for field, value in row.items()}
    ids = [field.removeprefix("since:") for field in times if field.startswith("since:")]
    return {each: SecretUse(times[f"since:{each}"], times.get(f"used:{each}")) for each in ids}


@dataclass(frozen=True, slots=True)
class SignedTime:
    """That a district's sender has signed a time: with `auto`, its deliveries without one are refused since then.

    Times are in Unix seconds. `since` is the first such delivery, `by` the id of the secret that signed it; `refused`
    is the last delivery that was well signed, had no signed time, and was refused for that, to about a minute. Each
    is empty where that is not known: an earlier version noted nothing but the district.
    """

    district: str
    since: float | None = None
    by: str = ""
    refused: float | None = None


async def read_signed_times(connection: Connection) -> list[SignedTime]:
    """Every district whose sender has signed a time, by name. Raises StoreUnavailable."""
    named = await connection.ask(connection.redis.smembers(SIGNED_TIMES))
    kept = await connection.ask(connection.redis.hgetall(SIGNED_TIMES_TOLD))
    told = {field.decode(): value.decode() for field, value in kept.items()}

    def moment(what: str, district: str) -> float | None:
        value = told.get(f"{what}:{district}")
        return None if value is None else int(value) / 1000

    return [
        SignedTime(each, moment("since", each), told.get(f"by:{each}", ""), moment("refused", each))
        for each in sorted(name.decode() for name in named)
    ]


async def forget_signed_time(connection: Connection, district: str) -> bool:
    """Let `auto` take deliveries of the district without a signed time again, until one with a time comes.

    False: none was refused for that. Raises StoreUnavailable.
    """
    with passing_errors():
        async with connection.redis.pipeline(transaction=True) as pipe:
            pipe.srem(SIGNED_TIMES, district)
            pipe.hdel(SIGNED_TIMES_TOLD, *(f"{what}:{district}" for what in ("since", "by", "refused")))
            removed, _ = await pipe.execute()
    return bool(removed)


class SignedTimes:
    """The districts whose sender has signed a time.

    They are kept in Redis, so that every receiver knows them, also after a restart, and so that a person can take one
    back. `steady` is a monotonic clock in seconds.
    """

    def __init__(self, connection: Connection, steady: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._steady = steady
        self._noted_until: dict[tuple[str, str], float] = {}

    async def refuses(self, district: str, now: float) -> bool:
        """Whether this delivery is refused, as it has no signed time and others of the district had one.

        It must be well signed: that it was refused is noted. `now` is in Unix seconds. Raises StoreUnavailable.
        """
        redis = self._connection.redis
        if not await self._connection.ask(redis.sismember(SIGNED_TIMES, district)):
            return False
        if self._is_due("refused", district):
            await self._connection.ask(redis.hset(SIGNED_TIMES_TOLD, f"refused:{district}", str(int(now * 1000))))
            self._note("refused", district)
        return True

    async def note(self, district: str, now: float, by: str) -> None:
        """Remember that this district's sender signed a time, with the secret of this id. Raises StoreUnavailable."""
        if not self._is_due("signed", district):
            return
        with passing_errors():
            async with self._connection.redis.pipeline(transaction=True) as pipe:
                pipe.sadd(SIGNED_TIMES, district)
                pipe.hsetnx(SIGNED_TIMES_TOLD, f"since:{district}", str(int(now * 1000)))
                pipe.hsetnx(SIGNED_TIMES_TOLD, f"by:{district}", by)
                await pipe.execute()
        self._note("signed", district)

    def _is_due(self, what: str, district: str) -> bool:
        return self._noted_until.get((what, district), -math.inf) <= self._steady()

    def _note(self, what: str, district: str) -> None:
        self._noted_until[what, district] = self._steady() + NOTED_SECONDS
