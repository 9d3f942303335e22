"""How many findings each scan with a summary has, and how far they are counted: a list of its own, page by page.

A counting is kept and resumed as the listing of a scan is (see scans.py), and apart from it: where it cannot go on, no
finding waits for it.
"""

from datetime import datetime

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.summaries import ScanCounts
from remediation.queue import Band
from remediation.sealing import Keyring
from remediation.store.cursors import SealedCursors
from remediation.store.deliveries.inbox import FINGERPRINT_LIFETIME, milliseconds
from remediation.store.keys import SCAN
from remediation.store.scans.listing import ScanListing
from remediation.store.server.connection import Connection

_BAND = Band.HIGH
"""A summary is one look, which must not wait behind the thousands of its scan's findings."""


def summary_of(district: str, scan_id: str) -> CaseKey:
    """Returns the case of a scan's summary."""
    return CaseKey(district, CaseKind.SUMMARY, scan_id)


def count_ref(key: CaseKey) -> str:
    """Returns the reference of the counting for a summary: `lakeside:count:scan_2k9x4f`."""
    return CaseKey.ref_of(key.district, "count", key.id)


class ScanNumbers:
    """The numbers of scans that were counted."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self, key: CaseKey) -> ScanCounts | None:
        """Returns the numbers of the last counting; None where there are none, or another version wrote them.

        Raises StoreUnavailable.
        """
        asked = self._connection.redis.hmget(SCAN + count_ref(key), ["counts", "first"])
        counts, first = await self._connection.ask(asked)
        if counts is None:
            return None
        try:
            return ScanCounts.parse(counts.decode(), int(first) if first else None)
        except ValueError:
            return None


class Countings:
    """The rows of countings."""

    def __init__(self, connection: Connection, keyring: Keyring) -> None:
        self._connection = connection
        self.numbers = ScanNumbers(connection)
        self._cursors = SealedCursors(keyring)

    async def begin(self, key: CaseKey, now: float, every: float, *, only_known: bool = False) -> bool:
        """Have the findings of a summary's scan counted, `every` seconds after they last were at the earliest.

        Call it after what is to be counted is so, or with the certainty that it will be called again. With `only_known`
        nothing begins for a scan of which there is no summary, or one that people have closed. Returns whether it does.
        """
        kept, known = milliseconds(FINGERPRINT_LIFETIME), "1" if only_known else ""
        args = (count_ref(key), int(now * 1000), key.id, key.ref, int(every * 1000), kept, known)
        return bool(await self._connection.run("begin_count", *args))

    async def keep_page(
        self,
        listing: ScanListing,
        next_cursor: str | None,
        counts: ScanCounts,
        began: datetime | None,
        now: float,
        every: float,
    ) -> bool:
        """Save the numbers with this page and the cursor, and wake a worker for the next page: one step, once a page.

        `began` is when the scan did. After the last page the summary is looked at. Returns whether it was kept.
        """
        key = summary_of(listing.district, listing.id)
        following = self._cursors.sealed(SCAN + listing.ref, next_cursor) if next_cursor else ""
        since = int(began.timestamp() * 1000) if began else ""
        told = (str(counts), listing.changes, since, counts.total)
        args = (listing.ref, int(now * 1000), listing.stored, following, *told, key.ref, key.id, int(_BAND))
        return bool(await self._connection.run("count_page", *args, int(every * 1000)))
