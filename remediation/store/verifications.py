"""Which sites are to be scanned again to verify what people mended there, for which cases, and how far that has come.

All cases of a site share one scan: those that ask while it runs wait for the next one, because it may have passed their
page already. Each step is one script that checks the stage which it leaves, so that two workers take it once, and after
a crash the next round goes on from the stage that is stored.

A site is named by a fingerprint, and its host is sealed: pages of schools have students' names in them.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from remediation.domain.cases.verification import ScanVerdict
from remediation.sealing import Keyring
from remediation.store.cases.todo import MOST_MARKS, Lease
from remediation.store.cursors import SealedCursors
from remediation.store.keys import CASE, VERIFICATION, VERIFICATION_CASES, VERIFICATIONS
from remediation.store.server.connection import Connection

_NAME_DIGITS = 32
_KNOWN_DIGITS = 12

Said = ScanVerdict | Literal["again", "lost"]
"""What is said of cases: the verdict, that another scan is needed, or that the scan must be asked for once more."""


class Stage(StrEnum):
    """How far the scan of a site is. WAITING: none is under way; ENDING: what it said is told to its cases."""

    WAITING = ""
    STARTING = "starting"
    RUNNING = "running"
    LISTING = "listing"
    ENDING = "ending"


@dataclass(frozen=True, slots=True)
class SiteVerification:
    """A site and the cases that wait for a scan of it. Times are in Unix seconds.

    `host` is empty where it cannot be opened. `number` counts the scans of the site; `scan` is the id of the present
    one, asked for at `asked_at`, and `before` stands for those that SchoolScan had before that; None where it was not
    asked for yet. `findings` is how many it says that it has, 0 where it does not. `cursor` is how far its findings
    were listed, in `pages` pages. `failures` counts scans in a row without a result. `said` is what the cases are told
    in ENDING. `cases` are the references of those for which the present scan is, and `later` how many wait for the next
    one.
    """

    name: str
    host: str = field(default="", repr=False)
    number: int = 0
    stage: Stage = Stage.WAITING
    scan: str = ""
    asked_at: float = 0.0
    before: frozenset[str] | None = None
    findings: int = 0
    cursor: str | None = field(default=None, repr=False)
    pages: int = 0
    failures: int = 0
    said: Said | None = None
    cases: tuple[str, ...] = ()
    later: int = 0

    @property
    def district(self) -> str:
        """Whose site it is."""
        return district_of(self.name)

    def is_new(self, scan_id: str) -> bool:
        """Whether SchoolScan did not have this scan before the present one was asked for."""
        return self.before is not None and known_as(scan_id) not in self.before


def district_of(name: str) -> str:
    """Returns the district of a site, by the site's name."""
    return name.partition("/")[0]


def known_as(scan_id: str) -> str:
    """Returns what stands for the id of a scan among those that there were before."""
    return hashlib.sha256(scan_id.encode(errors="surrogatepass")).hexdigest()[:_KNOWN_DIGITS]


