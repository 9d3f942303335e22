"""What is known of a case, as every front end is told it: sentences, and the parked work that each is about."""

from dataclasses import replace

from remediation.domain.actions import ActionName
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, Link, Memory
from remediation.domain.cases.verification import ScanVerdict, Verification
from remediation.domain.errors import Waiting
from remediation.domain.status import Severity, Status
from remediation.domain.tickets import TicketState
from remediation.read_model.cases.pages import states_words
from remediation.read_model.cases.views import ENDS_HERE, CaseView, Fact, case_facts, case_json
from remediation.read_model.cases.words import STANDS_STILL
from remediation.store.cases.list_names import CaseState
from remediation.store.cases.standings import Stand, Standing
from remediation.store.systems import SystemTrouble

AT = 1_800_000_000.0
KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_9d2")
RECORD = CaseRecord(
    KEY,
    links={"jira": Link("jira", "10001", "SEC-12", "https://jira.example/browse/SEC-12")},
    memory=Memory(Status.REVIEWING, {"jira": TicketState.OPEN}, severity=Severity.HIGH, rule="severe"),
    parked=frozenset({ActionName.parse("open:snow"), ActionName.parse("patch:resolved")}),
    given_up=frozenset({ActionName.parse("patch:resolved")}),
    unnamed=frozenset({"jira-n"}),
    waits_for="jira",
)
VIEW = CaseView(
    RECORD,
    Standing(KEY.ref, Stand.PUT_OFF, AT + 60, ("open:snow",)),
    AT + 3600,
    [],
    SystemTrouble("jira", Waiting.AWAY, AT, 503, 1),
)


def test_a_case_is_told_in_sentences_that_name_the_parked_work_they_are_about() -> None:
    assert list(case_facts(VIEW)) == [
        Fact("finding", "fnd_9d2, reviewing, high"),
        Fact("rule", "severe"),
        Fact("ticket", "SEC-12 in jira, open: https://jira.example/browse/SEC-12"),
        Fact("parked", "open a ticket in snow", parked="lakeside:finding:fnd_9d2/open:snow"),
        Fact("given up", "set the finding to resolved: it was given up, so it is not done"),
        Fact("next look", "2027-01-15 09:00:00, when the accepted risk ends"),
        Fact("held up", "mappings.yaml does not name jira-n: nothing is concluded without what is there"),
        Fact("waits for", "jira: it does not answer (HTTP 503) since 2027-01-15 08:00:00 UTC"),
        Fact("now", "put off until 2027-01-15 08:01:00"),
    ]


def test_a_case_with_something_parked_is_not_said_to_be_at_rest() -> None:
    settled = replace(VIEW, standing=Standing(KEY.ref, Stand.SETTLED, 0.0, ("open:snow",)))
    assert list(case_facts(settled))[-1] == Fact("now", STANDS_STILL)
    decided = replace(settled, record=replace(RECORD, parked=frozenset()))
    assert list(case_facts(decided))[-1] == Fact("now", "at rest")
    assert states_words((CaseState.AT_REST, CaseState.PARKED)) == "parked"
    assert states_words((CaseState.PUT_OFF, CaseState.PARKED)) == "put off, parked"


def test_of_an_incident_people_are_told_where_it_ends() -> None:
    key = CaseKey("lakeside", CaseKind.INCIDENT, "8f14e45f")
    facts = list(case_facts(replace(VIEW, record=replace(RECORD, key=key))))
    assert facts[:2] == [Fact("incident", "8f14e45f, reviewing, high"), Fact("ends here", ENDS_HERE)]
    assert not [fact for fact in facts if "finding" in fact.words or "finding" in fact.name]


def test_of_a_case_that_a_scan_is_to_verify_is_told_how_far_that_is() -> None:
    asked = Verification("0123", AT, scan="")
    told = {
        asked: "a scan of its site is to show that it is gone, since 2027-01-15 08:00:00",
        replace(asked, tries=3): (
            "a scan of its site is to show that it is gone, since 2027-01-15 08:00:00; 2 had no result"
        ),
        replace(asked, verdict=ScanVerdict.GONE, scan="scan_1"): "scan scan_1 does not find it any more",
        replace(asked, verdict=ScanVerdict.FOUND, scan="scan_1"): "scan scan_1 still finds it",
        replace(asked, verdict=ScanVerdict.FAILED): "no scan of its site had a result, since 2027-01-15 08:00:00",
        replace(asked, verdict=ScanVerdict.REFUSED): "SchoolScan does not scan its site for us",
    }
    for verification, words in told.items():
        view = replace(VIEW, record=replace(RECORD, verification=verification))
        assert Fact("verified", words) in [*case_facts(view)]
        assert case_json(view)["verification"]["verdict"] == verification.verdict
    assert case_json(VIEW)["verification"] is None


def test_of_a_summary_people_are_told_what_asks_for_it() -> None:
    key = CaseKey("lakeside", CaseKind.SUMMARY, "scan_1")
    facts = list(case_facts(replace(VIEW, record=replace(RECORD, key=key, memory=Memory(Status.REVIEWING)))))
    assert facts[:2] == [Fact("summary", "scan_1, reviewing"), Fact("asked for", "by scan_summary of the district")]
    assert Fact("given up", "take the summary for resolved: it was given up, so it is not done") in facts


def test_of_a_case_at_its_end_is_told_since_when() -> None:
    at_its_end = CaseRecord(KEY, memory=Memory(finding=Status.RESOLVED), ended=AT)
    view = replace(VIEW, record=at_its_end)
    assert Fact("at its end", "since 2027-01-15 08:00:00; retention.cases counts from then") in [*case_facts(view)]
    assert case_json(view)["ended"] == "2027-01-15T08:00:00+00:00"
    undecided = replace(at_its_end, parked=RECORD.parked)
    assert case_json(replace(VIEW, record=undecided))["ended"] is None


def test_programs_are_told_the_same_as_people() -> None:
    told = case_json(VIEW)
    assert (told["parked"], told["given_up"], told["unnamed"]) == (["open:snow"], ["patch:resolved"], ["jira-n"])
    assert told["waits_for"] == {
        "system": "jira",
        "waiting": "away",
        "since": "2027-01-15T08:00:00+00:00",
        "status": 503,
    }
