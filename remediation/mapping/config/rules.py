"""Rules as types: which findings or incidents a rule takes, and which tickets it makes of them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from remediation.domain.cases.groups import GroupField
from remediation.domain.cases.records import CaseKind
from remediation.domain.findings import DomainType
from remediation.domain.incidents import IncidentType
from remediation.domain.status import Severity, Status
from remediation.mapping.config.policies import PolicyWords
from remediation.mapping.config.signing_in import LimitWords
from remediation.mapping.config.trackers.kinds import Ticket
from remediation.mapping.config.trackers.tracker_settings import DueBySeverity
from remediation.mapping.config.words import (
    Code,
    Duration,
    Host,
    Name,
    PathGlob,
    Written,
    as_codes,
    as_list,
    at_most,
)

_OpenStatus = Literal[Status.OPEN, Status.REVIEWING]
"""Only what is unsolved ever gets tickets."""

_Of = Literal["findings", "incidents"]
"""What a rule is about, in the word of mappings.yaml."""

KIND_OF: Mapping[_Of, CaseKind] = {"findings": CaseKind.FINDING, "incidents": CaseKind.INCIDENT}

RuledSeverity = Literal[Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW]
"""How bad a rule may say that incidents are."""

CODE_WORDS = ("school", "offense", "weapon", "injury", "action")
"""The conditions on the codes of an incident."""

OWN_CONDITIONS: Mapping[CaseKind, tuple[str, ...]] = {
    CaseKind.FINDING: ("severity", "domain_type", "site", "path"),
    CaseKind.INCIDENT: ("type", *CODE_WORDS),
}
"""The conditions that only rules of this kind have. All others both have."""

NO_TICKETS = "none"
"""The word of a rule that makes no ticket on purpose."""


def some_or_none(written: object) -> object:
    """A rule's tickets: a map of some, or the word none, which becomes an empty map."""
    match written:
        case str() if written == NO_TICKETS:
            return {}
        case str():
            raise ValueError(f"must be a map of trackers and their tickets, such as {{jira: {{}}}}, or {NO_TICKETS}")
        case list():
            raise ValueError("must be a map of trackers and their tickets: write jira: {} and not - jira")
        case dict() if not written:
            raise ValueError(f"must name at least one tracker, or say {NO_TICKETS}")
        case _:
            return written


def _some_condition(match: "Match") -> "Match":
    if not match.model_fields_set:
        raise ValueError("must have at least one condition")
    return match


Conditions = Annotated[
    list[Annotated["Match", AfterValidator(_some_condition)]], Field(min_length=1), BeforeValidator(as_list)
]
"""Sets of conditions; within one set all must hold."""


class Age(Written):
    """How long ago a finding was first detected, or an incident took place; where nobody tells that, it has no age."""

    over: Duration | None = Field(default=None, description="At least so long ago.")
    under: Duration | None = Field(default=None, description="Less than so long ago.")

    @property
    def bounds(self) -> tuple[timedelta, timedelta]:
        """The least age, included, and the greatest, excluded."""
        return (
            timedelta.min if self.over is None else self.over,
            timedelta.max if self.under is None else self.under,
        )

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        if self.over is None and self.under is None:
            raise ValueError("must have over, under or both")
        if self.over is not None and self.under is not None and self.over >= self.under:
            raise ValueError("over must be less than under")
        return self


_Codes = Annotated[list[Code], Field(min_length=1), BeforeValidator(as_codes)]


