"""The fields of a ticket besides its texts: what the rule's own words set, and what it writes under `fields`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

from remediation.domain.findings import Finding, Severity
from remediation.mapping.config.routing import bare
from remediation.mapping.config.rules import DueBySeverity, JiraTicket, ServiceNowTicket
from remediation.mapping.config.trackers import JiraTracker, TrackerConfig
from remediation.mapping.render.templates import Values, filled, is_template
from remediation.mapping.rules.conditions import aware
from remediation.redaction import plain

ValueT = TypeVar("ValueT")

_URGENCY = ("priority", "duedate", "impact", "urgency", "due_date")
_LONGEST_FIELD = 1_000
_DAY = "%Y-%m-%d"
_SECOND = "%Y-%m-%d %H:%M:%S"


def own_fields(
    ticket: JiraTicket | ServiceNowTicket, config: TrackerConfig, finding: Finding, at: datetime
) -> dict[str, object]:
    """What the ticket's own words set, by the tracker's names; a severity that a map does not name sets nothing."""
    due = due_at(ticket.due, finding, at)
    if isinstance(ticket, JiraTicket):
        is_cloud = isinstance(config, JiraTracker) and config.deployment == "cloud"
        return _jira_fields(ticket, finding.severity, due, "accountId" if is_cloud else "name")
    words = {
        "impact": _for(finding.severity, ticket.impact),
        "urgency": _for(finding.severity, ticket.urgency),
        "assignment_group": _for(finding.severity, ticket.assignment_group),
        "assigned_to": _for(finding.severity, ticket.assigned_to),
        "due_date": due.strftime(_SECOND) if due else None,
    }
    return {name: value for name, value in words.items() if value is not None}


def urgency_of(
    ticket: JiraTicket | ServiceNowTicket, config: TrackerConfig, finding: Finding, at: datetime
) -> dict[str, str]:
    """Those of `own_fields` that tell how urgent the ticket is, as text: as in `Ticket.urgency`."""
    fields = own_fields(ticket, config, finding, at)
    return {name: str(bare(fields[name])) for name in _URGENCY if name in fields}


def due_at(due: DueBySeverity | None, finding: Finding, at: datetime) -> datetime | None:
    """When it is due (UTC): counted from the first detection, or from `at` where nobody tells that."""
    span = _for(finding.severity, due)
    try:
        return None if span is None else aware(finding.detected_at or at).astimezone(UTC) + span
    except OverflowError:  # a moment at the end of all time
        return None


def filled_fields(fields: Mapping[str, object], values: Values, where: str) -> dict[str, object]:
    """The fields with their templates filled in: text on one line. One that comes out empty is left out."""
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


def _jira_fields(ticket: JiraTicket, severity: Severity, due: datetime | None, account: str) -> dict[str, object]:
    priority, assignee = _for(severity, ticket.priority), _for(severity, ticket.assignee)
    words: dict[str, object | None] = {
        "priority": {"name": priority} if priority else None,
        "assignee": {account: assignee} if assignee else None,
        "duedate": due.strftime(_DAY) if due else None,
        "security": {"name": ticket.security_level} if ticket.security_level else None,
    }
    return {name: value for name, value in words.items() if value is not None}


def _for(severity: Severity, words: Mapping[Severity, ValueT] | None) -> ValueT | None:
    return words.get(severity) if words else None
