"""Work set aside with its error: visible, replayable, never dropped. The words of the error are sealed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from remediation.errors import KeyMissing, OutsideError
from remediation.sealing import Keyring
from remediation.store.connection import Connection
from remediation.store.inbox import FINGERPRINT_LIFETIME, milliseconds
from remediation.store.keys import PARKED, PARKED_ROW

_LIFETIME_MS = milliseconds(FINGERPRINT_LIFETIME)
"""Of what is left of it after a person's decision. Taking decisions must not depend on a sound mappings.yaml."""


class ParkedKind(StrEnum):
    """What was set aside: one action of a case, a whole case, a scan's listing, a delivery, or one nobody can read."""

    ACTION = "action"
    CASE = "case"
    SCAN = "scan"
    DELIVERY = "delivery"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Parked:
    """One piece of parked work. `words` are the outside's own, opened; `attempts` counts how often it came to this."""

    name: str
    kind: ParkedKind
    subject: str
    district: str
    action: str
    system: str
    error: str
    words: str
    attempts: int
    first_at: datetime
    at: datetime


def name_of(kind: ParkedKind, subject: str, action: str = "") -> str:
    """The name by which people speak of it: `lakeside:finding:fnd_1/open:jira`, `delivery/<id>`."""
    if kind in {ParkedKind.DELIVERY, ParkedKind.QUARANTINED}:
        return f"delivery/{subject}"
    return f"{subject}/{action or 'look'}"


class ParkedWork:
    """The list of parked work."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring

    async def park(
        self,
        kind: ParkedKind,
        subject: str,
        error: Exception,
        now: float,
        *,
        district: str,
        action: str = "",
        system: str = "",
    ) -> str:
        """Set it aside with its error; the same work again only counts one more attempt. Answers its name.

        `system` is where it came from, or what refused it; an error from outside tells by itself.
        """
        name = name_of(kind, subject, action)
        system = error.system if isinstance(error, OutsideError) else system
        words = error.words if isinstance(error, OutsideError) else str(error)
        sealed = self._keyring.seal(words.encode(errors="replace"), f"words:{name}")
        args = (name, int(now * 1000), kind, subject, district, action, system, type(error).__name__, sealed)
        await self._connection.run("park", *args)
        return name

    async def replay(self, name: str, now: float) -> bool:
        """Take it up again. False: nothing of that name is parked."""
        return bool(await self._connection.run("unpark", name, int(now * 1000), "replay", _LIFETIME_MS))

    async def discard(self, name: str, now: float) -> bool:
        """Give it up, by a person's decision; a delivery's body is shredded. False: nothing of that name is parked."""
        return bool(await self._connection.run("unpark", name, int(now * 1000), "discard", _LIFETIME_MS))

    async def count(self) -> int:
        """How much is parked."""
        return int(await self._connection.ask(self._connection.redis.zcard(PARKED)))

    async def listed(self, limit: int = 1_000) -> AsyncIterator[Parked]:
        """Parked work, newest first."""
        names = await self._connection.ask(self._connection.redis.zrevrange(PARKED, 0, limit - 1))
        for name in names:
            if item := await self.one(name.decode()):
                yield item

    async def one(self, name: str) -> Parked | None:
        """One piece of parked work by its name."""
        row = await self._connection.ask(self._connection.redis.hgetall(PARKED_ROW + name))
        return self._read(name, {field.decode(): value for field, value in row.items()}) if row else None

    def _read(self, name: str, row: dict[str, bytes]) -> Parked:
        def text(field: str) -> str:
            return row.get(field, b"").decode()

        return Parked(
            name=name,
            kind=ParkedKind(text("kind")),
            subject=text("subject"),
            district=text("district"),
            action=text("action"),
            system=text("system"),
            error=text("error"),
            words=self._words(name, row.get("words", b"")),
            attempts=int(row.get("attempts", 1)),
            first_at=_moment(row["first_at"]),
            at=_moment(row["at"]),
        )

    def _words(self, name: str, sealed: bytes) -> str:
        if not sealed:
            return ""
        try:
            return self._keyring.open(sealed, f"words:{name}").decode(errors="replace")
        except KeyMissing:
            return "(sealed with a data key that is not in DATA_KEYS)"


def _moment(milliseconds: bytes) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, tz=UTC)
