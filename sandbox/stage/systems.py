"""The world outside, as the demo and the end-to-end tests see and change it: SchoolScan's scans, and Priya's desk."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from remediation.domain.cases.records import CaseKey, CaseKind
from sandbox.jira.state import PERSON as JIRA_PERSON
from sandbox.secrets import DISTRICT
from sandbox.servicenow.schema import PERSON as SERVICENOW_PERSON
from sandbox.stage.processes import RISK_FIELDS
from sandbox.wire.faults import FaultKind

_ACTIVE_INCIDENT = {"1", "2", "3"}


@dataclass(frozen=True, slots=True)
class SeenTicket:
    """A ticket as the tracker really has it, whatever its search knows."""

    tracker: str
    id: str
    key: str
    is_active: bool
    url: str
    summary: str = ""


class Outside:
    """SchoolScan (as a district has it), ServiceNow and Jira of one stage."""

    def __init__(self, addresses: Mapping[str, str], client: httpx2.Client, district: str = DISTRICT) -> None:
        self.addresses = addresses
        self._client = client
        self._district = district

    def of(self, district: str) -> "Outside":
        """The same for another district."""
        return Outside(self.addresses, self._client, district)

    def scan(
        self,
        findings: int | Sequence[Mapping[str, Any]] = 0,
        find_again: Sequence[str] = (),
        site: str | None = None,
    ) -> list[str]:
        """Let SchoolScan scan a site (the district's own), find these, and say so. Returns the findings' ids."""
        order = {"district": self._district, "findings": findings, "find_again": list(find_again), "site": site}
        found: list[str] = self._asked("POST", "schoolscan", "/_sandbox/scans", json=order)["findings"]
        return found

    def finding(self, finding_id: str) -> dict[str, Any]:
        """The finding as SchoolScan has it."""
        return next(each for each in self.findings() if each["id"] == finding_id)

    def findings(self) -> list[dict[str, Any]]:
        """Every finding of the district."""
        asked = {"district": self._district}
        found: list[dict[str, Any]] = self._asked("GET", "schoolscan", "/_sandbox/findings", params=asked)
        return found

    def scans(self) -> list[dict[str, Any]]:
        """Every scan of the district, oldest first."""
        asked = {"district": self._district}
        found: list[dict[str, Any]] = self._asked("GET", "schoolscan", "/_sandbox/scans", params=asked)
        return found

    def notes(self, finding_id: str) -> list[str]:
        """What we wrote into the finding's audit trail, oldest first."""
        audit = self._asked("GET", "schoolscan", f"/_sandbox/findings/{finding_id}/audit")
        return [entry["note"] for entry in audit if entry["by"] == "api"]

    def add_findings(self, findings: int | Sequence[Mapping[str, Any]]) -> list[str]:
        """Let these be found without an event. Returns their ids."""
        order = {"district": self._district, "findings": findings}
        added: list[str] = self._asked("POST", "schoolscan", "/_sandbox/findings", json=order)["findings"]
        return added

    def change_finding(self, finding_id: str, **fields: str) -> None:
        """Change a finding in SchoolScan's own pages, as a person; sends no event."""
        self._asked("PATCH", "schoolscan", f"/_sandbox/findings/{finding_id}", json=fields)

    def review_finding(self, finding_id: str, **fields: str) -> None:
        """Let SchoolScan's privacy staff review a finding and change these fields; sends finding.expert_reviewed."""
        self._asked("POST", "schoolscan", f"/_sandbox/findings/{finding_id}/review", json=fields)

    def send(self, kind: str, data: Mapping[str, Any], event_id: str | None = None) -> str:
        """Let SchoolScan send one event. Returns its id."""
        order = {"district": self._district, "type": kind, "data": dict(data)} | ({"id": event_id} if event_id else {})
        sent: str = self._asked("POST", "schoolscan", "/_sandbox/events", json=order)["id"]
        return sent

    def deliveries(self) -> list[dict[str, Any]]:
        """What SchoolScan has sent, with the answers."""
        sent: list[dict[str, Any]] = self._asked("GET", "schoolscan", "/_sandbox/deliveries")
        return sent

    def report_incident(self, **words: object) -> str:
        """Let somebody at school write an incident, in the words of sandbox.incident_feed.changes. Returns its uuid."""
        added = self._asked("POST", "incident_feed", "/_sandbox/incidents", json={"incidents": [words]})
        return str(added["incidents"][0])

    def tickets(self, subject_id: str, kind: CaseKind = CaseKind.FINDING) -> list[SeenTicket]:
        """Every ticket of a finding's (or an incident's) case in both trackers, duplicates and all."""
        mark = CaseKey(self._district, kind, subject_id).mark
        return [ticket for carried, ticket in self.all_tickets() if carried == mark]

    def all_tickets(self) -> list[tuple[str, SeenTicket]]:
        """Every ticket of ours in both trackers, with the mark that it carries."""
        found = []
        for record in self._asked("GET", "servicenow", "/_sandbox/records/incident"):
            fields = record["values"]
            active = fields["state"] in _ACTIVE_INCIDENT
            url = f"{self.addresses['servicenow']}/nav_to.do?uri=incident.do%3Fsys_id%3D{fields['sys_id']}"
            summary = fields["short_description"]
            ticket = SeenTicket("servicenow", fields["sys_id"], fields["number"], active, url, summary)
            found.append((fields["correlation_id"], ticket))
        for issue in self._asked("GET", "jira", "/_sandbox/issues"):
            marks = [label for label in issue["fields"]["labels"] if label.startswith("remedy:")]
            active = issue["fields"]["status"]["statusCategory"]["key"] != "done"
            url = f"{self.addresses['jira']}/browse/{issue['key']}"
            ticket = SeenTicket("jira", issue["id"], issue["key"], active, url, issue["fields"]["summary"])
            found += [(mark, ticket) for mark in marks]
        return found

    def contents(self, ticket: SeenTicket) -> dict[str, Any]:
        """All that a ticket holds, as its tracker has it: comments, journals, properties and changes."""
        if ticket.tracker == "servicenow":
            return dict(self._asked("GET", "servicenow", f"/_sandbox/records/incident/{ticket.id}"))
        issues = self._asked("GET", "jira", "/_sandbox/issues")
        return next(dict(issue) for issue in issues if issue["id"] == ticket.id)

    def edit_as_priya(self, ticket: SeenTicket, fields: Mapping[str, Any]) -> None:
        """Let a person change fields of a ticket, by the tracker's own names for them."""
        if ticket.tracker == "servicenow":
            self._incident(ticket, fields)
        else:
            signed_in = (JIRA_PERSON.email, JIRA_PERSON.token)
            self._asked("PUT", "jira", f"/rest/api/2/issue/{ticket.id}", json={"fields": dict(fields)}, auth=signed_in)

    def resolve_as_priya(
        self,
        ticket: SeenTicket,
        resolution: str = "Done",
        close_code: str = "Solution provided",
        words: str = "The page is corrected.",
    ) -> None:
        """Let a person resolve a ticket in its tracker's own way."""
        if ticket.tracker == "servicenow":
            fields = {"state": "6", "close_code": close_code, "close_notes": words}
            self._incident(ticket, fields)
        else:
            self._move_issue(ticket, "done", {"fields": {"resolution": {"name": resolution}}})

    def accept_as_priya(self, ticket: SeenTicket) -> None:
        """Let a person close a ticket as a risk that is accepted."""
        self.resolve_as_priya(ticket, "Won't Do", "Known error", "Only directory data; families were asked.")

    def accept_until(self, tickets: Sequence[SeenTicket], span: timedelta) -> None:
        """Let a person say until when a risk is accepted: in Jira, whose tickets have a field for it."""
        end = (datetime.now(UTC) + span).isoformat(timespec="seconds")
        for ticket in tickets:
            if ticket.tracker == "jira":
                self.edit_as_priya(ticket, {RISK_FIELDS["risk_expiry"]: end})

    def reopen_as_priya(self, ticket: SeenTicket) -> None:
        """Let a person open a ticket again in its tracker's own way."""
        if ticket.tracker == "servicenow":
            self._incident(ticket, {"state": "2"})
        else:
            self._move_issue(ticket, "indeterminate", {})

    def _incident(self, ticket: SeenTicket, fields: Mapping[str, str]) -> None:
        signed_in = (SERVICENOW_PERSON.user_name, SERVICENOW_PERSON.password)
        path = f"/api/now/v2/table/incident/{ticket.id}"
        self._asked("PATCH", "servicenow", path, json=dict(fields), auth=signed_in)

    def _move_issue(self, ticket: SeenTicket, category: str, fields: Mapping[str, Any]) -> None:
        signed_in = (JIRA_PERSON.email, JIRA_PERSON.token)
        path = f"/rest/api/2/issue/{ticket.id}/transitions"
        choices = self._asked("GET", "jira", path, auth=signed_in)["transitions"]
        chosen = next(each for each in choices if each["to"]["statusCategory"]["key"] == category)
        order = {"transition": {"id": chosen["id"]}, **fields}
        self._asked("POST", "jira", path, json=order, auth=signed_in)

    def break_down(self, system: str, kind: FaultKind, **order: Any) -> None:
        """Order a fault: `method`, `path` (a regular expression), `times`, `seconds`, `status` and `headers` of it."""
        self.control(system, "POST", "faults", json={"kind": kind, **order})

    def mend(self) -> None:
        """Take back every fault that has not happened yet."""
        for system in self.addresses:
            self.control(system, "DELETE", "faults")

    def requests(self, system: str) -> list[dict[str, Any]]:
        """The requests that came to a system, oldest first: method, path, query, at, user_agent, status, fault."""
        came: list[dict[str, Any]] = self.control(system, "GET", "requests")
        return came

    def control(self, system: str, method: str, path: str, **options: Any) -> Any:
        """Any other control of a stand-in: faults, requests, settings."""
        return self._asked(method, system, f"/_sandbox/{path}", **options)

    def _asked(self, method: str, system: str, path: str, **options: Any) -> Any:
        answer = self._client.request(method, self.addresses[system] + path, **options)
        answer.raise_for_status()
        return answer.json() if answer.content else None


@contextlib.contextmanager
def open_outside_world(addresses: Mapping[str, str]) -> Iterator[Outside]:
    """The outside, for as long as this is open."""
    with httpx2.Client(timeout=30, trust_env=False) as client:
        yield Outside(addresses, client)
