"""mappings.yaml as types. A word is here only if the code obeys it; every field's description is its documentation."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, HttpUrl, StringConstraints

from remediation.cases import DISTRICT_NAME
from remediation.findings import DomainType, Severity
from remediation.mapping.durations import duration_of
from remediation.signatures import SignatureFormat
from remediation.tickets import Reason, TicketState


class Written(BaseModel):
    """What a person writes: nothing unknown is accepted, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


Name = Annotated[str, StringConstraints(pattern=rf"^{DISTRICT_NAME.pattern}$")]
Duration = Annotated[timedelta, BeforeValidator(duration_of)]
Text = Annotated[str, StringConstraints(min_length=1)]


class SecretFromEnv(Written):
    """A secret held in an environment variable."""

    env: Text = Field(description="Name of the environment variable that holds the secret.")


class SecretFromFile(Written):
    """A secret held in a file; one trailing newline is ignored."""

    file: Path = Field(description="Path of the file that holds the secret.")


SecretRef = SecretFromEnv | SecretFromFile


class Webhook(Written):
    """How a sender signs its deliveries."""

    secrets: list[SecretRef] = Field(min_length=1, max_length=3, description="Active secrets; a rotation overlaps.")
    signature: SignatureFormat = Field(SignatureFormat.AUTO, description="The one format accepted, or auto at first.")


class SchoolScanAccount(Written):
    """A district's account at SchoolScan."""

    url: HttpUrl = Field(HttpUrl("https://api.schoolscan.ai/v1"), description="Base address of the API.")
    token: SecretRef = Field(description="The district's API token.")
    webhook: Webhook
    finding_link: Text | None = Field(
        None, description="Address of a finding's page for people; {id} stands for the finding's id."
    )


class District(Written):
    """One SchoolScan account: its own token, webhook secret and rate limits."""

    schoolscan: SchoolScanAccount


class BasicAuth(Written):
    """A user name (or e-mail) and a password (or API token)."""

    user: Text
    password: SecretRef


class JiraAuth(Written):
    """Exactly one way of signing in."""

    basic: BasicAuth | None = Field(None, description="Jira Cloud: e-mail and API token.")
    bearer: SecretRef | None = Field(None, description="Jira Data Center: a personal access token.")


class ServiceNowAuth(Written):
    """Exactly one way of signing in."""

    basic: BasicAuth | None = None
    bearer: SecretRef | None = Field(None, description="An OAuth access token.")


class TrackerSettings(Written):
    """What both kinds of tracker have."""

    url: HttpUrl = Field(description="Address of the instance.")
    connect_timeout: Duration = Field(timedelta(seconds=3), description="Limit for opening a connection.")
    read_timeout: Duration = Field(timedelta(seconds=8), description="Limit for each answer.")
    concurrency: int = Field(8, ge=1, le=64, description="Requests in flight from one worker process.")
    ca_file: Path | None = Field(None, description="Certificates to trust instead of the usual ones.")


class JiraTracker(TrackerSettings):
    """A Jira Cloud site or Data Center instance."""

    kind: Literal["jira"]
    deployment: Literal["cloud", "data_center"] = "cloud"
    auth: JiraAuth
    search_horizon: Duration = Field(timedelta(minutes=2), description="How far Jira's search may lag behind.")
    resolutions: dict[str, Reason] = Field(
        default_factory=lambda: {
            "done": Reason.FIXED,
            "fixed": Reason.FIXED,
            "won't do": Reason.ACCEPTED_RISK,
            "won't fix": Reason.ACCEPTED_RISK,
            "duplicate": Reason.DUPLICATE,
            "cannot reproduce": Reason.FALSE_POSITIVE,
            "declined": Reason.CANCELLED,
        },
        description="What each resolution's name means, lower case.",
    )


