"""Who took parked work up again or gave it up, when, and how much: kept in a stream that its length limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from remediation.store.keys import AUDIT
from remediation.store.server.connection import Connection

KEPT = 10_000
"""Lines of the stream, of which a decision takes two. More would only be read by somebody who exports it anyway."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about parked work.

    `choice` is how the work was chosen (names, or the options of the command), `count` how much that was, and `done`
    what became of it; None: the command ended before it could tell, and may have done all or nothing of it.
    """

    id: str
    at: datetime
    who: str
    what: str
    choice: str
    count: int
    done: int | None


class Audit:
    """The decisions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def begin(self, who: str, what: str, choice: str, count: int, now: float) -> str:
        """Write down what is about to be done, before any of it. Answers the decision's id."""
        return await self._add({"at": int(now * 1000), "who": who, "what": what, "choice": choice, "count": count})

    async def end(self, decision: str, done: int, now: float) -> None:
        """Write down how much of it was done."""
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
