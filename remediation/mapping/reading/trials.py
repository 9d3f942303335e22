"""Templates filled in with samples of everything that may happen, so that they do not fail later."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import product
from typing import Any, assert_never

from remediation.domain.actions import Why
from remediation.domain.cases.records import CaseKey, CaseKind, Link
from remediation.domain.findings import DomainType, Finding, Scan, ScanStatus
from remediation.domain.incidents import Incident, IncidentType
from remediation.domain.status import Severity, Status
from remediation.domain.summaries import ScanCounts, ScanSummary
from remediation.domain.tickets import Reason, Ticket, TicketState
from remediation.mapping.reading.positions import key_text
from remediation.mapping.render.flaws import Flaw
from remediation.mapping.render.incidents import INCIDENT_WORDS, RESTRICTED_OF_INCIDENTS, incident_values
from remediation.mapping.render.occasions import MESSAGE_WORDS, Occasion, message_values
from remediation.mapping.render.summaries import RESTRICTED_OF_SUMMARIES, SUMMARY_WORDS, summary_values
from remediation.mapping.render.templates import (
    Values,
    Vocabulary,
    failure_of,
    flaws_of,
    prepared,
    undefined_value,
)
from remediation.mapping.render.tickets import (
    FIELD_WORDS,
    FOLLOWS_WORDS,
    RESTRICTED,
    TICKET_WORDS,
    follows_values,
    ticket_values,
)

_KEY = CaseKey("sample", CaseKind.FINDING, "fnd_sample")
_MOMENT = datetime(2026, 4, 15, 14, 2, tzinfo=UTC)
_TICKETS = (
    Link("servicenow", "incident/sample", "INC0000001", "https://servicenow.example/INC0000001"),
    Link("jira", "1", "SEC-1", "https://jira.example/browse/SEC-1"),
)
_MOST_TRIALS = 10_000


@dataclass(frozen=True, slots=True)
class _Speech:
    """What the templates of a kind of ticket may speak of.

    `restricted` are the values that are there only with `detail: restricted`, and `variants` those that a template may
    compare; any other is only present or absent.
    """

    words: Vocabulary
    field_words: Vocabulary
    restricted: frozenset[str]
    variants: Mapping[str, Sequence[object]]


_SPEECHES: Mapping[CaseKind, _Speech] = {
    CaseKind.FINDING: _Speech(
        TICKET_WORDS,
        FIELD_WORDS,
        RESTRICTED,
        {"severity": tuple(Severity), "domain_type": tuple(DomainType), "status": tuple(Status)},
    ),
    CaseKind.INCIDENT: _Speech(
        INCIDENT_WORDS,
        INCIDENT_WORDS,
        RESTRICTED_OF_INCIDENTS,
        {"severity": tuple(Severity), "type": tuple(IncidentType), "status": tuple(Status)},
    ),
    CaseKind.SUMMARY: _Speech(SUMMARY_WORDS, SUMMARY_WORDS, RESTRICTED_OF_SUMMARIES, {}),
}


def _sample(**words: Any) -> Finding:
    return replace(_FULL, **words)


_FULL = Finding(
    id=_KEY.id,
    status=Status.OPEN,
    severity=Severity.CRITICAL,
    domain_type=DomainType.DIRECT_PII,
    scan_id="scan_sample",
    title="Sample",
    url="https://www.example.org/sample",
    site="www.example.org",
    detected_at=_MOMENT,
    updated_at=_MOMENT,
)


_FULL_INCIDENT = Incident(
    uuid="00000000-0000-4000-8000-000000000000",
    type=IncidentType.REFERRAL,
    day=_MOMENT.date(),
    school="101",
    offenses=("sample",),
    weapons=("sample",),
    injuries=("sample",),
    actions=("sample",),
    offenders=1,
    victims=1,
)


@lru_cache
def _ticket_samples(kind: CaseKind, telling_apart: frozenset[str], *, restricted: bool) -> tuple[Values, ...]:
    """The values of one without any detail, and of full ones with every combination of the compared words."""
    words, variants = sorted(telling_apart), _SPEECHES[kind].variants
    combined = [dict(zip(words, each, strict=True)) for each in product(*(variants[word] for word in words))]
    match kind:
        case CaseKind.FINDING:
            return tuple(_of_findings(combined, restricted))
        case CaseKind.INCIDENT:
            return tuple(_of_incidents(combined, restricted))
        case CaseKind.SUMMARY:
            return tuple(_of_summaries(restricted))
        case _:
            assert_never(kind)


def _of_summaries(restricted: bool) -> Iterator[Values]:  # noqa: FBT001 - as above
    scan = Scan(
        "scan_sample", ScanStatus.COMPLETED, "www.example.org", _MOMENT, _MOMENT, pages_scanned=1, overall_grade="B"
    )
    for summary in (ScanSummary(Scan(scan.id)), ScanSummary(scan, ScanCounts(), replace(scan, overall_grade="C"))):
        yield summary_values("sample", _KEY.ref, summary, restricted=restricted)


def _of_incidents(combined: Iterable[Mapping[str, Any]], restricted: bool) -> Iterator[Values]:  # noqa: FBT001 - as above
    sample = partial(incident_values, "sample", _KEY.ref, restricted=restricted)
    yield sample(Incident(_FULL_INCIDENT.uuid))
    for each in combined:
        incident = replace(_FULL_INCIDENT, type=each.get("type", _FULL_INCIDENT.type))
        severity, status = each.get("severity", Severity.HIGH), each.get("status", Status.OPEN)
        yield sample(incident, severity=severity, status=status, due=_MOMENT, link="https://incidents.example/sample")


def _of_findings(combined: Iterable[Mapping[str, Any]], restricted: bool) -> Iterator[Values]:  # noqa: FBT001 - as above
    full = [_sample(**each) for each in combined]
    samples = [(Finding(id=_KEY.id), ""), *((finding, "https://schoolscan.example/fnd_sample") for finding in full)]
    yield from (ticket_values("sample", _KEY.ref, finding, link, restricted=restricted) for finding, link in samples)


_DONE = Ticket("jira", "1", "SEC-1", "https://jira.example/browse/SEC-1", TicketState.DONE, Reason.FIXED)
_FULL_OCCASION = Occasion(
    case=_KEY,
    at=_MOMENT,
    rule="sample",
    tickets=(replace(_DONE, tracker="servicenow", state=TicketState.OPEN), _DONE),
    reason=Reason.FIXED,
    by="sample",
    why=Why.TICKET_DONE,
    status=Status.RESOLVED,
    fact="sample",
    until=_MOMENT,
    words="Sample",
)
_FACTS = (
    "",
    "weapons +sample",
    "reason",
    "expiry,past",
    "reason,expiry,past",
    "high to critical",
    "comment",
    "close",
    *Reason,
)


def _occasions() -> Iterator[Occasion]:
    """Every occasion, with all its values and with as few as possible."""
    known: dict[str, Sequence[object]] = {"why": tuple(Why), "status": tuple(Status), "reason": tuple(Reason)}
    for word, values in {**known, "fact": _FACTS}.items():
        for value in values:
            word_alone: dict[str, Any] = {word: value}
            yield replace(_FULL_OCCASION, **word_alone)
            yield Occasion(_KEY, _MOMENT, tickets=(_DONE,), **word_alone)
    yield from (replace(_FULL_OCCASION, tickets=(replace(_DONE, state=state),)) for state in TicketState)
    yield replace(_FULL_OCCASION, tickets=_TICKETS)
    yield Occasion(_KEY, _MOMENT, tickets=_TICKETS[:1])
    yield Occasion(_KEY, _MOMENT)


_OCCASIONS = tuple(message_values(occasion) for occasion in _occasions())


def ticket_flaws(
    text: str, minimal_rule: str | None, *, kind: CaseKind = CaseKind.FINDING, is_field: bool = False
) -> tuple[Flaw, ...]:
    """What is wrong with a ticket's template, in rules of this kind; nothing where it is right.

    `minimal_rule` uses it without `detail: restricted`.
    """
    speech = _SPEECHES[kind]
    if flaws := _grammar(text, speech.field_words if is_field else speech.words):
        return flaws
    failures = {undefined_value(word): word for word in speech.restricted}
    failure = None if minimal_rule is None else _failure(text, kind, restricted=False, is_field=is_field)
    if minimal_rule is None or failure is None or failure.message not in failures:
        return _all(_failure(text, kind, restricted=True, is_field=is_field))
    value = f"{kind}.{failures[failure.message]}"
    around = f"write {{% if {value} is defined %}} around it, or detail: restricted"
    name = key_text(minimal_rule)
    who, there = ("the rule", f"rule {name}")
    if kind is CaseKind.SUMMARY:
        who, there = ("scan_summary", f"that of district {name}")
    message = f"{value} is there only where {who} says detail: restricted, and {there} does not; {around} there"
    return (replace(failure, message=message),)


def message_flaws(text: str) -> tuple[Flaw, ...]:
    """What is wrong with the template of a note or a comment."""
    return _grammar(text, MESSAGE_WORDS) or _all(failure_of(text, _OCCASIONS))


def follows_flaws(text: str) -> tuple[Flaw, ...]:
    """What is wrong with the template of the line that names an earlier ticket."""
    samples = (follows_values("sample", _KEY.ref, _DONE),)
    return _grammar(text, FOLLOWS_WORDS) or _all(failure_of(text, samples))


def _all(failure: Flaw | None) -> tuple[Flaw, ...]:
    return () if failure is None else (failure,)


@lru_cache(maxsize=_MOST_TRIALS)
def _grammar(text: str, vocabulary: Vocabulary) -> tuple[Flaw, ...]:
    return tuple(dict.fromkeys(flaws_of(text, vocabulary)))


@lru_cache(maxsize=_MOST_TRIALS)
def _failure(text: str, kind: CaseKind, *, restricted: bool, is_field: bool) -> Flaw | None:
    template, variants = prepared(text), _SPEECHES[kind].variants
    told_apart = () if template.is_plain else (word for word in variants if template.speaks_of(kind, word))
    samples = _ticket_samples(kind, frozenset(told_apart), restricted=restricted)
    return failure_of(text, samples, may_be_empty=is_field)
