"""Which tickets the rules of a file can ask for at all: in which places of which trackers, for which districts. Pure.

It follows from the meaning of the conditions, at any depth, and from the order of the rules, not from how they are
written. Of conditions on site, path and age only that they may hold is known, so nothing that a finding may get is
missing.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import product

from remediation.domain.findings import DomainType
from remediation.domain.ownership import Ground
from remediation.domain.status import Severity, Status
from remediation.mapping.config.rules import Rule
from remediation.mapping.config.schema import Mappings
from remediation.mapping.rules.places import place_of
from remediation.mapping.rules.verdicts import Kind, Kinds

STATUSES = (Status.OPEN, Status.REVIEWING)
"""The only findings that ever get tickets."""


def kinds_of(mappings: Mappings) -> Kinds:
    """Every kind of finding that can get a ticket under this file."""
    return Kinds([Kind(*each) for each in product(mappings.districts, Severity, DomainType, STATUSES)])


def left_to(mappings: Mappings, kinds: Kinds) -> Iterator[int]:
    """For each rule in order: the kinds of finding that it may take, after earlier rules have taken theirs."""
    taken = 0
    for rule in mappings.rules:
        reach = kinds.reach(rule.match)
        yield reach.may & ~taken
        taken |= reach.must


def severities_left(mappings: Mappings) -> tuple[frozenset[Severity], ...]:
    """For each rule in order: the severities of the findings that it may take."""
    kinds = kinds_of(mappings)
    return tuple(frozenset(kind.severity for kind in kinds.of(left)) for left in left_to(mappings, kinds))


class Coverage:
    """The places in which the rules may open tickets, for the findings of each district."""

    def __init__(self, mappings: Mappings) -> None:
        self._places: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._whole: defaultdict[str, set[str]] = defaultdict(set)
        kinds = kinds_of(mappings)
        having = {name: kinds.having("district", [name]) for name in mappings.districts}
        for rule, left in zip(mappings.rules, left_to(mappings, kinds), strict=True):
            places = {tracker: _places(mappings, rule, tracker) for tracker in rule.tickets}
            for district, own in having.items():
                if left & own:
                    self._add(district, places)

    def reaches(self, district: str, tracker: str) -> bool:
        """Whether a finding of this district may get a ticket in this tracker."""
        return (district, tracker) in self._places

    def ground(self, district: str, tracker: str, place: str) -> Ground:
        """Whose tickets are opened in this place of the tracker: a project or a table, in any case of letters."""
        name = place.casefold()
        if name in self._places.get((district, tracker), ()):
            return Ground.OWN
        return Ground.OTHERS if name in self._whole.get(tracker, ()) else Ground.NOBODYS

    def _add(self, district: str, places: dict[str, frozenset[str]]) -> None:
        for tracker, names in places.items():
            self._places[district, tracker] |= names
            self._whole[tracker] |= names


def _places(mappings: Mappings, rule: Rule, tracker: str) -> frozenset[str]:
    """The place in which the rule's ticket is opened in this tracker, and the tracker's former places."""
    places = (place_of(mappings, rule, tracker), *mappings.trackers[tracker].former_places)
    return frozenset(name.casefold() for name in places if name)
