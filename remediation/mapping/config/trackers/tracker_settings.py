"""What trackers, and the tickets of rules in them, have in mappings.yaml whatever their kind."""

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import BeforeValidator, Field

from remediation.deliveries.events import Sender
from remediation.domain.status import Severity
from remediation.domain.tickets import Draft
from remediation.mapping.config.references import SecretRef
from remediation.mapping.config.signing_in import Webhook, Words
from remediation.mapping.config.words import (
    Address,
    Duration,
    FieldId,
    FormerSite,
    Misplaced,
    Name,
    ProxyAddress,
    Text,
    Written,
    at_most,
    duration_text,
    for_every_severity,
    text_of_number,
)

ValueT = TypeVar("ValueT")

PEOPLES_OWN = "is left as people set it"
"""Said of fields that we never change when we close a ticket."""

_NAMING = frozenset({"accountId", "id", "key", "name", "value"})

LONGEST_CALL = timedelta(seconds=28)
"""What a call to a tracker may take at the very most: a job has 30 seconds."""

WHY_SHORT = f"a call with all its tries must fit into {duration_text(LONGEST_CALL)}, as a job has 30s"


class TrackerSettings(Written):
    """A tracker of any kind. Each kind adds its own words, among them `kind`, `auth` and `search_horizon`.

    Code outside a kind's own modules does not ask which kind a tracker has: it calls the methods below. A place is
    the table, the project or the like that holds tickets; it is empty for a kind that has none.
    """

    sender: ClassVar[Sender]
    """How its deliveries are verified and read. The name of the sender is the word of the kind."""
    title: ClassVar[str]
    """What people call the kind, in messages."""
    place_word: ClassVar[str]
    """The kind's word for a place, in messages and in previews."""
    relates: ClassVar[bool] = False
    """Whether its tickets can be told of tickets of other cases: see Tracker.relate."""
    former_word: ClassVar[str | None] = None
    """The word of mappings.yaml that names former places; None where a ticket's id does not tell its place."""

    url: Address = Field(description="Address of the instance.")
    connect_timeout: Annotated[Duration, at_most(timedelta(seconds=5), WHY_SHORT)] = Field(
        default=timedelta(seconds=3), description="Limit for opening a connection, at most 5s."
    )
    read_timeout: Annotated[Duration, at_most(timedelta(seconds=10), WHY_SHORT)] = Field(
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
    former_sites: list[FormerSite] = Field(
        default_factory=list,
        description="Sites that the tracker was before it moved, by the names that `remedy doctor` has for them. Their "
        "tickets are given up: a case with none here that carries its mark gets a new one.",
    )

    @property
    @abstractmethod
    def longest_call(self) -> timedelta:
        """The longest that one call of the adapter can take, all its requests included; at most LONGEST_CALL."""

    @property
    @abstractmethod
    def secret(self) -> tuple[Words, SecretRef]:
        """The path of the one secret that the worker signs in with, and the secret."""

    @property
    def place(self) -> str:
        """The place of new tickets where the tracker names it, and not the rule; empty otherwise."""
        return ""

    @property
    def former_places(self) -> Collection[str]:
        """Other places that hold tickets of ours; no new tickets are opened there."""
        return ()

    def knows_place(self, place: str) -> bool:
        """Whether the meaning of a ticket's fields in this place is known, by mappings.yaml or by what is built in."""
        return place in {self.place, *self.former_places}

    def place_of_key(self, key: str) -> str:
        """The place that the key of a ticket names; empty where it names none."""
        del key
        return ""

    def person(self, name: str) -> object:
        """A person, in the form that a field of a ticket takes."""
        return name

    @property
    def unsent_closing_fields(self) -> Mapping[str, str]:
        """Fields that a ticket's `close_fields` may name and that are never sent, each with the reason."""
        return {}

    def doubts(self) -> Iterator[tuple[Words, str]]:
        """Words that are valid but probably not meant, each with the reason, for `remedy mappings check`."""
        return iter(())

    @classmethod
    def places_written(cls, written: Mapping[str, object]) -> Iterator[str]:
        """The places that a tracker's map names, whatever else is wrong with it.

        Two trackers that have the same address and one of these places cannot tell their tickets apart. None where
        tickets of all places are found by one search.
        """
        del written
        return iter(())


def is_same_address(one: TrackerSettings, other: TrackerSettings) -> bool:
    """Whether two trackers have the same address, and so are one installation."""
    return str(one.url).rstrip("/") == str(other.url).rstrip("/")


def former_names_of(trackers: Mapping[str, TrackerSettings]) -> dict[str, str]:
    """The former names of these trackers, each with the present name."""
    return {former: name for name, config in trackers.items() for former in config.formerly}


BySeverity = Annotated[dict[Severity, Text], BeforeValidator(for_every_severity)]
Level = Annotated[Literal["1", "2", "3"], BeforeValidator(text_of_number)]
LevelBySeverity = Annotated[dict[Severity, Level], BeforeValidator(for_every_severity)]
_DueSpan = Annotated[Duration, at_most(timedelta(days=3650), "nobody waits for longer")]
DueBySeverity = Annotated[dict[Severity, _DueSpan], BeforeValidator(for_every_severity)]


class TicketSettings(Written):
    """What tickets of every kind have. A word that is not written is taken from `defaults`.

    Each kind adds its own words, among them `fields` and `close_fields`: more fields by the tracker's own names, which
    are refused where they have a word of their own or are set by us.
    """

    needed: ClassVar[tuple[str, ...]] = ()
    """Words that must be written, in the rule or in `defaults`."""
    urgency_fields: ClassVar[tuple[str, ...]] = ()
    """Those of `own_fields` that tell how urgent the ticket is, by the tracker's names: see `Ticket.urgency`."""

    due: DueBySeverity | None = Field(
        default=None,
        description="How long after the finding's first detection, or after the opening of an incident's ticket, it is "
        "due, or one span per severity; counted in days around "
        "the clock.",
    )
    summary: Text | None = Field(default=None, description="Template; the default of `templates` otherwise.")
    body: Text | None = Field(default=None, description="Template; the default of `templates` otherwise.")

    @property
    def place(self) -> str:
        """The place that this ticket names; empty where its tracker's own counts."""
        return ""

    @property
    @abstractmethod
    def more_fields(self) -> Mapping[str, object]:
        """What the rule writes under `fields`: text in it may be a template."""

    @property
    @abstractmethod
    def closing_fields(self) -> Mapping[str, object]:
        """What the rule writes under `close_fields`: text in it may be a template."""

    @abstractmethod
    def own_fields(self, tracker: TrackerSettings, severity: Severity, due: datetime | None) -> dict[str, object]:
        """What the ticket's own words set, by the tracker's names, as its API takes them.

        `due` is in UTC. A severity that a map does not name sets nothing.
        """

    def completed(self, draft: Draft, link: str | None) -> Draft:
        """The draft with what only this kind of ticket has. `link` is the address of the finding's page, if any."""
        del link
        return draft


def for_severity(severity: Severity, words: Mapping[Severity, ValueT] | None) -> ValueT | None:
    """The value of this severity in a map; None where the map has none."""
    return words.get(severity) if words else None


def without_nothing(fields: Mapping[str, object | None]) -> dict[str, object]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def free_fields(fields: dict[str, object], own: Mapping[str, str | None]) -> dict[str, object]:
    """`fields`, if none is in `own`: those that have a word of their own, or (None) are always set by us.

    Raises Misplaced.
    """
    for field, word in own.items():
        if field in fields:
            message = f"has a word of its own: write {word} in the ticket itself" if word else "is always set by us"
            raise Misplaced(message, field, is_key=True)
    return fields


def free_closing_fields(fields: dict[str, object], taken: Mapping[str, str]) -> dict[str, object]:
    """`fields`, if none is in `taken`, which says what else becomes of it. Raises Misplaced."""
    for field, what in taken.items():
        if field in fields:
            raise Misplaced(what, field, is_key=True)
    return fields


def bare(value: object) -> object:
    """The value without the map that Jira puts around names; lists entry by entry."""
    match value:
        case dict() if len(value) == 1 and value.keys() <= _NAMING:
            return bare(next(iter(value.values())))
        case list() | tuple():
            return [bare(entry) for entry in value]
        case _:
            return value
