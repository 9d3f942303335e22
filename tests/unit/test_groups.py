"""Groups of findings: one case after the other for those that share some fields, told apart by number."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.cases.groups import (
    GroupField,
    as_closed,
    group_of,
    may_be_its_own,
    missing_in,
    number_of,
    numbered,
    takes_no_more,
)
from remediation.domain.cases.identities import known_of, shown_by
from remediation.domain.cases.members import KnownMember
from remediation.domain.cases.records import CaseKey, CaseKind, CaseRecord, Memory, key_of_ref, ref_of_mark
from remediation.domain.findings import DomainType, Finding
from remediation.domain.policy import Policy, ResolveWhen
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import subject_of
from remediation.domain.tickets import Ticket, TicketState

BY = (GroupField.DOMAIN_TYPE, GroupField.SITE)
AT = datetime(2026, 4, 15, tzinfo=UTC)
FINDING = Finding("fnd_1", domain_type=DomainType.DIRECT_PII, site="www.lakeside.example", detected_at=AT)
GROUP = group_of("lakeside", "leaks", BY, FINDING)

findings = st.builds(
    Finding,
    st.sampled_from([f"fnd_{number}" for number in range(9)]),
    st.sampled_from(Status),
    st.sampled_from(Severity),
    st.sampled_from([each for each in DomainType if each is not DomainType.UNKNOWN]),
    site=st.sampled_from(["www.lakeside.example", "old.lakeside.example"]),
)
orders = st.lists(st.sampled_from(GroupField), min_size=1, unique=True)


def ticket(state: TicketState, tracker: str = "jira") -> Ticket:
    return Ticket(tracker, "1", "SEC-1", "https://jira.example", state)


@given(findings, findings, orders)
def test_findings_are_of_one_group_exactly_if_all_its_fields_are_the_same(
    one: Finding, other: Finding, by: list[GroupField]
) -> None:
    is_same = all(getattr(one, name) == getattr(other, name) for name in by)
    assert (group_of("lakeside", "leaks", by, one) == group_of("lakeside", "leaks", by, other)) is is_same


@given(findings, orders)
def test_the_order_of_the_fields_does_not_matter(finding: Finding, by: list[GroupField]) -> None:
    assert group_of("lakeside", "leaks", by, finding) == group_of("lakeside", "leaks", by[::-1], finding)


def test_rules_and_districts_have_groups_of_their_own() -> None:
    assert len({group_of(name, rule, BY, FINDING) for name in ("lakeside", "hillside") for rule in ("a", "b")}) == 4


@pytest.mark.parametrize(
    ("lacking", "finding"),
    [
        ((GroupField.SITE,), replace(FINDING, site=None)),
        ((GroupField.DOMAIN_TYPE,), replace(FINDING, domain_type=DomainType.UNKNOWN)),
        (BY, Finding("fnd_1")),
    ],
)
def test_a_finding_that_lacks_a_field_belongs_to_no_group(lacking: tuple[GroupField, ...], finding: Finding) -> None:
    assert group_of("lakeside", "leaks", BY, finding) is None
    assert missing_in(BY, finding) == lacking


def test_a_domain_type_that_is_not_known_yet_counts_by_its_word() -> None:
    new = [replace(FINDING, domain_type=DomainType.UNKNOWN, words={"domain_type": word}) for word in ("face", "voice")]
    assert len({group_of("lakeside", "leaks", BY, each) for each in (*new, new[0])}) == 2


@given(st.integers(1, 999_999_999))
def test_every_case_of_a_group_is_told_by_its_mark(number: int) -> None:
    assert GROUP
    key = numbered(GROUP, number)
    assert key.is_of_group
    assert key.has_members
    assert not key.is_of_identity
    assert (number_of(key), numbered(key, 1)) == (number, GROUP)
    assert key_of_ref(ref_of_mark(numbered(replace(key, district="d" * 32), number).mark) or "") is not None
    assert len(replace(key, district="d" * 32).mark) <= 100


@pytest.mark.parametrize("other", ["fnd_1", "group-1", "group-12ab-1", f"group-{'a' * 32}-0", f"group-{'a' * 32}"])
def test_other_ids_are_of_no_group(other: str) -> None:
    assert not CaseKey("lakeside", CaseKind.FINDING, other).is_of_group


@pytest.mark.parametrize(
    ("when", "states", "closed"),
    [
        (ResolveWhen.ALL, [], False),
        (ResolveWhen.ALL, [TicketState.OPEN], False),
        (ResolveWhen.ALL, [TicketState.DONE], True),
        (ResolveWhen.ALL, [TicketState.DONE, TicketState.OPEN], False),
        (ResolveWhen.ALL, [TicketState.DONE, TicketState.GONE], True),
        (ResolveWhen.ANY, [TicketState.DONE, TicketState.IN_PROGRESS], True),
        (ResolveWhen.ANY, [TicketState.OPEN, TicketState.GONE], False),
        (ResolveWhen.ALL, [TicketState.GONE], False),
    ],
)
def test_a_group_takes_findings_until_its_tickets_are_closed(
    when: ResolveWhen, states: list[TicketState], *, closed: bool
) -> None:
    tickets = {f"tracker-{number}": ticket(state) for number, state in enumerate(states)}
    assert takes_no_more(tickets, Policy(rule="leaks", resolve_when=when)) is closed


@pytest.mark.parametrize(
    ("status", "detected_at", "memory", "is_its_own"),
    [
        (Status.REVIEWING, AT, Memory(), True),
        (Status.REVIEWING, None, Memory(), True),
        (Status.OPEN, AT, Memory(), False),
        (Status.REVIEWING, AT + timedelta(days=2), Memory(), False),
        (Status.REVIEWING, AT, Memory(finding=Status.RESOLVED), False),
    ],
)
def test_only_after_a_loss_a_closed_ticket_may_be_that_of_a_finding_in_review(
    status: Status, detected_at: datetime | None, memory: Memory, *, is_its_own: bool
) -> None:
    assert GROUP
    record = CaseRecord(GROUP, memory=memory, born=(AT + timedelta(days=1)).timestamp())
    assert may_be_its_own(record, KnownMember(1, status, detected_at=detected_at)) is is_its_own


@given(
    st.dictionaries(
        st.sampled_from(["fnd_1", "fnd_2", "fnd_3"]), st.tuples(st.sampled_from(Status), st.booleans()), min_size=1
    )
)
def test_a_closing_counts_for_what_nobody_has_set_yet_and_not_for_what_was_found_again(
    members: dict[str, tuple[Status, bool]],
) -> None:
    assert GROUP
    subjects = [subject_of(replace(GROUP, id=name), Finding(name, status)) for name, (status, _) in members.items()]
    known = {each.key.id: known_of(each, 1) for each in subjects}
    record = CaseRecord(GROUP, joined={name: is_set for name, (_, is_set) in members.items()})
    shown = shown_by(subjects)
    seen = as_closed(shown, record, known)
    was_found_again = any(status is Status.OPEN and is_set for status, is_set in members.values())
    if shown.status is Status.OPEN:
        assert seen.status is (Status.OPEN if was_found_again else Status.REVIEWING)
    else:
        assert seen == shown
