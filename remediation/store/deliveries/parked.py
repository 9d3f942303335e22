"""Work set aside with its error: visible, replayable, never dropped unseen. The words of the error are sealed.

It waits for a person's decision, at most for as long as mappings.yaml says (see giving_up.py).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from fnmatch import fnmatchcase

from remediation.defects import trace_of, words_of_defect
from remediation.domain.errors import KeyMissing, OutsideError, RemediationError
from remediation.sealing import Keyring
from remediation.store.deliveries.inbox import FINGERPRINT_LIFETIME, milliseconds
from remediation.store.keys import PARKED, PARKED_ROW, REPLAYS
from remediation.store.parked.shapes import shape_of
from remediation.store.server.connection import Connection, passing_errors

LEFT_MS = milliseconds(FINGERPRINT_LIFETIME)
"""The retention of what is left after a person's decision. Decisions must be possible without a valid mappings.yaml."""

MOST_REPLAYS = 5
"""Replays of one piece within thirty days, after which its cause should be corrected first."""

_ROWS_AT_ONCE = 200
_TOO_TALKATIVE = "(not shown: an earlier version kept it with its text, which may quote what it was about)"
_SHORT = (
    "kind",
    "subject",
    "district",
    "action",
    "system",
    "error",
    "status",
    "words",
    "sealed_as",
    "attempts",
    "trace",
)
_TIMES = ("first_at", "at")


class ParkedKind(StrEnum):
    """What was set aside: one action of a case, a whole case, a scan's listing, a delivery, or one nobody can read."""

    ACTION = "action"
    CASE = "case"
    SCAN = "scan"
    DELIVERY = "delivery"
    QUARANTINED = "quarantined"


class DecisionOutcome(IntEnum):
    """The result of a person's decision."""

    MISSING = 0
    DONE = 1
    TOO_OFTEN = 2
    UNNAMED = 3
    """The action belongs to a tracker that mappings.yaml does not name: no worker was asked to try."""


