"""ServiceNow in mappings.yaml: where an instance is, how we sign in, its words, and what a rule's records look like."""

from collections.abc import Callable, Collection, Iterator, Mapping
from copy import copy
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from remediation.deliveries.servicenow import SERVICENOW
from remediation.domain.status import Severity
from remediation.domain.tickets import Reason, TicketState
from remediation.mapping.config.references import SecretRef
from remediation.mapping.config.signing_in import Auth, BasicAuth, SignIn, Words
from remediation.mapping.config.trackers.servicenow_tables import (
    INCIDENT_TABLE,
    KNOWN_TABLES,
    OwnState,
    TableWords,
    words_of_table,
)
from remediation.mapping.config.trackers.tracker_settings import (
    LONGEST_CALL,
    PEOPLES_OWN,
    WHY_SHORT,
    BySeverity,
    LevelBySeverity,
    TicketSettings,
    TrackerSettings,
    for_severity,
    free_closing_fields,
    free_fields,
    without_nothing,
)
from remediation.mapping.config.words import (
    Duration,
    FieldId,
    Misplaced,
    Table,
    Text,
    Written,
    duration_text,
    lower_keys,
)

TOKEN_TIMEOUTS = (timedelta(seconds=2), timedelta(seconds=4))
"""Limits for connecting and for the answer of the request that fetches an access token."""

CONNECTION_ATTEMPTS = 2
"""How often opening a connection is tried. A read whose connection broke is sent once more, within the same time."""

_REQUESTS_PER_CALL = 2
"""At most one read and one write."""

_SECOND = "%Y-%m-%d %H:%M:%S"


class OAuthClient(SignIn):
    """A client of ServiceNow's own OAuth: its credentials fetch access tokens, and new ones when these expire."""

    client_id: Text = Field(description="The client's id in the application registry.")
    client_secret: SecretRef = Field(description="The client's secret.")

    @property
    def secret(self) -> tuple[Words, SecretRef]:
        """The client's secret."""
        return ("client_secret",), self.client_secret


class ServiceNowAuth(Auth):
    """Exactly one way of signing in to ServiceNow."""

    basic: BasicAuth | None = Field(default=None, description="A user name and its password.")
    oauth: OAuthClient | None = Field(default=None, description="OAuth with client credentials.")
    bearer: SecretRef | None = Field(
        default=None, description="An OAuth access token that another program fetches and replaces."
    )
    api_key: SecretRef | None = Field(default=None, description="An API key, sent in the header x-sn-apikey.")


_NEEDED_OF_ANOTHER_TABLE = ("states", "resolve_state", "reopen_state")
_WORDS_OF_A_TABLE = tuple(each.name for each in fields(TableWords))


def _of_table(word: str) -> Callable[[dict[str, Any]], Any]:
    """A factory of the default of a word: what is built in for the table that the same map names."""
    return lambda written: copy(getattr(words_of_table(written.get("table", INCIDENT_TABLE)), word))


