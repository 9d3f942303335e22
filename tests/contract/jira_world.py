"""The world of the Jira tracker's contract tests: the sandbox's Jira, Cloud or Data Center, and Priya working in it."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, Literal

from remediation.domain.tickets import Draft, Reason, Ticket
from remediation.mapping.config.trackers.jira import JiraTracker
from remediation.outbound.answers import LARGEST_ANSWER
from remediation.trackers.jira.tracker import Jira
from sandbox.jira.stand_in import PERSON, SERVICE, jira_app
from sandbox.wire.server import serve
from tests.contract.tracker_world import World

Deployment = Literal["cloud", "data_center"]

RESOLUTIONS = {Reason.FIXED: "Done", Reason.ACCEPTED_RISK: "Won't Do", Reason.DUPLICATE: "Duplicate"}
LAG = 0.2


class JiraWorld(World):
    """The sandbox's Jira. The summary, description and comments that it keeps are those that were really sent."""

    name = "jira"
    person = PERSON.account_id
    account = SERVICE.account_id
    create_path = r"/issue$"
    urgent: ClassVar = {"priority": "Highest", "duedate": "2030-01-31"}
    answers: ClassVar = {"customfield_10020": "Priya"}

    def __init__(self, address: str, deployment: Deployment) -> None:
        super().__init__(address)
        self.deployment = deployment
        self.priya = (PERSON.email if deployment == "cloud" else PERSON.name, PERSON.token)
        unassigned = f"somebody else than the assignee (account {PERSON.account_id})"
        self.closer = unassigned if deployment == "cloud" else PERSON.name
        self.closer_name = PERSON.name.title()

    def connect(
        self,
        *,
        address: str | None = None,
        secret: str | None = None,
        connect_timeout: float = 1,
        read_timeout: float = 2,
        largest_answer: int = LARGEST_ANSWER,
        **settings: object,
    ) -> Jira:
        user = {"basic": {"user": SERVICE.email, "password": {"env": "JIRA_TOKEN"}}}
        config = JiraTracker.model_validate(
            {
                "kind": "jira",
                "url": address or self.address,
                "deployment": self.deployment,
                "auth": user if self.deployment == "cloud" else {"bearer": {"env": "JIRA_TOKEN"}},
                "connect_timeout": timedelta(seconds=connect_timeout),
                "read_timeout": timedelta(seconds=read_timeout),
                "risk_reason": "customfield_10051",
                "risk_expiry": "customfield_10052",
                **settings,
            }
        )
        return Jira(self.name, config, secret or SERVICE.token, largest_answer=largest_answer)

    def draft(self, mark: str, *, summary: str = "Exposed student data", body: str = "What to do") -> Draft:
        return Draft(mark, "SEC", summary, body, type="Task", fields={"priority": {"name": "High"}})

    def write(self, method: str, path: str, body: object = None) -> Any:
        """A request of Priya's."""
        answer = self.http.request(method, f"/rest/api/2/{path}", json=body, auth=self.priya)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def walk(self, ticket: Ticket, *transitions: str, **fields: object) -> None:
        for name in transitions[:-1]:
            self.write("POST", f"issue/{ticket.id}/transitions", {"transition": {"id": name}})
        last = {"transition": {"id": transitions[-1]}, "fields": fields}
        self.write("POST", f"issue/{ticket.id}/transitions", last)

    def start_as_person(self, ticket: Ticket) -> None:
        self.walk(ticket, "21")

    def close_as_person(self, ticket: Ticket, reason: Reason, words: str = "Done by hand") -> None:
        self.write("POST", f"issue/{ticket.id}/comment", {"body": words})
        self.walk(ticket, "31", resolution={"name": RESOLUTIONS[reason]})

    def accept_as_person(self, ticket: Ticket, why: str, until: str) -> None:
        risk = {"customfield_10051": why, "customfield_10052": until}
        self.walk(ticket, "31", resolution={"name": RESOLUTIONS[Reason.ACCEPTED_RISK]}, **risk)

    def demanding(self, mark: str) -> Draft:
        return self.draft_in("FORM", mark, customfield_10010="Lincoln")

    def closed_with(self, ticket: Ticket) -> Mapping[str, object]:
        fields: Mapping[str, object] = self.book(ticket)["fields"]
        return fields

    def predecessor(self, ticket: Ticket) -> str | None:
        links = self.book(ticket)["fields"]["issuelinks"]
        return next((link["inwardIssue"]["id"] for link in links if link["type"]["name"] == "Relates"), None)

    def related(self, ticket: Ticket) -> list[str]:
        """By issue links first, then by remote links."""
        links = self.book(ticket)["fields"]["issuelinks"]
        ends = [link.get("inwardIssue") or link["outwardIssue"] for link in links]
        keys = [self.write("GET", f"issue/{end['id']}")["key"] for end in ends]
        remote = self.write("GET", f"issue/{ticket.id}/remotelink")
        return [*keys, *(link["object"]["title"] for link in remote)]

    def write_as_person(self, summary: str, mark: str = "") -> None:
        fields: dict[str, object] = {"project": {"key": "SEC"}, "issuetype": {"name": "Task"}, "summary": summary}
        fields |= {"labels": [mark, "remedy"]} if mark else {}
        self.write("POST", "issue", {"fields": fields})

    def mark_as_person(self, ticket: Ticket, mark: str | None) -> None:
        """The property as an administrator's tool would write it: no page of Jira's shows it."""
        self.write("PUT", f"issue/{ticket.id}/properties/remedy.case", mark or "")
        self.write("PUT", f"issue/{ticket.id}", {"fields": {"labels": [mark] if mark else []}})

    def delete(self, ticket: Ticket) -> None:
        self.write("DELETE", f"issue/{ticket.id}")

    def comments(self, ticket: Ticket) -> list[str]:
        return [comment["body"] for comment in self.write("GET", f"issue/{ticket.id}/comment")["comments"]]

    def description(self, ticket: Ticket) -> str:
        return str(self.write("GET", f"issue/{ticket.id}")["fields"]["description"])

    def describe_as_person(self, ticket: Ticket, text: str) -> None:
        self.write("PUT", f"issue/{ticket.id}", {"fields": {"description": text}})

    def files(self, ticket: Ticket) -> list[tuple[str, bytes]]:
        files = self.http.get(f"/_sandbox/files/{ticket.id}").json()
        return [(name, content.encode("latin-1")) for name, content in files]

    def attach_as_person(self, ticket: Ticket, name: str, content: bytes) -> None:
        path, headers = f"/rest/api/2/issue/{ticket.id}/attachments", {"X-Atlassian-Token": "no-check"}
        assert self.http.post(path, files={"file": (name, content)}, headers=headers, auth=self.priya).is_success

    def refuse_files(self) -> None:
        self.settings(attachment_limit=None)

    def count(self, mark: str) -> int:
        return sum(mark in issue["fields"]["labels"] for issue in self.books())

    def books(self) -> list[dict[str, Any]]:
        """Every issue as it really is, without lag."""
        issues: list[dict[str, Any]] = self.http.get("/_sandbox/issues").json()
        return issues

    def wait_searchable(self) -> None:
        time.sleep(LAG + 0.05)

    def ours(self) -> list[tuple[str, str]]:
        """Method and path below the API of every request of the tracker's own."""
        return [
            (entry["method"], entry["path"].removeprefix("/rest/api/2/"))
            for entry in self.requests()
            if entry["user_agent"] == "remedy"
        ]

    def asked(self) -> list[tuple[str, str]]:
        """As `ours`, from now on only: the journal is emptied."""
        ours = self.ours()
        self.http.delete("/_sandbox/requests")
        return ours

    def book(self, ticket: Ticket) -> dict[str, Any]:
        """The issue as it really is."""
        return next(issue for issue in self.books() if issue["id"] == ticket.id)

    def draft_in(self, project: str, mark: str, **fields: object) -> Draft:
        """A ticket for another project."""
        return replace(self.draft(mark), place=project, fields=fields)

    def settings(self, **settings: object) -> None:
        """Change the stand-in's settings."""
        assert self.http.put("/_sandbox/settings", json=settings).is_success


@contextmanager
def jira_world(deployment: Deployment) -> Iterator[JiraWorld]:
    with serve(jira_app(deployment=deployment, search_lag=LAG)) as address:
        world = JiraWorld(address, deployment)
        try:
            yield world
        finally:
            world.close()