class Match(Written):
    """What a rule takes: every condition that is written must hold. A single word may stand for a list."""

    severity: Annotated[list[Severity], Field(min_length=1), BeforeValidator(as_list)] | None = Field(
        default=None, description="How bad a finding is; unknown stands for every word that we do not know yet."
    )
    domain_type: Annotated[list[DomainType], Field(min_length=1), BeforeValidator(as_list)] | None = Field(
        default=None, description="What is exposed; unknown stands for every word that we do not know yet."
    )
    type: Annotated[list[IncidentType], Field(min_length=1), BeforeValidator(as_list)] | None = Field(
        default=None, description="What an incident is; unknown stands for every word that we do not know yet."
    )
    school: _Codes | None = Field(default=None, description="Codes of schools, as text in quotes.")
    offense: _Codes | None = Field(default=None, description="Codes of offenses, one of which the incident has.")
    weapon: _Codes | None = Field(default=None, description="Codes of weapons, one of which the incident has.")
    injury: _Codes | None = Field(default=None, description="Codes of injuries, one of which the incident has.")
    action: _Codes | None = Field(default=None, description="Codes of actions, one of which was taken.")
    district: Annotated[list[Name], Field(min_length=1), BeforeValidator(as_list)] | None = Field(
        default=None, description="Whose it is, by the names under `districts`."
    )
    site: Annotated[list[Host], Field(min_length=1), BeforeValidator(as_list)] | None = Field(
        default=None, description="Host names, lower case; *.example.org takes subdomains."
    )
    path: Annotated[list[PathGlob], Field(min_length=1), BeforeValidator(as_list)] | None = Field(
        default=None,
        description="Paths of pages, in any case of letters: * and ? stay in one folder, ** is any number of folders.",
    )
    status: Annotated[list[_OpenStatus], Field(min_length=1), BeforeValidator(as_list)] | None = Field(
        default=None, description="Where it stands; opening tickets itself makes an open one reviewing."
    )
    age: Age | None = Field(
        default=None, description="How long ago a finding was first detected, or an incident took place."
    )
    none_of: Conditions | None = Field(
        default=None, alias="not", description="Takes nothing for which these conditions (or one set of them) hold."
    )
    any_of: Conditions | None = Field(
        default=None, alias="any", description="Takes only that for which at least one set of conditions holds."
    )


_Detail = Literal["minimal", "restricted"]

_WHY_NEAR = "what is further apart has hardly to do with each other"


def _whole_days(span: timedelta) -> timedelta:
    if span % timedelta(days=1):
        raise ValueError("must be whole days, such as 14d: an incident has a day and no time")
    return span


class Relating(Written):
    """Which findings the incidents of a rule are related to: those on sites of the same school, within some days."""

    within: Annotated[Duration, at_most(timedelta(days=31), _WHY_NEAR), AfterValidator(_whole_days)] = Field(
        description="How many days before or after the incident a finding was first detected, at most."
    )


def _each_once(fields: list[GroupField]) -> list[GroupField]:
    if len(set(fields)) != len(fields):
        raise ValueError("must not name a field twice")
    return fields


class Rule(PolicyWords):
    """Which cases get which tickets, and how these keep in step. The first rule whose conditions all hold counts."""

    name: Name = Field(description="What notes and the audit trail call it; each name once.")
    of: _Of = Field(default="findings", description="What it takes: findings of SchoolScan, or incidents of a feed.")
    severity: RuledSeverity | None = Field(
        default=None, description="How bad its incidents are: needed with `of: incidents`. A finding says it itself."
    )
    match: Match = Field(default_factory=Match, description="Left out, the rule takes all findings, or all incidents.")
    group_by: (
        Annotated[list[GroupField], Field(min_length=1), AfterValidator(_each_once), BeforeValidator(as_list)] | None
    ) = Field(
        default=None,
        description="Findings that it takes and that share these fields get one ticket with a list of them, as long as "
        "that ticket is open. A finding that lacks one of the fields has a ticket of its own.",
    )
    relate: Relating | None = Field(
        default=None,
        description="Its tickets are linked with those of findings on sites of the same school; see `schools`.",
    )
    detail: _Detail = Field(
        default="minimal",
        description="restricted: title and page address of a finding, or school, day and offenses of an incident, may "
        "go into the tickets, whose readers are few.",
    )
    due: DueBySeverity | None = Field(default=None, description="When its tickets are due, where they do not say.")
    tickets: Annotated[dict[Name, Ticket], BeforeValidator(some_or_none)] = Field(
        description="One per tracker, by its name; none: deliberately no ticket."
    )

    @property
    def kind(self) -> CaseKind:
        """The kind of the cases that it takes."""
        return KIND_OF[self.of]


class Defaults(PolicyWords):
    """What rules and tickets have where they say nothing.

    A map is completed word by word, anything else is replaced, and null takes a default away.
    """

    detail: _Detail = Field(default="minimal", description="The detail of rules that do not say.")
    due: DueBySeverity | None = Field(default=None, description="When tickets are due.")
    tickets: dict[Name, Ticket] = Field(
        default_factory=dict, description="What rules' tickets have in each tracker; makes no tickets by itself."
    )
    delivery_limit: LimitWords | None = Field(
        default=None, description="How many deliveries each sender may bring whose webhook does not say."
    )
