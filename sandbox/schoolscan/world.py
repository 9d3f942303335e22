"""The state of one SchoolScan, without HTTP: accounts, limits, findings, scans, reports, and which events it sends."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.schoolscan.fakes import identifier
from sandbox.schoolscan.findings import Findings
from sandbox.schoolscan.limits import Limits
from sandbox.schoolscan.reports import Reports
from sandbox.schoolscan.scans import Scans
from sandbox.schoolscan.values import Account, ApiError, Clock, Event, Run, Scope, written


class World:
    """Methods that make something happen return the events that SchoolScan sends for it, in order."""

    def __init__(self, accounts: Iterable[Account], clock: Clock = time.time) -> None:
        self.clock = clock
        self.accounts = {account.district: account for account in accounts}
        self.limits = Limits()
        self.findings = Findings(clock)
        self.scans = Scans(self.findings, clock)
        self.reports = Reports(self.scans, clock)
        self._events = 0

    def account_of(self, token: str) -> tuple[Account, Scope]:
        """Whose token it is, and its scope. Raises ApiError 401."""
        for account in self.accounts.values():
            if token in account.tokens:
                return account, account.tokens[token]
        raise ApiError(401, "unauthorized", "Missing or invalid token.")

    def account(self, district: object) -> Account:
        """A district's account. Raises ApiError 404."""
        if not isinstance(district, str) or district not in self.accounts:
            raise ApiError(404, "not_found", "No such district.")
        return self.accounts[district]

    def started(self, run: Run) -> list[Event]:
        """What is sent when a scan has begun."""
        return [self.event(run.district, "scan.started", _about_scan(run))]

    def finish(self, run: Run) -> list[Event]:
        """End a scan; what is sent for what it found. Nothing for one that is cancelled or fails."""
        if not run.is_running:
            return []
        critical = [each for each in self.scans.finish(run) if each.get("severity") == "critical"]
        if run.fails:
            return []
        events = [self.event(run.district, "finding.critical", _about_finding(finding)) for finding in critical]
        return [*events, self.event(run.district, "scan.completed", _about_scan(run))]

    def review(self, finding_id: str, outcome: str, changes: Mapping[str, Any]) -> list[Event]:
        """Let SchoolScan's privacy staff review a finding; what is sent then. Raises ApiError 404 or 400."""
        review = {"outcome": outcome, "reviewed_at": written(self.clock())}
        finding = self.findings.change_as_person(finding_id, {**changes, "expert_review": review})
        district = self.findings.kept(finding_id).district
        return [self.event(district, "finding.expert_reviewed", _about_finding(finding))]

    def event(self, district: str, kind: str, data: Mapping[str, Any], event_id: str | None = None) -> Event:
        """An event in the vendor's words, with an id of its own unless one is given."""
        self._events += 1
        chosen = event_id or identifier("evt", district, self._events)
        body = {"id": chosen, "type": kind, "created_at": written(self.clock()), "data": dict(data)}
        return Event(district, chosen, {**body, "api_version": "v1", "sandbox": True})


def _about_scan(run: Run) -> dict[str, Any]:
    return {"scan_id": run.scan["id"], "status": run.scan["status"], "domain": run.scan["domain"]}


def _about_finding(finding: Mapping[str, Any]) -> dict[str, Any]:
    """More than the ids, as a real sender would: a student's name may be in any delivery."""
    about = {"finding_id": finding["id"], "scan_id": finding.get("scan_id"), "severity": finding.get("severity")}
    return {**about, "summary": finding.get("description")}
