"""Findings told apart by what they say: one case for all that say the same, and what it shows of them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.cases.identities import (
    Identity,
    IdentityField,
    as_known,
    known_of,
    missing_of,
    shown_by,
    yet_to_be,
)
from remediation.domain.cases.members import KnownMember
from remediation.domain.cases.records import (
    CaseKey,
    CaseKind,
    CaseRecord,
    Intent,
    Link,
    Memory,
    key_of_ref,
    ref_of_mark,
)
from remediation.domain.findings import DomainType, Finding
from remediation.domain.outside_words import ReviewOutcome
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import Subject, subject_of

KEY = b"test-only-key-of-an-identity-----"
BY = frozenset({IdentityField.DOMAIN_TYPE, IdentityField.URL})
IDENTITY = Identity(BY, KEY)
URL = "https://www.lakeside.example/staff/list.pdf?v=2"
FINDING = Finding("fnd_1", Status.OPEN, Severity.HIGH, DomainType.DIRECT_PII, url=URL)
AT = datetime(2026, 4, 15, tzinfo=UTC)

statuses = st.sampled_from(Status)
members_ = st.lists(
    st.builds(
        Finding,
        st.sampled_from([f"fnd_{number}" for number in range(9)]),
        statuses.filter(lambda status: status is not Status.GONE),
        st.sampled_from(Severity),
        detected_at=st.none() | st.integers(0, 5).map(lambda days: AT + timedelta(days=days)),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda each: each.id,
).map(lambda findings: [subject_of(CaseKey("lakeside", CaseKind.FINDING, each.id), each) for each in findings])


def test_findings_that_say_the_same_are_one_case_whatever_their_ids() -> None:
    assert IDENTITY.case_of("lakeside", FINDING) == IDENTITY.case_of("lakeside", replace(FINDING, id="fnd_2"))


@pytest.mark.parametrize(
    "other",
    [
        replace(FINDING, url=URL + "#page=2"),
        replace(FINDING, url=URL.upper()),
        replace(FINDING, domain_type=DomainType.METADATA),
        replace(FINDING, domain_type=DomainType.UNKNOWN, words={"domain_type": "biometric"}),
    ],
)
def test_what_says_anything_else_is_another_case(other: Finding) -> None:
    assert IDENTITY.case_of("lakeside", FINDING) != IDENTITY.case_of("lakeside", other) is not None


def test_districts_and_keys_tell_cases_apart() -> None:
    cases = {IDENTITY.case_of(name, FINDING) for name in ("lakeside", "hillside")}
    ids = {each.id for each in (*cases, Identity(BY, KEY + b"2").case_of("lakeside", FINDING)) if each}
    assert len(ids) == 3


@pytest.mark.parametrize("lacking", [{"url": None}, {"url": ""}, {"domain_type": DomainType.UNKNOWN}])
def test_a_finding_that_lacks_a_field_is_a_case_of_its_own(lacking: dict[str, object]) -> None:
    finding = replace(FINDING, **lacking)  # type: ignore[arg-type]  # a table's row
    assert IDENTITY.case_of("lakeside", finding) is None
    assert len(missing_of(BY, finding)) == 1
    assert missing_of(BY, FINDING) == ()


@given(st.text(), st.text(min_size=1))
def test_nothing_of_a_finding_is_readable_in_its_case(title: str, url: str) -> None:
    case = IDENTITY.case_of("lakeside", replace(FINDING, title=title, url=url))
    assert case is not None
    assert case.is_of_identity
    assert key_of_ref(case.ref) == case
    assert ref_of_mark(case.mark) == case.ref
    assert len(case.mark) <= 100
    assert KEY.decode() not in repr(IDENTITY)


@given(st.tuples(st.text(), st.text(min_size=1)), st.tuples(st.text(), st.text(min_size=1)))
def test_fields_do_not_run_into_each_other(one: tuple[str, str], other: tuple[str, str]) -> None:
    identity = Identity(frozenset({IdentityField.TITLE, IdentityField.URL}), KEY)
    cases = [identity.case_of("lakeside", replace(FINDING, title=title, url=url)) for title, url in (one, other)]
    assert (cases[0] == cases[1]) is (one == other or cases == [None, None])


@given(members_)
def test_somebody_must_act_as_long_as_one_member_is_unsolved(members: list[Subject]) -> None:
    shown = shown_by(members)
    assert shown.status.is_unsolved is any(each.status.is_unsolved for each in members)
    assert (shown.status is Status.OPEN) is any(each.status is Status.OPEN for each in members)
    assert shown.status.is_solved is all(each.status.is_solved for each in members)
    assert shown.key.id in {each.key.id for each in members}


@given(members_)
def test_none_that_is_unsolved_is_worse_than_what_is_shown(members: list[Subject]) -> None:
    shown = shown_by(members)
    unsolved = [each for each in members if each.status.is_unsolved]
    assert not any(each.severity.is_worse_than(shown.severity) for each in unsolved)


@given(members_, st.sampled_from([Status.REVIEWING, Status.RESOLVED, Status.ACCEPTED_RISK]))
def test_what_was_written_is_seen_and_is_not_written_again(members: list[Subject], status: Status) -> None:
    wanted = yet_to_be(members, status)
    after = [each.with_status(status) if each in wanted else each for each in members]
    if all(each.status is not Status.UNKNOWN for each in members):
        assert shown_by(after).status.is_solved is status.is_solved
    again = yet_to_be(after, status)
    assert len(again) == 1, "only a note"
    assert not any(each.status.is_unsolved and each.status is not status for each in after)


@given(members_, st.integers(0, 9))
def test_what_is_remembered_of_the_members_decides_which_of_them_is_shown(members: list[Subject], times: int) -> None:
    known = {each.key: known_of(each, times) for each in members}
    assert {key: KnownMember.parse(str(each)) for key, each in known.items()} == known
    shown = shown_by([as_known(key, each) for key, each in known.items()])
    told = shown_by(members)
    assert (shown.key, shown.status, shown.severity) == (told.key, told.status, told.severity)


def test_nothing_that_a_finding_says_is_remembered_of_a_member() -> None:
    finding = replace(
        FINDING, title="ZZPII title", review=ReviewOutcome.CONFIRMED, detected_at=AT, words={"x": "ZZPII"}
    )
    text = str(known_of(subject_of(CaseKey("lakeside", CaseKind.FINDING, "fnd_1"), finding), 3))
    assert text == "3/open/high/1776211200.0/confirmed"
    assert len(text) <= 64, "a longer value triples the room of its row"


def test_a_member_is_read_once_and_again_once_it_is_named() -> None:
    record = CaseRecord(CaseKey("lakeside", CaseKind.FINDING, "id-" + "0" * 40), members={"a": 1, "b": 2})
    assert record.live == ("a", "b")
    known = {name: KnownMember(1, Status.OPEN) for name in ("a", "b")}
    assert replace(record, known=known).live == ("b",)


def test_what_a_finding_had_goes_along_and_a_second_ticket_is_searched_for() -> None:
    home = CaseRecord(CaseKey("lakeside", CaseKind.FINDING, "id-" + "0" * 40), links={"jira": _link("jira", "2")})
    links = {"jira": _link("jira", "1"), "snow": _link("snow", "7")}
    own = CaseRecord(CaseKey("lakeside", CaseKind.FINDING, "fnd_1"), links, {"snow": Intent("snow", 5.0)})
    own = replace(own, memory=Memory(Status.REVIEWING))
    joined = home.with_member(own)
    assert {name: link.ticket_id for name, link in joined.links.items()} == {"jira": "2", "snow": "7"}
    assert joined.intents == {"jira": Intent("jira", 0.0), "snow": Intent("snow", 5.0)}
    assert (joined.memory, joined.live) == (own.memory, ("fnd_1",))
    assert joined.marks == (home.key.mark, own.key.mark)


def test_an_address_is_in_no_part_of_a_case() -> None:
    case = IDENTITY.case_of("lakeside", FINDING)
    assert "lakeside.example" not in json.dumps(repr(case))


def _link(tracker: str, ticket: str) -> Link:
    return Link(tracker, ticket, f"KEY-{ticket}", "https://tracker.example")
