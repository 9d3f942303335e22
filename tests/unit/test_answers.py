"""Answers to questions of the console: what is in them, what is not, and how they travel."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import BudgetSpent, NotFound, OutsideError, Refused, TryLater, Waiting
from remediation.read_model.answers.plans import AnsweredFact, PlanAnswer
from remediation.read_model.answers.troubles import outside_words
from remediation.read_model.answers.wire import (
    LONGEST_ANSWER,
    TOO_LONG,
    CaseSubject,
    NoAnswer,
    answer_bytes,
    answer_from,
    subject_bytes,
    subject_from,
)

CANARY = "ZZPII-words"
AT = datetime(2026, 4, 15, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "error",
    [
        Refused("jira", CANARY, status=400),
        NotFound("lakeside", CANARY, status=404),
        BudgetSpent("lakeside", "lakeside/read", after=3.0, behind=0.0),
        *(TryLater("jira", CANARY, waiting=waiting, status=503) for waiting in Waiting),
    ],
)
def test_why_a_system_did_not_answer_is_said_without_its_words(error: OutsideError) -> None:
    said = outside_words(error)
    assert said
    assert CANARY not in said


@pytest.mark.parametrize(
    "answer",
    [
        NoAnswer("why", "what to do"),
        PlanAnswer("lakeside:finding:fnd_1", AT, (AnsweredFact("rule", "severe"),), ("1. open",), 1, ("jira",)),
    ],
)
def test_an_answer_is_read_as_it_was_written(answer: Any) -> None:
    assert answer_from(answer_bytes(answer)) == answer


def test_an_answer_that_is_too_long_becomes_one_that_says_so() -> None:
    plan = PlanAnswer("lakeside:finding:fnd_1", AT, (), ("x" * LONGEST_ANSWER,), 1)
    assert answer_from(answer_bytes(plan)) == TOO_LONG


@pytest.mark.parametrize("wire", [b"", b"[]", b'{"type":"later"}', b'{"type":"plan"}', b"\xff"])
def test_an_answer_of_another_version_is_no_answer(wire: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        answer_from(wire)


def test_the_same_subject_is_always_the_same_bytes() -> None:
    key = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
    first, second = (CaseSubject(key.district, key.kind, key.id) for _ in range(2))
    assert subject_bytes(first) == subject_bytes(second)
    assert subject_from(subject_bytes(first), CaseSubject) == first
