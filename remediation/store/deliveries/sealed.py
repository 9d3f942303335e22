"""Whether given data keys open what is stored in Redis. Nothing that is opened leaves this module."""

from dataclasses import dataclass

from remediation.domain.errors import KeyMissing
from remediation.sealing import Keyring
from remediation.store.incidents.rows import identity_of as incident_identity
from remediation.store.keys import FEED, FEEDS, INBOX, INCIDENTS, INCIDENTS_TOLD, PARKED_ROW
from remediation.store.server.connection import Connection

_MOST_LOOKED_AT = 200
"""Values that are looked at: of the oldest unread deliveries, of what was parked last, of each feed's incidents, and of
what was told of each district's."""


@dataclass(frozen=True, slots=True)
class SealedUnder:
    """A key's id, how many values are sealed with it, and whether one of them opens; None where the key is missing."""

    key_id: str
    count: int
    opens: bool | None


async def sealed_under(connection: Connection, keyring: Keyring) -> list[SealedUnder]:
    """Every key with which something is sealed, by its id. Raises StoreUnavailable."""
    parts = [part.decode() for part in await connection.run("sealed", _MOST_LOOKED_AT)]
    found = [parts[at : at + 4] for at in range(0, len(parts), 4)]
    return [
        SealedUnder(key_id, int(count), await _opens(connection, keyring, key_id, row, field))
        for key_id, count, row, field in sorted(found)
    ]


async def feeds_not_renewed(connection: Connection, keyring: Keyring) -> list[str]:
    """The feeds of which not all incidents are known to be sealed with the first key (see incidents/retention.py).

    Raises StoreUnavailable.
    """
    feeds = sorted(feed.decode() for feed in await connection.ask(connection.redis.hkeys(FEEDS)))
    asked = connection.redis.pipeline(transaction=False)
    for feed in feeds:
        asked.hget(FEED + feed, "sealed_with")
        asked.hlen(INCIDENTS + feed)
    answers = await connection.ask(asked.execute()) if feeds else []
    first = keyring.key_ids[0].encode()
    known = zip(feeds, answers[::2], answers[1::2], strict=True)
    return [feed for feed, sealed_with, count in known if count and sealed_with != first]


async def _opens(connection: Connection, keyring: Keyring, key_id: str, row: str, field: str) -> bool | None:
    if key_id not in keyring.key_ids:
        return None
    sealed = await connection.ask(connection.redis.hget(row, field))
    if sealed is None:  # it was read or decided just now
        return True
    identity = row if row.startswith(INBOX) else f"{field}:{await _sealed_as(connection, row)}"
    for prefix in (INCIDENTS, INCIDENTS_TOLD):
        if row.startswith(prefix):
            identity = incident_identity(row.removeprefix(prefix), field)
    try:
        keyring.open(sealed, identity)
    except KeyMissing:
        return False
    return True


async def _sealed_as(connection: Connection, row: str) -> str:
    """The name of the parked work when it was sealed: its tracker may have another name since."""
    name = await connection.ask(connection.redis.hget(row, "sealed_as"))
    return name.decode() if name else row.removeprefix(PARKED_ROW)
