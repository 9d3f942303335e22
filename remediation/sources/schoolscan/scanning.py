"""One district's scans: what starts them, reads them and stops them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from remediation.domain.cases.verification import ScanTimes
from remediation.domain.findings import Report, ReportFormat, Scan
from remediation.sources.schoolscan.downloads import Write


class ScanAccount(Protocol):
    """One district's account, as far as scans go. Every method raises TryLater or Refused."""

    async def scan(self, scan_id: str) -> Scan:
        """Returns the scan as it is now."""
        ...

    async def scans(
        self, *, status: str | None = None, domain: str | None = None, created_after: datetime | None = None
    ) -> tuple[Scan, ...]:
        """Returns every scan of a list."""
        ...

    async def start_scan(self, domain: str) -> str:
        """Start a scan of a registered domain; returns its id. Not repeated: see TryLater.ambiguous."""
        ...

    async def cancel_scan(self, scan_id: str) -> None:
        """Stop a scan that is queued or running."""
        ...


class ReportAccount(Protocol):
    """One district's account, as far as reports go. Every method raises TryLater or Refused; see client.SchoolScan."""

    async def generate_report(self, scan_id: str, form: ReportFormat) -> Report:
        """Ask for a report of a completed scan."""
        ...

    async def report(self, report_id: str) -> Report:
        """Returns the report with its status as it is now."""
        ...

    async def fetch_report(self, report_id: str, write: Write, largest: int) -> int:
        """Give a finished report's file to `write`, piece by piece; returns how many bytes it has."""
        ...


@dataclass(frozen=True, slots=True)
class Scanner:
    """What starts scans of one district, and when they may be started; and what makes reports of them."""

    account: ScanAccount
    times: ScanTimes
    reports: ReportAccount


class ScanCalls(Protocol):
    """The calls of SchoolScan that are about scans; see client.SchoolScan."""

    async def scan(self, scan_id: str) -> Scan:
        """Returns the scan as it is now."""
        ...

    def scans(
        self, *, status: str | None = None, domain: str | None = None, created_after: datetime | None = None
    ) -> AsyncIterator[Scan]:
        """Yields every scan of a list."""
        ...

    async def start_scan(self, domain: str) -> str:
        """Start a scan; returns its id."""
        ...

    async def cancel_scan(self, scan_id: str) -> None:
        """Stop a scan."""
        ...


@dataclass(frozen=True, slots=True)
class AccountScans:
    """A district's account at SchoolScan with whole lists. Fulfils ScanAccount."""

    account: ScanCalls

    async def scan(self, scan_id: str) -> Scan:
        """Returns the scan as it is now."""
        return await self.account.scan(scan_id)

    async def scans(
        self, *, status: str | None = None, domain: str | None = None, created_after: datetime | None = None
    ) -> tuple[Scan, ...]:
        """Returns every scan of a list, of all its pages."""
        listed = self.account.scans(status=status, domain=domain, created_after=created_after)
        return tuple([scan async for scan in listed])

    async def start_scan(self, domain: str) -> str:
        """Start a scan of a registered domain; returns its id."""
        return await self.account.start_scan(domain)

    async def cancel_scan(self, scan_id: str) -> None:
        """Stop a scan that is queued or running."""
        await self.account.cancel_scan(scan_id)
