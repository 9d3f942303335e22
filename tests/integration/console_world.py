"""A console with data of two districts on a real Valkey, and a browser for each kind of person.

A test of a page asks for the fixture `console` (see conftest.py):

    async def test_a_viewer_sees_their_district(console: ConsoleWorld) -> None:
        async with console.client("viewer") as browser:
            page = await browser.get("/cases")
            assert page.status_code == 200
            await browser.submit("/cases/retry", case="…")   # a POST with the form token, as a page's form sends it

Each id of a district has the district's name in it: what a person may not see is found by that one word.
"""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from starlette.types import ASGIApp, Receive, Scope, Send

from console.app import create_app
from console.context import ConsoleContext
from console.people.roles import ConsoleRole, Person, RoleGrant
from console.rendering import PageTemplates
from remediation.deliveries.events import SCHOOLSCAN
from remediation.deliveries.jira import JIRA
from remediation.domain.cases.records import CaseKey, CaseKind, Memory
from remediation.domain.errors import Refused
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Ticket, TicketState
from remediation.mapping.reading.loading import Loaded, loaded_of
from remediation.operations.auditing import OperationAudit
from remediation.queue import Band
from remediation.sealing import Keyring
from remediation.store.audit.entries import AuditAct
from remediation.store.cases.entries import Triggered
from remediation.store.cases.links import LeasedLinks
from remediation.store.cases.lists import UnlistedCases
from remediation.store.cases.timeline import Timeline
from remediation.store.cases.todo import Todo
from remediation.store.deliveries.inbox import Inbox
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from remediation.store.deliveries.refused import RefusalKind, RefusedLog
from remediation.store.server.connection import Connection

OURS, OTHERS = "lakeside", "harbor"
"""The two districts: the first is that of `viewer`, `operator` and `administrator`, the second nobody's alone."""

WORDS = "customfield_10010: is required"
"""The sealed words with which Jira refused a ticket of each district."""

MAPPINGS = f"""\
version: 1
districts:
  {OURS}: {{schoolscan: {{token: {{env: T}}, webhook: {{secrets: [{{env: S}}]}}}}}}
  {OTHERS}: {{schoolscan: {{token: {{env: T}}, webhook: {{secrets: [{{env: S}}]}}}}}}
trackers: {{jira: {{kind: jira, url: "https://jira.example", auth: {{bearer: {{env: J}}}}}}}}
templates: {{body: "{{{{ finding.id }}}}"}}
rules:
  - {{name: {OURS}-rule, match: {{district: {OURS}}}, tickets: {{jira: {{project: SEC}}}}}}
  - {{name: {OTHERS}-rule, match: {{district: {OTHERS}}}, tickets: {{jira: {{project: SEC}}}}}}
"""

_OF_OURS = frozenset({OURS})

PEOPLE: Mapping[str, tuple[RoleGrant, ...]] = {
    "viewer": (RoleGrant(ConsoleRole.VIEWER, _OF_OURS),),
    "operator": (RoleGrant(ConsoleRole.OPERATOR, _OF_OURS),),
    "administrator": (RoleGrant(ConsoleRole.ADMINISTRATOR, _OF_OURS),),
    "viewer of all": (RoleGrant(ConsoleRole.VIEWER),),
    "operator of all": (RoleGrant(ConsoleRole.OPERATOR),),
    "administrator of all": (RoleGrant(ConsoleRole.ADMINISTRATOR),),
}
"""Who there is, besides `nobody`; each is called as here, with points for spaces, at example.org."""


def settled_case(district: str) -> CaseKey:
    """A case at rest, with a ticket."""
    return CaseKey(district, CaseKind.FINDING, f"fnd_{district}_settled")


def parked_case(district: str) -> CaseKey:
    """A case whose ticket was refused, which is parked."""
    return CaseKey(district, CaseKind.FINDING, f"fnd_{district}_parked")


def ticket_of(district: str) -> Ticket:
    """The ticket of the settled case."""
    key = f"{district.upper()}-1"
    return Ticket("jira", f"10{district}", key, f"https://jira.example/browse/{key}", TicketState.IN_PROGRESS)


class Browser(httpx2.AsyncClient):
    """Somebody's browser: keeps cookies, and follows no redirect by itself."""

    form_token = ""

    async def submit(self, path: str, **fields: Any) -> httpx2.Response:
        """Send a form of one of our pages."""
        return await self.post(path, data={"token": self.form_token, **fields})


