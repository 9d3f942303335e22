"""Two districts with findings of the same ids, four trackers on three sites, and a mappings.yaml that changes.

The stand-ins, the adapters and the rules are the real ones; SchoolScan is in memory.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Reason, Ticket
from remediation.mapping.reading.loading import loaded_of
from remediation.rulebook import MappingsRulebook
from remediation.sealing import Keyring
from remediation.store.keys import DIRTY
from remediation.store.server.connection import Connection
from remedy.runtime.calls.outbound import Outbound
from sandbox.jira.stand_in import SERVICE, jira_app
from sandbox.jira.state import Account
from sandbox.servicenow.stand_in import INTEGRATION, ServiceNowTables, servicenow_app
from sandbox.wire.server import serve
from tests.contract.jira_world import JiraWorld
from tests.contract.servicenow_world import ServiceNowWorld
from tests.integration.offices import Office
from tests.stand_ins import LATER, MemorySource, RealClock
from workers.rounds.polls import poll_trackers
from workers.rounds.upkeep import note_districts, sweep

NORTH = CaseKey("north", CaseKind.FINDING, "fnd_1")
SOUTH = CaseKey("south", CaseKind.FINDING, "fnd_1")
KEYS = (NORTH, SOUTH)
CLOSED = {"incident": ("6", "2", "Solution provided"), "sn_si_incident": ("3", "16", "Patched vulnerability")}
"""Of each table: the state of a closed record, the state of one that is worked on, and a close code."""


@dataclass(frozen=True, slots=True)
class File:
    """What mappings.yaml says just now.

    `web_at`, `web_kind`, `web_account` and `web_more` are of the north's first tracker: where it is, as the name of a
    site or an address, of which kind, who signs in to it, and more words of it.
    """

    web: str = "jira-web"
    web_at: str = "north"
    web_kind: str = "jira"
    web_account: Account = SERVICE
    web_more: str = ""
    web_project: str = "SEC"
    privacy_project: str = "WEB"
    table: str = "incident"
    rule: str = "north"
    has_web: bool = True
    has_desk: bool = True
    has_privacy: bool = True
    has_rule: bool = True
    has_north: bool = True
    has_south: bool = True

    def having(self, word: str, *, there: bool) -> "File":
        """The file with what `word` (one of has_…) stands for, or without it."""
        fields: dict[str, Any] = {word: there}
        return replace(self, **fields)

    def text(self, sites: "Sites") -> str:
        """The file itself, for stand-ins at these addresses."""
        tickets = {
            self.web: (self.has_web, f"{{project: {self.web_project}}}" if self.web_kind == "jira" else "{}"),
            "jira-privacy": (self.has_privacy, f"{{project: {self.privacy_project}}}"),
            "context": (self.has_desk, "{}"),
        }
        wanted = ", ".join(f"{name}: {words}" for name, (is_there, words) in tickets.items() if is_there)
        north, has_rule = self.has_north, self.has_north and self.has_rule and bool(wanted)
        jira = f"kind: jira, deployment: cloud, auth: {{basic: {{user: {SERVICE.email}, password: {{env: C}}}}}}"
        context = f"kind: servicenow, auth: {{basic: {{user: {INTEGRATION.user_name}, password: {{env: C}}}}}}"
        former_name = "jira-site" if self.web == "jira-web" else "jira-web"
        former_table = "sn_si_incident" if self.table == "incident" else "incident"
        tables = f"table: {self.table}, former_tables: {{{former_table}: {{}}}}"
        if self.web_kind == "servicenow":  # two trackers on one instance have a table each
            web, tables = f"{context}, table: {former_table}", f"table: {self.table}"
        else:
            web = jira.replace(SERVICE.email, self.web_account.email)
        web_url = getattr(sites, self.web_at).address if "/" not in self.web_at else self.web_at
        match = "match: {any: [{district: north}]}"
        lines = [
            "version: 1",
            "districts:",
            *(_district(name) for name, is_there in (("north", north), ("south", self.has_south)) if is_there),
            "  spare: {schoolscan: {url: 'https://spare.example/v1', token: {env: A}, webhook: {secrets: [{env: B}]}}}",
            "trackers:",
            f"  {self.web}: {{{web}, url: '{web_url}', formerly: [{former_name}]{self.web_more}}}" * self.has_web,
            f"  jira-privacy: {{{jira}, url: '{sites.north.address}'}}" * self.has_privacy,
            f"  context: {{{context}, url: '{sites.snow.address}', {tables}}}" * self.has_desk,
            f"  jira-south: {{{jira}, url: '{sites.south.address}'}}",
            "templates: {body: What to do}",
            "defaults: {resolve_when: any}",
            "rules:",
            f"  - {{name: {self.rule}, {match}, resolve_when: all, tickets: {{{wanted}}}}}" * has_rule,
            "  - {name: south, match: {district: south}, tickets: {jira-south: {project: SEC}}}" * self.has_south,
            "  - {name: spare, match: {district: spare}, tickets: {jira-south: {project: SEC}}}",
        ]
        return "\n".join(line for line in lines if line)


def _district(name: str) -> str:
    webhook = "webhook: {secrets: [{env: B}]}"
    return f"  {name}: {{schoolscan: {{url: 'https://{name}.example/v1', token: {{env: A}}, {webhook}}}}}"


@dataclass(frozen=True, slots=True)
class Sites:
    """The north's Jira, the south's Jira with the same keys and ids, and one ServiceNow."""

    north: JiraWorld
    south: JiraWorld
    snow: ServiceNowWorld

    def begin_again(self) -> None:
        """Nothing is in them any more, and nothing goes wrong."""
        for jira in (self.north, self.south):
            assert jira.http.delete("/_sandbox/issues").is_success
        for records in self.snow.tables.records.values():
            records.clear()
        self.mend()

    def mend(self) -> None:
        """Take back what was to go wrong and has not happened yet."""
        for site in (self.north, self.south, self.snow):
            assert site.http.delete("/_sandbox/faults").is_success

    def lose_an_answer(self, site: str, path: str) -> None:
        """The next ticket is created there, and nobody hears of it."""
        world: JiraWorld | ServiceNowWorld = getattr(self, site)
        world.fault("lost_reply", method="POST", path=path)


@dataclass(frozen=True, slots=True)
class Standing:
    """A ticket that there really is: where, its id there, and whether it waits for somebody."""

    site: str
    id: str
    is_active: bool
    table: str = ""


@contextmanager
def open_sites(clock: RealClock) -> Iterator[Sites]:
    """Three stand-ins by this clock, until the end of the block."""
    tables = ServiceNowTables(lambda: datetime.fromtimestamp(clock(), UTC))
    with (
        serve(jira_app(search_lag=0, clock=clock)) as north,
        serve(jira_app(search_lag=0, clock=clock)) as south,
        serve(servicenow_app(tables)) as snow,
    ):
        sites = Sites(JiraWorld(north, "cloud"), JiraWorld(south, "cloud"), ServiceNowWorld(snow, tables))
        yield sites
        for each in (sites.north, sites.south, sites.snow):
            each.close()


class ChangingWorld(Office):
    """One installation, from its first day on. `wrongs` collects what must never be done."""

    def __init__(self, connection: Connection, keyring: Keyring, sites: Sites, clock: RealClock) -> None:
        super().__init__(connection, keyring, clock=clock)
        self.sites, self._keyring = sites, keyring
        self.file = File()
        self.wrongs: list[str] = []
        self.is_forgetful = False  # Redis was lost, and not all has been seen since
        self.books = {
            key.district: Watched(self, key, Finding("fnd_1", Status.OPEN, Severity.HIGH, detected_at=LATER))
            for key in KEYS
        }

    async def begin(self) -> None:
        """The first file is taken, and both cases have all their tickets."""
        await self.take(File())
        await self.rounds(1.0)
        for key in (NORTH, SOUTH):
            await self.look_at(key)

    async def take(self, file: File) -> None:
        """The workers take this file."""
        mappings = loaded_of(file.text(self.sites), "mappings.yaml").mappings
        for tracker in set(self.trackers.values()) - {self.jira, self.snow}:
            await tracker.close()
        self.file = file
        secrets = {"jira": SERVICE.token, "servicenow": INTEGRATION.password}
        self.trackers = {
            name: Outbound().tracker(name, config, secrets[config.sender.name])
            for name, config in mappings.trackers.items()
        }
        if file.web in self.trackers and file.web_kind == "jira":
            web = mappings.trackers[file.web]
            self.trackers[file.web] = Outbound().tracker(file.web, web, file.web_account.token)
        spare = MemorySource()
        self.accounts = {name: self.books.get(name, spare) for name in mappings.districts}
        self.context = self.context_with(self._keyring, MappingsRulebook(mappings))

    def standing(self, key: CaseKey) -> list[Standing]:
        """Every ticket of the case that there really is, wherever it is."""
        found = []
        for name, jira in (("north", self.sites.north), ("south", self.sites.south)):
            for issue in jira.books():
                if key.mark in issue["fields"]["labels"]:
                    is_active = issue["fields"]["status"]["statusCategory"]["key"] != "done"
                    found.append(Standing(name, issue["id"], is_active))
        for record in self.sites.snow.http.get("/_sandbox/records").json():
            if record["values"]["correlation_id"] == key.mark:
                table, values = record["table"], record["values"]
                is_active = values["state"] != CLOSED[table][0]
                found.append(Standing("snow", values["sys_id"], is_active, table))
        return found

    def close_as_person(self, ticket: Standing) -> None:
        """A person closes the ticket as fixed."""
        if ticket.site == "snow":
            done, _, code = CLOSED[ticket.table]
            self._patch(ticket, state=done, close_code=code, close_notes="Done by hand")
        else:
            self._jira(ticket).close_as_person(_named(ticket), Reason.FIXED)

    def work_as_person(self, ticket: Standing) -> None:
        """A person begins to work on the ticket, or does so again."""
        if ticket.site == "snow":
            self._patch(ticket, state=CLOSED[ticket.table][1])
        else:
            self._jira(ticket).start_as_person(_named(ticket))

    def comment_as_person(self) -> None:
        """A person writes something into every ticket."""
        for ticket in [each for key in KEYS for each in self.standing(key)]:
            if ticket.site == "snow":
                self._patch(ticket, comments="Is this still open?")
            else:
                self._jira(ticket).write("POST", f"issue/{ticket.id}/comment", {"body": "Is this still open?"})

    def _jira(self, ticket: Standing) -> JiraWorld:
        return self.sites.north if ticket.site == "north" else self.sites.south

    def _patch(self, ticket: Standing, **payload: str) -> None:
        self.sites.snow.ask("PATCH", f"/api/now/v2/table/{ticket.table}/{ticket.id}", json=payload)

    async def close_all_but_what_goes_out_of_sight(self, word: str) -> None:
        """The file names no more one of the north's trackers (`word` says which), and people close the other tickets.

        A worker looks before, when all is named, and afterwards.
        """
        self.books["north"].set_status("fnd_1", Status.OPEN)
        await self.take(replace(self.file, **ALL_OF_THE_NORTH))
        await self.look_at(NORTH)
        record = await self.context.todo.record(NORTH.ref)
        links = record.links if record else {}
        unseen = {links[name].ticket_id for name in NAMES[word] if name in links}
        await self.take(self.file.having(word, there=False))
        for ticket in self.standing(NORTH):
            if ticket.is_active and not any(ticket.id in each for each in unseen):
                self.close_as_person(ticket)
        await self.look_at(NORTH)

    async def close_one_without_a_rule(self, which: int) -> None:
        """The north's rule is taken out of the file; a person closes one of its tickets, and a worker looks.

        The rule waits for all of them, and `defaults` for any.
        """
        self.books["north"].set_status("fnd_1", Status.OPEN)
        await self.take(replace(self.file, **ALL_OF_THE_NORTH))
        await self.look_at(NORTH)
        await self.take(replace(self.file, has_rule=False))
        active = [each for each in self.standing(NORTH) if each.is_active]
        for ticket in active[which : which + 1]:
            self.close_as_person(ticket)
        before = self.books["north"].findings["fnd_1"].status
        await self.look_at(NORTH)
        after = self.books["north"].findings["fnd_1"].status
        if before.is_unsolved and after.is_solved and len(active) > 1 and not self.is_forgetful:
            self.wrongs.append(f"{NORTH.ref} became {after} by one of {active}, against its last rule")

    async def hold_in_a_former_table(self) -> None:
        """The context's table changes under a ticket that is open; a person puts it On Hold and closes the others."""
        self.books["north"].set_status("fnd_1", Status.OPEN)
        await self.take(replace(self.file, **ALL_OF_THE_NORTH))
        await self.look_at(NORTH)
        await self.take(changed(self.file, "table"))
        for ticket in self.standing(NORTH):
            if ticket.site == "snow" and ticket.is_active and ticket.table == "incident":
                self._patch(ticket, state=ON_HOLD)
            elif ticket.site != "snow" and ticket.is_active:
                self.close_as_person(ticket)
        await self.look_at(NORTH)

    async def close_while_a_district_is_missing(self, key: CaseKey) -> bool:
        """A district is not in the file while all its tickets are closed; polls alone tell of them once it is back.

        Answers whether a ticket was closed, and nobody has to look at anything any more.
        """
        word = f"has_{key.district}"
        await self.take(replace(self.file, **ALL_OF_THE_NORTH, has_south=True))
        await self.look_at(key)
        await self.take(self.file.having(word, there=False))
        active = [each for each in self.standing(key) if each.is_active]
        for ticket in active:
            self.close_as_person(ticket)
        for seconds in (60.0, AFTER_THE_OVERLAP):
            await self.rounds(seconds)
        await self.take(self.file.having(word, there=True))
        await self.rounds(60.0)
        return bool(active) and await self.is_clean() and not await self.parked()

    async def look_at(self, key: CaseKey) -> None:
        """Something tells of the case, and a worker looks."""
        await self.mark(key)
        await self.work()

    async def rounds(self, seconds: float) -> None:
        """Time goes by; then the rounds of a worker, and what these call for."""
        self.clock.pass_by(seconds)
        for each in (note_districts, poll_trackers, sweep):
            await each(self.arq_context)
        await self.work()

    async def replay(self) -> None:
        """A person asks for everything that is parked once more."""
        for name in await self.parked():
            await self.context.parked.replay(name, self.clock())
        await self.work()

    async def wipe(self) -> None:
        """Redis is lost, at a moment when every search knows every ticket."""
        await self.redis.flushall()
        self.is_forgetful = True

    async def rest(self) -> None:
        """The first file is put back, every change is noticed, and time goes by."""
        self.sites.mend()
        await self.take(File())
        if self.is_forgetful:  # of a solved finding's ticket that we have forgotten only the tracker can tell
            self.comment_as_person()
            await self.rounds(1.0)
        for _ in range(3):
            for key in KEYS:
                await self.look_at(key)
            await self.rounds(1_000.0)
            await self.replay()
        self.is_forgetful = False

    def agreement(self, key: CaseKey) -> str:
        """In what way both sides do not agree; empty where they do."""
        status, tickets = self.books[key.district].findings["fnd_1"].status, self.standing(key)
        active = [each for each in tickets if each.is_active]
        if status.is_solved:
            return f"{key.ref} is {status} with {active}" if active else ""
        wanted = {"north": ["north", "north", "snow"], "south": ["south"]}[key.district]
        agrees = status is Status.REVIEWING and active and sorted(each.site for each in tickets) == wanted
        return "" if agrees else f"{key.ref} is {status} with {tickets}"

    def too_many(self, key: CaseKey) -> list[Standing]:
        """The case's tickets, where it has more than it can want in one place, or one where it can want none."""
        most = {"north": {"north": 2, "snow": 1}, "south": {"south": 1}}[key.district]
        tickets = self.standing(key)
        sites = [each.site for each in tickets]
        return [] if all(sites.count(site) <= most.get(site, 0) for site in sites) else tickets

    def written(self) -> tuple[object, ...]:
        """All that anybody has ever written outside."""
        issues = [jira.books() for jira in (self.sites.north, self.sites.south)]
        updates = [len(source.updates) for source in self.books.values()]
        return issues, self.sites.snow.http.get("/_sandbox/records").json(), updates

    async def is_clean(self) -> bool:
        """Nobody has to look at anything."""
        return not await self.redis.zcard(DIRTY)


