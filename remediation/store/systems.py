"""What all workers share about outside systems: which are waited for, since when, why and by which cases; their sites.

A system is in trouble from the first request that must wait: for a sign-in, for a limit, for any answer, or until
mappings.yaml names the system again. The trouble ends when a case that waited for the system comes to rest, when a list
of it is read, or when nothing was heard of it for a long time. If a system is in trouble again soon after an answer,
its next answer must come later before it counts, and later each time. So a system that takes some requests and keeps
others waiting is not reported, and its cases are not brought forward, again and again.
"""

import json
from dataclasses import dataclass

from remediation.domain.errors import TryLater, Waiting
from remediation.domain.ownership import Site, SiteHistory
from remediation.store.keys import SITE, SYSTEM
from remediation.store.server.connection import Connection

RELEASE_BATCH = 100
"""Cases of one system that a sweep brings forward: a system that has just come back must not be overloaded."""

_TOLD = frozenset({Waiting.SIGN_IN, Waiting.LIMIT, Waiting.AWAY, Waiting.UNNAMED})
"""The reasons for waiting that are about a system; all others are about one case, or about us."""

_MOST_TRIES = 5
"""Several processes may note the same change at once; after a try that fails, the value of the other one is read."""


@dataclass(frozen=True, slots=True)
class SystemTrouble:
    """A system that is waited for, since when (Unix seconds), and how many cases wait for it."""

    system: str
    waiting: Waiting
    since: float
    status: int | None
    cases: int


def held_by(error: TryLater) -> str:
    """The system for which a case waits because of this error; empty where it waits for none."""
    return error.system if error.waiting in _TOLD else ""


class Systems:
    """Notes the troubles and answers of systems, and brings cases forward. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def note_trouble(self, error: TryLater, now: float) -> bool:
        """Note that a system must be waited for. Returns whether that is news, to one of all workers only."""
        if error.waiting not in _TOLD:
            return False
        until = now + (error.after or 0.0) if error.waiting is Waiting.LIMIT else 0.0
        status = error.status or ""
        args = (error.system, int(now * 1000), error.waiting, status, int(until * 1000))
        return bool(await self._connection.run("note_trouble", *args))

    async def note_answer(self, system: str, now: float) -> bool:
        """Note that a system did what was asked. Returns whether that ends its trouble; the sweep does the rest."""
        return bool(await self._connection.run("note_answer", system, int(now * 1000)))

    async def ask_again(self, now: float) -> None:
        """A person may have corrected something, such as a secret: ask each system in trouble with the next sweep."""
        await self._connection.run("ask_again", int(now * 1000))

    async def release(self, now: float) -> int:
        """Bring cases forward: now and then one for each system in trouble, and all for each system that answers again.

        Returns how many are due sooner.
        """
        return int(await self._connection.run("release", int(now * 1000), RELEASE_BATCH))

    async def in_trouble(self) -> list[SystemTrouble]:
        """Every system that is in trouble, by name."""
        parts = [part.decode() for part in await self._connection.run("systems")]
        found = [_trouble(*parts[at : at + 5]) for at in range(0, len(parts), 5)]
        return sorted(found, key=lambda trouble: trouble.system)

    async def limited_until(self, system: str) -> float:
        """Until when (Unix seconds) a limit of this system lasts, where it said so; 0 where there is none."""
        found = await self._connection.ask(self._connection.redis.hmget(SYSTEM + system, ["waiting", "until"]))
        waiting, until = found
        return int(until) / 1000 if waiting == Waiting.LIMIT.encode() and until else 0.0


def _trouble(system: str, waiting: str, since: str, status: str, cases: str) -> SystemTrouble:
    return SystemTrouble(system, Waiting(waiting), int(since) / 1000, int(status) if status else None, int(cases))


class Sites:
    """The present and former site of each tracker, by its name.

    Links are worth less after the tracker's address leads to another site.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self, tracker: str) -> SiteHistory | None:
        """What is stored; None where no site was noted yet."""
        return _read(await self._text(tracker))

    async def note(self, tracker: str, site: Site, now: float) -> tuple[SiteHistory, bool]:
        """Store that the tracker is this site, and whether it was another one before. Raises StoreUnavailable."""
        known: SiteHistory | None = None
        for _ in range(_MOST_TRIES):
            text = await self._text(tracker)
            known = _read(text)
            after = known.seen(site, now) if known else SiteHistory(site)
            if after == known or await self._connection.run("note_site", tracker, text or b"", _written(after)):
                return after, known is not None and after.since != known.since
        return (known.seen(site, now) if known else SiteHistory(site)), False

    async def _text(self, tracker: str) -> bytes | None:
        text: bytes | None = await self._connection.ask(self._connection.redis.get(SITE + tracker))
        return text


def _written(history: SiteHistory) -> str:
    sites = [history.site] + ([history.before] if history.before else [])
    return json.dumps({"sites": [[each.address, each.id] for each in sites], "since": history.since})


def _read(text: bytes | None) -> SiteHistory | None:
    if text is None:
        return None
    kept = json.loads(text)
    site, *before = (Site(*each) for each in kept["sites"])
    return SiteHistory(site, before[0] if before else None, kept["since"])
