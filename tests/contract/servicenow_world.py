"""The world of ServiceNow's contract tests: the stand-in, and Priya from the help desk."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any, ClassVar

import httpx2

from remediation.domain.tickets import Draft, Reason, Ticket
from remediation.mapping.config.trackers.servicenow import ServiceNowTracker
from remediation.mapping.config.trackers.servicenow_tables import words_of_table
from remediation.outbound.answers import LARGEST_ANSWER
from remediation.trackers.servicenow.tracker import ServiceNow
from sandbox.servicenow.stand_in import INTEGRATION, PERSON, ServiceNowTables, servicenow_app
from sandbox.wire.server import serve
from tests.contract.tracker_suite import World

SECRET = {"env": "UNUSED"}
CODES = {Reason.FIXED: "Solution provided", Reason.ACCEPTED_RISK: "Known error", Reason.DUPLICATE: "Duplicate"}


class ServiceNowWorld(World):
    name = "helpdesk"
    person = PERSON.sys_id
    closer = PERSON.user_name
    closer_name = "Priya Helpdesk"
    account = INTEGRATION.user_name
    create_path = "/table/[a-z_]+$"
    urgent: ClassVar = {"impact": "1", "urgency": "1", "due_date": "2030-01-31 00:00:00"}
    answers: ClassVar = {"u_cause": "A folder without a lock"}
    table = "incident"
    working = "2"
    done = "6"
    codes: ClassVar[Mapping[Reason, str]] = CODES
    words: ClassVar[Mapping[str, object]] = {
        "close_codes": {**words_of_table("incident").close_codes, "known error": Reason.ACCEPTED_RISK}
    }
    """What the file says of codes: nothing that ServiceNow is shipped with accepts a risk."""

    def __init__(self, address: str, tables: ServiceNowTables) -> None:
        super().__init__(address)
        self.tables = tables

    def connect(
        self,
        *,
        address: str | None = None,
        secret: str | None = None,
        connect_timeout: float = 1,
        read_timeout: float = 2,
        largest_answer: int = LARGEST_ANSWER,
        **settings: object,
    ) -> ServiceNow:
        config = {
            "kind": "servicenow",
            "url": address or self.address,
            "auth": {"basic": {"user": INTEGRATION.user_name, "password": SECRET}},
            "connect_timeout": timedelta(seconds=connect_timeout),
            "read_timeout": timedelta(seconds=read_timeout),
            "table": self.table,
            "risk_reason": "u_risk_reason",
            "risk_expiry": "u_risk_until",
            **({} if "table" in settings else self.words),
        }
        written = ServiceNowTracker.model_validate(config | settings)
        return ServiceNow(self.name, written, secret or INTEGRATION.password, largest_answer=largest_answer)

    def draft(self, mark: str, *, summary: str = "Exposed student data", body: str = "What to do") -> Draft:
        return Draft(mark, self.table, summary, body, fields={"impact": "1", "urgency": "2"})

    def start_as_person(self, ticket: Ticket) -> None:
        self.patch(ticket, state=self.working)

    def close_as_person(self, ticket: Ticket, reason: Reason, words: str = "Done by hand") -> None:
        self.patch(ticket, state=self.done, close_code=self.codes[reason], close_notes=words)

    def accept_as_person(self, ticket: Ticket, why: str, until: str) -> None:
        code = self.codes[Reason.ACCEPTED_RISK]
        risk = {"u_risk_reason": why, "u_risk_until": until}
        self.patch(ticket, state=self.done, close_code=code, close_notes="See above", **risk)

    def demanding(self, mark: str) -> Draft:
        self.set(mandatory_to_close=["u_cause"])
        return self.draft(mark)

    def closed_with(self, ticket: Ticket) -> Mapping[str, object]:
        values: Mapping[str, object] = self.record(ticket)["values"]
        return values

    def predecessor(self, ticket: Ticket) -> str | None:
        parent = self.record(ticket)["values"]["parent"]
        return f"{self.table}/{parent}" if parent else None

    def related(self, ticket: Ticket) -> list[str]:
        return self.comments(ticket)

    def write_as_person(self, summary: str, mark: str = "") -> None:
        ours = {"correlation_id": mark, "correlation_display": "remedy"} if mark else {}
        self.ask("POST", f"/api/now/v2/table/{self.table}", json={"short_description": summary, **ours})

    def mark_as_person(self, ticket: Ticket, mark: str | None) -> None:
        self.patch(ticket, correlation_id=mark or "")

    def delete(self, ticket: Ticket) -> None:
        self.ask("DELETE", f"/api/now/v2/table/{ticket.id}")

    def comments(self, ticket: Ticket) -> list[str]:
        return [entry["value"] for entry in self.record(ticket)["journal"]]

    def description(self, ticket: Ticket) -> str:
        return str(self.record(ticket)["values"]["description"])

    def describe_as_person(self, ticket: Ticket, text: str) -> None:
        self.patch(ticket, description=text)

    def files(self, ticket: Ticket) -> list[tuple[str, bytes]]:
        files = self.http.get(f"/_sandbox/files/{ticket.id}").json()
        return [(name, content.encode("latin-1")) for name, content in files]

    def attach_as_person(self, ticket: Ticket, name: str, content: bytes) -> None:
        table, sys_id = ticket.id.split("/")
        named = {"table_name": table, "table_sys_id": sys_id, "file_name": name}
        self.ask("POST", "/api/now/attachment/file", params=named, content=content)

    def refuse_files(self) -> None:
        self.set(no_attachments=True)

    def count(self, mark: str) -> int:
        records = self.http.get("/_sandbox/records").json()
        return sum(record["values"]["correlation_id"] == mark for record in records)

    def wait_searchable(self) -> None:
        """ServiceNow's tables are searched as they are."""

    def patch(self, ticket: Ticket, **payload: str) -> None:
        self.ask("PATCH", f"/api/now/v2/table/{ticket.id}", json=payload)

    def ask(self, method: str, path: str, **request: Any) -> httpx2.Response:
        answer = self.http.request(method, path, auth=(PERSON.user_name, PERSON.password), **request)
        assert answer.is_success, answer.text
        return answer

    def record(self, ticket: Ticket) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.get(f"/_sandbox/records/{ticket.id}").json()
        return answer

    def set(self, **settings: object) -> None:
        assert self.http.patch("/_sandbox/settings", json=settings).is_success

    @asynccontextmanager
    async def connected(self, **settings: Any) -> AsyncIterator[ServiceNow]:
        """A tracker with these settings, closed when it is no longer needed."""
        tracker = self.connect(**settings)
        yield tracker
        await tracker.close()


class SecurityWorld(ServiceNowWorld):
    """The same, with tickets in the table of Security Incident Response, and two choices of the customer's."""

    table = "sn_si_incident"
    working = "16"
    done = "3"
    codes: ClassVar = {
        Reason.FIXED: "Patched vulnerability",
        Reason.ACCEPTED_RISK: "Risk accepted",
        Reason.DUPLICATE: "Duplicate",
    }
    words: ClassVar = {
        "resolve_codes": {Reason.ACCEPTED_RISK: "Risk accepted", Reason.DUPLICATE: "Duplicate"},
    }

    def __init__(self, address: str, tables: ServiceNowTables) -> None:
        super().__init__(address, tables)
        self.set(own_close_codes=["Risk accepted", "Duplicate"])


@contextmanager
def servicenow_world(kind: type[ServiceNowWorld] = ServiceNowWorld) -> Iterator[ServiceNowWorld]:
    """A stand-in of its own, which runs until the end of the block."""
    app = servicenow_app()
    with serve(app) as address:
        world = kind(address, app.state.servicenow)
        yield world
        world.close()
