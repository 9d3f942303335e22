"""Incidents and findings of one school on a real Valkey: their tickets are linked once, whichever comes first."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from remediation.domain.actions import ActionName
from remediation.domain.cases.records import CaseKind
from remediation.domain.errors import Refused, TryLater
from remediation.domain.findings import Finding
from remediation.domain.incidents import Incident
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import Ticket
from remediation.mapping.reading.loading import loaded_of
from remediation.ports import Rulebook, Tracker
from remediation.queue import Job
from remediation.rulebook import MappingsRulebook
from remediation.sealing import Keyring, generate_key
from remediation.sources.incident_feed.source import IncidentSource
from remediation.store.cases.links import Owners
from remediation.store.incidents.records import IncidentRecords
from remediation.store.keys import SPOT
from remediation.store.server.connection import Connection
from remedy.reconcile.forecast import forecasts
from remedy.reconcile.walk import BEGINNING, Walk
from tests.contract.jira_world import jira_world
from tests.contract.servicenow_world import servicenow_world
from tests.integration.offices import KEY, Office
from tests.integration.reconciling import Asleep
from tests.integration.test_feeds import FEED, MemoryFeed, key_of
from tests.integration.test_feeds import FIGHT as UNDATED
from tests.stand_ins import AccountSources, ManualClock, RealClock
from workers.resources import NamedSystems, WorkerContext, context_on
from workers.rounds.feeds import poll_feeds

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)
"""After any store of these tests began: nothing can have been forgotten."""
FIGHT = replace(UNDATED, day=NOON.date(), school="LHS-1")
THEFT = replace(FIGHT, uuid="8f14e45f-ceea-467f-a0c2-9f2b1d4c6e02")
SITE = "lincoln.example.edu"
MAPPINGS = """\
version: 1
districts:
  lakeside:
    schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}
    incidents: {handbook: {token: {env: H}}}
    schools: {LHS-1: [www.lincoln.example.edu, lincoln.example.edu], "102": east.example.edu}
trackers:
  jira: {kind: jira, url: "https://tracker.example", auth: {basic: {user: u, password: {env: J}}}}
  snow: {kind: servicenow, url: "https://snow.example", auth: {basic: {user: u, password: {env: N}}}}
templates: {body: "{{ finding.id }}"}
rules:
  - {name: findings, tickets: {snow: {}, jira: {project: SEC}}}
  - name: fights
    of: incidents
    severity: high
    relate: {within: 3d}
    tickets: {jira: {project: WEB}}
"""


class School(Office):
    """An office with a feed, whose incidents are related to what is found on their school's sites."""

    def __init__(
        self,
        connection: Connection,
        keyring: Keyring,
        trackers: Mapping[str, Tracker] | None = None,
        clock: ManualClock | None = None,
    ) -> None:
        self.feed = MemoryFeed()
        rulebook = MappingsRulebook(loaded_of(MAPPINGS, "mappings.yaml").mappings)
        super().__init__(connection, keyring, trackers=trackers, rulebook=rulebook, clock=clock)
        self.source.findings.clear()

    def context_with(self, keyring: Keyring, rulebook: Rulebook) -> WorkerContext:
        incidents = IncidentSource(
            "lakeside", {FEED: self.feed.timetable.zone}, IncidentRecords(self.connection, keyring)
        )
        sources = {**AccountSources(self.accounts), ("lakeside", CaseKind.INCIDENT): incidents}
        named = NamedSystems(sources, self.trackers, rulebook, {FEED: self.feed})
        return context_on(self.connection, keyring, named, self.clock)

    async def found(self, *names: str, days: int = 0, site: str = SITE, at: datetime = NOON) -> None:
        """A scan finds something on a site of the school, so many days after the fight."""
        for name in names:
            self.source.findings[name] = Finding(
                name, Status.OPEN, Severity.HIGH, site=site, detected_at=at + timedelta(days=days)
            )
            await self.mark(replace(KEY, id=name))
        await self.work()
        await self.later()

    async def reported(self, *incidents: Incident) -> list[str]:
        """The feed shows incidents."""
        self.feed.show(*incidents)
        self.clock.pass_by(600.0)
        await poll_feeds(self.arq_context)
        ran = await self.work()
        await self.later()
        return ran

    def ticket_of(self, incident: Incident = FIGHT) -> Ticket:
        (ticket,) = self.jira.of(key_of(incident).mark)
        return ticket

    def related(self, incident: Incident = FIGHT) -> list[str]:
        """The marks of the tickets of which the incident's is told."""
        links = self.jira.books[self.ticket_of(incident).id].related
        return sorted(str(self.jira.books[each].ticket.mark).rpartition(":")[2] for each in links)


@pytest.fixture
def school(connection: Connection, keyring: Keyring) -> School:
    return School(connection, keyring)


async def test_a_finding_that_was_there_first_is_linked(school: School) -> None:
    await school.found("fnd_1")
    await school.reported(FIGHT)
    assert school.related() == ["fnd_1"]


async def test_a_finding_that_comes_later_is_linked(school: School) -> None:
    await school.reported(FIGHT)
    await school.found("fnd_1", days=3)
    assert school.related() == ["fnd_1"]
    timeline = await school.context.timeline.read(key_of(FIGHT).ref, 100)
    assert "'related'" in repr(timeline), "the timeline tells why it was looked at, and why it was told"
    assert await school.work() == [], "it settles"


@pytest.mark.parametrize(("days", "site"), [(4, SITE), (-4, SITE), (0, "east.example.edu"), (0, "other.example.edu")])
async def test_what_is_too_far_away_is_not(school: School, days: int, site: str) -> None:
    await school.found("fnd_1", days=days, site=site)
    assert await school.reported(FIGHT) == [Job.LOOK_AT_CASE]
    await school.found("fnd_2", days=days, site=site)
    assert school.related() == []


