"""One district's scans: what starts them, reads them and stops them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from remediation.domain.cases.verification import ScanTimes
from remediation.domain.findings import Scan


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


@dataclass(frozen=True, slots=True)
class Scanner:
    """What starts scans of one district, and when they may be started."""

    account: ScanAccount
    times: ScanTimes


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
