"""What asking a tracker or SchoolScan found about mappings.yaml: which word, whether it is right, what to do."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Generic, TypeVar

from remediation.domain.errors import NotFound, OutsideError, Refused, TryLater, Waiting
from remediation.domain.status import Severity
from remediation.mapping.config.schema import Mappings
from remediation.mapping.config.suggestions import did_you_mean, listed
from remediation.mapping.config.trackers.tracker_settings import TicketSettings
from remediation.mapping.reading.positions import Steps
from remediation.mapping.rules.coverage import severities_left
from remediation.redaction import plain

TicketT = TypeVar("TicketT", bound=TicketSettings)
ValueT = TypeVar("ValueT")

_MOST_LISTED = 12
_LONGEST_NAME = 80


class InspectionOutcome(StrEnum):
    """How a question about a word was answered."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "unknown"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Inspection:
    """One question and its answer. `where` is the word of mappings.yaml that it is about; `advice` says what to do."""

    where: Steps
    outcome: InspectionOutcome
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """One value that a rule gives to a field. `always`: whatever the finding's severity, the field gets a value."""

    where: Steps
    value: object
    always: bool = True


@dataclass(frozen=True, slots=True)
class Wanted(Generic[TicketT]):
    """A rule's ticket in one tracker, where it is written, and the severities that its rule can take."""

    where: Steps
    ticket: TicketT
    severities: tuple[Severity, ...]

    def at(self, *words: str) -> Steps:
        """The way to one of its words."""
        return (*self.where, *words)

    def by_severity(self, word: str, values: Mapping[Severity, ValueT] | None) -> Iterator[Setting]:
        """A setting for each different value, at the place where it is written first."""
        given = values or {}
        always = all(severity in given for severity in self.severities)
        first: dict[ValueT, Severity] = {}
        for severity, value in given.items():
            first.setdefault(value, severity)
        return (Setting(self.at(word, severity.value), value, always) for value, severity in first.items())


def tickets_in(mappings: Mappings, tracker: str, kind: type[TicketT]) -> tuple[Wanted[TicketT], ...]:
    """Every rule's ticket in this tracker, in the order of the rules, and those of scans' summaries."""
    summaries = (
        Wanted(("districts", name, "scan_summary", "tickets", tracker), ticket, (Severity.UNKNOWN,))
        for name, district in mappings.districts.items()
        if district.scan_summary and isinstance(ticket := district.scan_summary.tickets.get(tracker), kind)
    )
    ruled = (
        Wanted(("rules", number, "tickets", tracker), ticket, tuple(severities))
        for number, (rule, severities) in enumerate(zip(mappings.rules, severities_left(mappings), strict=True))
        if isinstance(ticket := rule.tickets.get(tracker), kind)
    )
    return (*ruled, *summaries)


def right(where: Steps, message: str) -> Inspection:
    """An inspection: the system agrees with the file."""
    return Inspection(where, InspectionOutcome.OK, message)


def wrong(where: Steps, message: str, advice: str = "") -> Inspection:
    """An inspection: the system does not agree with the file."""
    return Inspection(where, InspectionOutcome.WRONG, message, advice)


def untold(where: Steps, message: str, advice: str = "") -> Inspection:
    """An inspection: the system does not show whether it agrees with the file."""
    return Inspection(where, InspectionOutcome.UNKNOWN, message, advice)


def unanswered(where: Steps, question: str, error: OutsideError) -> Inspection:
    """An inspection without an answer: UNKNOWN where the question was refused, UNREACHABLE where to ask again later."""
    if isinstance(error, Refused):
        return untold(where, f"{question}: {error}")
    return Inspection(where, InspectionOutcome.UNREACHABLE, f"{question}: {error}", "ask again later")


def signed_out(address: Steps, secret: Steps, error: OutsideError, advice: str = "") -> Inspection:
    """What it means that the first question, who we are, failed: which of the two words is to blame.

    `advice` says what else to look at where the secret is.
    """
    if isinstance(error, NotFound) or error.status == HTTPStatus.NOT_FOUND:
        return wrong(address, f"is not the address of its API ({error})", "compare it with a browser's")
    if isinstance(error, Refused) or (isinstance(error, TryLater) and error.waiting is Waiting.SIGN_IN):
        usual = "is the secret still valid, and of this system?"
        return wrong(secret, f"does not sign in ({error})", f"{usual} {advice}".strip())
    return Inspection(address, InspectionOutcome.UNREACHABLE, f"is not reachable ({error})", "try again later")


def choice_of(words: Iterable[str], word: str) -> str:
    """The names that exist in place of a word that does not, as the end of a sentence."""
    given = tuple(words)
    return f"there is {named_of(given)}{did_you_mean(word, [shown(each) for each in given])}"


def named_of(words: Iterable[str]) -> str:
    """These names in order; of many, the first and how many more there are."""
    names = sorted({shown(each) for each in words})
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return f"{listed(names[:_MOST_LISTED])}{more}"


def shown(text: str) -> str:
    """A name that comes from outside or from the file, as it may stand in a message."""
    return plain(text, _LONGEST_NAME)
