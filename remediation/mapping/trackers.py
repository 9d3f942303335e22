"""Trackers as types: where a ServiceNow or Jira instance is, and what its own words mean to us."""

from collections.abc import Callable
from copy import copy
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from remediation.mapping.choices import tracker_tag
from remediation.mapping.defaults import INCIDENT_TABLE, JIRA_RESOLUTIONS, KNOWN_TABLES, OwnState, words_of_table
from remediation.mapping.durations import duration_text
from remediation.mapping.signing_in import JiraAuth, ServiceNowAuth, Webhook
from remediation.mapping.words import (
    Address,
    Duration,
    FieldId,
    ProxyAddress,
    Table,
    Text,
    Written,
    at_most,
    lower_keys,
)
from remediation.tickets import Reason, TicketState

LONGEST_CALL = timedelta(seconds=28)
"""What a call to a tracker may take at the very most: a job has 30 seconds."""

TOKEN_TIMEOUTS = (timedelta(seconds=2), timedelta(seconds=4))
"""Limits for connecting and for the answer where an access token is fetched first."""

CONNECTION_ATTEMPTS = {"jira": 3, "servicenow": 2}
"""How often a connection is tried. A read whose connection broke is sent once more, within the time of one."""

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
    concurrency: int = Field(
        default=8, ge=1, le=64, strict=True, description="Requests in flight from one worker process."
    )
    ca_file: Path | None = Field(default=None, description="Certificates to trust instead of the usual ones (PEM).")
    proxy: ProxyAddress | None = Field(
        default=None, description="Address of a proxy to go through; the environment's proxies are never used."
    )
    webhook: Webhook | None = Field(
        default=None, description="How the tracker signs what it tells us of changes; auto is its own usual format."
    )
    risk_reason: FieldId | None = Field(
        default=None, description="The field that says why a risk was accepted, by the tracker's own id."
    )
    risk_expiry: FieldId | None = Field(
        default=None, description="The field that says until when a risk is accepted: a date or a date and time."
    )


class JiraTracker(TrackerSettings):
    """A Jira Cloud site or Data Center instance."""

    kind: Literal["jira"] = Field(description="jira: Cloud or Data Center.")
    deployment: Literal["cloud", "data_center"] = Field(default="cloud", description="Which of the two Jiras it is.")
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
        return CONNECTION_ATTEMPTS["jira"] * self.connect_timeout + self.read_timeout

    @model_validator(mode="after")
    def _scoped_is_cloud(self) -> Self:
        if self.auth.scoped is not None and self.deployment != "cloud":
            raise ValueError("auth.scoped is for deployment: cloud; Data Center takes auth.bearer")
        return self


_NEEDED_OF_ANOTHER_TABLE = ("states", "resolve_state", "reopen_state")


def _of_table(word: str) -> Callable[[dict[str, Any]], Any]:
    """The default of a word: what is built in for the table that was written before it."""
    return lambda written: copy(getattr(words_of_table(written.get("table", INCIDENT_TABLE)), word))


class ServiceNowTracker(TrackerSettings):
    """A ServiceNow instance."""

    kind: Literal["servicenow"] = Field(description="servicenow: an instance of its own.")
    auth: ServiceNowAuth
    table: Table = Field(default=INCIDENT_TABLE, description="The table of our tickets.")
    search_horizon: Duration = Field(
        default=timedelta(minutes=1),
        le=timedelta(hours=1),
        description="How long ServiceNow may go on with a request after we gave it up.",
    )
    states: dict[Text, OwnState] = Field(
        default_factory=_of_table("states"),
        description="What each value of the table's state field means; takes the place of the built-in list.",
    )
    close_codes: Annotated[dict[Text, Reason], BeforeValidator(lower_keys)] = Field(
        default_factory=_of_table("close_codes"),
        description="What each close_code means; takes the place of the built-in list.",
    )
    state_reasons: dict[Text, Reason] = Field(
        default_factory=_of_table("state_reasons"),
        description="States that say by themselves why a ticket is done, whatever its close_code.",
    )
    final_states: list[Text] = Field(
        default_factory=_of_table("final_states"),
        description="States that mean done and that ServiceNow never leaves again: a new ticket follows such a one.",
    )
    resolve_state: Text = Field(
        default_factory=_of_table("resolve_state"), description="The state we set to resolve a ticket."
    )
    reopen_state: Text = Field(
        default_factory=_of_table("reopen_state"), description="The state we set to reopen a ticket."
    )
    resolve_code: Text = Field(
        default_factory=_of_table("resolve_code"), description="The close_code we set when a finding is resolved."
    )
    resolve_codes: dict[Reason, Text] = Field(
        default_factory=_of_table("resolve_codes"),
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
    def _states_are_known(self) -> Self:
        missing = [word for word in _NEEDED_OF_ANOTHER_TABLE if word not in self.model_fields_set]
        if self.table not in KNOWN_TABLES and missing:
            known = " and ".join(KNOWN_TABLES)
            words = ", ".join(missing)
            raise ValueError(
                f"what the states of {self.table} mean is not built in, as it is for {known}: write {words}"
            )
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
        for state in self.final_states if "final_states" in self.model_fields_set else ():
            if self.states.get(state) is not TicketState.DONE:
                raise ValueError(f"final_states: {state} must be one of the states that mean done")
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
