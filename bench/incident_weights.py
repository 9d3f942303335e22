"""What Redis keeps of an incident beside its row: what was decided about it, and the case that a rule asks for."""

from redis.asyncio import Redis

from bench.system import System, open_system
from bench.weighing import SHARED, share_of, size_of, until, weigh_cases
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.status import Status
from remediation.store.incidents.records import IncidentRecords
from remediation.store.keys import DECISIONS, INCIDENTS_TOLD
from remediation.store.server.connection import Connection
from sandbox.secrets import DISTRICT
from sandbox.stage.processes import WEAPON
from sandbox.stage.systems import Outside

CASES_A_SAMPLE = 10
DECIDED = "what was decided about it"
TOLD_OF_IT = "what it was when its tickets were opened"

_DECIDED = 1_000
"""Incidents about which something is decided: many, since Redis packs a short list more tightly than a long one."""

_WORDS = {"type": "referral", "offenders": [{"weapons": [WEAPON]}]}


async def decision_parts(redis: Redis, records: IncidentRecords, feed: str) -> dict[str, float]:
    """Bytes of what is kept of each decision. Writes some, about incidents that this feed has shown."""
    decided = cursor = 0
    while not decided or (cursor and decided < _DECIDED):
        page = await records.page(DISTRICT, feed, cursor)
        for each in page.incidents:
            await records.decide(DISTRICT, [feed], each.incident, Status.RESOLVED)
        decided, cursor = decided + len(page.incidents), page.cursor
    kept = {DECIDED: DECISIONS, TOLD_OF_IT: INCIDENTS_TOLD}
    count = await Connection(redis).ask(redis.hlen(DECISIONS + DISTRICT))
    return {name: await size_of(redis, prefix + DISTRICT) / count for name, prefix in kept.items()}


async def case_parts(count: int) -> dict[str, float]:
    """Bytes of the parts of an incident's case that is resolved and at rest: of so many cases, by real processes."""
    order = {"incidents": [_WORDS] * count}
    ids = list[str]()

    def report(outside: Outside) -> None:
        ids.extend(outside.control("incident_feed", "POST", "incidents", json=order)["incidents"])

    async with open_system(report) as system:
        keys = [CaseKey(DISTRICT, CaseKind.INCIDENT, each) for each in ids]
        await _decided(system, count, Status.REVIEWING)
        marks = {key.mark for key in keys}
        for mark, ticket in system.outside.all_tickets():
            if mark in marks:
                system.outside.resolve_as_priya(ticket)
        await _decided(system, count, Status.RESOLVED)
        weight = await weigh_cases(system.redis, [key.ref for key in keys])
        shares = {name: await share_of(system.redis, prefix, count) for name, prefix in SHARED.items()}
    return {
        "its case's row, two tickets": weight.row,
        f"its case's timeline, {weight.entries:.0f} entries": weight.timeline,
        **shares,
    }


async def _decided(system: System, count: int, status: Status) -> None:
    """Wait until this was decided about so many incidents, and nothing is left to do."""

    async def are_decided() -> bool:
        decisions = await Connection(system.redis).ask(system.redis.hvals(DECISIONS + DISTRICT))
        return [each.decode() for each in decisions] == [status.value] * count

    await until(are_decided)
    await system.settle()
