"""How far each feed of incidents has been read. After a crash a walk goes on with the first page that is not kept."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date

from remediation.domain.walks import Ending, FeedWalk, WalkKind
from remediation.store.cases.todo import MOST_MARKS, Mark, marks_of
from remediation.store.incidents.rows import name_of
from remediation.store.keys import BORN, FEED, FEEDS, INCIDENTS
from remediation.store.server.connection import Connection

MOST_ROWS = 250
"""Rows that one step keeps: 3 to 6 µs of Redis each. MOST_MARKS limits the cases."""


@dataclass(frozen=True, slots=True)
class FeedState:
    """A feed as far as it has been read. Times are Unix seconds.

    `walk` is the one in hand, which began at `began_at` and failed `attempts` times in a row; until `wait_until`
    nothing is asked. `ended_at` is when a walk last ended, whole or not. `polled_at` and `swept_at` are when the last
    walk, and the last sweep, began that were whole. A sweep of before the store began (see CaseRecord.born) is none:
    the store may have lost what it showed. `trouble` says why the last page that was asked for did not come,
    `torn` why a page was taken in part since a walk was last whole. `known_at` is when a worker first found the feed in
    mappings.yaml. All that is of one account of the feed; `account` is its fingerprint, empty until a worker noted it.
    """

    walk: FeedWalk | None = None
    attempts: int = 0
    wait_until: float = 0.0
    polled_at: float | None = None
    swept_at: float | None = None
    began_at: float | None = None
    ended_at: float | None = None
    trouble: str = ""
    known_at: float | None = None
    torn: str = ""
    account: str = ""


_FIELDS = [each.name for each in fields(FeedState)]
"""Those of a feed's row that tell its state. The rest, a version of each page, is not asked for each time."""


@dataclass(frozen=True, slots=True)
class PageKept:
    """What is kept of a page: rows of incidents that are new or changed, by their names, and which cases to look at.

    `version` is the page's (see ports.IncidentPage), sealed: the feed's own words are in it. Until `wait_until` (Unix
    seconds) the feed is left in peace. `torn` says why the page was taken in part, where it was.
    """

    incidents: Mapping[str, bytes]
    cases: Iterable[Mark]
    version: str = ""
    wait_until: float = 0.0
    torn: str = ""

    def steps(self) -> list[tuple[dict[str, bytes], list[Mark]]]:
        """Rows, each with the mark of its case, in steps that do not keep Redis busy for long; at least one."""
        left = {name_of(mark[0].id): mark for mark in self.cases}
        steps: list[tuple[dict[str, bytes], list[Mark]]] = [({}, [])]
        for name, row in self.incidents.items():
            if len(steps[-1][0]) == MOST_ROWS or len(steps[-1][1]) == MOST_MARKS:
                steps.append(({}, []))
            rows, marks = steps[-1]
            rows[name] = row
            if name in left:
                marks.append(left.pop(name))
        steps[-1][1].extend(left.values())
        return steps


