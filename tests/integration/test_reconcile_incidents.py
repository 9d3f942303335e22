"""Reconciling incidents: those that have a case, or for which a rule asks for one, by what is kept of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from remediation.domain.cases.records import CaseKind
from remediation.domain.errors import Refused
from remediation.domain.findings import Finding
from remediation.domain.policy import Policy
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject
from remediation.domain.tickets import Draft, Reason, TicketState
from remediation.ports import ListedSource, Ruling, SourceKey
from remediation.queue import Band
from remediation.read_model.incidents import LEFT_OUT
from remediation.sealing import Keyring, generate_key
from remediation.sources.schoolscan.source import FindingSource
from remediation.store.cases.links import Owners
from remediation.store.incidents.feeds import Feeds
from remediation.store.server.connection import Connection
from remedy.reconcile.forecast import Forecast, forecasts
from remedy.reconcile.incidents import IncidentCases, not_swept
from remedy.reconcile.report import forecast_word, left_out_lines
from remedy.reconcile.walk import BEGINNING, Walk
from tests.integration.reconciling import Asleep, found
from tests.integration.test_feeds import FEED, FIGHT, THEFT, FeedOffice, key_of
from tests.stand_ins import LATER, PlainRulebook


class FightsAlone(PlainRulebook):
    """A Rulebook of which no rule takes incidents with an offense; what it takes is critical."""

    def ruling(self, subject: Subject, at: datetime, known: str = "", said: Policy | None = None) -> Ruling:
        if getattr(subject.detail, "offenses", ()):
            return PlainRulebook().ruling(subject, at, known, said)
        return super().ruling(replace(subject, severity=Severity.CRITICAL), at, known, said)


@pytest.fixture
def office(connection: Connection, keyring: Keyring) -> FeedOffice:
    return FeedOffice(connection, keyring)


def use_rules(office: FeedOffice, keyring: Keyring) -> None:
    office.context = office.context_with(keyring, FightsAlone("snow", "jira"))


async def walk_of(office: FeedOffice, since: datetime = BEGINNING) -> Walk:
    context, records = office.context, office.context.incidents
    kept = context.sources["lakeside", CaseKind.INCIDENT]
    sources: dict[SourceKey, ListedSource] = {
        ("lakeside", CaseKind.FINDING): FindingSource("lakeside", office.source),
        ("lakeside", CaseKind.INCIDENT): IncidentCases(kept, context.rulebook, records, office.clock),
    }
    owners = Owners(context.todo, context.rulebook)
    unswept = await not_swept([FEED], records)
    said: list[str] = []
    return Walk(sources, office.trackers, owners, since, office.clock, said.append, sleep=Asleep(), not_listed=unswept)


async def foreseen(office: FeedOffice) -> dict[str, Forecast]:
    return {each.ref: each async for each in forecasts(await walk_of(office), office.context.rulebook)}


async def test_an_incident_that_no_rule_takes_and_that_has_no_case_is_left_alone(
    office: FeedOffice, keyring: Keyring
) -> None:
    office.source.findings.clear()
    use_rules(office, keyring)
    await office.poll()
    (candidate,) = await found(await walk_of(office))
    assert (candidate.key, candidate.band) == (key_of(FIGHT), Band.CRITICAL)
    assert candidate.tickets.keys() == {"snow", "jira"}


async def test_one_that_has_a_case_is_looked_at_whatever_the_rules_say_now(
    office: FeedOffice, keyring: Keyring
) -> None:
    office.source.findings.clear()
    await office.poll()
    use_rules(office, keyring)
    assert {each.key for each in await found(await walk_of(office))} == {key_of(FIGHT), key_of(THEFT)}


async def test_of_an_incident_whose_tickets_stayed_as_they_were_the_day_counts(office: FeedOffice) -> None:
    office.source.findings.clear()
    await office.poll()
    office.snow.books.clear()
    office.jira.books.clear()
    day = datetime(LATER.year, LATER.month, LATER.day, tzinfo=UTC)
    assert len(await found(await walk_of(office, day))) == 2
    assert await found(await walk_of(office, day + timedelta(days=1))) == []


async def test_a_dry_run_says_what_would_be_done_about_each(office: FeedOffice) -> None:
    office.source.findings.clear()
    await office.poll()
    for ticket in office.tickets_of(FIGHT):
        tracker = office.snow if ticket.tracker == "snow" else office.jira
        tracker.change(ticket.id, TicketState.DONE, Reason.FIXED)
    told = await foreseen(office)
    assert {ref: forecast_word(each) for ref, each in told.items()} == {
        key_of(FIGHT).ref: "change",
        key_of(THEFT).ref: "well",
    }
    assert [step.action for step in told[key_of(FIGHT).ref].steps] == ["patch:resolved"]


async def test_before_a_feed_was_swept_its_incidents_cannot_be_told_and_findings_can(office: FeedOffice) -> None:
    for mark in (key_of(FIGHT).mark, key_of(THEFT).mark, "remedy:lakeside:finding:unlisted"):
        office.jira.keep(Draft(mark, "SEC", "summary", "body"))
    office.source.findings["unlisted"] = Finding(
        "unlisted", Status.RESOLVED, updated_at=datetime(2020, 1, 1, tzinfo=UTC)
    )
    walk = await walk_of(office)
    told = {each.ref: forecast_word(each) async for each in forecasts(walk, office.context.rulebook)}
    assert (told[key_of(FIGHT).ref], told[key_of(THEFT).ref]) == ("unseen", "unseen")
    assert told["lakeside:finding:unlisted"] == "change"
    assert isinstance(walk.sleep, Asleep)
    assert walk.sleep.seconds == [], "nobody waits here for a sweep"
    assert walk.not_listed.keys() == {f"incidents:{FEED}"}
    await office.poll()
    assert (await Feeds(office.connection).state(FEED)).swept_at is not None
    assert not (await walk_of(office)).not_listed


async def test_incidents_that_cannot_be_opened_are_counted(office: FeedOffice) -> None:
    office.source.findings.clear()
    await office.poll()
    office.context = office.context_with(Keyring.parse(generate_key()), office.context.rulebook)
    walk = await walk_of(office)
    assert {each.subjects for each in await found(walk)} == {()}, "their tickets tell of them"
    assert list(left_out_lines(+walk.left_out)) == [f"lakeside: 2 incidents {LEFT_OUT}"]


async def test_an_account_that_refuses_leaves_incidents_alone(office: FeedOffice) -> None:
    await office.poll()
    office.source.troubles.for_good("findings_page", Refused("lakeside", "no", status=403))
    assert {each.key for each in await found(await walk_of(office))} == {key_of(FIGHT), key_of(THEFT)}
