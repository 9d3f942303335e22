"""B4: a ServiceNow that takes some hundred requests an hour: never asked for more, and urgent work goes first."""

import asyncio
import time
from dataclasses import dataclass
from http import HTTPStatus

from bench.effort import Effort
from bench.report import Line, Report
from bench.system import System, open_system
from remediation.domain.cases.records import CaseKey, CaseKind
from sandbox.secrets import DISTRICT

TICKET_SECONDS = 2.0

_HOUR = 3600.0
_CLEAR = 90.0
"""Seconds that a round needs: it does not begin shortly before the next hour, which has a limit of its own."""

_SETTLES = 3.0
"""So long nothing must have been sent until all that waits does so."""

_SHORT = frozenset({"trial", "quick"})
"""Efforts that play a smaller limit."""


@dataclass(frozen=True, slots=True)
class Played:
    """What the stand-in saw: requests, refusals, and tickets of the findings that it is too small for.

    `critical` is how long the critical finding waited for its ticket, in seconds.
    """

    limit: int
    findings: int
    sent: int
    refused: int
    opened: int
    critical: float


def measure(effort: Effort) -> Report:
    """More findings than one hour has room for, and a critical one when nothing is left for the others."""
    played = asyncio.run(_play(limit=60, findings=40) if effort.name in _SHORT else _play(limit=200, findings=150))
    told = f"a ServiceNow of {played.limit} requests an hour, {played.findings} findings for it"
    return Report(
        topic="limiting",
        lines=(
            Line("B4", f"{told}: requests", f"{played.sent}", f"≤ {played.limit}", played.sent <= played.limit),
            Line("B4", f"{told}: refused with 429", f"{played.refused}", "0", played.refused == 0),
            Line("B4", f"{told}: with a ticket in this hour", f"{played.opened}"),
            Line(
                "B4",
                "a critical finding when nothing is left for others, to its ticket",
                f"{played.critical:.1f} s",
                f"≤ {TICKET_SECONDS:.0f} s",
                played.critical <= TICKET_SECONDS,
            ),
        ),
        figures={"sent": played.sent, "refused": played.refused, "opened": played.opened, "critical": played.critical},
        unit="requests",
        bars={"the limit": played.limit, "sent": played.sent},
    )


async def _play(*, limit: int, findings: int) -> Played:
    if (left := _HOUR - time.time() % _HOUR) < _CLEAR:
        await asyncio.sleep(left + 1)
    async with open_system() as system:
        system.forget_requests()
        system.outside.control("servicenow", "PATCH", "settings", json={"rate_limit": limit})
        system.outside.scan([{"severity": "low", "domain_type": "vendor_exposure"}] * findings)
        await _calm(system)
        opened = len(system.outside.all_tickets())
        critical = system.outside.add_findings([{"severity": "critical", "domain_type": "vendor_exposure"}])[0]
        sent_at = time.time()
        system.outside.send("finding.critical", {"finding_id": critical})
        seconds = await _seconds_to_ticket(system, critical, sent_at)
        await _calm(system)
        journal = system.journal("servicenow")
        refused = sum(each["status"] == HTTPStatus.TOO_MANY_REQUESTS for each in journal)
        return Played(limit, findings, len(journal), refused, opened, seconds)


async def _calm(system: System) -> None:
    """Wait until nothing more is sent to ServiceNow, after something was."""
    before, since = 0, time.monotonic()
    async with asyncio.timeout(_CLEAR):
        while not before or time.monotonic() - since < _SETTLES:
            await asyncio.sleep(0.1)
            if (count := len(system.journal("servicenow"))) != before:
                before, since = count, time.monotonic()


async def _seconds_to_ticket(system: System, finding: str, sent: float) -> float:
    mark = CaseKey(DISTRICT, CaseKind.FINDING, finding).mark
    async with asyncio.timeout(_CLEAR):
        while mark not in {carried for carried, _ in system.outside.all_tickets()}:  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.05)
    return time.time() - sent
