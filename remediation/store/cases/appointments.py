"""The accepted risks that end soon: every appointment of a case is the end of one (see todo.py)."""

from dataclasses import dataclass

from remediation.store.keys import APPOINTMENTS
from remediation.store.server.connection import Connection

MOST_READ = 500
"""Risks that are read with their case, those that end first: more are counted only."""


@dataclass(frozen=True, slots=True)
class EndingRisk:
    """The accepted risk of a case, and when (Unix seconds) it ends."""

    ref: str
    at: float

    @property
    def district(self) -> str:
        """The district of the case."""
        return self.ref.partition(":")[0]


@dataclass(frozen=True, slots=True)
class EndingRisks:
    """How many there are, and those that end first."""

    count: int = 0
    first: tuple[EndingRisk, ...] = ()


async def ending_risks(connection: Connection, now: float, within: float, most: int = MOST_READ) -> EndingRisks:
    """The risks that end within so many seconds from `now` (Unix seconds), the `most` first ones by name.

    Raises StoreUnavailable.
    """
    since, until = int(now * 1000), int((now + within) * 1000)
    asked = connection.redis.pipeline(transaction=False)
    asked.zcount(APPOINTMENTS, since, until)
    asked.zrangebyscore(APPOINTMENTS, since, until, start=0, num=most, withscores=True)
    count, found = await connection.ask(asked.execute())
    return EndingRisks(int(count), tuple(EndingRisk(ref.decode(), at / 1000) for ref, at in found))
