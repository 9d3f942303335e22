"""What would become of a finding or an incident, computed as a worker does. No other system is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from remediation.domain.actions import SetStatus, Why
from remediation.domain.cases.records import CaseKey, CaseKind
from remediation.domain.errors import ConfigurationError, Problem
from remediation.domain.findings import Finding
from remediation.domain.incidents import Decided
from remediation.domain.status import Status
from remediation.domain.subjects import Subject, subject_of, subject_of_incident
from remediation.domain.tickets import Ticket, TicketState
from remediation.mapping.config.policies import spelt_out
from remediation.mapping.config.routing import Routing
from remediation.mapping.config.rules import Rule
from remediation.mapping.config.suggestions import did_you_mean, listed
from remediation.mapping.config.words import duration_text
from remediation.mapping.explain.incident_samples import SampleIncident
from remediation.mapping.reading.loading import Loaded
from remediation.mapping.rules.vicinities import sites_beside
from remediation.rulebook import MappingsRulebook, MappingsRuling
from remediation.trackers.adapters import Preview, adapter_of

NOT_YET = "(new)"
"""Stands for the key of a ticket that would be opened."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The question: a finding or an incident of a district, judged at one moment."""

    subject: Subject
    at: datetime

    @property
    def key(self) -> CaseKey:
        """The key of its own case."""
        return self.subject.key


class Previews:
    """What one mappings.yaml would make of findings and incidents."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self._rulebook = MappingsRulebook(loaded.mappings)

    def previews(self, asked: Asked) -> tuple[Preview, ...]:
        """The tickets that it would get if it were open; none where no rule asks for any."""
        return self._previews(self._ruling(asked))

    def note(self, asked: Asked) -> str | None:
        """The note for `reviewing` once the tickets are open; None where there would be none, or nobody takes notes."""
        ruling = self._ruling(asked)
        tickets = tuple(Ticket(name, "", NOT_YET, "", TicketState.OPEN) for name in ruling.policy.trackers)
        return ruling.note(SetStatus(Status.REVIEWING, Why.NEW), tickets, asked.at) or None if tickets else None

    def routing(self, asked: Asked) -> Routing:
        """The rule, the tickets and the policy, as values that can be compared."""
        ruling = self._ruling(asked)
        tickets, rule = {preview.tracker: preview.words for preview in self._previews(ruling)}, ruling.rule
        return Routing(rule.name, tickets, self.choices(asked, rule)) if rule else Routing(None, tickets)

    def choices(self, asked: Asked, rule: Rule) -> Mapping[str, str | None]:
        """How the rule keeps its tickets in step, by the names of the choices, and what else it says of incidents."""
        if rule.kind is not CaseKind.INCIDENT:
            return {**spelt_out(rule), "group_by": ", ".join(rule.group_by or ()) or None}
        within = duration_text(rule.relate.within) if rule.relate else None
        sites = ", ".join(sites_beside(self.loaded.mappings, asked.subject, rule)) or None
        return {**spelt_out(rule), "severity": rule.severity, "relate.within": within, "relate.sites": sites}

    def _ruling(self, asked: Asked) -> MappingsRuling:
        return self._rulebook.ruling(asked.subject, asked.at)

    def _previews(self, ruling: MappingsRuling) -> tuple[Preview, ...]:
        trackers = self.loaded.mappings.trackers
        return tuple(
            _with_closing(adapter_of(trackers[name]).preview(name, ruling.draft(name)), ruling.closing_fields(name))
            for name in ruling.policy.trackers
        )


def asked_about(district: str, finding: Finding, at: datetime) -> Asked:
    """The finding as a case of the district."""
    return Asked(subject_of(CaseKey(district, CaseKind.FINDING, finding.id), finding), at)


def asked_about_incident(loaded: Loaded, district: str, sample: SampleIncident, at: datetime | None) -> Asked:
    """The incident as a case of the district. Without a moment, it is judged at the beginning of its day, or now."""
    key, zone = CaseKey(district, CaseKind.INCIDENT, sample.id), loaded.mappings.districts[district].incident_zone
    subject = subject_of_incident(key, Decided(sample.incident, sample.status), zone)
    return Asked(subject, at or subject.detected_at or datetime.now(UTC))


def district_of(loaded: Loaded, name: str | None) -> str:
    """The given name, or that of the only district. Raises ConfigurationError for an unknown name."""
    known = loaded.mappings.districts
    if name is None and len(known) == 1:
        return next(iter(known))
    if name in known:
        return name
    there = f"there is {listed(known)}{did_you_mean(name, known)}"
    says = f"say which district: {there}" if name is None else f"there is no district {name}; {there}"
    raise ConfigurationError([Problem(loaded.where, says)])


def _with_closing(preview: Preview, closing: Mapping[str, object]) -> Preview:
    words = {**preview.words, "close_fields": dict(closing)} if closing else preview.words
    return replace(preview, words=words, closing=closing)
