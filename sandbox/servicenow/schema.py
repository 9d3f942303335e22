"""What a ServiceNow instance is made of: its tables, their columns and states, and who can sign in."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

JOURNALS = frozenset({"work_notes", "comments"})
REFERENCES: Mapping[str, str] = {
    **dict.fromkeys(("resolved_by", "closed_by", "opened_by", "assigned_to", "caller_id"), "sys_user"),
    "assignment_group": "sys_user_group",
}
"""Columns that refer to another table. What is written there is kept as it is, whether or not it refers to anything."""

OWN_REFERENCES: Mapping[str, str] = {"u_owner": "sys_user"}
"""The same of the customer's own columns."""

CHOSEN = frozenset(
    {"state", "close_code", "category", "subcategory", "contact_type", "hold_reason", "impact", "urgency"}
)
"""Columns that hold one of a list of choices."""

MOMENTS = frozenset({"due_date"})
"""Columns that hold a date and a time; a date alone is its first second."""

TIMES = frozenset({"sys_created_on", "sys_updated_on", "opened_at", "resolved_at", "closed_at", *MOMENTS})
"""Columns whose values are times, kept in UTC."""

SYSTEM = frozenset(
    {"sys_id", "sys_created_on", "sys_created_by", "sys_updated_on", "sys_updated_by", "sys_mod_count", "number"}
)
COMPUTED = frozenset({"priority", "active", "opened_at", "opened_by"})
WRITABLE = frozenset(
    {
        *("short_description", "description", "state", "impact", "urgency", "assignment_group", "assigned_to"),
        *("category", "subcategory", "caller_id", "correlation_id", "correlation_display", "close_code", "close_notes"),
        *("resolved_by", "resolved_at", "closed_by", "closed_at", "due_date", "contact_type", "cmdb_ci"),
        *("business_service", "hold_reason", "work_notes", "comments", "parent"),
    }
)
READABLE = SYSTEM | COMPUTED | WRITABLE

GROUPS = {
    "287ebd7da9fe198100f92cc8d1d2154e": ("Privacy Office", "true"),
    "8a5055c9c61122780043563ef53438e3": ("Web Team", "true"),
    "d625dccec0a8016700a222a0f7900d06": ("Retired Desk", "false"),
    "a715cd759f2002002920bde8132e7018": ("Service Desk", "true"),
    "b85d44954a3623120004689b2d5dd60a": ("Service Desk", "true"),
}
"""Groups by their sys_id: name, and whether it is active."""

LABELS = {"assigned_to": "Assigned to", "assignment_group": "Assignment group", "caller_id": "Caller"}
"""What people call some columns; a data policy's refusal names them so."""

LENGTHS = {
    "short_description": 160,
    "description": 4_000,
    "close_notes": 4_000,
    "close_code": 40,
    "correlation_id": 100,
    "correlation_display": 100,
    **dict.fromkeys((*REFERENCES, *OWN_REFERENCES), 32),
}
"""What is longer is cut without a word."""

PRIORITIES = {
    ("1", "1"): "1",
    ("1", "2"): "2",
    ("1", "3"): "3",
    ("2", "1"): "2",
    ("2", "2"): "3",
    ("2", "3"): "4",
    ("3", "1"): "3",
    ("3", "2"): "4",
    ("3", "3"): "5",
}
"""Priority by (impact, urgency)."""


@dataclass(frozen=True, slots=True)
class TableKind:
    """How a table's records live. `resolved` and `closed` states demand a close code and close notes.

    A record in a `final` state stays there, unless the settings allow more. `close_codes` are the choices there are.
    """

    prefix: str
    first_state: str
    states: Mapping[str, str]
    resolved: frozenset[str]
    closed: frozenset[str]
    cancelled: frozenset[str]
    final: frozenset[str]
    close_codes: tuple[str, ...]


TABLES: Mapping[str, TableKind] = {
    "incident": TableKind(
        prefix="INC",
        first_state="1",
        states={"1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled"},
        resolved=frozenset({"6"}),
        closed=frozenset({"7"}),
        cancelled=frozenset({"8"}),
        final=frozenset({"7", "8"}),
        close_codes=(
            *("Duplicate", "Known error", "No resolution provided", "Resolved by caller", "Resolved by change"),
            *("Resolved by problem", "Resolved by request", "Solution provided", "Workaround provided", "User error"),
        ),
    ),
    "sn_si_incident": TableKind(
        prefix="SIR",
        first_state="10",
        states={
            "10": "Draft",
            "16": "Analysis",
            "18": "Contain",
            "19": "Eradicate",
            "20": "Recover",
            "100": "Review",
            "3": "Closed",
            "7": "Cancelled",
        },
        resolved=frozenset(),
        closed=frozenset({"3"}),
        cancelled=frozenset({"7"}),
        final=frozenset({"7"}),
        close_codes=(
            *("Investigation completed", "Threat mitigated", "Patched vulnerability", "Invalid vulnerability"),
            *("Not resolved", "False positive"),
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can sign in. Access rules bind integrations, not people. A client's id is its account's name."""

    user_name: str
    password: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    is_person: bool = False

    @property
    def sys_id(self) -> str:
        """The same for the same name, always."""
        return uuid.uuid5(uuid.NAMESPACE_DNS, self.user_name).hex


INTEGRATION = Account(
    "remedy.integration",
    "test-only-remedy",
    token="test-only-servicenow-token",
    client_secret="test-only-client-secret",
    api_key="test-only-api-key",
)
ROBOT = Account("nightly.jobs", "test-only-nightly")
PERSON = Account("priya.helpdesk", "test-only-priya", is_person=True)
