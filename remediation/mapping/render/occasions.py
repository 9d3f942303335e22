"""The texts of notes and comments: what happened goes in, texts come out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import SimpleNamespace
from typing import assert_never

from remediation.domain.actions import Why
from remediation.domain.cases.records import CaseKey, Link
from remediation.domain.errors import ConfigurationError
from remediation.domain.status import Status
from remediation.domain.tickets import Reason, Ticket
from remediation.mapping.config.incident_wording import IncidentComments
from remediation.mapping.config.scan_summaries import SummaryComments
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.wording import Comments, Notes
from remediation.mapping.render.templates import Vocabulary, filled, moment_text
from remediation.redaction import WORDS_LIMIT, plain

LONGEST_NOTE = 2_000
_LONGEST_URL = 2_000

MESSAGE_WORDS = Vocabulary(
    names=frozenset(
        {"tickets", "reason", "by", "at", "why", "status", "fact", "until", "word", "words", "link", "page"}
    ),
    objects={"case": frozenset({"ref"}), "rule": frozenset({"name"})},
)
"""The values that notes and comments may use. Each of `tickets` has `tracker`, `key`, `url` and `state`."""


class NoteKind(StrEnum):
    """The notes that go to SchoolScan, by their words in mappings.yaml."""

    OPENED = "opened"
    RESOLVED = "resolved"
    ACCEPTED_RISK = "accepted_risk"
    STILL_ACCEPTED = "still_accepted"
    RISK_EXPIRED = "risk_expired"
    CONFLICT = "conflict"
    REOPENED = "reopened"
    KEPT_OPEN = "kept_open"
    VERIFYING = "verifying"
    STILL_FOUND = "still_found"
    UNVERIFIED = "unverified"


class CommentKind(StrEnum):
    """The comments that go to tickets, by their words in mappings.yaml."""

    RESOLVED = "resolved"
    ACCEPTED_RISK = "accepted_risk"
    OTHER_TICKET_DONE = "other_ticket_done"
    REOPENED = "reopened"
    CONTINUED = "continued"
    CONFLICT = "conflict"
    SEVERITY_RAISED = "severity_raised"
    EXPERT_REVIEWED = "expert_reviewed"
    FINDING_GONE = "finding_gone"
    RISK_UNEXPLAINED = "risk_unexplained"
    RISK_EXPIRED = "risk_expired"
    KEPT_OPEN = "kept_open"
    LEFT_OVER = "left_over"
    STILL_FOUND = "still_found"
    UNVERIFIED = "unverified"
    REFUSED = "refused"
    DUPLICATE = "duplicate"


class IncidentCommentKind(StrEnum):
    """The comments that go to tickets about incidents, by their words in mappings.yaml."""

    RESOLVED = "resolved"
    ACCEPTED_RISK = "accepted_risk"
    OTHER_TICKET_DONE = "other_ticket_done"
    REOPENED = "reopened"
    CONTINUED = "continued"
    CONFLICT = "conflict"
    SEVERITY_RAISED = "severity_raised"
    CHANGED = "changed"
    RULE_CHANGED = "rule_changed"
    RELATED = "related"
    DELETED = "deleted"
    RISK_UNEXPLAINED = "risk_unexplained"
    RISK_EXPIRED = "risk_expired"
    KEPT_OPEN = "kept_open"
    LEFT_OVER = "left_over"
    REFUSED = "refused"
    DUPLICATE = "duplicate"


class SummaryCommentKind(StrEnum):
    """The comments that go to tickets that sum up scans, by their words in mappings.yaml."""

    RESOLVED = "resolved"
    REOPENED = "reopened"
    CONTINUED = "continued"
    SCAN_GONE = "scan_gone"
    LEFT_OVER = "left_over"
    REFUSED = "refused"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Occasion:
    """The event that a note or a comment describes.

    `rule` is the rule's name. `by` is an account id or a role, never a display name. For a duplicate, `tickets` is the
    ticket that stays, and for a replaced one the one that follows. `status` is the finding's status from now on.
    `until` is when an accepted risk ends. `word` is the tracker's own for the reason; `words` are people's own,
    scrubbed. `link` is the finding's page for people, and `page` where it was found; each is empty where it is not to
    be told.
    """

    case: CaseKey
    at: datetime
    rule: str = ""
    tickets: tuple[Ticket | Link, ...] = ()
    reason: Reason | None = None
    by: str | None = None
    why: Why | None = None
    status: Status | None = None
    fact: str = ""
    until: datetime | None = None
    word: str = ""
    words: str = ""
    link: str = ""
    page: str = ""


AnyCommentKind = CommentKind | IncidentCommentKind | SummaryCommentKind


def note_of(mappings: Mappings, kind: NoteKind, occasion: Occasion) -> str:
    """The audit text for SchoolScan: at most 2,000 characters, free of control characters."""
    return _message(mappings.notes, kind, occasion)


def comment_of(mappings: Mappings, kind: AnyCommentKind, occasion: Occasion) -> str:
    """The comment for a ticket, as plain text: at most 2,000 characters, free of control characters."""
    texts = mappings.comments
    match kind:
        case CommentKind():
            return _message(texts, kind, occasion)
        case IncidentCommentKind():
            return _message(texts.incidents, kind, occasion)
        case SummaryCommentKind():
            return _message(texts.scan_summaries, kind, occasion)
        case _:
            assert_never(kind)


def message_values(occasion: Occasion) -> Mapping[str, object]:
    """The values of MESSAGE_WORDS."""
    return {
        "case": SimpleNamespace(ref=occasion.case.ref),
        "rule": SimpleNamespace(name=occasion.rule),
        "tickets": tuple(ticket_name(ticket) for ticket in occasion.tickets),
        "reason": occasion.reason.value if occasion.reason not in {None, Reason.NONE} else "",
        "by": plain(occasion.by or "", WORDS_LIMIT),
        "at": moment_text(occasion.at),
        "why": occasion.why.value if occasion.why else "",
        "status": occasion.status.value if occasion.status else "",
        "fact": plain(occasion.fact, WORDS_LIMIT),
        "until": moment_text(occasion.until),
        "word": plain(occasion.word, WORDS_LIMIT),
        "words": plain(occasion.words, WORDS_LIMIT),
        "link": plain(occasion.link, _LONGEST_URL),
        "page": plain(occasion.page, _LONGEST_URL),
    }


def ticket_name(ticket: Ticket | Link) -> SimpleNamespace:
    """The values of one ticket; a ticket known only by its link has no state."""
    key, state = (ticket.key, ticket.state.value) if isinstance(ticket, Ticket) else (ticket.ticket_key, "")
    shown = plain(key, WORDS_LIMIT)
    return SimpleNamespace(tracker=ticket.tracker, key=shown, url=plain(ticket.url, _LONGEST_URL), state=state)


def _message(
    texts: Notes | Comments | IncidentComments | SummaryComments, kind: NoteKind | AnyCommentKind, occasion: Occasion
) -> str:
    """The text of this kind.

    The built-in template is used where that of the file fails, although it was tested when the file was read.
    """
    values = message_values(occasion)
    usual: str = type(texts).model_fields[kind].default
    for text in (getattr(texts, kind), usual):
        try:
            written = filled(text, values, kind).strip()
        except ConfigurationError:
            continue
        if written:
            return plain(written, LONGEST_NOTE, lines=True)
    return plain(occasion.case.ref, LONGEST_NOTE)
