"""Jira in mappings.yaml: where a site is, how we sign in, and what a rule's issues look like."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, model_validator

from remediation.deliveries.jira import JIRA
from remediation.domain.status import Severity
from remediation.domain.tickets import Draft, Reason
from remediation.mapping.config.references import SecretRef
from remediation.mapping.config.signing_in import Auth, BasicAuth, SignIn, Words
from remediation.mapping.config.trackers.tracker_settings import (
    PEOPLES_OWN,
    BySeverity,
    TicketSettings,
    TrackerSettings,
    for_severity,
    free_closing_fields,
    free_fields,
    without_nothing,
)
from remediation.mapping.config.words import (
    Address,
    CloudId,
    Duration,
    FieldId,
    Label,
    Misplaced,
    ProjectKey,
    Text,
    lower_keys,
)

Deployment = Literal["cloud", "data_center"]
"""The two Jiras that there are."""

CONNECTION_ATTEMPTS = 3
"""How often opening a connection is tried. A read whose connection broke is sent once more, within the same time."""

_DAY = "%Y-%m-%d"
_TIME_SPENT = re.compile(r"[0-9]+(\.[0-9]+)?[wdhm]( [0-9]+(\.[0-9]+)?[wdhm])*")

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
    "known error": Reason.NOT_SOLVED,
    "false positive": Reason.FALSE_POSITIVE,
    "not a bug": Reason.FALSE_POSITIVE,
    "risk accepted": Reason.ACCEPTED_RISK,
    "accepted risk": Reason.ACCEPTED_RISK,
}
"""The resolutions of Jira's own workflows, and the usual words for what those lack, lower case."""


class ScopedAuth(SignIn):
    """A Jira Cloud API token with scopes: it is good only at Atlassian's gateway, not at the site's own address."""

    cloud_id: CloudId = Field(
        description="The site's id: the site's address followed by /_edge/tenant_info in a browser shows it."
    )
    token: SecretRef = Field(description="The API token with scopes.")
    user: Text | None = Field(
        default=None, description="The e-mail address of the token's owner; left out for a service account's token."
    )
    gateway: Address = Field(
        default=HttpUrl("https://api.atlassian.com"),
        description="Address of the gateway; another for government sites.",
    )

    @property
    def secret(self) -> tuple[Words, SecretRef]:
        """The token."""
        return ("token",), self.token


class JiraAuth(Auth):
    """Exactly one way of signing in to Jira."""

    basic: BasicAuth | None = Field(default=None, description="Jira Cloud: e-mail and API token.")
    scoped: ScopedAuth | None = Field(default=None, description="Jira Cloud: an API token with scopes.")
    bearer: SecretRef | None = Field(default=None, description="Jira Data Center: a personal access token.")


_OWN_FIELDS: Mapping[str, str | None] = {
    "summary": "summary",
    "description": "body",
    "project": "project",
    "issuetype": "type",
    "labels": "labels",
    "priority": "priority",
    "assignee": "assignee",
    "duedate": "due",
    "security": "security_level",
}
_ONLY_ADDED = ("comment", "worklog", "issuelinks", "attachment")
"""Fields that Jira takes only as additions, under `update`."""


def _new_fields(fields: dict[str, object]) -> dict[str, object]:
    """`fields`, if none of them has a word of its own in a Jira ticket, and a new issue can have all of them."""
    for field in _ONLY_ADDED:
        if field in fields:
            raise Misplaced("is taken by Jira only under `update`, and a new issue has none", field, is_key=True)
    return free_fields(fields, _OWN_FIELDS)


_SET_WHEN_CLOSING: Mapping[str, str] = {
    "resolution": "is set by us, from the reason",
    "status": "is where the transition leads",
    "labels": "carries our mark",
    **dict.fromkeys(("issuelinks", "attachment"), "is taken by Jira only under `update`: a person adds it"),
    "assignee": PEOPLES_OWN,
}


def _closing_fields(fields: dict[str, object]) -> dict[str, object]:
    """`fields`, if a person's screen in Jira may ask for all of them.

    `comment` is text, `worklog` a map; Jira takes both only as additions, so their form is ours to check.
    """
    if "comment" in fields and not (isinstance(fields["comment"], str) and fields["comment"].strip()):
        raise Misplaced("must be text: what is said with each step on the way to done", "comment")
    if "worklog" in fields and not _is_worklog(fields["worklog"]):
        raise Misplaced("must be a map such as {timeSpent: 5m, comment: text}; comment may be left out", "worklog")
    return free_closing_fields(fields, _SET_WHEN_CLOSING)


def _is_worklog(value: object) -> bool:
    match value:
        case {"timeSpent": str(spent), **more}:
            known = more.keys() <= {"comment"} and isinstance(more.get("comment", ""), str)
            return known and _TIME_SPENT.fullmatch(spent) is not None
        case _:
            return False


