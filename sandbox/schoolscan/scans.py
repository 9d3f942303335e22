"""A SchoolScan's scans: they start, find what was planned for them, and end."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.schoolscan.fakes import DOMAIN_TYPES, identifier
from sandbox.schoolscan.findings import Findings
from sandbox.schoolscan.values import ApiError, Clock, Run, written

CONCURRENT_SCANS = 5


class Scans:
    """A district sees its own only."""

    def __init__(self, findings: Findings, clock: Clock) -> None:
        self._findings = findings
        self._clock = clock
        self._runs: dict[str, Run] = {}

    def begin(
        self, district: str, site: str, findings: Iterable[Mapping[str, Any]], find_again: Iterable[str] = ()
    ) -> Run:
        """Start a scan that will find these when it ends. Raises ApiError 404 for a finding to find again."""
        again = tuple(find_again)
        for finding_id in again:
            self._findings.kept(finding_id, district)
        scan_id = identifier("scan", district, len(self._runs))
        planned = tuple(self._findings.draft(district, each, site=site, scan_id=scan_id) for each in findings)
        scan = {"id": scan_id, "status": "running", "domain": site, "started_at": written(self._clock())}
        run = Run(district, {**scan, "crawler": {"name": "sandbox"}}, planned, again)
        self._runs[scan_id] = run
        return run

    def finish(self, run: Run) -> list[dict[str, Any]]:
        """Let the scan find what it was going to, and end; the findings. One that is cancelled or fails has none."""
        if not run.is_running:
            return []
        if run.fails:
            run.scan.update(status="failed", completed_at=written(self._clock()))
            return []
        found = [self._findings.keep(run.district, draft) for draft in run.planned]
        found += [
            self._findings.find_again(finding_id, run.scan["id"])
            for finding_id in run.find_again
            if finding_id in self._findings
        ]
        run.scan.update(_results(found), status="completed", completed_at=written(self._clock()))
        return found

    def run(self, district: str, scan_id: str) -> Run:
        """A scan. Raises ApiError 404, also for another district's."""
        run = self._runs.get(scan_id)
        if run is None or run.district != district:
            raise ApiError(404, "not_found", "No such scan.")
        return run

    def listed(self, district: str, filters: Mapping[str, str]) -> list[dict[str, Any]]:
        """A district's scans, oldest first. Raises ApiError 400 for a date that is none."""
        after = _moment(filters.get("created_after"))
        wanted = {name: filters[name] for name in ("status", "domain") if name in filters}
        return [
            run.scan
            for run in self._runs.values()
            if run.district == district
            and all(run.scan[name] == word for name, word in wanted.items())
            and (after is None or datetime.fromisoformat(run.scan["started_at"]) > after)
        ]

    def start(
        self, district: str, domains: Iterable[str], order: object, finds: int, find_again: Iterable[str] = ()
    ) -> Run:
        """What POST /scans does: of `find_again`, it finds what is on the site.

        Raises ApiError 400, or 429 while too many are running.
        """
        domain = order.get("domain") if isinstance(order, dict) else None
        if not isinstance(domain, str) or domain not in domains:
            raise ApiError(400, "unknown_domain", "The domain is not registered under your account.")
        running = [run for run in self._runs.values() if run.district == district and run.is_running]
        if len(running) >= CONCURRENT_SCANS:
            raise ApiError(429, "too_many_scans", f"At most {CONCURRENT_SCANS} scans may run at once.")
        return self.begin(district, domain, [{}] * finds, self._findings.on_site(district, domain, find_again))

    def cancel(self, district: str, scan_id: str) -> dict[str, Any]:
        """What cancelling does. Raises ApiError 404, or 400 for a scan that has ended."""
        run = self.run(district, scan_id)
        if not run.is_running:
            raise ApiError(400, "not_running", "The scan has ended.")
        run.scan.update(status="cancelled", completed_at=written(self._clock()))
        return run.scan


def _results(found: list[dict[str, Any]]) -> dict[str, Any]:
    per_type = Counter(finding.get("domain_type") for finding in found)
    return {
        "pages_scanned": 200 + len(found),
        "findings_count": len(found),
        "overall_grade": "ABCDF"[min(len(found) // 5, 4)],
        "domain_scores": {name: max(100 - 4 * per_type[name], 0) for name in DOMAIN_TYPES},
    }


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ApiError(400, "invalid_parameter", "created_after must be a date and time.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
