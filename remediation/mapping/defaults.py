"""What trackers' own words mean where mappings.yaml does not say: the words that both ship with."""

from typing import Literal

from remediation.tickets import Reason, TicketState

OwnState = Literal[TicketState.OPEN, TicketState.IN_PROGRESS, TicketState.DONE]
"""What a tracker's own state can mean."""

JIRA_RESOLUTIONS = {
    "done": Reason.FIXED,
    "fixed": Reason.FIXED,
    "won't do": Reason.ACCEPTED_RISK,
    "won't fix": Reason.ACCEPTED_RISK,
    "duplicate": Reason.DUPLICATE,
    "cannot reproduce": Reason.FALSE_POSITIVE,
    "declined": Reason.CANCELLED,
    "incomplete": Reason.CANCELLED,
    "cancelled": Reason.CANCELLED,
    "canceled": Reason.CANCELLED,
    "false positive": Reason.FALSE_POSITIVE,
    "not a bug": Reason.FALSE_POSITIVE,
    "risk accepted": Reason.ACCEPTED_RISK,
    "accepted risk": Reason.ACCEPTED_RISK,
}
"""The resolutions of Jira's own workflows, and the usual words for what those lack, lower case."""

INCIDENT_STATES: dict[str, OwnState] = {
    "1": TicketState.OPEN,
    "2": TicketState.IN_PROGRESS,
    "3": TicketState.IN_PROGRESS,
    "6": TicketState.DONE,
    "7": TicketState.DONE,
    "8": TicketState.DONE,
}
"""ServiceNow's incident: New, In Progress, On Hold, Resolved, Closed, Canceled."""

CLOSE_CODES = {
    "solution provided": Reason.FIXED,
    "solved (permanently)": Reason.FIXED,
    "solved (work around)": Reason.FIXED,
    "workaround provided": Reason.FIXED,
    "resolved by caller": Reason.FIXED,
    "resolved by change": Reason.FIXED,
    "resolved by request": Reason.FIXED,
    "resolved by problem": Reason.FIXED,
    "known error": Reason.ACCEPTED_RISK,
    "duplicate": Reason.DUPLICATE,
    "user error": Reason.FALSE_POSITIVE,
    "no resolution provided": Reason.UNKNOWN,
}
"""The close codes of ServiceNow's releases, lower case."""

STATE_REASONS = {"8": Reason.CANCELLED}
"""States of ServiceNow's incident that say by themselves why a ticket is done, whatever its close code is."""

OTHER_RESOLVE_CODES = {
    Reason.ACCEPTED_RISK: "Known error",
    Reason.FALSE_POSITIVE: "User error",
    Reason.DUPLICATE: "Duplicate",
    Reason.CANCELLED: "No resolution provided",
}
"""The close codes of ServiceNow's releases for the reasons that are not a fix."""
