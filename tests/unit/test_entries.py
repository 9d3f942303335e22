"""Entries of a timeline: they come back as they went, and nothing that anybody wrote can be in one."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.actions import (
    Action,
    CloseDuplicate,
    CommentOnTicket,
    OpenTicket,
    RaiseTicket,
    ReopenTicket,
    ResolveTicket,
    SetStatus,
    Why,
)
from remediation.domain.cases.records import CaseKey, CaseKind, Link
from remediation.domain.errors import Refused, TryLater
from remediation.domain.findings import Finding
from remediation.domain.ownership import Doubt, Evidence
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import subject_of
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.store.cases.entries import (
    KINDS,
    Acted,
    Disagreed,
    Doubted,
    Entry,
    GivenUp,
    Planned,
    PlannedStep,
    PutOff,
    Seen,
    SetAside,
    Settled,
    TicketSeen,
    Triggered,
    Unnamed,
    UnreadableEntry,
    decoded,
    encoded,
    kind_word,
    steps_of,
)

AT = 1_800_000_000.25
TICKET = Ticket("jira", "10001", "SEC-1", "https://jira.example/browse/SEC-1", TicketState.DONE, Reason.FIXED)
FINDING = Finding("fnd_1", Status.REVIEWING, Severity.HIGH, title="a title", url="https://school.example/a")
SUBJECT = subject_of(CaseKey("lakeside", CaseKind.FINDING, "fnd_1"), FINDING)
UNTIL = datetime(2027, 1, 31, tzinfo=UTC)

ENTRIES: list[Entry] = [
    Triggered(AT, "webhook:schoolscan", AT - 1),
    Seen.of(SUBJECT, {"jira": TICKET}, {"snow"}, AT),
    Planned.of((ResolveTicket("jira", Reason.FIXED, Why.FINDING_RESOLVED),), AT),
    Acted.done("resolve:jira", AT, TICKET),
    Acted.failed("open:snow", AT, Refused("snow", "a field is required", status=400, request_id="r-1")),
    Settled(AT, AT + 60),
    PutOff.by(TryLater("jira", "busy", status=503), AT + 5, AT),
    SetAside.by(ZeroDivisionError("test-only"), AT),
    GivenUp(AT, "open:jira"),
    Disagreed(AT),
    Doubted.of(Doubt(Link("jira", "10001", "SEC-1", "https://jira.example"), Evidence.OTHER_MARK), AT),
    Unnamed(AT, ("jira-n", "jira-s")),
    UnreadableEntry(AT),
]

STEPS: list[tuple[Action, PlannedStep]] = [
    (OpenTicket("jira", Why.NEW), PlannedStep("open:jira", "new")),
    (OpenTicket("jira", Why.FOUND_AGAIN, "10001"), PlannedStep("open:jira", "found_again", "10001")),
    (ResolveTicket("jira", Reason.FIXED, Why.TICKET_DONE), PlannedStep("resolve:jira", "ticket_done", "fixed")),
    (ReopenTicket("snow", Why.FOUND_AGAIN), PlannedStep("reopen:snow", "found_again")),
    (
        RaiseTicket("jira", Severity.HIGH, (("priority", "2"), ("duedate", "2027-01-31"))),
        PlannedStep("raise:jira", "severity_raised", "high,priority,duedate"),
    ),
    (
        CommentOnTicket("jira", Why.RISK_UNEXPLAINED, "reason,expiry"),
        PlannedStep("comment:jira:risk_unexplained", "risk_unexplained", "reason,expiry"),
    ),
    (CommentOnTicket("jira", Why.REFUSED, "assignee"), PlannedStep("comment:jira:refused", "refused")),
    (
        CommentOnTicket("jira", Why.EXPERT_REVIEWED, "Ann Doe, grade 5"),
        PlannedStep("comment:jira:expert_reviewed", "expert_reviewed"),
    ),
    (CloseDuplicate("snow", "incident/1"), PlannedStep("duplicate:snow", "duplicate", "incident/1")),
    (
        SetStatus(Status.RESOLVED, Why.TICKET_DONE, Reason.FIXED),
        PlannedStep("patch:resolved", "ticket_done", "fixed"),
    ),
    (
        SetStatus(Status.ACCEPTED_RISK, Why.TICKET_DONE, Reason.ACCEPTED_RISK, UNTIL),
        PlannedStep("patch:accepted_risk", "ticket_done", "2027-01-31T00:00:00+00:00"),
    ),
]


@pytest.mark.parametrize("entry", ENTRIES, ids=kind_word)
def test_an_entry_comes_back_as_it_went(entry: Entry) -> None:
    assert decoded(*encoded(entry)) == entry


def test_every_kind_is_told_of_here() -> None:
    assert {type(entry) for entry in ENTRIES} == set(KINDS.values())


@pytest.mark.parametrize(
    ("action", "step"), STEPS, ids=lambda value: value.action if isinstance(value, PlannedStep) else ""
)
def test_a_plan_is_told_with_reasons_and_without_anybodys_words(action: Action, step: PlannedStep) -> None:
    assert steps_of((action,)) == (step,)


def test_what_is_seen_is_told_in_states_and_keys_only() -> None:
    _, wire = encoded(Seen.of(SUBJECT, {"jira": TICKET}, {"snow"}, AT))
    assert b"title" not in wire
    assert b"school.example" not in wire
    assert b"jira.example" not in wire
    assert Seen.of(SUBJECT, {"jira": TICKET}, {"snow"}, AT).tickets == (TicketSeen("jira", "SEC-1", "done", "fixed"),)


@given(st.text(min_size=1))
def test_no_sentence_and_no_address_can_be_written(text: str) -> None:
    spoilt: list[Entry] = [
        Acted(AT, text, "done", text, text, 500, text),
        Seen(AT, text, text, (TicketSeen(text, text, text, text),), (text,)),
        Planned(AT, (PlannedStep(text, text, text),)),
        PutOff(AT, AT, text, text, 500, text),
    ]
    for entry in spoilt:
        wire = encoded(entry)[1].decode()
        assert " " not in wire
        assert "//" not in wire
        assert wire.isascii()


def test_a_key_that_is_no_key_is_left_out() -> None:
    strange = replace(TICKET, key="Ann Doe")
    entry = decoded(*encoded(Acted.done("resolve:jira", AT, strange)))
    assert entry == Acted(AT, "resolve:jira", "done")


@pytest.mark.parametrize(
    ("kind", "wire"), [("dream", b"{}"), ("action", b"{}"), ("action", b"not JSON"), ("settled", b'{"at": "soon"}')]
)
def test_what_another_version_wrote_is_passed_over(kind: str, wire: bytes) -> None:
    assert decoded(kind, wire) is None