class JiraTicket(TicketSettings):
    """What a Jira issue of this rule looks like."""

    needed: ClassVar = ("project",)
    urgency_fields: ClassVar = ("priority", "duedate")

    project: ProjectKey = Field(default="", description="The project's key; needed here or in `defaults`.")
    type: Text = Field(default="Task", description="The issue type's name.")
    priority: BySeverity | None = Field(
        default=None,
        description="A priority's name, or one per severity; a severity that is not named leaves Jira's default.",
    )
    labels: list[Label] = Field(default_factory=list, description="Labels besides the correlation mark.")
    assignee: BySeverity | None = Field(
        default=None, description="Whose it is, or one per severity: an account id (Cloud), a user name (Data Center)."
    )
    security_level: Text | None = Field(default=None, description="Name of the issue security level: who may see it.")
    fields: Annotated[dict[FieldId, object], AfterValidator(_new_fields)] = Field(
        default_factory=dict,
        description="More fields, by Jira's own ids, as its API takes them; text may be a template.",
    )
    close_fields: Annotated[dict[FieldId, object], AfterValidator(_closing_fields)] = Field(
        default_factory=dict,
        description="What the screen of the transition to done demands besides a resolution; text may be a template.",
    )

    @property
    def place(self) -> str:
        """The project."""
        return self.project

    @property
    def more_fields(self) -> Mapping[str, object]:
        """By Jira's own ids."""
        return self.fields

    @property
    def closing_fields(self) -> Mapping[str, object]:
        """Of the screen of the transition to done."""
        return self.close_fields

    def own_fields(self, tracker: TrackerSettings, severity: Severity, due: datetime | None) -> dict[str, object]:
        """Each in the map that Jira puts around names."""
        priority, assignee = for_severity(severity, self.priority), for_severity(severity, self.assignee)
        return without_nothing(
            {
                "priority": {"name": priority} if priority else None,
                "assignee": tracker.person(assignee) if assignee else None,
                "duedate": due.strftime(_DAY) if due else None,
                "security": {"name": self.security_level} if self.security_level else None,
            }
        )

    def completed(self, draft: Draft, link: str | None) -> Draft:
        """The draft with the type, the labels and the link of an issue."""
        return replace(draft, type=self.type, labels=tuple(self.labels), link=link)


class JiraTracker(TrackerSettings):
    """A Jira Cloud site or Data Center instance."""

    sender: ClassVar = JIRA
    title: ClassVar = "Jira"
    place_word: ClassVar = "project"
    relates: ClassVar = True

    kind: Literal["jira"] = Field(description="jira: Cloud or Data Center.")
    deployment: Deployment = Field(default="cloud", description="Which of the two Jiras it is.")
    auth: JiraAuth
    comments: Literal["public", "internal"] = Field(
        default="public",
        description="internal: what we write is not for the customers of service projects, as an internal comment.",
    )
    search_horizon: Duration = Field(
        default=timedelta(minutes=2), le=timedelta(hours=1), description="How far Jira's search may lag behind."
    )
    resolutions: Annotated[dict[Text, Reason], BeforeValidator(lower_keys)] = Field(
        default_factory=JIRA_RESOLUTIONS.copy,
        description="What each resolution's name means; takes the place of the built-in list.",
    )

    @property
    def longest_call(self) -> timedelta:
        """The longest that one request can take, its attempts to connect included."""
        return CONNECTION_ATTEMPTS * self.connect_timeout + self.read_timeout

    @property
    def secret(self) -> tuple[Words, SecretRef]:
        """The password, the token with scopes or the personal access token."""
        return self.auth.secret

    def place_of_key(self, key: str) -> str:
        """The project: it stands before the number."""
        return key.rpartition("-")[0]

    def person(self, name: str) -> object:
        """By account id in Cloud, by user name in Data Center."""
        return {"accountId" if self.deployment == "cloud" else "name": name}

    @property
    def unsent_closing_fields(self) -> Mapping[str, str]:
        """A comment inside a transition is public, so it is not sent where `comments` is internal."""
        return {"comment": "writes internal comments, and this would be none"} if self.comments == "internal" else {}

    def doubts(self) -> Iterator[tuple[Words, str]]:
        """A way of signing in that belongs to the other deployment of Jira."""
        if self.auth.bearer and self.deployment == "cloud":
            message = (
                "is how Jira Data Center signs in (deployment: data_center); "
                "Jira Cloud takes an API token under basic, or one with scopes under scoped"
            )
            yield ("auth", "bearer"), message

    @model_validator(mode="after")
    def _scoped_is_cloud(self) -> Self:
        if self.auth.scoped is not None and self.deployment != "cloud":
            message = "is for deployment: cloud; Data Center takes auth.bearer"
            raise Misplaced(message, "auth", "scoped", is_key=True)
        return self
