"""The words in which tests, the demo and the fault suite change an incident.

    type                                              referral, minor or pending
    date                                              another day (ISO)
    bounced                                           true or false
    school, location, subject, arrangement, offense   a code
    description                                       a text
    attributes                                        [code]
    offenders                                         [{offenses?, weapons?, actions?: [code], injury?: code}]
    victims                                           [{attributes?: [code], injury?: code}]

All from `school` on, and `time` and `written_by`, may be null: the feed then leaves the node out. People and all that
is not named are drawn as before. A code need not be in the district's lists.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from sandbox.incident_feed.code_lists import CodeLists, code_lists_of
from sandbox.incident_feed.fakes import TYPES, drawn_action, drawn_details, drawn_offender, drawn_victim
from sandbox.incident_feed.values import Changes, Coded, IncidentDetails, KeptIncident, Offender, Victim

_LISTS = {
    "school": "schools",
    "location": "locations",
    "subject": "subjects",
    "arrangement": "arrangements",
    "offense": "offenses",
}
_LEFT_OUT = frozenset({"time", "written_by"})
_MANY = frozenset({"attributes", "offenders", "victims"})
_WORDS = frozenset({*_LISTS, *_LEFT_OUT, *_MANY, "description"})


def changed(incident: KeptIncident, changes: Changes) -> KeptIncident:
    """The incident with these changes put over earlier ones. Raises ValueError or TypeError for what cannot be."""
    rest = dict(changes)
    kind, day, bounced = (
        rest.pop("type", incident.type),
        rest.pop("date", incident.happened_on),
        rest.pop("bounced", None),
    )
    if kind not in TYPES:
        raise ValueError(f"an incident's type is one of {', '.join(TYPES)}")
    after = replace(
        incident,
        type=kind,
        happened_on=day if isinstance(day, date) else date.fromisoformat(day),
        is_bounced=incident.is_bounced if bounced is None else bool(bounced),
        changes={**incident.changes, **rest},
    )
    details_of(after)
    return after


def details_of(incident: KeptIncident) -> IncidentDetails:
    """All that the feed says of an incident. Raises ValueError or TypeError for changes that cannot be."""
    return replace(drawn_details(incident), **{name: _read(incident, name) for name in incident.changes})


def _read(incident: KeptIncident, name: str) -> Any:
    """What a change puts into the field of this name."""
    value, words = incident.changes[name], code_lists_of(incident.district)
    if name not in _WORDS or (name in _LEFT_OUT and value is not None):
        raise ValueError(f"nobody changes {name} of an incident so")
    if value is None:
        return () if name in _MANY else None
    match name:
        case "description":
            return str(value)
        case "attributes":
            return _all(words, name, value)
        case "offenders":
            return tuple(_offender(incident, place, _order(each)) for place, each in enumerate(value))
        case "victims":
            return tuple(_victim(incident, place, _order(each)) for place, each in enumerate(value))
        case _:
            return words.word(_LISTS[name], _code(value))


def _offender(incident: KeptIncident, place: int, order: Changes) -> Offender:
    words, drawn = code_lists_of(incident.district), drawn_offender(incident, place)
    after: dict[str, Any] = {name: _all(words, name, order[name]) for name in ("offenses", "weapons") if name in order}
    if "actions" in order:
        kinds = enumerate(_all(words, "actions", order["actions"]))
        actions = ((drawn_action(incident, place, turn), kind) for turn, kind in kinds)
        after["actions"] = tuple(replace(action, kind=kind, name=kind.label) for action, kind in actions)
    return replace(drawn, **after, **_injury(words, order))


def _victim(incident: KeptIncident, place: int, order: Changes) -> Victim:
    words, drawn = code_lists_of(incident.district), drawn_victim(incident, place)
    after: dict[str, Any] = {name: _all(words, name, order[name]) for name in ("attributes",) if name in order}
    return replace(drawn, **after, **_injury(words, order))


def _injury(words: CodeLists, order: Changes) -> dict[str, Any]:
    if "injury" not in order:
        return {}
    return {"injury": None if order["injury"] is None else words.word("injuries", _code(order["injury"]))}


def _all(words: CodeLists, name: str, codes: Iterable[object]) -> tuple[Coded, ...]:
    return tuple(words.word(name, _code(code)) for code in codes)


def _order(value: object) -> Changes:
    if not isinstance(value, Mapping) or not value.keys() <= {"offenses", "weapons", "actions", "attributes", "injury"}:
        raise ValueError("of an offender or a victim one changes lists of codes, and the injury")
    return value


def _code(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a code is a text")
    return value
