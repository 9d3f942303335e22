"""Cases and parked work that are put into a store directly, where very many of them are wanted."""

import asyncio
from collections.abc import Sequence

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Refused
from remediation.domain.status import Severity
from remediation.sealing import Keyring
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from remediation.store.keys import CASE
from remediation.store.server.connection import Connection

AT_ONCE = 1_000
"""Cases that are planted by one call."""

PLANTED_MS = 1_700_000_000_000
"""When (ms) the first of them was marked; each later one a millisecond later."""

RULES = 10
_DISTRICTS = ("lakeside", "hilltop")
_REFUSALS = (("jira", 400), ("jira", 403), ("servicenow", 400), ("servicenow", 403))


async def plant_cases(connection: Connection, numbers: Sequence[int]) -> None:
    """Cases with these numbers, each on its list, as those that an earlier version wrote are put there."""
    rows = connection.redis.pipeline(transaction=False)
    parts: list[str] = []
    for number in numbers:
        ref = CaseKey(_DISTRICTS[number % 2], CaseKind.FINDING, f"fnd_{number:08x}").ref
        rows.hset(CASE + ref, mapping={"id": f"fnd_{number:08x}", "marked_at": PLANTED_MS + number})
        severity = list(Severity)[number // 2 % 4]
        parts += [ref, f"1||{severity}|rule-{number // 8 % RULES}", ""]  # of a memory that is not there
    await connection.ask(rows.execute())
    now = PLANTED_MS + numbers[-1]
    cursor, server = await connection.run("list_cursor", now)
    await connection.run("list_earlier", now, cursor, server, "1", *parts)  # 1: it is not done


async def end_planting(connection: Connection, cases: int) -> None:
    """No more are planted: no worker looks for cases that are on no list."""
    now = PLANTED_MS + cases
    cursor, server = await connection.run("list_cursor", now)
    await connection.run("list_earlier", now, cursor, server, "0")


async def plant_parked(connection: Connection, keyring: Keyring, count: int, now: float) -> None:
    """So many actions that a tracker refused, of cases that were planted."""
    parked = ParkedWork(connection, keyring)
    for begin in range(0, count, AT_ONCE):
        numbers = range(begin, min(begin + AT_ONCE, count))
        await asyncio.gather(*(_park(parked, number, now) for number in numbers))


async def _park(parked: ParkedWork, number: int, now: float) -> None:
    district, (tracker, status) = _DISTRICTS[number % 2], _REFUSALS[number // 2 % len(_REFUSALS)]
    ref = CaseKey(district, CaseKind.FINDING, f"fnd_{number:08x}").ref
    error = Refused(tracker, f"field {number % 7} is wrong", status=status)
    await parked.park(ParkedKind.ACTION, ref, error, now, district=district, action=f"open:{tracker}")
