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
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from remediation.mapping.choices import tickets_by_kind, tracker_tag
from remediation.mapping.defaults import (
    CLOSE_CODES,
    INCIDENT_STATES,
    JIRA_RESOLUTIONS,
    OTHER_RESOLVE_CODES,
    STATE_REASONS,
    OwnState,
)
from remediation.mapping.durations import duration_text
from remediation.mapping.references import SecretRef
from remediation.mapping.rules import Defaults, Rule
from remediation.mapping.signing_in import JiraAuth, ServiceNowAuth
from remediation.mapping.wording import Comments, Notes, Templates
from remediation.mapping.words import (
    Address,
    Duration,
    Link,
    Name,
    ProxyAddress,
    Table,
    Text,
    Written,
    at_least,
    at_most,
    lower_keys,
)
from remediation.signatures import SignatureFormat
from remediation.tickets import Reason, TicketState


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


LONGEST_CALL = timedelta(seconds=28)
"""What a call to a tracker may take at the very most: a job has 30 seconds."""

TOKEN_TIMEOUTS = (timedelta(seconds=2), timedelta(seconds=4))
"""Limits for connecting and for the answer where an access token is fetched first."""

CONNECTION_ATTEMPTS = {"jira": 3, "servicenow": 2}
"""How often a connection is tried; what was sent is never repeated."""

_REQUESTS_PER_CALL = 2
"""In ServiceNow: at most one look and one write."""

_WHY_SHORT = f"a call with all its tries must fit into {duration_text(LONGEST_CALL)}, as a job has 30s"


class TrackerSettings(Written):
    """What both kinds of tracker have."""

    url: Address = Field(description="Address of the instance.")
    connect_timeout: Annotated[Duration, at_most(timedelta(seconds=5), _WHY_SHORT)] = Field(
        default=timedelta(seconds=3), description="Limit for opening a connection, at most 5s."
    )
    read_timeout: Annotated[Duration, at_most(timedelta(seconds=10), _WHY_SHORT)] = Field(
        default=timedelta(seconds=8), description="Limit for each answer, at most 10s."
    )
    concurrency: int = Field(default=8, ge=1, le=64, description="Requests in flight from one worker process.")
    ca_file: Path | None = Field(default=None, description="Certificates to trust instead of the usual ones (PEM).")
    proxy: ProxyAddress | None = Field(
        default=None, description="Address of a proxy to go through; the environment's proxies are never used."
    )


class JiraTracker(TrackerSettings):
    """A Jira Cloud site or Data Center instance."""

    kind: Literal["jira"] = Field(description="jira: Cloud or Data Center.")
    deployment: Literal["cloud", "data_center"] = Field(default="cloud", description="Which of the two Jiras it is.")
    auth: JiraAuth
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
        return CONNECTION_ATTEMPTS["jira"] * self.connect_timeout + self.read_timeout

    @model_validator(mode="after")
    def _scoped_is_cloud(self) -> Self:
        if self.auth.scoped is not None and self.deployment != "cloud":
            raise ValueError("auth.scoped is for deployment: cloud; Data Center takes auth.bearer")
        return self


class ServiceNowTracker(TrackerSettings):
    """A ServiceNow instance."""

    kind: Literal["servicenow"] = Field(description="servicenow: an instance of its own.")
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

    @property
    def longest_call(self) -> timedelta:
        """The longest that a call can take: two requests, and with `oauth` the one that fetches a token."""
        token = sum(TOKEN_TIMEOUTS, timedelta(0)) if self.auth.oauth else timedelta(0)
        return _REQUESTS_PER_CALL * (self.connect_timeout + self.read_timeout) + token

    @model_validator(mode="after")
    def _calls_fit_into_jobs(self) -> Self:
        if (over := self.longest_call - LONGEST_CALL) > timedelta(0):
            both = duration_text(self.connect_timeout + self.read_timeout - over / _REQUESTS_PER_CALL)
            kind = " with auth.oauth" if self.auth.oauth else ""
            raise ValueError(f"connect_timeout and read_timeout together must be at most {both}{kind}: {_WHY_SHORT}")
        return self

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


_WHY_FORGET = "what is of no more use is deleted"


class Retention(Written):
    """How long what we keep is kept."""

    deliveries: Annotated[Duration, at_least(timedelta(days=1)), at_most(timedelta(days=366), _WHY_FORGET)] = Field(
        default=timedelta(days=30),
        description="How long a delivery's fingerprint is known after it was read: a repeat within that time does "
        "nothing. Its body goes as soon as it has been read.",
    )


def _whole_number(written: object, validated: ValidatorFunctionWrapHandler) -> object:
    """Python takes true and 1.0 for 1; nobody else does."""
    return validated(written if type(written) is int else None)


class Mappings(Written):
    """The whole file."""

    version: Annotated[Literal[1], WrapValidator(_whole_number)] = Field(description="The version of this language.")
    districts: dict[Name, District] = Field(min_length=1, description="The SchoolScan accounts, by our name for them.")
    trackers: dict[Name, TrackerConfig] = Field(min_length=1, description="Where tickets go, by our name for them.")
    defaults: Defaults = Field(default_factory=Defaults)
    templates: Templates
    notes: Notes = Field(default_factory=Notes)
    comments: Comments = Field(default_factory=Comments)
    retention: Retention = Field(default_factory=Retention)
    rules: list[Rule] = Field(
        min_length=1, description="Which findings get which tickets: the first that holds counts."
    )

    @model_validator(mode="before")
    @classmethod
    def _tickets_have_their_kind(cls, written: object) -> object:
        return tickets_by_kind(written)
