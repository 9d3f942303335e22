"""Rules are matched once in a look, however much of what they say the look needs."""

from dataclasses import replace
from datetime import datetime

import pytest

from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord
from remediation.domain.incidents import Decided, Incident
from remediation.domain.policy import Policy
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject, subject_of_incident
from remediation.look.observing import observe
from remediation.mapping.config.rules import Rule
from remediation.mapping.reading.loading import loaded_of
from remediation.mapping.rules.matching import Matcher
from remediation.rulebook import MappingsRulebook
from tests.worlds.world import World
from workers.resources import WorkerContexts

RULES = """\
version: 1
districts: {lakeside: {schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}}}
trackers:
  jira: {kind: jira, url: "https://jira.example", auth: {bearer: {env: J}}}
  snow: {kind: servicenow, url: "https://now.example", auth: {bearer: {env: N}}}
templates: {body: "{{ finding.id }}"}
rules:
  - name: bad
    match: {severity: [critical, high]}
    tickets:
      jira: {project: SEC, priority: {critical: Highest, high: High}}
      snow: {urgency: {critical: 1, high: 2}, close_fields: {u_cause: page}}
"""


@pytest.fixture
def matched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The findings that a rule was looked for, in order."""
    asked: list[str] = []
    rule_for = Matcher.rule_for

    def counted(matcher: Matcher, subject: Subject, at: datetime) -> Rule | None:
        asked.append(subject.key.id)
        return rule_for(matcher, subject, at)

    monkeypatch.setattr(Matcher, "rule_for", counted)
    return asked


@pytest.fixture
def world() -> World:
    """A new finding in a world that goes by a real mappings.yaml."""
    world = World(Policy("bad", trackers=("jira", "snow")))
    world.context = replace(world.context, rulebook=MappingsRulebook(loaded_of(RULES, "m.yaml").mappings))
    world.arq_context = {"contexts": WorkerContexts(world.context)}
    return world


async def test_a_look_that_opens_tickets_and_writes_to_the_finding_matches_its_rules_once(
    world: World, matched: list[str]
) -> None:
    await world.look()
    assert [len(tracker.books) for tracker in world.books.values()] == [1, 1]
    assert world.source.findings["fnd_1"].status is Status.REVIEWING
    assert matched == ["fnd_1"]


async def test_a_look_that_makes_tickets_more_urgent_or_closes_them_matches_its_rules_once(
    world: World, matched: list[str]
) -> None:
    await world.look()
    for change in ({"severity": Severity.CRITICAL}, {"status": Status.RESOLVED}):
        matched.clear()
        world.source.findings["fnd_1"] = replace(world.source.findings["fnd_1"], **change)
        await world.look()
        assert matched == ["fnd_1"]
    tickets = [book.ticket for tracker in world.books.values() for book in tracker.books.values()]
    assert not any(ticket.state.is_active for ticket in tickets)


INCIDENTS = (
    RULES.replace("schoolscan:", "incidents: {feed: {token: {env: F}}}, schoolscan:")
    .replace(
        "    match: {severity: [critical, high]}\n",
        "    of: incidents\n    severity: critical\n    match: {weapon: K1}\n",
    )
    .replace("u_cause: page", "u_cause: incident")
)


class OneIncident:
    """A source with one incident."""

    async def subject(self, key: CaseKey) -> Subject:
        return subject_of_incident(key, Decided(Incident(key.id, weapons=("K1",))))

    async def set_status(self, key: CaseKey, status: Status, note: str) -> None:
        raise NotImplementedError


async def test_a_look_at_an_incident_matches_its_rules_once_and_knows_how_bad_it_is(matched: list[str]) -> None:
    record = CaseRecord(CaseKey("lakeside", CaseKind.INCIDENT, "inc_1"))
    rulebook = MappingsRulebook(loaded_of(INCIDENTS, "m.yaml").mappings)
    snapshot = await observe(record, OneIncident(), {}, rulebook, 1_776_000_000.0)
    assert matched == ["inc_1"]
    assert snapshot.observation.subject.severity is Severity.CRITICAL
    assert snapshot.ruling.draft("jira").fields == {"priority": {"name": "Highest"}}
    assert not snapshot.observation.subject.keeps_status