async def test_of_many_findings_a_few_are_told_of_and_each_once(school: School) -> None:
    await school.found(*(f"fnd_{number}" for number in range(4)))
    await school.reported(FIGHT, THEFT)
    await school.found(*(f"fnd_{number}" for number in range(4, 9)), days=1)
    assert (len(school.related()), len(school.related(THEFT))) == (5, 5)
    assert school.jira.troubles.calls.count("relate") == 10


async def test_a_worker_that_dies_between_the_link_and_its_memory_makes_it_again_and_there_is_one(
    school: School,
) -> None:
    await school.found("fnd_1")
    school.jira.troubles.once("related", RuntimeError("killed"))
    await school.reported(FIGHT)
    await school.later()
    assert school.related() == ["fnd_1"]
    assert school.jira.troubles.calls.count("relate") == 2
    assert (await school.record(key_of(FIGHT))).memory.told


async def test_a_link_is_made_once_redis_is_wiped_and_not_doubled(school: School) -> None:
    await school.found("fnd_1")
    await school.reported(FIGHT)
    await school.redis.flushall()
    await school.context.connection.begin(school.clock())
    await school.mark(replace(KEY, id="fnd_1"))
    await school.reported(FIGHT)
    await school.later()
    assert school.related() == ["fnd_1"]


async def test_a_link_that_is_refused_is_parked_and_holds_nothing_up(school: School) -> None:
    school.jira.troubles.for_good("relate", Refused("jira", "linking is disabled", status=404))
    await school.found("fnd_1")
    await school.reported(FIGHT)
    record = await school.record(key_of(FIGHT))
    assert record.parked == {ActionName.parse("relate:jira:fnd_1")}
    assert (record.attempts, record.memory.finding) == (0, Status.REVIEWING)
    school.jira.troubles.heal()
    await school.found("fnd_2")
    assert school.related() == ["fnd_2"]
    assert (await school.record(key_of(FIGHT))).parked, "until a person replays it"


async def test_a_link_waits_for_a_tracker_that_is_away(school: School) -> None:
    school.jira.troubles.once("relate", TryLater("jira", "away"))
    await school.found("fnd_1")
    await school.reported(FIGHT)
    await school.later()
    assert school.related() == ["fnd_1"]


async def test_what_a_person_takes_away_stays_away(school: School) -> None:
    await school.found("fnd_1")
    await school.reported(FIGHT)
    school.jira.books[school.ticket_of().id].related.clear()
    await school.reported(replace(FIGHT, last_modified="2"))
    await school.found("fnd_1", days=1)
    assert school.related() == []


async def test_nothing_in_redis_tells_a_site_or_a_school_or_a_day(school: School) -> None:
    await school.reported(FIGHT)
    await school.found("fnd_1")
    spots = [key.decode() for key in await school.redis.keys(f"{SPOT}*")]
    assert len(spots) == 2
    for key in spots:
        shown = f"{key} {await school.redis.dump(key)!r}"
        assert not [word for word in (SITE, "LHS-1", str(FIGHT.day)) if word in shown]
        assert 0 < await school.redis.pttl(key) <= 100 * 86_400_000


async def test_when_a_spot_is_forgotten_does_not_tell_its_day(school: School) -> None:
    await school.reported(FIGHT)
    await school.reported(replace(THEFT, day=NOON.date() - timedelta(days=90)))
    spots = await school.redis.keys(f"{SPOT}*")
    assert len(spots) == 2
    assert {round(await school.redis.pttl(key) / 86_400_000) for key in spots} == {100}


async def test_a_new_data_key_loses_no_spot(school: School) -> None:
    old, new = generate_key(), generate_key()
    rulebook = school.context.rulebook
    school.context = school.context_with(Keyring.parse(old), rulebook)
    await school.found("fnd_1")
    school.context = school.context_with(Keyring.parse(f"{new},{old}"), rulebook)
    await school.reported(FIGHT)
    assert school.related() == ["fnd_1"]


async def test_two_issues_of_a_real_jira_are_linked_once_(connection: Connection, keyring: Keyring) -> None:
    with jira_world("cloud") as jira, servicenow_world() as snow:
        world: dict[str, Tracker] = {"jira": jira.connect(), "snow": snow.connect()}
        now = datetime.now(UTC)
        school = School(connection, keyring, world, RealClock())
        fight = replace(FIGHT, day=now.date())
        await school.found("fnd_1", at=now + timedelta(seconds=60))
        await school.reported(fight)
        await school.found("fnd_1", at=now + timedelta(seconds=90))
        links = {each: (await school.record(key)).links for each, key in (("a", key_of(fight)), ("b", KEY))}
        incident = await world["jira"].read(links["a"]["jira"].ticket_id)
        assert jira.related(incident) == [links["b"]["jira"].ticket_key]
        assert jira.comments(incident) == []
        for tracker in world.values():
            await tracker.close()


async def test_a_dry_run_of_reconcile_says_which_tickets_would_be_told(school: School) -> None:
    await school.found("fnd_1")
    school.jira.troubles.for_good("relate", TryLater("jira", "away"))
    await school.reported(FIGHT)
    context, sources = school.context, school.context.sources
    owners = Owners(context.todo, context.rulebook)
    walk = Walk(sources, school.trackers, owners, BEGINNING, school.clock, print, Asleep(), relations=context.relations)
    found = {each.ref: each async for each in forecasts(walk, context.rulebook)}
    assert [step.action for step in found[key_of(FIGHT).ref].steps] == ["relate:jira:fnd_1"]
