"""Answers to questions of the console: what is in them, what is not, and how they travel."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import BudgetSpent, NotFound, OutsideError, Refused, TryLater, Waiting
from remediation.domain.findings import Finding
from remediation.domain.status import Severity, Status
from remediation.domain.subjects import subject_of
from remediation.mapping.reading.loading import loaded_of
from remediation.read_model.answers.explanations import AnsweredTicket, explain_answer
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


MAPPINGS = """\
version: 1
districts:
  lakeside: &account
    schoolscan:
      token: {env: TOKEN}
      webhook: {secrets: [{env: SECRET}]}
  harbor: *account
trackers:
  jira: {kind: jira, url: "https://jira.example", auth: {bearer: {env: J}}}
templates: {body: "To do: {% if finding.title is defined %}{{ finding.title }} {{ finding.url }}{% endif %}"}
defaults: {tickets: {jira: {project: SEC}}}
rules:
  - {name: others, match: {district: harbor}, tickets: {jira: {}}}
  - {name: folder, match: {path: "/zzpii/**", age: {over: 3d}}, tickets: none}
  - name: rest
    match: {any: [{severity: [critical, unknown]}, {site: "www.lakeside.example"}], district: [lakeside, harbor]}
    detail: restricted
    tickets: {jira: {}}
"""

ODD = Finding(
    "fnd_1",
    Status.OPEN,
    Severity.UNKNOWN,
    title=f"{CANARY} title",
    url=f"https://www.zzpii.example/{CANARY}",
    site="www.zzpii.example",
    words={"severity": f"{CANARY} severity", "status": f"{CANARY} status"},
)


def test_an_explanation_has_codes_of_the_finding_and_nothing_else_of_it() -> None:
    key = CaseKey("lakeside", CaseKind.FINDING, "fnd_1")
    at, loaded = datetime(2026, 4, 15, tzinfo=UTC), loaded_of(MAPPINGS, "mappings.yaml")
    answer = explain_answer(loaded, subject_of(key, ODD), at)
    assert "zzpii" not in answer_bytes(answer).decode().lower()
    assert answer.rule == "rest"
    assert answer.others == 1
    tried = [(trial.number, trial.rule, trial.held) for trial in answer.trials]
    assert tried == [(2, "folder", False), (3, "rest", True)]
    found = {(each.name, each.wanted, each.found, each.held, each.depth) for each in answer.trials[1].conditions}
    assert ("the severity", "critical, unknown", "unknown", True, 1) in found
    assert ("the site", "1 word of the rule", "", False, 1) in found
    assert ("the district", "lakeside or 1 other", "lakeside", True, 0) in found
    assert answer.tickets == (AnsweredTicket("jira", "jira", "SEC"),)
