"""Which incidents are to be cases: for the rounds that read feeds, and for the commands that say what they would do."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.incidents import Decided
from remediation.domain.policy import Policy
from remediation.domain.status import Status
from remediation.domain.subjects import Subject, subject_of_incident
from remediation.ports import Rulebook
from remediation.queue import band_of
from remediation.store.cases.todo import Mark


@dataclass(frozen=True, slots=True)
class IncidentCase:
    """The case of an incident, the name of the rule that counts, and whether that names a tracker.

    `is_wanted`: it asks for a case where there is none, which it does not of an incident that was deleted.
    """

    mark: Mark
    rule: str
    is_taken: bool
    is_wanted: bool

    @property
    def ref(self) -> str:
        """The reference of the case."""
        return self.mark[0].ref


def incident_cases(
    rulebook: Rulebook, district: str, zone: ZoneInfo, decided: Iterable[Decided], now: float
) -> list[IncidentCase]:
    """The cases of these incidents at `now` (Unix seconds), wanted or not; their days begin in `zone`. Pure."""
    at = datetime.fromtimestamp(now, UTC)
    found: list[IncidentCase] = []
    for each in decided:
        key = CaseKey(district, CaseKind.INCIDENT, each.incident.uuid)
        subject = subject_of_incident(key, each, zone)
        ruling = rulebook.ruling(subject, at)
        is_taken, is_wanted = bool(ruling.policy.trackers), asks_for_case(subject, ruling.policy)
        found.append(IncidentCase((key, band_of(ruling.severity)), ruling.policy.rule, is_taken, is_wanted))
    return found


def asks_for_case(subject: Subject, policy: Policy) -> bool:
    """Whether the rule that counts asks for a case of this incident where there is none."""
    return bool(policy.trackers) and subject.status is not Status.GONE
