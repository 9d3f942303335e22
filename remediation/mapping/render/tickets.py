"""The texts and fields of tickets: a rule and a finding or an incident go in, drafts come out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import assert_never
from urllib.parse import urlsplit

from remediation.domain.cases.records import CaseKind
from remediation.domain.findings import Finding
from remediation.domain.incidents import Incident
from remediation.domain.subjects import Subject
from remediation.domain.summaries import ScanSummary
from remediation.domain.tickets import Draft, MemberList, Ticket
from remediation.mapping.config.incident_wording import IncidentTemplates
from remediation.mapping.config.rules import Rule
from remediation.mapping.config.scan_summaries import SummaryTemplates
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers.tracker_settings import (
    DueBySeverity,
    TicketSettings,
    TrackerSettings,
    bare,
    for_severity,
)
from remediation.mapping.config.wording import Templates
from remediation.mapping.render.incidents import incident_values
from remediation.mapping.render.lists import list_of
from remediation.mapping.render.occasions import ticket_name
from remediation.mapping.render.subject_pages import subject_page
from remediation.mapping.render.summaries import numbers_of, summary_values
from remediation.mapping.render.templates import Values, Vocabulary, filled, is_template, moment_text, prepared
from remediation.mapping.rules.coverage import place_of
from remediation.mapping.rules.matching import aware
from remediation.redaction import plain

_LONGEST_SUMMARY = 255
_LONGEST_BODY = 30_000
_LONGEST_FIELD = 1_000
_LONGEST_VALUE = 500
_LONGEST_URL = 2_000

RESTRICTED = frozenset({"title", "url", "site"})
"""The values of a finding that are undefined unless the rule says `detail: restricted`."""

TICKET_WORDS = Vocabulary(
    names=frozenset(),
    objects={
        "case": frozenset({"ref"}),
        "rule": frozenset({"name"}),
        "finding": RESTRICTED | {"id", "severity", "domain_type", "scan_id", "status", "detected_at", "link"},
    },
)
"""The values that the templates of tickets may use. A value that SchoolScan did not give is empty; `finding.url` is the
page's address without its query."""

FIELD_WORDS = Vocabulary(
    names=frozenset(), objects={**TICKET_WORDS.objects, "finding": TICKET_WORDS.objects["finding"] - {"title"}}
)
"""The values that templates inside `fields` may use: a title is other people's text, and is not escaped there."""

FOLLOWS_WORDS = Vocabulary(
    names=frozenset(),
    objects={
        "case": frozenset({"ref"}),
        "rule": frozenset({"name"}),
        "earlier": frozenset({"tracker", "key", "url"}),
    },
)
"""The values of the line that names an earlier ticket."""


def draft_of(
    mappings: Mappings,
    rule: Rule,
    tracker: str,
    subject: Subject,
    at: datetime,
    follows: Ticket | None = None,
) -> Draft:
    """The ticket that the rule wants in this tracker, which it must name.

    A severity that the rule's map does not name sets no field. What is due counts from a finding's first detection; for
    an incident, and where that is not known, from `at`. `follows` is the closed ticket whose place it takes: a line
    before the body names it. Raises ConfigurationError if a template cannot be filled in for this subject.
    """
    ticket, config, key = rule.tickets[tracker], mappings.trackers[tracker], subject.key
    link, due = link_of(mappings, subject), _due_at(ticket.due, subject, at)
    values = _subject_values(rule.name, subject, link, due, restricted=rule.detail == "restricted")
    texts = texts_of(mappings, key.kind)
    where = f"rule {rule.name}, ticket in {tracker}"
    summary = plain(filled(ticket.summary or texts.summary, values, where).strip(), _LONGEST_SUMMARY)
    body = filled(ticket.body or texts.body, values, where).strip()
    if follows:
        line = filled(texts.follows, follows_values(rule.name, key.ref, follows), "templates.follows")
        body = f"{line.strip()}\n\n{body}"
    body = plain(body, _LONGEST_BODY, lines=True)
    fields = _own_fields(ticket, config, subject, at) | _filled_fields(ticket.more_fields, values, where)
    place = place_of(mappings, rule, tracker) or ""
    before = follows.id if follows else None
    members = members_of(mappings, subject)
    draft = Draft(key.mark, place, summary, body, fields=fields, follows=before, members=members)
    return ticket.completed(draft, link or None)


def texts_of(mappings: Mappings, kind: CaseKind) -> Templates | IncidentTemplates | SummaryTemplates:
    """The texts of tickets about subjects of this kind that have none of their own."""
    match kind:
        case CaseKind.FINDING:
            return mappings.templates
        case CaseKind.INCIDENT:
            return mappings.templates.incidents
        case CaseKind.SUMMARY:
            return mappings.templates.scan_summaries
        case _:
            assert_never(kind)


def members_of(mappings: Mappings, subject: Subject) -> MemberList | None:
    """The list in the subject's tickets that is kept up to date: of its findings, or of a scan's numbers.

    None for nothing: also where the district wants no summaries (any more).
    """
    if not isinstance(subject.detail, ScanSummary):
        return list_of(mappings, subject)
    district = mappings.districts.get(subject.key.district)
    words = district.scan_summary if district else None
    return numbers_of(subject.detail, names_tickets=words.lists == "tickets") if words else None


def link_of(mappings: Mappings, subject: Subject) -> str:
    """The address of the subject's page for people; empty where its source has none."""
    match subject.detail:
        case Finding() as finding:
            own_id = finding.id
        case Incident() as incident:
            own_id = incident.uuid
        case ScanSummary():
            return ""
        case _:
            assert_never(subject.detail)
    return subject_page(mappings, subject.key.district, subject.key.kind, own_id)


