"""Rules as types: which findings a rule takes, and what its tickets look like in each kind of tracker."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from remediation.findings import DomainType, Severity
from remediation.mapping.choices import ticket_tag
from remediation.mapping.words import (
    Host,
    Label,
    Name,
    Text,
    Written,
    as_list,
    for_every_severity,
    jira_fields,
    servicenow_fields,
    text_of_number,
)


class Match(Written):
    """Which findings a rule takes: every condition that is written must hold. A single word may stand for a list."""

    severity: Annotated[list[Severity], Field(min_length=1), BeforeValidator(as_list)] | None = None
    domain_type: Annotated[list[DomainType], Field(min_length=1), BeforeValidator(as_list)] | None = None
    district: Annotated[list[Name], Field(min_length=1), BeforeValidator(as_list)] | None = None
    site: Annotated[list[Host], Field(min_length=1), BeforeValidator(as_list)] | None = Field(
        default=None, description="Host names, lower case; *.example.org takes subdomains."
    )


BySeverity = Annotated[dict[Severity, Text], BeforeValidator(for_every_severity)]
Level = Annotated[Literal["1", "2", "3"], BeforeValidator(text_of_number)]
LevelBySeverity = Annotated[dict[Severity, Level], BeforeValidator(for_every_severity)]


class TicketTexts(Written):
    """The texts of a rule's ticket where they are not the usual ones."""

    summary: Text | None = Field(default=None, description="Template; the default of `templates` otherwise.")
    body: Text | None = Field(default=None, description="Template; the default of `templates` otherwise.")


class JiraTicket(TicketTexts):
    """What a Jira issue of this rule looks like."""

    project: Text = Field(description="The project's key.")
    type: Text = Field(default="Task", description="The issue type's name.")
    priority: BySeverity | None = Field(
        default=None,
        description="A priority's name, or one per severity; a severity that is not named leaves Jira's default.",
    )
    labels: list[Label] = Field(default_factory=list, description="Labels besides the correlation mark.")
    fields: Annotated[dict[Text, object], AfterValidator(jira_fields)] = Field(
        default_factory=dict, description="More fields, by Jira's own ids, as its API takes them."
    )


class ServiceNowTicket(TicketTexts):
    """What a ServiceNow record of this rule looks like."""

    impact: LevelBySeverity | None = Field(default=None, description="1 to 3, or one per severity.")
    urgency: LevelBySeverity | None = Field(default=None, description="1 to 3, or one per severity.")
    assignment_group: Text | None = Field(default=None, description="sys_id or name of the group.")
    fields: Annotated[dict[Text, object], AfterValidator(servicenow_fields)] = Field(
        default_factory=dict, description="More columns and their values."
    )


Ticket = Annotated[
    Annotated[JiraTicket, Tag("JiraTicket")] | Annotated[ServiceNowTicket, Tag("ServiceNowTicket")],
    Discriminator(ticket_tag, custom_error_type="ticket_tracker", custom_error_message="must be a map of words"),
]


class Rule(Written):
    """Which cases get which tickets. The first rule whose conditions all hold is the one that counts."""

    name: Name = Field(description="What notes and the audit trail call it; each name once.")
    match: Match = Field(default_factory=Match, description="Left out, the rule takes every finding.")
    detail: Literal["minimal", "restricted"] = Field(
        default="minimal",
        description="restricted: title and page address may go into the tickets, whose readers are few.",
    )
    tickets: dict[Name, Ticket] = Field(min_length=1, description="One per tracker, by its name.")
