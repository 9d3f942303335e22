"""Incidents that never happened, and people who never lived.

The same district and number give the same incident. Names, ids and texts about people carry a mark that one can search
for.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from typing import TypeVar
from uuid import UUID

from sandbox.incident_feed.code_lists import code_lists_of
from sandbox.incident_feed.values import (
    ActionTaken,
    Appointment,
    Coded,
    Employee,
    IncidentDetails,
    IncidentType,
    KeptIncident,
    Offender,
    Signed,
    Student,
    Victim,
)
from sandbox.schoolscan.fakes import FAKE_STUDENT_MARK

ZONE = timezone(timedelta(hours=-6))
"""In which the districts live."""

TYPES: tuple[IncidentType, ...] = ("referral", "minor", "pending")

_TYPE_OF: tuple[IncidentType, ...] = ("referral", "minor", "minor", "referral", "minor", "pending")
_FIRST_NAMES = ("Avery", "Devon", "Hayden", "Jordan", "Kendall", "Morgan", "Parker", "Quinn", "Reese", "Skyler")
_LAST_NAMES = ("Testchild", "Fakeman", "Nobody", "Placeholder", "Sampleton", "Inventado", "O'Sample", "Née-Fake")
_TEACHERS = ("Ms. Testteacher", "Mr. Fakeson", "Coach Nobody", "Dr. Placeholder", "Mx. Sample")
_GRADES = ("K", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12")
_GENDERS = ("Female", "Male", "Nonbinary")
_RACES = ("Asian", "Black or African American", "White", "American Indian", "Two or more races", "Pacific Islander")
_ETHNICITIES = ("Hispanic or Latino", "Not Hispanic or Latino")
_SENTENCES = (
    "{name} was asked twice to sit down and left the room instead.",
    "According to {name} it began at the bus stop & went on in the hallway.",
    '{name} said "I don\'t care" and threw a chair; nobody stood closer than <2 m.',
    "The parent of {name} was called at 555-0100 and came at once.",
    "{name} showed a picture of another student to the whole group.",
    "A bag belonging to {name} was searched in the presence of two adults.",
    "The nurse looked after {name}, who went back to class after half an hour.",
    "{name} has an agreement with the counselor, which was not kept to today.",
)
_DAY_MINUTES = 420
_FIRST_LESSON_MINUTES = 8 * 60

Chosen = TypeVar("Chosen")


class Draw:
    """Choices that are always the same for the same words."""

    def __init__(self, *words: object) -> None:
        text = ":".join(map(str, words)).encode()
        self._rest = int.from_bytes(hashlib.sha512(text).digest(), "big")

    def below(self, end: int) -> int:
        """A number from 0 on, less than `end`."""
        self._rest, drawn = divmod(self._rest, end)
        return drawn

    def one(self, of: Sequence[Chosen]) -> Chosen:
        """One of these."""
        return of[self.below(len(of))]

    def word(self, of: Mapping[str, str]) -> Coded:
        """One word of a list."""
        return Coded(*self.one(tuple(of.items())))

    def words(self, of: Mapping[str, str], most: int) -> tuple[Coded, ...]:
        """Up to so many words of a list, each of them once."""
        drawn = dict.fromkeys(self.word(of) for _ in range(self.below(most + 1)))
        return tuple(drawn)


def drawn_incident(district: str, number: int, day: date) -> KeptIncident:
    """The district's incident with this number, as it is written down on the day when it happens."""
    draw = Draw("incident", district, number)
    uuid = str(UUID(int=draw.below(2**128), version=4))
    written = datetime.combine(day, time(), ZONE) + timedelta(
        minutes=_FIRST_LESSON_MINUTES, seconds=draw.below(8 * 3600)
    )
    kind = _TYPE_OF[number % len(_TYPE_OF)]
    return KeptIncident(district, number, uuid, kind, day, written, written)


