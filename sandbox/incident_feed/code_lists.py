"""The districts' own lists of codes. No code means the same in two districts."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache

from sandbox.incident_feed.values import Coded

SPEAKING_DISTRICT = "lakeside"
"""The sandbox's first district has codes that a reader of its rules understands; others have numbers."""


@dataclass(frozen=True, slots=True)
class CodeLists:
    """The lists of one district: label by code."""

    schools: Mapping[str, str]
    locations: Mapping[str, str]
    subjects: Mapping[str, str]
    arrangements: Mapping[str, str]
    offenses: Mapping[str, str]
    weapons: Mapping[str, str]
    injuries: Mapping[str, str]
    actions: Mapping[str, str]
    attributes: Mapping[str, str]

    def word(self, name: str, code: str) -> Coded:
        """A code of one of the lists. One that is not in it has a label all the same: districts add codes."""
        listed: Mapping[str, str] = getattr(self, name)
        return Coded(code, listed.get(code, f"Other ({code})"))


_SPEAKING = CodeLists(
    schools={
        "LHS": "Lakeside High School",
        "LMS": "Lakeside Middle School",
        "NES": "North Shore Elementary",
        "ALT": "Harbor Alternative Center",
    },
    locations={
        "CLASS": "Classroom",
        "HALL": "Hallway",
        "CAFE": "Cafeteria",
        "BUS": "School bus",
        "GYM": "Gymnasium",
        "REST": "Restroom",
        "LOT": "Parking lot",
        "ONLINE": "Online",
    },
    subjects={
        "MATH": "Mathematics",
        "ELA": "English",
        "SCI": "Science",
        "PE": "Physical education",
        "NONE": "No class",
    },
    arrangements={"WHOLE": "Whole group", "SMALL": "Small group", "INDIV": "Individual work", "TRANS": "Transition"},
    offenses={
        "DISRUPT": "Classroom disruption",
        "TARDY": "Late to class",
        "DEFY": "Defiance of authority",
        "PHONE": "Misuse of a device",
        "THREAT": "Threat or intimidation",
        "BULLY": "Bullying",
        "FIGHT": "Physical altercation",
        "VAPE": "Possession of a vaping device",
        "WEAPON": "Possession of a weapon",
        "HARASS": "Harassment",
        "THEFT": "Theft",
        "PRIVACY": "Sharing of another student's data",
    },
    weapons={"KNIFE": "Knife", "BLUNT": "Blunt object", "SPRAY": "Chemical spray", "REPLICA": "Replica of a firearm"},
    injuries={"NONE": "No injury", "MINOR": "Treated at school", "SERIOUS": "Treated elsewhere"},
    actions={
        "CONF": "Conference with student",
        "CALL": "Contact with parent",
        "DET": "Detention",
        "ISS": "In-school suspension",
        "OSS": "Out-of-school suspension",
        "BUSREM": "Removal from the bus",
        "COUNSEL": "Counseling",
    },
    attributes={
        "GANG": "Gang related",
        "BIAS": "Motivated by bias",
        "DRUG": "Drug related",
        "ALCOHOL": "Alcohol related",
    },
)


@cache
def code_lists_of(district: str) -> CodeLists:
    """The lists of a district; always the same."""
    if district == SPEAKING_DISTRICT:
        return _SPEAKING
    first = 1000 + int(hashlib.sha256(district.encode()).hexdigest()[:4], 16) % 8000
    lists = {}
    for each in fields(CodeLists):
        labels = getattr(_SPEAKING, each.name).values()
        lists[each.name] = {str(first + offset): label for offset, label in enumerate(labels)}
        first += 100
    return CodeLists(**lists)
