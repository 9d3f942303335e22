"""The file of test cases for mappings.yaml: findings and incidents, and what the rules must make of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from remediation.domain.errors import ConfigurationError, Problem
from remediation.domain.findings import DomainType
from remediation.domain.status import Severity
from remediation.mapping.config.policies import PolicyWords
from remediation.mapping.config.rules import RuledSeverity
from remediation.mapping.config.words import Duration, Label, Name, SiteName, Text, Written, as_list
from remediation.mapping.explain.incident_samples import SampleIncident
from remediation.mapping.reading.document import read_document
from remediation.mapping.reading.loading import text_of_file
from remediation.mapping.reading.messages import complaints_of
from remediation.mapping.reading.positions import Complaint, LineColumn, Positions, Steps


def _moment_of(value: object) -> object:
    """The moment that ISO 8601 text says; without an offset it is UTC."""
    if isinstance(value, datetime):
        return value
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError("must be a date and time such as 2026-04-15T14:02:00Z")
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999 in UTC") from None


def _as_exact_text(value: object) -> object:
    """A map for a text that is written by itself: the whole text is expected."""
    return {"exactly": value} if isinstance(value, str) else value


Moment = Annotated[datetime, BeforeValidator(_moment_of)]


class CaseFinding(Written):
    """A finding in SchoolScan's words: those that rules and tickets can speak of."""

    id: Text = "fnd_test"
    status: Literal["open", "reviewing", "resolved", "accepted_risk", "unknown"] = "open"
    severity: Severity | None = None
    domain_type: DomainType | None = None
    scan_id: Text | None = None
    title: Text | None = None
    url: Text | None = None
    detected_at: Moment | None = None
    updated_at: Moment | None = None


class ExpectedText(Written):
    """What a text must be, must contain, and must not contain."""

    exactly: str | None = None
    contains: Annotated[list[Text], BeforeValidator(as_list)] = Field(default_factory=list)
    lacks: Annotated[list[Text], BeforeValidator(as_list)] = Field(default_factory=list)


class ExpectedTicket(Written):
    """What a ticket must say: words of mappings.yaml, and other fields by their tracker's own names."""

    model_config = ConfigDict(extra="allow")

    summary: Annotated[ExpectedText, BeforeValidator(_as_exact_text)] | None = None
    body: Annotated[ExpectedText, BeforeValidator(_as_exact_text)] | None = None
    labels: Annotated[list[Label], BeforeValidator(as_list)] | None = None


class ExpectedRelation(Written):
    """With which findings its tickets must be linked: over how many days, and on which sites, in any order."""

    within: Duration | None = None
    sites: Annotated[list[SiteName], BeforeValidator(as_list)] | None = None


class Expected(PolicyWords):
    """What must become of it. `tickets` names all tickets; of their words, only those written are compared."""

    rule: Name
    severity: RuledSeverity | None = None
    relate: ExpectedRelation | None = None
    tickets: dict[Name, ExpectedTicket] | None = None


class Case(Written):
    """One finding or incident of one district at one moment, and what must become of it."""

    name: Text
    district: Name | None = None
    at: Moment | None = None
    finding: CaseFinding | None = None
    incident: SampleIncident | None = None
    expect: Expected

    @model_validator(mode="after")
    def _has_one_subject(self) -> Self:
        if (self.finding is None) == (self.incident is None):
            raise ValueError("must have either a finding or an incident")
        return self


class Cases(Written):
    """The whole file."""

    cases: list[Case] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class LoadedCases:
    """A valid file of cases, and the positions of its values."""

    where: str
    cases: tuple[Case, ...]
    positions: Positions

    def problem(self, steps: Steps, message: str) -> Problem:
        """An error about one of its values that was found later."""
        return self.positions.problem(self.where, Complaint(steps, message))

    def place(self, number: int) -> LineColumn:
        """The position of a case, by its number from 0."""
        return self.positions.place(("cases", number))


def load_cases(path: Path) -> LoadedCases:
    """The cases of the file at `path`. Raises ConfigurationError with everything that is wrong with it."""
    return cases_of(text_of_file(path).removeprefix("\ufeff"), str(path))


def cases_of(text: str, where: str) -> LoadedCases:
    """The cases in `text`; `where` is the file's name in messages. Raises ConfigurationError."""
    document = read_document(text, where)
    if document.data is None:
        raise ConfigurationError([Problem(where, "is empty", 1, 1)])
    cases, complaints = _validated(document.data)
    complaints += [*document.complaints, *_repeated_names(cases)]
    if complaints:
        raise ConfigurationError(document.positions.problems(where, complaints))
    return LoadedCases(where, cases, document.positions)


def _validated(data: object) -> tuple[tuple[Case, ...], list[Complaint]]:
    try:
        return tuple(Cases.model_validate(data).cases), []
    except ValidationError as error:
        return (), complaints_of(error.errors(include_url=False), data, Cases)


def _repeated_names(cases: tuple[Case, ...]) -> Iterator[Complaint]:
    first: dict[str, int] = {}
    for number, case in enumerate(cases):
        if first.setdefault(case.name, number) != number:
            yield Complaint(("cases", number, "name"), f"is already the name of cases[{first[case.name]}]")
