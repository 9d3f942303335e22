"""Which rule takes a finding: the first whose conditions all hold. Indexed: a thousand rules cost little."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from remediation.domain.findings import Finding
from remediation.mapping.config.paths import beginnings_of, fixed_beginning
from remediation.mapping.config.rules import Match, Rule
from remediation.mapping.rules.conditions import ANY_SITE, Facts, Test, facts_of, tests_of
from remediation.mapping.rules.verdicts import Kind, Kinds

_MOST_KINDS = 512
_DEEPEST_FOLDER = 4

_Shelf = tuple[str, tuple[str, ...]]
"""A pattern of sites and the beginning of a path: a rule needs to be tried only for findings that fit it."""

_ANYTHING: _Shelf = (ANY_SITE, ())


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A compiled rule: it takes a finding if all tests hold, which is possible only for one that fits a shelf."""

    rule: Rule
    tests: tuple[Test, ...]
    shelves: frozenset[_Shelf]


_Index = dict[_Shelf, list[int]]


class Matcher:
    """The compiled rules. Safe to share: its cache has a limited size."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._candidates = tuple(
            _Candidate(rule, tuple(test for _, test in tests_of(rule.match)), _shelves(rule.match)) for rule in rules
        )
        self._districts = frozenset(name for rule in rules for name in _districts(rule.match))
        self._depth = max((len(folders) for each in self._candidates for _, folders in each.shelves), default=0)
        self._indexes: dict[Kind, _Index] = {}

    def rule_for(self, finding: Finding, district: str, at: datetime) -> Rule | None:
        """The rule that takes this finding of this district at this moment, or None where no rule does."""
        facts = facts_of(finding, district, at)
        index = self._index(facts)
        folders = beginnings_of(facts.path, self._depth) if facts.path and self._depth else [()]
        found = [index[shelf] for shelf in product(facts.sites, folders) if shelf in index]
        for number in sorted({number for numbers in found for number in numbers}):
            candidate = self._candidates[number]
            if all(test(facts) for test in candidate.tests):
                return candidate.rule
        return None

    def _index(self, facts: Facts) -> _Index:
        """The rules that may take findings of this kind, by their shelves."""
        district = facts.district if facts.district in self._districts else ""  # rules cannot tell the others apart
        kind = Kind(district, facts.severity, facts.domain_type, facts.status)
        index = self._indexes.get(kind)
        if index is None:
            if len(self._indexes) >= _MOST_KINDS:
                self._indexes.clear()
            index = self._indexes[kind] = self._indexed(Kinds([kind]))
        return index

    def _indexed(self, kinds: Kinds) -> _Index:
        """Each rule that may take the kind; none after a rule that takes all of the kind."""
        index: _Index = {}
        for number, candidate in enumerate(self._candidates):
            reach = kinds.reach(candidate.rule.match)
            if reach.may:
                for shelf in (_ANYTHING,) if reach.must else candidate.shelves:
                    index.setdefault(shelf, []).append(number)
            if reach.must:
                break
        return index


def _shelves(match: Match) -> frozenset[_Shelf]:
    """The shelves of a rule: every finding that it takes fits at least one of them."""
    own = {(site, folders) for site in match.site or (ANY_SITE,) for folders in _folders(match)}
    if own == {_ANYTHING} and match.any_of is not None:
        return frozenset(shelf for inner in match.any_of for shelf in _shelves(inner))
    return frozenset(own)


def _folders(match: Match) -> set[tuple[str, ...]]:
    return {fixed_beginning(glob)[:_DEEPEST_FOLDER] for glob in match.path} if match.path else {()}


def _districts(match: Match) -> Iterator[str]:
    """Every district that the conditions name, at any depth."""
    yield from match.district or ()
    for inner in (*(match.any_of or ()), *(match.none_of or ())):
        yield from _districts(inner)
