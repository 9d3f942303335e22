"""What we write into tickets and notes: a rule, a finding and what happened go in, texts and drafts come out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import SimpleNamespace
from urllib.parse import quote, urlsplit

from remediation.cases import CaseKey, Link
from remediation.findings import Finding
from remediation.mapping.fields import filled_fields, own_fields
from remediation.mapping.rules import JiraTicket, Rule, ServiceNowTicket
from remediation.mapping.schema import Mappings, ServiceNowTracker
from remediation.mapping.templates import Vocabulary, filled
from remediation.redaction import plain
from remediation.tickets import Draft, Reason, Ticket

LONGEST_NOTE = 2_000
_LONGEST_SUMMARY = 255
_LONGEST_BODY = 30_000
_LONGEST_VALUE = 500
_LONGEST_URL = 2_000

RESTRICTED = frozenset({"title", "url", "site"})
"""What of a finding is undefined unless the rule says `detail: restricted`."""

TICKET_WORDS = Vocabulary(
    names=frozenset(),
    objects={
        "case": frozenset({"ref"}),
        "rule": frozenset({"name"}),
        "finding": RESTRICTED | {"id", "severity", "domain_type", "scan_id", "status", "detected_at", "link"},
    },
)
"""What the templates of tickets may speak of. A value that SchoolScan did not give is empty;
`finding.url` is the page's address without its query."""

FIELD_WORDS = Vocabulary(
    names=frozenset(), objects={**TICKET_WORDS.objects, "finding": TICKET_WORDS.objects["finding"] - {"title"}}
)
"""What templates inside `fields` may speak of: a title is other people's text, and nobody escapes it there."""

MESSAGE_WORDS = Vocabulary(
    names=frozenset({"tickets", "reason", "by", "at"}),
    objects={"case": frozenset({"ref"}), "rule": frozenset({"name"})},
)
"""What notes and comments may speak of. Each of `tickets` has `tracker`, `key` and `url`."""


class NoteKind(StrEnum):
    """The notes that go to SchoolScan, by their words in mappings.yaml."""

    OPENED = "opened"
    RESOLVED = "resolved"
    ACCEPTED_RISK = "accepted_risk"
    REOPENED = "reopened"


class CommentKind(StrEnum):
    """The comments that go to tickets, by their words in mappings.yaml."""

    RESOLVED = "resolved"
    ACCEPTED_RISK = "accepted_risk"
    REOPENED = "reopened"
    CONFLICT = "conflict"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a note or a comment speaks of.

    `rule` is the rule's name. `by` is an account id or a role, never a display name. For a duplicate, `tickets` is
    the ticket that stays.
    """

    case: CaseKey
    at: datetime
    rule: str = ""
    tickets: tuple[Ticket | Link, ...] = ()
    reason: Reason | None = None
    by: str | None = None


def draft_of(mappings: Mappings, rule: Rule, tracker: str, key: CaseKey, finding: Finding, at: datetime) -> Draft:
    """The ticket that the rule wants in this tracker, which it must name.

    A severity that the rule's map does not name sets no field. What is due counts from the first detection, or from
    `at` where SchoolScan does not tell it. Raises ConfigurationError if a template cannot be filled in for this
    finding.
    """
    ticket, config = rule.tickets[tracker], mappings.trackers[tracker]
    link = finding_link(mappings, key)
    values = ticket_values(rule.name, key.ref, finding, link, restricted=rule.detail == "restricted")
    where = f"rule {rule.name}, ticket in {tracker}"
    summary = plain(filled(ticket.summary or mappings.templates.summary, values, where).strip(), _LONGEST_SUMMARY)
    body = plain(filled(ticket.body or mappings.templates.body, values, where).strip(), _LONGEST_BODY, lines=True)
    fields = own_fields(ticket, config, finding, at) | filled_fields(ticket.fields, values, where)
    place = place_of(mappings, rule, tracker) or ""
    if isinstance(ticket, JiraTicket):
        return Draft(key.mark, place, summary, body, ticket.type, tuple(ticket.labels), fields, link or None)
    return Draft(key.mark, place, summary, body, fields=fields)


def place_of(mappings: Mappings, rule: Rule, tracker: str) -> str | None:
    """Where the rule's ticket belongs: a Jira project or a ServiceNow table; None where the rule has none."""
    match rule.tickets.get(tracker), mappings.trackers.get(tracker):
        case JiraTicket(project=project), _:
            return project
        case ServiceNowTicket(), ServiceNowTracker(table=table):
            return table
        case _:
            return None


def note_of(mappings: Mappings, kind: NoteKind, occasion: Occasion) -> str:
    """The audit text for SchoolScan: at most 2,000 characters, free of control characters."""
    text: str = getattr(mappings.notes, kind)
    return _message(text, f"notes.{kind}", occasion)


def comment_of(mappings: Mappings, kind: CommentKind, occasion: Occasion) -> str:
    """The comment for a ticket, as plain text: at most 2,000 characters, free of control characters."""
    text: str = getattr(mappings.comments, kind)
    return _message(text, f"comments.{kind}", occasion)


def finding_link(mappings: Mappings, key: CaseKey) -> str:
    """The address of the finding's page for people; empty where the district has none."""
    link = mappings.districts[key.district].schoolscan.finding_link
    return link.replace("{id}", quote(key.id, safe="")) if link else ""


def ticket_values(rule: str, ref: str, finding: Finding, link: str, *, restricted: bool) -> Mapping[str, object]:
    """The values of TICKET_WORDS: text, on one line, without control characters."""
    values = {
        "id": finding.id,
        "severity": finding.severity.value,
        "domain_type": finding.domain_type.value,
        "scan_id": finding.scan_id or "",
        "status": finding.status.value,
        "detected_at": _moment(finding.detected_at),
    }
    if restricted:
        values |= {"title": finding.title or "", "site": finding.site or ""}
    texts = {name: plain(value, _LONGEST_VALUE) for name, value in values.items()}
    texts["link"] = plain(link, _LONGEST_URL)
    if restricted:
        texts["url"] = plain(_page(finding.url or ""), _LONGEST_URL)
    return {"case": SimpleNamespace(ref=ref), "rule": SimpleNamespace(name=rule), "finding": SimpleNamespace(**texts)}


def message_values(occasion: Occasion) -> Mapping[str, object]:
    """The values of MESSAGE_WORDS."""
    return {
        "case": SimpleNamespace(ref=occasion.case.ref),
        "rule": SimpleNamespace(name=occasion.rule),
        "tickets": tuple(_ticket_name(ticket) for ticket in occasion.tickets),
        "reason": occasion.reason.value if occasion.reason else "",
        "by": plain(occasion.by or "", _LONGEST_VALUE),
        "at": _moment(occasion.at),
    }


def _message(text: str, where: str, occasion: Occasion) -> str:
    return plain(filled(text, message_values(occasion), where).strip(), LONGEST_NOTE, lines=True)


def _ticket_name(ticket: Ticket | Link) -> SimpleNamespace:
    key = ticket.key if isinstance(ticket, Ticket) else ticket.ticket_key
    return SimpleNamespace(tracker=ticket.tracker, key=plain(key, _LONGEST_VALUE), url=plain(ticket.url, _LONGEST_URL))


def _page(url: str) -> str:
    """The page's address without user name, query and fragment, where signatures and names hide."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else ""


def _moment(at: datetime | None) -> str:
    if at is None:
        return ""
    aware = at.astimezone(UTC) if at.tzinfo else at
    return f"{aware:%Y-%m-%d %H:%M} UTC"
