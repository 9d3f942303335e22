"""One district's SchoolScan account: one method for each endpoint, with our values and our errors."""

import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

import httpx2

from remediation.domain.errors import Refused, Unreadable
from remediation.domain.findings import Finding, Report, ReportDownload, ReportFormat, Scan
from remediation.domain.status import Status
from remediation.outbound.answers import LARGEST_ANSWER
from remediation.sources.schoolscan.downloads import LARGEST_REPORT, AddressExpired, FileDownloads, Write
from remediation.sources.schoolscan.pages import FindingsPage, RawPage, address_of, page_of
from remediation.sources.schoolscan.transport import ApiAnswer, Spending, Transport, freely
from remediation.sources.schoolscan.words import download_of, finding_of, report_of, scan_id_of, scan_of

_Value = TypeVar("_Value")

_WRITABLE_STATUSES = frozenset({Status.REVIEWING, Status.RESOLVED, Status.ACCEPTED_RISK})
"""The statuses that the API accepts. Only SchoolScan itself sets `open`."""


def system_of(district: str) -> str:
    """Returns the name of a district's account in errors."""
    return f"schoolscan:{district}"


class SchoolScan:
    """One district's SchoolScan account.

    `client` comes from `transport.open_client`, and is closed by its owner; several districts may share one. Each call
    is limited in time, and its answer to `largest_answer` bytes. Files of reports come from the host of `base_url`, or
    from `download_hosts` (see FileDownloads). Each request to the API is sent within `spending`.
    Only a read is sent a second time, where the connection breaks before the answer. Raises ConfigurationError for a
    token that no header can carry. Every method raises TryLater or Refused (NotFound for an id that does not exist).
    """

    def __init__(  # noqa: PLR0913 - what differs between districts, and between those who ask
        self,
        district: str,
        base_url: str,
        token: str,
        *,
        client: httpx2.AsyncClient,
        clock: Callable[[], float] = time.time,
        largest_answer: int = LARGEST_ANSWER,
        download_hosts: Collection[str] = (),
        spending: Spending = freely,
    ) -> None:
        self._system = system_of(district)
        self._base = base_url.rstrip("/")
        self._transport = Transport(self._system, self._base, token, client, clock, largest_answer, spending)
        self._files = FileDownloads(self._system, self._base, download_hosts, client, clock)

    async def finding(self, finding_id: str) -> Finding:
        """Returns the finding as it is now."""
        answer = await self._transport.call("GET", self._address("findings", finding_id))
        return self._read(finding_of, answer)

    async def findings_page(self, filters: Mapping[str, str], cursor: str | None) -> FindingsPage:
        """Returns one page of at most 100 findings.

        `filters` are scan_id, severity, status (never accepted_risk) and domain_type. A member without a usable id is
        left out and counted. Another district's token is shown an empty list, too: so where a scan's list is empty, the
        scan itself is read, which raises NotFound if this account does not have it.
        """
        page = await self._page("findings", filters, cursor)
        if not page.members and cursor is None and (scan_id := filters.get("scan_id")):
            await self.scan(scan_id)
        findings = tuple(_readable(finding_of, page))
        return FindingsPage(findings, page.cursor, len(page.members) - len(findings))

    async def findings(self, filters: Mapping[str, str]) -> AsyncIterator[Finding]:
        """Yields every finding of a list, page after page."""
        cursor: str | None = None
        while True:
            page = await self.findings_page(filters, cursor)
            for finding in page.findings:
                yield finding
            if (cursor := page.cursor) is None:
                return

    async def update_finding(self, finding_id: str, status: Status, note: str) -> None:
        """Set the status to reviewing, resolved or accepted_risk, with the note for SchoolScan's audit trail.

        It may be repeated. Raises Refused, without a request, for another status or an empty note.
        """
        if status not in _WRITABLE_STATUSES or not note.strip():
            raise Refused(self._system, "a finding is set to reviewing, resolved or accepted_risk, with a note")
        await self._transport.call(
            "PATCH", self._address("findings", finding_id), {"status": status.value, "note": note}
        )

    async def scan(self, scan_id: str) -> Scan:
        """Returns the scan as it is now."""
        return self._read(scan_of, await self._transport.call("GET", self._address("scans", scan_id)))

    async def scans(
        self, *, status: str | None = None, domain: str | None = None, created_after: datetime | None = None
    ) -> AsyncIterator[Scan]:
        """Yields every scan of a list, page after page."""
        after = None if created_after is None else created_after.isoformat()
        asked = {"status": status, "domain": domain, "created_after": after}
        filters = {name: value for name, value in asked.items() if value is not None}
        cursor: str | None = None
        while True:
            page = await self._page("scans", filters, cursor)
            for scan in _readable(scan_of, page):
                yield scan
            if (cursor := page.cursor) is None:
                return

    async def start_scan(self, domain: str) -> str:
        """Start a scan of a registered domain; returns its id. Do not repeat it after TryLater(ambiguous=True)."""
        answer = await self._transport.call("POST", f"{self._base}/scans", {"domain": domain})
        return self._read(scan_id_of, answer, writing=True)

    async def cancel_scan(self, scan_id: str) -> None:
        """Stop a scan that is queued or running.

        The vendor's page names no path for it. It counts DELETE as a write, and no other object can be deleted.
        """
        await self._transport.call("DELETE", self._address("scans", scan_id))

    async def generate_report(self, scan_id: str, form: ReportFormat) -> Report:
        """Ask for a compliance report of a completed scan."""
        body = {"scan_id": scan_id, "format": form.value}
        answer = await self._transport.call("POST", f"{self._base}/reports", body)
        return self._read(report_of, answer, writing=True)

    async def report(self, report_id: str) -> Report:
        """Returns the report with its status as it is now."""
        return self._read(report_of, await self._transport.call("GET", self._address("reports", report_id)))

    async def fetch_report(self, report_id: str, write: Write, largest: int = LARGEST_REPORT) -> int:
        """Give a finished report's file to `write`, piece by piece; returns how many bytes it has.

        Its signed address is asked for here, told to nobody, and asked for once more where it has expired meanwhile.
        Where this raises after a piece was written, what was written is not the report. Raises Refused for a report
        that is not finished, too.
        """
        try:
            return await self._files.fetch((await self._report_download(report_id)).url, write, largest)
        except AddressExpired:
            return await self._files.fetch((await self._report_download(report_id)).url, write, largest)

    async def _report_download(self, report_id: str) -> ReportDownload:
        address = f"{self._address('reports', report_id)}/download"
        return self._read(download_of, await self._transport.call("GET", address))

    async def check(self) -> str:
        """Read one finding, to test address and token; returns a sentence about it for `remedy doctor`."""
        answer = await self._transport.call("GET", f"{self._base}/findings?per_page=1")
        limit = answer.limit
        left = "no rate limit stated" if limit is None else f"{limit.remaining} of {limit.limit} reads left"
        return f"reads findings; {left}"

    def _address(self, *parts: str) -> str:
        """Returns the address of a resource. Raises Refused for an id that would lead to another one."""
        try:
            quoted = [quote(part, safe="") for part in parts]
        except UnicodeEncodeError:
            quoted = [""]
        if not {"", ".", ".."}.isdisjoint(quoted):
            raise Refused(self._system, "not an id")
        return "/".join([self._base, *quoted])

    async def _page(self, collection: str, filters: Mapping[str, str], cursor: str | None) -> RawPage:
        address = address_of(f"{self._base}/{collection}", filters, cursor)
        answer = await self._transport.call("GET", address)
        try:
            return page_of(answer.json, answer.next_link, address, cursor)
        except Unreadable as problem:
            raise self._transport.unreadable(problem, writing=False) from None

    def _read(self, parse: Callable[[object], _Value], answer: ApiAnswer, *, writing: bool = False) -> _Value:
        try:
            return parse(answer.json)
        except Unreadable as problem:
            raise self._transport.unreadable(problem, writing=writing) from None


def _readable(parse: Callable[[object], _Value], page: RawPage) -> list[_Value]:
    found: list[_Value] = []
    for member in page.members:
        try:
            found.append(parse(member))
        except Unreadable:
            continue
    return found
