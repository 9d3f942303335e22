"""How far the compliance report of each scan with a summary is: asked for, waited for, and finished.

A row is kept and resumed as the listing of a scan is (see scans.py), and apart from it. Nothing of a report lies in it
but its id: neither the address from which it is fetched, nor what it says.
"""

from enum import StrEnum

from remediation.domain.cases.records import CaseKey
from remediation.domain.findings import ReportFormat
from remediation.queue import Band
from remediation.store.deliveries.inbox import FINGERPRINT_LIFETIME, milliseconds
from remediation.store.keys import SCAN
from remediation.store.scans.counting import summary_of
from remediation.store.scans.listing import ScanListing
from remediation.store.server.connection import Connection

_BAND = Band.HIGH
"""That of a counting: to attach a report is one look, too."""


def report_ref(key: CaseKey) -> str:
    """Returns the reference of the report for a summary: `lakeside:report:scan_2k9x4f`."""
    return CaseKey.ref_of(key.district, "report", key.id)


class ReportOutcome(StrEnum):
    """What became of a report. DROPPED: mappings.yaml asks for none any more."""

    ASKED = "asked"
    WAITS = "waits"
    READY = "ready"
    FAILED = "failed"
    DROPPED = "dropped"


class ScanReports:
    """The rows of reports. Every method raises StoreUnavailable; times are in Unix seconds of Redis's clock."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ready(self, key: CaseKey) -> str:
        """Returns the id of the scan's newest finished report; empty for none."""
        found = await self._connection.ask(self._connection.redis.hget(SCAN + report_ref(key), "ready"))
        return found.decode() if found else ""

    async def begin(
        self, key: CaseKey, form: ReportFormat, tells: str, now: float, every: float, *, lost: str = ""
    ) -> bool:
        """Have a report made for the summary, `every` seconds after the last one at the earliest.

        `tells` stands for what it is to tell: where the newest one was made for the same, in the same format, none is.
        `lost` is the id of a finished report that SchoolScan does not have any more: another one is made at once.
        Returns whether one begins.
        """
        kept = milliseconds(FINGERPRINT_LIFETIME)
        args = (report_ref(key), int(now * 1000), key.id, form.value, tells, int(every * 1000), kept, lost)
        return bool(await self._connection.run("begin_report", *args))

    async def keep(
        self, listing: ScanListing, outcome: ReportOutcome, now: float, report: str = "", due: float = 0.0
    ) -> int:
        """Save what became of the report, whose id is `report`; it is asked about again at `due`.

        The summary is looked at once it is ready. Returns how many reports have failed in a row, or -1, and saves
        nothing, where another worker came first.
        """
        known = listing.report.id if listing.report else ""
        key = summary_of(listing.district, listing.id)
        args = (listing.ref, int(now * 1000), known, outcome.value, report, int(due * 1000))
        return int(await self._connection.run("keep_report", *args, key.ref, key.id, int(_BAND)))

    async def forget_failures(self, key: CaseKey) -> None:
        """The newest report has arrived, or a person has to decide: what fails from now on is counted anew."""
        await self._connection.ask(self._connection.redis.hdel(SCAN + report_ref(key), "failures"))
