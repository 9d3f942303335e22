"""What rules can take, and which tickets they can ask for, told before any finding or incident is seen. Pure.

Kinds of finding are told apart by district, severity, domain_type and status, kinds of incident by district, type and
status. A set of kinds is a whole number with one bit for each kind, so that a thousand rules over thousands of kinds
take milliseconds. The answers follow from the meaning of the conditions, at any depth, and from the order of the rules,
not from how they are written. Conditions on site, path, age and codes may hold or not, as in three-valued logic; so
nothing that a finding or an incident may get is missing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

from remediation.domain.cases.records import CaseKind
from remediation.domain.findings import DomainType
from remediation.domain.incidents import IncidentType
from remediation.domain.ownership import Ground
from remediation.domain.status import Severity, Status
from remediation.mapping.config.rules import Match, Rule
from remediation.mapping.config.scan_summaries import ScanSummaries
from remediation.mapping.config.schema import Mappings


class Kind(NamedTuple):
    """A kind of finding, which has no type, or of incident, which has neither severity nor domain_type."""

    of: CaseKind
    district: str
    status: Status
    severity: Severity | None = None
    domain_type: DomainType | None = None
    type: IncidentType | None = None


_CONDITIONS = tuple(word for word in Kind._fields if word != "of")
"""The conditions that hold for all subjects of a kind or for none."""


class Reach(NamedTuple):
    """The kinds of which a rule may take subjects, and the kinds of which it takes every one."""

    may: int
    must: int


class Kinds:
    """Some kinds of finding and of incident, and the sets of them that conditions name."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self.kinds = kinds
        self.all = (1 << len(kinds)) - 1
        self._having: dict[tuple[str, str | None], int] = {}
        for number, kind in enumerate(kinds):
            for word, value in zip(Kind._fields, kind, strict=True):
                self._having[word, value] = self._having.get((word, value), 0) | 1 << number

    def having(self, word: str, values: Iterable[str]) -> int:
        """The kinds that have one of these values."""
        found = 0
        for value in values:
            found |= self._having.get((word, value), 0)
        return found

    def of(self, which: int) -> list[Kind]:
        """The kinds in a set."""
        return [kind for number, kind in enumerate(self.kinds) if which >> number & 1]

    def reach(self, rule: Rule) -> Reach:
        """The reach of a rule."""
        own, reach = self.having("of", [rule.kind]), self._reach(rule.match)
        return Reach(reach.may & own, reach.must & own)

    def plain(self, rule: Rule) -> int:
        """The kinds that a rule's conditions on kinds alone leave, without `any` and `not`."""
        return self.having("of", [rule.kind]) & self._plain(rule.match)

    def _reach(self, match: Match) -> Reach:
        plain = self._plain(match)
        reach = Reach(plain, 0 if is_particular(match) else plain)
        if match.any_of is not None:
            inner = self._either(match.any_of)
            reach = Reach(reach.may & inner.may, reach.must & inner.must)
        if match.none_of is not None:
            inner = self._either(match.none_of)
            reach = Reach(reach.may & ~inner.must, reach.must & ~inner.may)
        return reach

    def _plain(self, match: Match) -> int:
        found = self.all
        for word in _CONDITIONS:
            if (values := getattr(match, word)) is not None:
                found &= self.having(word, values)
        return found

    def _either(self, sets: Iterable[Match]) -> Reach:
        reach = Reach(0, 0)
        for inner in sets:
            own = self._reach(inner)
            reach = Reach(reach.may | own.may, reach.must | own.must)
        return reach


def is_particular(match: Match) -> bool:
    """Whether it depends on more than the kind."""
    return any(getattr(match, word) is not None for word in _PARTICULAR)


_PARTICULAR = Match.model_fields.keys() - {*_CONDITIONS, "any_of", "none_of"}
"""The conditions that may hold for one subject of a kind and not for another. A new condition is one of them."""

STATUSES = (Status.OPEN, Status.REVIEWING)
"""Only what is unsolved ever gets tickets."""


def kinds_of(mappings: Mappings) -> Kinds:
    """Every kind of finding and of incident that can get a ticket under this file.

    Incidents come only from districts that have a feed of them.
    """
    findings = product(mappings.districts, STATUSES, Severity, DomainType)
    feeding = [name for name, district in mappings.districts.items() if district.incidents]
    incidents = product(feeding, STATUSES, IncidentType)
    return Kinds(
        [
            *(Kind(CaseKind.FINDING, *each) for each in findings),
            *(Kind(CaseKind.INCIDENT, name, status, type=kind) for name, status, kind in incidents),
        ]
    )


def _left_to(mappings: Mappings, kinds: Kinds) -> Iterator[int]:
    """For each rule in order: the kinds that it may take, after earlier rules have taken theirs."""
    taken = 0
    for rule in mappings.rules:
        reach = kinds.reach(rule)
        yield reach.may & ~taken
        taken |= reach.must


def severities_left(mappings: Mappings) -> tuple[frozenset[Severity], ...]:
    """For each rule in order: the severities of what it may take."""
    kinds = kinds_of(mappings)
    return tuple(
        frozenset(severity for kind in kinds.of(left) if (severity := kind.severity or rule.severity))
        for rule, left in zip(mappings.rules, _left_to(mappings, kinds), strict=True)
    )


class Coverage:
    """The places in which tickets may be opened for the findings, the incidents and the scans of each district."""

    def __init__(self, mappings: Mappings) -> None:
        self._places: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._whole: defaultdict[str, set[str]] = defaultdict(set)
        kinds = kinds_of(mappings)
        having = {name: kinds.having("district", [name]) for name in mappings.districts}
        for rule, left in zip(mappings.rules, _left_to(mappings, kinds), strict=True):
            places = {tracker: _places(mappings, rule, tracker) for tracker in rule.tickets}
            for district, own in having.items():
                if left & own:
                    self._add(district, places)
        for district, written in mappings.districts.items():
            if (summary := summary_rule(written.scan_summary)) is not None:
                self._add(district, {tracker: _places(mappings, summary, tracker) for tracker in summary.tickets})

    def reaches(self, district: str, tracker: str) -> bool:
        """Whether anything of this district may get a ticket in this tracker."""
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


SUMMARY_RULE = "scan-summary"
"""Stands for the name of a rule where a summary is rendered."""


def summary_rule(words: ScanSummaries | None) -> Rule | None:
    """The words for a district's summaries in the form of a rule, which is how tickets are rendered; None for none."""
    if words is None:
        return None
    return Rule.model_construct(name=SUMMARY_RULE, detail=words.detail, tickets=words.tickets)


def place_of(mappings: Mappings, rule: Rule, tracker: str) -> str | None:
    """The place of the rule's ticket: a Jira project or a ServiceNow table; None where the rule has none."""
    ticket, config = rule.tickets.get(tracker), mappings.trackers.get(tracker)
    return (ticket.place or config.place) if ticket and config else None
