"""A case on each side: what stands where, where its page is, and what the rule that counted said."""

from dataclasses import replace
from datetime import timedelta

import pytest

from remediation.domain.cases.members import KnownMember
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, Intent, Link, Memory
from remediation.domain.policy import Policy, ResolveWhen
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import LEFT_ALONE, TicketState
from remediation.mapping.reading.loading import loaded_of
from remediation.mapping.render.subject_pages import subject_page
from remediation.read_model.cases.pages import CaseAge, next_words
from remediation.read_model.cases.sides import CaseMember, CaseSide, case_sides, members_after, rule_facts, ticket_page
from remediation.read_model.cases.views import Fact
from remediation.store.cases.list_names import CaseState
from remediation.store.cases.lists import CaseFilter

MAPPINGS = loaded_of(
    """\
version: 1
districts:
  lakeside:
    schoolscan:
      token: {env: T}
      webhook: {secrets: [{env: S}]}
      finding_link: "https://schoolscan.example/findings/{id}"
    incidents: {district: {token: {env: F}, time_zone: America/New_York, incident_link: "https://incidents.example/{id}"}}
trackers: {jira: {kind: jira, url: "https://jira.example", auth: {bearer: {env: J}}}}
templates: {body: "{{ finding.id }}"}
rules: [{name: severe, tickets: {jira: {project: SEC}}}]
""",
    "mappings.yaml",
).mappings
KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_9d2")
GROUP = CaseKey("lakeside", CaseKind.FINDING, f"id-{'5' * 40}")
SEC_12 = Link("jira", "10001", "SEC-12", "https://jira.example/browse/SEC-12")
RECORD = CaseRecord(
    KEY,
    links={"jira": SEC_12},
    memory=Memory(Status.ACCEPTED_RISK, {"jira": TicketState.IN_PROGRESS}, severity=Severity.HIGH, rule="severe"),
)


def test_each_side_has_its_state_and_its_page() -> None:
    assert list(case_sides(RECORD, MAPPINGS)) == [
        CaseSide("SchoolScan", "finding fnd_9d2", "accepted risk", "https://schoolscan.example/findings/fnd_9d2"),
        CaseSide("jira", "SEC-12", "in progress", "https://jira.example/browse/SEC-12"),
    ]


def test_what_is_odd_about_a_ticket_is_remarked_and_one_that_may_be_there_is_a_side() -> None:
    odd = replace(
        RECORD,
        links={"jira": replace(SEC_12, unmarked=True)},
        intents={"snow": Intent("snow", 0.0), "jira": Intent("jira", 0.0)},
        memory=Memory(listed={"jira": LEFT_ALONE}),
        unnamed=frozenset({"jira"}),
    )
    subject, ticket, perhaps = case_sides(odd, MAPPINGS)
    assert subject.state == "not agreed on yet"
    assert (ticket.state, len(ticket.remarks)) == ("new", 3)
    assert (perhaps.system, perhaps.name, perhaps.address) == ("snow", "perhaps a ticket", "")


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("https://jira.example/browse/SEC-1", "https://jira.example/browse/SEC-1"),
        ("http://localhost:8080/browse/SEC-1", "http://localhost:8080/browse/SEC-1"),
        ("javascript:alert(1)", ""),
        ("//jira.example/browse/SEC-1", ""),
        ("https:///browse/SEC-1", ""),
        ("https://[", ""),
        ("", ""),
    ],
)
def test_a_browser_is_led_to_addresses_of_the_web_alone(url: str, page: str) -> None:
    assert ticket_page(url) == page


def test_the_page_of_a_subject_is_where_mappings_yaml_says() -> None:
    assert (
        subject_page(MAPPINGS, "lakeside", CaseKind.FINDING, "a/b c") == "https://schoolscan.example/findings/a%2Fb%20c"
    )
    assert subject_page(MAPPINGS, "lakeside", CaseKind.INCIDENT, "8f14") == "https://incidents.example/8f14"
    assert subject_page(MAPPINGS, "lakeside", CaseKind.SUMMARY, "scan_1") == ""
    assert subject_page(MAPPINGS, "elsewhere", CaseKind.FINDING, "fnd_1") == ""


def test_the_findings_of_a_case_come_by_page_with_what_is_known_of_each() -> None:
    known = {"fnd_1": KnownMember(1, Status.RESOLVED, Severity.LOW)}
    record = CaseRecord(GROUP, members={f"fnd_{number}": 1 for number in range(5)}, known=known)
    page = "https://schoolscan.example/findings/fnd_"
    first, after = members_after(record, MAPPINGS, "", 2)
    assert first == (CaseMember("fnd_0", "not read yet", f"{page}0"), CaseMember("fnd_1", "resolved, low", f"{page}1"))
    assert after == "fnd_1"
    last, end = members_after(record, MAPPINGS, "fnd_2", 2)
    assert ([each.id for each in last], end) == (["fnd_3", "fnd_4"], "")
    assert next(case_sides(record, MAPPINGS)) == CaseSide("SchoolScan", "5 findings", "not agreed on yet")


def test_the_rule_says_what_it_wanted() -> None:
    assert list(rule_facts(CaseRecord(KEY), MAPPINGS)) == [Fact("rule", "none that is remembered")]
    said = Policy("severe", ("jira", "snow"), ResolveWhen.ANY, timedelta(0), verifies=True)
    assert list(rule_facts(replace(RECORD, memory=replace(RECORD.memory, said=said)), MAPPINGS)) == [
        Fact("rule", "severe"),
        Fact("severity", "high, at the last look"),
        Fact("solved", "when the first of its tickets is closed, and a scan does not find it any more"),
    ]


def test_of_a_rule_that_is_gone_it_is_said() -> None:
    said = Policy("former", ("jira",), is_former=True)
    told = [fact.name for fact in rule_facts(replace(RECORD, memory=Memory(rule="former", said=said)), MAPPINGS)]
    assert told == ["rule", "no more", "solved"]


def test_of_a_rule_that_takes_the_case_it_is_not_said_that_none_does() -> None:
    said = Policy("severe", ("jira",)).as_former  # as it is kept: what counts once the rule takes the case no more
    told = [fact.name for fact in rule_facts(replace(RECORD, memory=replace(RECORD.memory, said=said)), MAPPINGS)]
    assert told == ["rule", "severity", "solved"]


def test_a_summary_has_no_rule() -> None:
    record = CaseRecord(CaseKey("lakeside", CaseKind.SUMMARY, "scan_1"))
    assert [fact.words for fact in rule_facts(record, MAPPINGS)] == [
        "none: the district's scan_summary asks for its ticket"
    ]


def test_what_waits_for_a_person_comes_before_what_waits_for_a_worker() -> None:
    assert next_words((CaseState.AT_REST, CaseState.PARKED, CaseState.CONFLICT)) == "decide about what is parked"
    assert next_words((CaseState.DIRTY, CaseState.CONFLICT)) == "settle on which side is right"
    assert next_words((CaseState.AT_REST,)) == "nothing"


def test_an_age_is_a_span_of_times() -> None:
    wanted = CaseFilter("lakeside", changed_from=1.0)
    assert CaseAge().of(wanted, 1000.0) == CaseFilter("lakeside")
    age = CaseAge(timedelta(seconds=300), timedelta(days=300))
    assert age.of(wanted, 1000.0) == CaseFilter("lakeside", changed_from=700.0, changed_until=0.0)
