"""The fields of a ticket besides its texts: those of the rule's own words, and those that it writes under `fields`."""

from collections.abc import Mapping
from datetime import UTC, datetime

from remediation.domain.findings import Finding
from remediation.mapping.config.routing import bare
from remediation.mapping.config.trackers.ticket_settings import DueBySeverity, TicketSettings, for_severity
from remediation.mapping.config.trackers.tracker_settings import TrackerSettings
from remediation.mapping.render.templates import Values, filled, is_template
from remediation.mapping.rules.conditions import aware
from remediation.redaction import plain

_LONGEST_FIELD = 1_000


def own_fields(ticket: TicketSettings, config: TrackerSettings, finding: Finding, at: datetime) -> dict[str, object]:
    """What the ticket's own words set, by the tracker's names; a severity that a map does not name sets nothing."""
    return ticket.own_fields(config, finding.severity, due_at(ticket.due, finding, at))


def urgency_of(ticket: TicketSettings, config: TrackerSettings, finding: Finding, at: datetime) -> dict[str, str]:
    """Those of `own_fields` that say how urgent the ticket is, as text: as in `Ticket.urgency`."""
    fields = own_fields(ticket, config, finding, at)
    return {name: str(bare(fields[name])) for name in ticket.urgency_fields if name in fields}


def due_at(due: DueBySeverity | None, finding: Finding, at: datetime) -> datetime | None:
    """When it is due (UTC): counted from the first detection, or from `at` where that is not known."""
    span = for_severity(finding.severity, due)
    try:
        return None if span is None else aware(finding.detected_at or at).astimezone(UTC) + span
    except OverflowError:  # a time beyond the last year of a datetime
        return None


def filled_fields(fields: Mapping[str, object], values: Values, where: str) -> dict[str, object]:
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
