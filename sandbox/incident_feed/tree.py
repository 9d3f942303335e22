"""An incident as a tree of named nodes, in the vendor's shape. How its values are written is left to the spelling.

The vendor's page has the names and the nesting, but `attributes`, of which it says that it counts what it holds: its
children are taken to be `attribute` with a code and a label, as those of `weapons` are.
"""

from collections.abc import Sequence
from datetime import date, datetime, time
from enum import Enum
from typing import NamedTuple

from sandbox.incident_feed.values import (
    ActionTaken,
    Appointment,
    Coded,
    Employee,
    IncidentDetails,
    KeptIncident,
    Offender,
    Signed,
    Student,
    Victim,
)


class Flag(Enum):
    """What the vendor's page shows as an integer that is there where something holds."""

    SET = True
    UNSET = False


Value = str | int | float | bool | date | time | datetime | Flag


class Node(NamedTuple):
    """An element: its attributes in order, and a value or other elements in it."""

    name: str
    attributes: tuple[tuple[str, Value], ...] = ()
    value: Value | None = None
    children: tuple["Node", ...] = ()


def incident_node(incident: KeptIncident, details: IncidentDetails) -> Node:
    """The whole member of a page."""
    attributes = (
        ("uuid", incident.uuid),
        ("type", incident.type),
        ("last-modified", incident.modified_at),
        ("deleted", Flag(incident.is_deleted)),
        ("bounced", Flag(incident.is_bounced)),
    )
    children = (
        _text("date", details.date),
        _text("time", details.time),
        _signed("written-by", details.written_by),
        _coded("school", details.school),
        _coded("location", details.location),
        _coded("subject", details.subject),
        _coded("arrangement", details.arrangement),
        _coded("offense", details.offense),
        _text("description", details.description),
        _listed("attributes", _coded_all("attribute", details.attributes)),
        _listed("offenders", [_offender(each) for each in details.offenders]),
        _listed("victims", [_victim(each) for each in details.victims]),
    )
    return Node("incident", attributes, children=_present(*children))


def _offender(offender: Offender) -> Node:
    children = (
        _student(offender.student),
        _listed("offenses", _coded_all("offense", offender.offenses)),
        _listed("weapons", _coded_all("weapon", offender.weapons)),
        _coded("injury", offender.injury),
        _listed("actions", [_action(each) for each in offender.actions]),
    )
    return Node("offender", children=_present(*children))


def _victim(victim: Victim) -> Node:
    person = _student(victim.person) if isinstance(victim.person, Student) else _employee(victim.person)
    injury = _coded("injury", victim.injury)
    attributes = _listed("attributes", _coded_all("attribute", victim.attributes))
    return Node("victim", children=_present(person, injury, attributes))


def _employee(employee: Employee) -> Node:
    return Node("employee", (("district-id", employee.district_id),), employee.name)


def _student(student: Student) -> Node:
    names = ("name", "grade", "gender", "race", "ethnicity", "iep", "plan", "ell", "homeless", "foster", "frpl")
    children = tuple(Node(name, value=getattr(student, name)) for name in names)
    return Node("student", (("district-id", student.district_id),), children=children)


def _action(action: ActionTaken) -> Node:
    days = (("day-length", action.day_length),)
    children = (
        _text("name", action.name),
        None if action.duration is None else Node("duration", days, action.duration),
        _listed("schedule", [_appointment(each) for each in action.schedule]),
        _text("details", action.details),
        _listed("attributes", _coded_all("attribute", action.attributes)),
        _signed("assigned-by", action.assigned_by),
    )
    return Node("action", (("code", action.kind.code), ("cost", action.cost)), children=_present(*children))


def _appointment(event: Appointment) -> Node:
    named = (("date", event.date), ("start", event.start), ("end", event.end), ("served", event.served))
    return Node("event", children=tuple(Node(name, value=value) for name, value in named))


def _listed(name: str, children: Sequence[Node]) -> Node | None:
    """A node that counts its children; where there are none, there is no such node."""
    return Node(name, (("count", len(children)),), children=tuple(children)) if children else None


def _coded_all(name: str, words: Sequence[Coded]) -> list[Node]:
    return [Node(name, (("code", word.code),), word.label) for word in words]


def _coded(name: str, word: Coded | None) -> Node | None:
    return Node(name, (("code", word.code),), word.label) if word else None


def _signed(name: str, signed: Signed | None) -> Node | None:
    if signed is None:
        return None
    return Node(name, (("datetime", signed.at), ("district-id", signed.district_id)), signed.name)


def _text(name: str, value: Value | None) -> Node | None:
    return None if value is None else Node(name, value=value)


def _present(*nodes: Node | None) -> tuple[Node, ...]:
    return tuple(node for node in nodes if node is not None)
