"""Incidents as people write them: in test cases, and in questions about rules."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError

from remediation.domain.errors import ConfigurationError, Problem
from remediation.domain.incidents import Incident, IncidentType
from remediation.domain.status import Status
from remediation.mapping.config.suggestions import did_you_mean, with_choice
from remediation.mapping.config.words import Code, Text, Written, as_codes
from remediation.mapping.reading.document import read_document
from remediation.mapping.reading.messages import complaints_of
from remediation.mapping.reading.positions import path_text
from remediation.redaction import plain

Day = date
_DAY = "2026-04-15"
_LISTS = frozenset({"offense", "weapon", "injury", "action"})
_NUMBERS = frozenset({"offenders", "victims"})
_DELETED = {"true": True, "yes": True, "false": False, "no": False}


def day_of_incident(value: object) -> Day:
    """The day that is written; a date is given back. ValueError says what is allowed."""
    if isinstance(value, Day):
        return value
    try:
        return Day.fromisoformat(value if isinstance(value, str) and len(value) == len(_DAY) else "")
    except ValueError:
        raise ValueError(f"must be a day such as {_DAY}") from None


def as_code(value: object) -> object:
    """One code, which is text."""
    as_codes(value)
    return value


SampleCodes = Annotated[list[Code], BeforeValidator(as_codes)]


class SampleIncident(Written):
    """An incident in the words of conditions, and what its feed says beside them."""

    id: Text = "inc_test"
    status: Literal[Status.OPEN, Status.REVIEWING, Status.RESOLVED, Status.ACCEPTED_RISK] = Status.OPEN
    deleted: bool = Field(default=False, strict=True)
    type: IncidentType = IncidentType.UNKNOWN
    date: Annotated[Day, BeforeValidator(day_of_incident)] | None = None
    school: Annotated[Code, BeforeValidator(as_code)] | None = None
    offense: SampleCodes = Field(default_factory=list)
    weapon: SampleCodes = Field(default_factory=list)
    injury: SampleCodes = Field(default_factory=list)
    action: SampleCodes = Field(default_factory=list)
    offenders: int = Field(default=0, ge=0, strict=True)
    victims: int = Field(default=0, ge=0, strict=True)

    @property
    def incident(self) -> Incident:
        """The incident that it stands for."""
        return Incident(
            uuid=self.id,
            type=self.type,
            is_deleted=self.deleted,
            day=self.date,
            school=self.school,
            offenses=_sorted(self.offense),
            weapons=_sorted(self.weapon),
            injuries=_sorted(self.injury),
            actions=_sorted(self.action),
            offenders=self.offenders,
            victims=self.victims,
        )


def samples_of(text: str, where: str) -> list[SampleIncident]:
    """The incidents in a text: one map of words, or a list of such maps, in YAML or JSON. Raises ConfigurationError."""
    document = read_document(text, where)
    if document.data is None and not document.complaints:
        raise ConfigurationError([Problem(where, "is empty: write an incident in words, such as type: referral", 1, 1)])
    data = document.data if isinstance(document.data, list) else [document.data]
    samples, complaints = [], list(document.complaints)
    for number, each in enumerate(data):
        steps = (number,) if isinstance(document.data, list) else ()
        try:
            samples.append(SampleIncident.model_validate(each))
        except ValidationError as error:
            found = complaints_of(error.errors(include_url=False), each, SampleIncident)
            complaints += [replace(one, steps=(*steps, *one.steps)) for one in found]
    if complaints:
        raise ConfigurationError(document.positions.problems(where, complaints))
    return samples


def sample_of(pairs: Iterable[str]) -> SampleIncident:
    """The incident of which words are said as `weapon=gun`; a word of codes may come several times.

    ValueError says what is wrong.
    """
    words: dict[str, object] = {}
    codes: dict[str, list[str]] = {}
    for pair in pairs:
        word, equals, value = (part.strip() for part in pair.partition("="))
        known = SampleIncident.model_fields
        if word not in known:
            said = with_choice(f"there is no word {plain(word, 40)}", did_you_mean(word, known), "there is", known)
            raise ValueError(said)
        if not equals:
            raise ValueError(f"must be WORD=VALUE: write {word}=… with its value")
        if word in _LISTS:
            codes.setdefault(word, []).append(value)
        elif word in words:
            raise ValueError(f"{word} is said twice")
        else:
            words[word] = _read(word, value)
    return _valid({**words, **codes})


def _read(word: str, value: str) -> object:
    if word in _NUMBERS and value.isdecimal() and value.isascii():
        return int(value)
    return _DELETED.get(value.lower(), value) if word == "deleted" else value


def _valid(words: Mapping[str, object]) -> SampleIncident:
    try:
        return SampleIncident.model_validate(words)
    except ValidationError as error:
        found = complaints_of(error.errors(include_url=False), words, SampleIncident)
        said = "; ".join(f"{path_text(one.steps)} {one.message}" for one in found)
        raise ValueError(said) from None


def _sorted(codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(codes)))
