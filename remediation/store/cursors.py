"""Where a list goes on, as it is stored: another system wrote it, so it is sealed, and bound to the row that has it.

Whoever can write to Redis can therefore not say where a list goes on, and whoever can read it learns nothing from it.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from remediation.domain.errors import KeyMissing
from remediation.sealing import Keyring
from remediation.store.keys import LISTS_READ
from remediation.store.server.connection import Connection

LONGEST = 8_192
"""Characters of a cursor. Jira's tokens, the longest that are known, have some hundreds."""

_IN_CLEAR = re.compile(rf"[\x20-\x7e]{{1,{LONGEST}}}")
"""A cursor that an earlier version stored. Its adapter checks what it says."""
_PREFIX = "sealed"


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a list was read. `cursor` is None where it cannot be opened: the list is then to begin anew.

    A list of changes that begins anew with `since` misses none; None where that is not known.
    """

    cursor: str | None = None
    since: datetime | None = None


async def lists_read(connection: Connection) -> Mapping[str, float]:
    """By tracker, when (Unix seconds) a page of its changes was last read. Raises StoreUnavailable."""
    rows = await connection.ask(connection.redis.hgetall(LISTS_READ))
    found: dict[str, float] = {}
    for name, at in rows.items():
        tracker = name.decode().partition("/")[0]
        found[tracker] = max(found.get(tracker, 0.0), int(at) / 1000)
    return found


class SealedCursors:
    """Seals cursors for Redis, and opens them. `row` names the row that a cursor is for: it opens in no other."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def sealed(self, row: str, cursor: str, since: datetime | None = None) -> str:
        """The cursor as it is stored: `sealed <since, in Unix seconds, or -> <base64>`."""
        at = "-" if since is None else str(int(since.timestamp()))
        return f"{_PREFIX} {at} {base64.b64encode(self._keyring.seal(cursor.encode(), _identity(row))).decode()}"

    def opened(self, row: str, stored: str) -> Reached:
        """What `sealed` stored, or an earlier version in clear. Never raises: the worst is a list that begins anew."""
        prefix, _, rest = stored.partition(" ")
        if prefix != _PREFIX:
            return Reached(stored if _IN_CLEAR.fullmatch(stored) else None)
        at, _, text = rest.partition(" ")
        try:
            cursor = self._keyring.open(base64.b64decode(text, validate=True), _identity(row)).decode()
        except (KeyMissing, binascii.Error, UnicodeDecodeError):
            cursor = None
        return Reached(cursor, _moment(at))


def sealed_in(stored: bytes) -> bytes:
    """The sealed part of a cursor as it is stored, in base64; empty where it is none."""
    prefix, _, rest = stored.partition(b" ")
    return rest.partition(b" ")[2] if prefix == _PREFIX.encode() else b""


def _identity(row: str) -> str:
    return f"cursor/{row}"


def _moment(text: str) -> datetime | None:
    return datetime.fromtimestamp(int(text), UTC) if re.fullmatch(r"[0-9]{1,11}", text) else None
