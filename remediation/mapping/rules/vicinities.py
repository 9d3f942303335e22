"""Where a finding or an incident is found by others, and where those are that the rules relate to it. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from remediation.domain.cases.records import CaseKind
from remediation.domain.cases.relations import KEPT_FOR, Spot, SpotKind, Vicinity, around
from remediation.domain.findings import Finding
from remediation.domain.incidents import Incident
from remediation.domain.subjects import Subject
from remediation.mapping.config.rules import Rule
from remediation.mapping.config.schema import District, Mappings


def vicinity_of(mappings: Mappings, subject: Subject, rule: Rule | None, at: datetime) -> Vicinity | None:
    """Returns the vicinity of a subject that this rule takes, None where it can have no relation.

    That is so where no rule relates incidents to findings there, where school, site or day are not known or not in the
    table of the district, and where its day is too far from `at`.
    """
    within, district = _within(mappings, rule), mappings.districts.get(subject.key.district)
    if within is None or district is None or not district.schools:
        return None
    own = _spot(subject, district)
    if own is None or abs(at.astimezone(district.incident_zone).date() - own.day) > KEPT_FOR:
        return None
    kind, names = _opposite(own, district)
    others = tuple(Spot(own.district, kind, name, day) for name in names for day in around(own.day, within))
    return Vicinity(own, others) if others else None


def sites_beside(mappings: Mappings, subject: Subject, rule: Rule) -> tuple[str, ...]:
    """Returns the sites with whose findings this rule relates an incident, whenever they were found; none otherwise."""
    district, school = mappings.districts.get(subject.key.district), getattr(subject.detail, "school", None)
    if district is None or rule.relate is None or school is None:
        return ()
    return tuple(district.schools.get(school.strip(), ()))


def _within(mappings: Mappings, rule: Rule | None) -> timedelta | None:
    """The time over which this rule relates its incidents; for a rule of findings, the longest of any rule's."""
    if rule is None:
        return None
    rules = [rule] if rule.kind is CaseKind.INCIDENT else mappings.rules
    return max((each.relate.within for each in rules if each.relate), default=None)


def _spot(subject: Subject, district: District) -> Spot | None:
    """Where and when: the day of an incident, and that on which a finding was first detected, by the feeds' clocks."""
    name, found = subject.key.district, subject.detail
    match found:
        case Incident(day=day, school=school) if day is not None and school is not None:
            return Spot(name, SpotKind.SCHOOL, school.strip(), day)
        case Finding(detected_at=at, site=site) if at is not None and site is not None:
            return Spot(name, SpotKind.SITE, site, at.astimezone(district.incident_zone).date())
        case _:
            return None


def _opposite(own: Spot, district: District) -> tuple[SpotKind, Sequence[str]]:
    """The sites of a school, or the schools that have a site."""
    if own.kind is SpotKind.SCHOOL:
        return SpotKind.SITE, district.schools.get(own.name, [])
    return SpotKind.SCHOOL, [code for code, sites in district.schools.items() if own.name in sites]
