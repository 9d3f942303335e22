"""mappings.yaml as types. A word is here only if the code obeys it; its description is its documentation."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    HttpUrl,
    Tag,
    model_validator,
)

from remediation.mapping.choices import secret_tag, tickets_by_kind, tracker_tag
from remediation.mapping.defaults import (
    CLOSE_CODES,
    INCIDENT_STATES,
    JIRA_RESOLUTIONS,
    OTHER_RESOLVE_CODES,
    STATE_REASONS,
    OwnState,
)
from remediation.mapping.rules import Rule
from remediation.mapping.wording import Comments, Notes, Templates
from remediation.mapping.words import (
    Address,
    Duration,
    EnvName,
    Link,
    Name,
    Table,
    Text,
    Written,
    lower_keys,
)
from remediation.signatures import SignatureFormat
from remediation.tickets import Reason, TicketState


class SecretFromEnv(Written):
    """A secret held in an environment variable; one trailing newline is ignored."""

    env: EnvName = Field(description="Name of the environment variable that holds the secret.")


class SecretFromFile(Written):
    """A secret held in a file; one trailing newline is ignored."""

    file: Path = Field(description="Path of the file that holds the secret, absolute or from the working directory.")


SecretRef = Annotated[
    Annotated[SecretFromEnv, Tag("SecretFromEnv")] | Annotated[SecretFromFile, Tag("SecretFromFile")],
    Discriminator(
        secret_tag,
        custom_error_type="secret_reference",
        custom_error_message="secrets are given by reference: {env: NAME} or {file: PATH}",
    ),
]


class Webhook(Written):
    """How a sender signs its deliveries."""

    secrets: list[SecretRef] = Field(min_length=1, max_length=3, description="Active secrets; a rotation overlaps.")
    signature: SignatureFormat = Field(
        default=SignatureFormat.AUTO, description="The one format accepted, or auto at first."
    )


class SchoolScanAccount(Written):
    """A district's account at SchoolScan."""

    url: Address = Field(default=HttpUrl("https://api.schoolscan.ai/v1"), description="Base address of the API.")
    token: SecretRef = Field(description="The district's API token.")
    webhook: Webhook
    finding_link: Link | None = Field(
        default=None, description="Address of a finding's page for people; {id} stands for the finding's id."
    )


class District(Written):
    """One SchoolScan account: its own token, webhook secret and rate limits."""

    schoolscan: SchoolScanAccount


class BasicAuth(Written):
    """A user name (or e-mail) and a password (or API token)."""

    user: Text
    password: SecretRef


