"""How senders have signed: when each webhook secret last did, and which districts' senders sign a time.

The first shows which secrets are not needed any more, and which are not used yet. The second is P3, nobody else: from
the first signed time on, `auto` refuses formats without one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from remediation.store.keys import SECRETS, SIGNED_TIMES
from remediation.store.server.connection import Connection


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


class SignedTimes:
    """The districts whose sender has signed a time.

    They are kept in Redis, so that every receiver knows them, also after a restart.

    A receiver asks again only when a delivery without a signed time comes in.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._seen: set[str] = set()

    async def required(self, district: str) -> bool:
        """Whether this district's deliveries must carry a signed time. Raises StoreUnavailable."""
        if district not in self._seen and await self._connection.ask(
            self._connection.redis.sismember(SIGNED_TIMES, district)
        ):
            self._seen.add(district)
        return district in self._seen

    async def note(self, district: str) -> None:
        """Remember that this district's sender signed a time. Raises StoreUnavailable."""
        if district not in self._seen:
            await self._connection.ask(self._connection.redis.sadd(SIGNED_TIMES, district))
            self._seen.add(district)
