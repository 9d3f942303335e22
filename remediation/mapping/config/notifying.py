"""The channels by which people are told that something needs them, as types."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, field_validator, model_validator

from remediation.mapping.config.incident_feeds import TimeOfDay, Zone
from remediation.mapping.config.references import SecretRef
from remediation.mapping.config.words import Duration, Name, Written, as_list, at_least, at_most

MOST_CHANNELS = 20
"""A round gives each of them some seconds, several at a time (see workers/rounds/notifying.py)."""

_LONGEST_WAIT = timedelta(days=1)
_LONGEST_REPEAT = timedelta(days=30)


class NoticeKind(StrEnum):
    """What people can be told of."""

    PARKED = "parked"
    SIGN_IN = "sign_in"
    STANDING_STILL = "standing_still"
    FEEDS = "feeds"
    SENDERS = "senders"
    SECRETS = "secrets"
    RISKS = "risks"


class Weekday(StrEnum):
    """A day of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"

    @property
    def number(self) -> int:
        """Its number as datetime counts: Monday is 0."""
        return list(Weekday).index(self)


class WeeklyTime(Written):
    """When a channel is sent the figures of the past week, a message for each district."""

    day: Weekday = Field(default=Weekday.MONDAY, description="The day of the week.")
    at: TimeOfDay = Field(default=time(8, 0), description="The time of that day, by the clock of `time_zone`.")
    time_zone: Zone = Field(default="UTC", description="The time zone of `day` and `at`.")

    def moment_before(self, now: float) -> float:
        """The last moment (Unix seconds) at or before `now` at which they are due."""
        zone = ZoneInfo(self.time_zone)
        here = datetime.fromtimestamp(now, zone)
        day = here.date() - timedelta(days=(here.weekday() - self.day.number) % 7)
        due = datetime.combine(day, self.at, zone).timestamp()
        return due if due <= now else datetime.combine(day - timedelta(days=7), self.at, zone).timestamp()


def _each_once(written: Sequence[str]) -> None:
    if len(set(written)) != len(written):
        raise ValueError("must not name one twice")


class NotifyChannel(Written):
    """One way to people: an e-mail address, a chat's channel, a webhook."""

    url: SecretRef = Field(description="The address in the form that Apprise reads, such as mailtos://…; it is secret.")
    about: Annotated[list[NoticeKind], BeforeValidator(as_list)] = Field(
        default=list(NoticeKind), description="What is told: troubles of these kinds, and accepted risks that end soon."
    )
    districts: Annotated[list[Name], Field(min_length=1), BeforeValidator(as_list)] | None = Field(
        default=None, description="Only what is of these districts, or of none; left out, of all."
    )
    per_hour: int = Field(
        default=4, ge=1, le=60, strict=True, description="How many messages there may be within an hour."
    )
    after: Annotated[Duration, at_most(_LONGEST_WAIT, "it is to be told while it matters")] = Field(
        default=timedelta(minutes=5),
        description="How long a trouble must have been there, or have been gone, before that is told.",
    )
    repeat: Annotated[
        Duration, at_least(timedelta(hours=1)), at_most(_LONGEST_REPEAT, "what stands must not be forgotten")
    ] = Field(default=timedelta(days=3), description="How long after it was told a trouble that stands is told again.")
    weekly: WeeklyTime | None = Field(
        default=None, description="When the figures of the past week are sent; left out, they are not."
    )

    @field_validator("about", "districts")
    @classmethod
    def _names_each_once(cls, written: list[str] | None) -> list[str] | None:
        _each_once(written or ())
        return written

    @model_validator(mode="after")
    def _tells_something(self) -> Self:
        if not self.about and self.weekly is None:
            raise ValueError("tells nothing: it is about nothing, and has no weekly figures")
        return self