class ServiceNowTracker(TrackerSettings):
    """A ServiceNow instance."""

    kind: Literal["servicenow"]
    auth: ServiceNowAuth
    table: Text = Field("incident", description="The table of our tickets.")
    search_horizon: Duration = Field(timedelta(seconds=15), description="How long a create may take to be seen.")
    states: dict[str, TicketState] = Field(
        default_factory=lambda: {
            "1": TicketState.OPEN,
            "2": TicketState.IN_PROGRESS,
            "3": TicketState.IN_PROGRESS,
            "6": TicketState.DONE,
            "7": TicketState.DONE,
            "8": TicketState.DONE,
        },
        description="What each value of the table's state field means.",
    )
    close_codes: dict[str, Reason] = Field(
        default_factory=lambda: {
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
        },
        description="What each close_code means, lower case.",
    )
    resolve_state: Text = Field("6", description="The state we set to resolve a ticket.")
    reopen_state: Text = Field("2", description="The state we set to reopen a ticket.")
    resolve_code: Text = Field("Solution provided", description="The close_code we set when a finding is resolved.")


TrackerConfig = Annotated[JiraTracker | ServiceNowTracker, Field(discriminator="kind")]


class Match(Written):
    """Which findings a rule takes: every condition that is written must hold. A single word may stand for a list."""

    severity: list[Severity] | Severity | None = None
    domain_type: list[DomainType] | DomainType | None = None
    district: list[Name] | Name | None = None
    site: list[Text] | Text | None = Field(None, description="Host names, lower case; *.example.org takes subdomains.")


BySeverity = dict[Severity, Text]


class JiraTicket(Written):
    """What a Jira issue of this rule looks like."""

    project: Text
    type: Text = "Task"
    priority: BySeverity | Text | None = Field(None, description="A priority's name, or one per severity.")
    labels: list[Annotated[str, StringConstraints(pattern=r"^\S{1,255}$")]] = Field(default_factory=list)
    fields: dict[str, object] = Field(default_factory=dict, description="More fields, by Jira's own ids, as its API takes them.")
    summary: Text | None = Field(None, description="Template; the default of `templates` otherwise.")
    body: Text | None = Field(None, description="Template; the default of `templates` otherwise.")


class ServiceNowTicket(Written):
    """What a ServiceNow record of this rule looks like."""

    impact: dict[Severity, Literal["1", "2", "3"]] | Literal["1", "2", "3"] | None = None
    urgency: dict[Severity, Literal["1", "2", "3"]] | Literal["1", "2", "3"] | None = None
    assignment_group: Text | None = Field(None, description="sys_id or name of the group.")
    fields: dict[str, object] = Field(default_factory=dict, description="More columns and their values.")
    summary: Text | None = Field(None, description="Template; the default of `templates` otherwise.")
    body: Text | None = Field(None, description="Template; the default of `templates` otherwise.")


class Rule(Written):
    """Which cases get which tickets. The first rule whose conditions all hold is the one that counts."""

    name: Name
    match: Match = Field(default_factory=Match)
    detail: Literal["minimal", "restricted"] = Field(
        "minimal", description="restricted: title and page address may go into the tickets, whose readers are few."
    )
    tickets: dict[Name, JiraTicket | ServiceNowTicket] = Field(min_length=1, description="One per tracker, by its name.")


class Templates(Written):
    """The texts of tickets where a rule has none of its own (Jinja2)."""

    summary: Text = "Exposed student data: {{ finding.domain_type }}, {{ finding.severity }} ({{ case.ref }})"
    body: Text


class Notes(Written):
    """The audit texts that go to SchoolScan with a change of status (Jinja2)."""

    opened: Text
    resolved: Text
    accepted_risk: Text
    reopened: Text


class Mappings(Written):
    """The whole file."""

    version: Literal[1]
    districts: dict[Name, District] = Field(min_length=1)
    trackers: dict[Name, TrackerConfig] = Field(min_length=1)
    templates: Templates
    notes: Notes
    rules: list[Rule] = Field(min_length=1)
