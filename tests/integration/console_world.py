"""A console with data of two districts on a real Valkey, and a browser for each kind of person.

A test of a page asks for the fixture `console` (see conftest.py):

    async def test_a_viewer_sees_their_district(console: ConsoleWorld) -> None:
        async with console.client("viewer") as browser:
            page = await browser.get("/cases")
            assert page.status_code == 200
            await browser.submit("/cases/retry", case="…")   # a POST with the form token, as a page's form sends it

Each id of a district has the district's name in it: what a person may not see is found by that one word.
"""

import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from starlette.applications import Starlette
from starlette.types import ASGIApp

from console.app import create_app
from console.context import ConsoleContext
from console.people.access import span_of
from console.people.form_tokens import masked
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
from remediation.store.console.sessions import ConsoleIdentity, ConsoleSessions
from remediation.store.deliveries.inbox import Inbox
from remediation.store.deliveries.parked import ParkedKind, ParkedWork
from remediation.store.deliveries.refused import RefusalKind, RefusedLog
from remediation.store.server.connection import Connection

OURS, OTHERS = "lakeside", "harbor"
"""The two districts: the first is that of `viewer`, `operator` and `administrator`, the second nobody's alone."""

WORDS = "customfield_10010: is required"
"""The sealed words with which Jira refused a ticket of each district."""

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

ISSUER = "https://id.example"


def access() -> str:
    """The grants of PEOPLE as mappings.yaml has them."""
    lines = []
    for who, (grant,) in PEOPLE.items():
        districts = "" if grant.districts is None else f", districts: [{', '.join(grant.districts)}]"
        lines.append(f"    - {{user: {person(who).name}, role: {grant.role.name.lower()}{districts}}}")
    return "\n".join(lines)


def person(who: str) -> Person:
    """One of PEOPLE."""
    return Person(f"{who.replace(' ', '.')}@example.org", PEOPLE[who])


def mappings(sign_in: str = "") -> str:
    """mappings.yaml of both districts, for people who sign in at ISSUER, or in the way that is given."""
    oidc = f"oidc: {{issuer: {ISSUER}, client_id: console, client_secret: {{env: CONSOLE_CLIENT_SECRET}}}}"
    return f"""\
version: 1
districts:
  {OURS}: {{schoolscan: {{token: {{env: T}}, webhook: {{secrets: [{{env: S}}]}}}}}}
  {OTHERS}: {{schoolscan: {{token: {{env: T}}, webhook: {{secrets: [{{env: S}}]}}}}}}
trackers: {{jira: {{kind: jira, url: "https://jira.example", auth: {{bearer: {{env: J}}}}}}}}
templates: {{body: "{{{{ finding.id }}}}"}}
console:
  url: https://console.test
  sign_in: {{{sign_in or oidc}}}
  access:
{access()}
rules:
  - {{name: {OURS}-rule, match: {{district: {OURS}}}, tickets: {{jira: {{project: SEC}}}}}}
  - {{name: {OTHERS}-rule, match: {{district: {OTHERS}}}, tickets: {{jira: {{project: SEC}}}}}}
"""


MAPPINGS = mappings()


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

    def __init__(self, connection: Connection, keyring: Keyring, text: str = "") -> None:
        self.connection, self.keyring = connection, keyring
        self.loaded = loaded_of(text or mappings(), "mappings.yaml")
        self.audit = OperationAudit(connection, keyring, time.time, "console")
        self.context = ConsoleContext(connection, keyring, time.time, self._loaded, PageTemplates(), self.audit)
        self.app = create_app(self.context)

    def _loaded(self) -> Loaded:
        return self.loaded

    @asynccontextmanager
    async def client(
        self, who: str | Person = "administrator of all", app: ASGIApp | None = None, prefix: str = ""
    ) -> AsyncIterator[Browser]:
        """A browser in which one of PEOPLE has signed in, or `nobody`, or a person with one grant.

        `app` is another application on the same stores, and `prefix` that of its addresses.
        """
        transport = httpx2.ASGITransport(app=app or self.app)
        headers = {"sec-fetch-site": "same-origin", "sec-fetch-dest": "document"}
        async with Browser(transport=transport, base_url="https://console.test", headers=headers) as browser:
            if who != "nobody":
                is_named = isinstance(who, str) and self.loaded.mappings.console is not None
                identity = signed_in(str(who)) if is_named else by_link(person(who) if isinstance(who, str) else who)
                await self.enter(browser, identity, prefix)
            yield browser

    async def enter(self, browser: Browser, who: ConsoleIdentity, prefix: str = "") -> str:
        """Begin a session in this browser, as signing in does. Returns its id."""
        sessions, now = ConsoleSessions(self.connection, self.keyring), self.context.clock()
        session_id = await sessions.open(who, span_of(self.loaded.mappings.console), now, b"")
        assert session_id is not None
        kind = "__Secure-" if prefix else "__Host-"
        browser.cookies.set(f"{kind}remedy-session", session_id, domain="console.test")
        browser.form_token = masked(who.form_token)
        return session_id

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


def signed_in(who: str) -> ConsoleIdentity:
    """One of PEOPLE as the provider of `mappings` has named them."""
    return ConsoleIdentity(person(who).name, "oidc", ISSUER, form_token=token_of(person(who)))


def by_link(who: Person) -> ConsoleIdentity:
    """Somebody with one grant who has entered with a link, whatever mappings.yaml says of the console."""
    (grant,) = who.grants
    districts = None if grant.districts is None else tuple(sorted(grant.districts))
    return ConsoleIdentity(
        who.name, "link", role=grant.role.name.lower(), districts=districts, form_token=token_of(who)
    )


def same_for_all(answer: httpx2.Response) -> str:
    """What an answer says, without the token of its forms, which is written differently each time."""
    return re.sub(r'name="token" value="[^"]*"', "", answer.text)


def token_of(who: Person) -> str:
    """The form token of their sessions: the same each time, so that a page can be compared with another one."""
    return f"TOKEN-OF-{who.name.upper()}"


async def cookie_of(app: Starlette, who: str) -> tuple[bytes, bytes]:
    """The header of a browser in which one of PEOPLE has signed in, for a request that no `client` sends."""
    context: ConsoleContext = app.state.context
    sessions = ConsoleSessions(context.connection, context.keyring)
    session_id = await sessions.open(signed_in(who), span_of(None), context.clock(), b"")
    return b"cookie", f"__Host-remedy-session={session_id}".encode()


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