@dataclass(frozen=True, slots=True)
class Parked:
    """One piece of parked work.

    `words` are the other system's own, unsealed; `attempts` counts how often it failed in this way while it was parked,
    `replays` how often it was taken up again within thirty days; `status` is the HTTP status where there was one.
    `trace` is where an error of our own happened, without its text; lists leave it out.
    """

    name: str
    kind: ParkedKind
    subject: str
    district: str
    action: str
    system: str
    error: str
    status: int | None
    words: str
    attempts: int
    replays: int
    first_at: datetime
    at: datetime
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection of parked work: all of it, less what each field excludes.

    `names` are patterns with `*` and `?`, of which one must match; the times are Unix seconds, compared with when it
    was last set aside.
    """

    names: tuple[str, ...] = ()
    district: str | None = None
    kind: ParkedKind | None = None
    system: str | None = None
    error: str | None = None
    action: str | None = None
    since: float | None = None
    until: float | None = None

    def takes(self, item: Parked) -> bool:
        """Whether the selection has this piece; its time is not compared."""
        wanted = (
            (self.district, item.district),
            (self.kind, item.kind),
            (self.system, item.system),
            (self.error, item.error),
            (self.action, item.action),
        )
        if any(value is not None and value != found for value, found in wanted):
            return False
        return not self.names or any(fnmatchcase(item.name, pattern) for pattern in self.names)


EVERYTHING = Selection()


def name_of(kind: ParkedKind, subject: str, action: str = "") -> str:
    """The name of a piece: `lakeside:finding:fnd_1/open:jira`, `delivery/<id>`."""
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
        """Set work aside with its error; the same work again only counts one more attempt. Returns its name.

        `system` is where it came from, or what refused it; an error from outside names its system itself. An unforeseen
        error of our own is kept with its class and our own lines, and without its text.
        """
        name = name_of(kind, subject, action)
        known = [part for pair in self._known(name, error, system).items() for part in pair]
        await self._connection.run("park", name, int(now * 1000), kind, subject, district, action, *known)
        return name

    def _known(self, name: str, error: Exception, system: str) -> dict[str, str | bytes]:
        """What is stored of an error, by the fields of the row."""
        known: dict[str, str | bytes] = {"error": type(error).__name__, "system": system}
        words = str(error)
        if isinstance(error, OutsideError):
            words = error.words
            known |= {"system": error.system} | ({} if error.status is None else {"status": str(error.status)})
        elif not isinstance(error, RemediationError):
            words = words_of_defect(error)
            known["lines"] = self._keyring.seal(trace_of(error).encode(errors="replace"), f"lines:{name}")
        shape = {"shape": shape_of(words, self._keyring)} if words else {}
        return known | shape | {"words": self._keyring.seal(words.encode(errors="replace"), f"words:{name}")}

    async def replay(self, name: str, now: float, *, most: int | None = None, audit: bytes = b"") -> DecisionOutcome:
        """Take a piece up again, if it was replayed less than `most` times. MISSING: nothing of that name is parked.

        `audit` is a line of the audit, which is added together with that; empty for none.
        """
        args = (name, int(now * 1000), "replay", LEFT_MS, "" if most is None else most, audit)
        return DecisionOutcome(await self._connection.run("unpark", *args))

    async def discard(self, name: str, now: float, *, audit: bytes = b"") -> DecisionOutcome:
        """Discard a piece by a person's decision; a delivery's body is shredded. `audit` is as in `replay`.

        MISSING: nothing of that name is parked.
        """
        args = (name, int(now * 1000), "discard", LEFT_MS, "", audit)
        return DecisionOutcome(await self._connection.run("unpark", *args))

    async def count(self) -> int:
        """How many pieces are parked."""
        return int(await self._connection.ask(self._connection.redis.zcard(PARKED)))

    async def listed(self, wanted: Selection = EVERYTHING) -> AsyncIterator[Parked]:
        """Parked work of a selection, newest first."""
        since = "-inf" if wanted.since is None else int(wanted.since * 1000)
        until = "+inf" if wanted.until is None else int(wanted.until * 1000)
        found = await self._connection.ask(self._connection.redis.zrevrangebyscore(PARKED, until, since))
        names = [name.decode() for name in found]
        for begin in range(0, len(names), _ROWS_AT_ONCE):
            for item in await self._rows(names[begin : begin + _ROWS_AT_ONCE]):
                if wanted.takes(item):
                    yield item

    async def facts(self, names: Sequence[str]) -> list[Parked]:
        """Those of the pieces that are parked, in this order, without the words of whoever refused them."""
        found: list[Parked] = []
        for begin in range(0, len(names), _ROWS_AT_ONCE):
            some = names[begin : begin + _ROWS_AT_ONCE]
            rows = await self._connection.run("parked_facts", *some)
            found += [_facts(name, row.decode()) for name, row in zip(some, rows, strict=True) if row]
        return found

    async def one(self, name: str) -> Parked | None:
        """One piece of parked work by its name, with its trace."""
        row = await self._connection.ask(self._connection.redis.hgetall(PARKED_ROW + name))
        if not row:
            return None
        replays = await self._connection.ask(self._connection.redis.get(REPLAYS + name))
        return self._read(name, {field.decode(): value for field, value in row.items()}, replays)

    async def _rows(self, names: Sequence[str]) -> list[Parked]:
        fields = [*_SHORT, *_TIMES]
        with passing_errors():
            async with self._connection.redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.hmget(PARKED_ROW + name, fields)
                pipe.mget([REPLAYS + name for name in names])
                *answers, replays = await pipe.execute()
        rows = [
            {field: value for field, value in zip(fields, row, strict=True) if value is not None} for row in answers
        ]
        return [self._read(name, row, count) for name, row, count in zip(names, rows, replays, strict=True) if row]

    def _read(self, name: str, row: Mapping[str, bytes], replays: bytes | None) -> Parked:
        """`replays` is read from the counter itself, which expires: a copy would never do so."""

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
            status=int(row["status"]) if "status" in row else None,
            words=_TOO_TALKATIVE if "trace" in row else self._opened("words", name, row),
            attempts=int(row.get("attempts", 1)),
            replays=int(replays or 0),
            first_at=_moment(row["first_at"]),
            at=_moment(row["at"]),
            trace=self._opened("lines", name, row),
        )

    def _opened(self, field: str, name: str, row: Mapping[str, bytes]) -> str:
        sealed = row.get(field, b"")
        if not sealed:
            return ""
        try:
            sealed_as = row.get("sealed_as", name.encode()).decode()  # its tracker had another name then
            return self._keyring.open(sealed, f"{field}:{sealed_as}").decode(errors="replace")
        except KeyMissing:
            return "(sealed with a data key that is not in DATA_KEYS)"


def _facts(name: str, row: str) -> Parked:
    kind, subject, district, action, system, error, status, attempts, first_at, at, replays = row.split("\n")
    return Parked(
        name=name,
        kind=ParkedKind(kind),
        subject=subject,
        district=district,
        action=action,
        system=system,
        error=error,
        status=int(status) if status else None,
        words="",
        attempts=int(attempts or 1),
        replays=int(replays),
        first_at=_moment(first_at),
        at=_moment(at),
    )


def _moment(milliseconds: bytes | str) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, tz=UTC)
