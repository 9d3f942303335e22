"""Rules are matched once in a look, however much of what they say the look needs."""

from dataclasses import replace
from datetime import datetime

import pytest

from remediation.domain.findings import Finding
from remediation.domain.policy import Policy
from remediation.domain.status import Severity, Status
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

    def counted(matcher: Matcher, finding: Finding, district: str, at: datetime) -> Rule | None:
        asked.append(finding.id)
        return rule_for(matcher, finding, district, at)

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