class Feeds:
    """The states of feeds, each under the name `district/feed`. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def state(self, feed: str) -> FeedState:
        """How far the feed has been read."""
        return (await self.states([feed]))[feed]

    async def states(self, feeds: Sequence[str]) -> dict[str, FeedState]:
        """How far each of these feeds has been read."""
        asked = self._connection.redis.pipeline(transaction=False)
        asked.get(BORN)
        for feed in feeds:
            asked.hmget(FEED + feed, _FIELDS)
        born, *rows = await self._connection.ask(asked.execute())
        told = [dict(zip(_FIELDS, row, strict=True)) for row in rows]
        texts = [{name: value.decode() for name, value in row.items() if value is not None} for row in told]
        return {feed: _state(row, int(born or 0)) for feed, row in zip(feeds, texts, strict=True)}

    async def read_for(self, feed: str, accounts: Sequence[str], seconds: float, now: float) -> bool:
        """Note for which account the feed is read: its fingerprints by each data key. Of another one nothing counts.

        Returns False, and notes nothing, while somebody may be asking that other account for a page, which is known to
        take so many seconds at most.
        """
        return bool(await self._connection.run("read_for", feed, int(now * 1000), int(seconds * 1000), *accounts))

    async def are_any(self) -> bool:
        """Whether mappings.yaml named a feed, as far as is remembered."""
        return bool(await self._connection.ask(self._connection.redis.exists(FEEDS)))

    async def begin(self, feed: str, walk: FeedWalk, now: float) -> bool:
        """Begin to read a window. Returns whether it was begun: not where another walk is in hand."""
        return bool(await self._connection.run("begin_walk", feed, int(now * 1000), wire_of(walk)))

    async def ask(self, feed: str, walk: FeedWalk, now: float) -> FeedWalk:
        """Read the feed with the next round, whatever it was put off for. Returns the walk in hand.

        That may be another one that had begun: this one begins only where there is none.
        """
        return _walk_in((await self._connection.run("ask_walk", feed, int(now * 1000), wire_of(walk))).decode())

    async def take_page(self, feed: str, walk: FeedWalk, seconds: float, now: float) -> bool:
        """Whether the caller is to ask for the walk's next page: a feed is sent one request at a time.

        Nobody else is told to until the page is kept or put off, or for so many seconds: the caller may die.
        """
        lasts = int(seconds * 1000)
        return bool(await self._connection.run("take_page", feed, wire_of(walk), int(now * 1000), lasts))

    async def version(self, feed: str, page: int) -> str:
        """The version (sealed) of a page that was kept last; empty where it had none."""
        found = await self._connection.ask(self._connection.redis.hget(FEED + feed, f"version:{page}"))
        return found.decode() if found else ""

    async def keep_page(
        self, feed: str, walk: FeedWalk, following: FeedWalk | Ending, kept: PageKept, now: float
    ) -> bool:
        """Keep a page's incidents, mark their cases and move the walk on, once a page.

        An incident is kept together with the mark of its case. Where there are many, the last step moves the walk on:
        whoever reads the page again finds kept what the steps before it kept.
        Returns False where the page was kept already.
        """
        *before, last = kept.steps()
        for rows, cases in before:
            args = (feed, int(now * 1000), wire_of(walk), len(rows), *_parts_of(rows), *marks_of(cases))
            if not await self._connection.run("keep_incidents", *args):
                return False
        rows, cases = last
        goes_on = wire_of(following) if isinstance(following, FeedWalk) else ""
        ended = walk.kind if following is Ending.WHOLE else ""
        head = (feed, int(now * 1000), wire_of(walk), goes_on, ended, int(kept.wait_until * 1000))
        page = (walk.page, kept.version, kept.torn, len(rows))
        return bool(await self._connection.run("keep_page", *head, *page, *_parts_of(rows), *marks_of(cases)))

    async def put_off(self, feed: str, walk: FeedWalk, due: float, why: str) -> None:
        """Read the same page again, at `due` (Unix seconds) at the earliest; `why` is kept until a page is read."""
        await self._connection.run("put_off_walk", feed, wire_of(walk), int(due * 1000), why)

    async def kept(self, feed: str) -> int:
        """How many incidents of the feed are kept."""
        return int(await self._connection.ask(self._connection.redis.hlen(INCIDENTS + feed)))


def wire_of(walk: FeedWalk) -> str:
    """A walk as it is stored: the scripts compare it with the one that they find."""
    window = [walk.since.isoformat(), walk.until.isoformat()]
    torn = [1] if walk.is_torn else []  # rare, and unknown to an earlier version
    return json.dumps([walk.kind, *window, walk.page, walk.pages, walk.rounds, int(walk.has_shrunk), *torn])


def _parts_of(rows: Mapping[str, bytes]) -> list[str | bytes]:
    return [part for name, value in rows.items() for part in (name, value)]


def _walk_in(wire: str) -> FeedWalk:
    kind, since, until, page, pages, rounds, has_shrunk, *torn = json.loads(wire)
    window = date.fromisoformat(since), date.fromisoformat(until)
    return FeedWalk(WalkKind(kind), *window, page, pages, rounds, bool(has_shrunk), bool(torn))


def _state(row: Mapping[str, str], born: int) -> FeedState:
    swept_at = int(row.get("swept_at", 0))
    return FeedState(
        walk=_walk_in(row["walk"]) if "walk" in row else None,
        attempts=int(row.get("attempts", 0)),
        wait_until=int(row.get("wait_until", 0)) / 1000,
        polled_at=_moment(row, "polled_at"),
        swept_at=swept_at / 1000 if swept_at and swept_at >= born else None,
        began_at=_moment(row, "began_at"),
        ended_at=_moment(row, "ended_at"),
        trouble=row.get("trouble", ""),
        known_at=_moment(row, "known_at"),
        torn=row.get("torn", ""),
        account=row.get("account", ""),
    )


def _moment(row: Mapping[str, str], name: str) -> float | None:
    return int(row[name]) / 1000 if name in row else None
