"""A district that mappings.yaml does not name for a while: what happens meanwhile is held, and done once it is back."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import Waiting
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Draft, Reason, TicketState
from remediation.sealing import Keyring
from remediation.sources.schoolscan.client import system_of
from remediation.store.keys import APPOINTMENTS, CASE, DIRTY
from remediation.store.server.connection import Connection
from remediation.store.systems import Systems
from tests.integration.offices import KEY, Office
from tests.integration.telling import TellingTracker, jira_body
from tests.integration.test_jobs_ticket_deliveries import read
from tests.stand_ins import LATER, MemorySource, PlainRulebook
from workers.rounds.polls import poll_trackers
from workers.rounds.upkeep import note_districts

NEIGHBOUR = CaseKey("harbor", CaseKind.FINDING, "fnd_1")


class Absences(Office):
    """Lakeside and its neighbour, each with a finding and its tickets; lakeside can be taken out of the file."""

    async def begin(self) -> None:
        finding = Finding("fnd_1", Status.OPEN, Severity.HIGH, detected_at=LATER)
        self.accounts["harbor"] = MemorySource(finding)
        for key in (KEY, NEIGHBOUR):
            await self.mark(key)
        await self.work()
        await self.round()

    async def take_out(self) -> None:
        """mappings.yaml does not name lakeside any more."""
        del self.accounts["lakeside"]
        assert isinstance(self.context.rulebook, PlainRulebook)
        self.context.rulebook.unnamed.add("lakeside")
        await self.round()

    async def put_back(self) -> None:
        """It does again: as after a restart, nothing is remembered but what the store has."""
        self.accounts["lakeside"] = self.source
        self.context = replace(self.context, rulebook=PlainRulebook(*self.trackers))
        await self.round()

    async def round(self, seconds: float = 60.0) -> None:
        """The rounds of a worker, and what these call for."""
        self.clock.pass_by(seconds)
        await note_districts(self.arq_context)
        await poll_trackers(self.arq_context)
        await self.context.systems.release(self.clock())
        await self.context.todo.sweep(self.clock())
        await self.work()

    def close_as_person(self, key: CaseKey = KEY, reason: Reason = Reason.FIXED) -> None:
        for tracker in (self.jira, self.snow):
            for ticket in tracker.of(key.mark):
                tracker.change(ticket.id, TicketState.DONE, reason, by="person")


@pytest.fixture
async def office(connection: Connection, keyring: Keyring) -> Absences:
    office = Absences(connection, keyring)
    await office.begin()
    return office


async def test_what_a_person_did_meanwhile_counts_once_the_district_is_back(office: Absences) -> None:
    await office.take_out()
    office.close_as_person()
    office.close_as_person(NEIGHBOUR)
    for _ in range(5):
        await office.round()
    harbor = office.accounts["harbor"]
    assert isinstance(harbor, MemorySource)
    assert harbor.findings["fnd_1"].status is Status.RESOLVED, "the others are not held up"
    assert office.status() is Status.REVIEWING
    await office.put_back()
    for _ in range(3):
        await office.round()
    assert office.status() is Status.RESOLVED
    assert await office.parked() == {}
    assert await office.context.todo.dirty() == 0


async def test_while_it_is_not_named_its_cases_wait_and_it_is_said(office: Absences) -> None:
    with capture_logs() as lines:
        await office.take_out()
        office.close_as_person()
        for _ in range(3):
            await office.round()
    assert await office.parked() == {}
    assert await office.context.todo.dirty() == 1
    (trouble,) = await Systems(office.connection).in_trouble()
    assert (trouble.system, trouble.waiting, trouble.cases) == (system_of("lakeside"), Waiting.UNNAMED, 1)
    told = [line["event"] for line in lines if line["log_level"] == "warning"]
    assert told == ["district_not_named", "system_waited_for"]


async def test_one_that_is_gone_for_good_is_asked_for_ever_more_seldom_and_its_cases_still_go_on_once_it_is_back(
    office: Absences,
) -> None:
    await office.take_out()
    office.close_as_person()
    await office.round()

    office.clock.pass_by(2 * 86_400.0)
    await office.connection.ask(office.redis.hset(CASE + KEY.ref, "attempts", "30"))
    looks = 0
    for _ in range(120):
        office.clock.pass_by(60.0)
        await office.context.systems.release(office.clock())
        await office.context.todo.sweep(office.clock())
        looks += len(await office.work())
    assert 8 <= looks <= 10, "in two hours one case asks for all every quarter of an hour"
    assert await office.redis.zscore(DIRTY, KEY.ref) > (office.clock() + 40_000.0) * 1000, "by itself, once a day"
    await office.context.systems.ask_again(office.clock())  # as whoever takes a changed file does
    await office.put_back()
    await office.round()
    assert office.status() is Status.RESOLVED


async def test_a_webhook_of_a_tracker_is_held_as_well_a_deletion_among_them(
    connection: Connection, keyring: Keyring
) -> None:
    office = Absences(connection, keyring)
    jira = TellingTracker("jira", office.clock)
    office.trackers.clear()
    office.trackers["jira"] = jira
    await office.begin()
    await office.take_out()
    (ticket,) = jira.of(KEY.mark)
    del jira.books[ticket.id]  # no list of changes ever tells of it
    assert await read(office, jira_body(ticket, "jira:issue_deleted")) == "marked"
    await office.round()
    await office.put_back()
    await office.round()
    assert len(jira.of(KEY.mark)) == 1, "a new one was opened"
    assert (await office.record()).links["jira"].ticket_id in jira.books


async def test_a_mark_of_a_district_that_was_never_ours_makes_no_case(office: Absences) -> None:
    await office.take_out()
    for mark in ("remedy:nowhere:finding:fnd_1", "remedy:lakeside:finding:never_seen"):
        office.jira.keep(Draft(mark, "SEC", "summary", "body"))
        await office.round()
        assert await office.context.todo.record(mark.removeprefix("remedy:")) is None


async def test_an_appointment_that_comes_meanwhile_is_kept_once_it_is_back(office: Absences) -> None:
    await office.redis.zadd(APPOINTMENTS, {KEY.ref: int((office.clock() + 90) * 1000)})
    await office.take_out()
    await office.round(120)
    assert await office.context.todo.dirty() == 1
    await office.put_back()
    assert await office.context.todo.dirty() == 0


async def test_findings_that_changed_meanwhile_are_listed_once_it_is_back(office: Absences) -> None:
    """Its deliveries were answered 404: nobody had its secrets."""
    at = datetime.fromtimestamp(office.clock() - 86_400, tz=UTC)
    office.source.findings["old"] = Finding("old", Status.OPEN, Severity.LOW, detected_at=at, updated_at=at)
    await office.take_out()
    await office.round(3_600)
    office.close_as_person(reason=Reason.FIXED)
    now = datetime.fromtimestamp(office.clock(), tz=UTC)
    office.source.findings["new"] = Finding("new", Status.OPEN, Severity.CRITICAL, detected_at=now)
    await office.round(3_600)
    with capture_logs() as lines:
        await office.put_back()
        await office.round()
    assert [line["district"] for line in lines if line["event"] == "district_back"] == ["lakeside"]
    assert office.source.findings["new"].status is Status.REVIEWING
    assert office.source.findings["old"].status is Status.OPEN, "it did not change"
    pages = office.source.troubles.calls.count("findings_page")
    for _ in range(3):
        await office.round()
    assert office.source.troubles.calls.count("findings_page") == pages == 1


async def test_a_district_that_is_new_is_no_district_that_is_back(office: Absences) -> None:
    office.accounts["uptown"] = MemorySource()
    with capture_logs() as lines:
        await office.round()
    assert [line["event"] for line in lines if line["event"].startswith("district")] == []


async def test_a_tracker_that_is_not_named_for_a_while_goes_on_where_its_list_stood(office: Absences) -> None:
    jira = office.trackers.pop("jira")
    for _ in range(3):
        await office.round(3_600)
    office.close_as_person()
    for _ in range(3):
        await office.round(3_600)
    assert office.status() is Status.REVIEWING, "nothing is concluded without it"
    office.trackers["jira"] = jira
    for _ in range(3):
        await office.round()
    assert office.status() is Status.RESOLVED
    assert await office.parked() == {}
