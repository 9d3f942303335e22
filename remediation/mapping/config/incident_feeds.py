"""A district's feeds of incidents, as types: where each is, how we sign in to it, and when it is read."""

import re
from datetime import date, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl

from remediation.domain.walks import SchoolYear, Timetable
from remediation.mapping.config.references import SecretRef
from remediation.mapping.config.words import Address, Duration, Link, Written, at_least, at_most

_LEAP_YEAR = 2024
_MONTH_DAY = re.compile(r"([0-9]{2})-([0-9]{2})")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2})")


def month_day_of(value: object) -> SchoolYear:
    """The school years that begin on the day that is written; a SchoolYear is given back. Raises ValueError."""
    if isinstance(value, SchoolYear):
        return value
    written = _MONTH_DAY.fullmatch(value) if isinstance(value, str) else None
    try:
        begins = date(_LEAP_YEAR, int(written[1]), int(written[2])) if written else None
    except ValueError:
        begins = None
    if begins is None:
        raise ValueError('must be a month and a day, such as "08-01"')
    return SchoolYear(begins.month, begins.day)


def time_of_day(value: object) -> time:
    """The time that is written; a time is given back. ValueError says what is allowed."""
    if isinstance(value, time):
        return value
    written = _TIME.fullmatch(value) if isinstance(value, str) else None
    try:
        return time(int(written[1]), int(written[2])) if written else time.fromisoformat("")
    except ValueError:
        raise ValueError('must be a time of the day, such as "02:00"') from None


def known_zone(name: str) -> str:
    """`name`, if it is a time zone that this machine knows. ValueError says what is allowed."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of zones
        raise ValueError("must be a time zone by its name, such as America/Chicago or UTC") from None
    return name


Begins = Annotated[SchoolYear, BeforeValidator(month_day_of, json_schema_input_type=str)]
TimeOfDay = Annotated[time, BeforeValidator(time_of_day, json_schema_input_type=str)]
Zone = Annotated[str, AfterValidator(known_zone)]


class SchoolYearWords(Written):
    """The school year, which is read as a whole every night."""

    begins: Begins = Field(default=SchoolYear(8, 1), description="The month and the day on which school years begin.")


class IncidentFeed(Written):
    """A feed of incidents: one account's list, which is asked again and again for what has changed."""

    url: Address = Field(
        default=HttpUrl("https://api.educatorshandbook.com/public/v1"), description="Base address of the API."
    )
    token: SecretRef = Field(description="The client's access token for this feed alone.")
    school_year: SchoolYearWords = Field(default_factory=SchoolYearWords)
    time_zone: Zone = Field(
        default="UTC", description="The feed's time zone: what today is, and when a date without a zone is."
    )
    every: Annotated[
        Duration,
        at_least(timedelta(minutes=1)),
        at_most(timedelta(days=1), "the whole school year is read every night"),
    ] = Field(default=timedelta(minutes=10), description="How often what is new is asked for.")
    overlap: Annotated[
        Duration, at_least(timedelta(days=1)), at_most(timedelta(days=366), "the whole school year is read every night")
    ] = Field(default=timedelta(days=7), description="How many days back each of these questions reaches.")
    sweep_at: TimeOfDay = Field(
        default=time(2, 0), description="When the whole school year is read, by the clock of `time_zone`."
    )
    incident_link: Link | None = Field(
        default=None, description="Address of an incident's page for people; {id} stands for the incident's id."
    )

    @property
    def timetable(self) -> Timetable:
        """When it is read, and how much of it."""
        return Timetable(ZoneInfo(self.time_zone), self.school_year.begins, self.every, self.overlap, self.sweep_at)
