"""Findings and incidents as subjects of cases of a district, for tests of rules."""

from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.findings import Finding
from remediation.domain.incidents import Decided, Incident
from remediation.domain.status import Status
from remediation.domain.subjects import Subject, subject_of, subject_of_incident


def found(finding: Finding, district: str = "lakeside") -> Subject:
    """The finding as the subject of its own case."""
    return subject_of(CaseKey(district, CaseKind.FINDING, finding.id), finding)


def reported(incident: Incident, decided: Status | None = None, district: str = "lakeside") -> Subject:
    """The incident as the subject of its own case."""
    return subject_of_incident(CaseKey(district, CaseKind.INCIDENT, incident.uuid), Decided(incident, decided))
