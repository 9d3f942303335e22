"""Trackers as types: where a ServiceNow or Jira instance is, and what its own words mean to us."""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from remediation.domain.tickets import Reason, TicketState
from remediation.mapping.config.choices import tracker_tag
from remediation.mapping.config.defaults import (
    INCIDENT_TABLE,
    JIRA_RESOLUTIONS,
    KNOWN_TABLES,
    OwnState,
    TableWords,
    words_of_table,
)
from remediation.mapping.config.durations import duration_text
from remediation.mapping.config.signing_in import JiraAuth, ServiceNowAuth, Webhook
from remediation.mapping.config.words import (
    Address,
    Duration,
    FieldId,
    Name,
    ProxyAddress,
    Table,
    Text,
    Written,
    at_most,
    lower_keys,
)

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
    formerly: list[Name] = Field(
        default_factory=list,
        description="Names that the tracker had in this file before: what is kept under them is its own.",
    )
    former_accounts: list[Text] = Field(
        default_factory=list,
        description="Other accounts that opened our tickets, by account id (Jira) or user name (ServiceNow): the one "
        "before a change of accounts, or whoever brought them along from another site.",
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
_WORDS_OF_A_TABLE = tuple(each.name for each in fields(TableWords))


def _of_table(word: str) -> Callable[[dict[str, Any]], Any]:
    """The default of a word: what is built in for the table that was written before it."""
    return lambda written: copy(getattr(words_of_table(written.get("table", INCIDENT_TABLE)), word))


class FormerTable(Written):
    """A table that has tickets of ours from before. What is not written is what is built in for it."""

    states: dict[Text, OwnState] | None = Field(default=None, description="What each value of its state field means.")
    close_codes: Annotated[dict[Text, Reason], BeforeValidator(lower_keys)] | None = Field(
        default=None, description="What each close_code means there."
    )
    state_reasons: dict[Text, Reason] | None = Field(
        default=None, description="States that say by themselves why a ticket is done there."
    )
    final_states: list[Text] | None = Field(default=None, description="States that ServiceNow never leaves again.")
    resolve_state: Text | None = Field(default=None, description="The state we set to resolve a ticket there.")
    reopen_state: Text | None = Field(default=None, description="The state we set to reopen a ticket there.")
    resolve_code: Text | None = Field(
        default=None, description="The close_code we set there when a finding is resolved."
    )
    resolve_codes: dict[Reason, Text] | None = Field(
        default=None, description="The close_code we set there for each other reason."
    )


class ServiceNowTracker(TrackerSettings):
    """A ServiceNow instance. A ticket is in the table that its id names: in `table`, or in a former one."""

    kind: Literal["servicenow"] = Field(description="servicenow: an instance of its own.")
    auth: ServiceNowAuth
    table: Table = Field(default=INCIDENT_TABLE, description="The table of our tickets.")
    former_tables: dict[Table, FormerTable] = Field(
        default_factory=dict, description="Other tables in which tickets of ours are; no new ones are opened there."
    )
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
    def _words_are_sound(self) -> Self:
        _check_words(self)
        return self

    @model_validator(mode="after")
    def _former_tables_are_known(self) -> Self:
        for table in self.former_tables:
            if table == self.table:
                raise ValueError(f"former_tables: {table} is the table of our tickets: take it out here")
            try:
                _check_words(self._with_words_of(table))
            except ValueError as error:
                raise ValueError(f"former_tables, {table}: {error}") from None
        return self

    def of_table(self, table: str) -> Self | None:
        """The tracker as its tickets in this table are read and written; None where nobody says what is meant there.

        What is built in for a table counts without a word of the file's.
        """
        if table == self.table:
            return self
        return self._with_words_of(table) if table in {*self.former_tables, *KNOWN_TABLES} else None

    def _with_words_of(self, table: str) -> Self:
        former, built_in = self.former_tables.get(table, FormerTable()), words_of_table(table)
        written = {name: word for name in _WORDS_OF_A_TABLE if (word := getattr(former, name)) is not None}
        words = {name: copy(getattr(built_in, name)) for name in _WORDS_OF_A_TABLE} | written
        shared = {name: getattr(self, name) for name in type(self).model_fields} | {"table": table, **words}
        said = (self.model_fields_set - frozenset(_WORDS_OF_A_TABLE)) | written.keys()
        return type(self).model_construct(_fields_set=set(said), **shared)


def _check_words(config: ServiceNowTracker) -> None:
    """Make sure that what a table's values mean is said, and that what we write reads back as what we meant.

    Otherwise the two sides would never come to rest. Raises ValueError.
    """
    missing = [word for word in _NEEDED_OF_ANOTHER_TABLE if word not in config.model_fields_set]
    if config.table not in KNOWN_TABLES and missing:
        known, words = " and ".join(KNOWN_TABLES), ", ".join(missing)
        raise ValueError(f"what the states of {config.table} mean is not built in, as it is for {known}: write {words}")
    if config.states.get(config.resolve_state) is not TicketState.DONE:
        raise ValueError(f"resolve_state {config.resolve_state} must be one of the states that mean done")
    if config.states.get(config.reopen_state) in {None, TicketState.DONE}:
        raise ValueError(f"reopen_state {config.reopen_state} must be one of the states that mean open or in_progress")
    for state in config.final_states if "final_states" in config.model_fields_set else ():
        if config.states.get(state) is not TicketState.DONE:
            raise ValueError(f"final_states: {state} must be one of the states that mean done")
    if config.close_codes.get(config.resolve_code.lower()) is not Reason.FIXED:
        raise ValueError("resolve_code must be one of the close_codes that mean fixed")
    for reason, code in config.resolve_codes.items():
        if code.lower() not in config.close_codes:
            raise ValueError(f"the resolve_code for {reason} must be one of the close_codes")


TrackerConfig = Annotated[
    Annotated[JiraTracker, Tag("JiraTracker")] | Annotated[ServiceNowTracker, Tag("ServiceNowTracker")],
    Discriminator(
        tracker_tag, custom_error_type="tracker_kind", custom_error_message="kind must be jira or servicenow"
    ),
]


def is_same_address(one: TrackerSettings, other: TrackerSettings) -> bool:
    """Whether two trackers are one installation, as far as their addresses tell."""
    return str(one.url).rstrip("/") == str(other.url).rstrip("/")


def former_names_of(trackers: Mapping[str, TrackerConfig]) -> dict[str, str]:
    """The names that these trackers had before, each with the one that it has now."""
    return {former: name for name, config in trackers.items() for former in config.formerly}
