"""Two districts with a Jira each, and the same finding ids: who writes in one reaches nothing of the other district."""

from dataclasses import replace

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Draft, Reason, TicketChange, TicketState
from remediation.mapping.reading.loading import loaded_of
from remediation.rulebook import MappingsRulebook
from remediation.sealing import Keyring
from remediation.store.cases.entries import Doubted
from remediation.store.cases.links import Owners
from remediation.store.server.connection import Connection
from tests.integration.offices import HORIZON, KEY, Office
from tests.stand_ins import LATER, ManualClock, MemorySource, MemoryTracker
from tests.unit.test_mapping_coverage import HARBORS, HEAD, LAKESIDES
from workers.rounds.polls import poll_trackers

THEIRS = CaseKey("harbor", CaseKind.FINDING, "fnd_1")
FORMS = {
    "any": ("{any: [{district: harbor}]}", "{any: [{district: lakeside}]}"),
    "not": ("{not: {district: [lakeside, uptown]}}", "{not: {district: harbor}}"),
    "order": ("{district: harbor}", "{}"),
    "deep": ("{not: {not: {any: {district: harbor}}}}", "{not: {any: [{district: harbor}]}}"),
}


class TwoOffices(Office):
    """Lakeside's cases, and harbor's beside them; `jira` is lakeside's tracker, `theirs` harbor's."""

    def __init__(self, connection: Connection, keyring: Keyring, rules: list[tuple[str, str]]) -> None:
        clock = ManualClock()
        own, theirs = (MemoryTracker(name, clock, horizon=HORIZON) for name in ("lakesides", "harbors"))
        written = "".join(f"  - {{name: r{n}, match: {match}, tickets: {to}}}\n" for n, (match, to) in enumerate(rules))
        rulebook = MappingsRulebook(loaded_of(HEAD + written, "m.yaml").mappings)
        trackers = {each.name: each for each in (own, theirs)}
        super().__init__(connection, keyring, trackers=trackers, rulebook=rulebook, clock=clock)
        self.jira, self.theirs = own, theirs
        finding = Finding("fnd_1", Status.OPEN, Severity.HIGH, detected_at=LATER)
        self.accounts["harbor"] = MemorySource(finding)

    async def round(self) -> None:
        """The polls see what changed, and the workers look; twice, as an answer to what they did."""
        for _ in range(2):
            await poll_trackers(self.arq_context)
            await self.later()


@pytest.fixture(params=sorted(FORMS))
async def office(request: pytest.FixtureRequest, connection: Connection, keyring: Keyring) -> TwoOffices:
    harbors, lakesides = FORMS[request.param]
    office = TwoOffices(connection, keyring, [(harbors, HARBORS), (lakesides, LAKESIDES)])
    for key in (KEY, THEIRS):
        await office.mark(key)
    await office.work()
    return office


def mark_and_accept(office: TwoOffices) -> str:
    """A person in harbor's Jira writes lakeside's mark on a ticket, and accepts a risk that is not theirs."""
    ticket = office.theirs.keep(Draft(KEY.mark, "HAR", "summary", "body"), by="person")
    office.theirs.change(ticket.id, TicketState.DONE, Reason.ACCEPTED_RISK, by="person")
    return ticket.id


async def test_a_mark_in_the_other_districts_tracker_takes_over_nothing(office: TwoOffices) -> None:
    mark_and_accept(office)
    await office.round()
    assert office.status() is Status.REVIEWING
    assert [ticket.state for ticket in office.jira.of(KEY.mark)] == [TicketState.OPEN]
    assert (await office.record()).links.keys() == {"lakesides"}
    assert (await office.record()).intents == {}


async def test_what_an_earlier_version_expected_there_takes_over_nothing_either(office: TwoOffices) -> None:
    """It has written down that the other tracker is to be searched."""
    mark_and_accept(office)
    await office.context.todo.mark_found([(KEY, None, {"harbors": {"1"}})], office.clock())
    await office.later()
    await office.round()
    assert office.status() is Status.REVIEWING
    assert (await office.record()).links.keys() == {"lakesides"}
    assert await office.parked() == {}


async def test_our_own_ticket_of_the_other_district_takes_over_nothing_under_another_mark(office: TwoOffices) -> None:
    (ticket,) = office.theirs.of(THEIRS.mark)
    office.theirs.books[ticket.id].ticket = replace(ticket, mark=KEY.mark)
    office.theirs.change(ticket.id, TicketState.DONE, Reason.ACCEPTED_RISK, by="person")
    await office.context.todo.mark_found([(KEY, None, {"harbors": {"1"}})], office.clock())
    await office.later()
    await office.round()
    assert office.status() is Status.REVIEWING
    assert (await office.record()).links.keys() == {"lakesides"}


async def test_a_webhook_of_the_other_districts_tracker_names_no_case_of_ours(office: TwoOffices) -> None:
    owners = Owners(office.context.todo, office.context.rulebook)
    assert await owners.of("harbors", [TicketChange("id-9", KEY.mark)]) == [None]
    assert await owners.of("harbors", [TicketChange("id-9", THEIRS.mark)]) == [THEIRS]
    assert await owners.of("lakesides", [TicketChange("id-9", KEY.mark)]) == [KEY]


async def test_a_ticket_that_was_opened_before_the_file_changed_stays_the_cases(
    connection: Connection, keyring: Keyring
) -> None:
    """Lakeside's findings went to harbor's Jira yesterday: what we have linked there is ours."""
    office = TwoOffices(connection, keyring, [("{}", HARBORS)])
    await office.look()
    today = TwoOffices(connection, keyring, [("{district: harbor}", HARBORS), ("{}", LAKESIDES)])
    today.theirs.books, today.source.findings = office.theirs.books, office.source.findings
    (ticket,) = office.theirs.of(KEY.mark)
    today.theirs.change(ticket.id, TicketState.DONE, Reason.FIXED, by="person")
    await today.look()
    assert (await today.record()).links.keys() >= {"harbors"}
    assert today.theirs.books[ticket.id].ticket.state is TicketState.DONE


@pytest.mark.parametrize("is_wiped", [False, True])
async def test_a_mark_that_was_planted_in_a_foreign_project_takes_over_nothing_and_holds_nothing_up(
    connection: Connection, keyring: Keyring, *, is_wiped: bool
) -> None:
    """A person writes a case's mark on an issue of a project that no rule names, and accepts a risk there."""
    office = TwoOffices(connection, keyring, [("{district: harbor}", HARBORS), ("{}", LAKESIDES)])
    office.jira.finds_everywhere = True
    if is_wiped:
        await office.look()
    planted = office.jira.keep(Draft(KEY.mark, "OPS", "summary", "body"), by="person")
    office.jira.change(planted.id, TicketState.DONE, Reason.ACCEPTED_RISK, by="person")
    if is_wiped:
        await connection.redis.flushall()
    await office.look()
    await office.later(HORIZON + 1)
    (own,) = [ticket for ticket in office.jira.of(KEY.mark) if ticket.place != "OPS"]
    assert (await office.record()).links["lakesides"].ticket_id == own.id
    assert (office.status(), await office.parked()) == (Status.REVIEWING, {})
    told = [entry for entry in await office.context.timeline.read(KEY.ref) if isinstance(entry, Doubted)]
    assert [(entry.ticket, entry.evidence) for entry in told if not is_wiped] == [(planted.key, "stranger")] * (
        not is_wiped
    )
