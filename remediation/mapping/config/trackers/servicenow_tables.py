"""What the states and close codes of ServiceNow's own tables mean where mappings.yaml does not say it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from remediation.domain.tickets import Reason, TicketState

OwnState = Literal[TicketState.OPEN, TicketState.IN_PROGRESS, TicketState.DONE]
"""What a tracker's own state can mean."""


@dataclass(frozen=True, slots=True)
class TableWords:
    """What the fields of one of ServiceNow's tables mean, and what we write there. Close codes are in lower case."""

    states: Mapping[str, OwnState]
    state_reasons: Mapping[str, Reason]
    final_states: list[str]
    close_codes: Mapping[str, Reason]
    resolve_state: str
    reopen_state: str
    resolve_code: str
    resolve_codes: Mapping[Reason, str]


_INCIDENT = TableWords(
    states={  # New, In Progress, On Hold, Resolved, Closed, Canceled
        "1": TicketState.OPEN,
        "2": TicketState.IN_PROGRESS,
        "3": TicketState.IN_PROGRESS,
        "6": TicketState.DONE,
        "7": TicketState.DONE,
        "8": TicketState.DONE,
    },
    state_reasons={"8": Reason.CANCELLED},
    final_states=["7", "8"],
    close_codes={
        "solution provided": Reason.FIXED,
        "solved (permanently)": Reason.FIXED,
        "solved (work around)": Reason.FIXED,
        "workaround provided": Reason.FIXED,
        "resolved by caller": Reason.FIXED,
        "resolved by change": Reason.FIXED,
        "resolved by request": Reason.FIXED,
        "resolved by problem": Reason.FIXED,
        "closed/resolved by caller": Reason.FIXED,
        "solved remotely (permanently)": Reason.FIXED,
        "solved remotely (work around)": Reason.FIXED,
        "duplicate": Reason.DUPLICATE,
        "user error": Reason.FALSE_POSITIVE,
        "known error": Reason.NOT_SOLVED,
        "no resolution provided": Reason.NOT_SOLVED,
        "not solved (not reproducible)": Reason.NOT_SOLVED,
        "not solved (too costly)": Reason.NOT_SOLVED,
    },
    resolve_state="6",
    reopen_state="2",
    resolve_code="Solution provided",
    resolve_codes={
        Reason.ACCEPTED_RISK: "Known error",
        Reason.FALSE_POSITIVE: "User error",
        Reason.DUPLICATE: "Duplicate",
        Reason.CANCELLED: "No resolution provided",
        Reason.NOT_SOLVED: "No resolution provided",
    },
)
"""The close codes are those of ServiceNow's releases, the older ones too. "Known error" says that the cause is known,
not that anybody accepts it; it is what we write where a risk is accepted, because nothing that ServiceNow ships with
says more. Its state model keeps what is Closed or Canceled as it is.
"""

_SECURITY_INCIDENT = TableWords(
    states={  # Draft, Analysis, Contain, Eradicate, Recover, Review, Closed, Cancelled
        "10": TicketState.OPEN,
        "16": TicketState.IN_PROGRESS,
        "18": TicketState.IN_PROGRESS,
        "19": TicketState.IN_PROGRESS,
        "20": TicketState.IN_PROGRESS,
        "100": TicketState.IN_PROGRESS,
        "3": TicketState.DONE,
        "7": TicketState.DONE,
    },
    state_reasons={"7": Reason.CANCELLED},
    final_states=["7"],
    close_codes={
        "investigation completed": Reason.FIXED,
        "threat mitigated": Reason.FIXED,
        "patched vulnerability": Reason.FIXED,
        "invalid vulnerability": Reason.FALSE_POSITIVE,
        "false positive": Reason.FALSE_POSITIVE,
        "not resolved": Reason.NOT_SOLVED,
        "duplicate": Reason.DUPLICATE,
        "risk accepted": Reason.ACCEPTED_RISK,
        "accepted risk": Reason.ACCEPTED_RISK,
    },
    resolve_state="3",
    reopen_state="16",
    resolve_code="Threat mitigated",
    resolve_codes={
        Reason.ACCEPTED_RISK: "Not resolved",
        Reason.FALSE_POSITIVE: "False positive",
        Reason.DUPLICATE: "Not resolved",
        Reason.CANCELLED: "Not resolved",
        Reason.NOT_SOLVED: "Not resolved",
    },
)
"""Of Security Incident Response. Its state flows are held by the form, not by the API: a Closed one can go back to
Analysis, a Cancelled one cannot. The product ships without codes for duplicates and accepted risks: people need a
choice "Risk accepted" (or their own word, written in `close_codes`) to say that a risk was accepted, and
`resolve_codes` must name it before we write it.
"""

_ANOTHER_TABLE = TableWords(
    states={},
    state_reasons={},
    final_states=[],
    close_codes=_INCIDENT.close_codes,
    resolve_state="",
    reopen_state="",
    resolve_code=_INCIDENT.resolve_code,
    resolve_codes=_INCIDENT.resolve_codes,
)
"""The meaning of the states of another table is not known: mappings.yaml must have it."""

INCIDENT_TABLE = "incident"
_TABLES = {INCIDENT_TABLE: _INCIDENT, "sn_si_incident": _SECURITY_INCIDENT}
KNOWN_TABLES = tuple(_TABLES)
"""The tables whose words are built in."""


def words_of_table(table: str) -> TableWords:
    """What is built in for a table: used where mappings.yaml has nothing."""
    return _TABLES.get(table, _ANOTHER_TABLE)