class FormerTable(Written):
    """A table with older tickets of ours. For words that are not written, what is built in for the table is used."""

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

    sender: ClassVar = SERVICENOW
    title: ClassVar = "ServiceNow"
    place_word: ClassVar = "table"
    relates: ClassVar = True
    former_word: ClassVar = "former_tables"

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

    @property
    def secret(self) -> tuple[Words, SecretRef]:
        """The password, the token, the API key or the OAuth client's secret."""
        return self.auth.secret

    @property
    def place(self) -> str:
        """The table."""
        return self.table

    @property
    def former_places(self) -> Collection[str]:
        """The former tables."""
        return self.former_tables

    def knows_place(self, place: str) -> bool:
        """What is built in for a table counts without a word of the file's."""
        return self.of_table(place) is not None

    @classmethod
    def places_written(cls, written: Mapping[str, object]) -> Iterator[str]:
        """Each table: records are searched for in one table at a time."""
        former = written.get("former_tables")
        for table in (written.get("table", INCIDENT_TABLE), *(former if isinstance(former, dict) else ())):
            if isinstance(table, str):
                yield table

    @model_validator(mode="after")
    def _calls_fit_into_jobs(self) -> Self:
        if (over := self.longest_call - LONGEST_CALL) > timedelta(0):
            both = duration_text(self.connect_timeout + self.read_timeout - over / _REQUESTS_PER_CALL)
            kind = " with auth.oauth" if self.auth.oauth else ""
            raise ValueError(f"connect_timeout and read_timeout together must be at most {both}{kind}: {WHY_SHORT}")
        return self

    @model_validator(mode="after")
    def _words_are_sound(self) -> Self:
        _check_words(self)
        return self

    @model_validator(mode="after")
    def _former_tables_are_known(self) -> Self:
        for table in self.former_tables:
            if table == self.table:
                message = "is the table of our tickets: take it out here"
                raise Misplaced(message, "former_tables", table, is_key=True)
            try:
                _check_words(self._with_words_of(table))
            except Misplaced as error:
                steps = () if error.steps == ("table",) else error.steps
                raise Misplaced(str(error), "former_tables", table, *steps, is_key=not steps) from None
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

    Otherwise the two sides would never come to rest. Raises Misplaced.
    """
    missing = [word for word in _NEEDED_OF_ANOTHER_TABLE if word not in config.model_fields_set]
    if config.table not in KNOWN_TABLES and missing:
        known, words = " and ".join(KNOWN_TABLES), ", ".join(missing)
        message = f"what the states of {config.table} mean is not built in, as it is for {known}: write {words}, too"
        raise Misplaced(message, "table")
    if config.states.get(config.resolve_state) is not TicketState.DONE:
        raise Misplaced(f"{config.resolve_state} must be one of the states that mean done", "resolve_state")
    if config.states.get(config.reopen_state) in {None, TicketState.DONE}:
        message = f"{config.reopen_state} must be one of the states that mean open or in_progress"
        raise Misplaced(message, "reopen_state")
    for state in config.final_states if "final_states" in config.model_fields_set else ():
        if config.states.get(state) is not TicketState.DONE:
            raise Misplaced(f"{state} must be one of the states that mean done", "final_states")
    if config.close_codes.get(config.resolve_code.lower()) is not Reason.FIXED:
        raise Misplaced("must be one of the close_codes that mean fixed", "resolve_code")
    for reason, code in config.resolve_codes.items():
        if code.lower() not in config.close_codes:
            raise Misplaced("must be one of the close_codes", "resolve_codes", reason)


_OWN_FIELDS: Mapping[str, str | None] = {
    "short_description": "summary",
    "description": "body",
    "impact": "impact",
    "urgency": "urgency",
    "assignment_group": "assignment_group",
    "assigned_to": "assigned_to",
    "due_date": "due",
    "correlation_id": None,
    "correlation_display": None,
}

_SET_WHEN_CLOSING: Mapping[str, str] = {
    "state": "is the tracker's resolve_state",
    "close_code": "is one of the tracker's resolve_code and resolve_codes",
    "close_notes": "is written by us: word it under `comments`",
    "work_notes": "is written by us: word it under `comments`",
    "correlation_id": "carries our mark",
    "correlation_display": "carries our mark",
    "assigned_to": PEOPLES_OWN,
    "assignment_group": PEOPLES_OWN,
}


def _new_fields(fields: dict[str, object]) -> dict[str, object]:
    """`fields`, if none of them has a word of its own in a ServiceNow ticket."""
    return free_fields(fields, _OWN_FIELDS)


def _closing_fields(fields: dict[str, object]) -> dict[str, object]:
    """`fields`, if none of them is one that we set in ServiceNow when we close a ticket."""
    return free_closing_fields(fields, _SET_WHEN_CLOSING)


class ServiceNowTicket(TicketSettings):
    """What a ServiceNow record of this rule looks like."""

    urgency_fields: ClassVar = ("impact", "urgency", "due_date")

    impact: LevelBySeverity | None = Field(default=None, description="1 to 3, or one per severity.")
    urgency: LevelBySeverity | None = Field(default=None, description="1 to 3, or one per severity.")
    assignment_group: BySeverity | None = Field(
        default=None, description="sys_id or name of the group, or one per severity."
    )
    assigned_to: BySeverity | None = Field(
        default=None, description="sys_id or user name of the person, or one per severity."
    )
    fields: Annotated[dict[FieldId, object], AfterValidator(_new_fields)] = Field(
        default_factory=dict, description="More columns and their values; text may be a template."
    )
    close_fields: Annotated[dict[FieldId, object], AfterValidator(_closing_fields)] = Field(
        default_factory=dict,
        description="Columns that closing a record demands besides its code and notes; text may be a template.",
    )

    @property
    def more_fields(self) -> Mapping[str, object]:
        """Columns."""
        return self.fields

    @property
    def closing_fields(self) -> Mapping[str, object]:
        """Columns besides the code and the notes."""
        return self.close_fields

    def own_fields(self, tracker: TrackerSettings, severity: Severity, due: datetime | None) -> dict[str, object]:
        """Columns and their plain values."""
        assigned_to = for_severity(severity, self.assigned_to)
        return without_nothing(
            {
                "impact": for_severity(severity, self.impact),
                "urgency": for_severity(severity, self.urgency),
                "assignment_group": for_severity(severity, self.assignment_group),
                "assigned_to": assigned_to and tracker.person(assigned_to),
                "due_date": due.strftime(_SECOND) if due else None,
            }
        )
