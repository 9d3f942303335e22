"""Attach the compliance report of a scan to the ticket that sums the scan up."""

from typing import Protocol

from remediation.domain.actions import AttachReport
from remediation.domain.reports import ReportFile
from remediation.domain.tickets import Ticket
from remediation.failpoints import failpoint
from remediation.ports import Tracker


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
    raise.
    """
    if reports is None:
        raise RuntimeError("nobody fetches reports for this look")
    report = await reports.file(action.report)
    failpoint("report_fetched")
    await tracker.keep_report(ticket.id, report)
    failpoint("report_attached")
    return {action.tracker: action.token(ticket.id)}