def drawn_details(incident: KeptIncident) -> IncidentDetails:
    """Everything else about it, before anybody changed anything."""
    draw = Draw("details", incident.district, incident.number)
    words = code_lists_of(incident.district)
    writer = _signed(draw, incident.district, incident.written_at)
    offenders = tuple(drawn_offender(incident, place) for place in range(1 + (draw.below(4) == 0)))
    victims = tuple(drawn_victim(incident, place) for place in range(max(draw.below(5) - 2, 0)))
    return IncidentDetails(
        date=incident.happened_on,
        time=(incident.written_at - timedelta(minutes=draw.below(60))).time().replace(second=0),
        written_by=writer,
        school=draw.word(words.schools),
        location=draw.word(words.locations),
        subject=draw.word(words.subjects) if draw.below(4) else None,
        arrangement=draw.word(words.arrangements) if draw.below(4) else None,
        offense=draw.word(words.offenses),
        description=_description(draw, offenders),
        attributes=draw.words(words.attributes, 1),
        offenders=offenders,
        victims=victims,
    )


def drawn_offender(incident: KeptIncident, place: int) -> Offender:
    """The student at this place of the list."""
    draw = Draw("offender", incident.district, incident.number, place)
    words = code_lists_of(incident.district)
    return Offender(
        student=_student(draw, incident.district),
        injury=draw.word(words.injuries) if draw.below(3) else None,
        offenses=draw.words(words.offenses, 2) or (draw.word(words.offenses),),
        weapons=() if draw.below(8) else (draw.word(words.weapons),),
        actions=tuple(drawn_action(incident, place, turn) for turn in range(1 + draw.below(3))),
    )


def drawn_victim(incident: KeptIncident, place: int) -> Victim:
    """Who suffered, at this place of the list."""
    draw = Draw("victim", incident.district, incident.number, place)
    words = code_lists_of(incident.district)
    person = _employee(draw, incident.district) if draw.below(4) == 0 else _student(draw, incident.district)
    return Victim(person, draw.word(words.injuries), draw.words(words.attributes, 1))


def drawn_action(incident: KeptIncident, place: int, turn: int) -> ActionTaken:
    """One of the things that are done about the offender at this place."""
    draw = Draw("action", incident.district, incident.number, place, turn)
    words = code_lists_of(incident.district)
    kind = draw.word(words.actions)
    days = draw.below(4)
    first = incident.happened_on + timedelta(days=1)
    return ActionTaken(
        kind=kind,
        cost=draw.below(3) == 0,
        name=kind.label,
        duration=days / 2 if days else None,
        day_length=_DAY_MINUTES,
        schedule=tuple(_appointment(draw, first + timedelta(days=offset)) for offset in range(days)),
        details=" ".join(_sentence(draw, _person_name(draw)) for _ in range(3)),
        attributes=draw.words(words.attributes, 1),
        assigned_by=_signed(draw, incident.district, incident.written_at + timedelta(hours=1 + draw.below(4))),
    )


def _appointment(draw: Draw, day: date) -> Appointment:
    return Appointment(day, time(8, 15), time(15, 15), draw.below(2) == 0)


def _student(draw: Draw, district: str) -> Student:
    return Student(
        district_id=_person_id(draw, "S", district),
        name=_person_name(draw),
        grade=draw.one(_GRADES),
        gender=draw.one(_GENDERS),
        race=draw.one(_RACES),
        ethnicity=draw.one(_ETHNICITIES),
        iep=draw.below(6) == 0,
        plan=draw.below(8) == 0,
        ell=draw.below(5) == 0,
        homeless=draw.below(30) == 0,
        foster=draw.below(30) == 0,
        frpl=draw.below(3) == 0,
    )


def _employee(draw: Draw, district: str) -> Employee:
    return Employee(_person_id(draw, "E", district), f"{draw.one(_TEACHERS)} {FAKE_STUDENT_MARK}staff")


def _signed(draw: Draw, district: str, at: datetime) -> Signed:
    who = _employee(draw, district)
    return Signed(who.name, who.district_id, at)


def _person_id(draw: Draw, kind: str, district: str) -> str:
    return f"{FAKE_STUDENT_MARK}{kind}-{district}-{draw.below(10_000):04d}"


def _person_name(draw: Draw) -> str:
    return f"{draw.one(_FIRST_NAMES)} {draw.one(_LAST_NAMES)} {FAKE_STUDENT_MARK}name"


def _description(draw: Draw, offenders: Sequence[Offender]) -> str:
    names = [offender.student.name for offender in offenders]
    return " ".join(_sentence(draw, draw.one(names)) for _ in range(4 + draw.below(6)))


def _sentence(draw: Draw, name: str) -> str:
    return draw.one(_SENTENCES).format(name=name)
