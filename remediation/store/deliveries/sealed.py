"""Whether the data keys that somebody holds open what rests in Redis. Nothing that is opened leaves this module."""

from dataclasses import dataclass

from remediation.domain.errors import KeyMissing
from remediation.sealing import Keyring
from remediation.store.keys import INBOX, PARKED_ROW
from remediation.store.server.connection import Connection

MOST_LOOKED_AT = 200
"""Of the oldest unread deliveries, and of what was parked last."""


@dataclass(frozen=True, slots=True)
class SealedUnder:
    """A key's id, how many values are sealed under it, and whether one of them opens; None: the key is not held."""

    key_id: str
    count: int
    opens: bool | None


async def sealed_under(connection: Connection, keyring: Keyring) -> list[SealedUnder]:
    """Every key that something is sealed under, by its id. Raises StoreUnavailable."""
    parts = [part.decode() for part in await connection.run("sealed", MOST_LOOKED_AT)]
    found = [parts[at : at + 4] for at in range(0, len(parts), 4)]
    return [
        SealedUnder(key_id, int(count), await _opens(connection, keyring, key_id, row, field))
        for key_id, count, row, field in sorted(found)
    ]


async def _opens(connection: Connection, keyring: Keyring, key_id: str, row: str, field: str) -> bool | None:
    if key_id not in keyring.key_ids:
        return None
    sealed = await connection.ask(connection.redis.hget(row, field))
    if sealed is None:  # it has just been read, or decided
        return True
    identity = row if row.startswith(INBOX) else f"{field}:{await _sealed_as(connection, row)}"
    try:
        keyring.open(sealed, identity)
    except KeyMissing:
        return False
    return True


async def _sealed_as(connection: Connection, row: str) -> str:
    """The name that parked work had when its words were sealed: a tracker may have got another one since."""
    name = await connection.ask(connection.redis.hget(row, "sealed_as"))
    return name.decode() if name else row.removeprefix(PARKED_ROW)
