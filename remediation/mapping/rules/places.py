"""Where tickets are opened. Pure."""

from remediation.mapping.config.rules import Rule
from remediation.mapping.config.schema import Mappings


def place_of(mappings: Mappings, rule: Rule, tracker: str) -> str | None:
    """The place of the rule's ticket: a Jira project or a ServiceNow table; None where the rule has none."""
    ticket, config = rule.tickets.get(tracker), mappings.trackers.get(tracker)
    return (ticket.place or config.place) if ticket and config else None
