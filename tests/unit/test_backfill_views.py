"""What is said of a backfill, and which findings one is asked for."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import subject_of
from remediation.read_model.backfills import backfill_json, backfill_lines, estimate_words, time_of_writes
from remediation.store.scans.backfills import Backfill, BackfillState
from remediation.store.scans.listing import ScanListing
from remedy.backfill.choice import BackfillChoice

KEY = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
AT = datetime(2026, 6, 1, tzinfo=UTC)
BACKFILL = Backfill(BackfillState.LISTING, AT.timestamp(), None, (), None, 2, 150, 30, 15, 5)


@pytest.mark.parametrize(
    ("writes", "a_minute", "words"),
    [
        (10_000, 60, "about 2 h 47 min at 60 writes a minute"),
        (60, 60, "about 1 min at 60 writes a minute"),
        (61, 60, "about 2 min at 60 writes a minute"),
        (0, 60, "about 0 min at 60 writes a minute"),
        (7_200, 60, "about 2 h at 60 writes a minute"),
        (600, 300, "about 2 min at 300 writes a minute"),
    ],
)
def test_an_estimate_is_told_in_hours_and_minutes(writes: int, a_minute: int, words: str) -> None:
    assert estimate_words(writes, a_minute) == words


@given(st.integers(0, 10**6), st.integers(1, 10**4))
def test_an_estimate_is_never_shorter_than_the_limit_allows(writes: int, a_minute: int) -> None:
    minutes = time_of_writes(writes, a_minute) / timedelta(minutes=1)
    assert minutes * a_minute >= writes
    assert (minutes - 1) * a_minute < max(writes, 1)


def test_its_lines_say_what_became_of_all_that_was_listed() -> None:
    first, second = backfill_lines("lakeside", BACKFILL)
    assert first == "The account of lakeside is being listed (begun 2026-06-01 00:00:00 UTC, of any severity)."
    assert second == (
        "200 findings listed: 150 without a case until now, 30 with a case already, 15 solved, or not asked for, "
        "5 without an id that can be used."
    )
    row = backfill_json("lakeside", BACKFILL)
    assert row["listed"] == row["new"] + row["known"] + row["passed_over"] + row["left_out"] == 200


def test_what_was_taken_back_and_which_tickets_stay_is_told() -> None:
    ended = replace(BACKFILL, state=BackfillState.CANCELLED, tickets=1_200, taken_back=30)
    assert backfill_lines("lakeside", ended)[2:] == [
        "30 cases were taken back before anybody had begun to work at them.",
        "1,200 tickets stay.",
    ]
    assert backfill_lines("lakeside", replace(BACKFILL, tickets=2))[2:] == ["2 tickets were opened."]


def test_its_choice_is_told_with_it() -> None:
    chosen = replace(BACKFILL, severities=(Severity.CRITICAL, Severity.HIGH), since=AT.timestamp())
    line = backfill_lines("lakeside", chosen)[0]
    assert "of severity critical, high, changed since 2026-06-01 00:00:00 UTC" in line


@pytest.mark.parametrize(
    ("asked_after", "later", "is_same"),
    [(3600, 3600, True), (3600, 0, True), (0, 30, True), (3600, 3700, False), (3600, -100, False)],
)
def test_a_span_that_is_said_again_later_is_the_same_choice_and_another_span_is_not(
    asked_after: int, later: int, *, is_same: bool
) -> None:
    begun, since = AT.timestamp(), AT - timedelta(days=30)
    backfill = replace(BACKFILL, severities=(Severity.LOW,), since=since.timestamp(), begun_at=begun)
    again = BackfillChoice("lakeside", (Severity.LOW,), since + timedelta(seconds=later))
    assert again.is_of(backfill, begun + asked_after) == is_same
    assert not replace(again, since=None).is_of(backfill, begun + asked_after)
    assert not replace(again, severities=()).is_of(backfill, begun + asked_after)


@given(
    st.sampled_from(Severity),
    st.sampled_from([status for status in Status if status is not Status.GONE]),
    st.frozensets(st.sampled_from(Severity)),
    st.one_of(st.none(), st.integers(-5, 5)),
    st.one_of(st.none(), st.integers(-5, 5)),
)
def test_a_rehearsal_and_the_workers_judge_alike_what_is_asked_for(
    severity: Severity, status: Status, severities: frozenset[Severity], since: int | None, changed: int | None
) -> None:
    begin = None if since is None else AT + timedelta(days=since)
    moment = None if changed is None else AT + timedelta(days=changed)
    subject = subject_of(KEY, Finding("fnd_1", status, severity, detected_at=moment))
    choice = BackfillChoice("lakeside", tuple(severities), begin)
    listing = ScanListing(
        "lakeside:backfill:account",
        "lakeside",
        "account",
        None,
        0,
        since=choice.since_seconds,
        is_backfill=True,
        severities=frozenset(severities),
    )
    assert choice.takes(subject) == listing.counts(subject)
    assert listing.filters == {}