class Watched(MemorySource):
    """A district's findings. What we write is judged the moment that it is written."""

    def __init__(self, world: ChangingWorld, key: CaseKey, finding: Finding) -> None:
        super().__init__(finding)
        self._world, self._key = world, key

    async def update_finding(self, finding_id: str, status: Status, note: str) -> None:
        """As SchoolScan takes it. A finding is not solved while one of its tickets is open, seen or unseen."""
        active = [each for each in self._world.standing(self._key) if each.is_active]
        if status.is_solved and active and not self._world.is_forgetful:
            self._world.wrongs.append(f"{self._key.ref} became {status} while {active} were open: {note}")
        await super().update_finding(finding_id, status, note)


def _named(ticket: Standing) -> Ticket:
    """What people's tools need of a ticket: its id."""
    return cast("Ticket", SimpleNamespace(id=ticket.id))


ALL_OF_THE_NORTH: Mapping[str, Any] = dict.fromkeys(
    ("has_web", "has_desk", "has_privacy", "has_rule", "has_north"), True
)
NAMES = {"has_web": ("jira-web", "jira-site"), "has_desk": ("context",), "has_privacy": ("jira-privacy",)}
AFTER_THE_OVERLAP = 1_000.0
"""Seconds after which a poll does not list a change once more."""
ON_HOLD = "3"
"""Of an incident; of a security incident it is the state of a closed one."""

CHANGES: Mapping[str, Any] = {
    "web": ("jira-web", "jira-site"),
    "table": ("incident", "sn_si_incident"),
    "rule": ("north", "renamed"),
    **dict.fromkeys(
        ("has_web", "has_desk", "has_privacy", "has_rule", "has_north", "has_south"),
        (True, False),
    ),
}
"""What may change in the file, and what it may be: renamed, removed, put back. Projects are swapped as well."""


def changed(file: File, word: str) -> File:
    """The file after one change: each is undone by being made again."""
    if word == "projects":
        return replace(file, web_project=file.privacy_project, privacy_project=file.web_project)
    first, second = CHANGES[word]
    return replace(file, **{word: second if getattr(file, word) == first else first})
