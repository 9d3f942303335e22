"""Where the ticket of a rule belongs in its tracker. Pure."""

from remediation.mapping.config.rules import JiraTicket, Rule, ServiceNowTicket
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.trackers import ServiceNowTracker


def place_of(mappings: Mappings, rule: Rule, tracker: str) -> str | None:
    """Where the rule's ticket belongs: a Jira project or a ServiceNow table; None where the rule has none."""
    match rule.tickets.get(tracker), mappings.trackers.get(tracker):
        case JiraTicket(project=project), _:
            return project
        case ServiceNowTicket(), ServiceNowTracker(table=table):
            return table
        case _:
            return None
