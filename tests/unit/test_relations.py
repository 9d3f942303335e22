"""Which findings and incidents are related, and what follows of that for their tickets."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.actions import ActionName, OpenTicket, RelateTicket
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, Link, Memory
from remediation.domain.cases.relations import MOST_RELATED, RelatedCase, Vicinity, around
from remediation.domain.errors import ConfigurationError
from remediation.domain.findings import Finding
from remediation.domain.incidents import Decided, Incident, IncidentType
from remediation.domain.policy import Policy
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject, subject_of, subject_of_incident
from remediation.domain.tickets import Ticket, TicketState
from remediation.mapping.config.routing import Routing
from remediation.mapping.explain.differences import difference
from remediation.mapping.explain.expectations import Expected
from remediation.mapping.explain.in_step import in_step
from remediation.mapping.explain.judging import mismatches
from remediation.mapping.reading.loading import Loaded, loaded_of
from remediation.mapping.reading.warnings import warnings_of
from remediation.planning import Observation, Progress, Situation, concluded, plan
from remediation.read_model.rules.previews import Asked, Previews
from remediation.rulebook import MappingsRulebook

AT = datetime(2026, 4, 15, 14, 2, tzinfo=UTC)
KEY = CaseKey("lakeside", CaseKind.INCIDENT, "inc_1")
POLICY = Policy("weapons", ("jira",))
HEAD = """\
version: 1
districts:
  lakeside:
    schoolscan: {token: {env: T}, webhook: {secrets: [{env: S}]}}
    incidents: {handbook: {token: {env: H}, time_zone: America/Chicago}}
    schools: SCHOOLS
trackers:
  jira: {kind: jira, deployment: data_center, url: "https://jira.example", auth: {bearer: {env: J}}}
templates: {body: "{{ finding.id }}"}
rules:
  - {name: weapons, of: incidents, severity: high, match: {type: referral}, RELATE, tickets: {jira: {project: SEC}}}
  - {name: others, of: incidents, severity: low, tickets: {jira: {project: SEC}}}
  - {name: rest, tickets: {jira: {project: SEC}}}
"""
SCHOOLS = '{"101": [a.example, b.example], "102": [b.example], " 103 ": c.example}'


def loaded(schools: str = SCHOOLS, relate: str = "relate: {within: 2d}") -> Loaded:
    return loaded_of(HEAD.replace("SCHOOLS", schools).replace("RELATE", relate), "m.yaml")


def refused(schools: str = SCHOOLS, relate: str = "relate: {within: 2d}") -> str:
    with pytest.raises(ConfigurationError) as caught:
        loaded(schools, relate)
    return " | ".join(str(problem) for problem in caught.value.problems)


def incident(**words: Any) -> Subject:
    written = {"type": IncidentType.REFERRAL, "day": date(2026, 4, 14), "school": "101", **words}
    return subject_of_incident(KEY, Decided(Incident("inc_1", **written)))


def finding(**words: Any) -> Subject:
    written = {"site": "b.example", "detected_at": datetime(2026, 4, 15, 3, tzinfo=UTC), **words}
    key = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
    return subject_of(key, Finding("fnd_1", Status.OPEN, Severity.HIGH, **written))


def vicinity(subject: Subject, schools: str = SCHOOLS, relate: str = "relate: {within: 2d}") -> Vicinity | None:
    return MappingsRulebook(loaded(schools, relate).mappings).ruling(subject, AT).vicinity


def meet(one: Vicinity | None, other: Vicinity | None) -> bool:
    return one is not None and other is not None and one.own in other.others and other.own in one.others


@pytest.mark.parametrize("hours", [0, 19, 72])
def test_days_are_those_of_the_feeds_clock(hours: int) -> None:
    """Three o'clock of UTC on the 15th is still the 14th in Chicago: two days after the 12th, and no more."""
    at = datetime(2026, 4, 15, 3, tzinfo=UTC) + timedelta(hours=hours)
    assert meet(vicinity(incident(day=date(2026, 4, 12))), vicinity(finding(detected_at=at))) is (hours == 0)
    assert meet(vicinity(incident(day=date(2026, 4, 13))), vicinity(finding(detected_at=at))) is (hours <= 19)


@given(
    st.integers(-200, 200),
    st.integers(-200, 200),
    st.sampled_from(["101", "102", "103", " 103", "104"]),
    st.sampled_from(["a.example", "b.example", "c.example", "d.example"]),
)
def test_both_find_each_other_or_neither_does(day: int, found: int, school: str, site: str) -> None:
    one = vicinity(incident(school=school, day=AT.date() + timedelta(days=day)))
    other = vicinity(finding(site=site, detected_at=AT + timedelta(days=found)))
    sites = {"101": ("a.example", "b.example"), "102": ("b.example",), "103": ("c.example",)}
    are_near = abs(day - found) <= 2 and site in sites.get(school.strip(), ())
    assert meet(one, other) is (are_near and max(abs(day), abs(found)) <= 100)


