"""What a rule's ticket has in mappings.yaml, whatever the kind of its tracker, and what its class must tell."""

from abc import abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import BeforeValidator, Field

from remediation.domain.status import Severity
from remediation.domain.tickets import Draft
from remediation.mapping.config.trackers.tracker_settings import TrackerSettings
from remediation.mapping.config.words import Duration, Text, Written, at_most, for_every_severity, text_of_number

ValueT = TypeVar("ValueT")

BySeverity = Annotated[dict[Severity, Text], BeforeValidator(for_every_severity)]
Level = Annotated[Literal["1", "2", "3"], BeforeValidator(text_of_number)]
LevelBySeverity = Annotated[dict[Severity, Level], BeforeValidator(for_every_severity)]
DueSpan = Annotated[Duration, at_most(timedelta(days=3650), "nobody waits for longer")]
DueBySeverity = Annotated[dict[Severity, DueSpan], BeforeValidator(for_every_severity)]


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
        description="How long after its first detection it is due, or one span per severity; counted in days around "
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
    """What a map by severity has for this one; None where it has nothing."""
    return words.get(severity) if words else None


def without_nothing(fields: Mapping[str, object | None]) -> dict[str, object]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def free_fields(fields: dict[str, object], own: Mapping[str, str | None]) -> dict[str, object]:
    """`fields`, if none is in `own`: those that have a word of their own, or (None) are always set by us.

    Raises ValueError.
    """
    for field, word in own.items():
        if field in fields:
            raise ValueError(f"{field} belongs to the ticket's own {word}" if word else f"{field} is always set by us")
    return fields


def free_closing_fields(fields: dict[str, object], taken: Mapping[str, str]) -> dict[str, object]:
    """`fields`, if none is in `taken`, which says what else becomes of it. Raises ValueError."""
    for field, what in taken.items():
        if field in fields:
            raise ValueError(f"{field} {what}")
    return fields


PEOPLES_OWN = "is left as people set it"
"""What becomes of fields that we never touch when we close a ticket."""