class Auth(Written):
    """Exactly one way of signing in."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if len([name for name, way in self if way is not None]) != 1:
            raise ValueError(f"must have exactly one of: {', '.join(type(self).model_fields)}")
        return self


class JiraAuth(Auth):
    """Exactly one way of signing in to Jira."""

    basic: BasicAuth | None = Field(default=None, description="Jira Cloud: e-mail and API token.")
    bearer: SecretRef | None = Field(default=None, description="Jira Data Center: a personal access token.")


class ServiceNowAuth(Auth):
    """Exactly one way of signing in to ServiceNow."""

    basic: BasicAuth | None = Field(default=None, description="A user name and its password.")
    bearer: SecretRef | None = Field(default=None, description="An OAuth access token.")


class TrackerSettings(Written):
    """What both kinds of tracker have."""

    url: Address = Field(description="Address of the instance.")
    connect_timeout: Duration = Field(
        default=timedelta(seconds=3),
        gt=timedelta(0),
        le=timedelta(seconds=5),
        description="Limit for opening a connection.",
    )
    read_timeout: Duration = Field(
        default=timedelta(seconds=8), gt=timedelta(0), le=timedelta(seconds=10), description="Limit for each answer."
    )
    concurrency: int = Field(default=8, ge=1, le=64, description="Requests in flight from one worker process.")
    ca_file: Path | None = Field(default=None, description="Certificates to trust instead of the usual ones.")


class JiraTracker(TrackerSettings):
    """A Jira Cloud site or Data Center instance."""

    kind: Literal["jira"]
    deployment: Literal["cloud", "data_center"] = Field(default="cloud", description="Which of the two Jiras it is.")
    auth: JiraAuth
    search_horizon: Duration = Field(
        default=timedelta(minutes=2), le=timedelta(hours=1), description="How far Jira's search may lag behind."
    )
    resolutions: Annotated[dict[Text, Reason], BeforeValidator(lower_keys)] = Field(
        default_factory=JIRA_RESOLUTIONS.copy,
        description="What each resolution's name means; takes the place of the built-in list.",
    )


class ServiceNowTracker(TrackerSettings):
    """A ServiceNow instance."""

    kind: Literal["servicenow"]
    auth: ServiceNowAuth
    table: Table = Field(default="incident", description="The table of our tickets.")
    search_horizon: Duration = Field(
        default=timedelta(minutes=1),
        le=timedelta(hours=1),
        description="How long ServiceNow may go on with a request after we gave it up.",
    )
    states: dict[Text, OwnState] = Field(
        default_factory=INCIDENT_STATES.copy,
        description="What each value of the table's state field means; takes the place of incident's.",
    )
    close_codes: Annotated[dict[Text, Reason], BeforeValidator(lower_keys)] = Field(
        default_factory=CLOSE_CODES.copy,
        description="What each close_code means; takes the place of the built-in list.",
    )
    state_reasons: dict[Text, Reason] = Field(
        default_factory=STATE_REASONS.copy,
        description="States that say by themselves why a ticket is done, whatever its close_code.",
    )
    resolve_state: Text = Field(default="6", description="The state we set to resolve a ticket.")
    reopen_state: Text = Field(default="2", description="The state we set to reopen a ticket.")
    resolve_code: Text = Field(
        default="Solution provided", description="The close_code we set when a finding is resolved."
    )
    resolve_codes: dict[Reason, Text] = Field(
        default_factory=OTHER_RESOLVE_CODES.copy,
        description="The close_code we set for each other reason; resolve_code where a reason is not in the list.",
    )

    @model_validator(mode="after")
    def _states_agree(self) -> Self:
        """What we write must read back as what we meant, or the two sides would never come to rest."""
        if self.states.get(self.resolve_state) is not TicketState.DONE:
            raise ValueError(f"resolve_state {self.resolve_state} must be one of the states that mean done")
        if self.states.get(self.reopen_state) in {None, TicketState.DONE}:
            raise ValueError(
                f"reopen_state {self.reopen_state} must be one of the states that mean open or in_progress"
            )
        if self.close_codes.get(self.resolve_code.lower()) is not Reason.FIXED:
            raise ValueError("resolve_code must be one of the close_codes that mean fixed")
        for reason, code in self.resolve_codes.items():
            if code.lower() not in self.close_codes:
                raise ValueError(f"the resolve_code for {reason} must be one of the close_codes")
        return self


TrackerConfig = Annotated[
    Annotated[JiraTracker, Tag("JiraTracker")] | Annotated[ServiceNowTracker, Tag("ServiceNowTracker")],
    Discriminator(
        tracker_tag, custom_error_type="tracker_kind", custom_error_message="kind must be jira or servicenow"
    ),
]


class Mappings(Written):
    """The whole file."""

    version: Literal[1] = Field(description="The version of this language.")
    districts: dict[Name, District] = Field(min_length=1, description="The SchoolScan accounts, by our name for them.")
    trackers: dict[Name, TrackerConfig] = Field(min_length=1, description="Where tickets go, by our name for them.")
    templates: Templates
    notes: Notes = Field(default_factory=Notes)
    comments: Comments = Field(default_factory=Comments)
    rules: list[Rule] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _tickets_have_their_kind(cls, written: object) -> object:
        return tickets_by_kind(written)