def _subject_values(
    rule: str, subject: Subject, link: str, due: datetime | None, *, restricted: bool
) -> Mapping[str, object]:
    """The values that the templates of the subject's ticket may use: those of its kind's vocabulary. `due` is in UTC.

    Of an incident, the severity is the one that its rule gave the subject.
    """
    match subject.detail:
        case Finding() as finding:
            return ticket_values(rule, subject.key.ref, finding, link, restricted=restricted)
        case Incident() as incident:
            return incident_values(
                rule,
                subject.key.ref,
                incident,
                severity=subject.severity,
                status=subject.status,
                due=due,
                link=link,
                restricted=restricted,
            )
        case ScanSummary() as summary:
            return summary_values(rule, subject.key.ref, summary, restricted=restricted)
        case _:
            assert_never(subject.detail)


def ticket_values(rule: str, ref: str, finding: Finding, link: str, *, restricted: bool) -> Mapping[str, object]:
    """The values of TICKET_WORDS: text, on one line, without control characters."""
    values = {
        "id": finding.id,
        "severity": finding.severity.value,
        "domain_type": finding.domain_type.value,
        "scan_id": finding.scan_id or "",
        "status": finding.status.value,
        "detected_at": moment_text(finding.detected_at),
    }
    if restricted:
        values |= {"title": finding.title or "", "site": finding.site or ""}
    texts = {name: plain(value, _LONGEST_VALUE) for name, value in values.items()}
    texts["link"] = plain(link, _LONGEST_URL)
    if restricted:
        texts["url"] = plain(page_of(finding), _LONGEST_URL)
    return {"case": SimpleNamespace(ref=ref), "rule": SimpleNamespace(name=rule), "finding": SimpleNamespace(**texts)}


def follows_values(rule: str, ref: str, earlier: Ticket) -> Mapping[str, object]:
    """The values of FOLLOWS_WORDS."""
    return {"case": SimpleNamespace(ref=ref), "rule": SimpleNamespace(name=rule), "earlier": ticket_name(earlier)}


def closing_fields_of(mappings: Mappings, rule: Rule | None, tracker: str, subject: Subject) -> dict[str, object]:
    """The fields that closing a ticket there requires, by the tracker's own names.

    Where no rule counts (any more), or it does not name the tracker, they are those of `defaults`, except for templates
    that speak of another kind of subject.
    """
    own = rule.tickets.get(tracker) if rule else None
    ticket = own or mappings.defaults.tickets.get(tracker)
    if ticket is None or not ticket.closing_fields:
        return {}
    name, detail = (rule.name, rule.detail) if rule else ("", mappings.defaults.detail)
    link = link_of(mappings, subject)
    values = _subject_values(name, subject, link, None, restricted=detail == "restricted")
    fields = ticket.closing_fields if own else _about(subject.key.kind, ticket.closing_fields)
    return _filled_fields(fields, values, f"rule {name or 'none'}, closing in {tracker}")


def _about(kind: CaseKind, fields: Mapping[str, object]) -> Mapping[str, object]:
    """The fields without those whose templates speak of a subject of another kind."""
    others = {each.value for each in CaseKind if each is not kind}
    return {name: value for name, value in fields.items() if not any(_speaks_of(value, other) for other in others)}


def _speaks_of(value: object, name: str) -> bool:
    match value:
        case str() if is_template(value):
            return name in prepared(value).free
        case list():
            return any(_speaks_of(entry, name) for entry in value)
        case dict():
            return any(_speaks_of(inner, name) for inner in value.values())
        case _:
            return False


def _own_fields(ticket: TicketSettings, config: TrackerSettings, subject: Subject, at: datetime) -> dict[str, object]:
    """The fields that the ticket's own words set, by the tracker's names; a severity that a map lacks sets nothing."""
    return ticket.own_fields(config, subject.severity, _due_at(ticket.due, subject, at))


def urgency_of(ticket: TicketSettings, config: TrackerSettings, subject: Subject, at: datetime) -> dict[str, str]:
    """Those of `own_fields` that say how urgent the ticket is, as text: as in `Ticket.urgency`."""
    fields = _own_fields(ticket, config, subject, at)
    return {name: str(bare(fields[name])) for name in ticket.urgency_fields if name in fields}


def _due_at(due: DueBySeverity | None, subject: Subject, at: datetime) -> datetime | None:
    """When it is due (UTC): counted from a finding's first detection, or from `at` where that is not known.

    An incident's day is one of the values that only `detail: restricted` lets in, and a date that counts from it would
    tell it: of an incident, `at` counts.
    """
    span = for_severity(subject.severity, due)
    began = subject.detected_at if subject.key.kind is CaseKind.FINDING else None
    try:
        return None if span is None else aware(began or at).astimezone(UTC) + span
    except OverflowError:  # a time beyond the last year of a datetime
        return None


def _filled_fields(fields: Mapping[str, object], values: Values, where: str) -> dict[str, object]:
    """The fields with their templates filled in, as text on one line. A field that comes out empty is left out."""
    filled_in = {name: _filled(value, values, where) for name, value in fields.items()}
    return {name: value for name, value in filled_in.items() if value or not _is_template(fields[name])}


def _filled(value: object, values: Values, where: str) -> object:
    match value:
        case str() if is_template(value):
            return plain(filled(value, values, where).strip(), _LONGEST_FIELD)
        case list():
            return [_filled(entry, values, where) for entry in value]
        case dict():
            return {name: _filled(inner, values, where) for name, inner in value.items()}
        case _:
            return value


def _is_template(value: object) -> bool:
    return isinstance(value, str) and is_template(value)


def page_of(finding: Finding) -> str:
    """The page's address without user name, query and fragment, which may hold signatures and names."""
    try:
        parts = urlsplit(finding.url or "")
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else ""
