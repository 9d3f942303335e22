"""Who replayed or discarded parked work, when, and how much: a stream of limited length."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from remediation.store.keys import AUDIT
from remediation.store.server.connection import Connection

KEPT = 10_000
"""The most lines in the stream; a decision takes two. Operators who must keep more export them in time."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about parked work.

    `choice` is how the work was chosen (names, or the options of the command), `count` how much it was, and `done` the
    result; None means that the command ended before it could write one, and may have done all or nothing.
    """

    id: str
    at: datetime
    who: str
    what: str
    choice: str
    count: int
    done: int | None


class Audit:
    """Writes and reads the decisions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def begin(self, who: str, what: str, choice: str, count: int, now: float) -> str:
        """Write down a decision before any of it is carried out. Returns its id."""
        return await self._add({"at": int(now * 1000), "who": who, "what": what, "choice": choice, "count": count})

    async def end(self, decision: str, done: int, now: float) -> None:
        """Write down how much of a decision was carried out."""
        await self._add({"at": int(now * 1000), "of": decision, "done": done})

    async def decisions(self, limit: int) -> list[Decision]:
        """The latest decisions, newest first."""
        lines = await self._connection.ask(self._connection.redis.xrevrange(AUDIT))
        done: dict[str, int] = {}
        found: list[Decision] = []
        for line_id, raw in lines:
            line = {name.decode(): value.decode() for name, value in raw.items()}
            if "of" in line:
                done[line["of"]] = int(line["done"])
            elif len(found) < limit:
                found.append(_decision(line_id.decode(), line, done))
        return found

    async def _add(self, fields: dict[Any, Any]) -> str:
        added = self._connection.redis.xadd(AUDIT, fields, maxlen=KEPT, approximate=True)
        answer: bytes = await self._connection.ask(added)
        return answer.decode()


def _decision(line_id: str, line: Mapping[str, str], done: Mapping[str, int]) -> Decision:
    return Decision(
        id=line_id,
        at=datetime.fromtimestamp(int(line["at"]) / 1000, tz=UTC),
        who=line["who"],
        what=line["what"],
        choice=line["choice"],
        count=int(line["count"]),
        done=done.get(line_id),
    )