@pytest.mark.parametrize(
    "subject",
    [
        incident(day=None),
        incident(school=None),
        incident(school="104"),
        incident(type=IncidentType.MINOR),
        incident(day=date(1, 1, 1)),
        incident(day=date.max),
        finding(site=None),
        finding(site="d.example"),
        finding(detected_at=None),
        finding(detected_at=datetime(9999, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_what_lacks_a_school_a_site_or_a_day_has_no_relation(subject: Subject) -> None:
    assert vicinity(subject) is None


def test_without_a_rule_that_relates_nothing_is() -> None:
    assert vicinity(finding(), relate="detail: minimal") is None
    assert vicinity(incident(), relate="detail: minimal") is None


@pytest.mark.parametrize(
    ("schools", "relate", "words"),
    [
        ("{}", "relate: {within: 2d}", "needs to know whose sites are whose"),
        ('{"101": []}', "relate: {within: 2d}", "schools"),
        ('{"101": "*.example"}', "relate: {within: 2d}", "must be a host name in lower case"),
        (SCHOOLS, "relate: {within: 36h}", "must be whole days"),
        (SCHOOLS, "relate: {within: 32d}", "must be at most 31d"),
        (SCHOOLS, "relate: {}", "within"),
    ],
)
def test_what_cannot_be_meant_is_refused(schools: str, relate: str, words: str) -> None:
    assert words in refused(schools, relate)


def test_a_code_counts_as_it_is_written() -> None:
    schools = "{101: a.example, 0101: b.example}"
    assert [
        meet(vicinity(incident(school=code), schools), vicinity(finding(), schools)) for code in ("101", "0101")
    ] == [
        False,
        True,
    ]


def test_a_rule_of_findings_relates_nothing() -> None:
    text = HEAD.replace("SCHOOLS", SCHOOLS).replace("RELATE", "detail: minimal")
    with pytest.raises(ConfigurationError, match="belongs to a rule with of: incidents"):
        loaded_of(text.replace("{name: rest,", "{name: rest, relate: {within: 1d},"), "m.yaml")


def test_schools_that_no_rule_needs_are_warned_of() -> None:
    assert [each.message for each in warnings_of(loaded())] == []
    (warning,) = warnings_of(loaded(relate="detail: minimal"))
    assert "no rule relates incidents" in warning.message


def test_the_explanation_says_what_is_linked() -> None:
    rules = loaded().mappings.rules
    assert "linked with those of findings on sites of its school, found within 2d of it" in " ".join(
        in_step(rules[0], rules[0].kind)
    )
    assert "linked" not in " ".join(in_step(rules[1], rules[1].kind))


TICKET = Ticket("jira", "10", "SAFE-10", "https://jira.example/browse/SAFE-10", TicketState.OPEN, mark=KEY.mark)


def related(*numbers: int, tracker: str = "jira") -> tuple[RelatedCase, ...]:
    return tuple(
        RelatedCase(f"fnd_{number}", {tracker: Link(tracker, f"9{number}", f"SEC-{number}", "https://x.example")})
        for number in numbers
    )


def seen(*cases: RelatedCase, ticket: Ticket | None = TICKET) -> Observation:
    subject = subject_of_incident(KEY, Decided(Incident("inc_1"), Status.REVIEWING))
    return Observation(subject, {"jira": ticket} if ticket else {}, related=cases)


def record(*told: str, **words: Any) -> CaseRecord:
    memory = Memory(Status.REVIEWING, {"jira": TicketState.OPEN}, rule="weapons", told=frozenset(told))
    return CaseRecord(KEY, memory=memory, **words)


def told_after(observation: Observation, known: CaseRecord) -> CaseRecord:
    """The record after a look that did all that it planned."""
    actions = plan(observation, POLICY, known, AT)
    progress = Progress(Status.REVIEWING, dict(observation.existing), done=list(actions))
    case = Situation.of(observation, POLICY, known, AT)
    memory = concluded(case, progress, AT.timestamp(), look_at=None, refused=frozenset(), disowned=()).memory
    return CaseRecord(KEY, memory=memory)


@given(st.lists(st.lists(st.integers(0, 12), max_size=9, unique=True), max_size=6))
def test_each_ticket_is_told_of_a_few_others_and_of_each_once(looks: list[list[int]]) -> None:
    known, made = record(), list[str]()
    for numbers in looks:
        observation = seen(*related(*numbers))
        made += [str(action.name) for action in plan(observation, POLICY, known, AT)]
        known = told_after(observation, known)
        assert plan(observation, POLICY, known, AT) == ()
    assert len(made) == len(set(made)) <= MOST_RELATED


def test_a_ticket_of_the_same_tracker_goes_before_others() -> None:
    links = {name: Link(name, f"{name}-1", "K-1", "https://x.example") for name in ("abc", "jira", "snow")}
    (action,) = plan(seen(RelatedCase("fnd_1", links)), POLICY, record(), AT)
    assert action == RelateTicket("jira", "fnd_1", "10", "jira", "jira-1")
    elsewhere = {name: link for name, link in links.items() if name != "jira"}
    (action,) = plan(seen(RelatedCase("fnd_1", elsewhere)), POLICY, record(), AT)
    assert action == RelateTicket("jira", "fnd_1", "10", "abc", "abc-1")


@pytest.mark.parametrize("state", [TicketState.DONE, TicketState.GONE])
def test_only_a_ticket_that_is_worked_on_is_told(state: TicketState) -> None:
    ticket = Ticket("jira", "10", "SAFE-10", "https://x.example", state)
    actions = plan(seen(*related(1), ticket=ticket), POLICY, record(), AT)
    assert not [action for action in actions if isinstance(action, RelateTicket)]


def test_a_link_that_may_have_been_made_before_a_crash_is_made_again() -> None:
    memory = Memory(
        Status.REVIEWING, {"jira": TicketState.OPEN}, doing=frozenset({ActionName.parse("relate:jira:fnd_1")})
    )
    (action,) = plan(seen(*related(1)), POLICY, CaseRecord(KEY, memory=memory), AT)
    assert isinstance(action, RelateTicket)


def test_a_ticket_that_takes_the_place_of_another_is_told_anew() -> None:
    known = told_after(seen(*related(1)), record())
    follower = Ticket("jira", "11", "SAFE-11", "https://x.example", TicketState.OPEN)
    assert len(plan(seen(*related(1), ticket=follower), POLICY, known, AT)) == 1


def test_a_parked_link_is_left_out_until_somebody_replays_it() -> None:
    name = ActionName.parse("relate:jira:fnd_1")
    assert plan(seen(*related(1)), POLICY, record(parked=frozenset({name})), AT) == ()
    assert len(plan(seen(*related(1)), POLICY, record(again=frozenset({name})), AT)) == 1


def test_a_ticket_that_was_just_opened_calls_for_another_look() -> None:
    observation = seen(*related(1), ticket=None)
    actions = plan(observation, POLICY, CaseRecord(KEY), AT)
    assert isinstance(actions[0], OpenTicket)
    assert not [action for action in actions if isinstance(action, RelateTicket)]
    case = Situation.of(observation, POLICY, CaseRecord(KEY), AT)
    progress = Progress(Status.REVIEWING, {"jira": TICKET}, done=list(actions))
    end = concluded(case, progress, AT.timestamp(), look_at=None, refused=frozenset(), disowned=())
    assert end.calls_for_another


def test_every_day_around_a_day_is_named_once() -> None:
    days = around(date(2026, 3, 1), timedelta(days=2))
    assert [str(day) for day in days] == ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02", "2026-03-03"]


def routed(file: Loaded, subject: Subject) -> Routing:
    return Previews(file).routing(Asked(subject, AT))


def test_a_change_of_the_table_or_of_the_days_is_shown_for_each_incident() -> None:
    other = loaded('{"101": a.example}', "relate: {within: 3d}")
    before, after = routed(loaded(), incident()), routed(other, incident())
    found = {each.what: (each.before, each.after) for each in difference(KEY, before, after).changes}
    assert found == {"relate.within": ("2d", "3d"), "relate.sites": ("a.example, b.example", "a.example")}
    assert not difference(KEY, routed(loaded(), finding()), routed(other, finding())).changes


@pytest.mark.parametrize(
    ("relate", "wrong"),
    [
        ({"within": "2d"}, []),
        ({"sites": ["b.example", "a.example"]}, []),
        ({"within": "3d", "sites": "a.example"}, ["relate.within", "relate.sites"]),
        ({"sites": []}, ["relate.sites"]),
    ],
)
def test_a_case_of_ones_own_expects_days_and_sites(relate: dict[str, Any], wrong: list[str]) -> None:
    expected = Expected.model_validate({"rule": "weapons", "relate": relate})
    found = mismatches(expected, routed(loaded(), incident()), frozenset({"weapons"}))
    assert [each.what for each in found] == wrong