class ConsoleWorld:
    """The application, what it works with, and people."""

    def __init__(self, connection: Connection, keyring: Keyring, mappings: str = MAPPINGS) -> None:
        self.connection, self.keyring = connection, keyring
        self.loaded = loaded_of(mappings, "mappings.yaml")
        self.audit = OperationAudit(connection, keyring, time.time, "console")
        self.context = ConsoleContext(connection, keyring, time.time, self._loaded, PageTemplates(), self.audit)
        self.app = create_app(self.context)

    def _loaded(self) -> Loaded:
        return self.loaded

    @asynccontextmanager
    async def client(self, who: str = "administrator of all") -> AsyncIterator[Browser]:
        """A browser in which one of PEOPLE has signed in, or `nobody`."""
        app = self.app if who == "nobody" else _signed_in(self.app, person(who))
        async with Browser(transport=httpx2.ASGITransport(app=app), base_url="https://console.test") as browser:
            yield browser

    async def acts(self) -> list[tuple[str, str]]:
        """What the audit has, oldest first: each act, and by whom."""
        await self.audit.chain()
        return [(line.entry.act, line.entry.by) async for line in self.audit.trail.lines()]

    async def plant(self, district: str) -> None:
        """Cases, parked work, deliveries and lines of the audit of one district."""
        now = time.time() - 3_600
        await self._plant_settled(district, now)
        await self._plant_parked(district, now)
        await self._plant_deliveries(district, now)

    async def _plant_settled(self, district: str, now: float) -> None:
        key, todo = settled_case(district), Todo(self.connection)
        await todo.mark([(key, Band.HIGH)], now, f"webhook:{SCHOOLSCAN.name}")
        lease = await todo.take(key.ref, now)
        assert lease is not None
        await LeasedLinks(self.connection, lease, clock=lambda: now).link(ticket_of(district))
        memory = Memory(
            Status.REVIEWING,
            {"jira": TicketState.IN_PROGRESS},
            severity=Severity.HIGH,
            rule=f"{district}-rule",
        )
        assert await todo.settle(lease, memory, now)
        cause = f"webhook:{SCHOOLSCAN.name}"
        await Timeline(self.connection).tell(key.ref, [Triggered(now, cause, now)], is_first=True)

    async def _plant_parked(self, district: str, now: float) -> None:
        key, work = parked_case(district), ParkedWork(self.connection, self.keyring)
        await Todo(self.connection).mark([(key, Band.CRITICAL)], now)
        error = Refused("jira", WORDS, status=400)
        await work.park(ParkedKind.ACTION, key.ref, error, now, district=district, action="open:jira")
        await self.audit.note(self.audit.entry(AuditAct.RETRY, "somebody@example.org", piece=key.ref, count=1))

    async def _plant_deliveries(self, district: str, now: float) -> None:
        inbox = Inbox(self.connection, self.keyring)
        await inbox.accept(f"dlv_{district}_new", SCHOOLSCAN, district, b"{}", now)
        await inbox.accept(
            f"dlv_{district}_unreadable", SCHOOLSCAN, district, b"{", now, unreadable="the body is not JSON"
        )
        refused = RefusalKind(SCHOOLSCAN.name, district, 401, "signature")
        await RefusedLog(self.connection).note([(refused, 3)], now)


def person(who: str) -> Person:
    """One of PEOPLE."""
    return Person(f"{who.replace(' ', '.')}@example.org", PEOPLE[who])


def _signed_in(app: ASGIApp, who: Person) -> ASGIApp:
    async def known(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {}).update(person=who, form_token="")
        await app(scope, receive, send)

    return known


@asynccontextmanager
async def open_console(connection: Connection, keyring: Keyring) -> AsyncIterator[ConsoleWorld]:
    """A console with data of both districts, and a delivery of a tracker, which is of neither."""
    world = ConsoleWorld(connection, keyring)
    while not await UnlistedCases(connection).list_some(time.time()):
        pass
    for district in (OURS, OTHERS):
        await world.plant(district)
    await Inbox(connection, keyring).accept("dlv_of_jira", JIRA, "jira", b"{}", time.time())
    yield world
