"""A SchoolScan's compliance reports, and the signed addresses that they can be fetched from for 15 minutes.

Such an address lies in a store of files with a host of its own, which knows no tokens and no errors of the API.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sandbox.schoolscan.fakes import FAKE_STUDENT_MARK, identifier
from sandbox.schoolscan.scans import Scans
from sandbox.schoolscan.values import ApiError, Clock, FileRefused, written

DOWNLOAD_SECONDS = 15 * 60
MEDIA_TYPES = {"pdf": "application/pdf", "csv": "text/csv", "json": "application/json", "markdown": "text/markdown"}
_KEY = b"test-only-key-of-signed-addresses"


@dataclass(frozen=True, slots=True)
class _Kept:
    district: str
    report: dict[str, Any]
    scan: dict[str, Any]
    ready_at: float


class Reports:
    """A district sees its own only; a signed address is its own permission."""

    def __init__(self, scans: Scans, clock: Clock) -> None:
        self._scans = scans
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def generate(self, district: str, order: object, seconds: float) -> dict[str, Any]:
        """What POST /reports does; the report is ready after so many seconds. Raises ApiError 404 or 400."""
        fields = order if isinstance(order, dict) else {}
        form = fields.get("format")
        if form not in MEDIA_TYPES:
            raise ApiError(400, "invalid_format", f"format must be one of {', '.join(MEDIA_TYPES)}.")
        scan = self._scans.run(district, str(fields.get("scan_id"))).scan
        if scan["status"] != "completed":
            raise ApiError(400, "scan_not_completed", "Reports are made from completed scans.")
        report_id = identifier("rep", district, len(self._kept))
        report = {"id": report_id, "scan_id": scan["id"], "format": form, "requested_at": written(self._clock())}
        self._kept[report_id] = _Kept(district, report, scan, self._clock() + seconds)
        return self.report(district, report_id)

    def report(self, district: str, report_id: str) -> dict[str, Any]:
        """A report and how far it is. Raises ApiError 404."""
        kept = self._of(district, report_id)
        return {**kept.report, "status": "completed" if self._clock() >= kept.ready_at else "processing"}

    def download(self, district: str, report_id: str, base: str) -> dict[str, Any]:
        """The signed address of a finished report. Raises ApiError 404, or 400 while it is not ready."""
        if self.report(district, report_id)["status"] != "completed":
            raise ApiError(400, "not_ready", "The report is still being made.")
        expires = int(self._clock()) + DOWNLOAD_SECONDS
        query = urlencode({"expires": expires, "signature": _signature(report_id, expires)})
        return {"url": f"{base}/files/{report_id}?{query}", "expires_at": written(expires)}

    def file(self, report_id: str, expires: str, signature: str) -> tuple[bytes, str]:
        """A report's bytes and media type. Raises FileRefused unless the address is signed and not expired."""
        kept = self._kept.get(report_id)
        valid = kept is not None and expires.isdecimal() and expires.isascii()
        if kept is None or not valid or not hmac.compare_digest(_signature(report_id, int(expires)), signature):
            raise FileRefused(403, "SignatureDoesNotMatch")
        if self._clock() >= int(expires):
            raise FileRefused(403, "AccessDenied")
        return _content(kept.report["format"], kept.scan), MEDIA_TYPES[kept.report["format"]]

    def _of(self, district: str, report_id: str) -> _Kept:
        kept = self._kept.get(report_id)
        if kept is None or kept.district != district:
            raise ApiError(404, "not_found", "No such report.")
        return kept


def _signature(report_id: str, expires: int) -> str:
    return hmac.new(_KEY, f"{report_id}:{expires}".encode(), hashlib.sha256).hexdigest()


def _content(form: str, scan: dict[str, Any]) -> bytes:
    student = f"{FAKE_STUDENT_MARK}{scan['id']}"
    match form:
        case "json":
            return json.dumps({**scan, "students": [student]}).encode()
        case "csv":
            return f"scan,findings,student\r\n{scan['id']},{scan['findings_count']},{student}\r\n".encode()
        case "markdown":
            return f"# Scan {scan['id']}\n\n{scan['findings_count']} findings, of {student}\n".encode()
        case _:
            return f"%PDF-1.4\n% a fake report of {student}\n%%EOF\n".encode()
