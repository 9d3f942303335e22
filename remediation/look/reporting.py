"""Attach the compliance report of a scan to the ticket that sums the scan up."""

import asyncio
from typing import Protocol

from remediation.domain.actions import AttachReport
from remediation.domain.errors import TryLater
from remediation.domain.reports import ReportFile
from remediation.domain.tickets import Ticket
from remediation.failpoints import failpoint
from remediation.ports import Tracker

_ATTACH_SECONDS = 9
"""For one tracker. With fetching, two of them fit into the half minute that a job has."""


class ReportFiles(Protocol):
    """Fetches the files of compliance reports, for one look at the summary of a scan."""

    async def file(self, report_id: str) -> ReportFile:
        """Returns the finished report, whole. It is kept nowhere.

        Raises Refused for one that is too large, or lies where it may not be fetched from, and TryLater; also where
        SchoolScan no longer has it, so that another one is made.
        """
        ...


async def attach_report(
    action: AttachReport, ticket: Ticket, tracker: Tracker, reports: ReportFiles | None
) -> dict[str, str]:
    """Fetch the report, and have it attached; returns what is remembered of that, by tracker.

    Until it is remembered, it is fetched again, and attached once all the same. Raises what `reports` and the tracker
    raise; TryLater, too, where attaching takes longer than a look may: the case is put off, longer each time.
    """
    if reports is None:
        raise RuntimeError("nobody fetches reports for this look")
    report = await reports.file(action.report)
    failpoint("report_fetched")
    try:
        async with asyncio.timeout(_ATTACH_SECONDS):
            await tracker.keep_report(ticket.id, report)
    except TimeoutError:
        raise TryLater(tracker.name, "attaching the report takes too long", ambiguous=True) from None
    failpoint("report_attached")
    return {action.tracker: action.token(ticket.id)}
