"""What a process counts for charts: named by fixed words, bounded, and taken once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.metrics import NOBODY, counts_of
from remediation.domain.status import Severity
from remediation.store.activity.buckets import BOUNDS, bucket_of
from remediation.store.activity.tally import (
    WHOLE,
    ActivityTally,
    DeliveryAnswer,
    ResponseKind,
    answer_of,
    response_name,
    responses_in,
)
from remediation.store.terms import MOST_ACTIVITY_FIELDS


def test_what_is_of_a_district_counts_for_it_and_for_the_whole_service() -> None:
    tally = ActivityTally()
    tally.add("opened", "lakeside")
    tally.add("opened", "harbor", 2)
    tally.add("opened")
    assert tally.take() == {(WHOLE, "opened"): 4, ("lakeside", "opened"): 1, ("harbor", "opened"): 2}
    assert not tally


def test_a_sum_is_taken_once() -> None:
    tally = ActivityTally()
    tally.add("opened")
    assert tally
    tally.take()
    assert tally.take() == {}


def test_where_there_are_too_many_sums_new_ones_are_counted_for_the_whole_service_alone() -> None:
    tally = ActivityTally(most=3)
    for number in range(100):
        tally.add("opened", f"d{number}")
    taken = tally.take()
    assert taken == {(WHOLE, "opened"): 100, ("d0", "opened"): 1, ("d1", "opened"): 1}


@pytest.mark.parametrize(
    ("status", "outcome", "answer"),
    [
        (202, "stored", DeliveryAnswer.STORED),
        (202, "repeated", DeliveryAnswer.REPEATED),
        (202, "ignored", DeliveryAnswer.IGNORED),
        (202, "quarantined", DeliveryAnswer.QUARANTINED),
        (401, "signature", DeliveryAnswer.UNSIGNED),
        (404, "unknown_district", DeliveryAnswer.REFUSED),
        (413, "BodyTooLarge", DeliveryAnswer.REFUSED),
        (503, "OverLimit", DeliveryAnswer.LATER),
    ],
)
def test_an_answer_has_a_class(status: int, outcome: str, answer: DeliveryAnswer) -> None:
    assert answer_of(status, outcome) is answer
    assert answer.is_accepted is (status == 202)


def test_only_a_delivery_of_schoolscan_to_a_district_is_of_a_district() -> None:
    def counted(sender: str, account: str, status: int, reason: str) -> tuple[str, str]:
        counts = counts_of(sender, account, status, reason)
        return counts.name, counts.district

    assert counted("schoolscan", "lakeside", 202, "stored") == ("delivery:schoolscan:stored", "lakeside")
    assert counted("jira", "security", 202, "stored") == ("delivery:jira:stored", WHOLE)
    assert counted("schoolscan", NOBODY, 404, "unknown_district") == ("delivery:schoolscan:refused", WHOLE)


@given(st.sampled_from(ResponseKind), st.sampled_from(Severity), st.floats(0, 2 * BOUNDS[-1]))
def test_a_response_is_found_in_its_bucket_again(kind: ResponseKind, severity: Severity, seconds: float) -> None:
    counts = {response_name(kind, severity, seconds): 3, "look:settled": 1}
    assert responses_in(counts, kind) == {severity: {bucket_of(seconds): 3}}


def test_an_hour_has_room_for_every_count() -> None:
    senders = 8
    names = senders * len(DeliveryAnswer) + len(ResponseKind) * len(Severity) * (len(BOUNDS) + 1) + 20
    assert names < MOST_ACTIVITY_FIELDS
