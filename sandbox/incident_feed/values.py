"""The things an incident is made of. None stands for a node or an attribute that the feed leaves out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, Literal

Clock = Callable[[], float]
"""Unix seconds."""

IncidentType = Literal["referral", "minor", "pending"]
Changes = Mapping[str, Any]
"""What a person changes in an incident; sandbox/incident_feed/changes.py has its words."""


@dataclass(frozen=True, slots=True)
class KeptIncident:
    """What the feed lists, filters and orders by. All else is drawn from the number, with `changes` put over it.

    `is_withheld`: the feed does not list it for now, and does not say why.
    """

    district: str
    number: int
    uuid: str
    type: IncidentType
    happened_on: date
    written_at: datetime
    modified_at: datetime
    is_deleted: bool = False
    is_bounced: bool = False
    is_withheld: bool = False
    changes: Changes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Coded:
    """A word of the district's own lists: its code, and the label that people read."""

    code: str
    label: str


@dataclass(frozen=True, slots=True)
class Signed:
    """Who did something, and when."""

    name: str
    district_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Student:
    """A student who never lived."""

    district_id: str
    name: str
    grade: str
    gender: str
    race: str
    ethnicity: str
    iep: bool
    plan: bool
    ell: bool
    homeless: bool
    foster: bool
    frpl: bool


@dataclass(frozen=True, slots=True)
class Employee:
    """A member of staff who never lived."""

    district_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Appointment:
    """One appointment of an action."""

    date: date
    start: time
    end: time
    served: bool


@dataclass(frozen=True, slots=True)
class ActionTaken:
    """What the school did about it. `duration` counts days of `day_length` minutes."""

    kind: Coded
    cost: bool
    name: str
    duration: float | None
    day_length: int
    schedule: tuple[Appointment, ...]
    details: str | None
    attributes: tuple[Coded, ...]
    assigned_by: Signed


@dataclass(frozen=True, slots=True)
class Offender:
    """One student's part in it."""

    student: Student
    injury: Coded | None
    offenses: tuple[Coded, ...]
    weapons: tuple[Coded, ...]
    actions: tuple[ActionTaken, ...]


@dataclass(frozen=True, slots=True)
class Victim:
    """Who suffered."""

    person: Student | Employee
    injury: Coded | None
    attributes: tuple[Coded, ...]


@dataclass(frozen=True, slots=True)
class IncidentDetails:
    """All that the feed says of an incident beside the attributes of its node."""

    date: date | None
    time: time | None
    written_by: Signed | None
    school: Coded | None
    location: Coded | None
    subject: Coded | None
    arrangement: Coded | None
    offense: Coded | None
    description: str | None
    attributes: tuple[Coded, ...]
    offenders: tuple[Offender, ...]
    victims: tuple[Victim, ...]
