"""Which kept or shown incidents are to be cases, as the rounds of a worker decide it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from remediation.domain.cases import CaseKey, CaseKind
from remediation.domain.incidents import Decided
from remediation.domain.subjects import subject_of_incident
from remediation.ports import Rulebook
from remediation.queue import band_of
from remediation.store.cases.todo import Mark

Taken = tuple[str, Mark]
"""The name of the rule that takes an incident, and its case."""


def taken(rulebook: Rulebook, district: str, zone: ZoneInfo, decided: Iterable[Decided], now: float) -> list[Taken]:
    """The cases of those that a rule takes, and that are not deleted. Pure."""
    at = datetime.fromtimestamp(now, UTC)
    found: list[Taken] = []
    for each in decided:
        key = CaseKey(district, CaseKind.INCIDENT, each.incident.uuid)
        ruling = rulebook.ruling(subject_of_incident(key, each, zone), at)
        if ruling.policy.trackers and not each.incident.is_deleted:
            found.append((ruling.policy.rule, (key, band_of(ruling.severity))))
    return found
