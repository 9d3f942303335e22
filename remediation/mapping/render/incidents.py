"""What the texts about an incident may speak of. A ticket says where to look, and not what happened."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from types import SimpleNamespace

from remediation.domain.incidents import Incident, IncidentType
from remediation.domain.outside_words import INCIDENT_CODE
from remediation.domain.status import Severity, Status
from remediation.mapping.render.templates import Vocabulary
from remediation.redaction import plain

_LONGEST_VALUE = 500
_NO_CODE = "(no code)"
"""Stands in texts for a code that is no word: somebody may have written there what happened, and to whom."""
_LONGEST_URL = 2_000

RESTRICTED_OF_INCIDENTS = frozenset({"school", "date", "offenses"})
"""The values of an incident that are undefined unless the rule says `detail: restricted`: together they may tell
somebody at the school who it was."""

INCIDENT_WORDS = Vocabulary(
    names=frozenset(),
    objects={
        "case": frozenset({"ref"}),
        "rule": frozenset({"name"}),
        "incident": RESTRICTED_OF_INCIDENTS
        | {"id", "type", "severity", "status", "weapons", "injuries", "actions"}
        | {"offenders", "victims", "due", "link"},
    },
)
"""The values that the templates of an incident's ticket may use. Codes of one kind stand in one text, with commas
between; a value that the feed did not give, and a count of nobody, is empty."""

_SHOWN_KINDS = (("weapons", "weapons"), ("injuries", "injuries"), ("actions", "actions"))
_HIDDEN_KINDS = (("school", "school"), ("offenses", "offenses"))


def incident_values(  # noqa: PLR0913 - each is a value of its own
    rule: str,
    ref: str,
    incident: Incident,
    *,
    severity: Severity = Severity.UNKNOWN,
    status: Status = Status.OPEN,
    due: datetime | None = None,
    link: str = "",
    restricted: bool = False,
) -> Mapping[str, object]:
    """The values of INCIDENT_WORDS: text, on one line, without control characters. `due` is in UTC."""
    values = {
        "id": incident.uuid,
        "type": incident.type.value,
        "severity": severity.value,
        "status": status.value,
        "weapons": _listed(incident.weapons),
        "injuries": _listed(incident.injuries),
        "actions": _listed(incident.actions),
        "offenders": str(incident.offenders or ""),
        "victims": str(incident.victims or ""),
        "due": f"{due:%Y-%m-%d}" if due else "",
    }
    if restricted:
        values |= {
            "school": _shown(incident.school) if incident.school else "",
            "date": incident.day.isoformat() if incident.day else "",
            "offenses": _listed(incident.offenses),
        }
    texts = {name: plain(value, _LONGEST_VALUE) for name, value in values.items()}
    texts["link"] = plain(link, _LONGEST_URL)
    return {"case": SimpleNamespace(ref=ref), "rule": SimpleNamespace(name=rule), "incident": SimpleNamespace(**texts)}


def change_of(before: Incident, after: Incident, *, restricted: bool) -> str:
    """What readers of a ticket may be told of a change: which codes came and went. Empty where nothing is to be told.

    Where the rule does not say `detail: restricted`, school and offenses are only said to have changed.
    """
    return "; ".join(_changes(before, after, restricted=restricted))


def _changes(before: Incident, after: Incident, *, restricted: bool) -> Iterator[str]:
    if before.type is not after.type and IncidentType.UNKNOWN not in {before.type, after.type}:
        yield f"type {before.type} to {after.type}"
    for name, words in (*_SHOWN_KINDS, *(_HIDDEN_KINDS if restricted else ())):
        was, now = _codes(before, name), _codes(after, name)
        signed = [*(f"+{code}" for code in _all_shown(now - was)), *(f"-{code}" for code in _all_shown(was - now))]
        if signed:
            yield f"{words} {' '.join(signed)}"
    if not restricted:
        for name, words in _HIDDEN_KINDS:
            if _codes(before, name) != _codes(after, name):
                yield f"{words} changed"


def _codes(incident: Incident, name: str) -> frozenset[str]:
    match getattr(incident, name):
        case str() as code:
            return frozenset({code})
        case None:
            return frozenset()
        case codes:
            return frozenset(codes)


def _listed(codes: tuple[str, ...]) -> str:
    return ", ".join(_all_shown(codes))


def _all_shown(codes: Collection[str]) -> list[str]:
    """The codes in their order; however many are none, they show as one, and after the others."""
    words = sorted(filter(INCIDENT_CODE.fits, codes))
    return words if len(words) == len(codes) else [*words, _NO_CODE]


def _shown(code: str) -> str:
    return INCIDENT_CODE.of(code) or _NO_CODE