class Verifications:
    """The verifications in Redis. Every method raises StoreUnavailable; `now` is in Unix seconds of Redis's clock."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self._connection = connection
        self._keyring = keyring
        self._cursors = SealedCursors(keyring)

    def name_of(self, district: str, host: str) -> str:
        """The name of a site's row; empty where there is no host."""
        return f"{district}/{self._keyring.fingerprint(host.lower().encode())[:_NAME_DIGITS]}" if host else ""

    async def want(self, lease: Lease, host: str, claim: str, due: float, now: float) -> bool:
        """Have the site scanned, at `due` at the earliest, because of these closings. False: the lease is lost.

        Without a host nothing can be scanned, and that is the verdict.
        """
        name = self.name_of(lease.record.key.district, host)
        sealed = self._cursors.sealed(_host_row(name), host) if host else ""
        args = (lease.ref, lease.token, name, sealed, claim, int(now * 1000), int(due * 1000))
        return bool(await self._connection.run("want_verification", *args))

    async def is_wanted(self, site: str, ref: str) -> bool:
        """Whether the case waits for a scan of this site: the entry may have been lost with a part of Redis."""
        return bool(await self._connection.ask(self._connection.redis.hexists(VERIFICATION_CASES + site, ref)))

    async def homes(self, refs: Sequence[str]) -> set[str]:
        """The cases to which findings belong whose own cases, by these references, have joined another."""
        asked = self._connection.redis.pipeline(transaction=False)
        for ref in refs:
            asked.hget(CASE + ref, "home")
        found = await self._connection.ask(asked.execute()) if refs else []
        return {home.decode() for home in found if home}

    async def due(self, now: float, most: int) -> list[str]:
        """The names of sites for which something is to be done now, the longest overdue first."""
        found = self._connection.redis.zrangebyscore(VERIFICATIONS, 0, int(now * 1000), start=0, num=most)
        return [name.decode() for name in await self._connection.ask(found)]

    async def put_off(self, name: str, due: float) -> None:
        """Do nothing for the site before `due`."""
        await self._connection.ask(self._connection.redis.zadd(VERIFICATIONS, {name: int(due * 1000)}, xx=True))

    async def site(self, name: str) -> SiteVerification:
        """The site as it is now."""
        asked = self._connection.redis.pipeline(transaction=False)
        asked.hgetall(VERIFICATION + name)
        asked.hgetall(VERIFICATION_CASES + name)
        row, cases = await self._connection.ask(asked.execute())
        texts = {key.decode(): value.decode() for key, value in row.items()}
        return self._site(name, texts, {ref.decode(): int(entry.split()[0]) for ref, entry in cases.items()})

    def _site(self, name: str, row: Mapping[str, str], cases: Mapping[str, int]) -> SiteVerification:
        number, cursor, said = int(row.get("number", 0)), row.get("cursor"), row.get("verdict")
        of_this = tuple(sorted(ref for ref, batch in cases.items() if batch <= number))
        return SiteVerification(
            name,
            host=self._cursors.opened(_host_row(name), row.get("host", "")).cursor or "",
            number=number,
            stage=Stage(row.get("stage", "")),
            scan=row.get("scan", ""),
            asked_at=int(row.get("asked_at", 0)) / 1000,
            before=frozenset(row["before"].split()) if "before" in row else None,
            cursor=self._cursors.opened(_cursor_row(name), cursor).cursor if cursor else None,
            findings=int(row.get("findings", 0)),
            pages=int(row.get("pages", 0)),
            failures=int(row.get("failures", 0)),
            said=_said_in(said) if said else None,
            cases=of_this,
            later=len(cases) - len(of_this),
        )

    async def begin(self, name: str, rest: float, hold: float, now: float, *, may_begin: bool) -> int:
        """Begin a scan of the site; returns its number, or 0 where none is to begin now.

        No scan begins within `rest` seconds of the last one; and none at all where it `may_begin` none: then only what
        is over is forgotten. Whoever begins one must ask for it within `hold` seconds: then somebody else looks what
        became of that.
        """
        args = (int(now * 1000), int(rest * 1000), int((now + hold) * 1000), "1" if may_begin else "")
        return int(await self._connection.run("begin_verification", name, *args))

    async def move(
        self,
        site: SiteVerification,
        to: Stage,
        due: float,
        now: float,
        *,
        says: Said | None = None,
        of: Sequence[str] = (),
        fields: Mapping[str, str | int] | None = None,
    ) -> bool:
        """Bring the site from its stage to another one. False: it is in another one already, and nothing is written.

        `says` is said of these cases, at most MOST_MARKS of them, which are looked at then. `fields` are of the site's
        row.
        """
        pairs = [part for pair in {"stage": to.value, **(fields or {})}.items() for part in pair]
        args: list[str | int] = [site.name, site.number, site.stage.value, int(now * 1000), int(due * 1000)]
        args += [says or "", site.scan, int((fields or {}).get("failures", site.failures)), len(pairs) // 2]
        return bool(await self._connection.run("move_verification", *args, *pairs, *of[:MOST_MARKS]))

    async def asking(self, site: SiteVerification, before: Iterable[str], due: float, now: float) -> bool:
        """Note which scans SchoolScan has of the site, just before it is asked for one more. False: as `move`."""
        known = " ".join(sorted(known_as(each) for each in before))
        return await self.move(site, Stage.STARTING, due, now, fields={"before": known})

    def sealed_cursor(self, name: str, cursor: str) -> str:
        """The cursor of a list as it is kept in the row of this site."""
        return self._cursors.sealed(_cursor_row(name), cursor)


@dataclass(frozen=True, slots=True)
class VerificationFigures:
    """How many cases of a district wait for a scan, and how many scans are under way for them."""

    district: str
    waiting: int
    running: int


async def verification_figures(connection: Connection) -> list[VerificationFigures]:
    """Those districts for whose cases sites are scanned, by name. Raises StoreUnavailable."""
    names = [name.decode() for name in await connection.ask(connection.redis.zrange(VERIFICATIONS, 0, -1))]
    if not names:
        return []
    asked = connection.redis.pipeline(transaction=False)
    for name in names:
        asked.hlen(VERIFICATION_CASES + name)
        asked.hget(VERIFICATION + name, "stage")
    answers = await connection.ask(asked.execute())
    waiting: dict[str, list[int]] = {}
    for name, cases, stage in zip(names, answers[::2], answers[1::2], strict=True):
        sums = waiting.setdefault(district_of(name), [0, 0])
        sums[0] += cases
        sums[1] += bool(stage)
    return [VerificationFigures(district, *sums) for district, sums in sorted(waiting.items())]


def _said_in(text: str) -> Said:
    return ScanVerdict(text) if text in set(ScanVerdict) else "again" if text == "again" else "lost"


def _host_row(name: str) -> str:
    return f"{VERIFICATION}{name}/host"


def _cursor_row(name: str) -> str:
    return f"{VERIFICATION}{name}/cursor"
