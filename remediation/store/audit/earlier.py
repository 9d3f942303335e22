"""Decisions about parked work as an earlier version wrote them: a stream without a chain, to which nothing is added."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from remediation.store.keys import AUDIT
from remediation.store.server.connection import Connection

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class ParkedDecided:
    """One decision about parked work.

    `choice` is how the work was chosen (names, or the options of the command), `count` how much it was, and `done` how
    much of it was done; None means that the command ended before it could write that, and may have done all or nothing.
    `is_chained`: the trail has it; otherwise an earlier version wrote it, and nothing proves it.
    """

    at: datetime
    who: str
    what: str
    choice: str
    count: int
    done: int | None
    is_chained: bool = False


async def earlier_decisions(connection: Connection) -> AsyncIterator[ParkedDecided]:
    """The decisions of an earlier version, newest first, read some at a time."""
    done: dict[str, int] = {}
    before = "+"
    while lines := await connection.ask(connection.redis.xrevrange(AUDIT, max=before, count=_AT_ONCE)):
        for line_id, raw in lines:
            line = {name.decode(): value.decode(errors="replace") for name, value in raw.items()}
            if "of" in line:
                done[line["of"]] = int(line["done"])
            else:
                yield _decision(line_id.decode(), line, done)
        before = f"({lines[-1][0].decode()}"


def _decision(line_id: str, line: Mapping[str, str], done: Mapping[str, int]) -> ParkedDecided:
    return ParkedDecided(
        at=datetime.fromtimestamp(int(line["at"]) / 1000, tz=UTC),
        who=line["who"],
        what=line["what"],
        choice=line["choice"],
        count=int(line["count"]),
        done=done.get(line_id),
    )
