"""Which incidents and findings may have to do with each other: a school's, and its sites', within some days."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from remediation.domain.cases.records import Link

KEPT_FOR = timedelta(days=100)
"""How far from its day a case may be looked at and still be related to others, or found by them."""

MOST_RELATED = 5
"""The most findings' tickets of which one ticket of an incident is told."""


class SpotKind(StrEnum):
    """What a case is found by: a finding by its site, an incident by its school's code."""

    SITE = "site"
    SCHOOL = "school"


@dataclass(frozen=True, slots=True)
class Spot:
    """A site or a school of a district, on one day."""

    district: str
    kind: SpotKind
    name: str
    day: date

    @property
    def text(self) -> str:
        """All of it in one text, which no other spot has."""
        return f"{self.district}\n{self.kind}\n{self.day.isoformat()}\n{self.name}"


@dataclass(frozen=True, slots=True)
class Vicinity:
    """Where a case is found by others, and the spots of all cases that it may be related to."""

    own: Spot
    others: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class RelatedCase:
    """A finding's case that an incident is related to: the last part of its reference, and its tickets by tracker."""

    case: str
    links: Mapping[str, Link]

    def link_for(self, tracker: str) -> Link | None:
        """The ticket of which one in this tracker is told: that of the same tracker, or else the first by name."""
        return self.links.get(tracker) or next((self.links[name] for name in sorted(self.links)), None)


def around(day: date, within: timedelta) -> tuple[date, ...]:
    """Every day up to so many days before and after this one."""
    return tuple(day + timedelta(days=number) for number in range(-within.days, within.days + 1))
