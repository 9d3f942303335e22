"""What was shredded leaves Redis's append-only file with the next rewrite of it, and whether it has left is kept here.

A deleted value stays in that file, where a data key opens it, until the file is rewritten: by itself Redis does that
when the file has doubled and has 64 MB. So scripts count what they shred, a round asks for a rewrite, and a later
round proves that it ended well.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from remediation.store.keys import SHREDDED
from remediation.store.server.connection import Connection, passing_errors

PAUSE = 900.0
"""The least seconds between two rewrites."""
SHARE = 20
"""A rewrite that takes long is asked for more rarely: its share of all time is a twentieth at most."""
ASK_AGAIN = 86_400.0
"""Seconds after which a server that refused to rewrite is asked again: its rights may have changed."""


@dataclass(frozen=True, slots=True)
class Shredded:
    """What was shredded and what of it is out of the file. `count` and `gone` count from the first day of the store.

    `since` (Unix seconds) is about when the oldest was shredded that may still be in the file. `gone_at` is when a
    rewrite was last proven. `asked` is what `count` was when a rewrite was asked for at `asked_at`, of the run of the
    server that `server` names. `refused_at` is when the server refused to rewrite, and has not done it since.
    """

    count: int = 0
    gone: int = 0
    gone_at: float | None = None
    since: float | None = None
    asked: int = 0
    asked_at: float | None = None
    server: str = ""
    refused_at: float | None = None

    @property
    def left(self) -> int:
        """How many shredded values may still be in the file."""
        return max(0, self.count - self.gone)

    def age(self, now: float) -> float:
        """For how many seconds something shredded may be in the file; 0 where nothing is, or no round has noted it."""
        return max(0.0, now - self.since) if self.since is not None and self.left else 0.0


@dataclass(frozen=True, slots=True)
class AppendOnlyFile:
    """What the server says about its append-only file. `took` is how many seconds its last rewrite took."""

    server: str
    exists: bool
    is_rewritten_now: bool
    has_failed: bool
    took: float


class Step(StrEnum):
    """What a round does next."""

    NOTHING = "nothing"
    GONE = "gone"
    ASK = "ask"


def step_of(shredded: Shredded, file: AppendOnlyFile, now: float) -> Step:
    """What comes next.

    A rewrite is proven where one was asked for, and the same run of the server says that none is under way and that the
    last one ended well: that is this one, or a later one.
    """
    if not file.exists or file.is_rewritten_now or not shredded.left:
        return Step.NOTHING
    if shredded.asked > shredded.gone and shredded.server == file.server and not file.has_failed:
        return Step.GONE
    pause = max(PAUSE, SHARE * file.took)
    is_early = shredded.asked_at is not None and 0 <= now - shredded.asked_at < pause
    is_refused = shredded.refused_at is not None and 0 <= now - shredded.refused_at < ASK_AGAIN
    return Step.NOTHING if is_early or is_refused else Step.ASK


class Answer(StrEnum):
    """The answer to BGREWRITEAOF: it began, another rewrite is under way, or the server does not do it for us."""

    BEGAN = "began"
    BUSY = "busy"
    REFUSED = "refused"


class Rewriting:
    """Keeps what was shredded and proven, and asks the server. Every method raises StoreUnavailable."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def shredded(self) -> Shredded:
        """What was shredded, and what of it is proven to be gone."""
        found = await self._connection.ask(self._connection.redis.hgetall(SHREDDED))
        row = {name.decode(): value.decode() for name, value in found.items()}
        return Shredded(
            count=int(row.get("count", 0)),
            gone=int(row.get("gone", 0)),
            gone_at=_moment(row, "gone_at"),
            since=_moment(row, "since"),
            asked=int(row.get("asked", 0)),
            asked_at=_moment(row, "asked_at"),
            server=row.get("server", ""),
            refused_at=_moment(row, "refused_at"),
        )

    async def file(self) -> AppendOnlyFile:
        """What the server says about its file."""
        return file_of(await self._connection.ask(self._connection.redis.info()))

    async def note_since(self, now: float) -> None:
        """Note that something was shredded since the last round, unless that is noted."""
        await self._connection.ask(self._connection.redis.hsetnx(SHREDDED, "since", str(int(now * 1000))))

    async def note_gone(self, shredded: Shredded, now: float) -> None:
        """Note that all is out of the file that had been shredded when its rewrite was asked for."""
        noted: dict[str, str | int] = {"gone": shredded.asked, "gone_at": int(now * 1000)}
        if shredded.count > shredded.asked and shredded.asked_at is not None:
            noted["since"] = int(shredded.asked_at * 1000)
        with passing_errors():
            async with self._connection.redis.pipeline(transaction=True) as pipe:
                pipe.hdel(SHREDDED, "since", "refused_at")
                pipe.hset(SHREDDED, mapping=noted)
                await pipe.execute()

    async def ask(self, shredded: Shredded, file: AppendOnlyFile, now: float) -> Answer:
        """Ask for a rewrite, and note that. Where the process dies in between, a later round asks once more."""
        answer = await self._asked()
        if answer is Answer.BEGAN:
            noted: dict[str, str | int] = {"asked": shredded.count, "asked_at": int(now * 1000), "server": file.server}
            await self._connection.ask(self._connection.redis.hset(SHREDDED, mapping=noted))
        elif answer is Answer.REFUSED:
            await self._connection.ask(self._connection.redis.hset(SHREDDED, "refused_at", str(int(now * 1000))))
        return answer

    async def _asked(self) -> Answer:
        with passing_errors():
            try:
                await self._connection.redis.bgrewriteaof()  # type: ignore[no-untyped-call]  # redis-py gives it no types
            except NoPermissionError:
                return Answer.REFUSED
            except ResponseError as error:
                return Answer.BUSY if "in progress" in str(error) else Answer.REFUSED
        return Answer.BEGAN


def file_of(told: dict[str, Any]) -> AppendOnlyFile:
    """The file that INFO describes."""
    return AppendOnlyFile(
        server=str(told.get("run_id", "")),
        exists=bool(told.get("aof_enabled")),
        is_rewritten_now=bool(told.get("aof_rewrite_in_progress") or told.get("aof_rewrite_scheduled")),
        has_failed=told.get("aof_last_bgrewrite_status", "ok") != "ok",
        took=max(0.0, float(told.get("aof_last_rewrite_time_sec", 0))),
    )


def _moment(row: dict[str, str], name: str) -> float | None:
    return int(row[name]) / 1000 if name in row else None
